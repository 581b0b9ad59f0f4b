"""Why a run breaks its property: one sentence, and the two steps that conflict, found by asking what would have been.

Some promises name their cause themselves (`promise_cause.py`). Else the run is walked back from the judgement through
the values that it depended on (`knowledge.py`) to the first that went wrong: an older value than the reader was owed,
or one that another thread changed between a read and the write that came of it (`interference.py`). Reads that were
merely first are blamed from the end backwards. Nothing is blamed without which the run breaks its property all the same
(`counterfactual.py`). Where there is none of these it is the order of steps (`order_cause.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from fencepost.model.explorer.counterfactual import decides, ends_the_wait, is_of_the_end, stored_later
from fencepost.model.explorer.explain.handed_over import handed_over_early, left_out_words
from fencepost.model.explorer.explain.order_cause import Cause, of_the_end, of_the_order, who
from fencepost.model.explorer.explain.outdated import gone_by_what_was
from fencepost.model.explorer.explain.promise_cause import of_the_promise
from fencepost.model.explorer.explain.stale import (
    Stale,
    reading,
    stale_reads,
    stale_waits,
    stale_words,
    step_name,
    stores,
)
from fencepost.model.explorer.interference import (
    Interference,
    deciding_pair,
    interferences,
    never_stored,
    overwriting,
    pair_words,
)
from fencepost.model.explorer.knowledge import Knowledge
from fencepost.model.explorer.states.formatting import value_words, word_is
from fencepost.model.explorer.states.stuck import Stuck, interrupted_after
from fencepost.model.explorer.subjects import ProgramOrigin, SequencerOrigin
from fencepost.model.explorer.traces.run_trace import Run
from fencepost.model.memory.lazy import Entry
from fencepost.model.programs.operations import Address, CompareExchange, Exchange, FetchAdd

SECONDS_MOST = 20.0  # a program may go round for ever where it was never explored


def cause(made: Run) -> Cause:
    """Return why a run that breaks a property does."""
    known = made.system.lines.copy()
    try:
        with interrupted_after(SECONDS_MOST):
            found = _cause(made)
    except Stuck:
        made.system.lines.forget(known)
        found = of_the_end(made) if is_of_the_end(made) else of_the_order(made)
    return found._replace(sentence=found.sentence + _returned(made))


def _cause(made: Run) -> Cause:
    at_end = is_of_the_end(made)
    named = None if at_end else of_the_promise(made)
    if named is not None:
        return named
    waiting = next(_waits(made), None) if at_end else None
    if waiting is not None:
        return Cause(stale_words(made, waiting), ((waiting.stored_at, waiting.writer),))
    knowledge = Knowledge(made)
    found = _went_wrong(made, knowledge) or gone_by_what_was(made, knowledge) or _came_early(made, knowledge)
    return found or _of_order(made)


def _waits(made: Run) -> Iterator[Stale]:
    """Yield the words at which a thread waits for ever though something new would mend the run."""
    for each in sorted(stale_waits(made), key=lambda each: not _is_about(made, each)):
        if ends_the_wait(made, each.thread, each.address, each.newer):
            yield each


def _is_about(made: Run, stale: Stale) -> bool:
    """Say whether a thread that waits works on the ring that the violation names."""
    number = made.system.threads[stale.thread].name.split()[-1]
    return made.violation is not None and f"of ring {number}" in made.violation.sentence


def _went_wrong(made: Run, knowledge: Knowledge) -> Cause | None:
    """Return the first value on the way to the judgement that went wrong, else the last that was only older."""
    judging = None if is_of_the_end(made) else made.events[-1].actor[0]
    stale = [
        each
        for each in stale_reads(made)
        if knowledge.reached(each.step, each.thread, judging) and (each.where != "buffer" or _overtaken(made, each))
    ]
    wrong: list[Stale | Interference] = [each for each in stale if knowledge.is_owed(made, each)]
    is_contract = isinstance(made.trace.origin, SequencerOrigin)  # its own words say what came between
    changed = [] if is_contract and judging is not None else list(interferences(made))
    wrong += [each for each in changed if knowledge.reached(each.read.step, each.read.thread, judging)]
    first = next((each for each in sorted(wrong, key=_when) if _matters(made, each)), None)
    if first is None:
        own = (each for each in stale if judging in (None, each.thread) or each.where == "buffer")
        first = next((each for each in own if _matters(made, each)), None)
    if isinstance(first, Interference):
        return Cause(first.sentence(made), tuple((each.step, each.thread) for each in (first.between[-1], first.write)))
    early = handed_over_early(made, knowledge, first) if first is not None else None
    if early is not None:
        return early
    if first is not None:
        steps = ((first.stored_at, first.writer), (first.step, first.thread))
        return Cause(stale_words(made, first) + _beside(made, knowledge, first), steps)
    return None


def _overtaken(made: Run, stale: Stale) -> bool:
    """Say whether the writer had gone on to a load while the store that another missed waited in its buffer.

    Where it had not, the store would have come too late without a buffer as well, and no fence would help.
    """
    later = range(stale.stored_at + 1, made.last + 1)
    drains = (
        n
        for n in later
        if any(
            isinstance(act.what, Entry) and act.thread == stale.writer and stores(act) == (stale.address, stale.newer)
            for act in made.events[n].acts
        )
    )
    until = next(drains, made.last + 1)
    return any(
        made.events[n].actor[0] == stale.writer and reading(made.events[n]) is not None for n in later if n < until
    )


def _beside(made: Run, knowledge: Knowledge, stale: Stale) -> str:
    """Say of a stale read which other had the same, if it counted by it, what its writer left out, or who told it."""
    act = made.events[stale.step].acts[0]
    if isinstance(act.what, FetchAdd | Exchange | CompareExchange):
        same = [
            (step, each.thread)
            for step in range(stale.step - 1, 0, -1)
            for each in made.events[step].acts[:1]
            if each.what == act.what and each.thread != act.thread and each.result == act.result
        ]
        return f"; {who(made, same[0][1])} had found the same at {step_name(same[0][0])}" if same else ""
    told_at = knowledge.told_at(stale)
    if told_at is not None:
        return left_out_words(made, knowledge, stale, told_at) if stale.where == "cache" else ""
    return _by(made, knowledge, stale.step, stale.thread, stale.writer)


def _by(made: Run, knowledge: Knowledge, step: int, thread: int, writer: int) -> str:
    """Say what of another thread a reader had gone by, which that stored before what it should have found."""
    told = None if isinstance(made.trace.origin, SequencerOrigin) else knowledge.told_by(made, step, thread, writer)
    read = reading(made.events[told[0]]) if told is not None else None
    if told is None or read is None:
        return ""
    found = f"{word_is(read[0], read[1])}, which {who(made, writer)} had stored before that at {step_name(told[1])}"
    return f"; {who(made, thread)} went by {found}"


def _came_early(made: Run, knowledge: Knowledge) -> Cause | None:
    """Return the cause where a thread read what another had not stored yet."""
    if is_of_the_end(made) or isinstance(made.trace.origin, SequencerOrigin):
        return None
    thread = made.events[-1].actor[0]
    for step in range(made.last, 0, -1):
        read = reading(made.events[step])
        later = stored_later(made, step) if read is not None and made.events[step].actor[0] == thread else None
        if read is None or later is None or not decides(made, step, later[1]):
            continue
        writer, value = later
        found = f"{who(made, thread)} loaded {word_is(read[0], read[1])} at {step_name(step)}"
        sentence = f"{found}, before {who(made, writer)} stored {value_words(value)}"
        told = knowledge.told_by(made, step, thread, writer)
        other = (told[1], writer) if told is not None else _stored_after(made, step, writer, (read[0], value))
        steps = tuple(dict.fromkeys((*((other,) if other is not None else ()), (step, thread))))
        if len(steps) == 1 and step != made.last:
            steps = (*steps, (made.last, thread))
        return Cause(sentence + _by(made, knowledge, step, thread, writer), tuple(sorted(steps)))
    return None


def _stored_after(made: Run, step: int, writer: int, word: tuple[Address, object]) -> tuple[int, int] | None:
    """Return the step, with its thread, at which a value was stored after it was looked for, if that was in the run."""
    acts = ((number, act) for number in range(step + 1, made.last + 1) for act in made.events[number].acts)
    return next(((number, writer) for number, act in acts if act.thread == writer and stores(act) == word), None)


def _when(suspect: Stale | Interference) -> tuple[int, bool]:
    """Return the step of a read; of one step, what came between counts for more than where the value was."""
    return (suspect.step, True) if isinstance(suspect, Stale) else (suspect.read.step, False)


def _matters(made: Run, suspect: Stale | Interference) -> bool:
    return suspect.decides(made) if isinstance(suspect, Interference) else decides(made, suspect.step, suspect.newer)


def _of_order(made: Run) -> Cause:
    if not is_of_the_end(made):
        return of_the_order(made)
    is_contract = isinstance(made.trace.origin, SequencerOrigin)
    lost = None if is_contract else overwriting(made)
    pair = None if is_contract else lost or deciding_pair(made)
    found = of_the_end(made)
    ended = found if is_contract or lost else found._replace(sentence=found.sentence + never_stored(made))
    if pair is None:
        return ended
    waiting = "" if _all_ended(made) else f"; {ended.sentence}"
    return Cause(
        pair_words(made, *pair, "was overwritten by" if lost else "came before") + waiting,
        tuple((each.step, each.thread) for each in pair),
    )


def _all_ended(made: Run) -> bool:
    return all(node.operation is None for node in made.states[-1].nodes)


def _returned(made: Run) -> str:
    """Say what a judge of an end was given, where it was given anything."""
    nodes = made.states[-1].nodes
    if not isinstance(made.trace.origin, ProgramOrigin) or not is_of_the_end(made) or not _all_ended(made):
        return ""
    said = [
        f"{thread.name} returned {value_words(node.returned[0])}"
        for thread, node in zip(made.system.threads, nodes, strict=True)
        if isinstance(node.returned, tuple) and node.returned[0] is not None
    ]
    return f"; {', '.join(said)}" if said else ""
