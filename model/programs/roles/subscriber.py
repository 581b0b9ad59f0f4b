"""The subscriber: follows a ring's export chain and checks what it is offered, batch by batch.

It checks identity and content, not counts: the payload it finds must be that of the batch whose range it was told.
"""

from itertools import count

from fencepost.model.programs.layout import chain, consumed, payload
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
)
from fencepost.model.programs.roles.scanner import DELIVER
from fencepost.model.trace import Step

NO_ENTRY = (-1, -1, DELIVER)  # what a guard vouched for that is not there: handed on as what it is, not a batch


class Subscriber:
    """Reads one ring's chain from another host, and tells the receiver which slots are consumed."""

    def __init__(self, ring: int, slots: int) -> None:
        self.ring, self.slots = ring, slots
        self._consumed: set[int] = set()
        self._consumed_count = 0  # slots from the first on

    def run(self) -> Program:
        """Follow the chain, entry after entry."""
        for number in count():
            yield from self.wait(number)
            entry = yield Load((*chain(self.ring, number % self.slots), "entry"))
            index, start, kind = entry or NO_ENTRY
            if kind == DELIVER:
                yield from self.deliver(number, index, start)
            yield from self.consume(index)

    def wait(self, number: int) -> Program:
        """Wait for the entry with this number; the guard last seen in its place is that of the lap before."""
        address = (*chain(self.ring, number % self.slots), "guard")
        seen = max(number + 1 - self.slots, 0)
        while seen != number + 1:
            _, seen = yield Poll((Watched(address, seen, invalidate=True),))

    def deliver(self, number: int, index: int, start: int) -> Program:
        """Read the payload of an ordered batch and hand it on."""
        line = payload(self.ring, index % self.slots)
        yield from self.invalidate(number, line)
        yield Load((*line, "content"), delivered(self.ring, index, start))

    def invalidate(self, number: int, line: tuple[str | int, ...]) -> Program:
        """Drop an older copy of a payload line: this slot's last lap may still be in the cache."""
        yield Flush(line)
        yield FullFence()

    def consume(self, index: int) -> Program:
        """Tell the receiver how many slots, from the first on, may be used again."""
        self._consumed.add(index)
        while self._consumed_count in self._consumed:
            self._consumed_count += 1
        below = at("consumed", ring=self.ring, below=self._consumed_count)
        yield Store((*consumed(self.ring), "count"), self._consumed_count, below)
        yield Flush(consumed(self.ring))
        yield StoreFence()


class SubscriberOfWorkers(Subscriber):
    """Follows the chains that the workers have for one ring. A slot is consumed when each of them has passed it."""

    def __init__(self, ring: int, slots: int, workers: int = 1) -> None:
        super().__init__(ring, slots)
        self._chains = [ring * workers + worker for worker in range(workers)]
        self._numbers = [0] * workers  # of each chain, that of the entry to come
        self._seen = [0] * workers  # and the guard last seen in its place
        self._passed: dict[int, int] = {}  # index of a slot -> how many workers passed it

    def run(self) -> Program:
        while True:
            watched = zip(self._chains, self._numbers, self._seen, strict=True)
            which, seen = yield Poll(tuple(self.watched(*each) for each in watched))
            self._seen[which] = seen
            if seen == self._numbers[which] + 1:
                yield from self.take(which)

    def watched(self, chain_number: int, number: int, seen: int) -> Watched:
        """Return the guard of a chain's entry."""
        return Watched((*chain(chain_number, number % self.slots), "guard"), seen, invalidate=True)

    def take(self, which: int) -> Program:
        """Read the next entry of a chain."""
        number = self._numbers[which]
        self._numbers[which] += 1
        self._seen[which] = max(number + 2 - self.slots, 0)
        entry = yield Load((*chain(self._chains[which], number % self.slots), "entry"))
        index, start, kind = entry or NO_ENTRY
        if kind == DELIVER:
            yield from self.deliver(number, index, start)
        self._passed[index] = self._passed.get(index, 0) + 1
        if self._passed[index] == len(self._chains):
            del self._passed[index]
            yield from self.consume(index)


def delivered(ring: int, index: int, start: int) -> Label:
    """Return the label of the load that finds a batch's payload: whose it is, and under which range."""

    def step(content: tuple[int, int] | int) -> Step:
        client, seq = content if isinstance(content, tuple) else (-1, -1)
        return Step("deliver", {"ring": ring, "index": index, "start": start, "client": client, "seq": seq})

    return step
