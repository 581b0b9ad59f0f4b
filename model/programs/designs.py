"""The designs by name: each sound sequencer that has programs, and those that are wrong on purpose."""

from fencepost.model.errors import unknown_choice
from fencepost.model.programs.operations import Address
from fencepost.model.programs.order4 import CasThenReserve, Order4Claim, Order4Mutex, Order4ShardedMutex
from fencepost.model.programs.order4_owner import Order4Owner
from fencepost.model.programs.order5 import Order5Epoch, Order5FetchAdd
from fencepost.model.programs.pipeline import Design
from fencepost.model.programs.seed import (
    SeedAcknowledger,
    SeedClient,
    SeedDelegation,
    SeedReceiver,
    SeedScanner4,
    SeedScanner5,
    SeedSubscriber,
)
from fencepost.model.programs.seed.layout import slot
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
) + (Design("order4.owner", Order4Owner, protocol("order4.owner"), reads_every_ring=True),)
WRONG = (Design("order4.cas_then_reserve", CasThenReserve, protocol("order4.cas_then_reserve")),)
SEED = (
    Design(
        "seed.order5",
        SeedScanner5,
        protocol("order5.fetch_add"),
        receiver=SeedReceiver,
        delegation=SeedDelegation,
        subscriber=SeedSubscriber,
        acknowledger=SeedAcknowledger,
        client=SeedClient,
        guard=seed_guard,
        broker_host=seed_broker_host,
        reader_host=lambda ring, rings: seed_broker_host(ring),
        needs=("receivers", "delegations"),
    ),
    Design(
        "seed.order4",
        SeedScanner4,
        protocol("order4.mutex"),
        receiver=SeedReceiver,
        subscriber=SeedSubscriber,
        acknowledger=SeedAcknowledger,
        client=SeedClient,
        guard=seed_guard,
        broker_host=seed_broker_host,
        reader_host=lambda ring, rings: seed_broker_host(ring),
        needs=("receivers",),
        lacks=("delegations",),
    ),
)
DESIGNS = {each.name: each for each in (*SOUND, *WRONG, *SEED)}


def design(name: str) -> Design:
    """Return the design of that name."""
    if name not in DESIGNS:
        raise unknown_choice("sequencer", name, DESIGNS)
    return DESIGNS[name]
