"""Level 5: what it promises beyond the log. Ring order, and nothing about clients."""

from fencepost.model.language import Map, all_of, every, implies, invariant, promise, sometimes
from fencepost.model.specs.log import Log
from fencepost.model.specs.vocabulary import Position, Ring, RingIndex, Row


class Order5(Log):
    """Batches of one ring are ordered as the ring was filled; a client's batches on several rings in any order."""

    level = 5

    row_of: Map[Ring, RingIndex, Row] = every(0)

    def order(self, ring: Ring, index: RingIndex, start: Position) -> None:
        """Give the batch in a slot the range that begins at `start`."""
        self.row_of[ring, index] = self.length
        self.record(ring, index, start)

    def ordered(self, ring: Ring, index: RingIndex) -> bool:
        """Whether the history has a row for this slot."""
        row = self.row_of[ring, index]
        return all_of(row < self.length, self.ring_of[row] == ring, self.index_of[row] == index)

    @promise("ring-order")
    def a_ring_is_ordered_as_it_was_filled(self, earlier: Row, later: Row) -> bool:
        both = all_of(earlier < later, later < self.length, self.ring_of[earlier] == self.ring_of[later])
        in_order = all_of(self.index_of[earlier] < self.index_of[later], self.end_of(earlier) <= self.start_of[later])
        return implies(both, in_order)

    @invariant
    def no_slot_that_was_passed_is_lost(self, ring: Ring, index: RingIndex) -> bool:
        return implies(index < self.cursor[ring], self.ordered(ring, index))

    @sometimes
    def one_client_is_ordered_against_its_numbering(self, one: Row, other: Row) -> bool:
        of_one_client = all_of(other < self.length, self.client_of[one] == self.client_of[other])
        return all_of(one < other, of_one_client, self.seq_of[one] > self.seq_of[other])
