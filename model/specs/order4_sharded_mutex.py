"""order4.sharded_mutex: a lock for each shard of the clients; the global counter is shared by all.

The spec has a lock for each client: the finest sharding. A coarser one lets fewer scanners in, and nobody else.
"""

from fencepost.model.language import Map, action, all_of, any_of, every, implies, invariant, not_, sometimes
from fencepost.model.specs.order4 import ADVANCED, IDLE, LEFT, RESERVED, TAKEN, NextExpected
from fencepost.model.specs.vocabulary import Client, Ring, RingIndex


class Order4ShardedMutex(NextExpected):
    """Lock the client, compare with next-expected, reserve, advance, unlock, publish."""

    name = "order4.sharded_mutex"

    locked: Map[Client, bool] = every(False)
    holder: Map[Client, Ring] = every(0)

    def uncounted(self, client: Client) -> bool:
        holder = self.holder[client]
        working = all_of(self.stage[holder] == RESERVED, self.client_in_hand(holder) == client)
        return all_of(self.locked[client], working)

    @action
    def lock(self, ring: Ring, index: RingIndex) -> None:
        """Enter the client's critical section with one batch in hand."""
        client = self.slot_client[ring, index]
        self.require(self.stage[ring] == IDLE, self.readable(ring, index), not_(self.locked[client]))
        self.locked[client] = True
        self.holder[client] = ring
        self.in_hand[ring] = index
        self.stage[ring] = TAKEN

    @action
    def reserve(self, ring: Ring) -> None:
        """The batch in hand is its client's next: the fetch_add on the global counter."""
        self.require(self.stage[ring] == TAKEN, self.seq_in_hand(ring) == self.next_seq[self.client_in_hand(ring)])
        self.order_in_hand(ring)
        self.take(ring, self.in_hand[ring])
        self.stage[ring] = RESERVED

    @action
    def advance(self, ring: Ring) -> None:
        """The client's next batch may follow."""
        self.require(self.stage[ring] == RESERVED)
        client = self.client_in_hand(ring)
        self.next_seq[client] = self.next_seq[client] + 1
        self.stage[ring] = ADVANCED

    @action
    def unlock(self, ring: Ring) -> None:
        """Leave the critical section with an ordered batch."""
        self.require(self.stage[ring] == ADVANCED)
        self.locked[self.client_in_hand(ring)] = False
        self.stage[ring] = LEFT

    @action
    def park(self, ring: Ring) -> None:
        """The batch in hand is early: leave the critical section and look at it again later."""
        index, client = self.in_hand[ring], self.client_in_hand(ring)
        self.require(self.stage[ring] == TAKEN, self.seq_in_hand(ring) > self.next_seq[client])
        self.take(ring, index)
        self.parked_in[ring, index] = self.life[ring]
        self.locked[client] = False
        self.stage[ring] = IDLE

    @action
    def drop(self, ring: Ring) -> None:
        """The batch in hand is a duplicate: leave the critical section without it."""
        client = self.client_in_hand(ring)
        self.require(self.stage[ring] == TAKEN, self.seq_in_hand(ring) < self.next_seq[client])
        self.take(ring, self.in_hand[ring])
        self.locked[client] = False
        self.stage[ring] = IDLE

    @invariant
    def one_scanner_is_inside_of_each_client(self, ring: Ring) -> bool:
        client = self.client_in_hand(ring)
        inside = any_of(self.stage[ring] == TAKEN, self.stage[ring] == RESERVED, self.stage[ring] == ADVANCED)
        return implies(inside, all_of(self.locked[client], self.holder[client] == ring))

    @sometimes
    def two_clients_are_worked_on_at_once(self, one: Ring, other: Ring) -> bool:
        both = all_of(one != other, self.stage[one] == RESERVED, self.stage[other] == RESERVED)
        return all_of(both, self.client_in_hand(one) != self.client_in_hand(other))
