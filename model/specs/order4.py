"""Level 4: a client's batches are ordered in its own numbering, each once; what comes early is parked.

Order4         what is promised, and how batches wait
OneInHand      scanners that work on one batch at a time
NextExpected   sound: a shared next-expected seq for each client that says exactly what was ordered
Unlocked       what scanners without a lock do with a batch that is not next
"""

from fencepost.model.language import (
    Map,
    action,
    all_of,
    any_of,
    choose,
    every,
    implies,
    invariant,
    not_,
    promise,
    sometimes,
)
from fencepost.model.specs.log import Log
from fencepost.model.specs.vocabulary import Client, Life, Position, Ring, RingIndex, Row, Seq, Stage


class Order4(Log):
    """What level 4 promises beyond the log, and how batches wait.

    A scanner takes batches from the slot at its cursor and sets aside those that are early. One that
    was stopped and started again has forgotten what it parked and reads its ring from the first slot.
    """

    level = 4

    next_seq: Map[Client, Seq] = every(0)
    life: Map[Ring, Life] = every(1)
    parked_in: Map[Ring, RingIndex, Life] = every(0)  # the life in which the slot was parked; 0 = it is not
    row_of: Map[Client, Seq, Row] = every(0)

    def parked(self, ring: Ring, index: RingIndex) -> bool:
        """Whether the scanner, in its present life, has set this slot aside."""
        return self.parked_in[ring, index] == self.life[ring]

    def set_aside(self, ring: Ring) -> None:
        """Park the slot at the cursor."""
        index = self.cursor[ring]
        self.parked_in[ring, index] = self.life[ring]
        self.cursor[ring] = index + 1

    def order(self, ring: Ring, index: RingIndex, start: Position) -> None:
        """Give the batch in a slot the range that begins at `start`."""
        self.row_of[self.slot_client[ring, index], self.slot_seq[ring, index]] = self.length
        self.record(ring, index, start)

    def forget(self, ring: Ring) -> None:
        """Begin a new life: read the ring again, with nothing parked."""
        self.life[ring] = self.life[ring] + 1
        self.cursor[ring] = 0

    def ordered(self, client: Client, seq: Seq) -> bool:
        """Whether the history has a row for this batch."""
        row = self.row_of[client, seq]
        return all_of(row < self.length, self.client_of[row] == client, self.seq_of[row] == seq)

    @promise("client-order")
    def a_client_is_ordered_in_its_numbering(self, earlier: Row, later: Row) -> bool:
        both = all_of(earlier < self.length, later < self.length, self.client_of[earlier] == self.client_of[later])
        first = self.seq_of[earlier] < self.seq_of[later]
        return implies(all_of(both, first), self.end_of(earlier) <= self.start_of[later])

    @promise("prefix")
    def what_a_client_sent_before_is_ordered_too(self, row: Row, before: Seq) -> bool:
        earlier = all_of(row < self.length, before < self.seq_of[row])
        return implies(earlier, self.ordered(self.client_of[row], before))

    @promise("once")
    def no_batch_is_ordered_twice(self, one: Row, other: Row) -> bool:
        both = all_of(one < self.length, other < self.length, one != other)
        same = all_of(self.client_of[one] == self.client_of[other], self.seq_of[one] == self.seq_of[other])
        return not_(all_of(both, same))

    @invariant
    def a_cursor_never_passes_what_arrived(self, ring: Ring) -> bool:
        return self.cursor[ring] <= self.arrived[ring]

    @invariant
    def a_parked_slot_has_arrived(self, ring: Ring, index: RingIndex) -> bool:
        return implies(self.parked(ring, index), index < self.arrived[ring])

    @invariant
    def nothing_is_parked_in_a_life_to_come(self, ring: Ring, index: RingIndex) -> bool:
        return all_of(self.parked_in[ring, index] <= self.life[ring], self.life[ring] >= 1)

    @sometimes
    def a_parked_batch_is_ordered_after_its_successor_in_the_ring(self, one: Row, other: Row) -> bool:
        both = all_of(one < other, other < self.length, self.ring_of[one] == self.ring_of[other])
        return all_of(both, self.index_of[one] > self.index_of[other])

    @sometimes
    def a_batch_is_parked(self, ring: Ring, index: RingIndex) -> bool:
        return self.parked(ring, index)

    @sometimes
    def an_ordered_batch_is_read_again(self, ring: Ring) -> bool:
        index = self.cursor[ring]
        again = self.ordered(self.slot_client[ring, index], self.slot_seq[ring, index])
        return all_of(index < self.arrived[ring], again)


# The stages of a scanner that works on one batch at a time: nothing in hand; a batch taken (claimed, or
# under a lock); its range reserved; next-expected advanced; others let in, so that only publishing is left.
IDLE, TAKEN, RESERVED, ADVANCED, LEFT = 0, 1, 2, 3, 4


