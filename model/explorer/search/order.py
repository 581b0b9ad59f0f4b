"""Happened before: which events of a run must stay in their order for the run to be the same.

Events are numbered by their place in the run. A set of events is an integer, bit n for event n: a union is one `|`.
Order comes from threads (what a thread did before), from store buffers (an entry drains after it was put there, and
after the older ones that block it; what waits for an empty buffer comes after all of it), and from what two events both
have to do with, when one of them changes it.
"""

from __future__ import annotations

from typing import NamedTuple

from fencepost.model.explorer.states.buffers import blocks
from fencepost.model.explorer.states.state import THREAD, Act, Event
from fencepost.model.explorer.states.system import System
from fencepost.model.memory.lazy import Entry, Key
from fencepost.model.memory.ordering import Buffered
from fencepost.model.programs.operations import (
    CompareExchange,
    DeviceAdd,
    Exchange,
    FetchAdd,
    FullFence,
    LoadFence,
    Lock,
    Poll,
)


class Race(NamedTuple):
    """An earlier event that might as well have come after the later one."""

    earlier: int
    before: int  # what must come before the later event all the same


class Order:
    """The order of the events of one run, kept while the run grows and shrinks at its end."""

    def __init__(self, system: System) -> None:
        self._matrix = system.matrix
        self._thread_count = len(system.threads)
        self.events: list[Event] = []
        self.past: list[int] = []  # of each event, all that happened before it
        self._uses: dict[
            Key, list[tuple[int, bool]]
        ] = {}  # key -> events that have to do with it, and whether by a write
        self._widened: dict[Key, list[int]] = {}  # key -> events that would have had more choices after a write of it
        self._threads: list[tuple[int, ...]] = [
            tuple(0 for _ in system.threads)
        ]  # of each thread, all that it comes after
        self._entries: list[dict[tuple[int, int], tuple[Entry, int, bool]]] = [
            {}
        ]  # entry, its past, whether it drained

    def begin(self, event: Event) -> None:
        """Note what happened at once before the first event of the run."""
        self._threads, self._entries = [self._threads[0]], [{}]
        self._note_acts(event, 0)

    def push(self, event: Event) -> list[Race]:
        """Add an event at the end; return its races with earlier ones."""
        base = self._base(event)
        direct = self._conflicts(event)
        races = []
        past = base
        for earlier in direct:
            others = base
            for other in direct:
                if other != earlier:
                    others |= self.past[other] | 1 << other
            if not others >> earlier & 1:
                races.append(Race(earlier, others))
            past |= self.past[earlier] | 1 << earlier
        races += [
            Race(earlier, past)
            for key in event.touched.writes
            for earlier in self._widened.get(key, ())
            if not past >> earlier & 1
        ]
        races += self._lock_races(event, base)
        self._append(event, past)
        return races

    def pop(self) -> None:
        """Take the last event away."""
        event = self.events.pop()
        self.past.pop()
        self._threads.pop()
        self._entries.pop()
        touched = event.touched
        for key in touched.reads | touched.writes:
            self._uses[key].pop()
        for key in touched.widens:
            self._widened[key].pop()

    def waiting(self, thread: int, keys: set[Key]) -> list[Race]:
        """Return the events that an operation which waits on these keys might as well have come before."""
        base = self._threads[-1][thread]
        found = {at for key in keys for at, writes in self._uses.get(key, ()) if writes and not base >> at & 1}
        return [Race(at, base) for at in sorted(found, reverse=True)]

    # --- what an event comes after ---

    def _base(self, event: Event) -> int:
        """Return what comes before an event because of its thread and its buffer alone."""
        thread, number = event.actor
        if number == THREAD:
            base = self._threads[-1][thread]
            operation = event.acts[0].what
            if _waits_for_buffer(operation):
                base |= self._drained(thread)
            return base
        entry, past, _ = self._entries[-1][event.actor]
        return past | self._blockers(thread, entry)

    def _drained(self, thread: int, kinds: tuple[Buffered, ...] = tuple(Buffered)) -> int:
        """Return what drained entries of a thread came after, themselves included."""
        found = 0
        for (of, _), (entry, past, drained) in self._entries[-1].items():
            if of == thread and drained and entry.kind in kinds:
                found |= past
        return found

    def _blockers(self, thread: int, entry: Entry) -> int:
        found = 0
        for (of, number), (older, past, _) in self._entries[-1].items():
            if of != thread or number >= entry.number:
                continue
            if blocks(self._matrix, older, entry):
                found |= past
        return found

    def _conflicts(self, event: Event) -> list[int]:
        """Return the nearest earlier events that the event conflicts with."""
        found: set[int] = set()
        touched = event.touched
        for key in touched.reads | touched.writes | touched.dates:
            writes = key in touched.writes
            for earlier, wrote in reversed(self._uses.get(key, ())):
                if wrote or writes:
                    found.add(earlier)
                if wrote:
                    break
        return sorted(found, reverse=True)

    def _lock_races(self, event: Event, base: int) -> list[Race]:
        """Return a lock's race with the lock before it: the unlock between the two cannot be passed, the lock can."""
        operation = event.acts[0].what
        if not isinstance(operation, Lock):
            return []
        for earlier, _ in reversed(self._uses.get(("W", operation.address), ())):
            what = self.events[earlier].acts[0].what
            if isinstance(what, Lock) and not base >> earlier & 1:
                return [Race(earlier, base)]
        return []

    # --- bookkeeping ---

    def _append(self, event: Event, past: int) -> None:
        number = len(self.events)
        self.events.append(event)
        self.past.append(past)
        touched = event.touched
        for key in touched.reads | touched.writes:
            self._uses.setdefault(key, []).append((number, key in touched.writes))
        for key in touched.widens:
            self._widened.setdefault(key, []).append(number)
        self._threads.append(self._threads[-1])
        self._entries.append(self._entries[-1].copy())
        self._note_acts(event, past | 1 << number)

    def _note_acts(self, event: Event, past: int) -> None:
        """Note what the threads and buffers come after from now on."""
        for index, act in enumerate(event.acts):
            if isinstance(act.what, Entry):
                self._note_drain(act, past if index == 0 else 0)
                continue
            threads = list(self._threads[-1])
            threads[act.thread] |= past if index == 0 and event.actor[1] == THREAD else 0
            if index > 0 and _waits_for_buffer(act.what):
                threads[act.thread] |= self._drained(act.thread)
            if isinstance(act.what, LoadFence):
                threads[act.thread] |= self._drained(act.thread, (Buffered.FL, Buffered.FO))
            self._threads[-1] = tuple(threads)
            if act.entry is not None:
                self._entries[-1][act.thread, act.entry.number] = (act.entry, threads[act.thread], False)

    def _note_drain(self, act: Act, past: int) -> None:
        entry = act.what
        assert isinstance(entry, Entry)
        _, issued, _ = self._entries[-1][act.thread, entry.number]
        self._entries[-1][act.thread, entry.number] = (entry, issued | past | self._blockers(act.thread, entry), True)


def _waits_for_buffer(operation: object) -> bool:
    if isinstance(operation, Poll):
        return any(each.invalidate for each in operation.watched)
    return isinstance(operation, FullFence | FetchAdd | CompareExchange | Exchange | DeviceAdd | Lock)
