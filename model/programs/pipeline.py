"""A whole run: which program each thread runs, on which host, and what is sent.

    Design     the programs of a sequencer and of what stands around it; a mutant is a design with one place changed
    Scenario   what arrives, how long the rings are, and which threads take part

Hosts, unless a design says otherwise: the scanners share host 0; the receiver, delegation and acknowledger of ring r
are on host 1 + r; its subscriber is on a host of its own, after those. Clients have no part in the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from fencepost.model.contract import Level
from fencepost.model.errors import InputError
from fencepost.model.language import Protocol
from fencepost.model.programs.acknowledger import Acknowledger
from fencepost.model.programs.client import Client, Sending
from fencepost.model.programs.delegation import Delegation
from fencepost.model.programs.layout import chain, header, payload
from fencepost.model.programs.operations import Address, ThreadOf
from fencepost.model.programs.partition import owner_of
from fencepost.model.programs.receiver import Arriving, Receiver
from fencepost.model.programs.scanner import Scanner
from fencepost.model.programs.seed.broker import SeedAcknowledger
from fencepost.model.programs.subscriber import Subscriber, SubscriberOfWorkers
from fencepost.model.trace import Step

Rings: TypeAlias = Sequence[Sequence[Arriving]]  # what arrives on each ring, in ring order
SEQUENCER_HOST = 0


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
    delegation: type[Delegation] = Delegation
    subscriber: type[Subscriber] = Subscriber
    acknowledger: type[Acknowledger] = Acknowledger
    client: type[Client] = Client
    guard: Callable[[int, int, int], tuple[Address, int]] = sound_guard
    scanner_host: Callable[[int], int] = field(default=lambda ring: SEQUENCER_HOST)
    broker_host: Callable[[int], int] = field(default=lambda ring: 1 + ring)
    reader_host: Callable[[int, int], int] = field(default=lambda ring, rings: 1 + rings + ring)
    needs: tuple[str, ...] = ()  # roles without which it does not work: receivers, delegations
    lacks: tuple[str, ...] = ()  # roles that it does not have
    reads_every_ring: bool = False  # its scanners are workers, each for some of the clients

    @property
    def level(self) -> Level:
        return self.spec.level

    def scanner_of(self, ring: int, rings: int, slots: int, *, delegated: bool = False) -> Scanner:
        """Return the scanner of a ring, or the worker of that number."""
        if self.reads_every_ring:
            return self.scanner(ring, slots, delegated=delegated, rings=rings)
        return self.scanner(ring, slots, delegated=delegated)

    def subscriber_of(self, ring: int, rings: int, slots: int) -> Subscriber:
        """Return the subscriber of a ring."""
        return SubscriberOfWorkers(ring, slots, rings) if self.reads_every_ring else self.subscriber(ring, slots)

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
        roles += ["receivers"] if not self.written or self.later else []
        roles += ["delegations"] if self.delegated else []
        roles += ["subscribers"] if self.subscribers else []
        roles += ["acknowledgers"] if self.acknowledgers or self.plans else []
        roles += ["clients"] if self.plans else []
        words = f"{clients} clients, {self.rings_count} rings of {self.slots} slots, {count} batches"
        return f"{words}; {', '.join(roles)}"


def threads_of(design: Design, scenario: Scenario) -> list[ThreadOf]:
    """Return the threads of a run, scanners first. Raises InputError for a role that the design needs or lacks."""
    _check_roles(design, scenario)
    threads: list[ThreadOf] = []
    for ring in range(scenario.rings_count):
        threads += _around(design, scenario, ring)
    for client, plan in enumerate(scenario.plans):
        threads.append(ThreadOf(f"client {client}", -1 - client, _client(design, scenario, client, plan)))
    order = ("scanner", "receiver", "delegation", "subscriber", "acknowledger", "client")
    return sorted(threads, key=lambda thread: order.index(thread.name.split()[0]))


def _check_roles(design: Design, scenario: Scenario) -> None:
    taking_part = {"receivers": not scenario.written, "delegations": scenario.delegated}
    for role, there in taking_part.items():
        if role in design.needs and not there:
            raise InputError(f"{design.name} does not work without {role}: expected them to take part")
        if role in design.lacks and there:
            raise InputError(f"{design.name} has no {role}: expected them to be left out")


def _around(design: Design, scenario: Scenario, ring: int) -> list[ThreadOf]:
    broker, slots, rings = design.broker_host(ring), scenario.slots, scenario.rings_count
    reader = design.reader_host(ring, rings)
    threads = [
        ThreadOf(
            f"scanner {ring}",
            design.scanner_host(ring),
            lambda: design.scanner_of(ring, rings, slots, delegated=scenario.delegated).run(),
        )
    ]
    if scenario.plans:
        threads.append(ThreadOf(f"receiver {ring}", broker, lambda: design.receiver(ring, slots, ()).serve()))
    elif not scenario.written or scenario.later:
        first = len(scenario.rings[ring]) if scenario.written else 0
        batches = scenario.later[ring] if scenario.written else scenario.rings[ring]
        begin_receiver = lambda: design.receiver(ring, slots, batches, first=first).run()  # noqa: E731
        threads.append(ThreadOf(f"receiver {ring}", broker, begin_receiver))
    if scenario.delegated:
        threads.append(ThreadOf(f"delegation {ring}", broker, lambda: design.delegation(ring, slots).run()))
    if scenario.subscribers:
        threads.append(ThreadOf(f"subscriber {ring}", reader, lambda: design.subscriber_of(ring, rings, slots).run()))
    if scenario.acknowledgers or scenario.plans:
        clients = scenario.clients(ring)
        threads.append(ThreadOf(f"acknowledger {ring}", broker, _acknowledger(design, scenario, ring, clients)))
    return threads


def _client(design: Design, scenario: Scenario, client: int, plan: tuple[Sending, ...]) -> Callable[[], Any]:
    rings, level = scenario.rings_count, design.level
    return lambda: design.client(client, plan, rings, level, restarts=scenario.restarts).run()


def _acknowledger(design: Design, scenario: Scenario, ring: int, clients: list[int]) -> Callable[[], Any]:
    if not issubclass(design.acknowledger, SeedAcknowledger):
        return lambda: design.acknowledger(ring, clients).run()
    kind, sent = design.acknowledger, _sent(scenario, ring)
    return lambda: kind(ring, clients, sent).run()


def _sent(scenario: Scenario, ring: int) -> dict[int, list[int]]:
    """Return the message counts of what each client sends to a ring, in order."""
    sent: dict[int, list[int]] = {}
    for client, plan in enumerate(scenario.plans):
        sent[client] = [sending.count for sending in plan if sending.ring == ring]
    for batch in () if scenario.plans else scenario.rings[ring]:
        sent.setdefault(batch.client, []).append(batch.count)
    return sent


def written_words(design: Design, scenario: Scenario) -> dict[Address, Any]:
    """Return what memory holds when the run begins."""
    words: dict[Address, Any] = {}
    if scenario.written:
        for ring, batches in enumerate(scenario.rings):
            receiver = design.receiver(ring, scenario.slots, batches)
            for index, batch in enumerate(batches):
                place = receiver.place(index)
                words[*payload(*place), "content"] = (batch.client, batch.seq)
                words[*header(*place), "batch"] = (batch.client, batch.seq, batch.count)
                words[*header(*place), "guard"] = receiver.guard(index)
    return words


def partition_steps(design: Design, workers: int, clients: Iterable[int]) -> list[Step]:
    """Return the steps that say which worker owns a client, of a design that has workers."""
    owned = sorted(clients) if design.reads_every_ring else ()
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