class OneInHand(Order4):
    """Scanners that work on one batch at a time, from taking it to publishing it."""

    stage: Map[Ring, Stage] = every(IDLE)
    in_hand: Map[Ring, RingIndex] = every(0)
    row_held: Map[Ring, Row] = every(0)

    def ring_in_hand(self, ring: Ring) -> Ring:
        """The ring that the batch in a scanner's hand came from: its own."""
        return ring

    def client_in_hand(self, ring: Ring) -> Client:
        return self.slot_client[self.ring_in_hand(ring), self.in_hand[ring]]

    def seq_in_hand(self, ring: Ring) -> Seq:
        return self.slot_seq[self.ring_in_hand(ring), self.in_hand[ring]]

    def readable(self, ring: Ring, index: RingIndex) -> bool:
        """Whether the scanner may take this slot: it is the next one of the ring, or it was parked."""
        at_cursor = all_of(index == self.cursor[ring], index < self.arrived[ring])
        return any_of(at_cursor, self.parked(ring, index))

    def take(self, ring: Ring, index: RingIndex) -> None:
        """Take a readable slot away from the cursor or from the parked ones."""
        at_cursor = index == self.cursor[ring]
        self.parked_in[ring, index] = 0
        self.cursor[ring] = choose(at_cursor, self.cursor[ring] + 1, self.cursor[ring])

    def order_in_hand(self, ring: Ring) -> None:
        """Reserve a range for the batch in hand: the fetch_add, and its row in the history."""
        source, index, start = self.ring_in_hand(ring), self.in_hand[ring], self.issued
        self.row_held[ring] = self.length
        self.order(source, index, start)
        self.issued = start + self.slot_count[source, index]

    @action
    def publish(self, ring: Ring) -> None:
        """The batch in hand becomes readable by other hosts."""
        self.require(self.stage[ring] == LEFT)
        self.published[self.row_held[ring]] = True
        self.stage[ring] = IDLE

    @action
    def restart(self, ring: Ring) -> None:
        """A scanner that has nothing in hand is stopped and started again."""
        self.require(self.stage[ring] == IDLE)
        self.forget(ring)

    @invariant
    def a_slot_in_hand_has_arrived(self, ring: Ring) -> bool:
        return implies(self.stage[ring] != IDLE, self.in_hand[ring] < self.arrived[self.ring_in_hand(ring)])

    def worker_of(self, ring: Ring, index: RingIndex) -> Ring:
        """The scanner in whose hand a slot of a ring can be: its own."""
        return ring

    def held(self, ring: Ring, index: RingIndex) -> bool:
        """Whether a scanner has this slot in hand."""
        worker = self.worker_of(ring, index)
        same = all_of(self.ring_in_hand(worker) == ring, self.in_hand[worker] == index)
        return all_of(self.stage[worker] != IDLE, same)

    @invariant
    def what_is_held_is_in_the_history(self, ring: Ring) -> bool:
        ordered = self.ordered(self.client_in_hand(ring), self.seq_in_hand(ring))
        return implies(self.stage[ring] >= RESERVED, all_of(self.row_held[ring] < self.length, ordered))

    @invariant
    def no_slot_that_was_passed_is_lost(self, ring: Ring, index: RingIndex) -> bool:
        ordered = self.ordered(self.slot_client[ring, index], self.slot_seq[ring, index])
        known = any_of(ordered, self.parked(ring, index), self.held(ring, index))
        return implies(index < self.cursor[ring], known)


class NextExpected(OneInHand):
    """Sound: a client's next seq says exactly which of its batches were ordered.

    The one batch whose range is reserved but whose seq is not yet counted is `uncounted`; who may be
    in that state is what keeps a successor from being ordered first.
    """

    def uncounted(self, client: Client) -> bool:
        """Whether the client's next seq has its range already, though next_seq does not say so yet."""
        return False

    def counted(self, client: Client, seq: Seq) -> bool:
        """Whether next_seq, or the scanner at work, says that this batch was ordered."""
        newest = all_of(seq == self.next_seq[client], self.uncounted(client))
        return any_of(seq < self.next_seq[client], newest)

    @invariant
    def what_is_ordered_is_counted(self, row: Row) -> bool:
        return implies(row < self.length, self.counted(self.client_of[row], self.seq_of[row]))

    @invariant
    def what_is_counted_is_ordered(self, client: Client, seq: Seq) -> bool:
        return implies(self.counted(client, seq), self.ordered(client, seq))


class Unlocked(OneInHand):
    """Scanners without a lock: one look at the client's word decides that a batch is early or a duplicate."""

    def early(self, client: Client, seq: Seq) -> bool:
        """Whether the batch must wait."""
        return seq > self.next_seq[client]

    @action
    def park(self, ring: Ring) -> None:
        """The slot at the cursor is early: look at it again later."""
        index = self.cursor[ring]
        self.require(self.stage[ring] == IDLE, index < self.arrived[ring])
        self.require(self.early(self.slot_client[ring, index], self.slot_seq[ring, index]))
        self.set_aside(ring)

    @action
    def drop(self, ring: Ring, index: RingIndex) -> None:
        """A duplicate: its seq is below next-expected."""
        self.require(self.stage[ring] == IDLE, self.readable(ring, index))
        self.require(self.slot_seq[ring, index] < self.next_seq[self.slot_client[ring, index]])
        self.take(ring, index)
