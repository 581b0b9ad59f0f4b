"""order4.modulo_table: wrong. Next-expected is kept in a table indexed by client_id mod K: two clients share an entry.

All else happens in one step, so that nothing but the table can be at fault.
"""

from fencepost.model.language import Map, action, every
from fencepost.model.specs.order4 import Order4
from fencepost.model.specs.vocabulary import Bucket, Client, Ring, RingIndex, Row, Seq


class Order4ModuloTable(Order4):
    """`bucket_of` is client_id mod K. Whatever K is, of more than K clients two share a bucket; here any may."""

    name = "order4.modulo_table"

    bucket_of: Map[Client, Bucket] = every(0)
    next_in: Map[Bucket, Seq] = every(0)

    @action
    def order_next(self, ring: Ring) -> None:
        """The slot at the cursor has the seq that its client's bucket expects."""
        index = self.cursor[ring]
        bucket = self.bucket_of[self.slot_client[ring, index]]
        self.require(index < self.arrived[ring], self.slot_seq[ring, index] == self.next_in[bucket])
        self.next_in[bucket] = self.next_in[bucket] + 1
        self.cursor[ring] = index + 1
        self.order(ring, index, self.issued)
        self.issued = self.issued + self.slot_count[ring, index]

    @action
    def park(self, ring: Ring) -> None:
        """The slot at the cursor is ahead of what the bucket expects."""
        index = self.cursor[ring]
        expected = self.next_in[self.bucket_of[self.slot_client[ring, index]]]
        self.require(index < self.arrived[ring], self.slot_seq[ring, index] > expected)
        self.set_aside(ring)

    @action
    def order_parked(self, ring: Ring, index: RingIndex) -> None:
        """A parked slot has the seq that its client's bucket expects."""
        bucket = self.bucket_of[self.slot_client[ring, index]]
        self.require(self.parked(ring, index), self.slot_seq[ring, index] == self.next_in[bucket])
        self.next_in[bucket] = self.next_in[bucket] + 1
        self.parked_in[ring, index] = 0
        self.order(ring, index, self.issued)
        self.issued = self.issued + self.slot_count[ring, index]

    @action
    def publish(self, row: Row) -> None:
        """A batch becomes readable by other hosts."""
        self.require(row < self.length)
        self.published[row] = True
