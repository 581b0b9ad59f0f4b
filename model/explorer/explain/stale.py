"""Stale reads of a run: a thread found an older value of a word than the newest one, and why it did.

What was newer may have been in memory (the reader had, or was given, an older copy), in the cache of the host that
stored it (nobody wrote it back), or in a store buffer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from fencepost.model.explorer.states.formatting import line_words, value_words, word_is
from fencepost.model.explorer.states.state import THREAD, Act, Event
from fencepost.model.explorer.traces.run_trace import Run
from fencepost.model.memory.lazy import CERTAIN, NOTHING_SEEN, Choice, Entry
from fencepost.model.memory.lines import Line
from fencepost.model.memory.ordering import Buffered
from fencepost.model.programs.operations import (
    Address,
    CompareExchange,
    DeviceAdd,
    Exchange,
    FetchAdd,
    Load,
    Operation,
    Poll,
    Store,
    line_of,
)

Where = Literal["memory", "cache", "buffer"]
_DROPS = (Buffered.FL, Buffered.FO, Buffered.NT)


@dataclass(frozen=True)
class Stale:
    """One stale read. Steps are numbers of events; 0 is before the first step.

    where           where the newer value was
    stored_at       the step of the store: when it reached the writer's cache, or its buffer
    in_memory_at    the step after which memory had it, if it had
    kept_since      the step at which the reader's host got the copy, if it is one that an earlier load found
    dropped_at      the last step at which the reader's host dropped the line, if it ever did
    """

    step: int
    thread: int
    address: Address
    found: Any
    newer: Any
    where: Where
    writer: int
    stored_at: int
    in_memory_at: int | None = None
    kept_since: int | None = None
    dropped_at: int | None = None
    waits: bool = False  # it is no read of the run: the thread waits for ever, finding this


def reading(event: Event) -> tuple[Address, Any, Choice] | None:
    """Return the word that an event read, what it found there, and by which choice of memory."""
    if event.actor[1] != THREAD or not event.acts:
        return None
    act = event.acts[0]
    match act.what:
        case Load(address) | FetchAdd(address) | CompareExchange(address) | Exchange(address) | DeviceAdd(address):
            return address, act.result, event.choice
        case Poll(watched):
            index, value = act.result
            return watched[index].address, value, event.choice[1]
    return None


def stale_reads(made: Run, thread: int | None = None) -> Iterator[Stale]:
    """Yield the stale reads of a thread, or of all, latest first."""
    for step in range(made.last, 0, -1):
        event = made.events[step]
        read = reading(event)
        if read is not None and thread in (None, event.actor[0]):
            address, found, choice = read
            stale = _stale(made, step, event.actor[0], address, found, choice)
            if stale is not None:
                yield stale


def stale_waits(made: Run) -> Iterator[Stale]:
    """Yield the words at which a thread waits for ever at the end of the run though there is something new."""
    state = made.states[-1]
    for thread, node in enumerate(state.nodes):
        if not isinstance(node.operation, Poll):
            continue
        for each in node.operation.watched:
            host, line = made.system.hosts[thread], line_of(each.address)
            if made.system.lines.own(line):
                continue
            choices = made.system.memory.fresh if each.invalidate else made.system.memory.copies
            choice = next(choice for choice, lucky in choices(state.cells, host, line) if not lucky)
            found = _stale(made, made.last + 1, thread, each.address, each.seen, choice, waits=True)
            if found is not None:
                yield found


def _stale(
    made: Run, step: int, thread: int, address: Address, found: Any, choice: Choice, *, waits: bool = False
) -> Stale | None:
    """Return what was newer than what a step found in a word, before that step."""
    system, before = made.system, made.states[step - 1]
    line, word, host = line_of(address), address[-1], system.hosts[thread]
    if not system.lines.own(line) and choice[0] == "copy":
        versions = system.memory.versions(before.cells, line)
        newer = [at for at in range(choice[1] + 1, len(versions)) if versions[at].standing == CERTAIN]
        if newer and versions[newer[-1]].content.get(word, 0) != found:
            value = versions[newer[-1]].content.get(word, 0)
            reached = next(n for n, s in enumerate(made.states) if len(s.cells.versions.get(line, ())) > newer[-1])
            writer, stored_at = store_of(made, reached, address, value)
            kept = before.cells.seen.get((host, line), NOTHING_SEEN).kept == choice[1]
            return Stale(
                step, thread, address, found, value, "memory", writer, stored_at, reached,
                _kept_since(made, step, host, line) if kept else None, dropped_at(made, step, host, line), waits,
            )  # fmt: skip
    for owner, of in before.cells.dirty:
        if of == line and owner != host and before.cells.dirty[owner, of].get(word, 0) != found:
            value = before.cells.dirty[owner, of].get(word, 0)
            writer, stored_at = store_of(made, step - 1, address, value)
            return Stale(step, thread, address, found, value, "cache", writer, stored_at, waits=waits)
    for other, buffer in enumerate(before.buffers):
        for entry in reversed(buffer):
            if other != thread and (*entry.line, entry.word) == address and entry.value != found:
                issued = issued_at(made, other, entry)
                return Stale(step, thread, address, found, entry.value, "buffer", other, issued, waits=waits)
    return None


def store_of(made: Run, until: int, address: Address, value: Any) -> tuple[int, int]:
    """Return the thread and the step of the last store of a value to a word, up to and including a step."""
    for step in range(until, -1, -1):
        for act in reversed(made.events[step].acts):
            if stores(act) == (address, value):
                return act.thread, step
    return made.events[until].actor[0], until


def stores(act: Act) -> tuple[Address, Any] | None:
    """Return the word that an act stored to, and the value; a store that went to a store buffer stores when it drains.

    Where there is no store buffer, as under sc, the store itself takes effect.
    """
    if isinstance(act.what, Entry):
        return entering(act.what)
    result = act.result
    match act.what:
        case Store(address, value) if act.entry is None:
            return address, value
        case FetchAdd(address, amount) | DeviceAdd(address, amount):
            return address, result + amount
        case CompareExchange(address, expected, desired) if result == expected:
            return address, desired
        case Exchange(address, value):
            return address, value
    return None


def entering(entry: Entry) -> tuple[Address, Any] | None:
    """Return the word that an entry of a store buffer stores to when it drains, and the value."""
    address: Any = (*entry.line, entry.word)
    return (address, entry.value) if entry.kind in (Buffered.W, Buffered.NT) else None


def issued_at(made: Run, thread: int, entry: Entry) -> int:
    """Return the step at which an entry got into its thread's store buffer."""
    own = (n for n, event in enumerate(made.events) if any(act.entry is entry for act in event.acts))
    return next(own, next((n for n, state in enumerate(made.states) if _has(state.buffers[thread], entry)), 0))


