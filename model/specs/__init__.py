"""The specs: every protocol by name, the sound ones and the ones kept to be refuted."""

from fencepost.model.contract import Level
from fencepost.model.errors import unknown_choice
from fencepost.model.language import Protocol
from fencepost.model.specs import refuted
from fencepost.model.specs.order4_claim import Order4Claim
from fencepost.model.specs.order4_epoch import Order4Epoch
from fencepost.model.specs.order4_mutex import Order4Mutex
from fencepost.model.specs.order4_owner import Order4Owner
from fencepost.model.specs.order4_sharded_mutex import Order4ShardedMutex
from fencepost.model.specs.order5_epoch import Order5Epoch
from fencepost.model.specs.order5_fetch_add import Order5FetchAdd

SOUND: tuple[type[Protocol], ...] = (
    Order5FetchAdd,
    Order5Epoch,
    Order4Mutex,
    Order4ShardedMutex,
    Order4Claim,
    Order4Owner,
    Order4Epoch,
)

# Each with the promises that it must be shown to break.
REFUTED: dict[type[Protocol], tuple[str, ...]] = {
    refuted.Order4CasThenReserve: ("client-order", "prefix"),
    refuted.Order4ReserveThenCas: ("dense",),
    refuted.Order4ReserveThenCasUnchecked: ("once",),
    refuted.Order4ModuloTable: ("prefix",),
    refuted.Order4FirstExpectationZero: ("once",),
    refuted.Order4ReserveForParked: ("dense", "client-order"),
    refuted.Order4SeedFromFirstSeen: ("prefix",),
    refuted.Order5SplitCounter: ("unique", "contiguous"),
    refuted.Order5HighestPublished: ("frontier",),
    refuted.Order5AnySlot: ("ring-order",),
    refuted.Order5NewestRecord: ("agreement",),
}

PROTOCOLS: dict[str, type[Protocol]] = {each.name: each for each in (*SOUND, *REFUTED)}


def protocol(name: str) -> type[Protocol]:
    """Return the protocol called `name`; raise InputError with the choices where there is none.

    >>> fencepost.protocol("order4.claim").level
    4
    """
    if name not in PROTOCOLS:
        raise unknown_choice("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]


def sequencers(level: Level | None = None) -> dict[str, str]:
    """Return the sound sequencers, of one level or of both: each name with a sentence on how it orders.

    >>> list(fencepost.sequencers(level=5))
    ['order5.fetch_add', 'order5.epoch']
    """
    return {each.name: sentence_of(each) for each in SOUND if level in (None, each.level)}


def sentence_of(protocol: type[Protocol]) -> str:
    """Return the first sentence of a protocol's documentation."""
    return (protocol.__doc__ or "").strip().split("\n\n")[0].replace("\n    ", " ")


def sound_at(level: Level) -> tuple[type[Protocol], ...]:
    """Return the sound protocols of a level."""
    return tuple(each for each in SOUND if each.level == level)


__all__ = ["PROTOCOLS", "REFUTED", "SOUND", "protocol", "sound_at"]
