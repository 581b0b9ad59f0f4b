"""One simulated run: the programs under SimPy's clock, held against their spec at every step."""

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from random import Random

import simpy

from fencepost.model.histories import History, OrderedBatch, Workload
from fencepost.model.programs import Arriving, Machine, Rings, Thread, threads
from fencepost.model.programs.machine import watched, written
from fencepost.model.programs.operations import Address, Operation, Sleep
from fencepost.model.programs.threads import machine_of
from fencepost.model.simulation.costs import Costs
from fencepost.model.trace import Step


@dataclass
class Run:
    """What a simulated run left behind.

    `history` has one row for each batch that readers can see; `steps` every step of the spec that the
    programs performed, with its time; `counts` how often each action happened.
    """

    history: History
    steps: list[tuple[int, Step]]
    counts: dict[str, int] = field(default_factory=dict)


def rings_of(workload: Workload) -> tuple[list[int], Rings]:
    """Return the broker ids of a workload, ascending, and what arrives on the ring of each."""
    brokers = sorted({arrival.broker_id for arrival in workload})
    rings: dict[int, list[Arriving]] = {broker: [] for broker in brokers}
    for arrival in workload:
        batch = Arriving(arrival.client_id, arrival.batch_seq, arrival.message_count, arrival.arrival_ns)
        rings[arrival.broker_id].append(batch)
    return brokers, [rings[broker] for broker in brokers]


def history_of(machine: Machine, brokers: list[int], rings: Rings, times: "Times | None" = None) -> History:
    """Return what a reader of the memory finds, in position order; without `times`, none are recorded."""
    times = times or Times()
    rows: list[OrderedBatch] = []
    for ring, batches in enumerate(rings):
        for index, start in machine.ordered(len(batches), ring):
            batch = batches[index]
            rows.append(
                OrderedBatch(
                    client_id=batch.client,
                    batch_seq=batch.seq,
                    broker_id=brokers[ring],
                    ring_index=index,
                    message_count=batch.count,
                    start_position=start,
                    sent_ns=times.sent.get((ring, index), -1),
                    acked_ns=times.acked.get((ring, index), -1),
                )
            )
    rows.sort(key=lambda row: row.start_position)
    return History.from_rows(rows)


@dataclass
class Times:
    """When each slot was filled and when its batch became readable, by (ring, ring index), in nanoseconds."""

    sent: dict[tuple[int, int], int] = field(default_factory=dict)
    acked: dict[tuple[int, int], int] = field(default_factory=dict)

    _arrived_counts: dict[int, int] = field(default_factory=dict)
    _exported: dict[int, int] = field(default_factory=dict)  # ring -> the index whose export is under way

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


class _Clock:
    """Drives threads under SimPy and wakes those that wait for a word when it is written."""

    def __init__(self, machine: Machine, costs: Costs, random: Random) -> None:
        self.environment = simpy.Environment()
        self.steps: list[tuple[int, Step]] = []
        self.times = Times()
        self._machine = machine
        self._costs = costs
        self._random = random
        self._waiting: dict[Address, simpy.Event] = {}

    def process(self, thread: Thread) -> Generator[simpy.Event, object, None]:
        """The life of one thread."""
        while (operation := thread.pending) is not None:
            yield self.environment.timeout(self._delay(operation))
            while self._machine.blocked(operation):
                yield self.environment.any_of([self._change_of(address) for address in watched(operation)])
                yield self.environment.timeout(self._costs.wake_ns)
            _, step = thread.step(self._machine)
            now_ns = int(self.environment.now)
            if step is not None:
                self.times.note(step, now_ns)
                self.steps.extend((now_ns, each) for each in self._machine.fired)
            address = written(operation)
            if address is not None and address in self._waiting:
                self._waiting.pop(address).succeed()

    def _delay(self, operation: Operation) -> int:
        if isinstance(operation, Sleep):
            return max(0, operation.until_ns - int(self.environment.now))
        cost = self._costs.of(operation)
        return cost + self._random.randrange(cost + 1)  # up to twice the cost: another seed, another interleaving

    def _change_of(self, address: Address) -> simpy.Event:
        return self._waiting.setdefault(address, self.environment.event())


def simulate(sequencer: str, workload: Workload, *, seed: int = 0, costs: Costs | None = None) -> Run:
    """Run a sequencer's programs on a workload; batches arrive at their `arrival_ns`.

    The run ends when nothing can move any more. The same arguments give the same run. Raises
    InputError for an unknown sequencer and NotAccepted where a program leaves its spec.
    """
    brokers, rings = rings_of(workload)
    machine = machine_of(sequencer, rings)
    clock = _Clock(machine, costs or Costs(), Random(seed))
    for group in threads(sequencer, rings):
        for thread in group:
            clock.environment.process(clock.process(thread))
    clock.environment.run()
    counts = Counter(step.action for _, step in clock.steps)
    return Run(history_of(machine, brokers, rings, clock.times), clock.steps, dict(counts))
