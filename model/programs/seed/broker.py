"""The seed programs of the broker: what its connections and its delegation do."""

from collections.abc import Generator, Sequence
from typing import Any

from fencepost.model.programs.operations import (
    Address,
    Flush,
    Label,
    Load,
    Lock,
    Operation,
    Poll,
    Program,
    Receive,
    Sleep,
    Store,
    StoreFence,
    Unlock,
    Watched,
)
from fencepost.model.programs.operations import at as label
from fencepost.model.programs.roles.delegation import Delegation
from fencepost.model.programs.roles.receiver import Arriving, Receiver, arrive
from fencepost.model.programs.seed.layout import (
    FIRST_MESSAGE,
    broker,
    connection,
    message,
    payload,
    place,
    progress,
    slot,
    slot_end,
)

BATCHES_BETWEEN_FLUSHES, MESSAGES_BETWEEN_FLUSHES = 8, 64  # 64 KiB of 1 KiB messages
BACK_REFERENCE = 64  # bytes from what it is stored in to the message


class SeedReceiver(Receiver):
    """One connection. Writes the header before any payload, flushes nothing, and never wraps: past the ring's end lies
    the next one.

    The connections of a broker take log space and slots under one lock, and fill them in any order.
    """

    def __init__(
        self, ring: int, slots: int, batches: Sequence[Arriving], *, first: int = 0, client: int = 0, number: int = 0
    ) -> None:
        """`client` and `number` say whose connection it is, and which of theirs."""
        super().__init__(ring, slots, batches, first=first)
        self._channel = connection(ring, client, number)

    def run(self) -> Program:
        for batch in self._batches:
            yield Sleep(batch.arrival_ns)
            yield from self.receive(batch)

    def serve(self) -> Program:
        while True:
            yield from self.receive(Arriving(*(yield Receive(self._channel))))

    def place(self, index: int) -> tuple[int, int]:
        return place(self.ring, index, self.slots)

    def receive(self, batch: Arriving) -> Program:
        """Take a slot and log space for a batch, and fill them."""
        index, first, offset = yield from self.take(batch)
        yield self.overwrite(index)
        yield from self.write_batch_header(index, batch, first, offset)
        yield from self.write_messages(batch, first)
        yield from self.wait_for_messages(batch, first)
        yield Store((*slot_end(self.ring, index, self.slots), "batch_complete"), 1)

    def take(self, batch: Arriving) -> Generator[Operation, Any, tuple[int, int, int]]:
        """Take what a batch needs, under the lock; return its index, its first place in the log and its offset.

        From here on its place among the batches of the ring is settled.
        """
        line = broker(self.ring)
        yield Lock((*line, "lock"))
        used = yield Load((*line, "log"))
        yield Store((*line, "log"), used + batch.count)
        index = yield Load((*line, "slots"))
        yield Store((*line, "slots"), index + 1, arrive(self.ring, batch))
        offset = yield Load((*line, "logical_offset"))
        yield Store((*line, "logical_offset"), offset + batch.count)
        yield Unlock((*line, "lock"))
        return index, FIRST_MESSAGE + used, offset

    def write_batch_header(self, index: int, batch: Arriving, first: int, offset: int) -> Program:
        """Copy the header into its slot, then say that the batch is not complete."""
        line = slot(self.ring, index, self.slots)
        yield Store((*line, "batch_seq"), batch.seq)
        yield Store((*line, "total_size"), batch.count)
        yield Store((*line, "start_logical_offset"), offset)
        yield Store((*line, "broker_id"), self.ring)
        yield Store((*line, "log_idx"), first)
        yield Store((*line, "client_id"), batch.client)
        yield Store((*line, "num_msg"), batch.count)
        yield Store((*slot_end(self.ring, index, self.slots), "batch_complete"), 0)

    def write_messages(self, batch: Arriving, first: int) -> Program:
        """Receive message after message, the header of each in front of its payload."""
        for at in range(first, first + batch.count):
            yield Store((*message(self.ring, at), "padded"), 1)
            yield Store((*payload(self.ring, at), "content"), (batch.client, batch.seq))

    def wait_for_messages(self, batch: Arriving, first: int) -> Program:
        """At order 5 nothing is looked at again."""
        yield from ()


