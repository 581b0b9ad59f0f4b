"""The least that must be inserted into a wrong program: flushes and fences, as few as mend it.

What may be inserted are slots, as in an ablation (`ablation.py`); while evictions are on, one more never adds a run, so
that a set suffices where a smaller one does. A smallest sufficient set is a smallest hitting set: of what each largest
insufficient set leaves out, something must be in it (Ignatiev et al., Smallest MUS Extraction, CP 2015). Insufficient
sets are met one after the other, until a smallest set that hits what all of them left out suffices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import z3

from fencepost.proofs.interruptible import Solver
from fencepost.proofs.timestamps.encoding import Slot
from fencepost.proofs.timestamps.oracle import GaveUp, Reaching, Slots


@dataclass(frozen=True)
class Repair:
    """What mends a wrong program, in words; none where even all insertions together do not.

    inserted      the insertions, in the order of the program; with any one of them less it is wrong again
    is_smallest   no fewer mend it; else that was not decided within the time
    bound         how many places were tried, and how far the search for fewer came
    """

    inserted: tuple[str, ...]
    is_smallest: bool
    bound: str
    is_mended: bool = True


def repair(oracle: Reaching, texts: Mapping[Slot, str]) -> Repair:
    """Return the least insertions that suffice. `texts` has every insertion in words, those to prefer first.

    Raises GaveUp where nothing was found within the oracle's time.
    """
    slots = list(texts)
    everything = frozenset(slots)
    if oracle.reachable(everything):
        return Repair((), False, f"all {len(slots)} insertions together", is_mended=False)
    least = _without_any_more(oracle, slots)
    count = f"{len(slots)} places for a flush or a fence"
    try:
        found = _smallest(oracle, slots, len(least))
    except GaveUp as reason:
        return Repair(_said(least, texts), False, f"{count}; whether fewer suffice is not known: {reason}")
    return Repair(_said(found or least, texts), True, f"{count}; no fewer suffice, by all sets of them")


def _said(chosen: Slots, texts: Mapping[Slot, str]) -> tuple[str, ...]:
    return tuple(texts[slot] for slot in sorted(chosen))


def _without_any_more(oracle: Reaching, slots: list[Slot]) -> Slots:
    """Return a sufficient set of which nothing can be left out; what is to be preferred is left out last."""
    kept = frozenset(slots)
    for slot in reversed(slots):
        if not oracle.reachable(kept - {slot}):
            kept -= {slot}
    return kept


def _smallest(oracle: Reaching, slots: list[Slot], known_count: int) -> Slots | None:
    """Return a smallest sufficient set with fewer than so many slots; None where there is none."""
    chosen = {slot: z3.Bool(f"in {slot[0]}.{slot[1]}") for slot in slots}
    solver, count = Solver(), 0
    while count < known_count:
        proposed = _of_size(solver, chosen, count)
        if proposed is None:
            count += 1
        elif not oracle.reachable(proposed):
            return proposed
        else:
            for slot in slots:
                if slot not in proposed and oracle.reachable(proposed | {slot}):
                    proposed |= {slot}
            solver.add(z3.Or(*(chosen[slot] for slot in slots if slot not in proposed)))
    return None


def _of_size(solver: Solver, chosen: Mapping[Slot, z3.BoolRef], count: int) -> Slots | None:
    """Return a set of at most so many slots that hits everything that was left out; None where there is none."""
    if solver.check(z3.AtMost(*chosen.values(), count)) != z3.sat:
        return None
    model = solver.model()
    return frozenset(slot for slot, each in chosen.items() if z3.is_true(model.eval(each, model_completion=True)))
