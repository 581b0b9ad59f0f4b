"""order4.owner: each client belongs to one worker, which alone ever looks at the client's next seq.

Every worker reads every ring; that is how a batch comes into its owner's hands. There is neither a lock nor a claim:
the counter is all that workers have in common.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from fencepost.model.programs.layout import ISSUED
from fencepost.model.programs.operations import ORDERED, Attempted, FetchAdd, Load, Operation, Program, Store
from fencepost.model.programs.roles.scanner import PASS, Slot
from fencepost.model.programs.sequencers.partition import owner_of
from fencepost.model.programs.sequencers.worker import View, Worker


class Order4Owner(Worker):
    """A worker: deals with the batches of its clients, and passes over the rest."""

    def __init__(self, ring: int, slots: int, *, delegated: bool = False, rings: int = 1) -> None:
        """`ring` numbers the worker; there are as many as rings."""
        super().__init__(ring, slots, delegated=delegated, rings=rings, workers=rings)

    def run(self) -> Program:
        """Read whatever ring has something."""
        while True:
            view = yield from self.readable()
            yield from self.take(view)

    def take(self, view: View) -> Program:
        slot = yield from view.read(view.index)
        view.index += 1
        if self.owns(slot.client):
            yield from self.settle(slot)
        else:
            yield from view.export(slot, -1, PASS)

    def owns(self, client: int) -> bool:
        """Say whether a client belongs to this worker."""
        return owner_of(client, self.workers) == self.ring

    def order(self, slot: Slot) -> Program:
        """Give a batch that is its client's next a range, and publish it."""
        start = yield from self.reserve(slot)
        view = self.views[slot.ring]
        yield from view.assign(slot, start)
        yield from view.publish(slot, start)
        self._next_seq[slot.client] = slot.seq + 1
        yield Attempted(slot.ring, slot.index, ORDERED, start)

    def reserve(self, slot: Slot) -> Generator[Operation, Any, int]:
        """Take a range. One worker alone adds to the counter, so it needs no atomic addition."""
        if self.workers > 1:
            start: int = yield FetchAdd(ISSUED, slot.count)
        else:
            start = yield Load(ISSUED)
            yield Store(ISSUED, start + slot.count)
        return start
