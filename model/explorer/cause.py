"""Why a run breaks its property: one sentence, and the two steps that conflict, found by asking what would have been.

A stale read is a cause when the run does not get to the violation with the newer value in its place. A step conflicts
with the violating one when the contract has no objection to the run without it. Where neither is found, the last step
of another thread that the violating one comes after is named.
"""

from __future__ import annotations

from typing import NamedTuple

from fencepost.model.errors import NotAccepted
from fencepost.model.explorer.order import Order
from fencepost.model.explorer.run_trace import Run
from fencepost.model.explorer.schedule import follow
from fencepost.model.explorer.stale import Stale, reading, stale_reads, stale_waits, stale_words, step_name
from fencepost.model.explorer.state import State
from fencepost.model.explorer.watch import Watch
from fencepost.model.explorer.words import operation_words, step_words
from fencepost.model.programs.operations import line_of


class Cause(NamedTuple):
    """The sentence, and the conflicting (step, thread); one where it conflicts with nothing but the end of the run."""

    sentence: str
    steps: tuple[tuple[int, int], ...]


def cause(made: Run) -> Cause:
    """Return why a run that breaks a property does."""
    at_end = made.states[-1].watch.violation is None
    if at_end:
        waiting = next(stale_waits(made), None)
        if waiting is not None:
            return Cause(stale_words(made, waiting), ((waiting.stored_at, waiting.writer),))
    thread = None if at_end else made.events[-1].actor[0]
    stale = next((each for each in stale_reads(made, thread) if _matters(made, each)), None)
    if stale is not None:
        return Cause(stale_words(made, stale), ((stale.stored_at, stale.writer), (stale.step, stale.thread)))
    return _end_cause(made) if at_end else _order_cause(made)


def _matters(made: Run, stale: Stale) -> bool:
    """Say whether the run gets to its violation only with this read as it was."""
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
        return stale.where != "buffer" or made.system.profile.one_host
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


# --- the order of steps ---


def _order_cause(made: Run) -> Cause:
    """Name the step of another thread that came between two of the violating thread's."""
    last = made.last
    thread = made.events[last].actor[0]
    other = _conflicting(made)
    between = other is not None and made.events[other].actor[0] != thread
    if other is None:
        other = _last_of_another(made)
    if other is None:
        return Cause(f"{_who(made, last)} did it alone, at {step_name(last)}", ((last, thread),))
    before = max((n for n in range(1, other) if made.events[n].actor[0] == thread), default=None)
    if not between and made.events[other].actor[0] != thread:
        pending = made.states[last].nodes[made.events[other].actor[0]].operation
        name = _who(made, other)
        went_on = f"{name} ended" if pending is None else f"{name} went on to {operation_words(pending)}"
        return Cause(
            f"{_did(made, last)} came after {_did(made, other)} and before {went_on}",
            _both(made, other, last),
        )
    if not between:
        return Cause(f"{_did(made, other)} and {_did(made, last)} are of one thread", _both(made, other, last))
    if before is None:
        return Cause(f"{_did(made, other)} came before {_did(made, last)}", _both(made, other, last))
    return Cause(
        f"{_did(made, other)} came between {_did(made, before)} and {_did(made, last)}", _both(made, other, last)
    )


def _conflicting(made: Run) -> int | None:
    """Return the latest step without which the contract has no objection, up to and including the last step."""
    steps = [number for number in range(1, made.last) if any(act.step for act in made.events[number].acts)]
    return next((without for without in reversed(steps) if _watched(made, without).violation is None), None)


def _watched(made: Run, without: int) -> Watch:
    """Return the watch that saw all steps of a run but one."""
    watch = made.states[0].watch
    for number in range(1, made.last + 1):
        for act in made.events[number].acts:
            if act.step is not None and number != without:
                state = made.states[number]
                watch = watch.after(act.step, tuple(_inspect(made, state, each) for each in watch.asks(act.step)))
    return watch


def _inspect(made: Run, state: State, address: tuple[str | int, ...]) -> object:
    return made.system.memory.memory(state.cells, line_of(address)).get(address[-1], 0)


def _last_of_another(made: Run) -> int | None:
    """Return the last step of another thread that the last step comes after."""
    order = Order(made.system)
    order.begin(made.events[0])
    for event in made.events[1:]:
        order.push(event)
    past, thread = order.past[-1], made.events[-1].actor[0]
    others = (n for n in range(made.last - 1, 0, -1) if past >> n - 1 & 1 and made.events[n].actor[0] != thread)
    return next(others, None)


def _end_cause(made: Run) -> Cause:
    """Say who waits for what where no thread can go on."""
    waiting = [
        f"{thread.name} waits to {operation_words(node.operation)}"
        for thread, node in zip(made.system.threads, made.states[-1].nodes, strict=True)
        if node.operation is not None
    ]
    return Cause(f"nothing can go on after {step_name(made.last)}: {'; '.join(waiting) or 'all have ended'}", ())


def _both(made: Run, one: int, other: int) -> tuple[tuple[int, int], ...]:
    return tuple((step, made.events[step].actor[0]) for step in (one, other))


def _who(made: Run, step: int) -> str:
    return made.system.threads[made.events[step].actor[0]].name


def _did(made: Run, step: int) -> str:
    """Return a step as `scanner 0's step 4 [claim(...)]`."""
    done = next((f" {step_words(act.step)}" for act in made.events[step].acts if act.step is not None), "")
    return f"{_who(made, step)}'s {step_name(step)}{done}"
