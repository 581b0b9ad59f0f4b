"""The parts of one simulated run and what they share: clock, costs, rings, what is written down, who watches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from fencepost.model.contract import Level
from fencepost.model.simulation.clock import Clock, Shuffled, Signal
from fencepost.model.simulation.contention import LineTimes, SharedLine
from fencepost.model.simulation.monitor import Monitor
from fencepost.model.simulation.perfetto import Spans
from fencepost.model.simulation.records import Recorder, Slot
from fencepost.model.simulation.scenario import Scenario, checked


class Ring:
    """One broker's ring of header slots. Slot `index` is in place `index mod size` until it is consumed.

    `readable` are the slots that the sequencer's host can see, in ring order, and its scanner has not taken.
    """

    def __init__(self, number: int, size: int, clock: Clock, arrived_line: SharedLine) -> None:
        self.number, self.size = number, size
        self.arrived_line = arrived_line  # the word that a receiver of the same host advances
        self.filled_count = 0  # slots ever filled: the next index
        self.used = 0  # filled and not consumed
        self.places: list[Slot | None] = [None] * size
        self.waiting: deque[Slot] = deque()  # what the broker received and found no time or place for yet
        self.readable: deque[Slot] = deque()
        self.arrival = Signal(clock)  # something became readable
        self.room = Signal(clock)  # a place became free
        self.exported: deque[Slot] = deque()  # offered to the subscriber, in the order of release
        self.export = Signal(clock)
        self._shown_count = 0  # slots that were appended to `readable`

    def fill(self, slot: Slot) -> Slot | None:
        """Put a slot in the next place; return the one that was there."""
        slot.index = self.filled_count
        place = slot.index % self.size
        before, self.places[place] = self.places[place], slot
        self.filled_count += 1
        self.used += 1
        return before

    def show(self, slot: Slot) -> None:
        """The sequencer's host can see the slot; its scanner takes slots in ring order."""
        slot.readable = True
        while self._shown_count < self.filled_count:
            following = self.places[self._shown_count % self.size]
            assert following is not None
            if not following.readable:
                break
            self.readable.append(following)
            self._shown_count += 1
        self.arrival.give()

    def held(self) -> list[Slot]:
        """Return the slots in use that the sequencer's host can see and reach: none lies behind one not yet seen."""
        reached = (slot for slot in self.places if slot and slot.index < self._shown_count)
        return sorted((slot for slot in reached if not slot.consumed), key=lambda slot: slot.index)

    def is_full(self) -> bool:
        """Say whether the next place still holds a batch that some reader needs."""
        before = self.places[self.filled_count % self.size]
        return before is not None and not before.consumed


@dataclass
class World:
    """One run. Random numbers come from streams with names, so that a change in one part leaves the others alone."""

    scenario: Scenario
    level: Level
    seed: int
    replication: int
    clock: Clock
    watch: Monitor
    recorder: Recorder
    rings: list[Ring]
    spans: Spans | None
    sending_ends_ns: int
    crashed: set[int] = field(default_factory=set)  # brokers that are gone
    on_published: Callable[[Slot], None] = field(default=lambda slot: None)
    on_offered: Callable[[Slot], None] = field(default=lambda slot: None)
    on_ackable: Callable[[Slot, int], None] = field(default=lambda slot, at_ns: None)  # readable from then on
    on_duplicate: Callable[[Slot], None] = field(default=lambda slot: None)

    def stream(self, name: str) -> Random:
        """Return the random numbers of this name; the same seed, replication and name give the same."""
        return Random(f"{self.seed}/{self.replication}/{name}")

    def is_gone(self, broker: int) -> bool:
        return broker in self.crashed

    def consumed(self, slot: Slot) -> None:
        """Every reader is done with a slot: its place is free."""
        if slot.consumed:
            return
        slot.consumed = True
        ring = self.rings[slot.ring]
        ring.used -= 1
        self.recorder.occupancy[slot.ring].note(self.clock.now_ns, ring.used)
        ring.room.give()


def make_world(scenario: Scenario, level: Level, *, seed: int, replication: int, shuffled: bool, traced: bool) -> World:
    """Return the world of one replication, in which nothing has happened; InputError for what cannot be simulated."""
    checked(scenario, scenario.name)
    clock = Shuffled(Random(f"{seed}/{replication}/ties")) if shuffled else Clock()
    brokers, size = scenario.brokers.count, scenario.brokers.ring_slots
    times = LineTimes(scenario.machine)
    return World(
        scenario=scenario,
        level=level,
        seed=seed,
        replication=replication,
        clock=clock,
        watch=Monitor(level, enabled=scenario.check),
        recorder=Recorder.of(brokers),
        rings=[Ring(number, size, clock, SharedLine(times)) for number in range(brokers)],
        spans=Spans() if traced else None,
        sending_ends_ns=int(scenario.duration),
    )
