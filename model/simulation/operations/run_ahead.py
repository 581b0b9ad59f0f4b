"""Operations that a thread may do ahead of the clock, because no other thread can tell the difference.

They are fences, and those on lines that it alone uses on its host (`LineGroup.core`), as long as no step is narrated:
loads of what is cached; stores; flushes. What is cached cannot change meanwhile: only the thread itself writes it, and
an eviction that might be due ends the running ahead, as does a line on its way to memory. A store fetches a line that
is not cached; what memory has of it cannot change meanwhile if only this host has ever written such lines. The clock
shows the thread's own time while it runs ahead, so write-backs and evictions come at the same times as without it.

Each method does an operation that begins at a time and returns when it is done, its result in `thread.result`; or it
does nothing and returns SEEN, or SHARED where others can tell also when the operation begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fencepost.model.memory.ordering import Buffered
from fencepost.model.programs.operations import LATER, Attempted, Flush, Load, Prefetch, Store, Witness
from fencepost.model.simulation.operations.threads import SEEN, SHARED, Operation, TimedThread

if TYPE_CHECKING:
    from fencepost.model.simulation.operations.machine import TimedMachine

TIMELESS = ("export",)  # steps that are taken down without the time: what comes next is told in time


class Ahead:
    """The operations of one machine, ahead of its clock."""

    def __init__(self, machine: TimedMachine) -> None:
        self._machine, self._memory = machine, machine.memory
        self._observers = machine.observers
        costs = machine.costs
        self._load_ns, self._store_ns = int(costs.load_hit), int(costs.store_hit)
        self._flush_ns, self._fence_ns = int(costs.flush), int(costs.fence)
        # No operation here takes longer, but for what lies behind a line that is fetched with it.
        self._longest_ns = int(costs.cxl_load + costs.line_transfer + costs.load_miss + costs.store_hit + costs.flush)

    def load(self, thread: TimedThread, load: Load, now_ns: int) -> int:
        place = thread.place = thread.places.get(load.address) or self._machine.place(thread, load.address)
        core = thread.core
        if place.family.core != core or place.draining:
            return SHARED
        words = place.words
        if words is None or place.evicted_ns <= now_ns + self._longest_ns:
            return SEEN
        found = words.get(load.address[-1], 0)
        if load.label is not None:
            step = load.label(found)
            if step is not None and step.action in self._observers:
                return SEEN
        thread.result = found
        return now_ns + self._load_ns if place.holders >> core & 1 else place.load(core, now_ns)

    def store(self, thread: TimedThread, store: Store, now_ns: int) -> int:
        place = thread.place = thread.places.get(store.address) or self._machine.place(thread, store.address)
        family, core = place.family, thread.core
        if family.core != core or place.draining:
            return SHARED
        if place.watchers or place.extra_ns or place.evicted_ns <= now_ns + self._longest_ns:
            return SEEN
        if store.label is not None:
            step = store.label(0)
            if step is not None and step.action in self._observers:
                return SEEN
        words = place.words
        if words is None:
            if family.written_by[0] != family.host:
                return SEEN
            now_ns = self._memory.fetched_at(place, core, now_ns, True)
            words = place.words = dict(place.home.words)
        elif words is place.home.words:
            words = place.words = dict(words)
        if place.owner == core and place.free_ns <= now_ns:
            at_ns = now_ns + self._store_ns
        else:
            at_ns = place.store(core, now_ns)
        words[store.address[-1]] = store.value
        if place.dirty_since_ns < 0:
            self._memory.made_dirty(place, at_ns)
        thread.result = 0
        return at_ns

    def flush(self, thread: TimedThread, flush: Flush, now_ns: int) -> int:
        place = thread.places.get(flush.line) or self._machine.line(thread, flush.line)
        if place.draining or place.family.core != thread.core:
            return SHARED
        if place.watchers or place.evicted_ns <= now_ns + self._longest_ns:
            return SEEN
        thread.result = 0
        at_ns = now_ns + self._flush_ns
        done_ns = self._memory.flush(place, at_ns, flush.kind is Buffered.WB)
        if done_ns > thread.flushed_ns:
            thread.flushed_ns = done_ns
        return at_ns

    def prefetch(self, thread: TimedThread, prefetch: Prefetch, now_ns: int) -> int:
        place = thread.places.get(prefetch.line) or self._machine.line(thread, prefetch.line)
        if place.draining or place.family.core != thread.core:
            return SHARED
        at_ns = now_ns + self._store_ns
        if place.words is None and place.asked_ns < 0:
            place.asked_ns = at_ns
        thread.result = 0
        return at_ns

    def fence(self, thread: TimedThread, fence: Operation, now_ns: int) -> int:
        if fence.label is not None:
            return SEEN
        thread.result = 0
        at_ns = now_ns + self._fence_ns
        return at_ns if at_ns > thread.flushed_ns else thread.flushed_ns

    def nothing(self, thread: TimedThread, operation: Operation, now_ns: int) -> int:
        if operation.label is not None:
            return SEEN
        thread.result = 0
        return now_ns

    def attempted(self, thread: TimedThread, attempted: Attempted, now_ns: int) -> int:
        """Nothing happens but to what is left for later."""
        if attempted.outcome == LATER or attempted.label is not None:
            return SEEN
        thread.result = 0
        return now_ns

    def witness(self, thread: TimedThread, witness: Witness, now_ns: int) -> int:
        observer = self._observers.get(witness.step.action)
        if observer is not None:
            if witness.step.action not in TIMELESS:
                return SEEN
            observer(witness.step)
        thread.result = 0
        return now_ns
