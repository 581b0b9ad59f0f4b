"""order4.mutex: one lock around next-expected and the global counter."""

from fencepost.model.language import action, all_of, any_of, implies, invariant, not_
from fencepost.model.specs.order4 import ADVANCED, IDLE, LEFT, RESERVED, TAKEN, NextExpected
from fencepost.model.specs.vocabulary import Client, Ring, RingIndex


class Order4Mutex(NextExpected):
    """Lock, compare with next-expected, reserve, advance, unlock, publish."""

    name = "order4.mutex"

    locked: bool = False
    holder: Ring = 0

    def uncounted(self, client: Client) -> bool:
        return all_of(self.locked, self.stage[self.holder] == RESERVED, self.client_in_hand(self.holder) == client)

    @action
    def lock(self, ring: Ring, index: RingIndex) -> None:
        """Enter the critical section with one batch in hand."""
        self.require(not_(self.locked), self.stage[ring] == IDLE, self.readable(ring, index))
        self.locked = True
        self.holder = ring
        self.in_hand[ring] = index
        self.stage[ring] = TAKEN

    @action
    def reserve(self, ring: Ring) -> None:
        """The batch in hand is its client's next: take its range."""
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
        self.locked = False
        self.stage[ring] = LEFT

    @action
    def park(self, ring: Ring) -> None:
        """The batch in hand is early: leave the critical section and look at it again later."""
        index = self.in_hand[ring]
        self.require(self.stage[ring] == TAKEN, self.seq_in_hand(ring) > self.next_seq[self.client_in_hand(ring)])
        self.take(ring, index)
        self.parked_in[ring, index] = self.life[ring]
        self.locked = False
        self.stage[ring] = IDLE

    @action
    def drop(self, ring: Ring) -> None:
        """The batch in hand is a duplicate: leave the critical section without it."""
        self.require(self.stage[ring] == TAKEN, self.seq_in_hand(ring) < self.next_seq[self.client_in_hand(ring)])
        self.take(ring, self.in_hand[ring])
        self.locked = False
        self.stage[ring] = IDLE

    @invariant
    def one_scanner_is_inside(self, ring: Ring) -> bool:
        inside = any_of(self.stage[ring] == TAKEN, self.stage[ring] == RESERVED, self.stage[ring] == ADVANCED)
        return implies(inside, all_of(self.locked, self.holder == ring))
