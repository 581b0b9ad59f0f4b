"""One replication at operation granularity: the programs of the receivers, delegations, scanners, subscribers and
acknowledgers, operation by operation, each on its host. Clients and their network are those of batch granularity.

A batch has one line of payload; the time of copying it is added where it is written and where it is read. Where brokers
and sequencer share a host (`brokers.hosts`), its memory is coherent and only the scanner's policy flushes anything.
"""

from __future__ import annotations

from dataclasses import replace

from fencepost.model.contract import Level
from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.programs import DESIGNS, design
from fencepost.model.programs.layout import ISSUED, next_seq, to_ring
from fencepost.model.programs.operations import Flush, FullFence, Program, StoreFence, coherently, line_of, without
from fencepost.model.programs.roles.publication import POLICIES, publishing
from fencepost.model.programs.roles.restarting import STOP, Stoppable
from fencepost.model.programs.sequencers.order4 import CasThenReserve, Order4Claim, Order4Mutex
from fencepost.model.programs.sequencers.order5 import Order5FetchAdd
from fencepost.model.simulation.batches.brokers import Receiver
from fencepost.model.simulation.batches.faults import Parts, late_brokers, schedule_faults
from fencepost.model.simulation.batches.pipeline import Progress, finish, fitted, start_clients, workload_of
from fencepost.model.simulation.clock import Process, Signal
from fencepost.model.simulation.operations.machine import TimedMachine
from fencepost.model.simulation.operations.memory import TimedMemory
from fencepost.model.simulation.operations.record import TOLD, Record
from fencepost.model.simulation.operations.threads import TimedThread
from fencepost.model.simulation.quantities import Nanoseconds
from fencepost.model.simulation.records import Slot
from fencepost.model.simulation.scenario import Scenario
from fencepost.model.simulation.soundness import SEED_POLICY
from fencepost.model.simulation.world import World, make_world
from fencepost.model.specs import PROTOCOLS

RESTARTED = (Order4Claim, Order4Mutex, CasThenReserve, Order5FetchAdd)  # scanners that share words, and nothing private
OWN_LINES = ("counter", "next", "lock", "shard", "idle", STOP)  # of the sequencer's host; every other is in the pool


class Feeding(Receiver):
    """Copies the payload, then lets the receiver's program fill the slot, one batch after the other."""

    def __init__(self, world: World, number: int) -> None:
        super().__init__(world, number)
        self.header_ns = 0  # the program's own operations
        self.slot: Slot | None = None  # what the program is filling in
        self.run_of: OperationRun | None = None
        self._done = Signal(world.clock)

    def start(self, run: OperationRun) -> None:
        """Begin to feed the program of this broker's receiver."""
        self.run_of = run
        run.machine.emptied[to_ring(self._number)] = self._done.give

    def has_room(self) -> bool:
        return True  # the program itself waits for a place

    def fill(self, slot: Slot) -> Process:
        assert self.run_of is not None
        self.slot, batch = slot, slot.batch
        self._done.clear()
        self.run_of.machine.deliver(to_ring(slot.ring), (batch.client, batch.seq, batch.count))
        yield self._done.wait()

    def gone(self) -> None:
        super().gone()
        assert self.run_of is not None
        self.run_of.lose_broker(self._number)


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
    _check(scenario)
    workload = workload_of(scenario, level)
    scenario = fitted(scenario, workload)
    world = make_world(scenario, level, seed=seed, replication=replication, shuffled=shuffled, traced=traced)
    clients = range(scenario.clients.count) if workload is None else sorted(set(workload.client_id.tolist()))
    run = OperationRun(world, list(clients), runs_ahead=runs_ahead)
    run.record.depart = start_clients(world, workload, run.receivers, late_brokers(scenario))
    for receiver in run.receivers:
        world.clock.process(receiver.run())
    schedule_faults(world, Parts(run.receivers, run.scanners, run.subscribers, run))
    finish(world, progress)
    world.recorder.lock, world.recorder.lock_held = run.machine.lock_waits, run.machine.lock_held
    world.recorder.operation_count = run.machine.operation_count
    return world


def _check(scenario: Scenario) -> None:
    """Raise InputError for what the programs cannot show."""
    choices = [name for name in DESIGNS if name in PROTOCOLS]
    if scenario.sequencer not in choices:
        raise unknown_choice("sequencer of operation granularity", scenario.sequencer, choices)
    ordering = scenario.ordering
    wanted = {
        "clients.ack": (scenario.clients.ack, "deliverable"),
        "brokers.ack_poll": (scenario.brokers.ack_poll, 0),
        "ordering.scan": (ordering.scan, "head"),
        "ordering.service": (Nanoseconds(ordering.service.mean_ns), 0),
        "ordering.inside_lock": (ordering.inside_lock, 0),
        "subscribers.service": (Nanoseconds(scenario.subscribers.service.mean_ns), 0),
    }
    for key, (value, expected) in wanted.items():
        if value != expected:
            problem = f"{key} is {value}, expected {expected} at operation granularity"
            raise InputError(f"{problem}: the programs do nothing else; or use --granularity batch")
    if scenario.policy not in POLICIES:
        raise InputError(
            f"policy is {scenario.policy}, expected one of {', '.join(POLICIES)} at operation granularity: no scanner "
            f"here has an unsound one (see {SEED_POLICY.see}); --granularity batch shows what it costs, and "
            "cannot judge visible, ack-safe and drained"
        )
    stops = any(fault.kind == "sequencer_stop" for fault in scenario.faults)
    if stops and design(scenario.sequencer).scanner not in RESTARTED:
        raise InputError(
            f"faults: sequencer_stop cannot be shown for {scenario.sequencer}, whose scanners share more than words, "
            "at operation granularity: use --granularity batch"
        )


