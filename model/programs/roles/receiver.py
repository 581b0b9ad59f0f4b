"""The receiver: puts arriving batches into its broker's ring, one slot after the other, lap after lap."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fencepost.model.programs.layout import consumed, header, joined, payload, to_ring
from fencepost.model.programs.operations import (
    Flush,
    Label,
    Poll,
    Program,
    Receive,
    Sleep,
    Store,
    StoreFence,
    Watched,
    Witness,
    at,
    witness,
)


@dataclass(frozen=True)
class Arriving:
    """One batch on its way to a ring."""

    client: int
    seq: int
    count: int
    arrival_ns: int = 0


class Receiver:
    """Fills the ring of one broker.

    Payload first, written back and fenced, then the header with its guard last. A slot of an earlier lap is used again
    only when the subscriber has said that it is consumed; until then the receiver waits, and its clients with it.
    """

    def __init__(self, ring: int, slots: int, batches: Sequence[Arriving], *, first: int = 0) -> None:
        """`first`: the index of the first of the batches; those before it are in the ring already."""
        self.ring, self.slots, self.first = ring, slots, first
        self._batches = batches
        self._freed = 0  # slots, ever

    def run(self) -> Program:
        """Fill slot after slot with the batches that arrive."""
        index = self.first
        for batch in self._batches:
            yield Sleep(batch.arrival_ns)
            if self.accepts(batch):
                yield from self.wait_for_space(index)
                yield from self.fill(index, batch)
                index += 1

    def join(self) -> Program:
        """Begin in a ring that was another broker's: wipe the guards that it left, then say that the ring is there.

        Until the guards are wiped in memory a scanner would take what was left for what arrives.
        """
        yield from self.wipe()
        yield from self.announce()
        yield from self.run()

    def wipe(self) -> Program:
        """Take back the guards of all slots, and wait until memory has that."""
        for slot in range(self.slots):
            yield Store((*header(self.ring, slot), "guard"), 0)
            yield Flush(header(self.ring, slot))
        yield StoreFence()

    def announce(self) -> Program:
        """Say that the ring is there."""
        yield Store((*joined(self.ring), "word"), 1)
        yield Flush(joined(self.ring))
        yield StoreFence()

    def serve(self) -> Program:
        """Fill slot after slot with the batches that clients send."""
        index = 0
        while True:
            batch = Arriving(*(yield Receive(to_ring(self.ring))))
            if self.accepts(batch):
                yield from self.wait_for_space(index)
                yield from self.fill(index, batch)
                index += 1

    def accepts(self, batch: Arriving) -> bool:
        """Say whether it is a batch: one without messages is turned away at the door."""
        return batch.count >= 1

    def place(self, index: int) -> tuple[int, int]:
        """Return the ring and the slot in which the batch with this index goes."""
        return self.ring, index % self.slots

    def fill(self, index: int, batch: Arriving) -> Program:
        """Write a batch into its slot: what the guard vouches for, then the guard."""
        yield self.overwrite(index)
        yield from self.write_payload(index, batch)
        yield from self.write_header(index, batch)

    def overwrite(self, index: int) -> Witness:
        """Return the witness of the first store to a slot: what was there is gone."""
        ring, slot = self.place(index)
        return witness("overwrite", ring=ring, slot=slot, by_ring=self.ring, index=index)

    def wait_for_space(self, index: int) -> Program:
        """Wait until the batch that had this slot a lap before is consumed."""
        while self._freed < index - self.slots + 1:
            _, self._freed = yield Poll((Watched((*consumed(self.ring), "count"), self._freed, invalidate=True),))

    def write_payload(self, index: int, batch: Arriving) -> Program:
        """Write the payload and make it readable by other hosts."""
        line = payload(*self.place(index))
        yield Store((*line, "content"), (batch.client, batch.seq))
        yield Flush(line)
        yield StoreFence()

    def write_header(self, index: int, batch: Arriving) -> Program:
        """Write the header, its guard last, and make it readable by other hosts."""
        line = header(*self.place(index))
        for word, value in self.header_words(batch).items():
            yield Store((*line, word), value)
        yield Store((*line, "guard"), self.guard(index), self.arrived(batch))
        yield Flush(line)
        yield StoreFence()

    def header_words(self, batch: Arriving) -> dict[str, Any]:
        """Return what a header says of a batch, word by word in the order in which they are stored."""
        return {"batch": (batch.client, batch.seq, batch.count)}

    def arrived(self, batch: Arriving) -> Label | None:
        """Return the label of the store of a guard: with it the batch has arrived."""
        return arrive(self.ring, batch)

    def guard(self, index: int) -> int:
        """Return what the guard says of the batch with this index: the lap is part of it."""
        return full_index(index)


def full_index(index: int) -> int:
    """Return the guard of the batch with this index. It is never 0, and no two laps share one."""
    return index + 1


def arrive(ring: int, batch: Arriving) -> Label:
    """Return the label of the store that makes a batch readable by its scanner."""
    return at("arrive", ring=ring, client=batch.client, seq=batch.seq, count=batch.count)
