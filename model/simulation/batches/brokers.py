"""Brokers: a receiver that fills the ring, acks that depart when a batch may be forgotten, a subscriber that reads."""

from __future__ import annotations

from collections.abc import Callable

from fencepost.model.simulation.clock import Process, Signal
from fencepost.model.simulation.records import Slot
from fencepost.model.simulation.world import World


class Receiver:
    """A broker's receiver: copies a batch to the log and fills the next header slot, one batch after the other."""

    def __init__(self, world: World, number: int) -> None:
        self._world, self._number, self._ring = world, number, world.rings[number]
        costs, brokers = world.scenario.machine, world.scenario.brokers
        self._core = brokers.count + number
        self._signal = Signal(world.clock)
        self._extra = brokers.receive.draws(world.stream(f"receiver {number}"))
        self._eviction = costs.eviction.draws(world.stream(f"receiver eviction {number}"))
        self._is_shared_host, self._flushes = brokers.hosts == "shared", brokers.publish == "flush"
        self._copy = costs.copy
        self.header_ns = 2 * costs.store_hit
        self._flushed_ns = 0  # from the store of the header's guard to the end of the fence behind its flush
        if not self._is_shared_host and self._flushes:
            self._flushed_ns = costs.flush + max(costs.fence, costs.cxl_write_back)
            # Payload, then header: lines that the last lap's flush dropped are fetched, and each is flushed and fenced.
            self.header_ns += 2 * costs.cxl_load + self._flushed_ns + costs.store_hit
        self.paused_until_ns = 0
        self.crash = ""  # "before" or "after": goes with the next batch, before or after it is published

    def receive(self, slot: Slot) -> None:
        """A batch arrives from the network."""
        self._ring.waiting.append(slot)
        self._signal.give()

    def run(self) -> Process:
        clock = self._world.clock
        while True:
            if not self._ring.waiting:
                yield self._signal.wait()
                continue
            if self.paused_until_ns > clock.now_ns:
                yield clock.at(self.paused_until_ns)
                continue
            while not self.has_room():
                self._world.recorder.count("waits_for_a_place")
                yield self._ring.room.wait()
            slot = self._ring.waiting.popleft()
            began_ns = clock.now_ns
            yield clock.pause(self._copy.time_ns(slot.batch.size) + self.header_ns + self._extra())
            if self.crash != "before":
                yield from self.fill(slot)
            self._worked(began_ns)
            if self.crash:
                self.gone()
                return

    def fill(self, slot: Slot) -> Process:
        """Store the header; it shows at once, or when it is flushed, or when it is evicted."""
        world, ring, clock = self._world, self._ring, self._world.clock
        if self._is_shared_host:
            yield clock.at(ring.arrived_line.store(self._core, clock.now_ns))
        now_ns = clock.now_ns
        world.watch.filled(slot, ring.fill(slot), now_ns)
        self.note_filled(slot)
        if self._flushed_ns:
            yield clock.pause(self._flushed_ns)
            now_ns = clock.now_ns
        shows_after_ns = 0 if self._is_shared_host or self._flushes else self._eviction()
        world.recorder.staleness.note(now_ns, self._flushed_ns + shows_after_ns)
        if shows_after_ns:
            clock.call_at(now_ns + shows_after_ns, self._show, slot)
        else:
            ring.show(slot)

    def gone(self) -> None:
        """The broker is gone."""
        self._world.crashed.add(self._number)

    def has_room(self) -> bool:
        """Say whether the next place of the ring may be used."""
        return not self._ring.is_full()

    def note_filled(self, slot: Slot) -> None:
        """Take down that the slot's header is stored."""
        world, ring, now_ns = self._world, self._ring, self._world.clock.now_ns
        slot.filled_ns = now_ns
        world.recorder.slots.append(slot)
        world.recorder.occupancy[self._number].note(now_ns, ring.used)
        if world.spans is not None:
            world.spans.level(f"ring {self._number}", now_ns, ring.used)

    def _show(self, slot: Slot) -> None:
        """A line was evicted; of a host that is gone none is, and what only its cache held is gone with it."""
        if self._world.is_gone(self._number):
            self._world.recorder.count("lost_in_a_cache")
        else:
            self._ring.show(slot)

    def _worked(self, began_ns: int) -> None:
        now_ns = self._world.clock.now_ns
        self._world.recorder.receivers[self._number].note(began_ns, now_ns - began_ns)
        if self._world.spans is not None:
            self._world.spans.span(f"receiver {self._number}", "receives", began_ns, now_ns)


