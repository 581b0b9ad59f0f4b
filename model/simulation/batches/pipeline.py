"""One replication: a scenario's parts put together, run under the clock, and held against the contract."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from fencepost.model.contract import Level
from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.histories import History, Workload, read_workload
from fencepost.model.recordings import recorded_workload
from fencepost.model.simulation.batches.brokers import Acks, Receiver, Subscriber
from fencepost.model.simulation.batches.clients import Client, Network
from fencepost.model.simulation.batches.epoch_scanners import EpochScanner, EpochSequencer, WalkingScanner
from fencepost.model.simulation.batches.faults import Parts, late_brokers, schedule_faults
from fencepost.model.simulation.batches.scanners import ATTEMPTS, Scanner, Shared
from fencepost.model.simulation.records import Batch, Slot
from fencepost.model.simulation.scenario import Scenario
from fencepost.model.simulation.world import World, make_world

EPOCHS = {"order4.epoch": EpochSequencer, "order5.epoch": EpochScanner}
SIMULATED = (*ATTEMPTS, *EPOCHS)
"""The sequencers that can be simulated at batch granularity."""

Progress = Callable[[int, int, int], None]  # simulated ns so far, of how many, events of batches so far


def simulate_once(
    scenario: Scenario,
    level: Level,
    *,
    seed: int,
    replication: int = 0,
    shuffled: bool = False,
    traced: bool = False,
    progress: Progress = lambda now_ns, end_ns, slots: None,
) -> World:
    """Run one replication of a scenario at batch granularity to its end; the world holds what happened."""
    if scenario.sequencer not in SIMULATED:
        raise unknown_choice("sequencer", scenario.sequencer, SIMULATED)
    if scenario.brokers.delegated:
        raise InputError("brokers.delegated is true, expected false at batch granularity: use --granularity operation")
    workload = workload_of(scenario, level)
    scenario = fitted(scenario, workload)
    world = make_world(scenario, level, seed=seed, replication=replication, shuffled=shuffled, traced=traced)
    shared = _start_scanners(world)
    _start_around(world, workload, shared)
    finish(world, progress)
    world.recorder.lock = shared.lock.waits
    world.recorder.lock_held = shared.lock.held
    return world


def workload_of(scenario: Scenario, level: Level) -> Workload | None:
    """Return the recorded arrivals that a scenario replays, if it does."""
    name = scenario.clients.workload
    if not name:
        return None
    workload = recorded_workload(level) if name == "recorded" else read_workload(Path(name))
    if not len(workload):
        raise InputError(f"clients.workload: {name} holds no arrivals, expected at least one")
    return workload


def fitted(scenario: Scenario, workload: Workload | None) -> Scenario:
    """Return the scenario with as many brokers as the workload names, and as long as it takes."""
    if workload is None:
        return scenario
    brokers = msgspec.structs.replace(scenario.brokers, count=len(set(workload.broker_id.tolist())))
    duration = type(scenario.duration)(int(workload.arrival_ns.max()) + 1)
    return msgspec.structs.replace(scenario, brokers=brokers, duration=duration)


def _start_scanners(world: World) -> Shared:
    shared = Shared(world)
    walks, name = world.scenario.ordering.scan == "walk", world.scenario.sequencer
    kind: type[Scanner] = EPOCHS.get(name, WalkingScanner if walks else Scanner)
    if walks and name in EPOCHS:
        raise InputError(f"ordering.scan is 'walk', expected 'head': {name} collects, it does not walk")
    numbers = range(1) if kind is EpochSequencer else range(len(world.rings))
    shared.scanners = [kind(world, number, shared) for number in numbers]
    for scanner in shared.scanners:
        world.clock.process(scanner.run())
    return shared


def _start_around(world: World, workload: Workload | None, shared: Shared) -> None:
    """Start what is around the scanners: receivers, acks, subscribers, faults, clients."""
    receivers = [Receiver(world, ring.number) for ring in world.rings]
    late = late_brokers(world.scenario)
    acks = Acks(world, start_clients(world, workload, receivers, late))
    world.on_published, world.on_offered = acks.published, acks.offered
    world.on_ackable, world.on_duplicate = acks.ackable, acks.duplicate
    subscribers = [Subscriber(world, ring.number, acks.delivered) for ring in world.rings]
    for receiver in receivers:
        world.clock.process(receiver.run())
    for subscriber in subscribers:
        world.clock.process(subscriber.run())
    schedule_faults(world, Parts(receivers, shared.scanners, subscribers, shared))


def start_clients(
    world: World, workload: Workload | None, receivers: Sequence[Receiver], late: dict[int, int]
) -> Callable[[Slot], None]:
    """Start the clients and their network, or the recorded arrivals; return what sends a batch's ack on its way."""
    if workload is not None:
        _replay(world, workload, receivers)
        return lambda copy: _note_ack(world, copy)
    network = Network(world, lambda broker, slot: receivers[broker].receive(slot))
    clients = [Client(world, number, network, late) for number in range(world.scenario.clients.count)]
    for client in clients:
        client.start()
    return lambda copy: network.send_ack(copy, clients[copy.batch.client].acked)


def _note_ack(world: World, copy: Slot) -> None:
    """Take down an ack at its departure: a recording has no way back."""
    copy.batch.acked_ns, copy.batch.acked_copy = world.clock.now_ns, copy


