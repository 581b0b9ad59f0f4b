"""order5.fetch_add: each scanner takes a range with one `fetch_add`, then publishes it."""

from fencepost.model.language import Map, action, all_of, any_of, every, implies, invariant, not_, promise, sometimes
from fencepost.model.specs.log import Log
from fencepost.model.specs.vocabulary import Ring, Row


class Order5(Log):
    """What level 5 promises beyond the log: ring order, and nothing about clients."""

    level = 5

    @promise("ring-order")
    def a_ring_is_ordered_as_it_was_filled(self, earlier: Row, later: Row) -> bool:
        both = all_of(earlier < self.length, later < self.length, self.ring_of[earlier] == self.ring_of[later])
        first = self.index_of[earlier] < self.index_of[later]
        return implies(all_of(both, first), self.end_of(earlier) <= self.start_of[later])

    @sometimes
    def one_client_is_ordered_against_its_numbering(self, one: Row, other: Row) -> bool:
        of_one_client = all_of(other < self.length, self.client_of[one] == self.client_of[other])
        return all_of(one < other, of_one_client, self.seq_of[one] > self.seq_of[other])


class Order5FetchAdd(Order5):
    """The counter is the only thing that scanners share."""

    name = "order5.fetch_add"

    holding: Map[Ring, bool] = every(False)
    row_held: Map[Ring, Row] = every(0)

    @action
    def reserve(self, ring: Ring) -> None:
        """The fetch_add: the scanner's next batch gets the next range."""
        index = self.cursor[ring]
        self.require(not_(self.holding[ring]), index < self.arrived[ring])
        self.holding[ring] = True
        self.row_held[ring] = self.length
        self.record(ring, index, start=self.issued)
        self.issued = self.issued + self.slot_count[ring, index]

    @action
    def publish(self, ring: Ring) -> None:
        """The batch becomes readable by other hosts."""
        self.require(self.holding[ring])
        self.published[self.row_held[ring]] = True
        self.holding[ring] = False
        self.cursor[ring] = self.cursor[ring] + 1

    @invariant
    def a_ring_is_ordered_up_to_its_cursor(self, row: Row) -> bool:
        ring = self.ring_of[row]
        in_hand = all_of(self.holding[ring], self.index_of[row] == self.cursor[ring])
        return implies(row < self.length, any_of(self.index_of[row] < self.cursor[ring], in_hand))

    @invariant
    def what_is_held_is_in_the_history(self, ring: Ring) -> bool:
        return implies(self.holding[ring], self.row_held[ring] < self.length)
