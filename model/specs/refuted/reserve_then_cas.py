"""order4.reserve_then_cas: wrong. The range is reserved before the compare-and-swap decides who orders the batch.

Two copies of one batch on two rings: both scanners reserve, one wins. The loser's range belongs to
nobody for ever (a hole), or, where the loser is not rejected, to the same batch a second time.
"""

from fencepost.model.language import Map, action, all_of, every
from fencepost.model.specs.order4 import IDLE, LEFT, TAKEN, Unlocked
from fencepost.model.specs.vocabulary import Position, Ring, RingIndex


class Order4ReserveThenCas(Unlocked):
    """Load next-expected, fetch_add, then compare-and-swap; who loses lets go of its batch but not of its range."""

    name = "order4.reserve_then_cas"

    start_held: Map[Ring, Position] = every(0)
    end_held: Map[Ring, Position] = every(0)
    reserver: Map[Position, Ring] = every(0)

    def in_flight(self, position: Position) -> bool:
        ring = self.reserver[position]
        inside = all_of(self.start_held[ring] <= position, position < self.end_held[ring])
        return all_of(self.stage[ring] == TAKEN, inside)

    @action
    def reserve(self, ring: Ring, index: RingIndex) -> None:
        """The batch looks like the next one: take a range for it."""
        start, count = self.issued, self.slot_count[ring, index]
        self.require(self.stage[ring] == IDLE, self.readable(ring, index))
        self.require(self.next_seq[self.slot_client[ring, index]] == self.slot_seq[ring, index])
        self.start_held[ring] = start
        self.end_held[ring] = start + count
        self.reserver.fill(start, count, lambda position: ring)
        self.issued = start + count
        self.in_hand[ring] = index
        self.stage[ring] = TAKEN
        self.take(ring, index)

    def order_held(self, ring: Ring) -> None:
        """Give the batch in hand the range in hand."""
        self.row_held[ring] = self.length
        self.order(ring, self.in_hand[ring], self.start_held[ring])
        self.stage[ring] = LEFT

    @action
    def win(self, ring: Ring) -> None:
        """The compare-and-swap from seq to seq + 1 succeeds."""
        client, seq = self.client_in_hand(ring), self.seq_in_hand(ring)
        self.require(self.stage[ring] == TAKEN, self.next_seq[client] == seq)
        self.next_seq[client] = seq + 1
        self.order_held(ring)

    @action
    def lose(self, ring: Ring) -> None:
        """It fails: another copy was faster."""
        self.require(self.stage[ring] == TAKEN, self.next_seq[self.client_in_hand(ring)] != self.seq_in_hand(ring))
        self.stage[ring] = IDLE


class Order4ReserveThenCasUnchecked(Order4ReserveThenCas):
    """As proposed: control continues the same way for winner and loser."""

    name = "order4.reserve_then_cas_unchecked"

    @action
    def lose(self, ring: Ring) -> None:
        """It fails, and nobody looks."""
        self.require(self.stage[ring] == TAKEN, self.next_seq[self.client_in_hand(ring)] != self.seq_in_hand(ring))
        self.order_held(ring)
