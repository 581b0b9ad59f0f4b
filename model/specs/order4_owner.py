"""order4.owner: clients are partitioned over the scanners; only its owner ever looks at a client's next seq.

A scanner hands every batch that it reads to the owner of the batch's client. Next-expected is not
shared, so there is neither a lock nor a claim; the global counter is all that owners share.
"""

from fencepost.model.language import Map, action, all_of, every, implies, invariant, not_
from fencepost.model.specs.order4 import IDLE, RESERVED, TAKEN, NextExpected
from fencepost.model.specs.vocabulary import Client, Ring, RingIndex, Row


class Order4Owner(NextExpected):
    """Hand over, take what is next, reserve, advance, publish. A `ring` names its scanner, also as an owner.

    A batch that was handed over and not taken yet is parked: it waits in its owner's hands.
    """

    name = "order4.owner"

    assigned: Map[Client, bool] = every(False)
    owner: Map[Client, Ring] = every(0)
    source: Map[Ring, Ring] = every(0)  # where the batch in an owner's hand was read

    def ring_in_hand(self, ring: Ring) -> Ring:
        return self.source[ring]

    def worker_of(self, ring: Ring, index: RingIndex) -> Ring:
        return self.owner[self.slot_client[ring, index]]

    def uncounted(self, client: Client) -> bool:
        owner = self.owner[client]
        working = all_of(self.stage[owner] == RESERVED, self.client_in_hand(owner) == client)
        return all_of(self.assigned[client], working)

    @action
    def assign(self, client: Client, ring: Ring) -> None:
        """The partition says who owns a client; it never changes."""
        self.require(not_(self.assigned[client]))
        self.assigned[client] = True
        self.owner[client] = ring

    @action
    def hand_over(self, ring: Ring) -> None:
        """The scanner gives the slot at its cursor to the client's owner."""
        index = self.cursor[ring]
        self.require(index < self.arrived[ring], self.assigned[self.slot_client[ring, index]])
        self.set_aside(ring)

    @action
    def take_next(self, owner: Ring, ring: Ring, index: RingIndex) -> None:
        """The owner takes a batch that is its client's next."""
        client = self.slot_client[ring, index]
        self.require(self.stage[owner] == IDLE, self.parked(ring, index), self.assigned[client])
        self.require(self.owner[client] == owner, self.slot_seq[ring, index] == self.next_seq[client])
        self.parked_in[ring, index] = 0
        self.source[owner] = ring
        self.in_hand[owner] = index
        self.stage[owner] = TAKEN

    @action
    def reserve(self, owner: Ring) -> None:
        """The fetch_add on the global counter."""
        self.require(self.stage[owner] == TAKEN)
        self.order_in_hand(owner)
        self.stage[owner] = RESERVED

    @action
    def advance(self, owner: Ring) -> None:
        """The client's next batch may follow; a plain store, as nobody else reads it."""
        self.require(self.stage[owner] == RESERVED)
        client = self.client_in_hand(owner)
        self.next_seq[client] = self.next_seq[client] + 1
        self.stage[owner] = IDLE

    @action
    def publish(self, row: Row) -> None:
        """A batch becomes readable by other hosts, in any order.

        Its owner may have the next one in hand: a single one adds to the counter without a locked instruction, and what
        it stored for readers is still on its way.
        """
        self.require(row < self.length)
        self.published[row] = True

    @action
    def drop(self, owner: Ring, ring: Ring, index: RingIndex) -> None:
        """The owner finds a duplicate."""
        client = self.slot_client[ring, index]
        self.require(self.stage[owner] == IDLE, self.parked(ring, index), self.owner[client] == owner)
        self.require(self.slot_seq[ring, index] < self.next_seq[client])
        self.parked_in[ring, index] = 0

    @invariant
    def who_works_on_a_client_owns_it(self, ring: Ring) -> bool:
        client = self.client_in_hand(ring)
        owns = all_of(self.assigned[client], self.owner[client] == ring)
        its_next = self.seq_in_hand(ring) == self.next_seq[client]
        working = all_of(self.stage[ring] >= TAKEN, self.stage[ring] <= RESERVED)
        return implies(working, all_of(owns, its_next))
