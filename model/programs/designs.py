"""The designs by name: each sound sequencer that has programs, and those that are wrong on purpose."""

from dataclasses import replace

from fencepost.model.errors import unknown_choice
from fencepost.model.programs.operations import Address
from fencepost.model.programs.pipeline import Design
from fencepost.model.programs.roles.header_fields import with_fields
from fencepost.model.programs.seed import (
    SeedAcknowledger,
    SeedClient,
    SeedDelegation,
    SeedGatedScanner4,
    SeedReceiver,
    SeedReceiver4,
    SeedReplica,
    SeedScanner4,
    SeedScanner5,
    SeedSearchingSubscriber,
    SeedSubscriber,
)
from fencepost.model.programs.seed.layout import slot
from fencepost.model.programs.sequencers.order4 import CasThenReserve, Order4Claim, Order4Mutex, Order4ShardedMutex
from fencepost.model.programs.sequencers.order4_epoch import Order4Epoch
from fencepost.model.programs.sequencers.order4_owner import Order4Owner
from fencepost.model.programs.sequencers.order5 import Order5Epoch, Order5FetchAdd
from fencepost.model.specs import protocol


def seed_guard(ring: int, place: int, slots: int) -> tuple[Address, int]:
    """Return the flag that offers a place of a seed ring's export chain."""
    return (*slot(ring, place, slots), "ordered"), 1


def seed_broker_host(ring: int) -> int:
    """Return the host of a broker: broker 0 is where the sequencer runs."""
    return ring


SOUND = tuple(
    Design(name, scanner, protocol(name))
    for name, scanner in (
        ("order5.fetch_add", Order5FetchAdd),
        ("order5.epoch", Order5Epoch),
        ("order4.mutex", Order4Mutex),
        ("order4.sharded_mutex", Order4ShardedMutex),
        ("order4.claim", Order4Claim),
    )
) + (
    Design("order4.owner", Order4Owner, protocol("order4.owner"), workers=lambda rings: rings),
    Design("order4.epoch", Order4Epoch, protocol("order4.epoch"), workers=lambda rings: 1),
)
FIELDS = tuple(with_fields(each) for each in SOUND)
"""The sound ones, with the fields of headers as words of their own; they have no native form."""
WRONG = (Design("order4.cas_then_reserve", CasThenReserve, protocol("order4.cas_then_reserve")),)
ORDER_5 = Design(
    "seed.order5",
    SeedScanner5,
    protocol("order5.fetch_add"),
    receiver=SeedReceiver,
    connection=SeedReceiver,
    sharing=SeedReceiver,
    delegation=SeedDelegation,
    subscriber=SeedSubscriber,
    replica=SeedReplica,
    acknowledger=SeedAcknowledger,
    client=SeedClient,
    guard=seed_guard,
    broker_host=seed_broker_host,
    reader_host=lambda ring, rings: seed_broker_host(ring),
    needs=("receivers", "delegations"),
    lacks=("readers",),
)
ORDER_4 = replace(
    ORDER_5,
    name="seed.order4",
    scanner=SeedScanner4,
    spec=protocol("order4.mutex"),
    receiver=SeedReceiver4,
    connection=SeedReceiver4,
    sharing=SeedReceiver4,
    needs=("receivers",),
    lacks=("delegations", "readers"),
)
SEED = (
    ORDER_5,
    ORDER_4,
    replace(ORDER_5, name="seed.order5_search", subscriber=SeedSearchingSubscriber),
    replace(ORDER_4, name="seed.order4_search", subscriber=SeedSearchingSubscriber),
    replace(ORDER_4, name="seed.order4_gate", scanner=SeedGatedScanner4),
)
DESIGNS = {each.name: each for each in (*SOUND, *FIELDS, *WRONG, *SEED)}


def design(name: str) -> Design:
    """Return the design of that name."""
    if name not in DESIGNS:
        raise unknown_choice("sequencer", name, DESIGNS)
    return DESIGNS[name]
