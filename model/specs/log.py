"""The log: what every protocol shares, and the promises that both levels make.

Batches arrive on rings in any order and any number of times. A protocol hands out ranges; `record`
writes each into the history, one row a batch, which is what the promises speak of.
"""

from fencepost.model.language import (
    Map,
    Protocol,
    Sort,
    action,
    all_of,
    any_of,
    every,
    implies,
    invariant,
    not_,
    promise,
    sometimes,
)
from fencepost.model.specs.vocabulary import Client, Count, Position, Reader, Ring, RingIndex, Row, Seq


class Log(Protocol):
    """Rings, the global counter, and the history of ranges handed out."""

    # The rings: slot contents, and how many slots of a ring are filled.
    slot_client: Map[Ring, RingIndex, Client] = every(0)
    slot_seq: Map[Ring, RingIndex, Seq] = every(0)
    slot_count: Map[Ring, RingIndex, Count] = every(0)
    arrived: Map[Ring, RingIndex] = every(0)
    cursor: Map[Ring, RingIndex] = every(0)  # the next slot its scanner will read

    issued: Position = 0  # the next position never handed out

    # The history: rows [0, length), in the order in which ranges were handed out.
    length: Row = 0
    client_of: Map[Row, Client] = every(0)
    seq_of: Map[Row, Seq] = every(0)
    ring_of: Map[Row, Ring] = every(0)
    index_of: Map[Row, RingIndex] = every(0)
    start_of: Map[Row, Position] = every(0)
    count_of: Map[Row, Count] = every(0)
    published: Map[Row, bool] = every(False)

    # The log itself: whose message is at a position, and which of its batch.
    row_at: Map[Position, Row] = every(0)
    message_at: Map[Position, Count] = every(0)

    @action
    def arrive(self, ring: Ring, client: Client, seq: Seq, count: Count) -> None:
        """A batch reaches a ring: early, late, in order or not, for the first time or again."""
        self.require(count >= 1)
        index = self.arrived[ring]
        self.slot_client[ring, index] = client
        self.slot_seq[ring, index] = seq
        self.slot_count[ring, index] = count
        self.arrived[ring] = index + 1

    def record(self, ring: Ring, index: RingIndex, start: Position) -> None:
        """Give the batch in a slot its range: one more row, and its messages at their positions."""
        row = self.length
        count = self.slot_count[ring, index]
        self.client_of[row] = self.slot_client[ring, index]
        self.seq_of[row] = self.slot_seq[ring, index]
        self.ring_of[row] = ring
        self.index_of[row] = index
        self.start_of[row] = start
        self.count_of[row] = count
        self.row_at.fill(start, count, lambda position: row)
        self.message_at.fill(start, count, lambda position: position - start)
        self.length = row + 1

    def describe(self, sort: Sort, value: int) -> str:
        if sort.name == "Position":
            row = self.row_at[value]
            if not self.covers(row, value):
                return f"{value}, of no batch"
            return f"{value}, of {self.describe_row(row)}, {'published' if self.published[row] else 'not published'}"
        return self.describe_row(value) if sort.name == "Row" and value < self.length else str(value)

    def describe_row(self, value: Row) -> str:
        """Say which batch a row is and which positions it has."""
        first, last = self.start_of[value], self.end_of(value) - 1
        where = f"{first}..{last}" if last > first else f"{first}"
        batch = f"client {self.client_of[value]} batch {self.seq_of[value]} of ring {self.ring_of[value]}"
        return f"row {value}: {batch} at {where}"

    def end_of(self, row: Row) -> Position:
        """The first position after a row's range."""
        return self.start_of[row] + self.count_of[row]

    def covers(self, row: Row, position: Position) -> bool:
        """Whether a position belongs to a row of the history."""
        return all_of(row < self.length, self.start_of[row] <= position, position < self.end_of(row))

    def in_flight(self, position: Position) -> bool:
        """Whether a position was reserved for a batch that is not in the history yet. Here: never."""
        return False

    committed: Position = 0  # the frontier: every position below it may be read
    read_to: Map[Reader, Position] = every(0)
    seen: Map[Reader, Position, Row] = every(0)

    @action
    def commit(self, row: Row) -> None:
        """The frontier passes one batch, which must be published: order of reserving is not order of publishing."""
        self.require(row < self.length, self.published[row], self.start_of[row] == self.committed)
        self.committed = self.end_of(row)

    @action
    def read(self, reader: Reader) -> None:
        """A reader takes the next message in position order, once the frontier has passed it."""
        position = self.read_to[reader]
        self.require(position < self.committed)
        self.seen[reader, position] = self.row_at[position]
        self.read_to[reader] = position + 1

    @promise("unique")
    def no_two_batches_share_a_position(self, one: Row, other: Row) -> bool:
        both = all_of(one < self.length, other < self.length, one != other)
        return implies(both, any_of(self.end_of(one) <= self.start_of[other], self.end_of(other) <= self.start_of[one]))

    @promise("dense")
    def every_issued_position_has_its_batch(self, position: Position) -> bool:
        owned = any_of(self.covers(self.row_at[position], position), self.in_flight(position))
        return implies(position < self.issued, owned)

    @promise("contiguous")
    def messages_lie_in_order_in_their_range(self, row: Row, position: Position) -> bool:
        """Message k of a batch is at start + k, and nothing else is."""
        message = position - self.start_of[row]
        there = all_of(self.row_at[position] == row, self.message_at[position] == message)
        return implies(self.covers(row, position), there)

    @promise("agreement")
    def readers_agree(self, one: Reader, other: Reader, position: Position) -> bool:
        both = all_of(position < self.read_to[one], position < self.read_to[other])
        return implies(both, self.seen[one, position] == self.seen[other, position])

    @promise("frontier")
    def below_the_frontier_all_is_published(self, position: Position) -> bool:
        row = self.row_at[position]
        return implies(position < self.committed, all_of(self.covers(row, position), self.published[row]))

    @invariant
    def readers_have_seen_the_log(self, reader: Reader, position: Position) -> bool:
        read = all_of(position < self.read_to[reader], self.read_to[reader] <= self.committed)
        return all_of(
            self.read_to[reader] <= self.committed,
            implies(read, self.seen[reader, position] == self.row_at[position]),
        )

    @invariant
    def ranges_are_issued_and_not_empty(self, row: Row) -> bool:
        return implies(row < self.length, all_of(self.count_of[row] >= 1, self.end_of(row) <= self.issued))

    @invariant
    def arrived_slots_hold_messages(self, ring: Ring, index: RingIndex) -> bool:
        return implies(index < self.arrived[ring], self.slot_count[ring, index] >= 1)

    @sometimes
    def a_batch_of_several_messages_is_published(self, row: Row) -> bool:
        return all_of(self.published[row], self.count_of[row] >= 2)

    @sometimes
    def a_later_range_is_published_first(self, one: Row, other: Row) -> bool:
        return all_of(one < other, self.published[other], not_(self.published[one]))
