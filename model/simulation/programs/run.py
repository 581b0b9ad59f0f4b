"""One simulated run: the programs under a clock, held against their spec at every step.

The rule of the clock is SimPy's: what was scheduled first happens first among events of one nanosecond. A thread that
comes next anyway goes straight on, and nothing is kept of a step but what the history says of it, so that a run of a
million batches needs some hundred bytes for each. `tests/simulation/test_simulated_runs.py` has the same run as
SimPy's processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from operator import itemgetter
from random import Random
from typing import Any

import numpy as np

from fencepost.model.errors import InputError
from fencepost.model.histories import History, Workload
from fencepost.model.histories.records import HIGHEST, NEVER, IntColumn
from fencepost.model.language.columns import Columns
from fencepost.model.programs import Arriving, Machine, Rings, Thread, threads
from fencepost.model.programs.machine import WAITING, watched, written
from fencepost.model.programs.operations import Address, Operation, Sleep
from fencepost.model.programs.threads import machine_of
from fencepost.model.simulation.programs.costs import Costs
from fencepost.model.trace import Step

OnStep = Callable[[int, Step], None]


@dataclass
class Run:
    """What a simulated run left behind.

    `history` has one row for each batch that readers can see; `counts` how often each action of the spec happened.
    """

    history: History
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def step_count(self) -> int:
        """The steps of the spec that the programs performed."""
        return sum(self.counts.values())


class Arrivals(Sequence[Arriving]):
    """What arrives on one ring, in ring order: columns, of which a batch is made when it is asked for."""

    def __init__(self, client: IntColumn, seq: IntColumn, message_count: IntColumn, arrival_ns: IntColumn) -> None:
        self._columns = client, seq, message_count, arrival_ns

    def __len__(self) -> int:
        return len(self._columns[0])

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Arrivals(*(column[index] for column in self._columns))
        return Arriving(*(int(column[index]) for column in self._columns))

    def columns(self) -> tuple[IntColumn, ...]:
        """Return clients, seqs and message counts."""
        return self._columns[:3]


def rings_of(workload: Workload) -> tuple[list[int], list[Arrivals]]:
    """Return the broker ids of a workload, ascending, and what arrives on the ring of each."""
    columns = (workload.client_id, workload.batch_seq, workload.message_count, workload.arrival_ns)
    brokers = np.unique(workload.broker_id)
    rows = [np.flatnonzero(workload.broker_id == broker) for broker in brokers]
    return brokers.tolist(), [Arrivals(*(column[at] for column in columns)) for at in rows]


def history_of(machine: Machine, brokers: list[int], rings: Rings, times: Times | None = None) -> History:
    """Return what a reader of the memory finds, in position order; without `times`, none are recorded."""
    times = times or Times()
    try:
        parts = [_ordered_of(machine, broker, ring, rings[ring], times) for ring, broker in enumerate(brokers)]
    except OverflowError:
        problem = f"a position or a time of the run is above {HIGHEST}"
        raise InputError(f"{problem}: expected smaller message_count and arrival_ns") from None
    if not parts:
        return History.from_rows(())
    columns = {name: np.concatenate([part[at] for part in parts]) for at, name in enumerate(History.COLUMNS)}
    order = np.argsort(columns["start_position"], kind="stable")
    return History.from_columns({name: column[order] for name, column in columns.items()})


def _ordered_of(machine: Machine, broker: int, ring: int, batches: Sequence[Arriving], times: Times) -> list[IntColumn]:
    """Return the columns of a history, of the batches of one ring."""
    starts = machine.exported.of(ring).first(len(batches))
    index = np.flatnonzero(starts >= 0)
    kept = batches if isinstance(batches, Arrivals) else arrivals_of(batches)
    client, seq, message_count = (column[index] for column in kept.columns())
    sent, acked = (column.of(ring).first(len(batches))[index] for column in (times.sent, times.acked))
    return [client, seq, np.full(len(index), broker), index, message_count, starts[index], sent, acked]


def arrivals_of(batches: Sequence[Arriving]) -> Arrivals:
    """Return batches as columns."""
    rows = [(each.client, each.seq, each.count, each.arrival_ns) for each in batches]
    return Arrivals(*np.array(rows, dtype=np.int64).reshape(-1, 4).T)


class Times:
    """When each slot was filled and when its batch became readable, by ring and ring index, in nanoseconds."""

    def __init__(self) -> None:
        self.sent, self.acked = Columns(NEVER), Columns(NEVER)
        self._arrived_counts: dict[int, int] = {}
        self._exported: dict[int, int] = {}  # ring -> the index whose export is under way

    def note(self, step: Step, now_ns: int) -> None:
        """Take down a step that fills a slot or publishes a batch."""
        ring = step.arguments.get("ring", -1)
        if step.action == "arrive":
            index = self._arrived_counts.get(ring, 0)
            self.sent[ring, index] = now_ns
            self._arrived_counts[ring] = index + 1
        elif step.action == "export":
            self._exported[ring] = step.arguments["index"]
        elif step.action == "publish":
            self.acked[ring, step.arguments.get("index", self._exported.get(ring, -1))] = now_ns


class _Turn:
    """A thread under the clock; while it waits for words, `stamp` says since when, and else it is -1."""

    __slots__ = ("stamp", "thread")

    def __init__(self, thread: Thread) -> None:
        self.thread, self.stamp = thread, -1


Waiting = dict[_Turn, int]  # who waits for a word, and the stamp of that wait


class _Clock:
    """Lets threads go on in the order of their times, and wakes those that wait for a word when it is written.

    The queue holds what is scheduled: a thread whose operation is due (True), or that a word has woken (False); and
    words that were written, with those who waited for them. A second number keeps the order of scheduling.
    """

    def __init__(self, machine: Machine, costs: Costs, random: Random, on_step: OnStep | None) -> None:
        self.times = Times()
        self.counts: Counter[str] = Counter()
        self._machine, self._on_step = machine, on_step
        self._costs = costs
        self._draws: dict[type, tuple[int, int, int]] = {}  # of an operation: cost, bits and numbers of its delay
        self._bits = random.getrandbits
        self._queue: list[tuple[int, int, _Turn | None, Any]] = []
        self._numbers, self._stamps = count(), count()
        self._waiting: dict[Address, Waiting] = {}

    def run(self, every: Sequence[Thread]) -> None:
        """Run until nothing can move any more."""
        for thread in every:
            self._schedule(0, _Turn(thread))
        queue = self._queue
        while queue:
            now_ns, _, turn, what = heappop(queue)
            if turn is None:
                self._wake(now_ns, what)
            elif what:
                self._go_on(now_ns, turn)
            else:
                heappush(queue, (now_ns + self._costs.wake_ns, next(self._numbers), turn, True))

    def _go_on(self, now_ns: int, turn: _Turn) -> None:
        """Perform operations of a thread until another comes first, or until it waits or has ended."""
        thread, machine, queue, waiting = turn.thread, self._machine, self._queue, self._waiting
        operation = thread.pending
        while operation is not None:
            if type(operation) in WAITING and machine.blocked(operation):
                self._wait(turn, operation)
                return
            _, step = thread.step(machine)
            if step is not None:
                self._note(now_ns, step)
            if waiting and (address := written(operation)) is not None and address in waiting:
                heappush(queue, (now_ns, next(self._numbers), None, waiting.pop(address)))
            operation = thread.pending
            if operation is not None:
                now_ns += self._delay(now_ns, operation)
                if queue and queue[0][0] <= now_ns:
                    heappush(queue, (now_ns, next(self._numbers), turn, True))
                    return

    def _schedule(self, now_ns: int, turn: _Turn) -> None:
        operation = turn.thread.pending
        if operation is not None:
            heappush(self._queue, (now_ns + self._delay(now_ns, operation), next(self._numbers), turn, True))

    def _note(self, now_ns: int, step: Step) -> None:
        self.times.note(step, now_ns)
        for each in self._machine.fired:
            self.counts[each.action] += 1
            if self._on_step is not None:
                self._on_step(now_ns, each)

    def _wait(self, turn: _Turn, operation: Operation) -> None:
        turn.stamp = next(self._stamps)
        for address in watched(operation):
            self._waiting.setdefault(address, {})[turn] = turn.stamp

    def _wake(self, now_ns: int, waiting: Waiting) -> None:
        """Wake who waits for a word, in the order in which they came to wait; some went on since, or wait anew."""
        for turn, stamp in sorted(waiting.items(), key=itemgetter(1)):
            if turn.stamp == stamp:
                turn.stamp = -1
                heappush(self._queue, (now_ns, next(self._numbers), turn, False))

    def _delay(self, now_ns: int, operation: Operation) -> int:
        """Draw how long an operation takes: up to twice its cost, so that another seed is another interleaving."""
        if isinstance(operation, Sleep):
            return max(0, operation.until_ns - now_ns)
        kind = type(operation)
        drawn = self._draws.get(kind)
        if drawn is None:
            cost = self._costs.of(operation)
            drawn = self._draws[kind] = cost, (cost + 1).bit_length(), cost + 1
        cost, bits, number_count = drawn
        number = self._bits(bits)
        while number >= number_count:
            number = self._bits(bits)
        return cost + number


def simulate(
    sequencer: str, workload: Workload, *, seed: int = 0, costs: Costs | None = None, on_step: OnStep | None = None
) -> Run:
    """Run a sequencer's programs on a workload; batches arrive at their `arrival_ns`.

    The run ends when nothing can move any more. The same arguments give the same run. `on_step` is given each step of
    the spec with its time in nanoseconds. Raises InputError for an unknown sequencer and NotAccepted where a program
    leaves its spec.
    """
    brokers, rings = rings_of(workload)
    machine = machine_of(sequencer, rings)
    clock = _Clock(machine, costs or Costs(), Random(seed), on_step)
    clock.run([thread for group in threads(sequencer, rings) for thread in group])
    return Run(history_of(machine, brokers, rings, clock.times), dict(clock.counts))
