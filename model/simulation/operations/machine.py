"""The machine that operations run on under a clock: what each costs, and what it does when its time has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fencepost.model.memory.ordering import Buffered
from fencepost.model.programs.operations import (
    LATER,
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
    Poll,
    Prefetch,
    Receive,
    Send,
    Sleep,
    Store,
    StoreFence,
    Unlock,
    Witness,
)
from fencepost.model.simulation.clock import Clock
from fencepost.model.simulation.machine_costs import MachineCosts
from fencepost.model.simulation.operations.memory import Address, HostLine, Line, TimedMemory
from fencepost.model.simulation.operations.run_ahead import Ahead
from fencepost.model.simulation.operations.threads import BLOCKED, Operation, TimedThread
from fencepost.model.simulation.perfetto import Spans
from fencepost.model.simulation.records import Tally
from fencepost.model.trace import Step

Time = Callable[[TimedThread, Operation, int], int]  # when an operation is done that begins at a time
Effect = Callable[[TimedThread, Operation], Any]  # does it and returns its result, or BLOCKED
Handler = tuple[Time, Effect, Time | None, bool, int]  # time, effect, ahead of the clock, and as in `HANDLED`

HANDLED: dict[type, tuple[str, str, str, bool, int]] = {
    Load: ("_time_load", "_load", "load", False, 1),
    Store: ("_time_store", "_store", "store", False, 1),
    FetchAdd: ("_time_atomic", "_fetch_add", "", False, 1),
    CompareExchange: ("_time_atomic", "_compare_exchange", "", False, 1),
    Exchange: ("_time_atomic", "_exchange", "", False, 1),
    DeviceAdd: ("_time_device", "_device_add", "", False, 1),
    Lock: ("_time_lock", "_lock", "", False, 1),
    Unlock: ("_time_store", "_unlock", "", False, 1),
    Flush: ("_time_flush", "_flush", "flush", True, 1),
    StoreFence: ("_time_fence", "_nothing", "fence", True, 1),
    FullFence: ("_time_fence", "_nothing", "fence", True, 1),
    LoadFence: ("_time_now", "_nothing", "nothing", True, 1),
    Prefetch: ("_time_prefetch", "_prefetch", "prefetch", True, 1),
    Poll: ("_time_poll", "_poll", "", True, 1),
    Send: ("_time_now", "_send", "", True, 0),
    Receive: ("_time_now", "_receive", "", True, 0),
    Sleep: ("_time_sleep", "_nothing", "", True, 0),
    Attempted: ("_time_now", "_attempted", "attempted", True, 0),
    Witness: ("_time_now", "_nothing", "witness", True, 0),
}
"""How each operation is handled: methods of the machine, and that of `Ahead` if it may be done ahead of the clock;
whether nobody sees its beginning; how many operations on memory it counts as."""


class Handlers(dict[type, Handler]):
    """How each class of operations is handled, bound to one machine when a class is met first."""

    def __init__(self, machine: TimedMachine) -> None:
        super().__init__()
        self._machine, self._ahead = machine, Ahead(machine)

    def __missing__(self, kind: type) -> Handler:
        time, effect, ahead, seen, counts = HANDLED[kind]
        done_ahead = getattr(self._ahead, ahead) if ahead and self._machine.runs_ahead else None
        self[kind] = getattr(self._machine, time), getattr(self._machine, effect), done_ahead, seen, counts
        return self[kind]


class TimedMachine:
    """Cores, memory, locks and channels.

    `observers` are told of the steps of their names, when an operation was one or a witness says it; `attempted` of
    every attempt that leaves a batch for later. `runs_ahead` says whether threads may run ahead of the clock; `spans`
    takes down when threads work.
    """

    def __init__(
        self,
        clock: Clock,
        costs: MachineCosts,
        memory: TimedMemory,
        *,
        observers: dict[str, Callable[[Step], None]],
        attempted: Callable[[Attempted], None] = lambda attempted: None,
        runs_ahead: bool = True,
        spans: Spans | None = None,
    ) -> None:
        self.clock, self.costs, self.memory, self.observers, self.attempted = clock, costs, memory, observers, attempted
        self.runs_ahead, self.spans = runs_ahead, spans
        self._load_ns, self._store_ns, self._cxl_load_ns = (
            int(costs.load_hit),
            int(costs.store_hit),
            int(costs.cxl_load),
        )
        self._flush_ns, self._fence_ns, self._pause_ns = int(costs.flush), int(costs.fence), int(costs.pause)
        self._fresh_ns = int(costs.invalidate + costs.cxl_load)  # of a look that drops the copy first
        self._changed_ns = int(costs.line_transfer + costs.load_hit)  # of one that finds its copy gone
        self.threads: list[TimedThread] = []
        self.lock_waits, self.lock_held = Tally(), Tally()
        self._arrived: dict[Any, list[Any]] = {}  # messages by channel
        self._receiving: dict[Any, TimedThread] = {}
        self.emptied: dict[Any, Callable[[], None]] = {}  # told when a thread has received all of a channel's messages
        self._spinning: dict[Any, list[TimedThread]] = {}  # of a lock: who waits, first come first
        self._held_since_ns: dict[Any, int] = {}
        self.handlers = Handlers(self)

    @property
    def operation_count(self) -> int:
        """How many operations on memory were done so far; a poll is one, however often it looks."""
        return sum(thread.operation_count for thread in self.threads)

    # --- times ---

    def _time_now(self, thread: TimedThread, operation: Operation, now_ns: int) -> int:
        return now_ns

    def _time_sleep(self, thread: TimedThread, operation: Operation, now_ns: int) -> int:
        return max(now_ns, int(operation.until_ns))

    def _time_load(self, thread: TimedThread, operation: Operation, now_ns: int) -> int:
        place = thread.place = thread.places.get(operation.address) or self.place(thread, operation.address)
        core = thread.core
        if place.words is None:
            return self.memory.fetched_at(place, core, now_ns, False)
        return now_ns + self._load_ns if place.holders >> core & 1 else place.load(core, now_ns) + place.extra_ns

    def _time_store(self, thread: TimedThread, operation: Operation, now_ns: int) -> int:
        """A line that is not cached is fetched whole first."""
        place = thread.place = thread.places.get(operation.address) or self.place(thread, operation.address)
        if place.words is None:
            now_ns = self.memory.fetched_at(place, thread.core, now_ns, True)
        elif place.owner == thread.core and place.free_ns <= now_ns:
            return now_ns + self._store_ns
        return place.store(thread.core, now_ns)

    def _time_atomic(self, thread: TimedThread, operation: Operation, now_ns: int) -> int:
        """An atomic waits until the thread's flushes have drained, as a fence does."""
        place = thread.place = thread.places.get(operation.address) or self.place(thread, operation.address)
        if thread.flushed_ns > now_ns:
            now_ns = thread.flushed_ns
        if place.words is None:
            now_ns = self.memory.fetched_at(place, thread.core, now_ns, True)
        return place.atomic(thread.core, now_ns)

    def _time_lock(self, thread: TimedThread, operation: Operation, now_ns: int) -> int:
        thread.asked_ns = now_ns
        return self._time_atomic(thread, operation, now_ns)

    def _time_prefetch(self, thread: TimedThread, operation: Operation, now_ns: int) -> int:
        return now_ns + self._store_ns

    def _time_flush(self, thread: TimedThread, operation: Operation, now_ns: int) -> int:
        return now_ns + self._flush_ns

    def _time_fence(self, thread: TimedThread, operation: Operation, now_ns: int) -> int:
        return max(now_ns + self._fence_ns, thread.flushed_ns)

    def _time_device(self, thread: TimedThread, operation: Operation, now_ns: int) -> int:
        return self._time_fence(thread, operation, now_ns) + self.costs.cxl_load

    def _time_poll(self, thread: TimedThread, operation: Operation, now_ns: int) -> int:
        """One look at every watched word."""
        thread.looks_at = looks_at = []
        for watched in operation.watched:
            address = watched.address
            place = thread.places.get(address) or self.place(thread, address)
            looks_at.append(place)
            if watched.invalidate:
                now_ns += self._fresh_ns
            else:
                now_ns += self._load_ns if place.words is not None else self._cxl_load_ns
        return now_ns

    def place(self, thread: TimedThread, address: Address) -> HostLine:
        """Return the thread's host's side of the line of a word, and take note that the thread uses it."""
        line = address[:-1]
        found = thread.places[address] = thread.places.get(line) or self.line(thread, line)
        return found

    def line(self, thread: TimedThread, line: Line) -> HostLine:
        """Return the thread's host's side of a line, and take note that the thread uses it."""
        found = thread.places[line] = self.memory.line(thread.host, line)
        found.family.used_by(thread.core)
        return found

    # --- effects ---

    def _nothing(self, thread: TimedThread, operation: Operation) -> int:
        return 0

    def _attempted(self, thread: TimedThread, operation: Attempted) -> int:
        if operation.outcome == LATER:
            self.attempted(operation)
        return 0

    def _load(self, thread: TimedThread, operation: Operation) -> Any:
        return self.memory.load(thread.place, operation.address)

    def _store(self, thread: TimedThread, operation: Operation) -> int:
        self.memory.store(thread.place, operation.address, operation.value)
        return 0

    def _fetch_add(self, thread: TimedThread, operation: Operation) -> Any:
        place, address = thread.place, operation.address
        before = self.memory.load(place, address)
        self.memory.store(place, address, before + operation.amount)
        return before

    def _compare_exchange(self, thread: TimedThread, operation: Operation) -> Any:
        place, address = thread.place, operation.address
        before = self.memory.load(place, address)
        if before == operation.expected:
            self.memory.store(place, address, operation.desired)
        elif place.is_pooled:
            self.memory.store(place, address, before)  # one that fails writes what it found, and its line is dirty
        return before

    def _exchange(self, thread: TimedThread, operation: Operation) -> Any:
        place, address = thread.place, operation.address
        before = self.memory.load(place, address)
        self.memory.store(place, address, operation.value)
        return before

    def _device_add(self, thread: TimedThread, operation: Operation) -> Any:
        place = self.memory.place(thread.host, operation.address)
        return self.memory.device_add(place, operation.address, operation.amount)

    def _flush(self, thread: TimedThread, operation: Operation) -> int:
        place = thread.places.get(operation.line) or self.line(thread, operation.line)
        done_ns = self.memory.flush(place, self.clock._now, operation.kind is Buffered.WB)
        thread.flushed_ns = max(thread.flushed_ns, done_ns)
        return 0

    def _prefetch(self, thread: TimedThread, operation: Operation) -> int:
        """Ask for a line: who uses it waits no longer than it takes from now. What it holds is looked up then."""
        place = thread.places.get(operation.line) or self.line(thread, operation.line)
        if place.words is None and place.asked_ns < 0:
            place.asked_ns = self.clock._now
        return 0

    def _lock(self, thread: TimedThread, operation: Operation) -> Any:
        """Take the lock, or spin: it is handed over in the order of the requests."""
        place, address = thread.place, operation.address
        now_ns = self.clock._now
        if not thread.granted and self.memory.load(place, address) != 0:
            thread.idle_since_ns = now_ns
            self._spinning.setdefault(address, []).append(thread)
            return BLOCKED
        self.lock_waits.note(thread.asked_ns, now_ns - thread.idle_since_ns if thread.granted else 0)
        thread.granted = False
        self._held_since_ns[address] = now_ns
        self.memory.store(place, address, 1)
        return 0

    def _unlock(self, thread: TimedThread, operation: Operation) -> int:
        """Give the lock back; the line goes to every core that spins on it, first to the one that has it next."""
        place, address, now_ns = thread.place, operation.address, self.clock._now
        self.lock_held.note(now_ns, now_ns - self._held_since_ns[address])
        spinning = self._spinning.get(address)
        if not spinning:
            self.memory.store(place, address, 0)
            return 0
        following = spinning.pop(0)
        following.granted = True
        following.schedule(place.atomic(following.core, now_ns) + self.costs.lock_wake)
        place.spinners_return([each.core for each in spinning], now_ns)
        return 0

    def _poll(self, thread: TimedThread, operation: Operation) -> Any:
        """Look at each word; if none has changed, wait until one may have."""
        memory, core, looks_at, fresh_count = self.memory, thread.core, thread.looks_at, 0
        for index, watched in enumerate(operation.watched):
            place = looks_at[index]
            if watched.invalidate:
                fresh_count += 1
                found = memory.fresh(place, watched.address)
            else:
                found = memory.load(place, watched.address)
            if not place.holders >> core & 1:
                place.load(core, self.clock._now)  # the thread that looked has the copy
            if found != watched.seen:
                return index, found
        for watched, place in zip(operation.watched, looks_at, strict=True):
            if not watched.invalidate:
                memory.watch_copy(place, thread)
            elif place.home.watchers is None or thread not in place.home.watchers:
                memory.watch_memory(place, thread)
        others = len(looks_at) - fresh_count
        looked_ns = fresh_count * self._fresh_ns + others * self._load_ns
        found_ns = fresh_count * self._fresh_ns + others * self._changed_ns  # a copy that was polled is gone by then
        thread.sleep(looks_at, looked_ns=looked_ns, poll_ns=max(1, self._pause_ns + looked_ns), found_ns=found_ns)
        return BLOCKED

    def _send(self, thread: TimedThread, operation: Operation) -> int:
        self.deliver(operation.channel, operation.message)
        return 0

    def deliver(self, channel: Any, message: Any) -> None:
        """A message arrives at the end of its channel."""
        self._arrived.setdefault(channel, []).append(message)
        receiving = self._receiving.pop(channel, None)
        if receiving is not None:
            receiving.awake_since_ns = self.clock._now
            receiving.schedule(self.clock._now)

    def _receive(self, thread: TimedThread, operation: Operation) -> Any:
        messages = self._arrived.get(operation.channel)
        if messages:
            return messages.pop(0)
        self._receiving[operation.channel] = thread
        thread.rest(self.clock._now)
        if operation.channel in self.emptied:
            self.emptied[operation.channel]()
        return BLOCKED
