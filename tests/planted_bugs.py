"""Bugs that are planted one a kind, each beside the sound design that it deviates from; they are not the museum's."""

from collections.abc import Generator
from dataclasses import replace
from itertools import count
from typing import Any

from planted_processes import AnswersWithTheTick, BeginsAnew, FallsAsleep, KeepsTheLast, LooksBeforeItJoined

from fencepost.model.programs.designs import design
from fencepost.model.programs.layout import ISSUED, claimed, header, next_seq, written
from fencepost.model.programs.operations import (
    DUPLICATE,
    LATER,
    Address,
    Flush,
    Load,
    Operation,
    Program,
    Store,
    StoreFence,
    Watched,
    at,
)
from fencepost.model.programs.pipeline import Design
from fencepost.model.programs.roles.committer import Committer
from fencepost.model.programs.roles.connection import Connection
from fencepost.model.programs.roles.delegation import Delegation
from fencepost.model.programs.roles.header_fields import FieldReceiver
from fencepost.model.programs.roles.receiver import Arriving, Receiver, arrive
from fencepost.model.programs.roles.scanner import DELIVER, Scanner, Slot
from fencepost.model.programs.roles.subscriber import Subscriber
from fencepost.model.programs.sequencers.order4 import Order4Claim, Order4ShardedMutex
from fencepost.model.programs.sequencers.order4_epoch import Order4Epoch
from fencepost.model.programs.sequencers.order5 import Order5FetchAdd
from fencepost.model.programs.sequencers.partition import owner_of
from fencepost.model.programs.sequencers.worker import View

CLAIM, EPOCH, ORDER5 = design("order4.claim"), design("order4.epoch"), design("order5.fetch_add")
SHARDED = design("order4.sharded_mutex")
FIELDS5 = design("order5.fetch_add.fields")


class SpaceForOneMore(Receiver):
    """Takes a slot for free one batch too early."""

    def wait_for_space(self, index: int) -> Program:
        yield from super().wait_for_space(index - 1)


class CountsWhatIsConsumed(Subscriber):
    """Tells how many slots were consumed, not how many from the first on."""

    def consume(self, index: int) -> Program:
        self._consumed.add(index)
        self._consumed_count += 1
        below = at("consumed", ring=self.ring, below=self._consumed_count)
        yield Store((*("consumed", self.ring), "count"), self._consumed_count, below)
        yield Flush(("consumed", self.ring))
        yield StoreFence()


class RemembersSlots(Subscriber):
    """Notes which slots are consumed, not which batches: one of the lap before stands for that of this lap."""

    def consume(self, index: int) -> Program:
        self._consumed.add(index % self.slots)
        while self._consumed_count <= index and self._consumed_count % self.slots in self._consumed:
            self._consumed_count += 1
        below = at("consumed", ring=self.ring, below=self._consumed_count)
        yield Store((*("consumed", self.ring), "count"), self._consumed_count, below)
        yield Flush(("consumed", self.ring))
        yield StoreFence()


class GuardOfTheLap(Receiver):
    """The guard is one more than the lap's parity: two laps later it is the same again."""

    def guard(self, index: int) -> int:
        return 1 + index // self.slots % 2


class ReadsTheParity(Order4Claim):
    """Expects the lap's parity, as the receiver wrote it."""

    def guard(self, index: int) -> int:
        return 1 + index // self.slots % 2


class OneCopyOfEach(Order4Claim):
    """Remembers one slot for each parked seq: of two copies the later one."""

    def settle(self, slot: Slot) -> Generator[Operation, Any, str]:
        outcome = yield from super().settle(slot)
        if outcome == LATER:
            self.parked[slot.client][slot.seq] = self.parked[slot.client][slot.seq][-1:]
        return outcome


class DropsNoParkedCopy(Order4Claim):
    """A parked slot whose batch another ring ordered is forgotten, and never given back."""

    def settle(self, slot: Slot) -> Generator[Operation, Any, str]:
        if slot.parked and self.expected(self._words[slot.client]) > slot.seq:
            yield from ()
            return DUPLICATE
        return (yield from super().settle(slot))


class ReleasesOne(Order4Claim):
    """Forgets all that a client has parked once the first of it is ordered."""

    def release(self, client: int) -> Program:
        yield from super().release(client)
        self.parked.pop(client, None)


class ReleasesInRingOrder(Order4Claim):
    """Looks at a client's parked batches in the order in which they came."""

    def release(self, client: int) -> Program:
        first = min((slot for copies in self.parked[client].values() for slot in copies), key=lambda slot: slot.index)
        if first.seq <= self.expected(self._words[client]):
            yield from super().release(client)
        else:
            del self.parked[client]


class RechecksOneClient(Order4Claim):
    """Looks again at the batches of the first of the parked clients only."""

    def rechecked(self) -> list[int]:
        return sorted(self.parked)[:1] if len(self.parked) < 2 else [max(self.parked)]

    def remember(self, slot: Slot, before: Any) -> None:
        if slot.parked and len(self.parked) > 1:
            del self.parked[min(self.parked)]


