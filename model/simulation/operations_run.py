"""One replication at operation granularity: the programs themselves, operation by operation, in the place of the
batch-granular receivers and scanners. Clients, network, acks and subscribers around them are the same.

The programs of today run on one coherent host and write nothing back, so a scenario for them has brokers.hosts =
"shared" and policy = "none".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from fencepost.model.contract import Level
from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.programs import SCANNERS
from fencepost.model.programs.operations import DUPLICATE, LATER, ORDERED
from fencepost.model.programs.receiver import receiver
from fencepost.model.simulation.brokers import Receiver
from fencepost.model.simulation.clock import Process, Signal
from fencepost.model.simulation.operations_machine import TimedMachine
from fencepost.model.simulation.operations_memory import TimedMemory
from fencepost.model.simulation.operations_threads import UNTIL_WOKEN, Operation, TimedThread
from fencepost.model.simulation.pipeline import Progress, finish, fitted, start_around, workload_of
from fencepost.model.simulation.records import Slot
from fencepost.model.simulation.scenario import Scenario
from fencepost.model.simulation.world import World, make_world

RING_SIZE = 2**20  # slots: the programs of today do not use a slot again
_HEADER = ("slot_client", "slot_seq", "slot_count", "start", "ordered")


def line_of(address: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the line of a word: the words of a header share one, any other has a line of its own."""
    return ("slot", *address[1:]) if address[0] in _HEADER else address


class Expected:
    """A batch that has not arrived yet, as a receiver's program reads it: its fields are set when it has."""

    def __init__(self) -> None:
        self.client = self.seq = self.count = 0
        self.arrival_ns = UNTIL_WOKEN


class Feeding(Receiver):
    """A receiver that copies the payload, then lets the receiver's program fill the slot."""

    def __init__(self, world: World, number: int) -> None:
        super().__init__(world, number)
        self.header_ns = 0  # the program's own operations
        self.now: Slot | None = None  # what the program is filling in
        self.done = Signal(world.clock)
        self.thread: TimedThread | None = None
        self._next = Expected()

    def expected(self) -> Iterator[Expected]:
        """Yield batches for ever, each before it has arrived."""
        while True:
            self._next = Expected()
            yield self._next

    def fill(self, slot: Slot) -> Process:
        self.now = slot
        self._next.client, self._next.seq, self._next.count = slot.batch.client, slot.batch.seq, slot.batch.count
        assert self.thread is not None
        self.thread.wake()
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
) -> World:
    """Run one replication of a scenario at operation granularity to its end; the world holds what happened."""
    _check(scenario)
    workload = workload_of(scenario, level)
    scenario = fitted(scenario, workload)
    scenario = msgspec.structs.replace(
        scenario, brokers=msgspec.structs.replace(scenario.brokers, ring_slots=RING_SIZE)
    )
    world = make_world(scenario, level, seed=seed, replication=replication, shuffled=shuffled, traced=traced)
    run = OperationRun(world)
    start_around(world, workload, None, list(run.receivers))
    finish(world, progress)
    world.recorder.lock, world.recorder.lock_held = run.machine.lock_waits, run.machine.lock_held
    world.recorder.operation_count = run.machine.operation_count
    return world


def _check(scenario: Scenario) -> None:
    """Raise InputError for what the programs cannot show."""
    if scenario.sequencer not in SCANNERS:
        raise unknown_choice("sequencer of operation granularity", scenario.sequencer, SCANNERS)
    wanted = {
        "brokers.hosts": (scenario.brokers.hosts, "shared"),
        "policy": (scenario.policy, "none"),
        "ordering.scan": (scenario.ordering.scan, "head"),
        "ordering.service": (scenario.ordering.service.mean_ns, 0.0),
        "ordering.inside_lock": (scenario.ordering.inside_lock, 0),
    }
    for key, (value, expected) in wanted.items():
        if value != expected:
            problem = f"{key} is {value}, expected {expected} at operation granularity"
            raise InputError(f"{problem}: the programs do nothing else; or use --granularity batch")
    if any(fault.kind == "sequencer_stop" for fault in scenario.faults):
        raise InputError("faults: sequencer_stop is of batch granularity only: the programs have no restart")


