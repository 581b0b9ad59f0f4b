"""The seed scanners: what they test, what they flush, and what they leave out."""

from collections.abc import Generator
from dataclasses import replace
from itertools import count
from typing import Any

from fencepost.model.programs.operations import (
    LATER,
    ORDERED,
    Address,
    Attempted,
    FetchAdd,
    Flush,
    Load,
    Lock,
    Operation,
    Poll,
    Program,
    Store,
    StoreFence,
    Unlock,
    Watched,
    at,
    witness,
)
from fencepost.model.programs.roles.scanner import DELIVER, Scanner, Slot
from fencepost.model.programs.seed.layout import ISSUED, LOCK, message, ordered, progress, slot, table

GARBAGE = 100_000  # more messages than this are taken for what was there before
UNREAD = -1  # a scanner of order 5 reads neither client nor seq


class SeedScanner5(Scanner):
    """Order 5. The gate is a *change* of written_addr: one batch for each change that it happens to see."""

    level = 5

    def run(self) -> Program:
        address = (*progress(self.ring), "written_addr")
        last = yield Load(address)
        ordered_count = 0
        for index in count():
            # Two batches written since the last look are one change.
            last = yield from self.wait_for_change(address, last, index)
            line = slot(self.ring, index, self.slots)
            messages = yield Load((*line, "num_msg"))
            start = yield FetchAdd(ISSUED, messages, at("reserve", ring=self.ring))
            yield witness("assign", ring=self.ring, index=index, client=UNREAD, seq=UNREAD, count=messages, start=start)
            yield Store((*line, "total"), start)
            ordered_count += yield Load((*line, "num_msg"))  # read again
            yield Store((*ordered(self.ring), "ordered"), ordered_count)
            yield Store((*ordered(self.ring), "ordered_offset"), index)
            yield Flush(ordered(self.ring))
            yield Flush(line)
            yield StoreFence()
            yield witness("export", ring=self.ring, index=index, kind=DELIVER)
            yield Store((*line, "export"), 0)
            yield Store((*line, "ordered"), 1, at("publish", ring=self.ring))  # after the fence, never flushed
            yield Attempted(self.ring, index, ORDERED, start)

    def wait_for_change(self, address: Address, last: int, index: int) -> Generator[Operation, Any, int]:
        """Wait until written_addr differs from what was last seen there and the header seems written.

        Return what written_addr was at the last look, which goes back to it for every look at the header. Nothing is
        invalidated.
        """
        line = slot(self.ring, index, self.slots)
        _, seen = yield Poll((Watched(address, last),))
        while True:
            messages = yield Load((*line, "num_msg"))
            log = yield Load((*line, "log_idx"))
            if 0 < messages <= GARBAGE and log:
                return int(seen)
            words = (Watched((*line, "num_msg"), messages), Watched((*line, "log_idx"), log), Watched(address, seen))
            which, value = yield Poll(words)
            if which == 2:
                seen = value
                if seen == last:  # it moved back: nothing has changed
                    _, seen = yield Poll((Watched(address, last),))


