"""Why a run breaks its property where no read was stale: which step came between which others.

A step conflicts with the violating one when the contract has no objection to the run without it: the latest such step
is named. Where there is none, it is the last step of another thread, amid something, that the violating one comes
after, or what its own thread read last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from fencepost.model.explorer.explain.stale import reading, step_name, store_of, stores
from fencepost.model.explorer.pipeline import watch_of
from fencepost.model.explorer.search.order import Order
from fencepost.model.explorer.states.formatting import entry_words, operation_words, ordered_words, step_words, word_is
from fencepost.model.explorer.states.monitor import Monitor
from fencepost.model.explorer.states.threads import Raised
from fencepost.model.explorer.subjects import SequencerOrigin
from fencepost.model.explorer.traces.run_trace import Run
from fencepost.model.memory.ordering import Buffered
from fencepost.model.programs.operations import Address, line_of
from fencepost.model.programs.pipeline import first_steps
from fencepost.model.trace import Step

NOBODY = -1
"""Whose the steps are that lie behind a run when it begins."""


class Cause(NamedTuple):
    """The sentence, and the conflicting (step, thread).

    One where it conflicts with the end of the run, or, in a run that a step ended, with nothing else.
    """

    sentence: str
    steps: tuple[tuple[int, int], ...]


class Labelled(NamedTuple):
    """A step of the contract or the spec, with the number of the run's step in which it happened, and whose it was."""

    number: int
    thread: int
    step: Step


def of_the_order(made: Run) -> Cause:
    """Return the cause of a violation that the last step of a run brought about."""
    labelled = steps_of(made)
    violating = violating_step(made, labelled)
    last, thread = made.last, violating.thread if violating else _whose(made)
    step = violating.step if violating else None
    other = _conflicting(made, labelled, violating) if violating else None
    if other is None:
        return _without_conflict(made, thread, did(made, last, thread, step))
    steps = ((other.number, other.thread), (last, thread))
    if other.thread == thread:
        first, then = (f"{step_name(each.number)} {in_words(each.step)}" for each in (other, violating) if each)
        return Cause(f"{who(made, thread)} itself did both: {first}, and then {then}", steps)
    theirs, mine = did(made, other.number, other.thread, other.step), did(made, last, thread, step)
    before = max((n for n in range(1, other.number) if made.events[n].actor[0] == thread), default=None)
    if before is None:
        return Cause(f"{theirs} came before {mine}", steps)
    return Cause(f"{theirs} came between {did(made, before, thread)} and {mine}", steps)


def _without_conflict(made: Run, thread: int, doing: str) -> Cause:
    """Return the cause where no single step is one that the contract would have done without."""
    last, other = made.last, _last_of_another(made)
    if other is not None:
        theirs = made.events[other].actor[0]
        sentence = f"{doing} came after {did(made, other, theirs)} and before {_remaining(made, theirs)}"
        return Cause(sentence, ((other, theirs), (last, thread)))
    for step in range(last, -1, -1):
        read = reading(made.events[step])
        if read is not None and made.events[step].actor[0] == thread:
            return _by_reading(made, thread, doing if step < last else who(made, thread), step, read)
    return Cause(f"{who(made, thread)} comes to this by itself, whatever others do", ((last, thread),))


def _whose(made: Run) -> int:
    """Return the thread that ended the run: that which raised, else that of the last step."""
    raised = (number for number, node in enumerate(made.states[-1].nodes) if isinstance(node.returned, Raised))
    return next(raised, made.events[-1].actor[0])


def _by_reading(made: Run, thread: int, doing: str, step: int, read: tuple[Address, Any, Any]) -> Cause:
    """Return the cause where a thread goes by what it read: with the store of another, where one stored that."""
    address, value, _ = read
    found = f"{doing} goes by what it read at {step_name(step)}, {word_is(address, value)}"
    of_run = ((made.last, thread),) if step == made.last else ((step, thread), (made.last, thread))
    writer, stored_at = store_of(made, step, address, value)
    is_stored = any(stores(act) == (address, value) for act in made.events[stored_at].acts)
    if not is_stored or writer == thread:
        return Cause(found, of_run)
    by = f", which {who(made, writer)} stored at {step_name(stored_at)}"
    return Cause(found + by, ((stored_at, writer), (made.last, thread)))


def _remaining(made: Run, thread: int) -> str:
    """Say what a thread has not done yet at the end of a run."""
    name, state = who(made, thread), made.states[-1]
    waiting = [entry for entry in state.buffers[thread] if entry.kind is not Buffered.SF]
    if waiting:
        return f"{name}'s {entry_words(waiting[0])} left its store buffer"
    pending = state.nodes[thread].operation
    return f"{name} ended" if pending is None else f"{name} went on to {operation_words(pending)}"


