"""The specs: every protocol by name, the sound ones and the ones kept to be refuted."""

from fencepost.model.contract import Level
from fencepost.model.errors import unknown_choice
from fencepost.model.language import Protocol
from fencepost.model.specs.order4_cas_then_reserve import Order4CasThenReserve
from fencepost.model.specs.order4_claim import Order4Claim
from fencepost.model.specs.order4_mutex import Order4Mutex
from fencepost.model.specs.order5_fetch_add import Order5FetchAdd

SOUND: tuple[type[Protocol], ...] = (Order5FetchAdd, Order4Mutex, Order4Claim)
REFUTED: tuple[type[Protocol], ...] = (Order4CasThenReserve,)
PROTOCOLS: dict[str, type[Protocol]] = {each.name: each for each in (*SOUND, *REFUTED)}


def protocol(name: str) -> type[Protocol]:
    """Return the protocol called `name`; raise InputError with the choices where there is none."""
    if name not in PROTOCOLS:
        raise unknown_choice("sequencer", name, PROTOCOLS)
    return PROTOCOLS[name]


def sound_at(level: Level) -> tuple[type[Protocol], ...]:
    """Return the sound protocols of a level."""
    return tuple(each for each in SOUND if each.level == level)


__all__ = ["PROTOCOLS", "REFUTED", "SOUND", "protocol", "sound_at"]
