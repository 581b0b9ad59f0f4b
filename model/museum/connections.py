"""Bugs of rings that several connections fill together."""

from __future__ import annotations

from collections.abc import Generator
from itertools import count
from typing import Any

from fencepost.model.museum.bug import ORDER5, Bug, batch, deviating, in_rings
from fencepost.model.museum.ring import FlagScanner
from fencepost.model.programs.layout import ISSUED, claimed, header, payload
from fencepost.model.programs.operations import (
    FetchAdd,
    Flush,
    Load,
    Operation,
    Poll,
    Program,
    Store,
    StoreFence,
    Watched,
    at,
)
from fencepost.model.programs.pipeline import Scenario
from fencepost.model.programs.roles.connection import Connection
from fencepost.model.programs.roles.receiver import Arriving, arrive
from fencepost.model.programs.sequencers.order5 import Order5FetchAdd


class FlagOfASlot(Connection):
    """The guard of a slot is a flag without the lap, which the connection that claims the slot next takes back."""

    def guard(self, index: int) -> int:
        return 1

    def fill(self, index: int, batch: Arriving) -> Program:
        line = header(*self.place(index))
        yield Store((*line, "guard"), 0)
        yield Flush(line)
        yield StoreFence()
        yield from super().fill(index, batch)


class PublishesWhileItFills(Connection):
    """The guard is stored while the payload is on its way: one fence for both."""

    def write_payload(self, index: int, batch: Arriving) -> Program:
        line = payload(*self.place(index))
        yield Store((*line, "content"), (batch.client, batch.seq))
        yield Flush(line)


class PassesAHole(Order5FetchAdd):
    """A slot that is not full when the next one is full is passed over: whoever claimed it is taken for dead."""

    def run(self) -> Program:
        index = 0
        while True:
            index += yield from self.passed_count(index)
            slot = yield from self.read(index)
            start = yield FetchAdd(ISSUED, slot.count, at("reserve", ring=self.ring))
            yield from self.hand_out(slot, start)
            index += 1

    def passed_count(self, index: int) -> Generator[Operation, Any, int]:
        """Wait for this slot or the next; return how many were passed over."""
        guards = [(*header(self.ring, (index + ahead) % self.slots), "guard") for ahead in range(2)]
        seen = [self.guard(max(index + ahead - self.slots, -1)) for ahead in range(2)]
        while True:
            watched = (Watched(guards[ahead], seen[ahead], invalidate=True) for ahead in range(2))
            which: int
            which, seen[which] = yield Poll(tuple(watched))
            if seen[which] == self.guard(index + which):
                return which


class ClaimsBySearch(Connection):
    """A connection claims the first slot from its own last one on that looks empty; two may find the same one."""

    def claim(self, batch: Arriving) -> Generator[Operation, Any, int]:
        for index in count(self.first):
            guard = yield Load((*header(*self.place(index)), "guard"))
            if guard < self.guard(index):
                yield FetchAdd((*claimed(self.ring), "count"), 1, arrive(self.ring, batch))
                return index
        raise AssertionError("some slot is empty")


def _together(*batches: Arriving, slots: int = 2, **given: Any) -> Scenario:
    return Scenario(rings=(batches,), slots=slots, connections=2, **given)


BUGS: tuple[Bug, ...] = (
    deviating(
        "slot_flag_taken_back",
        breaks="visible",
        origin="a consumed slot and a full one look alike to a flag: until the next claim takes it back, it says full",
        sound=ORDER5,
        scenario=in_rings((batch(0, 0),), later=((batch(1, 0),),), slots=1, connections=2, subscribers=True),
        scanner=FlagScanner,
        sharing=FlagOfASlot,
    ),
    deviating(
        "published_while_filled",
        breaks="visible",
        origin="tempting where many connections wait at their fences: header and payload in one go",
        sound=ORDER5,
        scenario=_together(batch(0, 0), batch(1, 0), subscribers=True),
        sharing=PublishesWhileItFills,
    ),
    deviating(
        "hole_passed",
        breaks="drained",
        origin="a scanner that gives up on a claimed slot, so that one slow connection does not stop the ring",
        sound=ORDER5,
        scenario=_together(batch(0, 0), batch(1, 0)),
        scanner=PassesAHole,
    ),
    deviating(
        "claim_by_search",
        breaks="no-overwrite",
        origin="no count of claims: each connection looks for an empty slot in the ring itself",
        sound=ORDER5,
        scenario=_together(batch(0, 0), batch(1, 0)),
        sharing=ClaimsBySearch,
    ),
)
