"""order4.epoch: one worker for all rings, and one reservation for all the batches of an epoch.

A batch that is its client's next joins the plan, and is counted at once: its successor may join the same plan behind
it. What is early stays parked and is not reserved for, so an epoch leaves no hole.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from fencepost.model.programs.layout import ISSUED
from fencepost.model.programs.operations import ORDERED, Attempted, Load, Operation, Program, Store, at, witness
from fencepost.model.programs.roles.scanner import Slot
from fencepost.model.programs.sequencers.worker import View, Worker


class Order4Epoch(Worker):
    """Plan while there is something to read; reserve for the plan when the next batch does not fit, or none is there.

    An epoch never waits for more to read: what was planned would wait with it.
    """

    EPOCH_BATCH_COUNT = 2  # few, so that epochs get full; the native code that is raced has 64

    def __init__(self, ring: int, slots: int, *, delegated: bool = False, rings: int = 1) -> None:
        super().__init__(ring, slots, delegated=delegated, rings=rings)
        self._plan: list[Slot] = []  # batches that have no range yet, each behind its client's earlier ones

    def run(self) -> Program:
        while True:
            view = (yield from self.at_once()) if self._plan else None
            if view is None:
                yield from self.place()
                view = yield from self.readable()
            yield from self.take(view)

    def at_once(self) -> Generator[Operation, Any, View | None]:
        """Look once at each ring, without waiting; return the first that has something."""
        for view in self.views:
            if (yield from view.is_readable(view.index)):
                return view
        return None

    def order(self, slot: Slot) -> Program:
        """Plan a batch that is its client's next; a full plan gets its ranges first."""
        if len(self._plan) == self.EPOCH_BATCH_COUNT:
            yield from self.place()
        self._plan.append(slot)
        self._next_seq[slot.client] = slot.seq + 1
        yield witness("emit", ring=slot.ring, index=slot.index)

    def place(self) -> Program:
        """Reserve once for all that is planned, then give each batch its part of the range and publish it."""
        plan, self._plan = self._plan, []
        if not plan:
            return
        start = yield from self.reserve(sum(slot.count for slot in plan))
        for slot in plan:
            yield from self.hand_out(slot, start)
            start += slot.count

    def reserve(self, message_count: int) -> Generator[Operation, Any, int]:
        """Take a range. The one worker alone adds to the counter, so it needs no atomic addition.

        The range is decided when the counter is read: nobody else stores to it.
        """
        start: int = yield Load(ISSUED, at("reserve"))
        yield Store(ISSUED, start + message_count)
        return start

    def hand_out(self, slot: Slot, start: int) -> Program:
        """Give a batch its range and publish it."""
        view = self.views[slot.ring]
        yield from view.assign(slot, start)
        yield from view.publish(slot, start)
        yield Attempted(slot.ring, slot.index, ORDERED, start)
