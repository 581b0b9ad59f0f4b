"""Bugs of visibility: what is stored, flushed, fenced and invalidated, on which line, in which order."""

from __future__ import annotations

from fencepost.model.museum.bug import ORDER5, Bug, batch, deviating, in_rings
from fencepost.model.programs.layout import chain, header, payload
from fencepost.model.programs.operations import (
    Flush,
    Label,
    Line,
    Prefetch,
    Program,
    Store,
    StoreFence,
    Watched,
    witness,
)
from fencepost.model.programs.pipeline import Scenario
from fencepost.model.programs.roles.delegation import Delegation
from fencepost.model.programs.roles.receiver import Arriving, Receiver, arrive
from fencepost.model.programs.roles.scanner import Reading, Slot
from fencepost.model.programs.roles.subscriber import Subscriber
from fencepost.model.programs.sequencers.order5 import Order5FetchAdd
from fencepost.model.specs import refuted


class WrongLineFlushed(Order5FetchAdd):
    """The slot's header line is flushed where the chain's line was stored to."""

    def export(self, slot: Slot, start: int, kind: int, label: Label | None = None) -> Program:
        line = chain(slot.ring, self._released_count % self.slots)
        self._released_count += 1
        yield witness("export", ring=slot.ring, index=slot.index, kind=kind)
        yield Store((*line, "entry"), (slot.index, start, kind))
        yield Store((*line, "guard"), self._released_count, label)
        yield Flush(header(slot.ring, slot.index % self.slots))
        yield StoreFence()


class ExportAfterFence(Order5FetchAdd):
    """The chain's guard is stored after the flush and the fence, and never flushed."""

    def export(self, slot: Slot, start: int, kind: int, label: Label | None = None) -> Program:
        line = chain(slot.ring, self._released_count % self.slots)
        self._released_count += 1
        yield witness("export", ring=slot.ring, index=slot.index, kind=kind)
        yield Store((*line, "entry"), (slot.index, start, kind))
        yield Flush(line)
        yield StoreFence()
        yield Store((*line, "guard"), self._released_count, label)


class GuardBeforeEntry(Order5FetchAdd):
    """The guard of a chain entry is stored before the entry that it vouches for, on the same line."""

    def export(self, slot: Slot, start: int, kind: int, label: Label | None = None) -> Program:
        line = chain(slot.ring, self._released_count % self.slots)
        self._released_count += 1
        yield witness("export", ring=slot.ring, index=slot.index, kind=kind)
        yield Store((*line, "guard"), self._released_count, label)
        yield Store((*line, "entry"), (slot.index, start, kind))
        yield Flush(line)
        yield StoreFence()


class PayloadNotFenced(Receiver):
    """Between the flush of the payload and the header there is no fence."""

    def write_payload(self, index: int, batch: Arriving) -> Program:
        line = payload(*self.place(index))
        yield Store((*line, "content"), (batch.client, batch.seq))
        yield Flush(line)


class GateReadInCache(Order5FetchAdd):
    """The scanner polls the guard in its own copy of the header."""

    def header_gate(self, index: int) -> Watched:
        gate = super().header_gate(index)
        return Watched(gate.address, gate.seen)


class InvalidateWithStoreFence(Subscriber):
    """An sfence stands where the invalidation needs an mfence: no load waits for it."""

    def invalidate(self, number: int, line: Line) -> Program:
        yield Flush(line)
        yield StoreFence()


class FlagLineFirst(Receiver):
    """Payload and guard are stored to their lines, then both are flushed, the guard's first, with one fence."""

    def fill(self, index: int, batch: Arriving) -> Program:
        yield self.overwrite(index)
        data, line = payload(*self.place(index)), header(*self.place(index))
        yield Store((*data, "content"), (batch.client, batch.seq))
        yield Store((*line, "batch"), (batch.client, batch.seq, batch.count))
        yield Store((*line, "guard"), self.guard(index), arrive(self.ring, batch))
        yield Flush(line)
        yield Flush(data)
        yield StoreFence()


class ReaderNeverInvalidates(Subscriber):
    """The payload is read from the reader's own copy, if it has one."""

    def invalidate(self, number: int, line: Line) -> Program:
        yield from ()


class InvalidateEvery64(Subscriber):
    """The reader drops its copy of a payload line before every 64th batch only."""

    def invalidate(self, number: int, line: Line) -> Program:
        if number % 64 == 63:
            yield from super().invalidate(number, line)


