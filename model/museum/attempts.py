"""Bugs of level 4: how a batch is tested, claimed, given its range, and set aside."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from fencepost.model.museum.bug import CLAIM, MUTEX, Bug, batch, deviating, in_rings
from fencepost.model.programs.designs import design
from fencepost.model.programs.layout import ISSUED, LOCK, next_seq
from fencepost.model.programs.operations import (
    DUPLICATE,
    LATER,
    ORDERED,
    Address,
    CompareExchange,
    FetchAdd,
    Load,
    Lock,
    Operation,
    Store,
    Unlock,
    at,
)
from fencepost.model.programs.roles.scanner import Slot
from fencepost.model.programs.sequencers.order4 import Attempt, Order4Claim, Order4Mutex, Order4Scanner
from fencepost.model.specs import refuted


class ReserveThenCas(Order4Scanner):
    """The range is reserved before the compare-and-swap decides who orders the batch; who loses lets it go."""

    def expected(self, word: Any) -> int:
        return int(word)

    def attempt(self, slot: Slot) -> Attempt:
        word = yield Load(self.word(slot.client))
        self._words[slot.client] = word
        if word != slot.seq:
            return (DUPLICATE if word > slot.seq else LATER), -1
        start = yield FetchAdd(ISSUED, slot.count, at("reserve", ring=slot.ring))
        if not (yield from self.swap(slot)):
            return DUPLICATE, -1
        yield from self.assign(slot, start)
        yield from self.publish(slot, start)
        return ORDERED, start

    def swap(self, slot: Slot) -> Generator[Operation, Any, bool]:
        """Advance the client's word by compare-and-swap; say whether to go on and order the batch."""
        found = yield CompareExchange(self.word(slot.client), slot.seq, slot.seq + 1)
        return bool(found == slot.seq)


class ReserveThenCasUnchecked(ReserveThenCas):
    """Range first, and control continues the same way for who won the compare-and-swap and who lost it."""

    def swap(self, slot: Slot) -> Generator[Operation, Any, bool]:
        yield from super().swap(slot)
        return True


class ModuloTable(Order4Claim):
    """Next-expected is kept in a table of two entries, indexed by client id modulo two."""

    def word(self, client: int) -> Address:
        return next_seq(client % 2)


class FirstExpectationZero(Order4Claim):
    """The entry that a client's first batch makes is left at zero."""

    def released(self, slot: Slot) -> int:
        return 0 if slot.seq == 0 else super().released(slot)