class ExpectsItself(Order4Claim):
    """Releases a parked batch when its client's word says that it is next, not when that is past."""

    def release(self, client: int) -> Program:
        if min(self.parked[client]) == self.expected(self._words[client]):
            yield from super().release(client)


class FirstSeenIsFirst(Order4Claim):
    """Takes the first batch that it sees of a client for the client's first."""

    def attempt(self, slot: Slot) -> Generator[Operation, Any, tuple[str, int]]:
        if slot.client not in self._words:
            yield Store(self.word(slot.client), 2 * slot.seq)
        return (yield from super().attempt(slot))


class PublishesEverySecond(Delegation):
    """Writes its count back with every second batch."""

    def publish(self, filled_count: int) -> Program:
        if filled_count % 2 == 0:
            yield from super().publish(filled_count)


class CountsWithinALap(Delegation):
    """Counts the filled slots of this lap."""

    def run(self) -> Program:
        for index in count():
            yield from self.wait(index)
            filled_count = index % self.slots + 1
            yield Store((*written(self.ring), "count"), filled_count, at("written", ring=self.ring, below=filled_count))
            yield from self.publish(filled_count)


class DropIsAnAck(Order4Claim):
    """Acknowledges a copy when it drops it, whoever has yet to export the batch."""

    def settle(self, slot: Slot) -> Generator[Operation, Any, str]:
        outcome = yield from super().settle(slot)
        if outcome == DUPLICATE:
            yield from Scanner.acknowledge(self, slot)
        return outcome


class AcknowledgesAtOnce(Order4Claim):
    """Acknowledges without waiting for the client's batch before this one."""

    def acknowledge(self, slot: Slot) -> Program:
        yield from Scanner.acknowledge(self, slot)


class WaitsForAChange(Order4Claim):
    """Waits for a guard to change from what it is when the scanner comes to it."""

    def gate(self, index: int) -> Watched | None:
        found = super().gate(index)
        full = found is not None and self._looked[0] != index and index < self.slots
        return Watched(found.address, self.guard(index), invalidate=True) if found is not None and full else found


class ClaimsInTwoSteps(Connection):
    """Takes the count of claims and adds to it in two steps."""

    def claim(self, batch: Arriving) -> Generator[Operation, Any, int]:
        index: int = yield Load((*claimed(self.ring), "count"))
        yield Store((*claimed(self.ring), "count"), index + 1, arrive(self.ring, batch))
        return self.first + index


class WaitsForItsOwn(Connection):
    """Waits until as many slots are free as this connection has filled, not as were claimed."""

    filled_count = 0

    def wait_for_space(self, index: int) -> Program:
        yield from super().wait_for_space(self.filled_count)
        self.filled_count += 1


class CountsClaimsAnew(Connection):
    """Takes the count of claims for the index, whatever was in the ring before."""

    def claim(self, batch: Arriving) -> Generator[Operation, Any, int]:
        return (yield from super().claim(batch)) - self.first


class FrontierByCount(Committer):
    """The frontier is the count of messages in the log, whichever they are."""

    copied_count = 0

    def commit(self) -> Program:
        for start, (ring, index) in sorted(self.waiting.items()):
            yield from self.copy(ring, index, start)
            yield from self.pass_by(ring, index)
        self.waiting.clear()

    def write(self, position: int, content: tuple[int, int], number: int) -> Program:
        yield from super().write(position, content, number)
        self.copied_count += 1

    def move(self, below: int) -> Program:
        yield from super().move(self.copied_count)


class FreesBeforeItCopies(Committer):
    """Frees a slot before its batch is in the log."""

    def copy(self, ring: int, index: int, start: int) -> Program:
        yield from self.pass_by(ring, index)
        yield from super().copy(ring, index, start)


class FreesWhatItWillRead(Subscriber):
    """Frees a slot before it has read the payload."""

    def deliver(self, number: int, index: int, start: int) -> Program:
        yield from self.consume(index)
        yield from super().deliver(number, index, start)


class ShortCounts(Order4Claim):
    """Keeps a batch's message count in 14 bits."""

    def read(self, index: int) -> Generator[Operation, Any, Slot]:
        slot = yield from super().read(index)
        return replace(slot, count=max(slot.count & 2**14 - 1, 1))


class OffsetsOf32Bits(Order5FetchAdd):
    """Keeps the start of a batch in 32 bits."""

    def hand_out(self, slot: Slot, start: int) -> Program:
        yield from super().hand_out(slot, start % 2**32)


class WordOfTheShard(Order4Claim):
    """Clients of one shard share a next-expected word."""

    def word(self, client: int) -> Address:
        return next_seq(owner_of(client, 2))


class WordOfTheRemainder(Order4Claim):
    """The table of clients has 64 entries and no ids in it."""

    def word(self, client: int) -> Address:
        return next_seq(client % 64)


class EachRingInTurn(Order4Epoch):
    """Waits for a batch of each ring in turn."""

    turn = 0

    def readable(self) -> Generator[Operation, Any, View]:
        view = self.views[self.turn % len(self.views)]
        self.turn += 1
        yield from view.wait(view.index)
        return view