def of_the_end(made: Run) -> Cause:
    """Say who waits for what where no thread can go on, and after which steps of the contract or spec."""
    latest: dict[int, Labelled] = {each.thread: each for each in labelled_steps(made)}
    waiting = []
    for number, node in enumerate(made.states[-1].nodes):
        if node.operation is not None:
            after = latest.get(number)
            since = f" after {step_name(after.number)} {in_words(after.step)}" if after else ""
            waiting.append(f"{who(made, number)} waits{since} to {operation_words(node.operation)}")
    end = max(latest.values(), default=None)
    steps = ((end.number, end.thread),) if end else ()
    if not waiting:
        return Cause("all threads have ended, and the end is as they left it", steps)
    return Cause(f"nothing can go on: {'; '.join(waiting)}", steps)


# --- what would have been ---


def steps_of(made: Run) -> list[Labelled]:
    """Return the steps of the contract or the spec, those that lie behind the run when it begins included."""
    return [*_written(made), *labelled_steps(made)]


def _written(made: Run) -> Iterator[Labelled]:
    """Yield the steps that lie behind the run when it begins."""
    origin = made.trace.origin
    for step in first_steps(origin.design, origin.scenario) if isinstance(origin, SequencerOrigin) else ():
        yield Labelled(0, NOBODY, step)


def labelled_steps(made: Run) -> Iterator[Labelled]:
    """Yield the steps of the contract or the spec that a run took."""
    for number, event in enumerate(made.events):
        for act in event.acts:
            if act.step is not None:
                yield Labelled(number, act.thread, act.step)


def first_watch(made: Run) -> Monitor:
    """Return what looks on at a run, before anything was written."""
    origin = made.trace.origin
    if not isinstance(origin, SequencerOrigin):
        return Monitor()
    return watch_of(origin.design, replace(origin.scenario, written=False), origin.asked)


def violating_step(made: Run, labelled: list[Labelled]) -> Labelled | None:
    """Return the step that the contract objects to."""
    watch = first_watch(made)
    for each in labelled:
        watch = told(made, watch, each)
        if watch.violation is not None:
            return each
    return None


def _conflicting(made: Run, labelled: list[Labelled], violating: Labelled) -> Labelled | None:
    """Return the latest step without which the contract has no objection up to and including the violating step."""
    steps = labelled[: labelled.index(violating) + 1]
    for place in range(len(steps) - 2, -1, -1):
        watch = first_watch(made)
        for each in (*steps[:place], *steps[place + 1 :]):
            watch = told(made, watch, each)
        if watch.violation is None:
            return steps[place]
    return None


def told(made: Run, watch: Monitor, labelled: Labelled) -> Monitor:
    """Return the watch that has seen one more step of a run."""
    answers = (_inspect(made, labelled.number, each) for each in watch.asks(labelled.step))
    return watch.after(labelled.step, tuple(answers))


def _inspect(made: Run, number: int, address: Address) -> Any:
    return made.system.memory.memory(made.states[number].cells, line_of(address)).get(address[-1], 0)


def _last_of_another(made: Run) -> int | None:
    """Return the last step, which the violating one comes after, of another thread that has not come to rest since."""
    if not made.last:
        return None  # all of it happened at once
    order = Order(made.system)
    order.begin(made.events[0])
    for event in made.events[1:]:
        order.push(event)
    past, thread = order.past[-1], made.events[-1].actor[0]
    transitions = made.system.transitions(made.states[-1])
    able = {of for (of, _), choices in transitions.items() if not all(lucky for _, lucky in choices)} - {thread}
    others = (n for n in range(made.last - 1, 0, -1) if past >> n - 1 & 1 and made.events[n].actor[0] in able)
    return next(others, None)


# --- words ---


def did(made: Run, number: int, thread: int, step: Step | None = None) -> str:
    """Return a step as `scanner 0's step 4 [claim(...)]`; without one given, the first that it was."""
    steps = [act.step for act in made.events[number].acts if act.step is not None and act.thread == thread]
    chosen = step or next(iter(steps), None)
    whose = f"{who(made, thread)}'s {step_name(number)}" if number else f"{who(made, thread)} at the start"
    if thread == NOBODY:
        whose = "what was there at the start"
    return f"{whose} {in_words(chosen)}" if chosen else whose


def in_words(step: Step) -> str:
    """Return a step; of an assignment, which batch has which range."""
    return f"[orders {ordered_words(step)}]" if step.action == "assign" else step_words(step)


def who(made: Run, thread: int) -> str:
    """Return the name of a thread."""
    return "written before" if thread == NOBODY else made.system.threads[thread].name