class OperationRun:
    """The threads of one run, and the memory and the record that they share."""

    def __init__(self, world: World, clients: list[int], *, runs_ahead: bool) -> None:
        scenario = world.scenario
        self._world, self._clients, self._design = world, clients, design(scenario.sequencer)
        self._is_coherent = scenario.brokers.hosts == "shared"
        self.receivers = [Feeding(world, ring.number) for ring in world.rings]
        self.record = Record(
            world, filling=self._filling, reader_host=self._reader_host, is_coherent=self._is_coherent
        )  # fmt: skip
        costs = scenario.machine
        is_pooled = (lambda line: False) if self._is_coherent else (lambda line: line[0] not in OWN_LINES)
        self._memory = self.record.memory = TimedMemory(
            world.clock, costs, lambda name: costs.eviction.draws(world.stream(f"eviction {name}")), line_of=line_of,
            is_pooled=is_pooled, staleness=world.recorder.staleness, told=TOLD,
            written_back=self.record.written_back,
        )  # fmt: skip
        self.machine = TimedMachine(
            world.clock, costs, self._memory, observers=self.record.observers(),
            attempted=self.record.left_for_later, runs_ahead=runs_ahead and not self._is_coherent, spans=world.spans,
        )  # fmt: skip
        self.scanners: list[TimedThread] = []
        self.subscribers: list[TimedThread] = []
        self._of_broker: list[list[TimedThread]] = [[] for _ in world.rings]
        for ring, receiver in enumerate(self.receivers):
            receiver.start(self)
            self._start(ring)
        self._memory.place(0, ISSUED).waits = world.recorder.counter
        for client in clients:
            self._memory.place(0, next_seq(client)).waits = world.recorder.client_words

    def _filling(self, ring: int) -> Slot:
        slot = self.receivers[ring].slot
        assert slot is not None
        return slot

    def _broker_host(self, ring: int) -> int:
        return 0 if self._is_coherent else self._design.broker_host(ring)

    def _reader_host(self, ring: int) -> int:
        return 0 if self._is_coherent else self._design.reader_host(ring, len(self.receivers))

    def _start(self, ring: int) -> None:
        """Start a thread for each program of a ring."""
        world, of, broker = self._world, self._design, self._broker_host(ring)
        brokers, recorder = world.scenario.brokers, world.recorder
        slots = brokers.ring_slots
        if ring < of.scanner_count(len(self.receivers)):
            scanner = self._thread(f"scanner {ring}", self._scanner(ring), 0)
            scanner.busy = recorder.scanners[ring]
            self.scanners.append(scanner)
        receiver = self._alike(of.receiver(ring, slots, ()).serve())
        if brokers.publish == "evict":
            receiver = without(receiver, Flush, StoreFence)
        around = [("receiver", receiver), ("acknowledger", self._alike(of.acknowledger(ring, self._clients).run()))]
        if brokers.delegated:
            around.append(("delegation", self._alike(of.delegation(ring, slots).run())))
        for name, program in around:
            self._of_broker[ring].append(self._thread(f"{name} {ring}", program, broker))
        subscriber = self._thread(
            f"subscriber {ring}", self._alike(of.subscriber_of(ring, len(self.receivers), slots).run()),
            self._reader_host(ring),
        )  # fmt: skip
        subscriber.busy = recorder.subscribers[ring]
        self.subscribers.append(subscriber)

    def _thread(self, name: str, program: Program, host: int) -> TimedThread:
        return TimedThread(self.machine, name, program, host)

    def _alike(self, program: Program) -> Program:
        """Return a program as it is where all memory is coherent: without flushes and fences."""
        return coherently(without(program, Flush, StoreFence, FullFence)) if self._is_coherent else program

    def _scanner(self, ring: int) -> Program:
        """Return the program of a ring's scanner: of the design, by the policy, and stopped where a fault asks."""
        scenario = self._world.scenario
        messages = self._world.level == 4 and scenario.ordering.message_headers
        kind = publishing(
            self._design.scanner, scenario.policy, messages=messages, group_size=scenario.ordering.group
        )  # fmt: skip
        brokers, rings = scenario.brokers, len(self.receivers)
        publishes = replace(self._design, scanner=kind)
        scanner = publishes.scanner_of(ring, rings, brokers.ring_slots, delegated=brokers.delegated)
        stops = any(fault.kind == "sequencer_stop" for fault in scenario.faults)
        program = Stoppable(scanner, lambda: self.record.left(ring)).run() if stops else scanner.run()
        return coherently(program) if self._is_coherent else program

    # --- faults ---

    def lose_broker(self, ring: int) -> None:
        """A broker's host is gone, and what only its caches held."""
        for thread in self._of_broker[ring]:
            thread.is_gone = True
        if not self._is_coherent:
            self._world.recorder.count("lost_in_a_cache", self._memory.lose(self._broker_host(ring)))

    def stop(self) -> None:
        """Tell every scanner to stop between two batches."""
        self._tell_scanners(1)

    def restart(self) -> None:
        """Let the scanners begin again."""
        self._tell_scanners(0)
        for ring in range(len(self.scanners)):
            self.machine.deliver((STOP, ring), 0)

    def _tell_scanners(self, word: int) -> None:
        for ring in range(len(self.scanners)):
            self._memory.store(self._memory.place(0, (STOP, ring, "word")), (STOP, ring, "word"), word)
