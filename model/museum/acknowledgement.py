"""Bugs of the acknowledgement: what a client is told, when, and of whose batches."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from fencepost.model.museum.bug import CLAIM, ORDER5, Bug, batch, deviating, in_rings
from fencepost.model.programs.layout import acked, chain
from fencepost.model.programs.operations import (
    LATER,
    Flush,
    Label,
    Operation,
    Program,
    Store,
    StoreFence,
    Watched,
    at,
    witness,
)
from fencepost.model.programs.roles.acknowledger import Acknowledger
from fencepost.model.programs.roles.scanner import DELIVER, DROP, Scanner, Slot
from fencepost.model.programs.sequencers.order4 import Order4Claim
from fencepost.model.programs.sequencers.order5 import Order5FetchAdd

EVERY_CLIENT = -1  # where a client's id belongs


class BrokerWideCount(Order5FetchAdd):
    """There is one acknowledgement word for the whole ring: how many of its batches are ordered, whoever sent them."""

    def acknowledge(self, slot: Slot) -> Program:
        line, below = acked(slot.ring, EVERY_CLIENT), slot.index + 1
        yield Store((*line, "below"), below, at("frontier", ring=slot.ring, client=EVERY_CLIENT, below=below))
        yield Flush(line)
        yield StoreFence()


class BrokerWideAck(Acknowledger):
    """Every client is told what the one word says."""

    def watched(self, client: int) -> Watched:
        return Watched((*acked(self.ring, EVERY_CLIENT), "below"), self.seen[client], invalidate=True)


class AckBeforeExport(Order5FetchAdd):
    """The broker may acknowledge a batch before it is offered to readers."""

    def publish(self, slot: Slot, start: int) -> Program:
        self._ordered_of[slot.client] = self._ordered_of.get(slot.client, 0) + 1
        yield from self.acknowledge(slot)
        yield from self.export(slot, start, DELIVER, at("publish", ring=slot.ring))


class OneFenceForExportAndAck(Order5FetchAdd):
    """Chain entry and acknowledgement word are stored, then both flushed, with one fence for the two."""

    def publish(self, slot: Slot, start: int) -> Program:
        self._ordered_of[slot.client] = self._ordered_of.get(slot.client, 0) + 1
        entry, word = chain(slot.ring, self._released_count % self.slots), acked(slot.ring, slot.client)
        self._released_count += 1
        below = self.acknowledged_below(slot)
        yield witness("export", ring=slot.ring, index=slot.index, kind=DELIVER)
        yield Store((*entry, "entry"), (slot.index, start, DELIVER))
        yield Store((*entry, "guard"), self._released_count, at("publish", ring=slot.ring))
        yield Store((*word, "below"), below, at("frontier", ring=slot.ring, client=slot.client, below=below))
        yield Flush(entry)
        yield Flush(word)
        yield StoreFence()


class ParkedIsAcked(Order4Claim):
    """A batch is acknowledged when it is parked, as if it could not be lost any more."""

    def settle(self, slot: Slot) -> Generator[Operation, Any, str]:
        outcome = yield from super().settle(slot)
        if outcome == LATER:
            yield from Scanner.acknowledge(self, slot)
        return outcome


class PhantomFirstAck(Acknowledger):
    """The acknowledger greets with the count 0; a client takes it for an offset: its first batch is done."""

    def greet(self) -> Program:
        for client in self.clients:
            yield from self.tell(client, 0 + 1)


class BackwardFrontier(Order4Claim):
    """A client is told the index behind the slot that was ordered last, and a parked slot has a low one."""

    def acknowledged_below(self, slot: Slot) -> int:
        return slot.index + 1


class DroppedIsAcked(Order4Claim):
    """A copy is acknowledged when it is dropped: its batch has its position, whether or not it is exported yet."""

    def export(self, slot: Slot, start: int, kind: int, label: Label | None = None) -> Program:
        if kind == DROP:
            yield from Scanner.acknowledge(self, slot)
        yield from super().export(slot, start, kind, label)


BUGS: tuple[Bug, ...] = (
    deviating(
        "broker_wide_ack",
        breaks="ack-safe",
        origin="the ack thread of 09ae22d sends each client progress.ordered of the broker, a count over all clients",
        sound=ORDER5,
        scenario=in_rings((batch(0, 0), batch(1, 0)), acknowledgers=True),
        scanner=BrokerWideCount,
        acknowledger=BrokerWideAck,
    ),
    deviating(
        "ack_before_export",
        breaks="ack-safe",
        origin="the scanner of 09ae22d flushes the count that is acknowledged before it stores the export flag",
        sound=ORDER5,
        scenario=in_rings((batch(0, 0),), acknowledgers=True),
        scanner=AckBeforeExport,
    ),
    deviating(
        "one_fence_for_export_and_ack",
        breaks="ack-safe",
        origin="one fence for several flushes (DEV-005), where the count that is acknowledged is stored before it",
        sound=ORDER5,
        scenario=in_rings((batch(0, 0),), acknowledgers=True),
        scanner=OneFenceForExportAndAck,
    ),
    deviating(
        "parked_is_acked",
        breaks="ack-safe",
        origin="tempting where clients wait long for acknowledgements: the sequencer has the batch, after all",
        sound=CLAIM,
        scenario=in_rings((batch(0, 1),), acknowledgers=True),
        scanner=ParkedIsAcked,
    ),
    deviating(
        "phantom_first_ack",
        breaks="ack-safe",
        origin="the ack thread of 09ae22d sends a count of 0 at once, and the client starts from -1, an offset",
        sound=ORDER5,
        scenario=in_rings((batch(0, 0),), acknowledgers=True),
        acknowledger=PhantomFirstAck,
    ),
    deviating(
        "backward_frontier",
        breaks="monotone",
        origin="the scanner of 09ae22d sets ordered_offset to the slot just ordered, also when that one was parked",
        sound=CLAIM,
        scenario=in_rings((batch(0, 1), batch(0, 0))),
        scanner=BackwardFrontier,
    ),
    deviating(
        "dropped_is_acked",
        breaks="ack-safe",
        origin="our own level-4 scanner acknowledged past a dropped copy, whose batch was not exported yet elsewhere:"
        " found by a client that restarts with two batches",
        sound=CLAIM,
        scenario=in_rings((batch(0, 0),), (batch(0, 0),), acknowledgers=True),
        scanner=DroppedIsAcked,
    ),
)
