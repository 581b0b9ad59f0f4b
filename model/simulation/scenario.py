"""Scenarios: what is simulated, as a TOML file says it. Every key has a default; an unknown one is refused.

Times, sizes and rates are texts with units; inside they are integer nanoseconds, bytes, and exact fractions.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import fsum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from fencepost.model.documents import decoded, text_of
from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.simulation.distributions import Distribution
from fencepost.model.simulation.machine_costs import MachineCosts
from fencepost.model.simulation.quantities import BatchRate, ByteRate, Bytes, Nanoseconds

Granularity = Literal["batch", "operation"]
Policy = Literal["none", "per_message", "per_batch", "single_fence", "epoch", "seed"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
FaultKind = Literal[
    "broker_pause", "broker_crash_before_publish", "broker_crash_after_publish", "slow_subscriber", "scanner_pause",
    "sequencer_stop", "late_broker",
]  # fmt: skip

BATCHES_MOST = 20_000_000
"""Of one run: each takes about 1 KB until the run has been judged."""
SKEW_MOST = 8.0
DURATION_MOST = Nanoseconds.parse("86400 s")

ENDING = ("broker_pause", "slow_subscriber", "scanner_pause", "sequencer_stop")  # faults that last for a while


@lru_cache
def _zipf_shares(count: int, skew: float) -> tuple[Fraction, ...]:
    """Return each client's share of all batches, the first one's first: as 1 / n^skew (Zipf's law)."""
    weights = [(number + 1) ** -skew for number in range(count)]
    total = fsum(weights)
    return tuple(Fraction(each / total) for each in weights)


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of a scenario file."""


class Clients(Section, frozen=True):
    """Who sends. A client numbers its batches from 0 and keeps each until it is acked."""

    count: int = 4
    loop: Literal["open", "closed"] = "open"  # open: at `rate`, whatever happens; closed: as the window allows
    rate: BatchRate = BatchRate(50_000)  # of each client, in an open loop
    skew: float = 0.0  # client n sends in proportion to 1 / (n + 1)^skew (Zipf); `rate` is the mean of all clients'
    arrivals: Literal["poisson", "paced"] = "poisson"
    burst_batches: int = 1  # batches are due in groups of this many; the rate stays
    think: Nanoseconds = Nanoseconds(0)  # in a closed loop, between an ack and the batch that it lets go
    window: Bytes = Bytes(64 * 2**20)  # of one client's payload that is sent and not acked
    messages_per_batch: int = 128
    message_bytes: Bytes = Bytes(1024)
    stripe: Literal["round_robin", "own"] = "round_robin"  # own: client c sends to broker c mod brokers
    ack: Literal["assigned", "deliverable", "delivered"] = "deliverable"
    retransmit_after: Nanoseconds = Nanoseconds(0)  # without an ack for so long, a batch is sent again; 0: never
    workload: str = ""  # a file of arrivals at brokers, or "recorded"; replaces rate, stripe and network

    def rate_of(self, number: int) -> Fraction:
        """Return the batches/s of one client: its share, by `skew`, of what all send together."""
        if not self.skew:
            return self.rate
        return self.rate * self.count * _zipf_shares(self.count, self.skew)[number]


class Network(Section, frozen=True):
    """Between clients and brokers, both ways."""

    delay: Distribution = Distribution(
        kind="exponential", mean=Nanoseconds.parse("15 us"), at_least=Nanoseconds.parse("10 us")
    )
    bandwidth: ByteRate = ByteRate.parse("12.5 GB/s")  # of each client's own link
    loss: float = 0.0  # of every batch and every ack, independently
    in_order: bool = True  # one connection for each (client, broker), as TCP gives


class Brokers(Section, frozen=True):
    """Who receives: one receiver, one ring and one subscriber each."""

    count: int = 4
    ring_slots: int = 512
    hosts: Literal["own", "shared"] = "own"  # shared: brokers and sequencer in one coherence domain
    receive: Distribution = Distribution()  # of the receiver for a batch, on top of copying it
    publish: Literal["flush", "evict"] = "flush"  # evict: no flush, so a slot shows when its line is evicted
    delegated: bool = False  # a delegation counts the slots that are filled; the scanner waits for that
    ack_poll: Nanoseconds = Nanoseconds(0)  # of the acknowledger; 0: as fast as it goes round its clients


class Ordering(Section, frozen=True):
    """The sequencer's scanners, one a ring."""

    service: Distribution = Distribution()  # of a scanner for a batch, on top of what its operations cost
    scan: Literal["head", "walk"] = "head"  # walk: slot after slot round the ring, whatever they hold
    step: Nanoseconds = Nanoseconds(740)  # of a walk, from one slot to the next
    message_headers: bool = True  # at level 4: positions are written into the header of every message
    inside_lock: Nanoseconds = Nanoseconds(0)  # slept while the lock is held
    epoch: Nanoseconds = Nanoseconds.parse("100 us")  # of the epoch sequencers
    group: int = 16  # batches that publication policy `epoch` makes readable together


class Subscribers(Section, frozen=True):
    """Who reads: one subscriber a ring, in the order in which the ring's batches were released."""

    service: Distribution = Distribution()  # for a batch, on top of copying it
    copies: bool = True  # reads the payload


class Fault(Section, frozen=True):
    """Something that happens at a time to the broker or ring of a number.

    `lasts` is of those that end; `factor` of slow_subscriber. A scanner pauses between two of its operations, wherever
    it happens to be; a sequencer stops between two batches, and begins again with what is in the rings.
    """

    kind: FaultKind
    at: Nanoseconds
    broker: int = 0
    lasts: Nanoseconds = Nanoseconds(0)
    every: Nanoseconds = Nanoseconds(0)  # happens again and again, until sending ends; 0: once
    factor: int = 10


class Scenario(Section, frozen=True):
    """One thing to simulate. Send for `duration`, then let it drain for at most `drain`.

    The keys are those of a TOML file. Times, sizes and rates are texts with units there; here they are nanoseconds,
    bytes and exact fractions a second.

    >>> fencepost.Scenario().clients.count, fencepost.Scenario().duration
    (4, 50000000)
    """

    name: str = "default"
    sequencer: str = "order4.claim"
    policy: Policy = "per_batch"
    duration: Nanoseconds = Nanoseconds.parse("50 ms")
    drain: Nanoseconds = Nanoseconds.parse("1 s")
    warmup: str = "mser5"  # or a time
    replications: int = 5
    granularity: Granularity = "batch"
    check: bool = True  # the contract, inside the run
    loads: tuple[float, ...] = (
        0.25,
        0.5,
        0.75,
        1.0,
        1.25,
        1.5,
        1.75,
    )  # factors for the figure of throughput against load
    clients: Clients = Clients()
    network: Network = Network()
    brokers: Brokers = Brokers()
    ordering: Ordering = Ordering()
    subscribers: Subscribers = Subscribers()
    machine: MachineCosts = MachineCosts()
    faults: tuple[Fault, ...] = ()

    @property
    def warmup_ns(self) -> int | None:
        """The time that is left out of the figures; None: found by MSER-5."""
        return None if self.warmup == "mser5" else int(Nanoseconds.parse(self.warmup))

    def with_(self, **changes: Any) -> Scenario:
        """Return the scenario with some keys replaced: its own, those of a section by their name, or a section's dict.

            Scenario().with_(rate="200 Kbatches/s", sequencer="order5.fetch_add", brokers={"count": 2})

        A plain number is in batches/s, bytes or nanoseconds. Raises InputError for an unknown key, and for one that
        several sections have.
        """
        document: dict[str, Any] = described(self)
        for key, value in changes.items():
            section = _section_of(self, key)
            if section is not None:
                document[section][key] = _as_said(getattr(getattr(self, section), key), value)
            elif isinstance(value, dict):
                own = getattr(self, key)
                document[key] |= {inner: _as_said(getattr(own, inner, None), each) for inner, each in value.items()}
            else:
                document[key] = _as_said(getattr(self, key), value)
        return _made(document, "scenario", self.name)


def read_scenario(path: Path) -> Scenario:
    """Return the scenario of a TOML file; InputError names the file, the key, what was found and what was expected.

    >>> fencepost.read_scenario(Path("examples/scenarios/broker-crash.toml")).faults[0].kind
    'late_broker'
    """
    return parse_scenario(text_of(path, "a scenario in TOML"), str(path), default_name=path.stem)


def parse_scenario(text: str, source: str = "scenario", *, default_name: str = "scenario") -> Scenario:
    """Return the scenario that a text says; `source` names it in errors, which are those of `read_scenario`.

    >>> fencepost.parse_scenario('duration = "1 ms"').duration
    1000000
    """
    document = decoded(text, msgspec.toml.decode, source, "TOML")
    return _made(document, source, default_name)


def _made(document: dict[str, Any], source: str, default_name: str) -> Scenario:
    """Return the scenario of a document. Raises InputError for a key or value that a scenario does not have."""
    prepared = _prepared(document, Scenario, source, "")
    try:
        scenario = msgspec.convert({"name": default_name, **prepared}, Scenario, dec_hook=_decoded)
    except msgspec.ValidationError as error:
        raise InputError(f"{source}: {_in_our_words(str(error))}") from None
    return checked(scenario, source)


def _section_of(scenario: Scenario, key: str) -> str | None:
    """Return the section that has a key; None for a key of the scenario itself. InputError: none has it, or several."""
    if key in Scenario.__struct_fields__:
        return None
    having = [
        name
        for name in Scenario.__struct_fields__
        if isinstance(getattr(scenario, name), Section) and key in getattr(scenario, name).__struct_fields__
    ]
    if not having:
        sections = [getattr(scenario, name) for name in Scenario.__struct_fields__]
        inner = [each for section in sections if isinstance(section, Section) for each in section.__struct_fields__]
        raise unknown_choice("key", key, (*Scenario.__struct_fields__, *dict.fromkeys(inner)))
    if len(having) > 1:
        choices = " or ".join(f"{name}={{{key!r}: ...}}" for name in having)
        raise InputError(f"scenario: {key} is a key of {' and '.join(having)}: say which one, {choices}")
    return having[0]


def _as_said(held: Any, value: Any) -> Any:
    """Return a value as a file would say it; a plain number in the place of a quantity is in its least unit."""
    if isinstance(held, Nanoseconds | Bytes | BatchRate | ByteRate) and type(value) in (int, float):
        return str(type(held)(value))
    return described(value)


def _decoded(kind: type, value: Any) -> Any:
    """Make the quantities, which are no types of TOML."""
    if kind in (Nanoseconds, Bytes, BatchRate, ByteRate):
        return kind.parse(value)
    raise NotImplementedError(kind)


def _in_our_words(problem: str) -> str:
    what, _, where = problem.partition(" - at ")
    key = where.strip("`").removeprefix("$.")
    return f"{key}: {what}" if key else what


def _prepared(value: Any, kind: Any, source: str, where: str) -> Any:
    """Return a document with a time written out as the distribution that it stands for.

    Raises InputError for a key that no field has and a word that is none of the choices, naming those there are.
    """
    if get_origin(kind) is tuple and isinstance(value, list):
        return [_prepared(each, get_args(kind)[0], source, f"{where}[{index}]") for index, each in enumerate(value)]
    if get_origin(kind) is Literal and value not in get_args(kind):
        raise InputError(f"{source}: {where} is {value!r}, expected one of {', '.join(map(str, get_args(kind)))}")
    if kind is Distribution and isinstance(value, str):
        return {"mean": value}
    if not isinstance(value, dict) or not isinstance(kind, type) or not issubclass(kind, msgspec.Struct):
        return value
    fields, prefix = get_type_hints(kind), f"{where}." if where else ""
    for key in value:
        if key not in fields:
            raise InputError(f"{source}: unknown key {prefix + key!r}: expected one of {', '.join(fields)}")
    return {key: _prepared(inner, fields[key], source, prefix + key) for key, inner in value.items()}


def checked(scenario: Scenario, source: str = "scenario") -> Scenario:
    """Return the scenario if its values can be simulated, whoever made it; InputError names the key otherwise."""
    clients, brokers = scenario.clients, scenario.brokers
    limits = {
        "duration": (scenario.duration, 1, DURATION_MOST),
        "replications": (scenario.replications, 1, 10_000),
        "clients.count": (clients.count, 1, 65_535),
        "clients.burst_batches": (clients.burst_batches, 1, 10**6),
        "clients.messages_per_batch": (clients.messages_per_batch, 1, 10**6),
        "clients.message_bytes": (clients.message_bytes, 1, Bytes(2**30)),
        "brokers.count": (brokers.count, 1, 1_024),
        "brokers.ring_slots": (brokers.ring_slots, 1, 2**20),
        "ordering.epoch": (scenario.ordering.epoch, 1, DURATION_MOST),
        "ordering.step": (scenario.ordering.step, 1, DURATION_MOST),
        "ordering.group": (scenario.ordering.group, 1, 10**6),
    }
    for key, (value, least, most) in limits.items():
        if not least <= value <= most:
            raise InputError(f"{source}: {key} is {value}, expected at least {least} and at most {most}")
    if not 0.0 <= scenario.network.loss < 1.0:
        raise InputError(f"{source}: network.loss is {scenario.network.loss}, expected from 0 to less than 1")
    if not 0.0 <= clients.skew <= SKEW_MOST:
        raise InputError(f"{source}: clients.skew is {clients.skew}, expected from 0 to {SKEW_MOST:g}")
    if clients.skew and (clients.loop == "closed" or clients.workload):
        what = "closed loop" if clients.loop == "closed" else "workload file"
        raise InputError(f"{source}: clients.skew is {clients.skew}, but a {what} has no rates: expected 0")
    if clients.window < clients.messages_per_batch * clients.message_bytes:
        size = Bytes(clients.messages_per_batch * clients.message_bytes)
        raise InputError(f"{source}: clients.window is {clients.window}, expected at least one batch ({size})")
    if not 0 < len(scenario.loads) <= 1_000 or not all(0 < load <= 1_000 for load in scenario.loads):
        shown = f"{list(scenario.loads[:3])}{' and more' if len(scenario.loads) > 3 else ''}"
        raise InputError(f"{source}: loads is {shown}, expected 1 to 1000 factors above 0 and at most 1000")
    if scenario.policy == "none" and brokers.hosts == "own":
        raise InputError(
            f"{source}: policy is none and brokers.hosts is own: on hosts that do not share a cache nothing would be "
            f"written back, expected one of {', '.join(POLICIES[1:-1])}, or brokers.hosts = 'shared'"
        )
    _check_amount(scenario, source)
    _check_warmup(scenario, source)
    _check_faults(scenario, source)
    return scenario


def _check_amount(scenario: Scenario, source: str) -> None:
    """Refuse more batches than a run can keep; in a closed loop nobody knows how many will be sent."""
    clients = scenario.clients
    if clients.loop == "closed" or clients.workload:
        return
    batch_count = int(clients.rate * clients.count * scenario.duration / 10**9 * max(1.0, *scenario.loads))
    if batch_count > BATCHES_MOST:
        raise InputError(
            f"{source}: clients.rate x clients.count x duration is {batch_count:.3g} batches in each run, expected at "
            f"most {BATCHES_MOST:.3g}: lower one of them"
        )


def _check_warmup(scenario: Scenario, source: str) -> None:
    try:
        warmup_ns = scenario.warmup_ns
    except ValueError as error:
        raise InputError(f"{source}: warmup: {error}; or 'mser5'") from None
    if warmup_ns is not None and warmup_ns >= scenario.duration:
        raise InputError(
            f"{source}: warmup is {scenario.warmup}, expected less than the duration ({scenario.duration})"
        )


def _check_faults(scenario: Scenario, source: str) -> None:
    for index, fault in enumerate(scenario.faults):
        where = f"{source}: faults[{index}]"
        if not 0 <= fault.broker < scenario.brokers.count:
            expected = f"expected 0 to {scenario.brokers.count - 1}"
            raise InputError(f"{where}.broker is {fault.broker}, {expected}")
        if fault.kind in ENDING and fault.lasts < 1:
            raise InputError(f"{where}.lasts is {fault.lasts}, expected how long the {fault.kind} lasts")
        if fault.kind.startswith("broker_crash") and scenario.brokers.count < 2:
            raise InputError(f"{where}.kind is {fault.kind}, expected at least 2 brokers, so that one is left")
        if fault.every and (fault.every <= fault.lasts or fault.kind not in ENDING):
            expected = f"expected a fault that ends ({', '.join(ENDING)}), and more than lasts ({fault.lasts})"
            raise InputError(f"{where}.every is {fault.every} for {fault.kind}, {expected}")
        if fault.factor < 1:
            raise InputError(f"{where}.factor is {fault.factor}, expected at least 1")


def described(value: Any) -> Any:
    """Return a scenario as a scenario file would say it, every key written out."""
    if isinstance(value, Distribution):
        return value.described()
    if isinstance(value, msgspec.Struct):
        return {name: described(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple):
        return [described(each) for each in value]
    return str(value) if isinstance(value, Nanoseconds | Bytes | BatchRate | ByteRate) else value
