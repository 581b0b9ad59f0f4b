"""Why a run breaks a promise whose breach has one kind of cause: the sentence names what the contract speaks of.

single-writer   the two stores
no-overwrite    the consumed mark that the overwriting thread went by, whose store it was, and when
ack-safe        the export that is missing, and what the acknowledgement went by
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from fencepost.model.explorer.explain.order_cause import (
    Cause,
    Labelled,
    did,
    first_watch,
    labelled_steps,
    steps_of,
    told,
    violating_step,
    who,
)
from fencepost.model.explorer.explain.stale import issued_at, reading, step_name, store_of, stores
from fencepost.model.explorer.monitor.contract import Contract
from fencepost.model.explorer.monitor.facts import Batch, Facts
from fencepost.model.explorer.monitor.run import SINGLE_WRITER, RunMonitor
from fencepost.model.explorer.states.formatting import address_words, line_words, word_is
from fencepost.model.explorer.states.state import State
from fencepost.model.explorer.traces.run_trace import Run
from fencepost.model.programs.layout import consumed
from fencepost.model.programs.operations import Address, line_of
from fencepost.model.trace import Step


def of_the_promise(made: Run) -> Cause | None:
    """Return the cause of a violation that the last step brought about; None where its promise is of no such kind."""
    found = made.states[-1].watch.violation
    if found is not None and found.property == SINGLE_WRITER:
        return _of_two_writers(made)
    steps = steps_of(made)
    violating = violating_step(made, steps)
    if found is None or violating is None:
        return None
    before = first_watch(made)
    for each in steps[: steps.index(violating)]:
        before = told(made, before, each)
    assert isinstance(before, RunMonitor)
    if found.property == "no-overwrite":
        return _of_the_overwrite(made, violating, before.facts)
    if found.property == "ack-safe":
        return _of_the_acknowledgement(made, violating, before.contract, before.facts)
    return None


def _of_two_writers(made: Run) -> Cause:
    known = made.states[-1].writers
    before: dict[Any, Any] = made.states[-2].writers if made.last else {}
    line = next(line for line, each in known.items() if len(each) > 1 and len(before.get(line, ())) <= 1)
    first, second = known[line][:2]
    since = next(number for number, state in enumerate(made.states) if line in state.writers)
    thread, step = store_of(made, since, first.address, first.value)
    other, _ = store_of(made, made.last, second.address, second.value)
    sentence = (
        f"line {line_words(line)} is host {first.host}'s since {first.thread}'s {step_name(step)}"
        f" [store {word_is(first.address, first.value)}], and {second.thread}'s {step_name(made.last)}"
        f" [store {word_is(second.address, second.value)}] is host {second.host}'s"
    )
    return Cause(sentence, ((step, thread), (made.last, other)))


# --- no-overwrite ---


class Mark(NamedTuple):
    """A store that says how many slots of a ring were consumed."""

    number: int
    thread: int
    address: Address
    value: Any
    ring: int
    below: int


def _of_the_overwrite(made: Run, violating: Labelled, facts: Facts) -> Cause:
    given = violating.step.arguments
    ring, index = facts.occupants[given["ring"], given["slot"]]
    doing = did(made, violating.number, violating.thread, violating.step)
    marks = list(_marks(made, violating.number))
    rings = {place[0] for place in facts.occupants}
    read = _mark_read(
        made, violating, {mark.address for mark in marks} | {(*consumed(each), "count") for each in rings}
    )
    if read is None:
        last = next((mark for mark in reversed(marks) if mark.ring == ring), None)
        known = f"none was stored for ring {ring}"
        if last is not None:
            known = f"the last of ring {ring} is {_stored(made, last)}"
        put = _put(made, violating, ring, index)
        at = (last.number, last.thread) if last is not None else put
        return Cause(f"{doing} goes by no consumed mark that it read: {known}", (at, (made.last, violating.thread)))
    step, address, value = read
    mark = next((each for each in reversed(marks) if (each.address, each.value) == (address, value)), None)
    if mark is None:
        sentence = f"{doing} goes by {word_is(address, value)}, read at {step_name(step)}, which nobody had stored to"
        return Cause(sentence, ((step, violating.thread), (made.last, violating.thread)))
    found = f"{_stored(made, mark)} and {who(made, violating.thread)} read at {step_name(step)}"
    sentence = f"{doing} goes by {found}: {_said(mark, ring, index)}"
    return Cause(sentence, ((mark.number, mark.thread), (made.last, violating.thread)))


def _marks(made: Run, until: int) -> Iterator[Mark]:
    """Yield the stores that the contract knows as marks of what was consumed, up to and including a step."""
    for number, event in enumerate(made.events[: until + 1]):
        for act in event.acts:
            if act.step is not None and act.step.action == "consumed":
                stored, given = stores(act), act.step.arguments
                if stored is not None:
                    yield Mark(number, act.thread, *stored, given["ring"], given["below"])


def _mark_read(made: Run, violating: Labelled, known: set[Address]) -> tuple[int, Address, Any] | None:
    """Return the step at which the overwriting thread last read a mark, the mark's word, and what it found there."""
    for number in range(violating.number, 0, -1):
        read = reading(made.events[number])
        if made.events[number].actor[0] == violating.thread and read is not None and read[0] in known:
            return number, read[0], read[1]
    return None


def _put(made: Run, violating: Labelled, ring: int, index: int) -> tuple[int, int]:
    """Return the step and the thread of the overwriting that brought the batch there which is lost."""
    for each in reversed(steps_of(made)):
        given = each.step.arguments
        if each.step.action == "overwrite" and (given["by_ring"], given["index"]) == (ring, index):
            return each.number, each.thread
    return violating.number, violating.thread


