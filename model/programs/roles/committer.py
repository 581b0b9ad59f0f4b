"""The committer: copies ordered batches into the log, in position order, and says how far the log may be read."""

from fencepost.model.programs.layout import COMMITTED, chain, entry_of_log, header, payload
from fencepost.model.programs.operations import (
    Flush,
    FullFence,
    Label,
    Load,
    Poll,
    Program,
    Store,
    StoreFence,
    Watched,
    at,
    line_of,
)
from fencepost.model.programs.roles.scanner import DELIVER
from fencepost.model.programs.roles.subscriber import NO_ENTRY, Subscriber, delivered


class Committer:
    """Follows the export chains of all rings, from a host of its own, in the place of a subscriber for each ring.

    Ranges are not exported in the order in which they were reserved: what comes early waits here, in its slot, until
    the log is filled up to it. A slot is consumed when its batch is in the log, or when every worker passed it over.
    """

    def __init__(self, ring_count: int, slots: int, workers: int = 1) -> None:
        """`workers`: how many of them have an export chain of each ring."""
        self.slots, self.workers = slots, workers
        self.committed = 0  # positions below it may be read
        self.waiting: dict[int, tuple[int, int]] = {}  # start -> ring and index of a batch that is early
        self._of_rings = [Subscriber(ring, slots) for ring in range(ring_count)]
        self._numbers = [0] * (ring_count * workers)  # of each chain, that of the entry to come
        self._seen = [0] * (ring_count * workers)  # and the guard last seen in its place
        self._passed: dict[tuple[int, int], int] = {}  # ring and index of a slot -> how many workers passed it

    def run(self) -> Program:
        """Take entry after entry of any chain, and commit what is next."""
        while True:
            which, seen = yield Poll(tuple(self.watched(number) for number in range(len(self._numbers))))
            self._seen[which] = seen
            if seen == self._numbers[which] + 1:
                yield from self.take(which)
                yield from self.commit()

    def watched(self, which: int) -> Watched:
        """Return the guard of a chain's next entry, and what it was when last seen."""
        return Watched((*chain(which, self._numbers[which] % self.slots), "guard"), self._seen[which], invalidate=True)

    def take(self, which: int) -> Program:
        """Read the next entry of a chain: a batch with its range, or a slot without one."""
        number = self._numbers[which]
        self._numbers[which] += 1
        self._seen[which] = max(number + 2 - self.slots, 0)
        entry = yield Load((*chain(which, number % self.slots), "entry"))
        index, start, kind = entry or NO_ENTRY
        ring = which // self.workers
        if kind == DELIVER:
            self.waiting[start] = ring, index
        else:
            yield from self.pass_by(ring, index)

    def commit(self) -> Program:
        """Copy the batches that are next in position order; let the log be read up to their ends."""
        while self.committed in self.waiting:
            start = self.committed
            ring, index = self.waiting.pop(start)
            yield from self.copy(ring, index, start)
            yield from self.pass_by(ring, index)

    def copy(self, ring: int, index: int, start: int) -> Program:
        """Copy one batch to its positions, message after message; then move the frontier past it."""
        place = ring, index % self.slots
        for line in (header(*place), payload(*place)):  # copies of the lap before may still be in the cache
            yield Flush(line)
        yield FullFence()
        batch = yield Load((*header(*place), "batch"))
        content = yield Load((*payload(*place), "content"), delivered(ring, index, start))
        count = batch[2] if batch else 1
        for position, number in enumerate(self.numbers(count), start):
            yield from self.write(position, content or (-1, -1), number)
        yield from self.copied()
        yield from self.move(start + count)

    def numbers(self, count: int) -> range:
        """Return which message of a batch goes to each of its positions."""
        return range(count)

    def copied(self) -> Program:
        """Let what was written to the log reach memory before the frontier that vouches for it."""
        yield StoreFence()

    def write(self, position: int, content: tuple[int, int], number: int) -> Program:
        """Put one message of a batch at its position."""
        yield Store(entry_of_log(position), (*content, number))
        yield Flush(line_of(entry_of_log(position)))

    def move(self, below: int) -> Program:
        """Let readers see all positions below one."""
        self.committed = below
        yield Store(COMMITTED, below, self.moved(below))
        yield Flush(line_of(COMMITTED))
        yield StoreFence()

    def moved(self, below: int) -> Label:
        """Return the label of the store that moves the frontier."""
        return at("commit", below=below)

    def pass_by(self, ring: int, index: int) -> Program:
        """Note that one worker is past a slot; when all are, the slot may be used again."""
        self._passed[ring, index] = self._passed.get((ring, index), 0) + 1
        if self._passed[ring, index] == self.workers:
            del self._passed[ring, index]
            yield from self._of_rings[ring].consume(index)
