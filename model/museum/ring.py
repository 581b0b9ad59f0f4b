"""Bugs of the ring and of the scanner's way through it."""

from __future__ import annotations

from itertools import count

from fencepost.model.museum.bug import ORDER5, Bug, batch, deviating, in_rings
from fencepost.model.programs.layout import ISSUED, header, written
from fencepost.model.programs.operations import ORDERED, Attempted, FetchAdd, Load, Program, Watched, at
from fencepost.model.programs.pipeline import Scenario
from fencepost.model.programs.roles.client import Sending
from fencepost.model.programs.roles.receiver import Arriving, Receiver
from fencepost.model.programs.roles.scanner import Reading, Slot
from fencepost.model.programs.sequencers.order5 import Order5FetchAdd


class EdgeTriggeredGate(Order5FetchAdd):
    """One batch is ordered for each change of the count that was observed."""

    def gate(self, index: int) -> Watched:
        return Watched((*written(self.ring), "count"), self._written_count, invalidate=True)


class NoWrap(Receiver):
    """An index past the end of the ring is a slot of the ring that lies behind it."""

    def place(self, index: int) -> tuple[int, int]:
        return self.ring + index // self.slots, index % self.slots


class WrapWithoutConsumedCheck(Receiver):
    """A slot of an earlier lap is used again whether it was consumed or not."""

    def wait_for_space(self, index: int) -> Program:
        yield from ()


class OnlySlotZeroProtected(Receiver):
    """Only the first slot of a lap waits until it was consumed."""

    def wait_for_space(self, index: int) -> Program:
        if index % self.slots == 0:
            yield from super().wait_for_space(index)


class FlagReceiver(Receiver):
    """The guard is a flag, the same in every lap."""

    def guard(self, index: int) -> int:
        return 1


class FlagScanner(Order5FetchAdd):
    """The guard is a flag, the same in every lap: whatever is not zero is taken for what it waits for."""

    def header_gate(self, index: int) -> Watched:
        return Watched((*header(self.ring, index % self.slots), "guard"), 0, invalidate=True)

    def guard(self, index: int) -> int:
        return 1


class CountReadTwice(Order5FetchAdd):
    """The count that is reserved is read before the gate, the one that is assigned behind it."""

    def run(self) -> Program:
        for index in count():
            before = yield Load((*header(self.ring, index % self.slots), "batch"))
            yield from self.wait(index)
            reserved_count = before[2] if before else 0
            start = yield FetchAdd(ISSUED, reserved_count, at("reserve", ring=self.ring))
            slot = yield from self.read(index)
            yield from self.assign(slot, start)
            yield from self.publish(slot, start)
            yield Attempted(self.ring, index, ORDERED, start)


class PositionsInBlocks(Order5FetchAdd):
    """A scanner takes positions four at a time, and gives its batches ranges out of its block."""

    def run(self) -> Program:
        start = end = 0
        for index in count():
            yield from self.wait(index)
            slot = yield from self.read(index)
            if end - start < slot.count:
                start = yield FetchAdd(ISSUED, 4)
                end = start + 4
            yield from self.assign(slot, start)
            yield from self.publish(slot, start)
            start += slot.count


class OrderBeforePayload(Receiver):
    """The header, with its guard, is written before the payload."""

    def fill(self, index: int, batch: Arriving) -> Program:
        yield self.overwrite(index)
        yield from self.write_header(index, batch)
        yield from self.write_payload(index, batch)


class ZeroMessageBlocks(Receiver):
    """A batch without messages is let in, though zero messages is how an unwritten header looks."""

    def accepts(self, batch: Arriving) -> bool:
        return True


class DelegationVouchesEarly(Order5FetchAdd):
    """A slot that the delegation counted is read at once, without waiting for the header's own guard."""

    def read(self, index: int) -> Reading:
        batch = yield Load((*header(self.ring, index % self.slots), "batch"))
        return Slot(self.ring, index, *(batch or (0, 0, 0)))


BUGS: tuple[Bug, ...] = (
    deviating(
        "edge_triggered_gate",
        breaks="drained",
        origin="the scanner of 09ae22d compares written_addr with what it last saw, and orders one batch if it differs",
        sound=ORDER5,
        scenario=in_rings((batch(0, 0), batch(0, 1)), delegated=True),
        scanner=EdgeTriggeredGate,
    ),
    deviating(
        "no_wrap",
        breaks="no-overwrite",
        origin="rings of 09ae22d have 512 slots and nobody wraps: slot 512 is the first slot of the next ring",
        sound=ORDER5,
        scenario=in_rings((batch(0, 0),), (batch(1, 0),), later=((batch(0, 1),), ()), slots=1, subscribers=True),
        receiver=NoWrap,
    ),
    deviating(
        "wrap_without_consumed_check",
        breaks="no-overwrite",
        origin="the first repair of no_wrap that comes to mind: take the index modulo the number of slots",
        sound=ORDER5,
        scenario=Scenario(plans=((Sending(0, 0, 1), Sending(0, 1, 1)),), ring_count=1, slots=1, subscribers=True),
        receiver=WrapWithoutConsumedCheck,
    ),
    deviating(
        "only_slot_zero_protected",
        breaks="no-overwrite",
        origin="the second repair of no_wrap: look at what was consumed when the ring is wrapped, and then no more",
        sound=ORDER5,
        scenario=in_rings((batch(0, 0), batch(0, 1)), later=((batch(0, 2), batch(0, 3)),), slots=2, subscribers=True),
        receiver=OnlySlotZeroProtected,
    ),
    deviating(
        "stale_lap_flag",
        breaks="visible",
        origin="completion is a flag in 09ae22d, and would still be set from the lap before if rings wrapped",
        sound=ORDER5,
        scenario=in_rings((batch(0, 0),), slots=1),
        scanner=FlagScanner,
        receiver=FlagReceiver,
    ),
    deviating(
        "count_read_twice",
        breaks="unique",
        origin="the scanner of 09ae22d reads num_msg to see if the slot is ready, and again to reserve and to count",
        sound=ORDER5,
        scenario=Scenario(rings=((batch(0, 0), batch(0, 1)),)),
        scanner=CountReadTwice,
    ),
    deviating(
        "positions_in_blocks",
        breaks="dense",
        origin="tempting where the counter is contended: one fetch_add for several batches",
        sound=ORDER5,
        scenario=in_rings((batch(0, 0),)),
        scanner=PositionsInBlocks,
    ),
    deviating(
        "order_before_payload",
        breaks="visible",
        origin="the receiver of 09ae22d copies the header into its slot, complete, before it receives any payload",
        sound=ORDER5,
        scenario=Scenario(rings=((batch(0, 0),),), subscribers=True),
        receiver=OrderBeforePayload,
    ),
    deviating(
        "zero_message_blocks",
        breaks="drained",
        origin="num_msg = 0 means an unwritten header in 09ae22d, and nothing keeps a client from sending it",
        sound=ORDER5,
        scenario=Scenario(rings=((batch(0, 0, 0), batch(0, 1)),)),
        receiver=ZeroMessageBlocks,
    ),
    deviating(
        "delegation_vouches_early",
        breaks="visible",
        origin="found in a first draft of these programs: a count may reach memory before the header that it counts",
        sound=ORDER5,
        scenario=Scenario(rings=((batch(0, 0),),), delegated=True),
        scanner=DelegationVouchesEarly,
    ),
)