class ReleaseBeforeReserve(Order4Claim):
    """The client's word is released, for its next batch, before the range is reserved."""

    def attempt(self, slot: Slot) -> Attempt:
        address, idle = self.word(slot.client), 2 * slot.seq
        word = yield CompareExchange(address, idle, idle + 1)
        self._words[slot.client] = word
        if word != idle:
            return (DUPLICATE if word // 2 > slot.seq else LATER), -1
        yield Store(address, self.released(slot))
        start = yield FetchAdd(ISSUED, slot.count)
        yield from self.assign(slot, start)
        yield from self.publish(slot, start)
        return ORDERED, start


class TestOutsideLock(Order4Mutex):
    """Next-expected is tested before the lock is taken, and not again behind it."""

    def attempt(self, slot: Slot) -> Attempt:
        expected = yield Load(self.word(slot.client))
        self._words[slot.client] = expected
        if slot.seq != expected:
            return (DUPLICATE if slot.seq < expected else LATER), -1
        yield Lock(LOCK)
        start = yield Load(ISSUED)
        yield Store(ISSUED, start + slot.count)
        yield from self.assign(slot, start)
        yield Store(self.word(slot.client), slot.seq + 1)
        yield Unlock(LOCK)
        yield from self.publish(slot, start)
        return ORDERED, start


class ReserveForParked(Order4Scanner):
    """Every batch gets its range when it is first looked at, parked ones too."""

    def __init__(self, ring: int, slots: int, *, delegated: bool = False) -> None:
        super().__init__(ring, slots, delegated=delegated)
        self._held: dict[int, int] = {}  # index of a slot -> start of its range

    def expected(self, word: Any) -> int:
        return int(word)

    def attempt(self, slot: Slot) -> Attempt:
        if slot.index not in self._held:
            self._held[slot.index] = yield FetchAdd(ISSUED, slot.count)
        while True:
            word = yield Load(self.word(slot.client))
            self._words[slot.client] = word
            if word != slot.seq:
                return (DUPLICATE if word > slot.seq else LATER), -1
            found = yield CompareExchange(self.word(slot.client), slot.seq, slot.seq + 1)
            if found == slot.seq:
                break
        yield from self.assign(slot, self._held[slot.index])
        yield from self.publish(slot, self._held[slot.index])
        return ORDERED, self._held[slot.index]


class SeedFromFirstSeen(Order4Claim):
    """What is expected of a client that has no entry yet is the first of its batches that is seen."""

    def attempt(self, slot: Slot) -> Attempt:
        yield CompareExchange(self.word(slot.client), 0, 2 * slot.seq)
        return (yield from super().attempt(slot))


class ParkNeverRechecked(Order4Claim):
    """What was parked is not looked at again."""

    def rechecked(self) -> list[int]:
        return []


CAS_THEN_RESERVE = design("order4.cas_then_reserve")

BUGS: tuple[Bug, ...] = (
    deviating(
        "cas_then_reserve",
        breaks="client-order",
        origin="the usual way to make next-expected lock-free: advance it first, so that nobody else takes the batch",
        sound=CLAIM,
        scenario=in_rings((batch(0, 0),), (batch(0, 1),)),
        refuted=refuted.Order4CasThenReserve,
        scanner=CAS_THEN_RESERVE.scanner,
        spec=CAS_THEN_RESERVE.spec,
    ),
    deviating(
        "reserve_then_cas",
        breaks="dense",
        origin="the proposed lock-free table, with its loser turned away: the range that it took is nobody's",
        sound=CLAIM,
        scenario=in_rings((batch(0, 0),), (batch(0, 0),)),
        refuted=refuted.Order4ReserveThenCas,
        scanner=ReserveThenCas,
    ),
    deviating(
        "reserve_then_cas_unchecked",
        breaks="once",
        origin="the proposed lock-free table as written: the loop is left when another thread changed the entry",
        sound=CLAIM,
        scenario=in_rings((batch(0, 0),), (batch(0, 0),)),
        refuted=refuted.Order4ReserveThenCasUnchecked,
        scanner=ReserveThenCasUnchecked,
    ),
    deviating(
        "modulo_table",
        breaks="prefix",
        origin="the proposed lock-free table has 1,024 entries and is indexed by client id modulo 1,024",
        sound=CLAIM,
        scenario=in_rings((batch(0, 0), batch(2, 1))),
        refuted=refuted.Order4ModuloTable,
        client_stride=2,
        scanner=ModuloTable,
    ),
    deviating(
        "first_expectation_zero",
        breaks="once",
        origin="the proposed table says nothing of the first value of an entry; zero is what fresh memory holds",
        sound=CLAIM,
        scenario=in_rings((batch(0, 0), batch(0, 0))),
        refuted=refuted.Order4FirstExpectationZero,
        scanner=FirstExpectationZero,
    ),
    deviating(
        "reserve_for_parked",
        breaks="client-order",
        origin="tempting, as a parked batch could then be assigned at once when its predecessor comes",
        sound=CLAIM,
        scenario=in_rings((batch(0, 1), batch(0, 0))),
        refuted=refuted.Order4ReserveForParked,
        scanner=ReserveForParked,
    ),
    deviating(
        "release_before_reserve",
        breaks="client-order",
        origin="tempting in order4.claim: the word is held for a shorter time",
        sound=CLAIM,
        scenario=in_rings((batch(0, 0),), (batch(0, 1),)),
        scanner=ReleaseBeforeReserve,
    ),
    deviating(
        "test_outside_lock",
        breaks="once",
        origin="tempting in order4.mutex: the lock is taken for batches that are next only",
        sound=MUTEX,
        scenario=in_rings((batch(0, 0),), (batch(0, 0),)),
        scanner=TestOutsideLock,
    ),
    deviating(
        "seed_from_first_seen",
        breaks="prefix",
        origin="tempting after a restart, when clients are amid their numbering; but batches arrive out of order",
        sound=CLAIM,
        scenario=in_rings((batch(0, 1),)),
        refuted=refuted.Order4SeedFromFirstSeen,
        scanner=SeedFromFirstSeen,
    ),
    deviating(
        "park_never_rechecked",
        breaks="drained",
        origin="parked batches are re-examined where the scanner has nothing to read, and a gate can end that",
        sound=CLAIM,
        scenario=in_rings((batch(0, 1), batch(0, 0))),
        scanner=ParkNeverRechecked,
    ),
)
