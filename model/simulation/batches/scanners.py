"""The scanners at batch granularity: the decisions of each sequencer, with what its operations cost.

A step that others may come between is an event of its own: the claim, the fetch_add, the release, the publication. So
claims are lost, batches parked and locks waited for as the protocol has it, and never by a drawn chance.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeAlias

import simpy

from fencepost.model.simulation.batches.publication import Publication
from fencepost.model.simulation.clock import Process
from fencepost.model.simulation.contention import LineTimes, Lock, SharedLine
from fencepost.model.simulation.records import Slot
from fencepost.model.simulation.world import World

ORDERED, LATER, DUPLICATE, HANDED = "ordered", "later", "duplicate", "handed over"

Attempting: TypeAlias = Generator[simpy.Event, Any, str]


class ClientWord:
    """A client's next-expected word, in a line of its own; `waiting` are the scanners that parked a batch of it."""

    __slots__ = ("busy", "client", "line", "next", "waiting")

    def __init__(self, client: int, line: SharedLine) -> None:
        self.client, self.line, self.next, self.busy = client, line, 0, False
        self.waiting: list[Scanner] = []


class Shared:
    """The words that all scanners share."""

    def __init__(self, world: World) -> None:
        self._world = world
        costs = world.scenario.machine
        self.issued = 0
        self._times = LineTimes(costs)
        self._transfers = world.recorder.line_transfers
        self.counter = SharedLine(self._times, world.recorder.counter, self._transfers)
        self.lock = Lock(world.clock, costs, self._transfers)
        self.halted = False  # the sequencer is stopped
        self.scanners: list[Scanner] = []
        self._words: dict[int, ClientWord] = {}

    def stop(self) -> None:
        """Stop every scanner between two batches."""
        self.halted = True

    def restart(self) -> None:
        """Begin again: the scanners read their rings anew."""
        self.halted = False
        for scanner in self.scanners:
            scanner.ring.arrival.give()

    def word(self, client: int) -> ClientWord:
        """Return the word of a client; one that was never asked for expects 0."""
        if client not in self._words:
            line = SharedLine(self._times, self._world.recorder.client_words, self._transfers)
            self._words[client] = ClientWord(client, line)
        return self._words[client]

    def reserve(self, core: int, count: int) -> Generator[simpy.Event, Any, int]:
        """fetch_add on the global counter; return the first position of the range."""
        clock = self._world.clock
        if self.scanners[core].paused_until_ns > clock.now_ns:
            yield clock.at(self.scanners[core].paused_until_ns)
        yield clock.at(self.counter.atomic(core, clock.now_ns))
        start = self.issued
        self.issued += count
        self._world.watch.reserved(start, count, clock.now_ns)
        return start

    def advance(self, word: ClientWord, seq: int) -> None:
        """The client's next batch may follow: who parked one looks again."""
        word.next, word.busy = seq + 1, False
        waiting, word.waiting = word.waiting, []
        for scanner in waiting:
            scanner.look_again(word.client)


