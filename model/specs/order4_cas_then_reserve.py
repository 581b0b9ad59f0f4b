"""order4.cas_then_reserve: wrong. The claim advances next-expected before the range is reserved.

A compare-and-swap from seq to seq + 1 lets the successor in at once; between it and the fetch_add
another scanner can claim the successor and reserve first. Kept to be refuted.
"""

from fencepost.model.language import action, all_of, implies, invariant, not_
from fencepost.model.specs.order4 import IDLE, Order4
from fencepost.model.specs.vocabulary import Ring, RingIndex, Row

CLAIMED, RESERVED = 1, 2


class Order4CasThenReserve(Order4):
    """order4.claim without the busy bit."""

    name = "order4.cas_then_reserve"

    @action
    def claim(self, ring: Ring, index: RingIndex) -> None:
        """The compare-and-swap from seq to seq + 1."""
        client, seq = self.slot_client[ring, index], self.slot_seq[ring, index]
        self.require(self.stage[ring] == IDLE, self.readable(ring, index))
        self.require(self.next_seq[client] == seq)
        self.next_seq[client] = seq + 1
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
    def publish(self, ring: Ring) -> None:
        """The batch becomes readable by other hosts."""
        self.require(self.stage[ring] == RESERVED)
        self.published[self.row_held[ring]] = True
        self.stage[ring] = IDLE

    @action
    def park(self, ring: Ring) -> None:
        """The slot at the cursor is not next: look at it again later."""
        index = self.cursor[ring]
        self.require(self.stage[ring] == IDLE, index < self.arrived[ring])
        self.require(self.slot_seq[ring, index] > self.next_seq[self.slot_client[ring, index]])
        self.parked[ring, index] = True
        self.cursor[ring] = index + 1

    @action
    def drop(self, ring: Ring, index: RingIndex) -> None:
        """A duplicate: its seq was claimed already."""
        self.require(self.stage[ring] == IDLE, self.readable(ring, index))
        self.require(self.slot_seq[ring, index] < self.next_seq[self.slot_client[ring, index]])
        self.take(ring, index)

    @invariant
    def what_is_claimed_is_below_next(self, ring: Ring) -> bool:
        below = self.seq_in_hand(ring) < self.next_seq[self.client_in_hand(ring)]
        return implies(self.stage[ring] == CLAIMED, below)

    @invariant
    def what_is_ordered_is_below_next(self, row: Row) -> bool:
        return implies(row < self.length, self.seq_of[row] < self.next_seq[self.client_of[row]])

    @invariant
    def what_is_claimed_is_not_ordered(self, ring: Ring, row: Row) -> bool:
        in_hand = all_of(self.stage[ring] == CLAIMED, row < self.length)
        same = all_of(self.client_of[row] == self.client_in_hand(ring), self.seq_of[row] == self.seq_in_hand(ring))
        return not_(all_of(in_hand, same))

    @invariant
    def no_batch_is_claimed_twice(self, one: Ring, other: Ring) -> bool:
        both = all_of(one != other, self.stage[one] == CLAIMED, self.stage[other] == CLAIMED)
        of_one_client = self.client_in_hand(one) == self.client_in_hand(other)
        return not_(all_of(both, of_one_client, self.seq_in_hand(one) == self.seq_in_hand(other)))

    @invariant
    def what_is_held_is_in_the_history(self, ring: Ring) -> bool:
        return implies(self.stage[ring] == RESERVED, self.row_held[ring] < self.length)
