"""The level-4 scanners: what is next is ordered, what is early is parked, what was ordered is dropped.

The loop is one (`Order4Scanner`); how a batch is tested and claimed is what the sequencers differ in (`attempt`).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from heapq import heappop, heappush
from typing import Any, TypeAlias

from fencepost.model.programs.layout import ISSUED, LOCK, exported, next_seq, shard_lock
from fencepost.model.programs.operations import (
    DUPLICATE,
    LATER,
    ORDERED,
    Address,
    Attempted,
    CompareExchange,
    FetchAdd,
    Label,
    Load,
    Lock,
    Operation,
    Poll,
    Program,
    Store,
    Unlock,
    Watched,
    at,
    witness,
)
from fencepost.model.programs.roles.scanner import DROP, Scanner, Slot
from fencepost.model.programs.sequencers.partition import owner_of
from fencepost.model.trace import Step

Attempt: TypeAlias = Generator[Operation, Any, tuple[str, int]]


class Parked(dict[int, list[Slot]]):
    """A client's slots that were set aside, by seq; the lowest seq is found without a look at each."""

    def __init__(self) -> None:
        super().__init__()
        self._seqs: list[int] = []  # a heap; those that are there no more are left out when they come up

    def add(self, slot: Slot) -> None:
        """Set a slot aside, behind others of the same seq."""
        if slot.seq not in self:
            heappush(self._seqs, slot.seq)
        self.setdefault(slot.seq, []).append(slot)

    def first(self) -> int:
        """Return the lowest seq."""
        while self._seqs[0] not in self:
            heappop(self._seqs)
        return self._seqs[0]


class Order4Scanner(Scanner):
    """Reads slot after slot; sets aside what is early, and looks at it again when its client's word has changed.

    `parked` maps a client to its set-aside slots by seq. Every slot is kept, also a second one with the same seq:
    replacing it would lose track of a copy that must be dropped later.
    """

    level = 4

    def __init__(self, ring: int, slots: int, *, delegated: bool = False) -> None:
        super().__init__(ring, slots, delegated=delegated)
        self.parked: dict[int, Parked] = {}
        self._words: dict[int, Any] = {}  # client -> its next-expected word, as last seen

    def attempt(self, slot: Slot) -> Attempt:
        """Order the slot's batch if it is its client's next; return the outcome and the start."""
        raise NotImplementedError

    def expected(self, word: Any) -> int:
        """Return the seq that a client's next-expected word stands for."""
        raise NotImplementedError

    def word(self, client: int) -> Address:
        """Return the word that says what is next of a client."""
        return next_seq(client)

    def run(self) -> Program:
        """Look at the ring's next slot and at the words of the parked clients in turn; act on what has changed."""
        index = 0
        while True:
            gate = self.gate(index)
            if gate is None:
                index = yield from self.take(index)
                continue
            clients = self.rechecked()
            watched = [Watched(self.word(client), self._words[client]) for client in clients]
            which, seen = yield Poll((gate, *watched))
            if which == 0:
                if self.passes(index, seen):
                    index = yield from self.take(index)
            else:
                self._words[clients[which - 1]] = seen
                yield from self.release(clients[which - 1])

    def rechecked(self) -> list[int]:
        """Return the clients whose parked batches are looked at again when their word changes."""
        return sorted(self.parked)

    def take(self, index: int) -> Generator[Operation, Any, int]:
        """Read a slot and deal with it; return the index of the next one."""
        slot = yield from self.read(index)
        yield from self.settle(slot)
        return index + 1

    def settle(self, slot: Slot) -> Generator[Operation, Any, str]:
        """Attempt one slot; park it if it is early; return the outcome."""
        before = self._words.get(slot.client)
        outcome, start = yield from self.attempt(slot)
        self.remember(slot, before)
        if outcome == LATER:
            self.parked.setdefault(slot.client, Parked()).add(replace(slot, parked=True))
        elif outcome == DUPLICATE:
            yield witness("discard", ring=slot.ring, index=slot.index)
            yield from self.export(slot, -1, DROP)
        yield Attempted(self.ring, slot.index, outcome, start)
        return outcome

    def remember(self, slot: Slot, before: Any) -> None:
        """Keep the word that parked batches of this client wait to see changed.

        An attempt of another batch has seen a newer word, perhaps the very one that they wait for: if that became the
        last value seen, they would wait for ever.
        """
        if not slot.parked and slot.client in self.parked:
            self._words[slot.client] = before

    def release(self, client: int) -> Program:
        """Attempt the client's parked slots that are due, until one is ordered: then its word has changed again.

        That change is seen by the next poll, whose fence comes after the stores of this one.
        """
        parked = self.parked[client]
        while parked and parked.first() <= self.expected(self._words[client]):
            copies = parked[parked.first()]
            slot = copies.pop(0)
            if not copies:
                del parked[slot.seq]
            outcome = yield from self.settle(slot)
            if outcome != DUPLICATE:
                break
        if not parked:
            del self.parked[client]

    def look(self, slot: Slot, busy: bool, seq: int) -> Step | None:
        """Return the step that a look at a client's word is: it may show a duplicate, or that the batch is early."""
        if seq > slot.seq:
            return Step("drop", {"ring": slot.ring, "index": slot.index})
        early = seq < slot.seq or busy
        return Step("park", {"ring": slot.ring}) if early and not slot.parked else None

    def acknowledge(self, slot: Slot) -> Program:
        """Wait until the client's batch before this one can be read, then tell the broker how far it may forget.

        What this ring is told covers copies that were dropped here and ordered elsewhere. Without the wait: batch 0 is
        claimed on ring 0, its copy on ring 1 is dropped, batch 1 is ordered and acknowledged there, and the client
        forgets both, while the scanner of ring 0 has yet to export batch 0. The wait ends: whoever it is for claimed
        that batch before this one was claimed, has nothing else in hand, and waits for an earlier one at most.
        """
        address = exported(slot.client)
        seen = yield Load(address)
        while seen < slot.seq:
            _, seen = yield Poll((Watched(address, seen),))
        yield Store(address, slot.seq + 1)
        yield from super().acknowledge(slot)

    def acknowledged_below(self, slot: Slot) -> int:
        """Name a seq: all the client's batches below it are exported, by whichever scanner."""
        return slot.seq + 1


