"""order4.mutex: one lock around next-expected and the global counter."""

from fencepost.model.language import action, all_of, any_of, implies, invariant, not_
from fencepost.model.specs.order4 import IDLE, Order4
from fencepost.model.specs.vocabulary import Client, Ring, RingIndex, Row, Seq

LOCKED, RESERVED, ADVANCED, UNLOCKED = 1, 2, 3, 4


class Order4Mutex(Order4):
    """Lock, compare with next-expected, reserve, advance, unlock, publish."""

    name = "order4.mutex"

    locked: bool = False
    holder: Ring = 0

    @action
    def lock(self, ring: Ring, index: RingIndex) -> None:
        """Enter the critical section with one batch in hand."""
        self.require(not_(self.locked), self.stage[ring] == IDLE, self.readable(ring, index))
        self.locked = True
        self.holder = ring
        self.in_hand[ring] = index
        self.stage[ring] = LOCKED

    @action
    def reserve(self, ring: Ring) -> None:
        """The batch in hand is its client's next: take its range."""
        self.require(self.stage[ring] == LOCKED, self.seq_in_hand(ring) == self.next_seq[self.client_in_hand(ring)])
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
        self.locked = False
        self.stage[ring] = UNLOCKED

    @action
    def publish(self, ring: Ring) -> None:
        """The batch becomes readable by other hosts."""
        self.require(self.stage[ring] == UNLOCKED)
        self.published[self.row_held[ring]] = True
        self.stage[ring] = IDLE

    @action
    def park(self, ring: Ring) -> None:
        """The batch in hand is early: leave the critical section and look at it again later."""
        index = self.in_hand[ring]
        self.require(self.stage[ring] == LOCKED, self.seq_in_hand(ring) > self.next_seq[self.client_in_hand(ring)])
        self.take(ring, index)
        self.parked[ring, index] = True
        self.locked = False
        self.stage[ring] = IDLE

    @action
    def drop(self, ring: Ring) -> None:
        """The batch in hand is a duplicate: leave the critical section without it."""
        self.require(self.stage[ring] == LOCKED, self.seq_in_hand(ring) < self.next_seq[self.client_in_hand(ring)])
        self.take(ring, self.in_hand[ring])
        self.locked = False
        self.stage[ring] = IDLE

    def inside(self, ring: Ring) -> bool:
        """Whether a scanner is in the critical section."""
        return all_of(self.stage[ring] != IDLE, self.stage[ring] != UNLOCKED)

    def reserved(self, client: Client) -> bool:
        """Whether the client's next seq has its range already, though next_seq does not say so yet."""
        return all_of(self.locked, self.stage[self.holder] == RESERVED, self.client_in_hand(self.holder) == client)

    @invariant
    def one_scanner_is_inside(self, ring: Ring) -> bool:
        return implies(self.inside(ring), all_of(self.locked, self.holder == ring))

    @invariant
    def a_batch_under_test_is_readable(self, ring: Ring) -> bool:
        return implies(self.stage[ring] == LOCKED, self.readable(ring, self.in_hand[ring]))

    @invariant
    def a_reserved_batch_is_next(self, ring: Ring) -> bool:
        return implies(self.stage[ring] == RESERVED, self.seq_in_hand(ring) == self.next_seq[self.client_in_hand(ring)])

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
        held = any_of(self.stage[ring] == RESERVED, self.stage[ring] == ADVANCED, self.stage[ring] == UNLOCKED)
        return implies(held, self.row_held[ring] < self.length)