class SeedScanner4(Scanner):
    """Order 4: one mutex for all scanners, a table of what is next, parked batches by client and seq.

    The gate is what was meant, a visible header. That of the public code never opens: see `SeedGatedScanner4`.
    """

    level = 4

    def run(self) -> Program:
        self._parked: dict[int, dict[int, Slot]] = {}
        self._words: dict[int, Any] = {}
        self._ordered_count, self._cursor = 0, 0
        index = 0
        while True:
            clients = sorted(self._parked)
            which, seen = yield Poll(
                (self.opens(index), *(Watched(table(client), self._words[client]) for client in clients))
            )
            if which > 0:
                self._words[clients[which - 1]] = seen
                yield from self.examine_parked()
                continue
            yield from self.take(index, seen)
            index += 1

    def opens(self, index: int) -> Watched:
        """Return the word that says that a slot may be read."""
        return Watched((*slot(self.ring, index, self.slots), "num_msg"), 0)

    def take(self, index: int, size: int) -> Program:
        """Read whose batch it is, and attempt it; one that is ordered may have let others go."""
        client = yield Load((*slot(self.ring, index, self.slots), "client_id"))
        seq = yield Load((*slot(self.ring, index, self.slots), "batch_seq"))
        outcome = yield from self.attempt(Slot(self.ring, index, client, seq, size))
        if outcome == ORDERED:
            yield from self.examine_parked()

    def attempt(self, batch: Slot) -> Generator[Operation, Any, str]:
        """Look the client up under the mutex; order, park or drop."""
        yield Lock(LOCK, at("lock", ring=self.ring, index=batch.index))
        expected = yield Load(table(batch.client))
        if batch.seq != expected:
            early = batch.seq > expected
            if early:  # a second batch with the same seq replaces the first
                self._parked.setdefault(batch.client, {})[batch.seq] = replace(batch, parked=True)
                self._words.setdefault(batch.client, expected)  # the oldest that a parked batch has seen
            yield Unlock(LOCK, at("park" if early else "drop", ring=self.ring))
            if not early:
                yield witness("discard", ring=self.ring, index=batch.index)
            return LATER
        start = yield FetchAdd(ISSUED, batch.count, at("reserve", ring=self.ring))
        yield Store(table(batch.client), expected + 1, at("advance", ring=self.ring))
        yield Unlock(LOCK, at("unlock", ring=self.ring))
        yield from self.assign(batch, start)
        yield from self.write_order(batch, start)
        yield Attempted(self.ring, batch.index, ORDERED, start)
        return ORDERED

    def write_order(self, batch: Slot, start: int) -> Program:
        """Write the order into every message, a flush and a fence for each; then offer the batch, flushing neither
        the header's order nor the flag."""
        header = slot(self.ring, batch.index, self.slots)
        yield Store((*header, "total"), start)
        first = yield Load((*header, "log_idx"))
        for number in range(batch.count):
            line = message(self.ring, first + number)
            _, padded = yield Poll((Watched((*line, "padded"), 0),))  # waits with its range reserved
            yield Store((*line, "logical_offset"), self._ordered_count)
            yield Store((*line, "total"), start + number)
            yield Store((*line, "next_msg_diff"), padded)
            yield Flush(line)
            yield StoreFence()
            self._ordered_count += 1
            yield Store((*ordered(self.ring), "ordered"), self._ordered_count)
            yield Store((*progress(self.ring), "written"), self._ordered_count)  # the broker's line
        place, self._cursor = self._cursor, self._cursor + 1
        yield witness("export", ring=self.ring, index=batch.index, kind=DELIVER)
        yield Store((*slot(self.ring, place, self.slots), "export"), batch.index - place)
        yield Store((*slot(self.ring, place, self.slots), "ordered"), 1, at("publish", ring=self.ring))
        below = at("frontier", ring=self.ring, client=UNREAD, below=batch.index)
        yield Store((*ordered(self.ring), "ordered_offset"), batch.index, below)  # goes back for a parked one
        yield Flush(ordered(self.ring))
        yield StoreFence()

    def examine_parked(self) -> Program:
        """Try every parked batch again, the lock taken for each."""
        for client in sorted(self._parked):
            for seq in sorted(self._parked[client]):
                batch = self._parked[client].pop(seq)
                yield from self.attempt(batch)
            if not self._parked.get(client):
                self._parked.pop(client, None)
                self._words.pop(client, None)


class SeedGatedScanner4(SeedScanner4):
    """Order 4 behind the gate of the public code: written_addr, which the delegation moves, and at order 4 there is
    none. So end to end it orders nothing.
    """

    def run(self) -> Program:
        self._parked, self._words = {}, {}
        self._ordered_count, self._cursor = 0, 0
        address, last = (*progress(self.ring), "written_addr"), 0
        for index in count():
            _, last = yield Poll((Watched(address, last),))
            _, size = yield Poll((self.opens(index),))
            yield from self.take(index, size)
