"""Bugs of level-4 epochs: what is counted, reserved for, given out and acknowledged together, and when."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from fencepost.model.museum.bug import EPOCH4, Bug, batch, deviating, in_rings
from fencepost.model.programs.operations import Operation, Program, witness
from fencepost.model.programs.roles.scanner import DELIVER, Slot
from fencepost.model.programs.sequencers.order4_epoch import Order4Epoch
from fencepost.model.programs.sequencers.worker import View


class CountedWhenPlaced(Order4Epoch):
    """Next-expected counts a batch when it has its range: until then a copy of it is next, too."""

    def order(self, slot: Slot) -> Program:
        if len(self._plan) == self.EPOCH_BATCH_COUNT:
            yield from self.place()
        self._plan.append(slot)
        yield witness("emit", ring=slot.ring, index=slot.index)

    def release(self, client: int) -> Program:
        """Release nothing yet: a parked batch is next only once its predecessor is counted."""
        yield from ()

    def hand_out(self, slot: Slot, start: int) -> Program:
        yield from super().hand_out(slot, start)
        self._next_seq[slot.client] = slot.seq + 1
        yield from super().release(slot.client)


class EpochAbandoned(Order4Epoch):
    """A worker is stopped and started again with a plan in hand, which is forgotten; what was counted stays counted."""

    def at_once(self) -> Generator[Operation, Any, View | None]:
        found = yield from super().at_once()
        if found is None:
            for slot in (*self._plan, *self._parked.values()):
                view = self.views[slot.ring]
                view.index = min(view.index, slot.index)  # it reads again what it has not given back
            self._plan.clear()
            self._parked.clear()
        return found


class ReservedForParked(Order4Epoch):
    """The epoch's one range is for all that was read and is not ordered, what stays parked included."""

    def reserve(self, message_count: int) -> Generator[Operation, Any, int]:
        early = sum(slot.count for slot in self._parked.values())
        return (yield from super().reserve(message_count + early))


class RangesByRing(Order4Epoch):
    """An epoch's ranges are given out ring by ring, not in the order of the plan."""

    def place(self) -> Program:
        self._plan.sort(key=lambda slot: slot.ring)
        yield from super().place()


class EpochAckedAtOnce(Order4Epoch):
    """The whole epoch is acknowledged when it has its range, before any batch of it is in an export chain."""

    def place(self) -> Program:
        plan, self._plan = self._plan, []
        if not plan:
            return
        start = yield from self.reserve(sum(slot.count for slot in plan))
        for slot in plan:
            yield from self.views[slot.ring].acknowledge(slot)
        for slot in plan:
            view = self.views[slot.ring]
            yield from view.assign(slot, start)
            yield from view.export(slot, start, DELIVER, view.published(slot))
            start += slot.count


BUGS: tuple[Bug, ...] = (
    deviating(
        "counted_when_placed",
        breaks="once",
        origin="tempting, as next-expected would then say what is ordered, at every moment",
        sound=EPOCH4,
        scenario=in_rings((batch(0, 0), batch(0, 0))),
        scanner=CountedWhenPlaced,
    ),
    deviating(
        "epoch_abandoned",
        breaks="drained",
        origin="our own native worker has to finish its epoch when it is stopped; this is why",
        sound=EPOCH4,
        scenario=in_rings((batch(0, 0),)),
        scanner=EpochAbandoned,
    ),
    deviating(
        "epoch_reserves_for_parked",
        breaks="dense",
        origin="tempting, as one sum over what was read would do, and parked batches come later anyway",
        sound=EPOCH4,
        scenario=in_rings((batch(0, 0), batch(0, 2))),
        scanner=ReservedForParked,
    ),
    deviating(
        "ranges_by_ring",
        breaks="client-order",
        origin="tempting, as each export chain would be written in one go",
        sound=EPOCH4,
        scenario=in_rings((batch(0, 1),), (batch(0, 0),)),
        scanner=RangesByRing,
    ),
    deviating(
        "epoch_acked_at_once",
        breaks="ack-safe",
        origin="tempting where acknowledgements are late: from here on nothing of the epoch can be refused",
        sound=EPOCH4,
        scenario=in_rings((batch(0, 0),), acknowledgers=True),
        scanner=EpochAckedAtOnce,
    ),
)
