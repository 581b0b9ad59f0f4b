"""Connections: several receivers that fill one ring together, each with batches of its own."""

from collections.abc import Generator
from typing import Any

from fencepost.model.programs.layout import claimed
from fencepost.model.programs.operations import FetchAdd, Label, Operation, Program, Sleep
from fencepost.model.programs.roles.receiver import Arriving, Receiver, arrive


class Connection(Receiver):
    """One of the receivers that fill a ring together: each claims a slot, waits for its turn there, and fills it.

    The claim settles a batch's place among those of the ring, so that is when it arrives; which of the claimed slots
    is filled first is open. A slot that is claimed and not yet published holds what it held a lap before, or nothing:
    the guard, which names the index and so the lap, tells it from the batch that is to come. The connections of a ring
    are on its broker's host, where the count of claims is atomic and every line of the ring is written.
    """

    def run(self) -> Program:
        for batch in self._batches:
            yield Sleep(batch.arrival_ns)
            if self.accepts(batch):
                index = yield from self.claim(batch)
                yield from self.wait_for_space(index)
                yield from self.fill(index, batch)

    def claim(self, batch: Arriving) -> Generator[Operation, Any, int]:
        """Take the ring's next slot for a batch; return its index."""
        claimed_count: int = yield FetchAdd((*claimed(self.ring), "count"), 1, arrive(self.ring, batch))
        return self.first + claimed_count

    def arrived(self, batch: Arriving) -> Label | None:
        """The batch arrived when its slot was claimed."""
        return None
