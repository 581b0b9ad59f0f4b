"""One replication at operation granularity: the programs of the receivers, scanners, subscribers and acknowledgers,
operation by operation, each on its host. Clients and their network are those of batch granularity.

The programs publish as policy `per_batch` does, with one line of payload for each batch and no message headers; the
time of copying a payload is added where it is written and where it is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fencepost.model.contract import Level
from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.programs import DESIGNS, design
from fencepost.model.programs.layout import ISSUED, chain, next_seq, payload, to_ring
from fencepost.model.programs.operations import Attempted, line_of
from fencepost.model.simulation.brokers import Receiver
from fencepost.model.simulation.clock import Process, Signal
from fencepost.model.simulation.faults import late_brokers, schedule_faults
from fencepost.model.simulation.operations_machine import TimedMachine
from fencepost.model.simulation.operations_memory import Line, TimedMemory
from fencepost.model.simulation.operations_threads import TimedThread
from fencepost.model.simulation.pipeline import Progress, finish, fitted, start_clients, workload_of
from fencepost.model.simulation.records import Slot
from fencepost.model.simulation.scenario import Scenario
from fencepost.model.simulation.world import World, make_world
from fencepost.model.specs import PROTOCOLS
from fencepost.model.trace import Step

OWN_LINES = ("counter", "next", "lock")  # of the sequencer's host; every other line is in the pool
FAULTS = ("broker_pause", "scanner_pause", "late_broker")  # that this granularity can show


class Feeding(Receiver):
    """Copies the payload, then lets the receiver's program fill the slot, one batch after the other."""

    def __init__(self, world: World, number: int) -> None:
        super().__init__(world, number)
        self.header_ns = 0  # the program's own operations
        self.slot: Slot | None = None  # what the program is filling in
        self.done = Signal(world.clock)
        self.machine: TimedMachine | None = None

    def has_room(self) -> bool:
        return True  # the program itself waits for a place

    def fill(self, slot: Slot) -> Process:
        assert self.machine is not None
        self.slot = slot
        batch = slot.batch
        self.machine.deliver(to_ring(slot.ring), (batch.client, batch.seq, batch.count))
        yield self.done.wait()


def simulate_operations_once(
    scenario: Scenario,
    level: Level,
    *,
    seed: int,
    replication: int = 0,
    shuffled: bool = False,
    traced: bool = False,
    progress: Progress = lambda now_ns, end_ns, slots: None,
    runs_ahead: bool = True,
) -> World:
    """Run one replication of a scenario at operation granularity to its end; the world holds what happened.

    Without `runs_ahead` no thread ever runs ahead of the clock: slower, and a test says that it is the same.
    """
    _check(scenario, level)
    workload = workload_of(scenario, level)
    scenario = fitted(scenario, workload)
    world = make_world(scenario, level, seed=seed, replication=replication, shuffled=shuffled, traced=traced)
    clients = range(scenario.clients.count) if workload is None else sorted(set(workload.client_id.tolist()))
    run = OperationRun(world, list(clients), runs_ahead=runs_ahead)
    run.depart = start_clients(world, workload, run.receivers, late_brokers(scenario))
    for receiver in run.receivers:
        world.clock.process(receiver.run())
    schedule_faults(world, run.receivers, run.scanners)
    finish(world, progress)
    world.recorder.lock, world.recorder.lock_held = run.machine.lock_waits, run.machine.lock_held
    world.recorder.operation_count = run.machine.operation_count
    return world


def _check(scenario: Scenario, level: Level) -> None:
    """Raise InputError for what the programs cannot show."""
    choices = [name for name in DESIGNS if name in PROTOCOLS]
    if scenario.sequencer not in choices:
        raise unknown_choice("sequencer of operation granularity", scenario.sequencer, choices)
    wanted: dict[str, tuple[Any, Any]] = {
        "policy": (scenario.policy, "per_batch"),
        "clients.ack": (scenario.clients.ack, "deliverable"),
        "clients.retransmit_after": (scenario.clients.retransmit_after, 0),
        "network.loss": (scenario.network.loss, 0),
        "brokers.publish": (scenario.brokers.publish, "flush"),
        "ordering.scan": (scenario.ordering.scan, "head"),
        "ordering.service": (scenario.ordering.service.mean_ns, 0),
        "ordering.inside_lock": (scenario.ordering.inside_lock, 0),
        "subscribers.service": (scenario.subscribers.service.mean_ns, 0),
    }
    if level == 4:
        wanted["ordering.message_headers"] = (str(scenario.ordering.message_headers).lower(), "false")
    for key, (value, expected) in wanted.items():
        if value != expected:
            problem = f"{key} is {value}, expected {expected} at operation granularity"
            raise InputError(f"{problem}: the programs do nothing else; or use --granularity batch")
    for fault in scenario.faults:
        if fault.kind not in FAULTS:
            raise InputError(f"faults: {fault.kind} is of batch granularity only, expected {' or '.join(FAULTS)}")


