"""The level-5 scanner: one fetch_add for each batch, in ring order."""

from itertools import count

from fencepost.model.programs.layout import ISSUED
from fencepost.model.programs.operations import ORDERED, Attempted, FetchAdd, Program, at
from fencepost.model.programs.scanner import Scanner, Slot


class Order5FetchAdd(Scanner):
    """order5.fetch_add: wait for the slot, give its batch the next range, publish it."""

    level = 5

    def run(self) -> Program:
        for index in count():
            yield from self.wait(index)
            slot = yield from self.read(index)
            start = yield FetchAdd(ISSUED, slot.count, at("reserve", ring=self.ring))
            yield from self.assign(slot, start)
            yield from self.publish(slot, start)
            yield Attempted(self.ring, index, ORDERED, start)

    def acknowledged_below(self, slot: Slot) -> int:
        """Count the client's batches: a ring keeps their order, so the first so many are ordered."""
        return self._ordered_of[slot.client]
