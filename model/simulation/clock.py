"""The clock of a simulation: SimPy's, with a stated rule for events of the same nanosecond, and waits that are cheap.

Rule for ties: what was scheduled first happens first; threads of programs come after all else, by their number, so that
it does not matter when a thread came to know its next time. `Shuffled` draws the order instead; a result that changes
depends on the rule.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Generator, Iterator
from heapq import heappop, heappush
from random import Random
from typing import Any

import simpy
from msgspec import Struct
from simpy.events import NORMAL, EventPriority

Process = Generator[simpy.Event, Any, None]

THREADS = 2**62  # behind every number that SimPy counts events with
SLICES = 50  # of a run's time, between which progress is told


class Call(Struct, eq=False):
    """A call that happens at its time: an entry of SimPy's queue that nobody waits for, so it needs no more."""

    call: Callable[..., None]
    arguments: tuple[Any, ...] = ()


class Clock(simpy.Environment):
    """Integer nanoseconds; events of the same nanosecond by the rule above."""

    _now: int  # SimPy allows fractions; all delays here are integers
    horizon_ns = 0  # up to here, who finds nothing scheduled may let time pass
    ahead_until_ns = 0  # up to here, a thread may run ahead of the clock

    def __init__(self) -> None:
        super().__init__()
        self._barriers: list[int] = []  # times at which somebody interferes, earliest first

    @property
    def now_ns(self) -> int:
        return self._now

    def pause(self, delay_ns: int) -> simpy.Event:
        """Return an event that happens after a while: SimPy's timeout, made with fewer calls."""
        event = simpy.Event(self)
        event._ok, event._value = True, None
        heappush(self._queue, (self._now + delay_ns, NORMAL, next(self._eid), event))
        return event

    def at(self, time_ns: int) -> simpy.Event:
        """Return an event for a time that has not passed."""
        return self.pause(time_ns - self._now)

    def call_at(self, time_ns: int, call: Callable[..., None], *arguments: Any) -> None:
        """Call a function at a time that has not passed."""
        heappush(self._queue, (time_ns, NORMAL, next(self._eid), Call(call, arguments)))  # type: ignore[misc]  # see `Call`

    def call_thread(self, call: Call, time_ns: int, core: int) -> None:
        """Let a thread go on at a time."""
        heappush(self._queue, (time_ns, NORMAL, THREADS + core, call))  # type: ignore[misc]  # see `Call`

    def reaches(self, time_ns: int, core: int) -> bool:
        """Let happen what comes before a thread's next step, but no step of another thread.

        Return whether that is all that comes before it, so that the thread may go straight on at its time.
        """
        queue: Any = self._queue
        while queue and queue[0][0] <= time_ns:
            head = queue[0]
            if head[2] >= THREADS:
                return bool(head[0] == time_ns and head[2] > THREADS + core)
            heappop(queue)
            self._now, event = head[0], head[3]
            if event.__class__ is Call:
                event.call(*event.arguments)
            else:
                _happen(event)
        return True

    def interfere_at(self, time_ns: int, call: Callable[..., None]) -> None:
        """Call a function that changes what threads do: none of them runs ahead past that time."""
        insort(self._barriers, time_ns)
        self.call_at(time_ns, self._interfere, call)
        self._limit()

    def _interfere(self, call: Callable[..., None]) -> None:
        self._barriers.pop(0)
        call()
        self._limit()

    def _limit(self) -> None:
        self.ahead_until_ns = min((self.horizon_ns, *self._barriers[:1]))

    def run_slices(self, until_ns: int) -> Iterator[int]:
        """Run until nothing is scheduled, or the time is reached; yield the time now and then, and at the end."""
        queue: Any = self._queue
        for index in range(1, SLICES + 1):
            boundary_ns = self.horizon_ns = until_ns * index // SLICES
            self._limit()
            while queue and queue[0][0] <= boundary_ns:
                self._now, _, _, event = heappop(queue)
                if event.__class__ is not Call:
                    _happen(event)
                elif event.arguments:
                    event.call(*event.arguments)
                else:
                    event.call()
            yield boundary_ns
            if self.peek() > until_ns:
                return


def _happen(event: Any) -> None:
    """Do what SimPy's `step` does; here no event can fail but by an exception of a process, which is raised."""
    callbacks, event.callbacks = event.callbacks, None
    for callback in callbacks:
        callback(event)
    if not event._ok:
        raise event._value


class Shuffled(Clock):
    """The same clock, but the order of the events of one nanosecond is drawn."""

    def reaches(self, time_ns: int, core: int) -> bool:
        return False  # whether the thread's step comes first is drawn

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random

    def pause(self, delay_ns: int) -> simpy.Event:
        return self.timeout(delay_ns)

    def call_at(self, time_ns: int, call: Callable[..., None], *arguments: Any) -> None:
        self.call_thread(Call(call, arguments), time_ns, 0)

    def call_thread(self, call: Call, time_ns: int, core: int) -> None:
        self.schedule(call, NORMAL, time_ns - self._now)  # type: ignore[arg-type]  # see `Call`

    def schedule(self, event: simpy.Event, priority: EventPriority = NORMAL, delay: float = 0) -> None:
        drawn = self._random.getrandbits(31) << 32 | next(self._eid)
        heappush(self._queue, (self._now + delay, priority, drawn, event))


class Signal:
    """Wakes the one process that waits for it; given while nobody waits, it is kept for the next wait."""

    __slots__ = ("_clock", "_event", "_given")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._event: simpy.Event | None = None
        self._given = False

    def wait(self) -> simpy.Event:
        """Return an event that happens when the signal is given, or now if it was given since the last wait."""
        event = simpy.Event(self._clock)
        if self._given:
            self._given = False
            event.succeed()
        else:
            self._event = event
        return event

    def give(self) -> None:
        """Wake who waits."""
        if self._event is None:
            self._given = True
        else:
            event, self._event = self._event, None
            event.succeed()

    def clear(self) -> None:
        """Forget that it was given: who asks has looked himself."""
        self._given = False
