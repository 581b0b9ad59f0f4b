"""order5.fetch_add: each scanner takes a range with one `fetch_add`, then publishes it."""

from fencepost.model.language import Map, action, all_of, any_of, every, implies, invariant, not_
from fencepost.model.specs.order5 import Order5
from fencepost.model.specs.vocabulary import Ring, Row


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
        self.order(ring, index, self.issued)
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
        own = self.row_held[ring] == self.row_of[ring, self.cursor[ring]]
        return implies(self.holding[ring], all_of(own, self.ordered(ring, self.cursor[ring])))
