"""What the steps of programs mean to what is around them, to the figures and to the contract."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from fencepost.model.programs.layout import chain, payload
from fencepost.model.programs.operations import Attempted
from fencepost.model.programs.roles.scanner import DELIVER, DROP
from fencepost.model.simulation.operations.memory import Line, TimedMemory
from fencepost.model.simulation.records import Batch, Slot
from fencepost.model.simulation.world import World
from fencepost.model.trace import Step

TOLD = ("chain", "consumed", "written")  # lines whose write-backs mean something


class Record:
    """Takes down what the threads of one run do, each step when it happens.

    `filling` returns what a ring's receiver is filling in; `depart` sends the ack of a batch on its way. Where all
    hosts are one (`is_coherent`), a store shows at once; else when its line is written back.
    """

    def __init__(
        self,
        world: World,
        *,
        filling: Callable[[int], Slot],
        reader_host: Callable[[int], int],
        is_coherent: bool,
    ) -> None:
        rings = len(world.rings)
        self._world, self._filling, self._reader_host, self._is_coherent = world, filling, reader_host, is_coherent
        self.memory: TimedMemory | None = None
        self.depart: Callable[[Slot], None] = lambda slot: None
        self._released: Counter[int] = Counter()  # entries of each chain so far
        self._entered: list[dict[int, Line]] = [{} for _ in range(rings)]  # of each index without a guard yet: its line
        self._offering: dict[Line, Slot] = {}  # a line of a chain: the slot whose entry it holds
        self._came: dict[tuple[int, int], list[Slot]] = {}  # (ring, client): what came and is not acked, in ring order
        self._acked: dict[tuple[int, int], int] = {}  # level 5: how many of them are
        self._uncounted: list[deque[Slot]] = [
            deque() for _ in range(rings)
        ]  # by the ring's delegation, where one counts
        self._counted: list[int] = [0] * rings
        self._read: list[list[Slot]] = [[] for _ in range(rings)]  # delivered, and the receiver does not know it yet

    def observers(self) -> dict[str, Callable[[Step], None]]:
        """Return who takes down which step of the spec, or of the contract."""
        observers: dict[str, Callable[[Step], None]] = {
            "overwrite": self._overwrite, "arrive": self._arrive, "assign": self._assign, "export": self._export,
            "publish": self._publish, "discard": self._discard, "deliver": self._deliver,
            "acknowledge": self._acknowledge, "written": self._written,
        }  # fmt: skip
        if self._is_coherent:
            observers["consumed"] = self._consumed
        return observers

    def left(self, ring: int) -> tuple[list[int], int]:
        """Return the indices of a ring's slots that are not settled, and the index of the next that is filled."""
        held = self._world.rings[ring]
        unsettled = [slot.index for slot in held.places if slot is not None and not slot.settled]
        return sorted(unsettled), held.filled_count

    def _slot(self, step: Step) -> Slot:
        return self._slot_at(step.arguments["ring"], step.arguments["index"])

    def _slot_at(self, ring: int, index: int) -> Slot:
        slot = self._world.rings[ring].places[index % self._world.scenario.brokers.ring_slots]
        assert slot is not None
        assert slot.index == index
        return slot

    def _overwrite(self, step: Step) -> None:
        """The first store to a place in a ring."""
        slot = self._filling(step.arguments["ring"])
        self._world.watch.filled(slot, self._world.rings[slot.ring].fill(slot), self._world.clock._now)

    def _arrive(self, step: Step) -> None:
        """The guard of a header is stored."""
        ring, world = step.arguments["ring"], self._world
        slot = self._filling(ring)
        slot.filled_ns = now_ns = world.clock._now
        if world.scenario.brokers.delegated:
            self._uncounted[ring].append(slot)
        else:
            slot.readable = True
        world.recorder.slots.append(slot)
        world.recorder.occupancy[ring].note(now_ns, world.rings[ring].used)
        if world.spans is not None:
            world.spans.level(f"ring {ring}", now_ns, world.rings[ring].used)
        self._came.setdefault((ring, slot.batch.client), []).append(slot)
        if world.scenario.subscribers.copies:
            assert self.memory is not None
            line = payload(ring, slot.index % world.scenario.brokers.ring_slots)
            copy_ns = world.scenario.machine.copy.time_ns(slot.batch.size)
            self.memory.line(self._reader_host(ring), line).extra_ns = copy_ns

    def _written(self, step: Step) -> None:
        """A delegation has counted a slot."""
        ring, below = step.arguments["ring"], step.arguments["below"]
        self._counted[ring] = below
        if self._is_coherent:
            self._count(ring)

    def _count(self, ring: int) -> None:
        """The sequencer can see what the delegation of a ring counted."""
        uncounted = self._uncounted[ring]
        while uncounted and uncounted[0].index < self._counted[ring]:
            uncounted.popleft().readable = True

    def _assign(self, step: Step) -> None:
        """A batch has its range. An epoch takes one for several batches, so the counter may be far ahead by now."""
        given, world = step.arguments, self._world
        slot = self._slot(step)
        now_ns = world.clock._now
        slot.start, slot.ordered_ns = given["start"], now_ns
        if slot.batch.first is None:
            slot.batch.first = slot
        slot.settled = True
        if slot.parked_ns >= 0:
            world.recorder.hold.note(slot.parked_ns, now_ns - slot.parked_ns)
        world.watch.given(slot.start, given["count"], now_ns)
        world.watch.assigned(slot, now_ns)

    def _export(self, step: Step) -> None:
        """An entry of the chain is about to be stored; that of a duplicate lets its broker ack the first copy again."""
        given = step.arguments
        number = given.get("chain", given["ring"])
        line = chain(number, self._released[number] % self._world.scenario.brokers.ring_slots)
        self._released[number] += 1
        if given["kind"] == DELIVER:
            self._entered[given["ring"]][given["index"]] = line
        elif given["kind"] == DROP and not self._is_coherent:
            self._offering[line] = self._slot(step)

    def _publish(self, step: Step) -> None:
        """The guard of an entry is stored."""
        ring = step.arguments["ring"]
        entered = self._entered[ring]
        index = step.arguments.get("index", next(iter(entered)))
        line = entered.pop(index)
        slot = self._slot_at(ring, index)
        slot.published_ns = self._world.clock._now
        if self._is_coherent:
            slot.offered_ns = slot.published_ns
        else:
            self._offering[line] = slot

    def written_back(self, line: Line) -> None:
        """A line of those that are told of is in memory now."""
        slot = self._offering.pop(line, None)
        if slot is not None and slot.start < 0:
            self._tell_again(slot.batch)
        elif slot is not None:
            slot.offered_ns = self._world.clock._now
        elif line[0] == "consumed":
            self._free(line[1])
        elif line[0] == "written":
            self._count(line[1])

    def _consumed(self, step: Step) -> None:
        """A subscriber says how far it is."""
        self._free(step.arguments["ring"])

    def _free(self, ring: int) -> None:
        for read in self._read[ring]:
            self._world.consumed(read)
        self._read[ring].clear()

    def _discard(self, step: Step) -> None:
        """A duplicate was dropped; its payload is not read."""
        slot = self._slot(step)
        slot.settled = True
        self._world.recorder.count("duplicates_dropped")
        self._read[slot.ring].append(slot)
        if self._is_coherent:
            self._tell_again(slot.batch)

    def _tell_again(self, batch: Batch) -> None:
        """Ack a batch that came again once more: the first ack may be lost, or its broker gone."""
        first = batch.first
        if first is not None and first.offered_ns >= 0 and not self._world.is_gone(batch.broker):
            self._world.watch.acked(first, self._world.clock._now)
            self.depart(first)

    def _deliver(self, step: Step) -> None:
        """A subscriber has read a payload, under the range that the chain told it."""
        given, world = step.arguments, self._world
        slot = self._slot(step)
        now_ns = world.clock._now
        world.watch.read(slot, (given["client"], given["seq"], given["start"]), now_ns)
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
                self._world.watch.acked(copy, self._world.clock._now)
                self.depart(copy)

    def left_for_later(self, attempted: Attempted) -> None:
        """A scanner leaves a slot for later; or gave it back, where another one holds the same batch."""
        slot = self._world.rings[attempted.ring].places[attempted.index % self._world.scenario.brokers.ring_slots]
        is_there = slot is not None and slot.index == attempted.index
        if slot is not None and is_there and not slot.settled and slot.parked_ns < 0:
            slot.parked_ns = self._world.clock._now
            self._world.recorder.count("parked")