class PrefetchNextHeader(Order5FetchAdd):
    """The header of the next slot is prefetched, and then read from that copy."""

    def header_gate(self, index: int) -> Watched:
        gate = super().header_gate(index)
        return Watched(gate.address, gate.seen, invalidate=index == 0)

    def read(self, index: int) -> Reading:
        slot = yield from super().read(index)
        yield Prefetch(header(self.ring, (index + 1) % self.slots))
        return slot


class DelegationTailUnflushed(Delegation):
    """The count is flushed with every eighth slot only."""

    def publish(self, filled_count: int) -> Program:
        if filled_count % 8 == 0:
            yield from super().publish(filled_count)


def own_host(ring: int) -> int:
    """Each scanner runs on its ring's host, and all of them add to one counter."""
    return 1 + ring


BUGS: tuple[Bug, ...] = (
    deviating(
        "wrong_line_flushed",
        breaks="drained",
        origin="a batch header of 09ae22d takes two lines, and the flag on the second is not on the flushed one",
        sound=ORDER5,
        scenario=in_rings((batch(0, 0),), subscribers=True),
        scanner=WrongLineFlushed,
    ),
    deviating(
        "export_after_fence",
        breaks="drained",
        origin="the scanner of 09ae22d stores the export flag and offset after its fence and never flushes them",
        sound=ORDER5,
        scenario=in_rings((batch(0, 0),), subscribers=True),
        scanner=ExportAfterFence,
    ),
    deviating(
        "guard_before_entry",
        breaks="visible",
        origin="a line is written back whole, but at any time: also between two stores to it",
        sound=ORDER5,
        scenario=in_rings((batch(0, 0),), subscribers=True),
        scanner=GuardBeforeEntry,
    ),
    deviating(
        "payload_not_fenced",
        breaks="visible",
        origin="one fence for several flushes (DEV-005) again, with the guard stored before it",
        sound=ORDER5,
        scenario=Scenario(rings=((batch(0, 0),),), subscribers=True),
        receiver=PayloadNotFenced,
    ),
    deviating(
        "gate_read_in_cache",
        breaks="drained",
        origin="no scanner of 09ae22d invalidates; on one host its poll would see every store",
        sound=ORDER5,
        scenario=Scenario(rings=((batch(0, 0),),)),
        scanner=GateReadInCache,
    ),
    deviating(
        "invalidate_with_store_fence",
        breaks="visible",
        origin="the fence that writers use, copied to the reader: sfence orders no loads",
        sound=ORDER5,
        scenario=Scenario(rings=((batch(0, 0),),), subscribers=True),
        subscriber=InvalidateWithStoreFence,
    ),
    deviating(
        "flag_line_first",
        breaks="visible",
        origin="one fence for several flushes (DEV-005), where a flushed line holds a guard that a reader trusts",
        sound=ORDER5,
        scenario=Scenario(rings=((batch(0, 0),),), subscribers=True),
        receiver=FlagLineFirst,
    ),
    deviating(
        "reader_never_invalidates",
        breaks="visible",
        origin="no reader of 09ae22d invalidates",
        sound=ORDER5,
        scenario=Scenario(rings=((batch(0, 0),),), subscribers=True),
        subscriber=ReaderNeverInvalidates,
    ),
    deviating(
        "invalidate_every_64",
        breaks="visible",
        origin="a tempting saving: the reader's flush is dear, and nearly always its copy is gone anyway",
        sound=ORDER5,
        scenario=Scenario(rings=((batch(0, 0),),), subscribers=True),
        subscriber=InvalidateEvery64,
    ),
    deviating(
        "prefetch_next_header",
        breaks="drained",
        origin="prefetching the next header (claim C10) helps on coherent memory; here it brings a copy that stays",
        sound=ORDER5,
        scenario=Scenario(rings=((batch(0, 0), batch(0, 1)),)),
        scanner=PrefetchNextHeader,
    ),
    deviating(
        "delegation_tail_unflushed",
        breaks="drained",
        origin="the delegation of 09ae22d flushes its progress every 8 batches or 64 KiB (DEV-002), not when idle",
        sound=ORDER5,
        scenario=in_rings((batch(0, 0),), delegated=True),
        delegation=DelegationTailUnflushed,
    ),
    deviating(
        "counter_spans_hosts",
        breaks="unique",
        origin="fetch_add is atomic within one coherence domain, and nothing in its name says so",
        sound=ORDER5,
        scenario=in_rings((batch(0, 0),), (batch(1, 0),)),
        refuted=refuted.Order5SplitCounter,
        scanner_host=own_host,
    ),
)