def _has(buffer: Iterable[Entry], entry: Entry) -> bool:
    return any(each is entry for each in buffer)


def _kept_since(made: Run, step: int, host: int, line: Line) -> int:
    """Return the step at which a host got the copy that it has before a step."""
    since = step - 1
    kept = made.states[since].cells.seen[host, line].kept
    while since > 0 and made.states[since - 1].cells.seen.get((host, line), NOTHING_SEEN).kept == kept:
        since -= 1
    return since


def dropped_at(made: Run, step: int, host: int, line: Line) -> int | None:
    """Return the last step before a step at which a host dropped its copy of a line."""
    for number in range(step - 1, -1, -1):
        for act in made.events[number].acts:
            if made.system.hosts[act.thread] == host and _drops(act.what, line):
                return number
    return None


def _drops(what: Operation | Entry, line: Line) -> bool:
    match what:
        case Entry(kind=kind):
            return kind in _DROPS and what.line == line
        case Poll(watched):
            return any(each.invalidate and line_of(each.address) == line for each in watched)
        case DeviceAdd(address):
            return line_of(address) == line
    return False


def stale_words(made: Run, stale: Stale) -> str:
    """Say in one sentence what was read and why it was not what is newest."""
    system, line = made.system, line_of(stale.address)
    reader, found = made.system.hosts[stale.thread], word_is(stale.address, stale.found)
    writer, line_name = system.threads[stale.writer].name, line_words(line)
    if stale.waits:
        began = f"{system.threads[stale.thread].name} waits for ever: host {reader} finds {found}"
    else:
        began = f"host {reader} read {found}"
    newer = f"{writer}'s {value_words(stale.newer)} of {step_name(stale.stored_at)}"
    if stale.where == "buffer" and stale.waits:
        return f"{began}: {newer} is still in its store buffer"
    if stale.where == "buffer":
        loaded = f"{system.threads[stale.thread].name} loaded {found} at {step_name(stale.step)}"
        return f"{loaded} while {newer} was still in its store buffer"
    if stale.where == "cache":
        own = system.hosts[stale.writer]
        return f"{began}: {newer} was in host {own}'s cache only, line {line_name} was not written back"
    dropped = "the run began" if stale.dropped_at is None else step_name(stale.dropped_at)
    copy = f"its own copy of line {line_name}"
    if stale.kept_since is None:
        copy = f"a copy of line {line_name} that its cache had fetched of itself"
    reached = f"{newer} reached memory at {step_name(stale.in_memory_at or 0)}"
    return f"{began} from {copy}: no invalidate since {dropped}, and {reached}"


def step_name(step: int) -> str:
    """Return the name of a step; what happens at once comes before the first."""
    return f"step {step}" if step else "the start"
