"""Threads under a clock: programs driven operation by operation, each operation at its time on a `TimedMachine`.

A program is a generator that yields operations and is sent their results. An operation happens when it is done: its
time is worked out when it begins, and one event is scheduled for it. Each thread uses the same event again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from heapq import heappush
from typing import TYPE_CHECKING, Any

import simpy
from simpy.events import NORMAL

from fencepost.model.simulation.operations_memory import HostLine
from fencepost.model.simulation.records import Busy

if TYPE_CHECKING:
    from fencepost.model.simulation.operations_machine import TimedMachine

Operation = Any  # one of `model/programs/operations.py`

BLOCKED = object()  # the operation cannot be done yet; who can change that wakes the thread


class TimedThread:
    """One program on one core of one host."""

    def __init__(self, machine: TimedMachine, name: str, program: Generator[Operation, Any, None], host: int) -> None:
        self.machine, self.name, self.host = machine, name, host
        self.core = len(machine.threads)
        self.pending: Operation = None
        self.operation_count = 0
        self.place: HostLine | None = None  # where the pending operation's word lies
        self.asked_ns = 0  # when it asked for a lock
        self.granted = False  # the lock was handed over to it
        self.flushed_ns = 0  # when the last of its flushes has drained
        self.idle_since_ns = 0
        self.paused_until_ns = 0
        self.awake_since_ns = 0
        self.places = machine.memory.places(host)
        self.busy: Busy | None = None  # where its working times go
        self._send = program.send
        self._effect: Callable[[TimedThread, Operation], Any] | None = None  # of the pending operation
        self._is_witness = False
        self._event = simpy.Event(machine.clock)
        self._event._ok, self._event._value = True, None
        self._callbacks: list[Callable[[Any], None]] = [self._done]
        self._asleep = False
        machine.threads.append(self)
        self.schedule(machine.clock.now_ns)

    def schedule(self, at_ns: int) -> None:
        """The pending operation is done then."""
        self._asleep = False
        self._event.callbacks = self._callbacks
        clock = self.machine.clock
        clock.schedule(self._event, NORMAL, at_ns - clock._now)

    def wake(self) -> None:
        """What the thread waits for may have come: it looks again at its next poll."""
        if not self._asleep:
            return
        now_ns = self.machine.clock.now_ns
        next_poll_ns = now_ns + (self.idle_since_ns - now_ns) % self.machine.poll_ns(self)
        self.awake_since_ns = next_poll_ns
        self.schedule(next_poll_ns + self.machine.found_ns(self))

    def sleep(self, looked_ns: int) -> None:
        """Wait to be woken; the last look, which found nothing, was no work."""
        self._asleep = True
        self.idle_since_ns = self.machine.clock.now_ns
        if self.busy is not None:
            self.busy.note(self.awake_since_ns, max(0, self.idle_since_ns - looked_ns - self.awake_since_ns))

    def _done(self, event: simpy.Event) -> None:
        """Do the pending operation and begin the next; go straight on where nothing else happens before that is done.

        Going on without an event changes nothing: no other event lies in between, and one of the same nanosecond was
        scheduled earlier and comes first.
        """
        machine, operation = self.machine, self.pending
        clock, handlers, send = machine.clock, machine.handlers, self._send
        queue, horizon_ns, effect = clock._queue, clock.horizon_ns, self._effect
        done_count = 0
        while True:
            result = None
            if effect is not None:
                result = effect(self, operation)
                if result is BLOCKED:
                    self._effect = effect
                    self.operation_count += done_count
                    return
                if self._is_witness:
                    machine.observe(operation.step)
                else:
                    done_count += 1
                    if operation.label is not None:
                        step = operation.label(result)
                        if step is not None:
                            machine.observe(step)
            try:
                operation = self.pending = send(result)
            except StopIteration:
                self.pending = None
                self.operation_count += done_count
                return
            time, effect, self._is_witness = handlers[type(operation)]
            at_ns = time(self, operation, clock._now)
            if self.paused_until_ns > at_ns:
                at_ns = self.paused_until_ns
            if at_ns > horizon_ns or (queue and queue[0][0] <= at_ns):
                break
            clock._now = at_ns
        self._effect = effect
        self.operation_count += done_count
        event.callbacks = self._callbacks
        if machine.keeps_tie_rule:
            heappush(queue, (at_ns, NORMAL, next(clock._eid), event))  # `schedule`, without its call
        else:
            clock.schedule(event, NORMAL, at_ns - clock._now)
