"""The seed programs around the broker: subscribers, replicas, acknowledgers and clients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING

from fencepost.model.programs.layout import to_client
from fencepost.model.programs.operations import Address, Load, Poll, Program, Send, Store, Watched, at, witness
from fencepost.model.programs.roles.acknowledger import Acknowledger
from fencepost.model.programs.roles.client import Client, Sending
from fencepost.model.programs.roles.subscriber import Subscriber, delivered
from fencepost.model.programs.seed.layout import connection, ordered, payload, replicated, slot

if TYPE_CHECKING:
    from fencepost.model.programs.pipeline import Scenario

BROKERS_MOST = 32  # how many words an entry has for replicas
SEARCHED_SLOTS, RING_SLOTS = 1_000, 512  # how far a search goes, in rings of that length


class SeedSubscriber(Subscriber):
    """Waits for the flag of slot after slot, follows the distance, invalidates nothing."""

    def run(self) -> Program:
        for number in count():
            yield Poll((Watched(self.flag(number), 0),))
            yield from self.follow(number)

    def flag(self, number: int) -> Address:
        """Return the export flag of a slot."""
        return (*slot(self.ring, number, self.slots), "ordered")

    def follow(self, number: int) -> Program:
        """Read what is offered through a slot, and hand on its payload."""
        distance = yield Load((*slot(self.ring, number, self.slots), "export"))
        index = number + distance
        line = slot(self.ring, index, self.slots)
        start = yield Load((*line, "total"))
        size = yield Load((*line, "total_size"))
        first = yield Load((*line, "log_idx"))
        if not size or not first:
            yield witness("deliver", ring=self.ring, index=index, start=start, client=-1, seq=-1)
            return
        others = set()
        for place in range(first, first + size - 1):
            others.add((yield Load((*payload(self.ring, place), "content"))))
        hand_on = delivered(self.ring, index, start)
        last = (*payload(self.ring, first + size - 1), "content")
        yield Load(last, lambda content: hand_on(content if others <= {content} else 0))


class SeedSearchingSubscriber(SeedSubscriber):
    """The form that searches: takes the first flag that it finds, and does not come back to a slot that it passed.

    It searches 1,000 slots of rings that have 512, so past the end of its ring: the same share of shorter rings here.
    """

    def run(self) -> Program:
        number = 0
        while True:
            searched = range(number, number + max(1, SEARCHED_SLOTS * self.slots // RING_SLOTS))
            which, _ = yield Poll(tuple(Watched(self.flag(each), 0) for each in searched))
            number = searched[which]
            yield from self.follow(number)
            number += 1


class SeedReplica:
    """Copies what is ordered of a ring to the disk of broker `on`, and says up to which offset: an offset, no count.

    The word that it writes lies on a line of that broker.
    """

    def __init__(self, ring: int, on: int) -> None:
        self.ring, self.on = ring, on

    def run(self) -> Program:
        """Copy whatever is new, for ever."""
        seen = 0
        while True:
            _, seen = yield Poll((Watched((*ordered(self.ring), "ordered"), seen),))
            yield Store(replicated(self.on, self.ring), seen - 1)


class SeedAcknowledger(Acknowledger):
    """Sends the broker's count of ordered messages, of all clients, to each client; and begins with the count 0.

    The client takes the count for the offset of its last acknowledged message: a count of n credits n + 1 of its
    messages. `sent` is what the client sent on this connection, message counts in order.
    """

    def __init__(self, ring: int, clients: Sequence[int], sent: Mapping[int, Sequence[int]]) -> None:
        super().__init__(ring, clients)
        self._sent = sent

    @classmethod
    def of(cls, ring: int, scenario: Scenario) -> Acknowledger:
        if scenario.replicas:
            return SeedReplicatedAcknowledger(ring, scenario)
        return cls(ring, scenario.clients(ring), _sent(scenario, ring))

    def run(self) -> Program:
        address, seen = (*ordered(self.ring), "ordered"), 0
        yield from self.credit_all(0)
        while True:
            _, seen = yield Poll((Watched(address, seen),))
            yield from self.credit_all(seen)

    def credit_all(self, value: int) -> Program:
        """Tell every client the same value."""
        for client in self.clients:
            yield from self.credit(client, value)

    def credit(self, client: int, value: int) -> Program:
        """Tell a client a value; it forgets every batch whose messages are covered."""
        covered, batches = 0, 0
        for size in self._sent.get(client, ()):
            covered += size
            batches += covered <= value + 1
        label = at("acknowledge_first", ring=self.ring, client=client, batches=batches)
        yield Send(to_client(client), (self.ring, batches), label)


class SeedReplicatedAcknowledger(SeedAcknowledger):
    """Level 2: the least of what the replicas say, a last offset where level 1 has a count. 0 is said by none, too.

    It counts brokers modulo how many there are; whoever starts replicas counts modulo 32.
    """

    def __init__(self, ring: int, scenario: Scenario) -> None:
        super().__init__(ring, scenario.clients(ring), _sent(scenario, ring))
        brokers = scenario.rings_count
        self._words = [replicated((ring + brokers - each) % brokers, ring) for each in range(scenario.replicas)]

    def run(self) -> Program:
        said = [0] * len(self._words)
        yield from self.credit_all(0)
        while True:
            before = min(said)
            which, value = yield Poll(tuple(map(Watched, self._words, said)))
            said[which] = value
            if min(said) > before:
                yield from self.credit_all(min(said))


def replica_broker(ring: int, number: int, brokers: int) -> int | None:
    """Return the broker that holds a ring's replica of that number; None where it is to be on one that does not exist.

    The search goes backwards modulo 32, however many brokers there are.
    """
    on = (ring + BROKERS_MOST - number) % BROKERS_MOST
    return on if on < brokers else None


def _sent(scenario: Scenario, ring: int) -> dict[int, list[int]]:
    """Return the message counts of what each client sends to a ring, in order."""
    sent: dict[int, list[int]] = {}
    for client, plan in enumerate(scenario.plans):
        sent[client] = [sending.count for sending in plan if sending.ring == ring]
    for batch in () if scenario.plans else scenario.rings[ring]:
        sent.setdefault(batch.client, []).append(batch.count)
    return sent


class SeedClient(Client):
    """Publishes on several connections a broker; when one breaks, sends only its current batch again, elsewhere."""

    def run(self) -> Program:
        for sending in self.plan:
            yield from self.send(sending)
        if self.restarts and self.plan:
            last = self.plan[-1]
            yield from self.send(Sending((last.ring + 1) % self.rings, last.seq, last.count))
        yield from self.wait_for_acknowledgements()

    def channel(self, sending: Sending) -> Address:
        """Return the connection for a batch: they take turns."""
        return connection(sending.ring, self.client, (len(self._sent[sending.ring]) - 1) % self.connections)
