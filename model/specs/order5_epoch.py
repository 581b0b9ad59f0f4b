"""order5.epoch: one fetch_add for all the batches that a scanner collected; inside, ring order."""

from fencepost.model.language import Map, action, all_of, any_of, choose, every, implies, invariant, not_
from fencepost.model.specs.order5 import Order5
from fencepost.model.specs.vocabulary import Count, Position, Ring, RingIndex, Row


class Order5Epoch(Order5):
    """A scanner's epoch is the slots [cursor, collected_to); `cursor` moves as they get their ranges."""

    name = "order5.epoch"

    assigning: Map[Ring, bool] = every(False)  # between an epoch's fetch_add and its last range
    collected_to: Map[Ring, RingIndex] = every(0)
    offset: Map[Ring, RingIndex, Count] = every(0)  # messages of the epoch before this slot
    total: Map[Ring, Count] = every(0)
    placed: Map[Ring, Count] = every(0)
    base: Map[Ring, Position] = every(0)
    reserver: Map[Position, Ring] = every(0)  # whose epoch a position was reserved for

    def rest_start(self, ring: Ring) -> Position:
        """The first position of an epoch's range that no batch has yet."""
        return self.base[ring] + self.placed[ring]

    def rest_end(self, ring: Ring) -> Position:
        return self.base[ring] + self.total[ring]

    def in_flight(self, position: Position) -> bool:
        ring = self.reserver[position]
        inside = all_of(self.rest_start(ring) <= position, position < self.rest_end(ring))
        return all_of(self.assigning[ring], inside)

    @action
    def collect(self, ring: Ring) -> None:
        """The next slot of the ring joins the epoch."""
        index = self.collected_to[ring]
        self.require(not_(self.assigning[ring]), index < self.arrived[ring])
        self.offset[ring, index] = self.total[ring]
        self.total[ring] = self.total[ring] + self.slot_count[ring, index]
        self.collected_to[ring] = index + 1

    @action
    def reserve(self, ring: Ring) -> None:
        """The epoch's one fetch_add."""
        self.require(not_(self.assigning[ring]), self.cursor[ring] < self.collected_to[ring])
        self.assigning[ring] = True
        self.base[ring] = self.issued
        self.reserver.fill(self.issued, self.total[ring], lambda position: ring)
        self.issued = self.issued + self.total[ring]

    @action
    def place(self, ring: Ring) -> None:
        """The next batch of the epoch gets its part of the range."""
        index = self.cursor[ring]
        self.require(self.assigning[ring], index < self.collected_to[ring])
        self.order(ring, index, self.rest_start(ring))
        self.placed[ring] = self.placed[ring] + self.slot_count[ring, index]
        self.cursor[ring] = index + 1

    @action
    def finish(self, ring: Ring) -> None:
        """All batches have their ranges: the scanner's next epoch may begin."""
        self.require(self.assigning[ring], self.cursor[ring] == self.collected_to[ring])
        self.assigning[ring] = False
        self.total[ring] = 0
        self.placed[ring] = 0

    @action
    def publish(self, row: Row) -> None:
        """A batch becomes readable by other hosts, in any order."""
        self.require(row < self.length)
        self.published[row] = True

    # Two slots, not `offset[ring, index + 1]`: a term that makes the next one has no end for a prover.
    @invariant
    def offsets_add_up(self, ring: Ring, index: RingIndex, following: RingIndex) -> bool:
        inside = all_of(self.cursor[ring] <= index, index + 1 == following, following < self.collected_to[ring])
        end = self.offset[ring, index] + self.slot_count[ring, index]
        return implies(inside, end == self.offset[ring, following])

    @invariant
    def the_last_offset_ends_the_total(self, ring: Ring, index: RingIndex) -> bool:
        inside = all_of(self.cursor[ring] <= index, index < self.collected_to[ring])
        end, last = self.offset[ring, index] + self.slot_count[ring, index], index + 1 == self.collected_to[ring]
        return implies(inside, choose(last, end == self.total[ring], end <= self.total[ring]))

    @invariant
    def what_is_placed_ends_where_the_rest_begins(self, ring: Ring) -> bool:
        index = self.cursor[ring]
        rest = choose(index < self.collected_to[ring], self.offset[ring, index], self.total[ring])
        collected = all_of(index <= self.collected_to[ring], self.collected_to[ring] <= self.arrived[ring])
        return all_of(collected, self.placed[ring] == rest, self.placed[ring] <= self.total[ring])

    @invariant
    def nothing_is_placed_before_the_reserve(self, ring: Ring) -> bool:
        return choose(self.assigning[ring], self.rest_end(ring) <= self.issued, self.placed[ring] == 0)

    @invariant
    def the_frontier_waits_for_what_rests(self, ring: Ring) -> bool:
        rests = all_of(self.assigning[ring], self.placed[ring] < self.total[ring])
        waits = implies(rests, self.committed <= self.rest_start(ring))
        return all_of(self.committed <= self.issued, waits)

    @invariant
    def rests_do_not_meet(self, one: Ring, other: Ring) -> bool:
        both = all_of(self.assigning[one], self.assigning[other], one != other)
        apart = any_of(self.rest_end(one) <= self.base[other], self.rest_end(other) <= self.base[one])
        return implies(both, apart)

    @invariant
    def no_batch_has_a_position_that_rests(self, ring: Ring, row: Row) -> bool:
        apart = any_of(self.end_of(row) <= self.rest_start(ring), self.rest_end(ring) <= self.start_of[row])
        return implies(all_of(self.assigning[ring], row < self.length), apart)

    @invariant
    def a_ring_is_ordered_up_to_its_cursor(self, row: Row) -> bool:
        ring = self.ring_of[row]
        placed = implies(self.assigning[ring], self.end_of(row) <= self.rest_start(ring))
        return implies(row < self.length, all_of(self.index_of[row] < self.cursor[ring], placed))
