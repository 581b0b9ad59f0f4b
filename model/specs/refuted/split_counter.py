"""order5.split_counter: wrong. Two hosts do fetch_add on one word that is not in one coherence domain.

Each host adds to the copy in its own cache, and both are told the same number.
"""

from fencepost.model.language import Map, action, all_of, choose, every, not_
from fencepost.model.specs.order5_fetch_add import Order5FetchAdd
from fencepost.model.specs.vocabulary import Position, Ring


class Order5SplitCounter(Order5FetchAdd):
    """order5.fetch_add with one scanner on each host: `counter` is a host's copy of the word."""

    name = "order5.split_counter"

    counter: Map[Ring, Position] = every(0)

    @action
    def reserve(self, ring: Ring) -> None:
        """The fetch_add, on the copy of the scanner's host."""
        index, start = self.cursor[ring], self.counter[ring]
        self.require(not_(self.holding[ring]), index < self.arrived[ring])
        end = start + self.slot_count[ring, index]
        self.holding[ring] = True
        self.row_held[ring] = self.length
        self.counter[ring] = end
        self.order(ring, index, start)
        self.issued = choose(end > self.issued, end, self.issued)

    @action
    def exchange(self, ring: Ring, other: Ring) -> None:
        """At some time a line is written back by one host and fetched by another."""
        self.require(all_of(ring != other, self.counter[other] < self.counter[ring]))
        self.counter[other] = self.counter[ring]
