"""What each thread of a run knows of the others by the values that it read: how far each had come when it stored them.

Threads are counted by the operations that they did in their own order. A thread that read a value knows all that its
writer had done, and knew, when it stored that. A newer value is *owed* to a reader that knows its store: where memory
gives it an older one, that is no matter of who was first.
"""

from __future__ import annotations

from typing import Any

from fencepost.model.explorer.explain.stale import Stale, entering, reading, store_of, stores
from fencepost.model.explorer.states.state import Act
from fencepost.model.explorer.traces.run_trace import Run
from fencepost.model.memory.lazy import Entry
from fencepost.model.programs.operations import Address, CompareExchange, Exchange, FetchAdd

Clock = dict[int, int]  # thread -> how many operations of it are known
Written = tuple[int, Clock]  # the thread that stored, and what it knew then, itself included


class Knowledge:
    """Clocks of a run: before each reading step, of each store, and of each thread at the end."""

    def __init__(self, made: Run) -> None:
        self.before: dict[int, Clock] = {}  # reading step -> what its thread knew
        self.after: dict[int, Clock] = {}  # reading step -> what its thread knew then
        self.at: dict[int, int] = {}  # reading step -> its number among the operations of its thread
        self._thread_of: dict[int, int] = {}  # of each reading step
        self.at_end: list[Clock] = [{} for _ in made.system.threads]
        self._stored: dict[tuple[int, Address, Any], Written] = {}  # by the step that issued it, or let it take effect
        self._issued: dict[tuple[int, int], Written] = {}  # of entries of store buffers, by thread and number
        self._last: dict[tuple[Address, Any], Written] = {}  # what a reader of a value finds
        for step, event in enumerate(made.events):
            read = reading(event) if step else None
            for place, act in enumerate(event.acts):
                self._note(step, act, read[:2] if read is not None and place == 0 else None)

    def _note(self, step: int, act: Act, read: tuple[Address, Any] | None) -> None:
        if isinstance(act.what, Entry):
            self._take_effect(step, act, self._issued[act.thread, act.what.number])
            return
        clock = self.at_end[act.thread]
        if read is not None:
            self.before[step] = dict(clock)
            _, known = self._last.get(read, (act.thread, {}))
            for thread, count in known.items():
                clock[thread] = max(clock.get(thread, 0), count)
        clock[act.thread] = clock.get(act.thread, 0) + 1
        written = act.thread, dict(clock)
        if read is not None:
            self._thread_of[step] = act.thread
            self.at[step], self.after[step] = clock[act.thread], dict(clock)
        if act.entry is not None:
            self._issued[act.thread, act.entry.number] = written
            later = entering(act.entry)
            if later is not None:
                self._stored[step, *later] = written
        self._take_effect(step, act, written)

    def _take_effect(self, step: int, act: Act, written: Written) -> None:
        stored = stores(act)
        if stored is not None:
            self._stored[step, *stored] = self._last[stored] = written

    def is_owed(self, made: Run, stale: Stale) -> bool:
        """Say whether the reader knew of the newer value's store, or wrote over it by what it read in the same step."""
        act = made.events[stale.step].acts[0]
        if isinstance(act.what, FetchAdd | Exchange | CompareExchange):
            return stale.where != "buffer" and stores(act) is not None
        return self.knows(stale, stale.writer)

    def knows(self, stale: Stale, writer: int) -> bool:
        """Say whether the reader of an old value knew of the store of the newer one."""
        written = self._stored.get((stale.stored_at, stale.address, stale.newer))
        if written is None or stale.step not in self.before:
            return False
        return written[1][writer] <= self.before[stale.step].get(writer, 0)

    def told_at(self, stale: Stale) -> int | None:
        """Return the step by which the reader of an old value first knew of the store of the newer one, if it did."""
        if not self.knows(stale, stale.writer):
            return None
        stored = self._stored[stale.stored_at, stale.address, stale.newer][1][stale.writer]
        return next((step for step in self._of(stale) if self.after[step].get(stale.writer, 0) >= stored), None)

    def between(self, stale: Stale, told_at: int) -> range:
        """Return the places, in the writer's order from 0, of its operations after a store, up to those known then."""
        stored = self._stored[stale.stored_at, stale.address, stale.newer][1][stale.writer]
        return range(stored, self.after[told_at][stale.writer] - 1)

    def _of(self, stale: Stale) -> list[int]:
        """Return the reading steps of the thread of a stale read before it."""
        own = self._thread_of
        return [step for step in sorted(self.after) if step < stale.step and own[step] == stale.thread]

    def told_by(self, made: Run, step: int, thread: int, writer: int) -> tuple[int, int] | None:
        """Return the steps of the last read by which a thread knew of a writer, before a step, and of its store."""
        for number in range(step - 1, 0, -1):
            read = reading(made.events[number])
            if read is not None and made.events[number].actor[0] == thread:
                by, stored_at = store_of(made, number, read[0], read[1])
                is_stored = any(stores(act) == read[:2] for act in made.events[stored_at].acts)
                if by == writer and is_stored:
                    return number, stored_at
        return None

    def reached(self, step: int, thread: int, judging: int | None) -> bool:
        """Say whether the thread that judges, any at the end of a run, knows of a reading step of a thread."""
        return judging is None or thread == judging or self.at[step] <= self.at_end[judging].get(thread, 0)
