"""A second judge of eight promises, `visible` and `ack-safe` among them: by what a run tells the outside, and no more.

What is told are arrivals at brokers, what each reader was given, what readers by position found at each, what clients
were told to forget, the moments at which readers had looked and found nothing more, and what is in the rings at the
end. The judge knows the contract's words and how many slots a ring has. It
knows no program, no spec and no memory, and shares nothing with the watches that look on while programs run: where
they ask memory, it asks whether a reader was given a batch.

    visible        what a reader is given arrived at its broker, was not given to it before, and owns its whole range
    ack-safe       of what a client may forget, all has arrived, and readers who look from then on are given it
    monotone       no ring tells a client to forget less than it told it before
    no-overwrite   no ring has more batches that nobody was given than it has slots, and none of another ring; at the
                   end those are in its slots
    contiguous     a reader by position finds a batch's messages in a row, each behind the one before it
    agreement      two readers by position find the same at one position
    frontier       no reader is let read a position at which nothing was published
    drained        at the end all that was sent has arrived; what can be ordered was given to a reader and acknowledged
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from fencepost.model.contract import Level

PROMISES = ("contiguous", "agreement", "frontier", "visible", "ack-safe", "monotone", "no-overwrite", "drained")
"""What this judge can say something about."""

Identity: TypeAlias = tuple[int, int]  # client, seq


class Arrived(NamedTuple):
    """A batch is in a broker's ring."""

    ring: int
    client: int
    seq: int
    message_count: int

    @property
    def identity(self) -> Identity:
        return self.client, self.seq

    def __str__(self) -> str:
        return f"client {self.client} batch {self.seq}"


class Given(NamedTuple):
    """The reader of a ring was given a batch as beginning at a position; a client below 0: it found no batch."""

    ring: int
    client: int
    seq: int
    start: int

    @property
    def identity(self) -> Identity:
        return self.client, self.seq

    def __str__(self) -> str:
        return f"client {self.client} batch {self.seq}"


class Found(NamedTuple):
    """A reader by position found a message of a batch at a position; a client below 0: it found none."""

    reader: int
    position: int
    client: int
    seq: int
    message: int

    @property
    def identity(self) -> Identity:
        return self.client, self.seq

    def __str__(self) -> str:
        return f"message {self.message} of client {self.client} batch {self.seq}" if self.client >= 0 else "no message"


class Forgotten(NamedTuple):
    """A client was told by a ring to forget: its batches below a seq, or so many of those that came to the ring."""

    ring: int
    client: int
    below: int
    counts_seqs: bool


class LookedThrough(NamedTuple):
    """Every reader has looked since what was told before, and found nothing that it has not been given."""


class Left(NamedTuple):
    """The batches that are in the slots of a ring when nothing goes on any more, whoever was given them."""

    ring: int
    identities: frozenset[Identity]


Telling: TypeAlias = Arrived | Given | Found | Forgotten | LookedThrough | Left


class Breach(NamedTuple):
    """A promise that is broken: the number of the telling that shows it, from 1, and how."""

    promise: str
    at: int
    sentence: str


@dataclass(frozen=True)
class Told:
    """What a run told, in order, and what must be known to judge it.

    slots      of each ring
    sent       what was sent to each ring, (client, seq) -> how often; None where that is not known
    ended      the run has come to its end: nothing goes on any more
    readers    every ring has a reader; acknowledged: and clients are told what to forget
    positions  how many readers by position there are
    """

    level: Level
    slots: int
    tellings: tuple[Telling, ...]
    sent: tuple[Counter[Identity], ...] | None = None
    ended: bool = False
    readers: bool = True
    acknowledged: bool = True
    positions: int = 0


def breaches(told: Told) -> list[Breach]:
    """Return every promise that what was told shows to be broken, in the order in which it shows."""
    return list(_Judge(told).run())