class Scanner:
    """One ring's scanner: reads slots, attempts them, parks what is early, publishes what it ordered."""

    def __init__(self, world: World, number: int, shared: Shared) -> None:
        self.world, self.clock, self.shared = world, world.clock, shared
        self.core, self.ring = number, world.rings[number]
        self.publication = Publication(world, number)
        self.paused_until_ns = 0
        self.mailbox: list[Slot] = []  # of order4.owner: slots that other scanners handed over
        self._attempt = ATTEMPTS.get(world.scenario.sequencer, fetch_add)  # epochs do not attempt
        self._parked: dict[int, dict[int, list[Slot]]] = {}
        self._due: list[int] = []  # clients that advanced, of which something is parked
        self.service = world.scenario.ordering.service.draws(world.stream(f"service {number}"))
        costs = world.scenario.machine
        self.is_shared_host = world.scenario.brokers.hosts == "shared"
        self._read_ns = costs.invalidate + costs.cxl_load + costs.load_hit  # the guard, then what it vouches for
        self._coherent_read_ns = costs.line_transfer + 2 * costs.load_hit
        self._gate_ns = costs.load_hit if self.is_shared_host else costs.invalidate + costs.cxl_load
        self.poll_ns = max(1, costs.pause + (costs.load_hit if self.is_shared_host else self._read_ns))
        self.idle_since_ns = 0
        self._busy = world.recorder.scanners[number]

    def pause(self, until_ns: int) -> None:
        """Begin nothing before that time."""
        self.paused_until_ns = until_ns

    def run(self) -> Process:
        """Attempt what is due of the parked, else the ring's next slot, else wait."""
        while True:
            if self.shared.halted:
                yield from self.stopped()
            if self.paused_until_ns > self.clock.now_ns:
                yield self.clock.at(self.paused_until_ns)
            began_ns = self.clock.now_ns
            self.ring.arrival.clear()
            yield from self.revisit()
            if self.ring.readable:
                slot = self.ring.readable.popleft()
                yield from self.examine(slot)
            if self.clock.now_ns > began_ns:
                self.worked(began_ns)
            elif not self.ring.readable and not self.has_work():
                yield from self._idle()

    def examine(self, slot: Slot) -> Process:
        """Read a slot and attempt it."""
        yield self.clock.pause(self.read_ns(slot) + self.service())
        yield from self.attempt(slot)

    def read_ns(self, slot: Slot) -> int:
        """Return what reading a slot's header costs."""
        if not self.is_shared_host:
            return self._read_ns
        arrived_ns = self.ring.arrived_line.load(self.core, self.clock.now_ns) - self.clock.now_ns
        return arrived_ns + self._coherent_read_ns

    def attempt(self, slot: Slot) -> Process:
        if slot.settled:
            return  # read again after a restart, and handed over twice
        slot.attempted_ns = self.clock.now_ns
        outcome = yield from self._attempt(self, slot)
        if outcome == ORDERED:
            slot.settled = True
            if slot.parked_ns >= 0:
                self.world.recorder.hold.note(slot.parked_ns, self.clock.now_ns - slot.parked_ns)
            yield from self.publication.publish(slot)
        elif outcome == LATER:
            self._park(slot)
        elif outcome == DUPLICATE:
            slot.settled = True
            yield self.clock.pause(self.publication.drop_ns())
            self.world.on_duplicate(slot)

    def ordered(self, slot: Slot, start: int) -> None:
        """The slot's batch has its range."""
        slot.start, slot.ordered_ns = start, self.clock.now_ns
        if slot.batch.first is None:
            slot.batch.first = slot
        self.world.watch.assigned(slot, self.clock.now_ns)

    def _park(self, slot: Slot) -> None:
        batch = slot.batch
        if slot.parked_ns < 0:
            slot.parked_ns = self.clock.now_ns
            self.world.recorder.count("parked")
        self._parked.setdefault(batch.client, {}).setdefault(batch.seq, []).append(slot)
        word = self.shared.word(batch.client)
        if word.next >= batch.seq and not word.busy:  # it advanced while this was being parked
            self.look_again(batch.client)
        elif self not in word.waiting:
            word.waiting.append(self)

    def look_again(self, client: int) -> None:
        """A client of which batches are parked here has advanced."""
        self._due.append(client)
        self.ring.arrival.give()

    def revisit(self) -> Process:
        """Attempt what was handed over, and the parked slots whose turn has come."""
        while self.mailbox:
            slot = self.mailbox.pop(0)
            yield self.clock.pause(self._coherent_read_ns)
            yield from self.attempt(slot)
        due, self._due = self._due, []
        for client in due:
            word = self.shared.word(client)
            yield self.clock.pause(self._gate_ns)  # a poll looks at the ring first, then at clients' words
            yield self.clock.at(word.line.load(self.core, self.clock.now_ns))
            slots = self._parked.pop(client, {})
            for seq in sorted(slots):
                for slot in slots[seq]:
                    if seq <= word.next:
                        yield from self.attempt(slot)
                    else:
                        self._park(slot)

    def has_work(self) -> bool:
        """Say whether there is something besides the ring to look at."""
        return bool(self.mailbox or self._due)

    def worked(self, began_ns: int) -> None:
        self.idle_since_ns = self.clock.now_ns
        self._busy.note(began_ns, self.idle_since_ns - began_ns)
        if self.world.spans is not None:
            self.world.spans.span(f"scanner {self.core}", "works", began_ns, self.idle_since_ns)

    def _idle(self) -> Process:
        """Close the group, wait for something to do, and notice it at the next poll."""
        began_ns = self.clock.now_ns
        if self.publication.is_open():  # nothing is held back once a look has found nothing
            yield self.clock.pause(self._gate_ns)
            if self.ring.readable or self.has_work():
                self.worked(began_ns)
                return
        yield from self.publication.close()
        if self.clock.now_ns > began_ns:
            self.worked(began_ns)
        yield self.ring.arrival.wait()
        to_next_poll_ns = (self.idle_since_ns - self.clock.now_ns) % self.poll_ns
        if to_next_poll_ns:
            yield self.clock.pause(to_next_poll_ns)

    def stopped(self) -> Process:
        """Lose what is private while the sequencer is stopped; then read again what is unsettled in the ring."""
        yield from self.publication.close()
        self._parked.clear()
        self._due.clear()
        self.mailbox.clear()
        while self.shared.halted:
            yield self.ring.arrival.wait()
        self.mailbox.clear()  # of what others, who stopped later, still handed over
        held = self.ring.held()
        self.ring.readable.clear()
        self.ring.readable.extend(slot for slot in held if not slot.settled)
        yield self.clock.pause(len(held) * self._read_ns)


