"""Threads on a memory: which transitions a state has, and the state after one.

An actor is a thread, or one entry of a thread's store buffer, which drains in its own time. A transition is an actor
with a choice. What nobody else can notice happens at once, in the same transition as what came before it: a store or
flush enters the buffer, a fence that need not wait is passed, an entry drains on a line that only its thread uses.

A choice is *lucky* when it needs a cache to do what no cache has to do: to write back or to drop a line of itself.
Memory does without luck for ever in the worst case, so a run may end where only luck would bring it further.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from fencepost.model.errors import InputError
from fencepost.model.explorer.threads import Node
from fencepost.model.explorer.watch import Watch
from fencepost.model.memory.late import Cells, Choice, Entry, LateMemory, Lines, Touched
from fencepost.model.memory.ordering import Buffered, Matrix
from fencepost.model.memory.profiles import Crash, Profile
from fencepost.model.programs.operations import (
    Address,
    Attempted,
    CompareExchange,
    DeviceAdd,
    Exchange,
    FetchAdd,
    Flush,
    FullFence,
    Load,
    LoadFence,
    Lock,
    Operation,
    Poll,
    Prefetch,
    Receive,
    Send,
    Sleep,
    Store,
    StoreFence,
    ThreadOf,
    Unlock,
    Witness,
    line_of,
)
from fencepost.model.trace import Step

Actor: TypeAlias = tuple[int, int]  # thread, and the number of its buffer entry, or THREAD for the thread itself
THREAD = -1
Transition: TypeAlias = tuple[Choice, bool]  # what is chosen, and whether it is lucky
NOTHING: Choice = ()
OWN: Choice = ("own",)
FORWARDED: Choice = ("forwarded",)
NO_EVICTION: Choice = ("evict", ())


class Act(NamedTuple):
    """One thing that was done: an operation of a thread, or the drain of an entry of its buffer."""

    thread: int
    what: Operation | Entry
    result: Any
    step: Step | None
    choice: Choice = NOTHING
    entry: Entry | None = None  # what a store or flush put into the buffer


class Event:
    """One transition: who, by which choice, what it had to do with, and what was done."""

    __slots__ = ("actor", "acts", "choice", "lucky", "touched")

    def __init__(self, actor: Actor, choice: Choice, lucky: bool) -> None:
        self.actor, self.choice, self.lucky = actor, choice, lucky
        self.touched = Touched()
        self.acts: list[Act] = []


class State:
    """A state of the whole system; `copy` it before it is changed."""

    __slots__ = ("buffers", "cells", "channels", "issued_counts", "nodes", "watch")

    def __init__(self, nodes: tuple[Node, ...], cells: Cells, watch: Watch) -> None:
        self.nodes, self.cells, self.watch = nodes, cells, watch
        self.buffers: tuple[tuple[Entry, ...], ...] = tuple(() for _ in nodes)
        self.issued_counts = tuple(0 for _ in nodes)  # entries that each thread ever put into its buffer
        self.channels: dict[Address, tuple[tuple[Any, ...], int]] = {}  # waiting messages, and how many were taken

    def copy(self) -> State:
        other = State.__new__(State)
        other.nodes, other.cells, other.watch = self.nodes, self.cells.copy(), self.watch
        other.buffers, other.issued_counts, other.channels = self.buffers, self.issued_counts, self.channels
        return other

    def memory(self) -> Hashable:
        """Return all but the threads' own progress, as a hashable value."""
        return self.cells.frozen(), self.buffers, frozenset(self.channels.items())

    def frozen(self) -> Hashable:
        """Return a hashable value, equal for equal states."""
        return tuple(map(id, self.nodes)), self.memory(), id(self.watch)


