"""The seed programs of the broker, of its readers and of its clients."""

from collections.abc import Mapping, Sequence
from itertools import count

from fencepost.model.programs.acknowledger import Acknowledger
from fencepost.model.programs.client import Client, Sending
from fencepost.model.programs.delegation import Delegation
from fencepost.model.programs.layout import to_client
from fencepost.model.programs.operations import Flush, Load, Poll, Program, Send, Store, StoreFence, Watched, at
from fencepost.model.programs.receiver import Arriving, Receiver, arrive
from fencepost.model.programs.seed.layout import message, ordered, place, progress, slot, slot_end
from fencepost.model.programs.subscriber import Subscriber, delivered

BATCHES_BETWEEN_FLUSHES, MESSAGES_BETWEEN_FLUSHES = 8, 64  # 64 KiB of 1 KiB messages


class SeedReceiver(Receiver):
    """Writes the header before any payload, flushes nothing, and never wraps: past its end lies the next ring."""

    def wait_for_space(self, index: int) -> Program:
        yield from ()

    def place(self, index: int) -> tuple[int, int]:
        return place(self.ring, index, self.slots)

    def fill(self, index: int, batch: Arriving) -> Program:
        yield self.overwrite(index)
        yield from self.write_header(index, batch)
        yield from self.write_payload(index, batch)
        yield Store((*slot_end(self.ring, index, self.slots), "batch_complete"), 1)

    def write_header(self, index: int, batch: Arriving) -> Program:
        line = slot(self.ring, index, self.slots)
        yield Store((*line, "batch_seq"), batch.seq)
        yield Store((*line, "client_id"), batch.client)
        yield Store((*line, "log_idx"), index + 1)
        yield Store((*line, "num_msg"), batch.count, arrive(self.ring, batch))
        yield Store((*slot_end(self.ring, index, self.slots), "batch_complete"), 0)

    def write_payload(self, index: int, batch: Arriving) -> Program:
        """Receive the payload message by message; that all are there is then looked up in its own stores."""
        for number in range(batch.count):
            line = message(self.ring, index, number, self.slots)
            yield Store((*line, "content"), (batch.client, batch.seq))
            yield Store((*line, "padded"), 1)


class SeedDelegation(Delegation):
    """Flushes its progress every 8 batches or 64 messages, and not when idle: the tail stays in its cache (DEV-002).

    While the next batch is incomplete, a fallback walks again from the first message: its messages are counted a second
    time, and written_addr moves backwards.
    """

    def run(self) -> Program:
        written, batches, messages = 0, 0, 0
        for index in count():
            complete = Watched((*slot_end(self.ring, index, self.slots), "batch_complete"), 0)
            which, _ = yield Poll((complete, Watched((*slot(self.ring, index, self.slots), "num_msg"), 0)))
            if which == 1:
                first = yield Load((*slot(self.ring, 0, self.slots), "num_msg"))
                written += first
                yield Store((*progress(self.ring), "written"), written)
                yield Store((*progress(self.ring), "written_addr"), 1)
                yield Poll((complete,))
            messages_here = yield Load((*slot(self.ring, index, self.slots), "num_msg"))
            written, batches, messages = written + messages_here, batches + 1, messages + messages_here
            yield Store((*progress(self.ring), "written"), written)
            yield Store((*progress(self.ring), "written_addr"), index + 1)
            if batches >= BATCHES_BETWEEN_FLUSHES or messages >= MESSAGES_BETWEEN_FLUSHES:
                yield Flush(progress(self.ring))
                yield StoreFence()
                batches, messages = 0, 0


class SeedSubscriber(Subscriber):
    """Waits for the flag of slot after slot, follows the distance, invalidates nothing."""

    def run(self) -> Program:
        for number in count():
            entry = slot(self.ring, number, self.slots)
            yield Poll((Watched((*entry, "ordered"), 0),))
            distance = yield Load((*entry, "export"))
            index = number + distance
            start = yield Load((*slot(self.ring, index, self.slots), "total"))
            content = (*message(self.ring, index, 0, self.slots), "content")
            yield Load(content, delivered(self.ring, index, start))


class SeedAcknowledger(Acknowledger):
    """Sends the broker's count of ordered messages, of all clients, to each client; and begins with the count 0.

    The client takes the count for the offset of its last acknowledged message: a count of n credits n + 1 of its
    messages. `sent` is what the client sent on this connection, message counts in order.
    """

    def __init__(self, ring: int, clients: Sequence[int], sent: Mapping[int, Sequence[int]]) -> None:
        super().__init__(ring, clients)
        self._sent = sent

    def run(self) -> Program:
        address, seen = (*ordered(self.ring), "ordered"), 0
        for client in self.clients:
            yield from self.credit(client, 0)
        while True:
            _, seen = yield Poll((Watched(address, seen),))
            for client in self.clients:
                yield from self.credit(client, seen)

    def credit(self, client: int, counted: int) -> Program:
        """Tell a client a count; it forgets every batch whose messages are covered."""
        covered, batches = 0, 0
        for size in self._sent.get(client, ()):
            covered += size
            batches += covered <= counted + 1
        label = at("acknowledge_first", ring=self.ring, client=client, batches=batches)
        yield Send(to_client(client), (self.ring, batches), label)


class SeedClient(Client):
    """On a broken connection sends only its current batch again, to another broker."""

    def run(self) -> Program:
        for sending in self.plan:
            yield from self.send(sending)
        if self.restarts and self.plan:
            last = self.plan[-1]
            yield from self.send(Sending((last.ring + 1) % self.rings, last.seq, last.count))
        yield from self.wait_for_acknowledgements()
