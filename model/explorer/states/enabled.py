"""Which transitions a state has: what each thread and each entry of a store buffer can do, and by which choices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fencepost.model.explorer.states.buffers import blocked, flushes_now, pending_store
from fencepost.model.explorer.states.state import (
    FORWARDED,
    LOOKED,
    NO_EVICTION,
    NOTHING,
    OWN,
    THREAD,
    Actor,
    State,
    Transition,
)
from fencepost.model.memory.lazy import Entry, LazyMemory
from fencepost.model.memory.ordering import Buffered, Matrix
from fencepost.model.programs.operations import (
    Address,
    CompareExchange,
    DeviceAdd,
    Exchange,
    FetchAdd,
    Load,
    Lock,
    Operation,
    Poll,
    Prefetch,
    Receive,
    Send,
    Store,
    Unlock,
    line_of,
)


class Enabled:
    """The transitions of states of threads on these hosts, over a memory."""

    def __init__(self, hosts: Sequence[int], memory: LazyMemory, matrix: Matrix) -> None:
        self.hosts, self.memory, self.matrix = hosts, memory, matrix
        self.lines = memory.lines

    def transitions(self, state: State) -> dict[Actor, list[Transition]]:
        """Return the transitions of a state, by actor; actors that can do nothing are left out."""
        found: dict[Actor, list[Transition]] = {}
        for thread in range(len(self.hosts)):
            operation = state.nodes[thread].operation
            if operation is not None:
                options = list(self._options(state, thread, operation))
                if options:
                    found[thread, THREAD] = options
            buffer = state.buffers[thread]
            for place, entry in enumerate(buffer):
                if not blocked(self.matrix, buffer, place):
                    found[thread, entry.number] = list(self._drains(state, thread, entry))
        return found

    def answers(self, state: State, thread: int) -> set[tuple[int, bool]]:
        """Return the places of the watched words at which a thread's poll could end in a state, by whatever choice, and
        whether it would only look there; of another operation 0, if it can be done.
        """
        operation = state.nodes[thread].operation
        choices = () if operation is None else self._options(state, thread, operation)
        return {
            (choice[0], choice[-1] == LOOKED) if isinstance(operation, Poll) else (0, False) for choice, _ in choices
        }

    def _drains(self, state: State, thread: int, entry: Entry) -> Iterator[Transition]:
        host, line = self.hosts[thread], entry.line
        if self.lines.own(line):
            yield OWN, False
        elif entry.kind is Buffered.W:
            yield from self.memory.copies(state.cells, host, line)
        else:
            yield NO_EVICTION, False
            if self.lines.contested(line) and (entry.kind is Buffered.NT or (host, line) in state.cells.dirty):
                yield from ((("evict", owners), True) for owners in self.memory.evictions(state.cells, host, line))

    def _options(self, state: State, thread: int, operation: Operation) -> Iterator[Transition]:
        host, buffer = self.hosts[thread], state.buffers[thread]
        match operation:
            case Load(address):
                yield from self._loads(state, thread, address)
            case FetchAdd(address) | CompareExchange(address) | Exchange(address) if not buffer:
                yield from self.memory.copies(state.cells, host, line_of(address))
            case Lock(address) if not buffer and state.cells.words.get(address, 0) == 0:
                yield OWN, False
            case DeviceAdd(address) if not buffer:
                yield NO_EVICTION, False
                if self.lines.contested(line_of(address)):
                    evictions = self.memory.evictions(state.cells, host, line_of(address))
                    yield from ((("evict", owners), True) for owners in evictions)
            case Poll(watched) if not (buffer and any(each.invalidate for each in watched)):
                for index, each in enumerate(watched):
                    yield from self._poll_options(state, thread, index, each.address, each.seen, each.invalidate)
            case Receive(channel) if state.channels.get(channel, ((), 0))[0]:
                yield NOTHING, False
            case Prefetch(line):
                yield NOTHING, False
                yield from self.memory.copies(state.cells, host, line)
            case Store() | Unlock() | Send():
                yield OWN, False

    def _loads(self, state: State, thread: int, address: Address) -> Iterator[Transition]:
        """Yield the choices of a load, but for those that leave its thread where it is: a spin is not a step."""
        host, line, node = self.hosts[thread], line_of(address), state.nodes[thread]
        pending = pending_store(state.buffers[thread], address)
        if pending is not None:
            choices: Iterator[Transition] = iter([(FORWARDED, False)])
        else:
            choices = self._needed(state, line, self.memory.copies(state.cells, host, line))
        for choice, lucky in choices:
            if pending is not None:
                value = pending.value
            elif self.lines.own(line):
                value = state.cells.words.get(address, 0)
            else:
                value = self.memory.content(state.cells, host, line, choice).get(address[-1], 0)
            if node.after(value)[0] is not node:
                yield choice, lucky

    def _needed(self, state: State, line: tuple[Any, ...], choices: Iterator[Transition]) -> Iterator[Transition]:
        """Leave out the eviction of a copy whose owner can flush it right now: the flush, done first, does the same.

        What can follow after the eviction can follow after the flush, and the owner is one step further. But only where
        nothing lies between the store and its flush: in `W d; W f; FO d; SF; FO f` the flush of f comes after that of
        d, an eviction of f need not, and a reader of f that comes between them finds an old d.
        """
        for choice, lucky in choices:
            one = choice[0] == "evict" and len(choice[1]) == 1 and not self.lines.contested(line)
            if not (one and self._can_flush(state, choice[1][0], line)):
                yield choice, lucky

    def _can_flush(self, state: State, host: int, line: tuple[Any, ...]) -> bool:
        """Say whether some thread of a host can flush the line right now."""
        stored = state.stored.get((host, line))
        return any(
            self.hosts[thread] == host and flushes_now(self.matrix, buffer, line, thread, stored)
            for thread, buffer in enumerate(state.buffers)
        )

    def _poll_options(
        self, state: State, thread: int, index: int, address: Address, seen: Any, invalidate: bool
    ) -> Iterator[Transition]:
        host, line, cells = self.hosts[thread], line_of(address), state.cells
        pending = pending_store(state.buffers[thread], address)
        if pending is not None:
            if not invalidate and pending.value != seen:
                yield (index, FORWARDED), False
            return
        if self.lines.own(line):
            if cells.words.get(address, 0) != seen:
                yield (index, OWN), False
            return
        choices = self.memory.fresh(cells, host, line) if invalidate else self.memory.copies(cells, host, line)
        for choice, lucky in self._needed(state, line, choices):
            if self.memory.content(cells, host, line, choice).get(address[-1], 0) != seen:
                yield (index, choice), lucky
            elif not invalidate and not self.memory.keeps(cells, host, line):
                yield (index, choice, LOOKED), lucky