class System:
    """Threads under a profile and an ordering matrix, from given words, seen by a watch."""

    def __init__(
        self,
        threads: Sequence[ThreadOf],
        profile: Profile,
        matrix: Matrix,
        *,
        words: dict[Address, Any] | None = None,
        watch: Watch | None = None,
        lines: Lines | None = None,
    ) -> None:
        if profile.snapshot or not profile.line_atomic or profile.dirty_words_only or profile.crash is not Crash.HOST:
            raise InputError(
                f"the explorer does not support profile {profile.name!r} ({profile.purpose}): expected sc, tso, ncx,"
                " ncx-nospec, ncx-noevict or ncx-lfence; `fencepost litmus` decides litmus files under all of them"
            )
        self.threads, self.profile, self.matrix = tuple(threads), profile, matrix
        self.hosts = [0 if profile.one_host else thread.host for thread in threads]
        self.lines = lines or Lines(profile.one_host)
        initial: dict[tuple[Any, ...], dict[Any, Any]] = {}
        for address, value in (words or {}).items():
            initial.setdefault(line_of(address), {})[address[-1]] = value
        self.memory = LateMemory(profile, self.lines, initial)
        self._watch = watch or Watch()
        self._roots = tuple(Node.first(thread) for thread in threads)

    def start(self) -> tuple[State, Event]:
        """Return the state after what happens at once, and that as an event of nobody."""
        state = State(self._roots, self.memory.start(), self._watch)
        event = Event((-1, THREAD), NOTHING, False)
        for thread in range(len(self.threads)):
            self._hasten(state, thread, event)
        return state, event

    # --- what may happen ---

    def transitions(self, state: State) -> dict[Actor, list[Transition]]:
        """Return the transitions of a state, by actor; actors that can do nothing are left out."""
        found: dict[Actor, list[Transition]] = {}
        for thread in range(len(self.threads)):
            operation = state.nodes[thread].operation
            if operation is not None:
                options = list(self._options(state, thread, operation))
                if options:
                    found[thread, THREAD] = options
            buffer = state.buffers[thread]
            for place, entry in enumerate(buffer):
                if not self._blocked(buffer, place):
                    found[thread, entry.number] = list(self._drains(state, thread, entry))
        return found

    def _blocked(self, buffer: tuple[Entry, ...], place: int) -> bool:
        younger = buffer[place]
        return any(
            self.matrix.blocks(older.kind, younger.kind, same_line=older.line == younger.line)
            for older in buffer[:place]
        )

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
                if _pending(buffer, address) is not None:
                    yield FORWARDED, False
                else:
                    yield from self.memory.copies(state.cells, host, line_of(address))
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

    def _poll_options(
        self, state: State, thread: int, index: int, address: Address, seen: Any, invalidate: bool
    ) -> Iterator[Transition]:
        host, line, cells = self.hosts[thread], line_of(address), state.cells
        pending = _pending(state.buffers[thread], address)
        if pending is not None:
            if not invalidate and pending.value != seen:
                yield (index, FORWARDED), False
            return
        if self.lines.own(line):
            if cells.words.get(address, 0) != seen:
                yield (index, OWN), False
            return
        for choice, lucky in (
            self.memory.fresh(cells, host, line) if invalidate else self.memory.copies(cells, host, line)
        ):
            if self.memory.content(cells, host, line, choice).get(address[-1], 0) != seen:
                yield (index, choice), lucky

    # --- what happens then ---

    def perform(self, state: State, actor: Actor, transition: Transition) -> tuple[State, Event]:
        """Return the state after a transition of this state, and what happened."""
        choice, lucky = transition
        after, event = state.copy(), Event(actor, choice, lucky)
        thread, number = actor
        if number == THREAD:
            operation = after.nodes[thread].operation
            assert operation is not None
            result = self._execute(after, thread, operation, choice, event)
            self._advance(after, thread, operation, result, choice, event)
        else:
            entry = next(entry for entry in after.buffers[thread] if entry.number == number)
            self._drain(after, thread, entry, choice, event)
        self._hasten(after, thread, event)
        return after, event

    def _advance(
        self, state: State, thread: int, operation: Operation, result: Any, choice: Choice, event: Event
    ) -> None:
        node, step = state.nodes[thread].after(result)
        state.nodes = (*state.nodes[:thread], node, *state.nodes[thread + 1 :])
        entry = state.buffers[thread][-1] if _enters(operation) and self.profile.buffers else None
        step = step if entry is None else None  # a store takes effect when it leaves the buffer
        event.acts.append(Act(thread, operation, result, step, choice, entry))
        self._tell(state, step, event)

    def _tell(self, state: State, step: Step | None, event: Event) -> None:
        """Tell the watch of a step; what it asks of memory is part of what the event has to do with."""
        if step is not None:
            answers = tuple(self._inspect(state, address, event) for address in state.watch.asks(step))
            state.watch = state.watch.after(step, answers)

    def _inspect(self, state: State, address: Address, event: Event) -> Any:
        """Return what memory has of a word; a watch may ask, and what it is told depends on when."""
        line = line_of(address)
        event.touched.reads.add(("W", address) if self.lines.own(line) else ("M", line))
        return self.memory.memory(state.cells, line).get(address[-1], 0)

    def _use(self, thread: int, line: tuple[Any, ...], *, writes: bool = False) -> None:
        self.lines.use(line, thread, self.hosts[thread], writes=writes)

    def _execute(self, state: State, thread: int, operation: Operation, choice: Choice, event: Event) -> Any:
        """Do a visible operation; return its result."""
        host, cells, touched = self.hosts[thread], state.cells, event.touched
        match operation:
            case Load(address):
                return self._load(state, thread, address, choice, event)
            case Poll(watched):
                index, inner = choice
                each = watched[index]
                for other in watched:  # had it changed before, it might have been the one
                    touched.widens |= self.memory.keys(other.address)
                line = line_of(each.address)
                if each.invalidate and not self.lines.own(line):
                    if (host, line) in cells.dirty and inner == OWN:
                        inner = ("copy", len(self.memory.versions(cells, line)))
                    self.memory.flush(cells, host, line, Buffered.FO, NO_EVICTION, touched)
                return index, self._load(state, thread, each.address, inner, event)
            case FetchAdd(address) | CompareExchange(address) | Exchange(address):
                return self._modify(state, thread, operation, choice, event)
            case Lock(address):
                self._store(state, thread, address, 1, choice, event)
            case Store(address, value):  # of a machine without store buffers
                self._store(state, thread, address, value, choice, event)
            case Unlock(address):
                self._store(state, thread, address, 0, choice, event)
            case DeviceAdd(address, amount):
                self._use(thread, line_of(address), writes=True)
                line, word = line_of(address), address[-1]
                return self.memory.device_store(cells, host, line, word, amount, choice, touched, add=True)
            case Send(channel, message):
                waiting, taken = state.channels.get(channel, ((), 0))
                state.channels = {**state.channels, channel: ((*waiting, message), taken)}
                touched.writes.update({("N", channel), ("N", channel, taken + len(waiting))})
            case Receive(channel):
                waiting, taken = state.channels[channel]
                state.channels = {**state.channels, channel: (waiting[1:], taken + 1)}
                touched.reads.add(("N", channel, taken))
                touched.writes.add(("T", channel))
                return waiting[0]
            case Prefetch(line) if choice != NOTHING and not self.lines.own(line):
                self.memory.take(cells, host, line, choice, touched)
        return 0

    def _load(self, state: State, thread: int, address: Address, choice: Choice, event: Event) -> Any:
        host, line = self.hosts[thread], line_of(address)
        self._use(thread, line)
        if choice == FORWARDED:
            entry = _pending(state.buffers[thread], address)
            assert entry is not None
            event.touched.widens.add(("W", address) if self.lines.own(line) else ("C", host, line))
            return entry.value
        if self.lines.own(line):
            event.touched.reads.add(("W", address))
            return state.cells.words.get(address, 0)
        return self.memory.take(state.cells, host, line, choice, event.touched).get(address[-1], 0)

    def _store(self, state: State, thread: int, address: Address, value: Any, choice: Choice, event: Event) -> None:
        line = line_of(address)
        self._use(thread, line, writes=True)
        self.memory.store(state.cells, self.hosts[thread], line, address[-1], value, choice, event.touched)

    def _modify(
        self, state: State, thread: int, operation: FetchAdd | CompareExchange | Exchange, choice: Choice, event: Event
    ) -> Any:
        """Read and perhaps replace a word of this host in one step."""
        address = operation.address
        host, line, word = self.hosts[thread], line_of(address), address[-1]
        if self.lines.own(line):
            before = state.cells.words.get(address, 0)
        else:
            before = self.memory.content(state.cells, host, line, choice).get(word, 0)
        new = _replacement(operation, before)
        if new is None:
            return self._load(state, thread, address, choice, event)
        self._use(thread, line, writes=True)
        self.memory.store(state.cells, host, line, word, new[0], choice, event.touched)
        return before

    def _drain(self, state: State, thread: int, entry: Entry, choice: Choice, event: Event) -> None:
        """Let an entry of a store buffer take effect."""
        host, line, cells = self.hosts[thread], entry.line, state.cells
        buffer = tuple(each for each in state.buffers[thread] if each is not entry)
        state.buffers = (*state.buffers[:thread], buffer, *state.buffers[thread + 1 :])
        if entry.kind is Buffered.W:
            self.memory.store(cells, host, line, entry.word, entry.value, choice, event.touched)
        elif entry.kind is Buffered.NT:
            evict = NO_EVICTION if choice == OWN else choice
            self.memory.device_store(cells, host, line, entry.word, entry.value, evict, event.touched)
        elif entry.kind is not Buffered.SF and not self.lines.own(line):
            self.memory.flush(cells, host, line, entry.kind, choice, event.touched)
        label = entry.origin.label
        step = label(0) if label is not None else None
        event.acts.append(Act(thread, entry, 0, step, choice))
        self._tell(state, step, event)

    # --- what happens at once ---

    def _hasten(self, state: State, thread: int, event: Event) -> None:
        """Do what only this thread can notice, as long as there is some."""
        while self._local(state, thread, event) or self._drain_unnoticed(state, thread, event):
            pass

    def _local(self, state: State, thread: int, event: Event) -> bool:
        operation, buffer = state.nodes[thread].operation, state.buffers[thread]
        match operation:
            case Store() | Unlock() | Flush() | StoreFence() if self.profile.buffers:
                self._enter(state, thread, operation)
            case FullFence() if not buffer:
                pass
            case LoadFence():
                if self.profile.lfence_waits and any(each.kind in (Buffered.FL, Buffered.FO) for each in buffer):
                    return False
            case Sleep() | Attempted() | Witness():
                pass
            case Prefetch() if self.profile.speculate:
                pass  # a cache may fetch at any time: one more time is nothing new
            case Flush() | StoreFence():
                pass  # of a machine without store buffers
            case _:
                return False
        self._advance(state, thread, operation, 0, NOTHING, event)
        return True

    def _enter(self, state: State, thread: int, operation: Store | Unlock | Flush | StoreFence) -> None:
        number = state.issued_counts[thread]
        match operation:
            case Store(address, value):
                kind = Buffered.NT if operation.streaming else Buffered.W
                entry = Entry(kind, line_of(address), address[-1], value, number, operation)
                self._use(thread, entry.line, writes=True)
            case Unlock(address):
                entry = Entry(Buffered.W, line_of(address), address[-1], 0, number, operation)
                self._use(thread, entry.line, writes=True)
            case Flush(line, kind):
                entry = Entry(kind, line, None, 0, number, operation)
                self._use(thread, line)
            case StoreFence():
                entry = Entry(Buffered.SF, (), None, 0, number, operation)
        buffers, counts = state.buffers, state.issued_counts
        state.buffers = (*buffers[:thread], (*buffers[thread], entry), *buffers[thread + 1 :])
        state.issued_counts = (*counts[:thread], number + 1, *counts[thread + 1 :])

    def _drain_unnoticed(self, state: State, thread: int, event: Event) -> bool:
        buffer = state.buffers[thread]
        for place, entry in enumerate(buffer):
            flush = entry.kind in (Buffered.FL, Buffered.FO, Buffered.WB) and self.lines.own(entry.line)
            unnoticed = entry.kind is Buffered.SF or flush or self.lines.private(entry.line)
            if unnoticed and not self._blocked(buffer, place):
                unheard = Event((thread, entry.number), OWN, False)  # its line is no other thread's
                unheard.acts = event.acts
                self._drain(state, thread, entry, OWN, unheard)
                return True
        return False


def _pending(buffer: tuple[Entry, ...], address: Address) -> Entry | None:
    """Return the youngest store to a word in a thread's own buffer."""
    for place in range(len(buffer) - 1, -1, -1):
        entry = buffer[place]
        if entry.word == address[-1] and entry.line == address[:-1] and entry.kind in (Buffered.W, Buffered.NT):
            return entry
    return None


def _enters(operation: Operation) -> bool:
    return isinstance(operation, Store | Unlock | Flush | StoreFence)


def _replacement(operation: FetchAdd | CompareExchange | Exchange, before: Any) -> tuple[Any] | None:
    """Return the value that is stored, or None for a compare-exchange that fails."""
    match operation:
        case FetchAdd(amount=amount):
            return (before + amount,)
        case CompareExchange(expected=expected, desired=desired):
            return (desired,) if before == expected else None
        case Exchange(value=value):
            return (value,)
