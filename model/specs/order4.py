"""Level 4: a client's batches are ordered in its own numbering, each once; what comes early is parked."""

from fencepost.model.language import Map, all_of, any_of, choose, every, implies, invariant, not_, promise, sometimes
from fencepost.model.specs.log import Log
from fencepost.model.specs.vocabulary import Client, Ring, RingIndex, Row, Seq, Stage

IDLE = 0  # the scanner has no batch in hand


class Order4(Log):
    """What level 4 promises beyond the log, and what its scanners do with batches that are not next.

    A scanner takes a batch in hand from the slot at its cursor or from its parked ones, and works on
    it stage by stage; stages are numbered by each protocol, from IDLE.
    """

    level = 4

    next_seq: Map[Client, Seq] = every(0)
    parked: Map[Ring, RingIndex, bool] = every(False)
    stage: Map[Ring, Stage] = every(IDLE)
    in_hand: Map[Ring, RingIndex] = every(0)
    row_held: Map[Ring, Row] = every(0)
    row_of: Map[Client, Seq, Row] = every(0)

    def client_in_hand(self, ring: Ring) -> Client:
        return self.slot_client[ring, self.in_hand[ring]]

    def seq_in_hand(self, ring: Ring) -> Seq:
        return self.slot_seq[ring, self.in_hand[ring]]

    def readable(self, ring: Ring, index: RingIndex) -> bool:
        """Whether the scanner may take this slot: it is the next one of the ring, or it was parked."""
        at_cursor = all_of(index == self.cursor[ring], index < self.arrived[ring])
        return any_of(at_cursor, self.parked[ring, index])

    def take(self, ring: Ring, index: RingIndex) -> None:
        """Take a readable slot away from the cursor or from the parked ones."""
        at_cursor = index == self.cursor[ring]
        self.parked[ring, index] = False
        self.cursor[ring] = choose(at_cursor, self.cursor[ring] + 1, self.cursor[ring])

    def order_in_hand(self, ring: Ring) -> None:
        """Reserve a range for the batch in hand: the fetch_add, and its row in the history."""
        index = self.in_hand[ring]
        row, start = self.length, self.issued
        self.row_held[ring] = row
        self.row_of[self.client_in_hand(ring), self.seq_in_hand(ring)] = row
        self.record(ring, index, start)
        self.issued = start + self.slot_count[ring, index]

    @promise("client-order")
    def a_client_is_ordered_in_its_numbering(self, earlier: Row, later: Row) -> bool:
        both = all_of(earlier < self.length, later < self.length, self.client_of[earlier] == self.client_of[later])
        first = self.seq_of[earlier] < self.seq_of[later]
        return implies(all_of(both, first), self.end_of(earlier) <= self.start_of[later])

    @promise("prefix")
    def what_a_client_sent_before_is_ordered_too(self, row: Row, before: Seq) -> bool:
        client = self.client_of[row]
        predecessor = self.row_of[client, before]
        known = all_of(
            predecessor < self.length, self.client_of[predecessor] == client, self.seq_of[predecessor] == before
        )
        return implies(all_of(row < self.length, before < self.seq_of[row]), known)

    @promise("once")
    def no_batch_is_ordered_twice(self, one: Row, other: Row) -> bool:
        both = all_of(one < self.length, other < self.length, one != other)
        same = all_of(self.client_of[one] == self.client_of[other], self.seq_of[one] == self.seq_of[other])
        return not_(all_of(both, same))

    @invariant
    def parked_slots_are_behind_the_cursor(self, ring: Ring, index: RingIndex) -> bool:
        return implies(self.parked[ring, index], index < self.cursor[ring])

    @invariant
    def a_cursor_never_passes_what_arrived(self, ring: Ring) -> bool:
        return self.cursor[ring] <= self.arrived[ring]

    @invariant
    def what_is_in_hand_has_arrived(self, ring: Ring) -> bool:
        return implies(self.stage[ring] != IDLE, self.in_hand[ring] < self.arrived[ring])

    @sometimes
    def a_parked_batch_is_ordered_after_its_successor_in_the_ring(self, one: Row, other: Row) -> bool:
        both = all_of(one < other, other < self.length, self.ring_of[one] == self.ring_of[other])
        return all_of(both, self.index_of[one] > self.index_of[other])

    @sometimes
    def a_batch_is_parked(self, ring: Ring, index: RingIndex) -> bool:
        return self.parked[ring, index]