def _replay(world: World, workload: Workload, receivers: Sequence[Receiver]) -> None:
    """Let recorded arrivals come to their brokers at their times; a second row of a batch is a copy of it."""
    brokers = {broker: number for number, broker in enumerate(sorted(set(workload.broker_id.tolist())))}
    batches: dict[tuple[int, int], Batch] = {}

    def arrive(batch: Batch, broker: int) -> None:
        now_ns = world.clock.now_ns
        if batch.sent_ns < 0:
            world.recorder.batches.append(batch)
        batch.sent_ns, batch.broker = now_ns, broker
        receivers[broker].receive(Slot(batch, broker, now_ns, world.watch.acked_to))

    for row in workload:
        key = (row.client_id, row.batch_seq)
        if key not in batches:
            batches[key] = Batch(*key, row.message_count, row.payload_bytes, row.arrival_ns)
        batch, broker = batches[key], brokers[row.broker_id]
        world.clock.call_at(row.arrival_ns, arrive, batch, broker)


def finish(world: World, progress: Progress) -> None:
    """Run to the end, and ask what is left over."""
    end_ns = world.sending_ends_ns + int(world.scenario.drain)
    was_collecting = gc.isenabled()
    gc.disable()  # what a run makes it keeps to its end: looking for garbage takes a fifth of the time and finds none
    try:
        for now_ns in world.clock.run_slices(end_ns):
            progress(min(now_ns, world.sending_ends_ns), world.sending_ends_ns, len(world.recorder.slots))
    finally:
        if was_collecting:
            gc.enable()
    if world.scenario.check:
        still_ns = max(int(world.scenario.drain) // 10, longest_still_ns(world.scenario))
        is_moving = world.scenario.drain < still_ns or _last_moved_ns(world) >= end_ns - still_ns
        world.watch.ended(_left_over(world), world.clock.now_ns, is_moving=is_moving)


def longest_still_ns(scenario: Scenario) -> int:
    """Return how long nothing may be ordered, delivered or acked in a run that goes on: a batch's waits, added up.

    Of times that are drawn, twenty means: an exponential exceeds that in one draw out of e^20 = 5 x 10^8.
    """
    clients, brokers, ordering = scenario.clients, scenario.brokers, scenario.ordering
    drawn_ns = 2 * scenario.network.delay.mean_ns + sum(
        each.mean_ns for each in (brokers.receive, ordering.service, scenario.subscribers.service)
    )
    waits_ns = (clients.think, clients.retransmit_after, brokers.ack_poll, ordering.inside_lock, 2 * ordering.epoch)
    walk_ns = ordering.step * brokers.ring_slots if ordering.scan == "walk" else 0
    return (
        int(20 * drawn_ns) + sum(map(int, waits_ns)) + int(walk_ns) + sum(int(each.lasts) for each in scenario.faults)
    )


def _last_moved_ns(world: World) -> int:
    """Return when the last batch was ordered, delivered or acked."""
    slots = max((max(slot.published_ns, slot.delivered_ns) for slot in world.recorder.slots), default=-1)
    return max(slots, max((batch.acked_ns for batch in world.recorder.batches), default=-1))


def history_of_run(world: World) -> History:
    """Return the ordered batches of a run, in position order."""
    ordered = sorted((slot for slot in world.recorder.slots if slot.published_ns >= 0), key=lambda slot: slot.start)
    read: dict[str, Callable[[Slot], int]] = {
        "client_id": lambda slot: slot.batch.client,
        "batch_seq": lambda slot: slot.batch.seq,
        "broker_id": lambda slot: slot.ring,
        "ring_index": lambda slot: slot.index,
        "message_count": lambda slot: slot.batch.count,
        "start_position": lambda slot: slot.start,
        "sent_ns": lambda slot: slot.sent_ns,
        "acked_ns": lambda slot: slot.batch.acked_ns if slot.batch.acked_copy is slot else -1,
    }
    # Column by column: rows of a million batches would take half a gigabyte.
    columns = {name: np.fromiter(map(get, ordered), dtype=np.int64, count=len(ordered)) for name, get in read.items()}
    return History.of_checked(columns)


def _left_over(world: World) -> str:
    """Say what should have been ordered, delivered or acked and was not; "" if nothing.

    At level 4 a batch may wait for ever for a predecessor that never arrived.
    """
    seen = [slot for slot in world.recorder.slots if slot.readable]
    waiting = [slot for slot in seen if not slot.settled]
    if waiting and world.level == 4:
        ends = _unbroken(seen)
        waiting = [slot for slot in waiting if slot.batch.seq < ends[slot.batch.client]]
    if waiting:
        batch = waiting[0].batch
        return f"client {batch.client} batch {batch.seq} arrived, and it was not ordered"
    for ring in world.rings:
        if ring.waiting and not world.is_gone(ring.number):
            batch = ring.waiting[0].batch
            return f"client {batch.client} batch {batch.seq} waits for a place in ring {ring.number}, which is full"
    must_be_acked = bool(world.scenario.clients.retransmit_after) or not (world.scenario.network.loss or world.crashed)
    for slot in seen:
        if slot.start >= 0 and (slot.delivered_ns < 0 or (slot.batch.acked_ns < 0 and must_be_acked)):
            what = "delivered" if slot.delivered_ns < 0 else "acked"
            return f"client {slot.batch.client} batch {slot.batch.seq} was ordered and never {what}"
    return ""


def _unbroken(seen: list[Slot]) -> dict[int, int]:
    """Return, for each client, the first of its batches that never arrived."""
    seqs: dict[int, set[int]] = {}
    for slot in seen:
        seqs.setdefault(slot.batch.client, set()).add(slot.batch.seq)
    return {client: next(seq for seq in range(len(known) + 1) if seq not in known) for client, known in seqs.items()}
