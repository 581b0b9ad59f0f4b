"""order4.claim: lock-free. A busy bit beside a client's next seq makes claim and reserve one step for others.

Between the claim and the release, successors of the same client wait (they are parked); nobody else does.
Without the bit, a successor can be claimed and reserve first: see order4.cas_then_reserve.
"""

from fencepost.model.language import Map, action, all_of, any_of, every, implies, invariant, not_, sometimes
from fencepost.model.specs.order4 import IDLE, LEFT, RESERVED, TAKEN, NextExpected, Unlocked
from fencepost.model.specs.vocabulary import Client, Ring, RingIndex, Seq


class Order4Claim(NextExpected, Unlocked):
    """Claim a client by compare-and-swap, reserve by fetch_add, release the client, publish."""

    name = "order4.claim"

    busy: Map[Client, bool] = every(False)
    claimer: Map[Client, Ring] = every(0)

    def early(self, client: Client, seq: Seq) -> bool:
        return any_of(seq > self.next_seq[client], self.busy[client])

    def uncounted(self, client: Client) -> bool:
        return all_of(self.busy[client], self.stage[self.claimer[client]] == RESERVED)

    @action
    def claim(self, ring: Ring, index: RingIndex) -> None:
        """The compare-and-swap from (seq, idle) to (seq, busy)."""
        client, seq = self.slot_client[ring, index], self.slot_seq[ring, index]
        self.require(self.stage[ring] == IDLE, self.readable(ring, index))
        self.require(self.next_seq[client] == seq, not_(self.busy[client]))
        self.busy[client] = True
        self.claimer[client] = ring
        self.in_hand[ring] = index
        self.stage[ring] = TAKEN
        self.take(ring, index)

    @action
    def reserve(self, ring: Ring) -> None:
        """The fetch_add on the global counter."""
        self.require(self.stage[ring] == TAKEN)
        self.order_in_hand(ring)
        self.stage[ring] = RESERVED

    @action
    def release(self, ring: Ring) -> None:
        """The store of (seq + 1, idle): the client's next batch may be claimed."""
        self.require(self.stage[ring] == RESERVED)
        client = self.client_in_hand(ring)
        self.next_seq[client] = self.next_seq[client] + 1
        self.busy[client] = False
        self.stage[ring] = LEFT

    def works(self, ring: Ring) -> bool:
        """Whether a scanner is between claim and release."""
        return any_of(self.stage[ring] == TAKEN, self.stage[ring] == RESERVED)

    @invariant
    def who_works_on_a_client_has_claimed_it(self, ring: Ring) -> bool:
        client = self.client_in_hand(ring)
        its_next = self.seq_in_hand(ring) == self.next_seq[client]
        return implies(self.works(ring), all_of(self.busy[client], self.claimer[client] == ring, its_next))

    @invariant
    def a_busy_client_is_worked_on(self, client: Client) -> bool:
        ring = self.claimer[client]
        return implies(self.busy[client], all_of(self.works(ring), self.client_in_hand(ring) == client))

    @sometimes
    def a_successor_waits_for_a_claim(self, ring: Ring, index: RingIndex) -> bool:
        client = self.slot_client[ring, index]
        successor = self.slot_seq[ring, index] == self.next_seq[client] + 1
        return all_of(self.parked(ring, index), self.busy[client], successor)
