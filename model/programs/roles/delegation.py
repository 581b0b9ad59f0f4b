"""The delegation: tells the scanner how many slots of its broker's ring are filled, so that it need not poll each."""

from itertools import count

from fencepost.model.programs.layout import header, written
from fencepost.model.programs.operations import Flush, Poll, Program, Store, StoreFence, Watched, at
from fencepost.model.programs.roles.receiver import full_index


class Delegation:
    """Follows its ring on the broker's own host, where memory is coherent, and publishes a count of filled slots."""

    def __init__(self, ring: int, slots: int) -> None:
        self.ring, self.slots = ring, slots

    def run(self) -> Program:
        """Count slot after slot."""
        for index in count():
            yield from self.wait(index)
            below = at("written", ring=self.ring, below=index + 1)
            yield Store((*written(self.ring), "count"), index + 1, below)
            yield from self.publish(index + 1)

    def wait(self, index: int) -> Program:
        """Wait until the slot is filled."""
        address, seen = (*header(self.ring, index % self.slots), "guard"), 0
        if index >= self.slots:
            seen = full_index(index - self.slots)
        while seen != full_index(index):
            _, seen = yield Poll((Watched(address, seen),))

    def publish(self, filled_count: int) -> Program:
        """Make the count readable by the scanner's host; each time, so that none is left untold when batches stop."""
        yield Flush(written(self.ring))
        yield StoreFence()
