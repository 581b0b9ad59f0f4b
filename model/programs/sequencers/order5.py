"""The level-5 scanners: a fetch_add for each batch, or one for all the batches of an epoch, in ring order."""

from itertools import count

from fencepost.model.programs.layout import ISSUED
from fencepost.model.programs.operations import (
    ORDERED,
    Attempted,
    FetchAdd,
    Label,
    Program,
    at,
)
from fencepost.model.programs.roles.scanner import Scanner, Slot


class Order5FetchAdd(Scanner):
    """order5.fetch_add: wait for the slot, give its batch the next range, publish it."""

    level = 5

    def run(self) -> Program:
        for index in count():
            yield from self.wait(index)
            slot = yield from self.read(index)
            start = yield FetchAdd(ISSUED, slot.count, at("reserve", ring=self.ring))
            yield from self.hand_out(slot, start)

    def hand_out(self, slot: Slot, start: int) -> Program:
        """Give a batch its range and publish it."""
        yield from self.assign(slot, start)
        yield from self.publish(slot, start)
        yield Attempted(self.ring, slot.index, ORDERED, start)

    def acknowledged_below(self, slot: Slot) -> int:
        """Count the client's batches: a ring keeps their order, so the first so many are ordered."""
        return self._ordered_of[slot.client]


class Order5Epoch(Order5FetchAdd):
    """order5.epoch: read while there is something to read, at most so many; then one fetch_add for all of it.

    An epoch never waits for more: what was read would wait with it.
    """

    EPOCH_BATCH_COUNT = 2  # few, so that epochs get full; the native code that is raced has 64

    def run(self) -> Program:
        plan: list[Slot] = []
        for index in count():
            if not plan or not (yield from self.is_readable(index)):
                yield from self.place(plan)
                yield from self.wait(index)
            plan.append((yield from self.read(index)))
            if len(plan) == self.EPOCH_BATCH_COUNT:
                yield from self.place(plan)

    def place(self, plan: list[Slot]) -> Program:
        """Reserve once for all that was read, and hand it out in ring order."""
        if plan:
            total = sum(slot.count for slot in plan)
            start = yield FetchAdd(ISSUED, total, at("reserve", ring=self.ring, batches=len(plan)))
            for slot in plan:
                yield from self.hand_out(slot, start)
                start += slot.count
        plan.clear()

    def published(self, slot: Slot) -> Label:
        return at("publish", ring=slot.ring, index=slot.index)
