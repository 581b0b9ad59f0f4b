"""What threads of one host share: lines that one core can write at a time, and locks that are words in such lines.

Contention is waiting. A line moves to the core that wants it, one move at a time, in the order of the requests; so a
fetch_add that many cores want waits for the moves of those before it. A line answers with the time at which a request
is served, which needs no event of its own.
"""

from __future__ import annotations

from array import array
from collections import deque

import simpy

from fencepost.model.simulation.clock import Clock, Process
from fencepost.model.simulation.machine_costs import MachineCosts
from fencepost.model.simulation.records import Tally


class LineTimes:
    """What a line's moves and uses take, in nanoseconds: the same for all lines of a machine."""

    __slots__ = ("atomic_ns", "hit_ns", "miss_ns", "store_ns", "transfer_ns")

    def __init__(self, costs: MachineCosts) -> None:
        self.hit_ns, self.miss_ns = int(costs.load_hit), int(costs.load_miss)
        self.store_ns, self.atomic_ns = int(costs.store_hit), int(costs.atomic_hit)
        self.transfer_ns = int(costs.line_transfer)


class SharedLine:
    """One line of a host's memory: who may write it, who holds a copy, and until when it is on its way.

    `transfers` has the time of each move from other cores that hold it; what comes from memory, or is held by nobody
    else, is none.
    """

    __slots__ = ("free_ns", "holders", "owner", "times", "transfers", "waits")

    def __init__(self, times: LineTimes, waits: Tally | None = None, transfers: array[int] | None = None) -> None:
        self.times, self.waits, self.transfers = times, waits, transfers
        self.owner = -1  # the core that may write; -1: none
        self.holders = 0  # cores with a copy, a bit each: bit n for core n
        self.free_ns = 0  # until then the line is moving

    def load(self, core: int, now_ns: int) -> int:
        """Return when a load by `core` is done."""
        bit = 1 << core
        if self.holders & bit:
            return now_ns + self.times.hit_ns
        done_ns = self._moved(now_ns, self.holders) + self.times.hit_ns
        self.owner = -1
        self.holders |= bit
        return done_ns

    def store(self, core: int, now_ns: int) -> int:
        """Return when a store by `core` is done: every other copy is gone by then."""
        return self._taken(core, now_ns) + self.times.store_ns

    def atomic(self, core: int, now_ns: int) -> int:
        """Return when an atomic by `core` is done. No other request is served between its load and its store."""
        if self.waits is not None:
            self.waits.note(now_ns, self.free_ns - now_ns if self.free_ns > now_ns else 0)
        begin_ns = self._taken(core, now_ns)
        done_ns = begin_ns + self.times.atomic_ns
        if done_ns > self.free_ns:
            self.free_ns = done_ns
        return done_ns

    def spinners_return(self, cores: list[int], now_ns: int) -> None:
        """Move the line to each core that spins on it and lost its copy: whoever wants it next waits for all."""
        for core in cores:
            self.load(core, now_ns)

    def _taken(self, core: int, now_ns: int) -> int:
        if core == self.owner:
            return self.free_ns if self.free_ns > now_ns else now_ns
        moved_ns = self._moved(now_ns, self.holders & ~(1 << core))
        self.owner, self.holders = core, 1 << core
        return moved_ns

    def _moved(self, now_ns: int, others: int) -> int:
        cost_ns = self.times.transfer_ns if self.holders else self.times.miss_ns
        begin_ns = self.free_ns if self.free_ns > now_ns else now_ns
        if self.transfers is not None and others:
            self.transfers.append(begin_ns)
        self.free_ns = begin_ns + cost_ns
        return self.free_ns


class Lock:
    """A spin lock, handed over in the order of the requests.

    Taking is an atomic on the lock's line. When it is given back, every core that spins loses its copy and fetches
    the line again: hand-over costs more with more of them.
    """

    def __init__(self, clock: Clock, costs: MachineCosts, transfers: array[int] | None = None) -> None:
        self._clock = clock
        self._wake_ns = int(costs.lock_wake)
        self.waits = Tally()
        self.held = Tally()  # when it was given back, and how long it was held
        self._line = SharedLine(LineTimes(costs), None, transfers)
        self._held = False
        self._since_ns = 0
        self._spinning: deque[tuple[int, simpy.Event]] = deque()

    def take(self, core: int) -> Process:
        """Wait until the lock is held by `core`."""
        asked_ns = self._clock.now_ns
        yield self._clock.at(self._line.atomic(core, asked_ns))
        waited_from_ns = self._clock.now_ns
        if self._held:
            event = simpy.Event(self._clock)
            self._spinning.append((core, event))
            yield event
        self._held = True
        self._since_ns = self._clock.now_ns
        self.waits.note(asked_ns, self._since_ns - waited_from_ns)

    def give(self, core: int) -> Process:
        """Give the lock back."""
        yield self._clock.at(self._line.store(core, self._clock.now_ns))
        now_ns = self._clock.now_ns
        self.held.note(now_ns, now_ns - self._since_ns)
        if not self._spinning:
            self._held = False
            return
        next_core, event = self._spinning.popleft()
        taken_ns = self._line.atomic(next_core, now_ns) + self._wake_ns
        self._line.spinners_return([core for core, _ in self._spinning], now_ns)
        event._ok, event._value = True, None
        self._clock.schedule(event, delay=taken_ns - now_ns)  # `_held` stays: nobody comes in between
