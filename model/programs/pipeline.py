"""A whole run: which program each thread runs, on which host, and what is sent.

    Design     the programs of a sequencer and of what stands around it; a mutant is a design with one place changed
    Scenario   what arrives, how long the rings are, and which threads take part

Hosts, unless a design says otherwise: the scanners share host 0; the receiver, delegation and acknowledger of ring r
are on host 1 + r; its subscriber is on a host of its own, after those. Clients have no part in the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from fencepost.model.contract import Level
from fencepost.model.errors import InputError
from fencepost.model.language import Protocol
from fencepost.model.programs.layout import chain, header, payload
from fencepost.model.programs.operations import Address, Program, ThreadOf
from fencepost.model.programs.roles.acknowledger import Acknowledger
from fencepost.model.programs.roles.client import Client, Sending
from fencepost.model.programs.roles.committer import Committer
from fencepost.model.programs.roles.connection import Connection
from fencepost.model.programs.roles.delegation import Delegation
from fencepost.model.programs.roles.position_reader import PositionReader
from fencepost.model.programs.roles.receiver import Arriving, Receiver
from fencepost.model.programs.roles.restarting import Stoppable, supervised
from fencepost.model.programs.roles.scanner import Scanner
from fencepost.model.programs.roles.subscriber import Subscriber, SubscriberOfWorkers
from fencepost.model.programs.roles.waiting import Patient, ticking
from fencepost.model.programs.seed import SeedReceiver, SeedReplica, replica_broker
from fencepost.model.programs.sequencers.partition import owner_of
from fencepost.model.trace import Step

Rings: TypeAlias = Sequence[Sequence[Arriving]]  # what arrives on each ring, in ring order
SEQUENCER_HOST = 0
GONE_CLIENT = 9  # whose batches stand in the rings of brokers that are gone; it sends none in the corpus
ROLES = (
    "scanner", "receiver", "delegation", "subscriber", "committer", "reader", "replica", "acknowledger", "client",
    "supervisor", "clock",
)  # fmt: skip
"""How the names of threads begin, in the order of the threads."""


def sound_guard(ring: int, place: int, slots: int) -> tuple[Address, int]:
    """Return the word of a place in an export chain, and what it holds, at least, once a reader can find the entry."""
    return (*chain(ring, place % slots), "guard"), place + 1


@dataclass(frozen=True)
class Design:
    """The programs of a sequencer and its surroundings; `spec` is the protocol that its runs must refine."""

    name: str
    scanner: type[Scanner]
    spec: type[Protocol]
    receiver: type[Receiver] = Receiver
    connection: type[SeedReceiver] | None = None  # what serves a client's connection, if not one receiver a ring
    sharing: type[Receiver] = Connection  # a receiver that is one of several of its ring
    delegation: type[Delegation] = Delegation
    subscriber: type[Subscriber] = Subscriber
    committer: type[Committer] = Committer
    position_reader: type[PositionReader] = PositionReader
    replica: type[SeedReplica] | None = None  # what acknowledgements wait for, in a scenario with replicas
    acknowledger: type[Acknowledger] = Acknowledger
    client: type[Client] = Client
    stopping: type[Stoppable] = Stoppable  # how a scanner is stopped, in a scenario in which one is
    waiting: type[Patient] = Patient  # how a scanner waits, in a scenario in which waits may time out
    guard: Callable[[int, int, int], tuple[Address, int]] = sound_guard
    scanner_host: Callable[[int], int] = field(default=lambda ring: SEQUENCER_HOST)
    broker_host: Callable[[int], int] = field(default=lambda ring: 1 + ring)
    reader_host: Callable[[int, int], int] = field(default=lambda ring, rings: 1 + rings + ring)
    needs: tuple[str, ...] = ()  # roles without which it does not work: receivers, delegations
    lacks: tuple[str, ...] = ()  # roles that it does not have: delegations, readers
    workers: Callable[[int], int] | None = (
        None  # that read every ring, instead of a scanner a ring: how many of so many
    )

    def __reduce__(self) -> Any:
        """Go by name to another process where the name stands for this design there too."""
        from fencepost.model.programs.designs import DESIGNS, design

        return (design, (self.name,)) if DESIGNS.get(self.name) is self else super().__reduce__()

    @property
    def level(self) -> Level:
        return self.spec.level

    @property
    def reads_every_ring(self) -> bool:
        """Whether its scanners are workers, each for some of the clients or for all of them."""
        return self.workers is not None

    def scanner_count(self, rings: int) -> int:
        """Return how many scanners there are for so many rings."""
        return rings if self.workers is None else self.workers(rings)

    def scanner_of(self, ring: int, rings: int, slots: int, *, delegated: bool = False) -> Scanner:
        """Return the scanner of a ring, or the worker of that number."""
        if self.reads_every_ring:
            return self.scanner(ring, slots, delegated=delegated, rings=rings)
        return self.scanner(ring, slots, delegated=delegated)

    def process(self, scanner: Scanner, scenario: Scenario) -> Program:
        """Return what the thread of a scanner runs in a scenario."""
        if scenario.stops:
            return self.stopping(scanner, stops_most=1).run()
        return self.waiting(scanner).run() if scenario.timeouts else scanner.run()

    def subscriber_of(self, ring: int, rings: int, slots: int) -> Subscriber:
        """Return the subscriber of a ring."""
        workers = self.scanner_count(rings) if self.reads_every_ring else 1
        return SubscriberOfWorkers(ring, slots, workers) if workers > 1 else self.subscriber(ring, slots)

    def programs(self) -> tuple[str, ...]:
        """Return the names of all its programs."""
        kinds = (self.scanner, self.receiver, self.delegation, self.subscriber, self.acknowledger, self.client)
        return (self.name, *(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds))


@dataclass(frozen=True)
class Scenario:
    """What is sent and who takes part.

    written       the batches are in the rings when the run begins; else a receiver for each ring writes them
    later         with `written`, what a receiver for each ring adds to that
    plans         what each client sends, instead of `rings`; receivers and acknowledgers then take part
    connections   without `plans`: receivers that fill each ring together; its batches come on one after the other.
                  With them: of each client to each broker, where receivers are one a connection
    readers       of the log, by position; a committer for all rings takes the place of their subscribers
    replicas      of each ring: acknowledgements wait for them, where a design has any
    stops         each scanner is stopped once, at any moment, and another goes on in its place
    timeouts      of the waits of each scanner, at any moments
    late_rings    the last so many: their brokers join while the others run, in rings that were others' before
    """

    rings: tuple[tuple[Arriving, ...], ...] = ()
    slots: int = 4  # of each ring
    written: bool = False
    later: tuple[tuple[Arriving, ...], ...] = ()
    delegated: bool = False
    subscribers: bool = False
    acknowledgers: bool = False
    plans: tuple[tuple[Sending, ...], ...] = ()
    ring_count: int = 0  # with `plans`
    restarts: bool = False
    connections: int = 1
    replicas: int = 0
    readers: int = 0
    stops: bool = False
    timeouts: int = 0
    late_rings: int = 0

    @property
    def joining(self) -> range:
        """The rings whose brokers join while the others run."""
        return range(self.rings_count - self.late_rings, self.rings_count)

    @property
    def rings_count(self) -> int:
        return self.ring_count or len(self.rings)

    def clients(self, ring: int) -> list[int]:
        """Return the clients whose batches come to a ring."""
        if self.plans:
            return list(range(len(self.plans)))
        later = self.later[ring] if self.later else ()
        return sorted({batch.client for batch in (*self.rings[ring], *later)})

    def __str__(self) -> str:
        count = sum(map(len, self.plans)) or sum(map(len, (*self.rings, *self.later)))
        clients = len(self.plans) or len({each for ring in range(self.rings_count) for each in self.clients(ring)})
        roles = ["scanners"]
        together = f" ({self.connections} a ring)" if self.connections > 1 and not self.plans else ""
        roles += [f"receivers{together}"] if not self.written or self.later else []
        roles += ["delegations"] if self.delegated else []
        roles += ["subscribers"] if self.subscribers else []
        roles += [f"committer, {self.readers} readers"] if self.readers else []
        roles += ["acknowledgers"] if self.acknowledgers or self.plans else []
        roles += ["clients"] if self.plans else []
        roles += ["replicas"] if self.replicas else []
        roles += ["supervisors"] if self.stops else []
        roles += [f"clocks ({self.timeouts} time-outs)"] if self.timeouts else []
        roles += [f"{self.late_rings} brokers that join"] if self.late_rings else []
        words = f"{clients} clients, {self.rings_count} rings of {self.slots} slots, {count} batches"
        return f"{words}; {', '.join(roles)}"


def threads_of(design: Design, scenario: Scenario) -> list[ThreadOf]:
    """Return the threads of a run, scanners first. Raises InputError for a role that the design needs or lacks."""
    check_roles(design, scenario)
    threads: list[ThreadOf] = []
    for ring in range(scenario.rings_count):
        threads += _around(design, scenario, ring)
    threads += _readers(design, scenario)
    for client, plan in enumerate(scenario.plans):
        threads.append(ThreadOf(f"client {client}", -1 - client, _client(design, scenario, client, plan)))
    return sorted(threads, key=lambda thread: ROLES.index(thread.name.split()[0]))


def check_roles(design: Design, scenario: Scenario) -> None:
    """Raise InputError for a scenario with roles that a design lacks, or without those that it needs."""
    taking_part = {
        "receivers": not scenario.written,
        "delegations": scenario.delegated,
        "readers": scenario.readers > 0,
    }
    for role, there in taking_part.items():
        if role in design.needs and not there:
            raise InputError(f"{design.name} does not work without {role}: expected them to take part")
        if role in design.lacks and there:
            raise InputError(f"{design.name} has no {role}: expected them to be left out")
    if scenario.readers and scenario.subscribers:
        raise InputError("subscribers and readers by position: a ring has one who consumes its slots; expected either")
    if scenario.replicas and design.replica is None:
        raise InputError(f"{design.name} has no replicas: expected none, not {scenario.replicas} of each ring")
    if scenario.connections > 1 and scenario.plans and design.connection is None:
        raise InputError(
            f"{scenario.connections} connections of a client to a broker: {design.name} has one receiver a ring, which"
            " serves all clients; expected 1"
        )
    if scenario.stops and design.reads_every_ring:
        raise InputError(f"{design.name} has workers, which read every ring and are not stopped: expected no stops")
    if scenario.stops and scenario.timeouts:
        raise InputError("scanners that are stopped and waits that time out: expected one of them")
    if scenario.late_rings and (scenario.written or scenario.plans or scenario.connections > 1 or design.connection):
        raise InputError("brokers that join have one receiver each, which writes all its batches: expected no others")
    if scenario.connections > 1 and scenario.written and not scenario.later:
        raise InputError(f"{scenario.connections} connections to a ring: all batches are in it already; expected 1")


def _around(design: Design, scenario: Scenario, ring: int) -> list[ThreadOf]:
    broker, slots, delegated = design.broker_host(ring), scenario.slots, scenario.delegated
    rings = scenario.rings_count
    reader = design.reader_host(ring, rings)
    threads = _receivers(design, scenario, ring)
    if ring < design.scanner_count(rings):
        threads += _scanner(design, scenario, ring)
    if delegated:
        threads.append(ThreadOf(f"delegation {ring}", broker, lambda: design.delegation(ring, slots).run()))
    if scenario.subscribers:
        threads.append(ThreadOf(f"subscriber {ring}", reader, lambda: design.subscriber_of(ring, rings, slots).run()))
    if scenario.acknowledgers or scenario.plans:
        acknowledger = design.acknowledger
        threads.append(ThreadOf(f"acknowledger {ring}", broker, lambda: acknowledger.of(ring, scenario).run()))
    if design.replica is not None:
        threads += _replicas(design, design.replica, scenario, ring)
    return threads


def _scanner(design: Design, scenario: Scenario, ring: int) -> list[ThreadOf]:
    """Return the scanner of a ring, or the worker of that number, and the threads that work upon it."""
    host, rings = design.scanner_host(ring), scenario.rings_count

    def begin() -> Program:
        scanner = design.scanner_of(ring, rings, scenario.slots, delegated=scenario.delegated)
        scanner.expect(scenario.joining)
        return design.process(scanner, scenario)

    threads = [ThreadOf(f"scanner {ring}", host, begin)]
    if scenario.stops:
        threads.append(ThreadOf(f"supervisor {ring}", host, lambda: supervised(ring)))
    if scenario.timeouts:
        threads.append(ThreadOf(f"clock {ring}", host, lambda: ticking(ring, scenario.timeouts)))
    return threads


def _readers(design: Design, scenario: Scenario) -> list[ThreadOf]:
    rings, slots = scenario.rings_count, scenario.slots
    if not scenario.readers:
        return []
    workers = design.scanner_count(rings) if design.reads_every_ring else 1
    host = 1 + 2 * rings  # of the committer; each reader has one of its own behind it
    threads = [ThreadOf("committer", host, lambda: design.committer(rings, slots, workers).run())]

    def reader(number: int) -> ThreadOf:
        return ThreadOf(f"reader {number}", host + 1 + number, lambda: design.position_reader(number).run())

    return threads + [reader(number) for number in range(scenario.readers)]


def _receivers(design: Design, scenario: Scenario, ring: int) -> list[ThreadOf]:
    broker, slots, kind = design.broker_host(ring), scenario.slots, design.receiver

    if scenario.plans and design.connection is not None:
        return _connections(design.connection, broker, scenario, ring)
    if scenario.plans:
        return [ThreadOf(f"receiver {ring}", broker, lambda: kind(ring, slots, ()).serve())]
    if scenario.written and not scenario.later:
        return []
    first = len(scenario.rings[ring]) if scenario.written else 0
    batches = scenario.later[ring] if scenario.written else scenario.rings[ring]
    if ring in scenario.joining:
        return [ThreadOf(f"receiver {ring}", broker, lambda: kind(ring, slots, batches).join())]
    if scenario.connections == 1:
        return [ThreadOf(f"receiver {ring}", broker, lambda: kind(ring, slots, batches, first=first).run())]

    def sharing(number: int) -> ThreadOf:
        own = batches[number :: scenario.connections]
        return ThreadOf(
            f"receiver {ring}.{number}", broker, lambda: design.sharing(ring, slots, own, first=first).run()
        )

    return [sharing(number) for number in range(scenario.connections)]


def _connections(kind: type[SeedReceiver], broker: int, scenario: Scenario, ring: int) -> list[ThreadOf]:
    def receiver(client: int, number: int) -> ThreadOf:
        name = f"receiver {ring}.{client}" + (f".{number}" if scenario.connections > 1 else "")
        served = partial(kind, ring, scenario.slots, (), client=client, number=number)
        return ThreadOf(name, broker, lambda: served().serve())

    return [receiver(client, number) for client in scenario.clients(ring) for number in range(scenario.connections)]


def _replicas(design: Design, kind: type[SeedReplica], scenario: Scenario, ring: int) -> list[ThreadOf]:
    def replica(number: int, on: int) -> ThreadOf:
        return ThreadOf(f"replica {ring}.{number}", design.broker_host(on), lambda: kind(ring, on).run())

    brokers = [replica_broker(ring, number, scenario.rings_count) for number in range(scenario.replicas)]
    return [replica(number, on) for number, on in enumerate(brokers) if on is not None]


def _client(design: Design, scenario: Scenario, client: int, plan: tuple[Sending, ...]) -> Callable[[], Any]:
    rings, level, connections = scenario.rings_count, design.level, scenario.connections
    kind, restarts = design.client, scenario.restarts
    return lambda: kind(client, plan, rings, level, restarts=restarts, connections=connections).run()


def written_words(design: Design, scenario: Scenario) -> dict[Address, Any]:
    """Return what memory holds when the run begins."""
    words: dict[Address, Any] = {}
    for ring in scenario.joining:  # what a broker that is gone left in its ring: batches, by their guards
        receiver = design.receiver(ring, scenario.slots, ())
        for index in range(scenario.slots):
            words |= _slot_words(receiver, index, Arriving(GONE_CLIENT, index, 1))
    if scenario.written:
        for ring, batches in enumerate(scenario.rings):
            receiver = design.receiver(ring, scenario.slots, batches)
            for index, batch in enumerate(batches):
                words |= _slot_words(receiver, index, batch)
    return words


def _slot_words(receiver: Receiver, index: int, batch: Arriving) -> dict[Address, Any]:
    """Return what a slot holds once a batch is in it."""
    place = receiver.place(index)
    words: dict[Address, Any] = {(*payload(*place), "content"): (batch.client, batch.seq)}
    words |= {(*header(*place), word): value for word, value in receiver.header_words(batch).items()}
    words[*header(*place), "guard"] = receiver.guard(index)
    return words


def partition_steps(design: Design, rings: int, clients: Iterable[int]) -> list[Step]:
    """Return the steps that say which worker owns a client, of a design that has workers."""
    owned, workers = sorted(clients) if design.reads_every_ring else (), design.scanner_count(rings)
    return [Step("own", {"client": client, "ring": owner_of(client, workers)}) for client in owned]


def first_steps(design: Design, scenario: Scenario) -> list[Step]:
    """Return the steps that lie behind a run when it begins."""
    clients = {client for ring in range(scenario.rings_count) for client in scenario.clients(ring)}
    return partition_steps(design, scenario.rings_count, clients) + written_steps(scenario)


def written_steps(scenario: Scenario) -> list[Step]:
    """Return the steps by which the batches came into the rings that are there when a run begins."""
    steps = []
    if scenario.written:
        for ring, batches in enumerate(scenario.rings):
            for index, batch in enumerate(batches):
                steps.append(Step("overwrite", {"ring": ring, "slot": index, "by_ring": ring, "index": index}))
                given = {"ring": ring, "client": batch.client, "seq": batch.seq, "count": batch.count}
                steps.append(Step("arrive", given))
    return steps