class Subscriber:
    """A ring's subscriber: delivers batches in the order in which the sequencer released them."""

    def __init__(self, world: World, number: int, delivered: Callable[[Slot], None]) -> None:
        self._world, self._number, self._ring, self._delivered = world, number, world.rings[number], delivered
        costs, settings = world.scenario.machine, world.scenario.subscribers
        is_shared_host = world.scenario.brokers.hosts == "shared"
        look_ns = costs.invalidate + costs.cxl_load
        flushed_ns = costs.flush + max(costs.fence, costs.cxl_write_back)
        # The chain's entry, the payload's first line; then the count of consumed slots.
        self._read_ns = costs.line_transfer if is_shared_host else look_ns + costs.flush + costs.fence + costs.cxl_load
        self._consume_ns = costs.line_transfer if is_shared_host else costs.cxl_load + costs.store_hit + flushed_ns
        self._poll_ns = max(1, costs.pause + (costs.load_hit if is_shared_host else look_ns))
        self._copy = costs.copy if settings.copies else None
        self._service = settings.service.draws(world.stream(f"subscriber {number}"))
        self.slow_until_ns, self.factor = 0, 1

    def slow_down(self, until_ns: int, factor: int) -> None:
        """Take so many times as long for every batch that is begun before that time."""
        self.slow_until_ns, self.factor = until_ns, factor

    def run(self) -> Process:
        world, clock, ring = self._world, self._world.clock, self._ring
        idle_since_ns = 0
        while True:
            if not ring.exported:
                yield ring.export.wait()
                yield clock.pause((idle_since_ns - clock.now_ns) % self._poll_ns)
                continue
            slot = ring.exported.popleft()
            began_ns = clock.now_ns
            copy_ns = self._copy.time_ns(slot.batch.size) if self._copy else 0
            work_ns = self._read_ns + copy_ns + self._service()
            yield clock.pause(work_ns * (self.factor if began_ns < self.slow_until_ns else 1))
            slot.delivered_ns = clock.now_ns
            world.watch.delivered(slot, clock.now_ns)
            self._delivered(slot)
            yield clock.pause(self._consume_ns)
            idle_since_ns = clock.now_ns
            world.recorder.subscribers[self._number].note(began_ns, idle_since_ns - began_ns)
            if world.spans is not None:
                world.spans.span(f"subscriber {self._number}", "delivers", began_ns, idle_since_ns)
            world.consumed(slot)


class Acks:
    """Says when the ack of a batch departs, by the scenario's rule.

    assigned     the sequencer has stored its position: what the system modelled did, and not `ack-safe`
    deliverable  its position is readable on other hosts
    delivered    a subscriber has it
    """

    def __init__(self, world: World, depart: Callable[[Slot], None]) -> None:
        self._world, self._depart, self._rule = world, depart, world.scenario.clients.ack
        costs, scenario = world.scenario.machine, world.scenario
        look_ns = costs.load_hit if scenario.brokers.hosts == "shared" else costs.invalidate + costs.cxl_load
        # Without a pace of its own it goes round its clients, one word each.
        self._poll_ns = max(1, int(scenario.brokers.ack_poll or costs.pause + scenario.clients.count * look_ns))

    def published(self, slot: Slot) -> None:
        if self._rule == "assigned":
            self._soon(slot, self._world.clock.now_ns)

    def offered(self, slot: Slot) -> None:
        ring = self._world.rings[slot.ring]
        ring.exported.append(slot)
        ring.export.give()

    def ackable(self, slot: Slot, at_ns: int) -> None:
        if self._rule == "deliverable":
            self._soon(slot, at_ns)

    def delivered(self, slot: Slot) -> None:
        if self._rule == "delivered":
            self._soon(slot, self._world.clock.now_ns)

    def duplicate(self, slot: Slot) -> None:
        """A copy was dropped: the ack of the first copy is sent again, to where the client is connected now."""
        self._world.recorder.count("duplicates_dropped")
        self._world.consumed(slot)
        first = slot.batch.first
        if first is not None:
            reached = {"assigned": first.published_ns, "deliverable": first.offered_ns, "delivered": first.delivered_ns}
            if reached[self._rule] >= 0:
                self._soon(first, self._world.clock.now_ns)

    def _soon(self, copy: Slot, at_ns: int) -> None:
        """The broker's ack thread notices at its next poll."""
        self._world.clock.call_at(at_ns + -at_ns % self._poll_ns, self._leave, copy)

    def _leave(self, copy: Slot) -> None:
        batch = copy.batch
        if batch.acked_ns >= 0 or self._world.is_gone(batch.broker):
            return
        self._world.watch.acked(copy, self._world.clock.now_ns)
        self._depart(copy)
