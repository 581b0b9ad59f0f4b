"""What happens in a protocol: each action and each `sometimes`, so that no promise holds for want of events.

Random walks show most of it in milliseconds. What they miss is asked of the statements that were proved, which may
exclude it in any size, and then searched for in a small instance. Every run that is walked for this is held against the
promises that nothing was found out about, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fencepost.model.contract import Verdict
from fencepost.model.instance import Instance
from fencepost.model.language import TRUTH, Protocol, Statement, Term, Transition
from fencepost.model.language.terms import lift
from fencepost.model.trace import Trace
from fencepost.model.walk import WALK_COUNT, walk
from fencepost.proofs.bounded import shortest
from fencepost.proofs.induction import Induction, assuming, candidates_of
from fencepost.proofs.symbolic import ArbitraryState, constants, instance, naturals

EVERY_ACTION = "every action happens"


@dataclass(frozen=True)
class Happening:
    """That every action happens, or that one `sometimes` is reached: proved, by runs that show it, or unknown.

    `bound` says how long those runs are; of what was never seen, what it is and where it was searched for.
    """

    name: str
    verdict: Verdict
    bound: str


def happenings(
    protocol: type[Protocol],
    induction: Induction,
    *,
    depth: int,
    bounds: Instance,
    watched: Mapping[str, Statement] | None = None,
) -> tuple[tuple[Happening, ...], dict[str, Trace]]:
    """Return one row for all actions of a protocol together, then one for each `sometimes`.

    A search of what random walks miss goes up to `depth` steps of the instance `bounds`. The other value has, by name,
    a run that breaks each of the statements `watched` that some walked run breaks, at any depth.
    """
    coverage = walk(protocol, bounds=bounds, watched=watched)
    search = _Search(protocol, induction, depth, bounds)
    enabled = {name: _enabled(each) for name, each in protocol.actions.items()}
    actions = search.lengths(enabled, {name: len(run) for name, run in coverage.actions.items()})
    reached = search.lengths(protocol.witnesses, {name: len(run) for name, run in coverage.witnesses.items()})
    if never := [f"never {name}: {why}" for name, why in actions.items() if isinstance(why, str)]:
        first = Happening(EVERY_ACTION, Verdict.UNKNOWN, "; ".join(never))
    elif not actions:
        first = Happening(EVERY_ACTION, Verdict.UNKNOWN, "there is no action, so nothing ever happens")
    else:
        longest = max(length for length in actions.values() if isinstance(length, int))
        first = Happening(EVERY_ACTION, Verdict.PROVED, f"runs of up to {longest} steps")
    return (first, *(_sometimes(name, length) for name, length in reached.items())), coverage.violations


def _sometimes(name: str, length: int | str) -> Happening:
    if isinstance(length, int):
        return Happening(f"sometimes {name}", Verdict.PROVED, f"a run of {length} steps")
    return Happening(f"sometimes {name}", Verdict.UNKNOWN, f"never: {length}")


def _enabled(transition: Transition) -> Statement:
    """Return, as a `sometimes`, that an action may happen."""
    condition = Term("and", transition.guards, TRUTH) if transition.guards else lift(True)
    return Statement(transition.name, transition.name, transition.parameters, condition)


@dataclass(frozen=True)
class _Search:
    """Where conditions that no random walk met are looked for."""

    protocol: type[Protocol]
    induction: Induction
    depth: int
    bounds: Instance

    def lengths(self, conditions: Mapping[str, Statement], walked: Mapping[str, int]) -> dict[str, int | str]:
        """Return by name how many steps a run to each condition has, or why there is no run to show."""
        return {name: walked.get(name) or self._length(each) for name, each in conditions.items()}

    def _length(self, condition: Statement) -> int | str:
        if self._is_excluded(condition):
            return "what is proved of every state, in any size, excludes it"
        found = shortest(self.protocol, condition, depth=self.depth, bounds=self.bounds, witness=True)
        if found.steps is not None:
            return len(found.steps)
        steps = f"{found.depth} steps, where the search gave up" if found.gave_up else f"{self.depth} steps"
        return f"not in {WALK_COUNT} random walks, nor in {steps} of {self.bounds}"

    def _is_excluded(self, condition: Statement) -> bool:
        """Say whether the statements that are proved leave no state where the condition holds for some values."""
        candidates = candidates_of(self.protocol)
        proved = {name: candidates[name] for name in candidates if name in self.induction.proved}
        solver = assuming(self.protocol, proved, self.induction.solving)
        values = constants(condition.parameters, "!")
        solver.add(*naturals(condition.parameters, values))
        solver.add(instance(condition, ArbitraryState(), values, self.protocol.fields))
        answer, _ = self.induction.solving.decide(solver, f"{self.protocol.name}.never.{condition.name}")
        return answer == "unsat"