@dataclass
class _Judge:
    told: Told
    arrived: list[Arrived] = field(default_factory=list)
    given: list[Given] = field(default_factory=list)
    found: dict[int, list[Found]] = field(default_factory=lambda: defaultdict(list))  # by each reader by position
    forgotten: list[tuple[Forgotten, list[Arrived]]] = field(default_factory=list)
    forgotten_below: dict[tuple[int, int], int] = field(default_factory=dict)  # ring, client -> the highest
    looked_through_count: int = 0  # of `forgotten`: those which a look of all readers has come after

    def run(self) -> Iterator[Breach]:
        for at, telling in enumerate(self.told.tellings, start=1):
            for promise, sentence in self._judged(telling):
                yield Breach(promise, at, sentence)
        if self.told.ended:
            for sentence in self._undrained():
                yield Breach("drained", len(self.told.tellings), sentence)

    def _judged(self, telling: Telling) -> Iterator[tuple[str, str]]:
        match telling:
            case Arrived():
                self.arrived.append(telling)
                yield from self._overfull(telling.ring)
            case Given():
                yield from self._wrongly_given(telling)
                self.given.append(telling)
            case Found():
                yield from self._wrongly_found(telling)
                self.found[telling.reader].append(telling)
            case Forgotten():
                yield from self._forgotten_early(telling)
            case Left():
                yield from self._lost(telling)
            case LookedThrough():
                yield from self._not_deliverable()

    # --- visible, no-overwrite ---

    def _wrongly_given(self, found: Given) -> Iterator[tuple[str, str]]:
        reader = f"the reader of ring {found.ring}"
        if found.client < 0:
            yield "visible", f"{reader} was given position {found.start} and found no batch there"
            return
        here = [each for each in self.arrived if each.ring == found.ring and each.identity == found.identity]
        before = [each for each in self.given if each.ring == found.ring and each.identity == found.identity]
        if not here:
            yield "visible", f"{reader} was given {found} at {found.start}, which had not arrived at its broker"
            yield from self._from_elsewhere(found)
        elif len(before) >= len(here):
            yield "visible", f"{reader} was given {found} {len(before) + 1} times, and it arrived {len(here)} times"
        yield from self._overlaps(found)

    def _from_elsewhere(self, found: Given) -> Iterator[tuple[str, str]]:
        """A ring's slots hold what came to it: a batch of another ring stands where one of its own stood."""
        elsewhere = next((each.ring for each in self.arrived if each.identity == found.identity), None)
        lost = next((each for each in self._ungiven() if each.ring == found.ring), None)
        if elsewhere is not None and lost is not None:
            yield (
                "no-overwrite",
                (
                    f"the reader of ring {found.ring} was given {found} of ring {elsewhere}, and nobody {lost},"
                    " which arrived"
                ),
            )

    def _overlaps(self, found: Given) -> Iterator[tuple[str, str]]:
        count = self._count(found.identity)
        if found.start < 0:
            yield "visible", f"the reader of ring {found.ring} was given {found} at {found.start}, which is no position"
        for other in self.given:
            others = self._count(other.identity)
            if found.start < other.start + others and other.start < found.start + count and other != found:
                yield (
                    "visible",
                    (
                        f"{found} was given as {found.start}..{found.start + count - 1} and {other} as"
                        f" {other.start}..{other.start + others - 1}: not both have their whole range"
                    ),
                )

    def _count(self, identity: Identity) -> int:
        return next((each.message_count for each in reversed(self.arrived) if each.identity == identity), 1)

    def _ungiven(self) -> Iterator[Arrived]:
        """Yield what has arrived and nobody was given; what arrived more than once may be dropped as a copy."""
        given = {each.identity for each in self.given} | {each.identity for each in self._all_found()}
        times = Counter(each.identity for each in self.arrived)
        yield from (each for each in self.arrived if each.identity not in given and times[each.identity] == 1)

    def _overfull(self, ring: int) -> Iterator[tuple[str, str]]:
        waiting = [each for each in self._ungiven() if each.ring == ring]
        if self.told.readers and len(waiting) > self.told.slots:
            names = ", ".join(map(str, waiting))
            yield (
                "no-overwrite",
                f"{names} are in ring {ring}, which has {self.told.slots} slots, and were given to nobody",
            )

    def _lost(self, left: Left) -> Iterator[tuple[str, str]]:
        for each in self._ungiven():
            if each.ring == left.ring and each.identity not in left.identities:
                yield (
                    "no-overwrite",
                    f"{each} arrived in ring {left.ring}, was given to nobody, and is in no slot of it",
                )

    # --- contiguous, agreement, frontier ---

    def _all_found(self) -> Iterator[Found]:
        return (each for found in self.found.values() for each in found if each.client >= 0)

    def _wrongly_found(self, found: Found) -> Iterator[tuple[str, str]]:
        said = f"reader {found.reader} found {found} at position {found.position}"
        others = [each for each in self._of_readers() if each.position == found.position]
        for other in others:
            if (other.identity, other.message) != (found.identity, found.message):
                yield "agreement", f"{said}, and reader {other.reader} {other}"
        if found.client < 0:
            yield "visible", f"{said}, which it was let read"
            if all(each.client < 0 for each in others):
                yield "frontier", f"{said}, which it was let read, and nobody found one there before"
            return
        if all(each.identity != found.identity for each in self.arrived):
            yield "visible", f"{said}, and no broker ever had that batch"
        before = next((each for each in reversed(self.found[found.reader]) if each.client >= 0), None)
        if not self._follows(before, found):
            yield "contiguous", f"{said}, behind {before or 'nothing'}"

    def _of_readers(self) -> Iterator[Found]:
        return (each for found in self.found.values() for each in found)

    def _follows(self, before: Found | None, found: Found) -> bool:
        """Say whether a message is its batch's next, or the first behind the last one of another."""
        if before is not None and before.message + 1 < self._count(before.identity):
            return (found.identity, found.message) == (before.identity, before.message + 1)
        return found.message == 0

    # --- ack-safe ---

    def _forgotten_early(self, found: Forgotten) -> Iterator[tuple[str, str]]:
        client, below = found.client, found.below
        of_client = [each for each in self.arrived if each.client == client]
        here = [each for each in of_client if each.ring == found.ring]
        if found.counts_seqs:
            missing = next((seq for seq in range(below) if all(each.seq != seq for each in of_client)), None)
            batches = [each for each in here if each.seq < below]  # of another ring, that ring tells the client
        else:
            missing, batches = (len(here) if len(here) < below else None), here[:below]
        if missing is not None:
            what = f"batch {missing}" if found.counts_seqs else f"a batch number {missing} of ring {found.ring}"
            yield "ack-safe", f"client {client} was told to forget below {below}, and {what} had not arrived"
        self.forgotten.append((found, batches))
        held = self.forgotten_below.get((found.ring, client), 0)
        if below < held:
            yield "monotone", f"client {client} was told by ring {found.ring} to forget below {below}, after {held}"
        self.forgotten_below[found.ring, client] = max(held, below)

    def _not_deliverable(self) -> Iterator[tuple[str, str]]:
        given = {each.identity for each in self.given}
        for found, batches in self.forgotten[self.looked_through_count :] if self.told.readers else ():
            for each in batches:
                if each.identity not in given:
                    yield (
                        "ack-safe",
                        (
                            f"client {found.client} was told to forget {each}, and the readers that looked from then"
                            " on were not given it"
                        ),
                    )
        self.looked_through_count = len(self.forgotten)

    # --- drained ---

    def _undrained(self) -> Iterator[str]:
        arrived = Counter((each.ring, each.identity) for each in self.arrived)
        for ring, sent in enumerate(self.told.sent or ()):
            for (client, seq), times in sorted(sent.items()):
                if arrived[ring, (client, seq)] < times:
                    yield f"client {client} batch {seq} was sent to ring {ring} and never arrived"
        if self.told.readers:
            yield from self._never_given(Counter(each.identity for each in self.given), "given")
        for reader in range(self.told.positions):
            firsts = (each.identity for each in self.found[reader] if each.message == 0)
            yield from self._never_given(Counter(firsts), f"found by reader {reader}")
        if self.told.acknowledged:
            yield from self._never_forgotten()

    def _orderable(self) -> Counter[Identity]:
        """Return what a drained run orders: at level 5 each arrival, at level 4 a client's unbroken run from 0 once."""
        if self.told.level == 5:
            return Counter(each.identity for each in self.arrived)
        seqs: dict[int, set[int]] = defaultdict(set)
        for each in self.arrived:
            seqs[each.client].add(each.seq)
        return Counter((client, seq) for client, known in seqs.items() for seq in known if known.issuperset(range(seq)))

    def _never_given(self, given: Counter[Identity], how: str) -> Iterator[str]:
        for (client, seq), times in sorted(self._orderable().items()):
            if given[client, seq] < times:
                yield f"client {client} batch {seq} arrived {_often(times)} and was {how} {_often(given[client, seq])}"

    def _never_forgotten(self) -> Iterator[str]:
        for (client, seq), _ in sorted(self._orderable().items()):
            rings = [each.ring for each in self.arrived if each.identity == (client, seq)]
            if self.told.level == 4:
                done = any(self.forgotten_below.get((ring, client), 0) > seq for ring in rings)
            else:
                done = all(
                    self.forgotten_below.get((ring, client), 0) >= self._sent_count(ring, client) for ring in rings
                )
            if not done:
                yield f"client {client} batch {seq} arrived and the client was never told to forget it"

    def _sent_count(self, ring: int, client: int) -> int:
        return sum(each.ring == ring and each.client == client for each in self.arrived)


def broken(found: Iterable[Breach]) -> tuple[str, ...]:
    """Return the names of the promises that are broken, in contract order."""
    names = {each.promise for each in found}
    return tuple(name for name in PROMISES if name in names)


def _often(times: int) -> str:
    return "never" if not times else "once" if times == 1 else f"{times} times"