class KeepsRingsInStep(Order4Epoch):
    """Reads a ring only when it has read no more of it than of the others."""

    def at_once(self) -> Generator[Operation, Any, View | None]:
        yield from ()
        return None

    def readable(self) -> Generator[Operation, Any, View]:
        view = min(self.views, key=lambda view: view.index)
        yield from view.wait(view.index)
        return view


class EntryOfTheSlot(Order4Claim):
    """Puts a chain entry at its slot's place, not behind the entries before it."""

    def export(self, slot: Slot, start: int, kind: int, label: Any = None) -> Program:
        line = ("chain", self.chain, slot.index % self.slots)
        self._released_count += 1
        yield Store((*line, "entry"), (slot.index, start, DELIVER if kind == DELIVER else 0))
        yield Store((*line, "guard"), self._released_count, label)
        yield Flush(line)
        yield StoreFence()


class GuardFirst(FieldReceiver):
    """The guard is stored before the fields that it vouches for, and goes to memory with them."""

    def write_header(self, index: int, batch: Arriving) -> Program:
        line = header(*self.place(index))
        yield Store((*line, "guard"), self.guard(index), self.arrived(batch))
        for word, value in self.header_words(batch).items():
            yield Store((*line, word), value)
        yield Flush(line)
        yield StoreFence()


class PassesASlot(Receiver):
    """Turns a batch without messages away, and passes a slot for it."""

    def run(self) -> Program:
        for index, batch in enumerate(self._batches, self.first):
            if self.accepts(batch):
                yield from self.wait_for_space(index)
                yield from self.fill(index, batch)


class CountsAlone(Order4ShardedMutex):
    """Under the lock of its shard a scanner takes itself for the only one at the counter."""

    def reserve(self, slot: Slot) -> Generator[Operation, Any, int]:
        start: int = yield Load(ISSUED)
        yield Store(ISSUED, start + slot.count, at("reserve", ring=slot.ring))
        return start


PLANTED: dict[str, tuple[Design, dict[str, Any]]] = {
    "one-slot": (ORDER5, {"receiver": SpaceForOneMore}),
    "wrap-parked": (CLAIM, {"subscriber": CountsWhatIsConsumed}),
    "wrap-distance": (CLAIM, {"scanner": EntryOfTheSlot}),
    "parked-second-lap": (CLAIM, {"subscriber": RemembersSlots}),
    "copy-of-parked": (CLAIM, {"scanner": OneCopyOfEach}),
    "copy-of-parked-elsewhere": (CLAIM, {"scanner": DropsNoParkedCopy}),
    "parked-ascending": (CLAIM, {"scanner": ReleasesOne}),
    "parked-descending": (CLAIM, {"scanner": ReleasesInRingOrder}),
    "parked-of-two-clients": (CLAIM, {"scanner": RechecksOneClient}),
    "ordered-elsewhere": (CLAIM, {"scanner": ExpectsItself}),
    "late-first": (CLAIM, {"scanner": FirstSeenIsFirst}),
    "delegated-tail": (ORDER5, {"delegation": PublishesEverySecond}),
    "delegated-wrap": (ORDER5, {"delegation": CountsWithinALap}),
    "copy-before-ack": (CLAIM, {"scanner": DropIsAnAck}),
    "client-restarts": (CLAIM, {"scanner": AcknowledgesAtOnce}),
    "scanners-restart": (CLAIM, {"scanner": WaitsForAChange}),
    "scanner-stopped": (CLAIM, {"stopping": KeepsTheLast}),
    "stopped-on-the-way": (ORDER5, {"stopping": BeginsAnew}),
    "waits-time-out": (CLAIM, {"waiting": AnswersWithTheTick}),
    "slot-times-out": (ORDER5, {"waiting": FallsAsleep}),
    "broker-joins": (ORDER5, {"scanner": LooksBeforeItJoined}),
    "connections-hole": (CLAIM, {"sharing": ClaimsInTwoSteps}),
    "connections-lap": (ORDER5, {"sharing": WaitsForItsOwn}),
    "connections-later": (ORDER5, {"sharing": CountsClaimsAnew}),
    "slow-subscriber": (ORDER5, {"subscriber": FreesWhatItWillRead}),
    "readers-order": (ORDER5, {"committer": FrontierByCount}),
    "readers-lap": (ORDER5, {"committer": FreesBeforeItCopies}),
    "largest-count": (CLAIM, {"scanner": ShortCounts}),
    "past-32-bits": (ORDER5, {"scanner": OffsetsOf32Bits}),
    "first-header": (FIELDS5, {"receiver": GuardFirst}),
    "batch-without-messages": (ORDER5, {"receiver": PassesASlot}),
    "clients-in-one-shard": (CLAIM, {"scanner": WordOfTheShard}),
    "clients-in-two-shards": (SHARDED, {"scanner": CountsAlone}),
    "clients-that-collide": (CLAIM, {"scanner": WordOfTheRemainder}),
    "empty-ring": (EPOCH, {"scanner": EachRingInTurn}),
    "uneven-rings": (EPOCH, {"scanner": KeepsRingsInStep}),
}
