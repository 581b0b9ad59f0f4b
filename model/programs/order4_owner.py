"""order4.owner: each client belongs to one worker, which alone ever looks at the client's next seq.

Every worker reads every ring; that is how a batch comes into its owner's hands. There is neither a lock nor a claim:
the counter is all that workers have in common.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from fencepost.model.programs.layout import ISSUED
from fencepost.model.programs.operations import (
    DUPLICATE,
    LATER,
    ORDERED,
    Attempted,
    FetchAdd,
    Label,
    Load,
    Operation,
    Poll,
    Program,
    Store,
    at,
    witness,
)
from fencepost.model.programs.partition import owner_of
from fencepost.model.programs.scanner import DROP, PASS, Scanner, Slot


class View(Scanner):
    """One ring as one worker reads it, and the export chain that the worker has for it.

    The chain has an entry for each slot, also for those of other owners: a slot is free when all workers passed it.
    """

    def __init__(self, ring: int, slots: int, *, worker: int, workers: int, delegated: bool) -> None:
        super().__init__(ring, slots, delegated=delegated)
        self.chain = ring * workers + worker
        self.index = 0  # of the slot that is read next

    def published(self, slot: Slot) -> Label:
        return at("publish", ring=slot.ring, index=slot.index)

    def acknowledged_below(self, slot: Slot) -> int:
        """Name a seq: the owner released all the client's earlier batches of this ring before this one."""
        return slot.seq + 1


class Order4Owner(Scanner):
    """A worker: takes what is next of its clients, parks what is early, drops copies, passes over the rest."""

    level = 4

    def __init__(self, ring: int, slots: int, *, delegated: bool = False, rings: int = 1) -> None:
        """`ring` numbers the worker; there are as many as rings."""
        super().__init__(ring, slots, delegated=delegated)
        self.workers = rings
        self.views = [View(each, slots, worker=ring, workers=rings, delegated=delegated) for each in range(rings)]
        self._next_seq: dict[int, int] = {}  # of each of its clients
        self._parked: dict[tuple[int, int], Slot] = {}  # by client and seq

    def run(self) -> Program:
        """Read whatever ring has something."""
        while True:
            gates = [view.gate(view.index) for view in self.views]
            if None in gates:
                yield from self.take(self.views[gates.index(None)])
                continue
            which, seen = yield Poll(tuple(gate for gate in gates if gate is not None))
            if self.views[which].passes(self.views[which].index, seen):
                yield from self.take(self.views[which])

    def take(self, view: View) -> Program:
        """Read the next slot of a ring and deal with it."""
        slot = yield from view.read(view.index)
        view.index += 1
        if not self.owns(slot.client):
            yield from view.export(slot, -1, PASS)
            return
        expected = self._next_seq.get(slot.client, 0)
        if slot.seq == expected:
            yield from self.order(slot)
            yield from self.release(slot.client)
        elif slot.seq < expected:
            yield from self.drop(slot, DUPLICATE)
        elif (slot.client, slot.seq) in self._parked:
            yield from self.drop(slot, LATER)  # a copy of what is parked: to be attempted later, by the other one
        else:
            self._parked[slot.client, slot.seq] = slot
            yield Attempted(slot.ring, slot.index, LATER)

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

    def release(self, client: int) -> Program:
        """Order what was parked behind the batch that was just ordered."""
        while (slot := self._parked.pop((client, self._next_seq[client]), None)) is not None:
            yield from self.order(slot)

    def drop(self, slot: Slot, outcome: str) -> Program:
        """Give a slot back unordered: its batch was ordered before, or is parked."""
        yield witness("discard", ring=slot.ring, index=slot.index)
        yield from self.views[slot.ring].export(slot, -1, DROP)
        yield Attempted(slot.ring, slot.index, outcome)