class Order4Claim(Order4Scanner):
    """order4.claim. A client's word is twice its next seq, plus one while a scanner works on it."""

    def expected(self, word: Any) -> int:
        return int(word) // 2

    def attempt(self, slot: Slot) -> Attempt:
        address, idle, busy = self.word(slot.client), 2 * slot.seq, 2 * slot.seq + 1

        def look(word: int) -> Step | None:
            return self.look(slot, word % 2 == 1, word // 2)

        word = yield Load(address, look)
        if word == idle:
            word = yield CompareExchange(address, idle, busy, claimed(slot, idle, look))
        self._words[slot.client] = word
        if word != idle:
            return (DUPLICATE if word // 2 > slot.seq else LATER), -1
        start = yield FetchAdd(ISSUED, slot.count, at("reserve", ring=slot.ring))
        yield from self.assign(slot, start)
        yield Store(address, self.released(slot), at("release", ring=slot.ring))
        yield from self.publish(slot, start)
        return ORDERED, start

    def released(self, slot: Slot) -> int:
        """Return the client's word once the slot's batch has its range: the next seq, idle."""
        return 2 * (slot.seq + 1)


class Order4Mutex(Order4Scanner):
    """order4.mutex. The word is the next seq; the lock is held from the test to the advance."""

    def expected(self, word: Any) -> int:
        return int(word)

    def lock(self, client: int) -> Address:
        """Return the lock that a client's word is under."""
        return LOCK

    def reserve(self, slot: Slot) -> Generator[Operation, Any, int]:
        """Take the batch's range: nobody else adds to the counter, so no atomic addition is needed under the lock."""
        start: int = yield Load(ISSUED)
        yield Store(ISSUED, start + slot.count, at("reserve", ring=slot.ring))
        return start

    def attempt(self, slot: Slot) -> Attempt:
        ring, address, lock = slot.ring, self.word(slot.client), self.lock(slot.client)
        yield Lock(lock, at("lock", ring=ring, index=slot.index))
        expected = yield Load(address)
        self._words[slot.client] = expected
        if slot.seq != expected:
            duplicate = slot.seq < expected
            yield Unlock(lock, at("drop" if duplicate else "park", ring=ring))
            return (DUPLICATE if duplicate else LATER), -1
        start = yield from self.reserve(slot)
        yield from self.assign(slot, start)
        yield Store(address, slot.seq + 1, at("advance", ring=ring))
        yield Unlock(lock, at("unlock", ring=ring))
        yield from self.publish(slot, start)
        return ORDERED, start


class Order4ShardedMutex(Order4Mutex):
    """order4.sharded_mutex. A lock for each shard of the clients; the counter is all that shards have in common.

    There are two shards, so that some clients meet in one and some do not; the native code that is raced has 64.
    """

    SHARD_COUNT = 2

    def lock(self, client: int) -> Address:
        return shard_lock(owner_of(client, self.SHARD_COUNT))

    def reserve(self, slot: Slot) -> Generator[Operation, Any, int]:
        start: int = yield FetchAdd(ISSUED, slot.count, at("reserve", ring=slot.ring))
        return start


class CasThenReserve(Order4Scanner):
    """The client's word is advanced before the range is reserved: the successor may reserve between the two."""

    def expected(self, word: Any) -> int:
        return int(word)

    def attempt(self, slot: Slot) -> Attempt:
        address = self.word(slot.client)

        def look(word: int) -> Step | None:
            return self.look(slot, False, word)

        word = yield Load(address, look)
        if word == slot.seq:
            word = yield CompareExchange(address, slot.seq, slot.seq + 1, claimed(slot, slot.seq, look))
        self._words[slot.client] = word
        if word != slot.seq:
            return (DUPLICATE if word > slot.seq else LATER), -1
        start = yield FetchAdd(ISSUED, slot.count, at("reserve", ring=slot.ring))
        yield from self.assign(slot, start)
        yield from self.publish(slot, start)
        return ORDERED, start


def claimed(slot: Slot, expected: int, look: Label) -> Label:
    """Return the label of a compare-exchange that claims a slot where it finds `expected`, and else is but a look."""
    step = Step("claim", {"ring": slot.ring, "index": slot.index})
    return lambda found: step if found == expected else look(found)
