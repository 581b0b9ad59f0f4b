"""order4.claim: lock-free. A busy bit beside a client's next seq makes claim and reserve one step for others.

Between the claim and the release, successors of the same client wait (they are parked); nobody else does.
Without the bit, a successor can be claimed and reserve first: see order4.cas_then_reserve.
"""

from fencepost.model.language import Map, action, all_of, any_of, every, implies, invariant, not_, sometimes
from fencepost.model.specs.order4 import IDLE, Order4
from fencepost.model.specs.vocabulary import Client, Ring, RingIndex, Row, Seq

CLAIMED, RESERVED, RELEASED = 1, 2, 3


class Order4Claim(Order4):
    """Claim a client by compare-and-swap, reserve by fetch_add, release the client, publish."""

    name = "order4.claim"

    busy: Map[Client, bool] = every(False)
    claimer: Map[Client, Ring] = every(0)

    @action
    def claim(self, ring: Ring, index: RingIndex) -> None:
        """The compare-and-swap from (seq, idle) to (seq, busy)."""
        client, seq = self.slot_client[ring, index], self.slot_seq[ring, index]
        self.require(self.stage[ring] == IDLE, self.readable(ring, index))
        self.require(self.next_seq[client] == seq, not_(self.busy[client]))
        self.busy[client] = True
        self.claimer[client] = ring
        self.in_hand[ring] = index
        self.stage[ring] = CLAIMED
        self.take(ring, index)

    @action
    def reserve(self, ring: Ring) -> None:
        """The fetch_add on the global counter."""
        self.require(self.stage[ring] == CLAIMED)
        self.order_in_hand(ring)
        self.stage[ring] = RESERVED

    @action
    def release(self, ring: Ring) -> None:
        """The store of (seq + 1, idle): the client's next batch may be claimed."""
        self.require(self.stage[ring] == RESERVED)
        client = self.client_in_hand(ring)
        self.next_seq[client] = self.next_seq[client] + 1
        self.busy[client] = False
        self.stage[ring] = RELEASED

    @action
    def publish(self, ring: Ring) -> None:
        """The batch becomes readable by other hosts."""
        self.require(self.stage[ring] == RELEASED)
        self.published[self.row_held[ring]] = True
        self.stage[ring] = IDLE

    @action
    def park(self, ring: Ring) -> None:
        """The slot at the cursor is not next, or its client is busy: look at it again later."""
        index = self.cursor[ring]
        client = self.slot_client[ring, index]
        self.require(self.stage[ring] == IDLE, index < self.arrived[ring])
        self.require(any_of(self.slot_seq[ring, index] > self.next_seq[client], self.busy[client]))
        self.parked[ring, index] = True
        self.cursor[ring] = index + 1

    @action
    def drop(self, ring: Ring, index: RingIndex) -> None:
        """A duplicate: its seq was ordered already."""
        self.require(self.stage[ring] == IDLE, self.readable(ring, index))
        self.require(self.slot_seq[ring, index] < self.next_seq[self.slot_client[ring, index]])
        self.take(ring, index)

    def reserved(self, client: Client) -> bool:
        """Whether the client's next seq has its range already, though next_seq does not say so yet."""
        return all_of(self.busy[client], self.stage[self.claimer[client]] == RESERVED)

    @invariant
    def who_works_on_a_client_has_claimed_it(self, ring: Ring) -> bool:
        client = self.client_in_hand(ring)
        claimed = all_of(
            self.busy[client], self.claimer[client] == ring, self.seq_in_hand(ring) == self.next_seq[client]
        )
        return implies(any_of(self.stage[ring] == CLAIMED, self.stage[ring] == RESERVED), claimed)

    @invariant
    def a_busy_client_is_worked_on(self, client: Client) -> bool:
        ring = self.claimer[client]
        working = any_of(self.stage[ring] == CLAIMED, self.stage[ring] == RESERVED)
        return implies(self.busy[client], all_of(working, self.client_in_hand(ring) == client))

    @invariant
    def ordered_means_below_next(self, row: Row) -> bool:
        client, seq = self.client_of[row], self.seq_of[row]
        newest = all_of(seq == self.next_seq[client], self.reserved(client))
        return implies(row < self.length, any_of(seq < self.next_seq[client], newest))

    @invariant
    def below_next_means_ordered(self, client: Client, seq: Seq) -> bool:
        row = self.row_of[client, seq]
        known = all_of(row < self.length, self.client_of[row] == client, self.seq_of[row] == seq)
        newest = all_of(seq == self.next_seq[client], self.reserved(client))
        return implies(any_of(seq < self.next_seq[client], newest), known)

    @invariant
    def what_is_held_is_in_the_history(self, ring: Ring) -> bool:
        held = any_of(self.stage[ring] == RESERVED, self.stage[ring] == RELEASED)
        return implies(held, self.row_held[ring] < self.length)

    @sometimes
    def a_successor_waits_for_a_claim(self, ring: Ring, index: RingIndex) -> bool:
        client = self.slot_client[ring, index]
        return all_of(
            self.parked[ring, index], self.busy[client], self.slot_seq[ring, index] == self.next_seq[client] + 1
        )
