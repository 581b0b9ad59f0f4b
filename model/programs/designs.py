"""The designs by name: each sound sequencer that has programs, and those that are wrong on purpose."""

from fencepost.model.errors import unknown_choice
from fencepost.model.programs.order4 import CasThenReserve, Order4Claim, Order4Mutex
from fencepost.model.programs.order5 import Order5FetchAdd
from fencepost.model.programs.pipeline import Design
from fencepost.model.specs import protocol

SOUND = tuple(
    Design(name, scanner, protocol(name))
    for name, scanner in (
        ("order5.fetch_add", Order5FetchAdd),
        ("order4.mutex", Order4Mutex),
        ("order4.claim", Order4Claim),
    )
)
WRONG = (Design("order4.cas_then_reserve", CasThenReserve, protocol("order4.cas_then_reserve")),)
DESIGNS = {each.name: each for each in (*SOUND, *WRONG)}


def design(name: str) -> Design:
    """Return the design of that name."""
    if name not in DESIGNS:
        raise unknown_choice("sequencer", name, DESIGNS)
    return DESIGNS[name]