def fetch_add(scanner: Scanner, slot: Slot) -> Attempting:
    """order5.fetch_add: one fetch_add for each batch, in ring order."""
    start = yield from scanner.shared.reserve(scanner.core, slot.batch.count)
    scanner.ordered(slot, start)
    return ORDERED


def claim(scanner: Scanner, slot: Slot) -> Attempting:
    """order4.claim: a compare-exchange makes this scanner the only one that works on the client."""
    batch, clock = slot.batch, scanner.clock
    word = scanner.shared.word(batch.client)
    yield clock.at(word.line.load(scanner.core, clock.now_ns))
    if word.next != batch.seq or word.busy:
        return DUPLICATE if word.next > batch.seq else LATER
    yield clock.at(word.line.atomic(scanner.core, clock.now_ns))
    if word.next != batch.seq or word.busy:
        scanner.world.recorder.count("claims_lost")
        return DUPLICATE if word.next > batch.seq else LATER
    word.busy = True
    start = yield from scanner.shared.reserve(scanner.core, batch.count)
    scanner.ordered(slot, start)
    yield clock.at(word.line.store(scanner.core, clock.now_ns))
    scanner.shared.advance(word, batch.seq)
    return ORDERED


def mutex(scanner: Scanner, slot: Slot) -> Attempting:
    """order4.mutex: one lock for all scanners, from the test to the advance."""
    batch, clock, lock = slot.batch, scanner.clock, scanner.shared.lock
    word = scanner.shared.word(batch.client)
    yield from lock.take(scanner.core)
    yield clock.at(word.line.load(scanner.core, clock.now_ns) + scanner.world.scenario.ordering.inside_lock)
    if word.next != batch.seq:
        outcome = DUPLICATE if word.next > batch.seq else LATER
        yield from lock.give(scanner.core)
        return outcome
    start = yield from scanner.shared.reserve(scanner.core, batch.count)
    scanner.ordered(slot, start)
    yield clock.at(word.line.store(scanner.core, clock.now_ns))
    scanner.shared.advance(word, batch.seq)
    yield from lock.give(scanner.core)
    return ORDERED


def owner(scanner: Scanner, slot: Slot) -> Attempting:
    """order4.owner: a client has one scanner that knows what is next; others hand its batches over."""
    batch, clock, shared = slot.batch, scanner.clock, scanner.shared
    owning = shared.scanners[batch.client % len(shared.scanners)]
    if owning is not scanner:
        yield clock.pause(scanner.world.scenario.machine.line_transfer)
        owning.mailbox.append(slot)
        owning.ring.arrival.give()
        return HANDED
    word = shared.word(batch.client)
    yield clock.at(word.line.load(scanner.core, clock.now_ns))
    if word.next != batch.seq:
        return DUPLICATE if word.next > batch.seq else LATER
    start = yield from shared.reserve(scanner.core, batch.count)
    scanner.ordered(slot, start)
    shared.advance(word, batch.seq)
    return ORDERED


def cas_then_reserve(scanner: Scanner, slot: Slot) -> Attempting:
    """order4.cas_then_reserve, the wrong one: the successor may reserve between the two steps."""
    batch, clock = slot.batch, scanner.clock
    word = scanner.shared.word(batch.client)
    yield clock.at(word.line.load(scanner.core, clock.now_ns))
    if word.next == batch.seq:
        yield clock.at(word.line.atomic(scanner.core, clock.now_ns))
    if word.next != batch.seq:
        return DUPLICATE if word.next > batch.seq else LATER
    scanner.shared.advance(word, batch.seq)
    start = yield from scanner.shared.reserve(scanner.core, batch.count)
    scanner.ordered(slot, start)
    return ORDERED


ATTEMPTS: dict[str, Callable[[Scanner, Slot], Attempting]] = {
    "order5.fetch_add": fetch_add,
    "order4.mutex": mutex,
    "order4.claim": claim,
    "order4.owner": owner,
    "order4.cas_then_reserve": cas_then_reserve,
}
