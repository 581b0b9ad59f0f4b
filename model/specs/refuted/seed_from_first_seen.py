"""order4.seed_from_first_seen: wrong. The first batch seen of a client sets what is expected of it.

Batches arrive out of order, so the first seen need not be the first sent; those before it are taken
for duplicates. All else happens in one step.
"""

from fencepost.model.language import Map, action, any_of, every, not_
from fencepost.model.specs.order4 import Order4
from fencepost.model.specs.vocabulary import Client, Ring, Row


class Order4SeedFromFirstSeen(Order4):
    """An unknown client's batch is ordered whatever its seq."""

    name = "order4.seed_from_first_seen"

    known: Map[Client, bool] = every(False)

    @action
    def order_next(self, ring: Ring) -> None:
        """The slot at the cursor is the first of its client, or the next."""
        index = self.cursor[ring]
        client, seq = self.slot_client[ring, index], self.slot_seq[ring, index]
        self.require(index < self.arrived[ring], any_of(not_(self.known[client]), seq == self.next_seq[client]))
        self.known[client] = True
        self.next_seq[client] = seq + 1
        self.cursor[ring] = index + 1
        self.order(ring, index, self.issued)
        self.issued = self.issued + self.slot_count[ring, index]

    @action
    def publish(self, row: Row) -> None:
        """A batch becomes readable by other hosts."""
        self.require(row < self.length)
        self.published[row] = True
