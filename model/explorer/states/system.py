"""Threads on a memory: which transitions a state has, and the state after one.

An actor is a thread, or one entry of a thread's store buffer, which drains in its own time. A transition is an actor
with a choice. What nobody else can notice happens at once, in the same transition as what came before it: a store or
flush enters the buffer, a fence that need not wait is passed, an entry drains on a line that only its thread uses.

A choice is *lucky* when it needs a cache to do what no cache has to do: to write back or to drop a line of itself.
Memory does without luck for ever in the worst case, so a run may end where only luck would bring it further.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fencepost.model.errors import Endless, InputError
from fencepost.model.explorer.states.buffers import FLUSHES, blocked, pending_store
from fencepost.model.explorer.states.enabled import Enabled
from fencepost.model.explorer.states.monitor import FirstStore, Monitor, Objection, Violation
from fencepost.model.explorer.states.state import (
    FORWARDED,
    LOOKED,
    NO_EVICTION,
    NOTHING,
    OWN,
    THREAD,
    Act,
    Actor,
    Event,
    State,
    Transition,
)
from fencepost.model.explorer.states.threads import Node, Raised, labelled
from fencepost.model.memory.lazy import Choice, Entry, LazyMemory
from fencepost.model.memory.lines import Lines
from fencepost.model.memory.ordering import Buffered, Matrix
from fencepost.model.memory.profiles import Profile
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
    replacement,
)
from fencepost.model.programs.structures.structure import Malformed
from fencepost.model.trace import Step

AT_ONCE_MOST = 10_000
"""Operations of a thread in a row that no other thread notices. One with more never waits: its run has no end."""


class System:
    """Threads under a profile and an ordering matrix, from given words, seen by a watch."""

    def __init__(
        self,
        threads: Sequence[ThreadOf],
        profile: Profile,
        matrix: Matrix,
        *,
        words: dict[Address, Any] | None = None,
        watch: Monitor | None = None,
    ) -> None:
        if profile.snapshot or not profile.line_atomic or profile.dirty_words_only or profile.crashes:
            raise InputError(
                f"the explorer does not support profile {profile.name!r} ({profile.purpose}): expected sc, tso, ncx,"
                " ncx-nospec, ncx-noevict or ncx-lfence; `fencepost litmus` decides litmus files under all of them"
            )
        self.threads, self.profile, self.matrix = tuple(threads), profile, matrix
        self.hosts = [0 if profile.one_host else thread.host for thread in threads]
        self.lines = Lines(profile.one_host)
        initial: dict[tuple[Any, ...], dict[Any, Any]] = {}
        for address, value in (words or {}).items():
            initial.setdefault(line_of(address), {})[address[-1]] = value
        self.memory = LazyMemory(profile, self.lines, initial)
        self._possible = Enabled(self.hosts, self.memory, matrix)
        self._watch = watch or Monitor()
        self._roots = tuple(Node.first(thread) for thread in threads)

    def start(self) -> tuple[State, Event]:
        """Return the state after what happens at once, and that as an event of nobody."""
        state = State(self._roots, self.memory.start(), self._watch)
        event = Event((-1, THREAD), NOTHING, False)
        for thread in range(len(self.threads)):
            self._object(state, thread)
            self._hasten(state, thread, event)
        return state, event

    def transitions(self, state: State) -> dict[Actor, list[Transition]]:
        """Return the transitions of a state, by actor; actors that can do nothing are left out."""
        return self._possible.transitions(state)

    def answers(self, then: State, now: State, thread: int) -> set[tuple[int, bool]]:
        """Return which of its words a thread that waits where it is now could have been let through by, with what
        memory had then, and whether that only looked (`Enabled.answers`).
        """
        asked = then.copy()
        asked.nodes = (*then.nodes[:thread], now.nodes[thread], *then.nodes[thread + 1 :])
        asked.buffers = (*then.buffers[:thread], now.buffers[thread], *then.buffers[thread + 1 :])
        return self._possible.answers(asked, thread)

    # --- what happens then ---

    def perform(self, state: State, actor: Actor, transition: Transition) -> tuple[State, Event]:
        """Return the state after a transition of this state, and what happened."""
        choice, lucky = transition
        after, event = state.copy(), Event(actor, choice, lucky)
        thread, number = actor
        if number == THREAD:
            self._order_entries(after, thread)
            operation = after.nodes[thread].operation
            assert operation is not None
            looked = isinstance(operation, Poll) and choice[-1] == LOOKED
            result = self._execute(after, thread, operation, choice[:2] if looked else choice, event)
            if looked:
                event.acts.append(Act(thread, operation, result, None, choice))
            else:
                self._advance(after, thread, operation, result, choice, event)
        else:
            entry = next(entry for entry in after.buffers[thread] if entry.number == number)
            self._drain(after, thread, entry, choice, event)
        self._hasten(after, thread, event)
        return after, event

    def _order_entries(self, state: State, thread: int) -> None:
        """Note that what enters the buffer from now on comes after more than what is in it."""
        state.moments = (*state.moments[:thread], state.moments[thread] + 1, *state.moments[thread + 1 :])

    def _advance(
        self, state: State, thread: int, operation: Operation, result: Any, choice: Choice, event: Event
    ) -> None:
        node, step = state.nodes[thread].after(result)
        state.nodes = (*state.nodes[:thread], node, *state.nodes[thread + 1 :])
        entry = (
            state.buffers[thread][-1]
            if isinstance(operation, Store | Unlock | Flush | StoreFence) and self.profile.buffers
            else None
        )
        step = step if entry is None else None  # a store takes effect when it leaves the buffer
        event.acts.append(Act(thread, operation, result, step, choice, entry))
        self._tell(state, step, event)
        self._object(state, thread)

    def _object(self, state: State, thread: int) -> None:
        """End the run where the thread's program has raised an exception."""
        returned = state.nodes[thread].returned
        if isinstance(returned, Raised) and not state.watch.violation:
            state.watch = self._objection(thread, returned)

    def _objection(self, thread: int, raised: Raised) -> Monitor:
        return Objection(Violation(raised.property, f"{self.threads[thread].name} {raised.sentence}"))

    def _tell(self, state: State, step: Step | None, event: Event) -> None:
        """Tell the watch of a step; what it asks of memory is part of what the event has to do with."""
        if step is not None:
            event.concern(*state.watch.concerns(step))
            answers = tuple(self._inspect(state, address, event) for address in state.watch.asks(step))
            state.watch = state.watch.after(step, answers)

    def _inspect(self, state: State, address: Address, event: Event) -> Any:
        """Return what memory has of a word, for whoever may read it: the watch is told what depends on when."""
        line = line_of(address)
        self._use(event.actor[0], line)
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
                (index, inner), each = choice, watched[choice[0]]
                for other in watched:  # had it changed before, it might have been the one
                    self._use(thread, line_of(other.address))
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
                self._use(thread, line_of(address), writes=True)
                if not self.lines.own(line_of(address)):
                    raise Malformed(
                        f"{self.threads[thread].name} takes the lock {address}, and other hosts use its line:"
                        " a lock is of one host; expected a line of its own there"
                    )
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
            entry = pending_store(state.buffers[thread], address)
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
        self._note_writer(state, thread, address, value)

    def _note_writer(self, state: State, thread: int, address: Address, value: Any) -> None:
        """Let the watch know when a line that one host stored to is stored to by another one."""
        line, host = line_of(address), self.hosts[thread]
        before = state.writers.get(line, ())
        if all(store.host != host for store in before):
            stores = (*before, FirstStore(host, self.threads[thread].name, address, value))
            state.writers = {**state.writers, line: stores}
            if before:
                state.watch = state.watch.after_stores(stores)

    def _modify(
        self, state: State, thread: int, operation: FetchAdd | CompareExchange | Exchange, choice: Choice, event: Event
    ) -> Any:
        """Read and replace a word of this host in one step.

        A compare-exchange that fails writes what it found; on a line of one host alone nobody can tell.
        """
        address = operation.address
        host, line, word = self.hosts[thread], line_of(address), address[-1]
        if self.lines.own(line):
            before = state.cells.words.get(address, 0)
        else:
            before = self.memory.content(state.cells, host, line, choice).get(word, 0)
        self._use(thread, line, writes=True)
        new = replacement(operation, before)
        if new is None and self.lines.own(line):
            return self._load(state, thread, address, choice, event)
        self.memory.store(state.cells, host, line, word, before if new is None else new[0], choice, event.touched)
        state.stored = {**state.stored, (host, line): (thread, state.moments[thread])}
        self._note_writer(state, thread, address, before if new is None else new[0])
        return before

    def _drain(self, state: State, thread: int, entry: Entry, choice: Choice, event: Event) -> None:
        """Let an entry of a store buffer take effect."""
        host, line, cells = self.hosts[thread], entry.line, state.cells
        buffer = tuple(each for each in state.buffers[thread] if each is not entry)
        state.buffers = (*state.buffers[:thread], buffer, *state.buffers[thread + 1 :])
        if entry.kind is Buffered.W:
            self.memory.store(cells, host, line, entry.word, entry.value, choice, event.touched)
            state.stored = {**state.stored, (host, line): (thread, entry.moment)}
        elif entry.kind is Buffered.NT:
            evict = NO_EVICTION if choice == OWN else choice
            self.memory.device_store(cells, host, line, entry.word, entry.value, evict, event.touched)
        elif entry.kind is not Buffered.SF and not self.lines.own(line):
            self.memory.flush(cells, host, line, entry.kind, choice, event.touched)
        if isinstance(entry.origin, Store | Unlock):
            self._note_writer(state, thread, entry.origin.address, entry.value)
        step = labelled(entry.origin, 0)
        if isinstance(step, Raised):
            state.watch, step = self._objection(thread, step), None
        event.acts.append(Act(thread, entry, 0, step, choice))
        self._tell(state, step, event)

    # --- what happens at once ---

    def _hasten(self, state: State, thread: int, event: Event) -> None:
        """Do what only this thread can notice, as long as there is some."""
        for _ in range(AT_ONCE_MOST):
            if not (self._local(state, thread, event) or self._drain_unnoticed(state, thread, event)):
                return
        raise Endless(
            f"{self.threads[thread].name} goes on after {AT_ONCE_MOST} operations that no other thread notices"
        )

    def _local(self, state: State, thread: int, event: Event) -> bool:
        operation, buffer = state.nodes[thread].operation, state.buffers[thread]
        match operation:
            case Store() | Unlock() | Flush() | StoreFence() if self.profile.buffers:
                self._enter(state, thread, operation)
            case FullFence() if not buffer:
                self._order_entries(state, thread)
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
        number, moment = state.issued_counts[thread], state.moments[thread]
        match operation:
            case Store(address, value):
                kind = Buffered.NT if operation.streaming else Buffered.W
                entry = Entry(kind, line_of(address), address[-1], value, number, moment, operation)
                self._use(thread, entry.line, writes=True)
            case Unlock(address):
                entry = Entry(Buffered.W, line_of(address), address[-1], 0, number, moment, operation)
                self._use(thread, entry.line, writes=True)
            case Flush(line, kind):
                entry = Entry(kind, line, None, 0, number, moment, operation)
                self._use(thread, line)
            case StoreFence():
                entry = Entry(Buffered.SF, (), None, 0, number, moment, operation)
        buffers, counts = state.buffers, state.issued_counts
        state.buffers = (*buffers[:thread], (*buffers[thread], entry), *buffers[thread + 1 :])
        state.issued_counts = (*counts[:thread], number + 1, *counts[thread + 1 :])
        if entry.kind in (Buffered.SF, Buffered.FL):
            self._order_entries(state, thread)

    def _is_unnoticed(self, state: State, entry: Entry) -> bool:
        """Say whether no other thread notices when an entry leaves its buffer, nor the judgement of its step."""
        if entry.kind is Buffered.SF or (entry.kind in FLUSHES and self.lines.own(entry.line)):
            return True
        if not self.lines.private(entry.line):
            return False
        step = labelled(entry.origin, 0) if entry.origin is not None else None
        return step is None or (not isinstance(step, Raised) and not state.watch.concerns(step)[0])

    def _drain_unnoticed(self, state: State, thread: int, event: Event) -> bool:
        buffer = state.buffers[thread]
        for place, entry in enumerate(buffer):
            if self._is_unnoticed(state, entry) and not blocked(self.matrix, buffer, place):
                unheard = event.aside((thread, entry.number), OWN)  # its line is no other thread's
                self._drain(state, thread, entry, OWN, unheard)
                event.concern(*unheard.facts())
                return True
        return False