class OperationRun:
    """The programs of one run, and what their steps mean to what is around them and to the contract."""

    def __init__(self, world: World, clients: list[int], *, runs_ahead: bool) -> None:
        self._world = world
        self._scenario = scenario = world.scenario
        costs = scenario.machine
        self._memory = TimedMemory(
            world.clock, costs, lambda name: costs.eviction.draws(world.stream(f"eviction {name}")), line_of=line_of,
            is_pooled=lambda line: line[0] not in OWN_LINES, staleness=world.recorder.staleness,
            told=("chain", "consumed"), written_back=self._written_back,
        )  # fmt: skip
        self.machine = TimedMachine(
            world.clock, costs, self._memory, observers=self._observers(), attempted=self._attempted,
            runs_ahead=runs_ahead and scenario.brokers.hosts == "own",
        )  # fmt: skip
        self.scanners: list[TimedThread] = []
        self.receivers = [Feeding(world, ring.number) for ring in world.rings]
        self.depart: Any = None
        self._offering: dict[Line, Slot] = {}  # a line of a chain: the slot whose entry it holds
        self._exporting: list[int] = [-1] * len(world.rings)
        self._released: list[int] = [0] * len(world.rings)  # entries of each ring's chain so far
        self._came: dict[tuple[int, int], list[Slot]] = {}  # (ring, client): what came and is not acked, in ring order
        self._acked: dict[tuple[int, int], int] = {}  # level 5: how many of them are
        self._read: list[list[Slot]] = [[] for _ in world.rings]  # delivered, and the receiver does not know it yet
        self._subscriber_host = [0] * len(world.rings)
        self._start(clients)
        self._memory.place(0, ISSUED).waits = world.recorder.counter
        for client in clients:
            self._memory.place(0, next_seq(client)).waits = world.recorder.client_words

    def _start(self, clients: list[int]) -> None:
        """Start a thread for each program. Scanners share host 0; brokers and subscribers have hosts of their own."""
        slots, rings = self._scenario.brokers.ring_slots, len(self.receivers)
        programs = design(self._scenario.sequencer)
        is_shared = self._scenario.brokers.hosts == "shared"
        recorder = self._world.recorder
        for ring, receiver in enumerate(self.receivers):
            broker, reader = (0, 0) if is_shared else (1 + ring, 1 + rings + ring)
            receiver.machine = self.machine
            scanner = TimedThread(self.machine, f"scanner {ring}", programs.scanner(ring, slots).run(), 0)
            scanner.busy = recorder.scanners[ring]
            self.scanners.append(scanner)
            TimedThread(self.machine, f"receiver {ring}", programs.receiver(ring, slots, ()).serve(), broker)
            TimedThread(self.machine, f"acknowledger {ring}", programs.acknowledger(ring, clients).run(), broker)
            subscriber = TimedThread(self.machine, f"subscriber {ring}", programs.subscriber(ring, slots).run(), reader)
            subscriber.busy = recorder.subscribers[ring]
            self._subscriber_host[ring] = reader

    def _observers(self) -> dict[str, Callable[[Step], None]]:
        """Return who takes down which step of the spec, or of the contract."""
        return {
            "overwrite": self._overwrite, "arrive": self._arrive, "assign": self._assign, "export": self._export,
            "publish": self._publish, "discard": self._discard, "deliver": self._deliver,
            "acknowledge": self._acknowledge,
        }  # fmt: skip

    def _slot(self, ring: int, index: int) -> Slot:
        slot = self._world.rings[ring].places[index % self._scenario.brokers.ring_slots]
        assert slot is not None
        assert slot.index == index
        return slot

    def _overwrite(self, step: Step) -> None:
        """The first store to a place in a ring."""
        slot = self.receivers[step.arguments["ring"]].slot
        assert slot is not None
        self._world.watch.filled(slot, self._world.rings[slot.ring].fill(slot), self._world.clock.now_ns)

    def _arrive(self, step: Step) -> None:
        """The guard of a header is stored."""
        ring, world = step.arguments["ring"], self._world
        receiver = self.receivers[ring]
        slot = receiver.slot
        assert slot is not None
        slot.readable_ns = world.clock.now_ns
        receiver.note_filled(slot)
        self._came.setdefault((ring, slot.batch.client), []).append(slot)
        if self._scenario.subscribers.copies:
            line = payload(ring, slot.index % self._scenario.brokers.ring_slots)
            copy_ns = self._scenario.machine.copy.time_ns(slot.batch.size)
            self._memory.line(self._subscriber_host[ring], line).extra_ns = copy_ns
        receiver.done.give()

    def _assign(self, step: Step) -> None:
        """A batch has its range. Whatever happened between, the fetch_add for it was this thread's last step."""
        given, world = step.arguments, self._world
        slot = self._slot(given["ring"], given["index"])
        now_ns = world.clock.now_ns
        slot.start = given["start"]
        if slot.batch.first is None:
            slot.batch.first = slot
        slot.settled = True
        if slot.parked_ns >= 0:
            world.recorder.hold.note(slot.parked_ns, now_ns - slot.parked_ns)
        world.watch.reserved(slot.start, given["count"], now_ns)
        world.watch.assigned(slot, now_ns)

    def _export(self, step: Step) -> None:
        """An entry of the chain is about to be stored."""
        self._exporting[step.arguments["ring"]] = step.arguments["index"]
        self._released[step.arguments["ring"]] += 1

    def _publish(self, step: Step) -> None:
        """The guard of an entry is stored; it shows when its line is written back."""
        ring = step.arguments["ring"]
        slot = self._slot(ring, self._exporting[ring])
        slot.published_ns = self._world.clock.now_ns
        self._offering[chain(ring, (self._released[ring] - 1) % self._scenario.brokers.ring_slots)] = slot

    def _written_back(self, line: Line) -> None:
        slot = self._offering.pop(line, None)
        if slot is not None:
            slot.offered_ns = self._world.clock.now_ns
        elif line[0] == "consumed":
            for read in self._read[line[1]]:
                self._world.consumed(read)
            self._read[line[1]].clear()

    def _discard(self, step: Step) -> None:
        """A duplicate was dropped; its payload is not read."""
        slot = self._slot(step.arguments["ring"], step.arguments["index"])
        slot.settled = True
        self._world.recorder.count("duplicates_dropped")
        self._read[slot.ring].append(slot)

    def _deliver(self, step: Step) -> None:
        """A subscriber has read a payload, under the range that the chain told it."""
        given, world = step.arguments, self._world
        slot = self._slot(given["ring"], given["index"])
        now_ns = world.clock.now_ns
        found = (given["client"], given["seq"], given["start"])
        world.watch.read(slot, found, now_ns)
        slot.delivered_ns = now_ns
        world.watch.delivered(slot, now_ns)
        self._read[slot.ring].append(slot)

    def _acknowledge(self, step: Step) -> None:
        """An acknowledger tells a client: at level 4 by seq, at level 5 by how many batches of the ring."""
        ring, client, below = (step.arguments[name] for name in ("ring", "client", "below"))
        came = self._came.get((ring, client), [])
        if self._world.level == 4:
            acked = [slot for slot in came if slot.batch.seq < below]
            self._came[ring, client] = [slot for slot in came if slot.batch.seq >= below]
        else:
            already = self._acked.get((ring, client), 0)
            acked, self._came[ring, client] = came[: below - already], came[below - already :]
            self._acked[ring, client] = below
        for slot in acked:
            if slot.batch.acked_ns < 0:
                copy = slot if slot.start >= 0 or slot.batch.first is None else slot.batch.first
                self._world.watch.acked(copy, self._world.clock.now_ns)
                self.depart(copy)

    def _attempted(self, attempted: Attempted) -> None:
        """A scanner leaves a slot for later."""
        slot = self._slot(attempted.ring, attempted.index)
        if slot.parked_ns < 0:
            slot.parked_ns = self._world.clock.now_ns
            self._world.recorder.count("parked")
