"""What workers that read every ring share: a view of each ring, and what is next of each of their clients."""

from __future__ import annotations

from collections.abc import Collection, Generator
from typing import Any, ClassVar

from fencepost.model.programs.operations import (
    DUPLICATE,
    LATER,
    Attempted,
    Label,
    Operation,
    Poll,
    Program,
    at,
    witness,
)
from fencepost.model.programs.roles.scanner import DROP, Scanner, Slot


class View(Scanner):
    """One ring as one worker reads it, and the export chain that the worker has for it.

    The chain has an entry for each slot, also for those of other workers: a slot is free when all workers passed it.
    """

    def __init__(self, ring: int, slots: int, *, worker: int, workers: int, delegated: bool) -> None:
        super().__init__(ring, slots, delegated=delegated)
        self.chain = ring * workers + worker
        self.index = 0  # of the slot that is read next

    def published(self, slot: Slot) -> Label:
        return at("publish", ring=slot.ring, index=slot.index)

    def acknowledged_below(self, slot: Slot) -> int:
        """Name a seq: the worker released all the client's earlier batches before this one."""
        return slot.seq + 1


class Worker(Scanner):
    """Takes what is next of its clients, parks what is early, drops copies. Subclasses say what is done with the next.

    Next-expected is the worker's own: nobody else ever looks at it.
    """

    level = 4
    view: ClassVar[type[View]] = View

    def __init__(self, ring: int, slots: int, *, delegated: bool = False, rings: int = 1, workers: int = 1) -> None:
        """`ring` numbers the worker among so many `workers`."""
        super().__init__(ring, slots, delegated=delegated)
        self.workers = workers
        self.views = [
            self.view(each, slots, worker=ring, workers=workers, delegated=delegated) for each in range(rings)
        ]
        self._next_seq: dict[int, int] = {}  # of each of its clients
        self._parked: dict[tuple[int, int], Slot] = {}  # by client and seq

    def expect(self, late_rings: Collection[int]) -> None:
        for view in self.views:
            view.expect(late_rings)

    def order(self, slot: Slot) -> Program:
        """Deal with a batch that is its client's next."""
        raise NotImplementedError

    def readable(self) -> Generator[Operation, Any, View]:
        """Wait until some ring has something; return it."""
        while True:
            gates = [view.gate(view.index) for view in self.views]
            if None in gates:
                return self.views[gates.index(None)]
            which, seen = yield Poll(tuple(gate for gate in gates if gate is not None))
            view: View = self.views[which]
            if view.passes(view.index, seen):
                return view

    def take(self, view: View) -> Program:
        """Read the next slot of a ring and deal with it."""
        slot = yield from view.read(view.index)
        view.index += 1
        yield from self.settle(slot)

    def settle(self, slot: Slot) -> Program:
        """Order a batch and what was parked behind it, park it, or drop it."""
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
            yield witness("park", ring=slot.ring, index=slot.index)
            yield Attempted(slot.ring, slot.index, LATER)

    def release(self, client: int) -> Program:
        """Order what was parked behind the batch that was just ordered."""
        while (slot := self._parked.pop((client, self._next_seq[client]), None)) is not None:
            yield from self.order(slot)

    def drop(self, slot: Slot, outcome: str) -> Program:
        """Give a slot back unordered: its batch was taken before, or is parked."""
        yield witness("discard", ring=slot.ring, index=slot.index)
        yield from self.views[slot.ring].export(slot, -1, DROP)
        yield Attempted(slot.ring, slot.index, outcome)
