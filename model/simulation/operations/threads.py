"""Threads under a clock: programs driven operation by operation, each operation at its time on a `TimedMachine`.

A program is a generator that yields operations and is sent their results. An operation happens when it is done: its
time is worked out when it begins, and one event is scheduled for it. Each thread uses the same event again and again.

Two things save events, and change nothing. A thread goes straight on where nothing else happens before its operation is
done. And it runs ahead of the clock through operations of which no other thread can tell the time: fences, and loads,
stores and flushes of lines that it alone uses on its host, unless they are a step that somebody is told of. What others
can see, a write-back to memory, still has its event, at its time. `operations_ahead.py` does these operations.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from fencepost.model.simulation.clock import Call
from fencepost.model.simulation.operations.memory import HostLine
from fencepost.model.simulation.records import Busy

if TYPE_CHECKING:
    from fencepost.model.simulation.operations.machine import TimedMachine

Operation = Any  # one of `model/programs/operations.py`

BLOCKED = object()  # the operation cannot be done yet; who can change that wakes the thread
SEEN, SHARED = -1, -2  # instead of a time: others see the operation when it is done; and when it begins


class TimedThread:
    """One program on one core of one host."""

    def __init__(self, machine: TimedMachine, name: str, program: Generator[Operation, Any, None], host: int) -> None:
        self.machine, self.name, self.host = machine, name, host
        self.core = len(machine.threads)
        self.pending: Operation = next(program)
        self.result: Any = None  # of an operation that was done ahead of the clock
        self.operation_count = 0
        self.place: HostLine  # where the pending operation's word lies
        self.asked_ns = 0  # when it asked for a lock
        self.granted = False  # the lock was handed over to it
        self.flushed_ns = 0  # when the last of its flushes has drained
        self.idle_since_ns = 0
        self.hindered_until_ns = 0  # it pauses, or is slow by `factor`, until then
        self.factor = 0  # 0: it pauses
        self.is_gone = False  # its host has crashed
        self.awake_since_ns = 0
        self.places: dict[Any, HostLine] = {}  # of the words and lines that it used so far
        self.busy: Busy | None = None  # where its working times go
        self._send = program.send
        self._begins = True  # the pending operation's time is not known yet
        self._event = Call(self._go_on)
        self.is_asleep, self._poll_ns, self._found_ns = False, 1, 0
        self.watching: Sequence[HostLine] = ()  # while it sleeps: where a change wakes it
        self.looks_at: list[HostLine] = []  # where the words of its poll lie
        machine.threads.append(self)
        self.schedule(machine.clock._now)

    def schedule(self, at_ns: int) -> None:
        """The pending operation is done then."""
        self.is_asleep = False
        self.machine.clock.call_thread(self._event, at_ns, self.core)

    def wake(self) -> None:
        """What the thread waits for may have come: it looks again at its next poll."""
        if self.is_gone:
            return
        now_ns = self.machine.clock._now
        next_poll_ns = now_ns + (self.idle_since_ns - now_ns) % self._poll_ns
        self.awake_since_ns = next_poll_ns
        self.schedule(next_poll_ns + self._found_ns)

    def sleep(self, watching: Sequence[HostLine], *, looked_ns: int, poll_ns: int, found_ns: int) -> None:
        """Wait to be woken by what changes there; the last look, which found nothing, was no work.

        It looks again every `poll_ns`; the look that finds a word changed takes `found_ns`.
        """
        self.watching, self._poll_ns, self._found_ns = watching, poll_ns, found_ns
        self.is_asleep = True
        self.idle_since_ns = now_ns = self.machine.clock._now
        self.rest(now_ns - looked_ns)

    def rest(self, since_ns: int) -> None:
        """Take down what it worked until then."""
        if self.busy is not None:
            self.busy.note(self.awake_since_ns, max(0, since_ns - self.awake_since_ns))
        spans = self.machine.spans
        if spans is not None and since_ns > self.awake_since_ns:
            spans.span(self.name, "works", self.awake_since_ns, since_ns)

    def pause(self, until_ns: int) -> None:
        """Begin no operation before that time."""
        self.hindered_until_ns, self.factor = until_ns, 0

    def slow_down(self, until_ns: int, factor: int) -> None:
        """Take so many times as long for every operation that begins before that time."""
        self.hindered_until_ns, self.factor = until_ns, factor

    def _hindered_ns(self, at_ns: int, now_ns: int) -> int:
        """Return when an operation is done that would be done at a time."""
        return max(at_ns, self.hindered_until_ns) if not self.factor else now_ns + (at_ns - now_ns) * self.factor

    def _go_on(self) -> None:
        """Do the pending operation and begin the next; go on as far as no event is needed."""
        if self.is_gone:
            return
        machine, operation, send, core, done_count = self.machine, self.pending, self._send, self.core, 0
        clock, handlers, observers = machine.clock, machine.handlers, machine.observers
        queue, horizon_ns, begin_ns = clock._queue, clock.horizon_ns, clock._now
        time, effect, ahead, seen, counts = handlers[operation.__class__]
        begins, self._begins = self._begins, False
        while True:
            if begins:
                begins = False
            else:
                result = effect(self, operation)
                if result is BLOCKED:
                    break
                done_count += counts
                if operation.label is not None:
                    step = operation.label(result)
                    if step is not None and step.action in observers:
                        observers[step.action](step)
                begin_ns = now_ns = clock._now
                ahead_until_ns = clock.ahead_until_ns if self.hindered_until_ns <= now_ns else -1
                try:
                    operation = send(result)
                    time, effect, ahead, seen, counts = handlers[operation.__class__]
                    while ahead is not None and begin_ns < ahead_until_ns:
                        at_ns = ahead(self, operation, begin_ns)
                        if at_ns < 0:
                            seen = at_ns == SEEN
                            break
                        begin_ns = at_ns
                        done_count += counts
                        operation = send(self.result)
                        time, effect, ahead, seen, counts = handlers[operation.__class__]
                except StopIteration:
                    self.is_gone = True
                    break
                if begin_ns > now_ns:
                    if begin_ns <= horizon_ns and not (queue and queue[0][0] <= begin_ns):
                        clock._now = begin_ns  # nothing happens before: the time has passed
                    elif not seen or begin_ns >= ahead_until_ns:
                        if begin_ns > horizon_ns or not clock.reaches(begin_ns, core):
                            self._begins = True
                            clock.call_thread(self._event, begin_ns, core)
                            break
                        if self.is_gone:
                            break
                        clock._now = begin_ns
            at_ns = time(self, operation, begin_ns)
            if self.hindered_until_ns > begin_ns:
                at_ns = self._hindered_ns(at_ns, begin_ns)
            if at_ns > horizon_ns or (queue and queue[0][0] <= at_ns):
                if at_ns > horizon_ns or not clock.reaches(at_ns, core):
                    clock.call_thread(self._event, at_ns, core)
                    break
                if self.is_gone:
                    break
            clock._now = at_ns
        self.pending = operation
        self.operation_count += done_count
