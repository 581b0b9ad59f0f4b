"""order4.epoch: collect, emit what is next of each client, and reserve once for all that was emitted.

Gaps stay parked: what is reserved for is what is emitted, so an epoch leaves no hole.
"""

from fencepost.model.language import Map, action, all_of, any_of, choose, every, implies, invariant, not_
from fencepost.model.specs.order4 import Order4
from fencepost.model.specs.vocabulary import Client, Count, Entry, Position, Ring, RingIndex, Row, Seq


class Order4Epoch(Order4):
    """One sequencer for all rings. An epoch's plan is a list of slots; entries [placed, planned) await their range."""

    name = "order4.epoch"

    assigning: bool = False  # between the epoch's reserve and its last range
    planned: Entry = 0
    placed: Entry = 0
    plan_ring: Map[Entry, Ring] = every(0)
    plan_index: Map[Entry, RingIndex] = every(0)
    plan_offset: Map[Entry, Count] = every(0)  # messages of the plan before this entry
    entry_of: Map[Client, Seq, Entry] = every(0)
    total: Count = 0  # messages in the plan
    placed_total: Count = 0
    base: Position = 0

    def plan_client(self, entry: Entry) -> Client:
        return self.slot_client[self.plan_ring[entry], self.plan_index[entry]]

    def plan_seq(self, entry: Entry) -> Seq:
        return self.slot_seq[self.plan_ring[entry], self.plan_index[entry]]

    def plan_count(self, entry: Entry) -> Count:
        return self.slot_count[self.plan_ring[entry], self.plan_index[entry]]

    def waits(self, entry: Entry) -> bool:
        """Whether an entry of the plan has no range yet."""
        return all_of(self.placed <= entry, entry < self.planned)

    def in_flight(self, position: Position) -> bool:
        rest = all_of(self.base + self.placed_total <= position, position < self.base + self.total)
        return all_of(self.assigning, rest)

    @action
    def collect(self, ring: Ring) -> None:
        """Read the slot at the cursor into the epoch."""
        self.require(self.cursor[ring] < self.arrived[ring], not_(self.assigning))
        self.set_aside(ring)

    @action
    def emit(self, ring: Ring, index: RingIndex) -> None:
        """A collected batch is its client's next: it joins the plan."""
        client, seq = self.slot_client[ring, index], self.slot_seq[ring, index]
        self.require(not_(self.assigning), self.parked(ring, index), seq == self.next_seq[client])
        entry = self.planned
        self.parked_in[ring, index] = 0
        self.plan_ring[entry] = ring
        self.plan_index[entry] = index
        self.plan_offset[entry] = self.total
        self.entry_of[client, seq] = entry
        self.total = self.total + self.slot_count[ring, index]
        self.planned = entry + 1
        self.next_seq[client] = seq + 1

    @action
    def drop(self, ring: Ring, index: RingIndex) -> None:
        """A collected batch is a duplicate."""
        self.require(not_(self.assigning), self.parked(ring, index))
        self.require(self.slot_seq[ring, index] < self.next_seq[self.slot_client[ring, index]])
        self.parked_in[ring, index] = 0

    @action
    def reserve(self) -> None:
        """The epoch's one fetch_add."""
        self.require(not_(self.assigning), self.planned >= 1)
        self.assigning = True
        self.base = self.issued
        self.issued = self.issued + self.total

    @action
    def place(self) -> None:
        """The next entry of the plan gets its part of the range."""
        entry = self.placed
        self.require(self.assigning, entry < self.planned)
        self.order(self.plan_ring[entry], self.plan_index[entry], self.base + self.placed_total)
        self.placed_total = self.placed_total + self.plan_count(entry)
        self.placed = entry + 1

    @action
    def finish(self) -> None:
        """All of the plan has its range: the next epoch may begin."""
        self.require(self.assigning, self.placed == self.planned)
        self.assigning = False
        self.planned = 0
        self.placed = 0
        self.total = 0
        self.placed_total = 0

    @action
    def publish(self, row: Row) -> None:
        """A batch becomes readable by other hosts, in any order."""
        self.require(row < self.length)
        self.published[row] = True

    @action
    def restart(self, ring: Ring) -> None:
        """The reader of a ring is stopped and started again; the plan is kept."""
        self.forget(ring)

    # Two entries, not `plan_offset[entry + 1]`: a term that makes the next one has no end for a prover.
    @invariant
    def offsets_add_up(self, entry: Entry, following: Entry) -> bool:
        end = self.plan_offset[entry] + self.plan_count(entry)
        inside = all_of(entry + 1 == following, following < self.planned)
        return implies(inside, end == self.plan_offset[following])

    @invariant
    def the_last_offset_ends_the_total(self, entry: Entry) -> bool:
        end, last = self.plan_offset[entry] + self.plan_count(entry), entry + 1 == self.planned
        return implies(entry < self.planned, choose(last, end == self.total, end <= self.total))

    @invariant
    def what_is_placed_ends_where_the_rest_begins(self) -> bool:
        rest = choose(self.placed < self.planned, self.plan_offset[self.placed], self.total)
        return all_of(self.placed <= self.planned, self.placed_total == rest, self.placed_total <= self.total)

    @invariant
    def nothing_is_placed_before_the_reserve(self) -> bool:
        none = all_of(self.placed == 0, self.placed_total == 0)
        return choose(self.assigning, self.base + self.total == self.issued, none)

    @invariant
    def rows_end_where_the_rest_begins(self, row: Row) -> bool:
        placed = implies(self.assigning, self.end_of(row) <= self.base + self.placed_total)
        return implies(row < self.length, placed)

    @invariant
    def planned_slots_have_arrived(self, entry: Entry) -> bool:
        return implies(entry < self.planned, self.plan_index[entry] < self.arrived[self.plan_ring[entry]])

    @invariant
    def the_plan_is_in_each_clients_order(self, one: Entry, other: Entry) -> bool:
        both = all_of(one < other, other < self.planned, self.plan_client(one) == self.plan_client(other))
        return implies(both, self.plan_seq(one) < self.plan_seq(other))

    @invariant
    def what_is_planned_is_counted(self, entry: Entry) -> bool:
        return implies(entry < self.planned, self.plan_seq(entry) < self.next_seq[self.plan_client(entry)])

    @invariant
    def what_is_ordered_is_counted(self, row: Row) -> bool:
        return implies(row < self.length, self.seq_of[row] < self.next_seq[self.client_of[row]])

    @invariant
    def what_waits_comes_after_what_is_ordered(self, row: Row, entry: Entry) -> bool:
        both = all_of(row < self.length, self.waits(entry), self.client_of[row] == self.plan_client(entry))
        return implies(both, self.seq_of[row] < self.plan_seq(entry))

    def ordered_or_waits(self, client: Client, seq: Seq) -> bool:
        """Whether the history has a row for this batch, or the plan an entry that awaits its range."""
        entry = self.entry_of[client, seq]
        waiting = all_of(self.waits(entry), self.plan_client(entry) == client, self.plan_seq(entry) == seq)
        return any_of(self.ordered(client, seq), waiting)

    @invariant
    def what_is_counted_is_ordered_or_waits(self, client: Client, seq: Seq) -> bool:
        return implies(seq < self.next_seq[client], self.ordered_or_waits(client, seq))

    @invariant
    def no_slot_that_was_passed_is_lost(self, ring: Ring, index: RingIndex) -> bool:
        known = self.ordered_or_waits(self.slot_client[ring, index], self.slot_seq[ring, index])
        return implies(index < self.cursor[ring], any_of(known, self.parked(ring, index)))