def _stored(made: Run, mark: Mark) -> str:
    return f"{word_is(mark.address, mark.value)}, which {who(made, mark.thread)} stored at {step_name(mark.number)}"


def _said(mark: Mark, ring: int, index: int) -> str:
    """Say what a mark says of the slot that was lost."""
    if mark.ring != ring:
        return f"it says nothing of ring {ring}"
    if mark.below > index:
        return f"it says that index {index} of ring {ring} is consumed, which no reader had read"
    return f"it says that ring {ring} is consumed below index {mark.below}, and index {index} is not"


# --- ack-safe ---


def _of_the_acknowledgement(made: Run, violating: Labelled, contract: Contract, facts: Facts) -> Cause:
    state = made.states[max(violating.number - 1, 0)]
    missing, since = _missing_export(made, violating, contract, facts, state)
    doing = did(made, violating.number, violating.thread, violating.step)
    sentence = f"{doing} goes by {_went_by(made, violating)}; the export of {missing}"
    return Cause(sentence, (since, (made.last, violating.thread)))


def _went_by(made: Run, violating: Labelled) -> str:
    """Say what the acknowledging thread read last, and whose store that was."""
    for number in range(violating.number, 0, -1):
        read = reading(made.events[number])
        if read is not None and made.events[number].actor[0] == violating.thread:
            thread, step = store_of(made, number, read[0], read[1])
            return f"{word_is(read[0], read[1])}, which {who(made, thread)} stored at {step_name(step)}"
    return "nothing that it read"


def _missing_export(
    made: Run, violating: Labelled, contract: Contract, facts: Facts, state: State
) -> tuple[str, tuple[int, int]]:
    """Return which export is missing and how far it has come, and the last step towards it with its thread."""
    step = violating.step
    if contract.level == 4 and (unordered := _unordered(facts, step)) is not None:
        batch = Batch(step.arguments["client"], unordered, 0)
        far, at = _not_exported(made, contract, step.arguments["ring"], -1, batch)
        return f"{batch} is missing: {far}", at
    for index, batch in contract.forgotten(facts, step):
        name = f"{batch} (index {index} of ring {step.arguments['ring']}) is missing"
        place = contract.place(facts, step.arguments["ring"], index, batch)
        if place is None:
            far, at = _not_exported(made, contract, step.arguments["ring"], index, batch)
            return f"{name}: {far}", at
        address, least = contract.guard(*place)
        memory = made.system.memory.memory(state.cells, line_of(address)).get(address[-1], 0)
        if memory < least:
            far, at = _on_its_way(made, state, address, least)
            return f"{name}: {far}", at
    came = len(contract.forgotten(facts, step))
    name = f"batch number {came} of client {step.arguments['client']} on ring {step.arguments['ring']} is missing"
    return f"{name}: only {came} came there", (violating.number, violating.thread)


def _unordered(facts: Facts, step: Step) -> int | None:
    """Return the lowest seq that a level-4 acknowledgement counts and that is not ordered; None if there is none."""
    ordered = {each.batch.identity for each in facts.ranges}
    below = step.arguments.get("below", 0)
    return next((seq for seq in range(below) if (step.arguments["client"], seq) not in ordered), None)


def _not_exported(made: Run, contract: Contract, ring: int, index: int, batch: Batch) -> tuple[str, tuple[int, int]]:
    """Say how far a batch has come that is in no export chain."""
    ordered = arrived = None
    for each in steps_of(made):
        given = each.step.arguments
        if each.step.action == "assign":
            place = (given["ring"], given["index"]) == (ring, index)
            same = place if contract.level == 5 else (given["client"], given["seq"]) == batch.identity or place
            ordered = each if same else ordered
        elif each.step.action == "arrive" and (given["client"], given["seq"]) == batch.identity:
            arrived = each
    if ordered is not None:
        since = f"{who(made, ordered.thread)} ordered it at {step_name(ordered.number)}"
        return f"{since} and has not exported it", (ordered.number, ordered.thread)
    if arrived is not None:
        return f"it came at {step_name(arrived.number)} and is not ordered", (arrived.number, arrived.thread)
    return "it has not come", (made.last, made.events[-1].actor[0])


def _on_its_way(made: Run, state: State, address: Address, least: Any) -> tuple[str, tuple[int, int]]:
    """Say where the guard of an exported batch is, which readers must find in memory."""
    line, guard = line_of(address), word_is(address, least)
    for thread, buffer in enumerate(state.buffers):
        for entry in buffer:
            if (*entry.line, entry.word) == address and entry.value >= least:
                step = issued_at(made, thread, entry)
                found = f"{who(made, thread)}'s {word_is(address, entry.value)} of {step_name(step)}"
                return f"{found} is still in its store buffer", (step, thread)
    for (host, of), dirty in state.cells.dirty.items():
        if of == line and dirty.get(address[-1], 0) >= least:
            thread, step = store_of(made, made.last, address, dirty[address[-1]])
            where = f"in host {host}'s cache only, line {line_words(line)} was not written back"
            return f"{who(made, thread)}'s {word_is(address, dirty[address[-1]])} of {step_name(step)} is {where}", (
                step,
                thread,
            )
    export = [each for each in labelled_steps(made) if each.step.action == "export"][-1]
    return (
        f"{who(made, export.thread)} has not stored {address_words(address)} = {guard.rsplit(' ', 1)[-1]} yet",
        (export.number, export.thread),
    )