class OperationRun:
    """The programs of one run, and what their steps mean to what is around them."""

    def __init__(self, world: World) -> None:
        self._world = world
        scenario, rings = world.scenario, world.rings
        memory = TimedMemory(
            world.clock,
            scenario.machine,
            scenario.machine.eviction.draws(world.stream("eviction")),
            line_of=line_of,
            is_pooled=lambda line: False,
            staleness=world.recorder.staleness,
        )
        self.machine = TimedMachine(world.clock, scenario.machine, memory, self._observe)
        memory.place(0, ("issued",)).waits = world.recorder.counter
        for client in range(scenario.clients.count):
            memory.place(0, ("next", client)).waits = world.recorder.client_words
        self.receivers = [Feeding(world, ring.number) for ring in rings]
        self._ring_of: dict[TimedThread, int] = {}
        self._in_hand: list[int] = [-1] * len(rings)
        for ring, feeding in zip(rings, self.receivers, strict=True):
            program = receiver(ring.number, feeding.expected())  # type: ignore[arg-type]  # Expected has the fields
            feeding.thread = TimedThread(self.machine, f"receiver {ring.number}", program, 0)
            scanner = TimedThread(self.machine, f"scanner {ring.number}", SCANNERS[scenario.sequencer](ring.number), 0)
            scanner.busy = world.recorder.scanners[ring.number]
            self._ring_of[feeding.thread] = self._ring_of[scanner] = ring.number

    def _observe(self, thread: TimedThread, operation: Operation, result: Any) -> None:
        """Take down what a labelled operation did, in the words of its spec."""
        label = operation.label
        if label is None:
            self._attempted(operation)
            return
        step = label(result)
        if step is None:
            return
        ring = self._ring_of[thread]
        if "index" in step.arguments:
            self._in_hand[ring] = step.arguments["index"]
        if step.action == "arrive":
            feeding = self.receivers[ring]
            assert feeding.now is not None
            feeding.now.readable_ns = self._world.clock.now_ns
            feeding.filled(feeding.now)
            feeding.done.give()
        elif step.action == "reserve":
            self._reserved(ring, result, operation.amount)

    def _reserved(self, ring: int, start: int, count: int) -> None:
        world = self._world
        index = self._in_hand[ring]
        if world.level == 5:  # in ring order: no step names the slot
            index = self._in_hand[ring] = index + 1
        slot = self._slot(ring, index)
        slot.start = start
        if slot.batch.first is None:
            slot.batch.first = slot
        world.watch.reserved(start, count, world.clock.now_ns)
        world.watch.assigned(slot, world.clock.now_ns)

    def _slot(self, ring: int, index: int) -> Slot:
        slot = self._world.rings[ring].places[index]
        assert slot is not None
        return slot

    def _attempted(self, attempted: Operation) -> None:
        """A scanner is done with a slot for now."""
        world, now_ns = self._world, self._world.clock.now_ns
        slot = self._slot(attempted.ring, attempted.index)
        if attempted.outcome == ORDERED:
            slot.settled = True
            if slot.parked_ns >= 0:
                world.recorder.hold.note(slot.parked_ns, now_ns - slot.parked_ns)
            slot.published_ns = slot.offered_ns = now_ns
            world.recorder.staleness.note(now_ns, 0)
            world.on_published(slot)
            world.on_offered(slot)
        elif attempted.outcome == LATER and slot.parked_ns < 0:
            slot.parked_ns = now_ns
            world.recorder.count("parked")
        elif attempted.outcome == DUPLICATE:
            slot.settled = True
            world.on_duplicate(slot)
