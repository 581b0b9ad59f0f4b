"""What the scanners of both levels share: waiting for a slot, reading it, and publishing an ordered batch."""

from __future__ import annotations

from collections.abc import Collection, Generator
from dataclasses import dataclass
from typing import Any

from fencepost.model.programs.layout import acked, chain, header, joined, written
from fencepost.model.programs.operations import (
    Flush,
    FullFence,
    Label,
    Load,
    Operation,
    Poll,
    Program,
    Store,
    StoreFence,
    Watched,
    at,
    line_of,
    witness,
)
from fencepost.model.programs.roles.receiver import full_index

DELIVER, DROP = 1, 0  # what a subscriber does with an entry of the export chain
PASS = 2  # dropped, too: the slot is another worker's, which has an entry for it in a chain of its own


@dataclass(frozen=True)
class Slot:
    """A batch as its scanner read it; `parked` says that it was read before and set aside."""

    ring: int
    index: int
    client: int
    seq: int
    count: int
    parked: bool = False


Reading = Generator[Operation, Any, Slot]


class Scanner:
    """Reads one ring in ring order. Subclasses say how a batch that was read is ordered (`run`)."""

    level: int

    def __init__(self, ring: int, slots: int, *, delegated: bool = False, rings: int = 1) -> None:
        """`delegated`: a delegation says what is written; else the header's own guard does.

        `rings`: of a worker that reads every ring, how many there are.
        """
        self.ring, self.slots, self.delegated = ring, slots, delegated
        self.chain = ring  # the number of its export chain
        self._released_count = 0  # entries of the export chain, ever
        self._written_count = 0  # as last seen
        self._looked = (-1, 0)  # the index of the slot whose guard was last looked at, and what it was
        self._ordered_of: dict[int, int] = {}  # client -> its batches that this scanner ordered
        self.is_member = True  # the broker of the ring has joined, as far as is known here

    def expect(self, late_rings: Collection[int]) -> None:
        """Take note of rings whose brokers are yet to join: none of their slots is looked at before."""
        self.is_member = self.ring not in late_rings

    def run(self) -> Program:
        """Order what the ring holds, for ever."""
        raise NotImplementedError

    def handed_over(self, kind: type[Scanner]) -> Scanner:
        """Return a new scanner of the ring that knows what was released and ordered, and whether the broker is there.

        All three stand in memory; it knows nothing else.
        """
        again = kind(self.ring, self.slots, delegated=self.delegated)
        again.is_member = self.is_member
        again._released_count, again._ordered_of = self._released_count, dict(self._ordered_of)
        return again

    # --- reading ---

    def gate(self, index: int) -> Watched | None:
        """Return the word to wait for until the slot may be read; None when it may be read now."""
        if not self.is_member:
            return Watched((*joined(self.ring), "word"), 0, invalidate=True)
        if self.delegated:
            behind = self._written_count <= index
            return Watched((*written(self.ring), "count"), self._written_count, invalidate=True) if behind else None
        return self.header_gate(index)

    def header_gate(self, index: int) -> Watched:
        """Return the guard of a slot's header, and what it was when last seen: at first, that of a lap before."""
        before = self.guard(index - self.slots) if index >= self.slots else 0
        before = self._looked[1] if self._looked[0] == index else before
        return Watched((*header(self.ring, index % self.slots), "guard"), before, invalidate=True)

    def guard(self, index: int) -> int:
        """Return what the guard says of the batch with this index."""
        return full_index(index)

    def read(self, index: int) -> Reading:
        """Read the slot behind a gate. A header without messages is not written yet, whatever its guard says.

        That a delegation counted the slot says that its own host can read it: the header may still be in that host's
        cache only, so its guard is waited for as well.
        """
        if self.delegated:
            yield Poll((self.header_gate(index),))
        batch = yield from self.read_header(index)
        client, seq, count = batch
        return Slot(self.ring, index, client, seq, count)

    def read_header(self, index: int) -> Generator[Operation, Any, tuple[int, ...]]:
        """Load what a header says: client, seq and message count."""
        address = (*header(self.ring, index % self.slots), "batch")
        batch: tuple[int, ...] = yield Load(address)
        while not batch or batch[2] < 1:
            _, batch = yield Poll((Watched(address, batch, invalidate=True),))
        return batch

    def wait(self, index: int) -> Program:
        """Wait until the slot may be read."""
        while (watched := self.gate(index)) is not None:
            _, seen = yield Poll((watched,))
            if self.passes(index, seen):
                return

    def passes(self, index: int, seen: int) -> bool:
        """Take note of what was seen at the gate of a slot; say whether it may be read."""
        if not self.is_member:
            self.is_member = True
            return False
        if self.delegated:
            self._written_count = seen
            return seen > index
        self._looked = (index, seen)
        return seen == self.guard(index)

    def is_readable(self, index: int) -> Generator[Operation, Any, bool]:
        """Look once, without waiting, whether the slot may be read."""
        gate = self.gate(index)
        if gate is None:
            return True
        yield Flush(line_of(gate.address))
        yield FullFence()
        seen = yield Load(gate.address)
        return seen != gate.seen and self.passes(index, seen)

    # --- publishing ---

    def assign(self, slot: Slot, start: int) -> Program:
        """Give the batch its range: from here on it has a position, whoever may see it."""
        yield witness(
            "assign", ring=slot.ring, index=slot.index, client=slot.client, seq=slot.seq, count=slot.count, start=start
        )

    def publish(self, slot: Slot, start: int) -> Program:
        """Offer an ordered batch to readers; when that has reached memory, let its broker acknowledge it."""
        self._ordered_of[slot.client] = self._ordered_of.get(slot.client, 0) + 1
        yield from self.export(slot, start, DELIVER, self.published(slot))
        yield from self.acknowledge(slot)

    def published(self, slot: Slot) -> Label:
        """Return the label of the store that offers a batch to readers."""
        return at("publish", ring=slot.ring)

    def export(self, slot: Slot, start: int, kind: int, label: Label | None = None) -> Program:
        """Add an entry to the ring's export chain: one for each slot in use, so it is never longer than the ring."""
        line = chain(self.chain, self._released_count % self.slots)
        self._released_count += 1
        yield witness("export", ring=slot.ring, index=slot.index, kind=kind, chain=self.chain)
        yield Store((*line, "entry"), (slot.index, start, DELIVER if kind == DELIVER else DROP))
        yield Store((*line, "guard"), self._released_count, label)
        yield Flush(line)
        yield StoreFence()

    def acknowledge(self, slot: Slot) -> Program:
        """Tell the broker how far this client may forget."""
        line, below = acked(slot.ring, slot.client), self.acknowledged_below(slot)
        yield Store((*line, "below"), below, at("frontier", ring=slot.ring, client=slot.client, below=below))
        yield Flush(line)
        yield StoreFence()

    def acknowledged_below(self, slot: Slot) -> int:
        """Return how far: all the client's batches of this ring below this one are ordered and exported."""
        raise NotImplementedError