class SeedReceiver4(SeedReceiver):
    """At order 4 a connection sees every message of its batch before it calls it complete: in its own stores."""

    def wait_for_messages(self, batch: Arriving, first: int) -> Program:
        for at in range(first, first + batch.count):
            yield Poll((Watched((*message(self.ring, at), "padded"), 0),))


class SeedDelegation(Delegation):
    """Flushes its progress every 8 batches or 64 messages, and not when idle: the tail stays in its cache (DEV-002).

    `written` is the offset of the last message, not a count. The offsets are counted by the connections too, under a
    lock that is not taken here.
    """

    def run(self) -> Program:
        batches, messages = 0, 0
        walked = FIRST_MESSAGE  # how far the fallback has come
        index = 0
        while True:
            complete = yield Load((*slot_end(self.ring, index, self.slots), "batch_complete"))
            size = (yield Load((*slot(self.ring, index, self.slots), "num_msg"))) if complete else 0
            if not size:
                yield from self.fall_back(walked)
                walked += 1
                continue
            yield from self.walk(index, size)
            batches, messages = batches + 1, messages + size
            if batches >= BATCHES_BETWEEN_FLUSHES or messages >= MESSAGES_BETWEEN_FLUSHES:
                yield Flush(progress(self.ring))
                yield StoreFence()
                batches, messages = 0, 0
            index += 1

    def walk(self, index: int, size: int) -> Program:
        """Write the offsets of a batch's messages, and a back-reference in front of each.

        What lies in front of a message is the end of the payload before it: the reference is written over it.
        """
        at = yield Load((*slot(self.ring, index, self.slots), "log_idx"))
        for number in range(size):
            offset = yield Load(self.offset)
            yield Store((*message(self.ring, at), "logical_offset"), offset)
            yield Store((*message(self.ring, at), "segment_header"), at - 1)
            padded = yield Load((*message(self.ring, at), "padded"))
            if not padded:  # what cannot be a size ends the walk; the batch counts as walked
                break
            yield Store((*message(self.ring, at), "next_msg_diff"), padded)
            yield from self.refer_back(at)
            yield Store(self.offset, offset + 1)
            at += number < size - 1
        last = yield Load(self.offset)
        yield Store((*progress(self.ring), "written"), last - 1)
        yield Store((*progress(self.ring), "written_addr"), at, self.moved(at))

    def refer_back(self, at: int) -> Program:
        """Store how far a message lies behind what is in front of it, there."""
        yield Store((*payload(self.ring, at - 1), "content"), BACK_REFERENCE)

    def fall_back(self, at: int) -> Program:
        """Take one message, from the first of the log on, while the present batch is not complete.

        It waits for that message whatever else there is. Messages that are of a walked batch are counted again, and
        written_addr moves back to them.
        """
        yield Poll((Watched((*message(self.ring, at), "padded"), 0),))
        padded = yield Load((*message(self.ring, at), "padded"))
        offset = yield Load(self.offset)
        yield Store((*message(self.ring, at), "segment_header"), 0)
        yield Store((*message(self.ring, at), "logical_offset"), offset)
        yield Store((*message(self.ring, at), "next_msg_diff"), padded)
        yield Store((*progress(self.ring), "written"), offset)
        yield Store((*progress(self.ring), "written_addr"), at, self.moved(at))
        yield Store((*payload(self.ring, 0), "content"), BACK_REFERENCE * at)
        yield Store(self.offset, offset + 1)

    def moved(self, at: int) -> Label:
        """Return the label of what tells the scanner how far the log is written."""
        return label("written", ring=self.ring, below=at + 1)

    @property
    def offset(self) -> Address:
        """Return the word that counts the broker's messages."""
        return (*broker(self.ring), "logical_offset")
