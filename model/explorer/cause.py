"""Why a run breaks its property: one sentence, and the two steps that conflict, found by asking what would have been.

Some promises name their cause themselves (`promise_cause.py`). A stale read is a cause when the run does not get to the
violation with the newer value in its place. Where no read was stale it is the order of steps (`order_cause.py`).
"""

from __future__ import annotations

from fencepost.model.errors import NotAccepted
from fencepost.model.explorer.order_cause import Cause, of_the_end, of_the_order
from fencepost.model.explorer.promise_cause import of_the_promise
from fencepost.model.explorer.run_trace import Run
from fencepost.model.explorer.schedule import follow
from fencepost.model.explorer.stale import Stale, reading, stale_reads, stale_waits, stale_words
from fencepost.model.memory.lines import LinesChanged


def cause(made: Run) -> Cause:
    """Return why a run that breaks a property does."""
    at_end = made.states[-1].watch.violation is None
    named = None if at_end else of_the_promise(made)
    if named is not None:
        return named
    if at_end:
        waiting = next(iter(sorted(stale_waits(made), key=lambda each: not _is_about(made, each))), None)
        if waiting is not None:
            return Cause(stale_words(made, waiting), ((waiting.stored_at, waiting.writer),))
    thread = None if at_end else made.events[-1].actor[0]
    stale = next((each for each in stale_reads(made, thread) if _matters(made, each)), None)
    if stale is not None:
        return Cause(stale_words(made, stale), ((stale.stored_at, stale.writer), (stale.step, stale.thread)))
    return of_the_end(made) if at_end else of_the_order(made)


def _is_about(made: Run, stale: Stale) -> bool:
    """Say whether a thread that waits works on the ring that the violation names."""
    number = made.system.threads[stale.thread].name.split()[-1]
    return made.violation is not None and f"of ring {number}" in made.violation.sentence


def _matters(made: Run, stale: Stale) -> bool:
    """Say whether the run gets to its violation only with this read as it was."""
    known = made.system.lines.copy()
    try:
        return _decides(made, stale)
    except LinesChanged:  # with another value a thread works on lines that it leaves alone here: that is another run
        made.system.lines.forget(known)
        return True


def _decides(made: Run, stale: Stale) -> bool:
    system, step = made.system, stale.step
    read = reading(made.events[step])
    assert read is not None
    options = system.transitions(made.states[step - 1])[made.events[step].actor]
    newer = []
    for choice, _ in options:
        _, event = system.perform(made.states[step - 1], made.events[step].actor, (choice, False))
        again = reading(event)
        if again is not None and again[0] == read[0] and again[1] == stale.newer:
            newer.append(choice)
    if not newer:
        return stale.where != "buffer" or made.system.profile.one_host or step == made.last
    return not all(_still_violates(made, step, choice) for choice in newer)


def _still_violates(made: Run, step: int, choice: tuple[object, ...]) -> bool:
    trace = made.trace
    actor, _ = trace.schedule[step - 1]
    schedule = (*trace.schedule[: step - 1], (actor, choice), *trace.schedule[step:])
    try:
        found = follow(made.system, schedule, trace.origin.subject().judge).violation
    except NotAccepted:
        return False
    return found is not None and made.violation is not None and found.property == made.violation.property
