"""The level-4 scanner: what is next is ordered, what is early is parked, what was ordered is dropped.

The loop is one; how a batch is tested and claimed is what the variants differ in (`attempt`).
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias

from fencepost.model.programs.operations import (
    DUPLICATE,
    LATER,
    ORDERED,
    Attempted,
    Await,
    CompareExchange,
    FetchAdd,
    Label,
    Load,
    Lock,
    Operation,
    Program,
    Store,
    Unlock,
    at,
)
from fencepost.model.trace import Step


@dataclass(frozen=True)
class Slot:
    """A batch as its scanner read it; `parked` says that it was read before and set aside."""

    ring: int
    index: int
    client: int
    seq: int
    count: int
    parked: bool = False


Attempt: TypeAlias = Callable[[Slot], Generator[Operation, int, tuple[str, int]]]


def next_word(client: int) -> tuple[str, int]:
    """Return the address of a client's next-expected word."""
    return ("next", client)


def publish(slot: Slot, start: int) -> Program:
    """Write the batch's start position, then the flag that offers it to readers."""
    yield Store(("start", slot.ring, slot.index), start)
    yield Store(("ordered", slot.ring, slot.index), 1, at("publish", ring=slot.ring))


def _look(slot: Slot, next_of: Callable[[int], int], busy: Callable[[int], bool]) -> Label:
    """Return the label of the load that decides about a slot: it may show a duplicate, or that it is early."""

    def step(word: int) -> Step | None:
        if next_of(word) > slot.seq:
            return Step("drop", {"ring": slot.ring, "index": slot.index})
        early = next_of(word) < slot.seq or busy(word)
        return Step("park", {"ring": slot.ring}) if early and not slot.parked else None

    return step


def claim(slot: Slot) -> Generator[Operation, int, tuple[str, int]]:
    """order4.claim. A client's word is twice its next seq, plus one while a scanner works on it."""
    address, idle, busy = next_word(slot.client), 2 * slot.seq, 2 * slot.seq + 1
    claimed = Step("claim", {"ring": slot.ring, "index": slot.index})
    while True:
        word = yield Load(address, _look(slot, lambda w: w // 2, lambda w: w % 2 == 1))
        if word != idle:
            return (DUPLICATE if word // 2 > slot.seq else LATER), -1
        found = yield CompareExchange(address, idle, busy, lambda result: claimed if result == idle else None)
        if found == idle:
            break
    start = yield FetchAdd(("issued",), slot.count, at("reserve", ring=slot.ring))
    yield Store(address, 2 * (slot.seq + 1), at("release", ring=slot.ring))
    yield from publish(slot, start)
    return ORDERED, start


def mutex(slot: Slot) -> Generator[Operation, int, tuple[str, int]]:
    """order4.mutex. The word is the next seq; the lock is held from the test to the advance."""
    ring = slot.ring
    yield Lock(("lock",), at("lock", ring=ring, index=slot.index))
    expected = yield Load(next_word(slot.client))
    if slot.seq != expected:
        duplicate = slot.seq < expected
        yield Unlock(("lock",), at("drop" if duplicate else "park", ring=ring))
        return (DUPLICATE if duplicate else LATER), -1
    start = yield FetchAdd(("issued",), slot.count, at("reserve", ring=ring))
    yield Store(next_word(slot.client), slot.seq + 1, at("advance", ring=ring))
    yield Unlock(("lock",), at("unlock", ring=ring))
    yield from publish(slot, start)
    return ORDERED, start


def cas_then_reserve(slot: Slot) -> Generator[Operation, int, tuple[str, int]]:
    """order4.cas_then_reserve, the wrong one: the successor may reserve between the two steps."""
    address = next_word(slot.client)
    claimed = Step("claim", {"ring": slot.ring, "index": slot.index})
    while True:
        word = yield Load(address, _look(slot, lambda w: w, lambda w: False))
        if word != slot.seq:
            return (DUPLICATE if word > slot.seq else LATER), -1
        found = yield CompareExchange(
            address, slot.seq, slot.seq + 1, lambda result: claimed if result == slot.seq else None
        )
        if found == slot.seq:
            break
    start = yield FetchAdd(("issued",), slot.count, at("reserve", ring=slot.ring))
    yield from publish(slot, start)
    return ORDERED, start


class Scanner:
    """The loop of one level-4 scanner.

    `parked` maps a client to its set-aside slots by seq. Every slot is kept, also a second one with
    the same seq: replacing it would lose track of a copy that must be dropped later.
    """

    def __init__(self, ring: int, attempt: Attempt, expected_of: Callable[[int], int]) -> None:
        self._ring = ring
        self._attempt = attempt
        self._expected_of = expected_of
        self._parked: dict[int, dict[int, list[Slot]]] = {}
        self._words: dict[int, int] = {}

    def run(self) -> Program:
        """Read slot after slot; between them, and when idle, look at the parked ones again."""
        index = 0
        while True:
            released = yield from self._release()
            arrived = yield Load(("arrived", self._ring))
            if index < arrived:
                slot = yield from self._read(index)
                yield from self._try(slot)
                index += 1
            elif not released:
                words = tuple((next_word(client), self._words[client]) for client in self._parked)
                yield Await(((("arrived", self._ring), arrived), *words))

    def _read(self, index: int) -> Generator[Operation, int, Slot]:
        client = yield Load(("slot_client", self._ring, index))
        seq = yield Load(("slot_seq", self._ring, index))
        count = yield Load(("slot_count", self._ring, index))
        return Slot(self._ring, index, client, seq, count)

    def _try(self, slot: Slot) -> Generator[Operation, int, bool]:
        """Attempt one slot; park it if it is early; say whether it left the scanner."""
        outcome, start = yield from self._attempt(slot)
        if outcome == LATER:
            copies = self._parked.setdefault(slot.client, {}).setdefault(slot.seq, [])
            copies.append(Slot(slot.ring, slot.index, slot.client, slot.seq, slot.count, parked=True))
        yield Attempted(self._ring, slot.index, outcome, start)
        return outcome != LATER

    def _release(self) -> Generator[Operation, int, bool]:
        """Attempt the parked slots that a client's word says are due; say whether any left."""
        released = False
        for client in list(self._parked):
            word = yield Load(next_word(client))
            self._words[client] = word
            for seq in sorted(seq for seq in self._parked[client] if seq <= self._expected_of(word)):
                for slot in self._parked[client].pop(seq):
                    left = yield from self._try(slot)
                    released = released or left
            if not self._parked[client]:
                del self._parked[client]
        return released


def order4_claim(ring: int) -> Program:
    """Return the scanner of order4.claim."""
    return Scanner(ring, claim, lambda word: word // 2).run()


def order4_mutex(ring: int) -> Program:
    """Return the scanner of order4.mutex."""
    return Scanner(ring, mutex, lambda word: word).run()


def order4_cas_then_reserve(ring: int) -> Program:
    """Return the scanner of order4.cas_then_reserve."""
    return Scanner(ring, cas_then_reserve, lambda word: word).run()
