"""order4.reserve_for_parked: wrong. Every batch that is read gets its range at once, parked ones too.

The predecessor of a parked batch may never arrive: then the range is a hole for ever. If it does
arrive, it is given a later range than its successor.
"""

from fencepost.model.language import Map, action, all_of, every
from fencepost.model.specs.order4 import Order4
from fencepost.model.specs.vocabulary import Position, Ring, RingIndex, Row


class Order4ReserveForParked(Order4):
    """Reserve on reading; order when next-expected says so."""

    name = "order4.reserve_for_parked"

    start_held: Map[Ring, RingIndex, Position] = every(0)
    reserver_ring: Map[Position, Ring] = every(0)
    reserver_index: Map[Position, RingIndex] = every(0)

    def due(self, ring: Ring, index: RingIndex) -> bool:
        """Whether a read slot can be ordered without waiting for anything to arrive."""
        next_seq = self.next_seq[self.slot_client[ring, index]]
        return all_of(self.parked(ring, index), self.slot_seq[ring, index] == next_seq)

    def in_flight(self, position: Position) -> bool:
        return self.due(self.reserver_ring[position], self.reserver_index[position])

    @action
    def reserve(self, ring: Ring) -> None:
        """Read the slot at the cursor and take a range for it."""
        index = self.cursor[ring]
        start, count = self.issued, self.slot_count[ring, index]
        self.require(index < self.arrived[ring])
        self.start_held[ring, index] = start
        self.reserver_ring.fill(start, count, lambda position: ring)
        self.reserver_index.fill(start, count, lambda position: index)
        self.issued = start + count
        self.set_aside(ring)

    @action
    def order_next(self, ring: Ring, index: RingIndex) -> None:
        """A read batch is its client's next: it is ordered at the range that it has."""
        self.require(self.due(ring, index))
        client = self.slot_client[ring, index]
        self.next_seq[client] = self.next_seq[client] + 1
        self.parked_in[ring, index] = 0
        self.order(ring, index, self.start_held[ring, index])

    @action
    def publish(self, row: Row) -> None:
        """A batch becomes readable by other hosts."""
        self.require(row < self.length)
        self.published[row] = True
