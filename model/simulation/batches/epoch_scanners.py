"""Scanners that do not go from one slot to the next: epochs, which collect, and the walk, which passes every place."""

from __future__ import annotations

from heapq import heappop, heappush

from fencepost.model.simulation.batches.scanners import Scanner, Shared
from fencepost.model.simulation.clock import Process
from fencepost.model.simulation.records import Slot
from fencepost.model.simulation.world import World


class EpochScanner(Scanner):
    """order5.epoch: at each multiple of the epoch, one fetch_add for all that its ring holds."""

    def run(self) -> Process:
        while True:
            if self.shared.halted:
                yield from self.stopped()
            self.ring.arrival.clear()
            if not self.ring.readable:
                yield self.ring.arrival.wait()
                continue
            yield self.clock.pause(-self.clock.now_ns % self.world.scenario.ordering.epoch)
            began_ns = self.clock.now_ns
            yield from self._epoch()
            self.worked(began_ns)
            if self.clock.now_ns == began_ns:
                yield self.clock.pause(1)  # what costs nothing must not begin the same epoch again

    def _epoch(self) -> Process:
        slots = []
        while self.ring.readable:
            slots.append(self.ring.readable.popleft())
            yield self.clock.pause(self.read_ns(slots[-1]) + self.service())
        yield from self.place(slots)

    def place(self, slots: list[Slot]) -> Process:
        """Reserve once for all slots and give each its part."""
        for slot in slots:
            slot.attempted_ns = self.clock.now_ns
        start = yield from self.shared.reserve(self.core, sum(slot.batch.count for slot in slots))
        for slot in slots:
            slot.settled = True
            self.ordered(slot, start)
            start += slot.batch.count
            if slot.parked_ns >= 0:
                self.world.recorder.hold.note(slot.parked_ns, self.clock.now_ns - slot.parked_ns)
        for slot in slots:
            yield from self.publication.publish(slot)
        yield from self.publication.close()


class EpochSequencer(EpochScanner):
    """order4.epoch: one for all rings. Emits what is next of each client; what is early stays for a later epoch."""

    def __init__(self, world: World, number: int, shared: Shared) -> None:
        super().__init__(world, number, shared)
        self._collected: dict[int, dict[int, list[Slot]]] = {}
        for ring in world.rings:
            ring.arrival = self.ring.arrival  # it waits for all of them

    def run(self) -> Process:
        while True:
            if self.shared.halted:
                self._collected.clear()
                yield from self.stopped()
                for ring in self.world.rings:
                    ring.readable.clear()
                    ring.readable.extend(slot for slot in ring.held() if not slot.settled)
            self.ring.arrival.clear()
            if not any(ring.readable for ring in self.world.rings):
                yield self.ring.arrival.wait()
                continue
            yield self.clock.pause(-self.clock.now_ns % self.world.scenario.ordering.epoch)
            began_ns = self.clock.now_ns
            yield from self._epoch()
            self.worked(began_ns)
            if self.clock.now_ns == began_ns:
                yield self.clock.pause(1)

    def _epoch(self) -> Process:
        for ring in self.world.rings:
            while ring.readable:
                slot = ring.readable.popleft()
                yield self.clock.pause(self.read_ns(slot) + self.service())
                self._collected.setdefault(slot.batch.client, {}).setdefault(slot.batch.seq, []).append(slot)
        plan = [slot for client in list(self._collected) for slot in self._emit(client)]
        if plan:
            yield from self.place(plan)

    def _emit(self, client: int) -> list[Slot]:
        """Return the slots of a client that follow what is ordered; set aside the early, drop the duplicates."""
        word, waiting = self.shared.word(client), self._collected[client]
        emitted = []
        for seq in sorted(waiting):
            if seq > word.next:
                for slot in waiting[seq]:
                    if slot.parked_ns < 0:
                        slot.parked_ns = self.clock.now_ns
                        self.world.recorder.count("parked")
                continue
            first, *others = waiting.pop(seq)
            duplicates = [first, *others] if seq < word.next else others
            if seq == word.next:
                emitted.append(first)
                word.next += 1
            for slot in duplicates:
                slot.settled = True
                self.world.on_duplicate(slot)
        if not waiting:
            del self._collected[client]
        return emitted


class WalkingScanner(Scanner):
    """Walks round the ring, one place each `step`, whatever it holds; a batch waits until the walk comes by.

    The walk is at place k mod size at `base + k x step`. Working on a batch delays the rest of the walk by as much.
    """

    def __init__(self, world: World, number: int, shared: Shared) -> None:
        super().__init__(world, number, shared)
        self._step_ns = int(world.scenario.ordering.step)
        self._base_ns = 0
        self._ahead: list[tuple[int, int, Slot]] = []  # (k at which the walk meets it, index, slot)

    def run(self) -> Process:
        while True:
            if self.shared.halted:
                yield from self.stopped()
                self._ahead.clear()
            self.ring.arrival.clear()
            self._look_ahead()
            if self.has_work() or (self._ahead and self._time_ns(self._ahead[0][0]) <= self.clock.now_ns):
                began_ns = self.clock.now_ns
                yield from self.revisit()
                if self._ahead and self._time_ns(self._ahead[0][0]) <= began_ns:
                    _, _, slot = heappop(self._ahead)
                    yield self.clock.pause(self.service())
                    yield from self.attempt(slot)
                self._base_ns += self.clock.now_ns - began_ns
                self.worked(began_ns)
                continue
            if self._ahead:
                self.clock.call_at(self._time_ns(self._ahead[0][0]), self.ring.arrival.give)
            yield self.ring.arrival.wait()

    def _time_ns(self, k: int) -> int:
        return self._base_ns + k * self._step_ns

    def _look_ahead(self) -> None:
        """Work out when the walk meets what has become readable."""
        while self.ring.readable:
            slot = self.ring.readable.popleft()
            earliest = max(0, -((self._base_ns - self.clock.now_ns) // self._step_ns))
            place = slot.index % self.ring.size
            k = earliest + (place - earliest) % self.ring.size
            heappush(self._ahead, (k, slot.index, slot))
