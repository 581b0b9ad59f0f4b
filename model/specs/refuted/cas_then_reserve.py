"""order4.cas_then_reserve: wrong. The claim advances next-expected before the range is reserved.

A compare-and-swap from seq to seq + 1 lets the successor in at once; between it and the fetch_add
another scanner can claim the successor and reserve first.
"""

from fencepost.model.language import action, all_of, implies, invariant, not_
from fencepost.model.specs.order4 import IDLE, LEFT, TAKEN, Unlocked
from fencepost.model.specs.vocabulary import Ring, RingIndex, Row


class Order4CasThenReserve(Unlocked):
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
        self.stage[ring] = TAKEN
        self.take(ring, index)

    @action
    def reserve(self, ring: Ring) -> None:
        """The fetch_add on the global counter."""
        self.require(self.stage[ring] == TAKEN)
        self.order_in_hand(ring)
        self.stage[ring] = LEFT

    # What holds all the same, and by what: a seq is claimed once.

    @invariant
    def what_is_claimed_is_below_next(self, ring: Ring) -> bool:
        below = self.seq_in_hand(ring) < self.next_seq[self.client_in_hand(ring)]
        return implies(self.stage[ring] == TAKEN, below)

    @invariant
    def what_is_ordered_is_below_next(self, row: Row) -> bool:
        return implies(row < self.length, self.seq_of[row] < self.next_seq[self.client_of[row]])

    @invariant
    def what_is_claimed_is_not_ordered(self, ring: Ring, row: Row) -> bool:
        in_hand = all_of(self.stage[ring] == TAKEN, row < self.length)
        same = all_of(self.client_of[row] == self.client_in_hand(ring), self.seq_of[row] == self.seq_in_hand(ring))
        return not_(all_of(in_hand, same))

    @invariant
    def no_batch_is_claimed_twice(self, one: Ring, other: Ring) -> bool:
        both = all_of(one != other, self.stage[one] == TAKEN, self.stage[other] == TAKEN)
        of_one_client = self.client_in_hand(one) == self.client_in_hand(other)
        return not_(all_of(both, of_one_client, self.seq_in_hand(one) == self.seq_in_hand(other)))
