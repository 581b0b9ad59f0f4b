"""What an exhibit of the museum is: one bug, what it deviates from, and the smallest run that shows it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from fencepost.model.contract import Level
from fencepost.model.language import Protocol
from fencepost.model.programs.designs import design
from fencepost.model.programs.pipeline import Design, Scenario
from fencepost.model.programs.roles.receiver import Arriving

ORDER5, CLAIM, MUTEX = design("order5.fetch_add"), design("order4.claim"), design("order4.mutex")
EPOCH4 = design("order4.epoch")
"""The sound designs that bugs deviate from."""
_PARTS = (
    "scanner", "receiver", "sharing", "delegation", "subscriber", "committer", "position_reader", "acknowledger",
    "stopping", "waiting",
)  # fmt: skip
"""The parts of a design that are programs."""


@dataclass(frozen=True)
class Bug:
    """A sound design with one place changed.

    `breaks` names the promise that it must break, `origin` where the bug comes from, `scenario` the smallest in which
    it shows. `refuted` is the spec with the same fault, where there is one: its promise of that name must be broken.
    The clients 0, 1, 2 of that spec are clients 0, k, 2k of the programs, where k is `client_stride`.
    """

    name: str
    breaks: str
    origin: str
    sound: Design
    design: Design
    scenario: Scenario
    refuted: type[Protocol] | None = None
    client_stride: int = 1

    @property
    def level(self) -> Level:
        return self.design.level

    @property
    def deviation(self) -> str:
        """What is changed, in one sentence: the first line of the class that changes it."""
        for part in _PARTS:
            if getattr(self.design, part) is not getattr(self.sound, part):
                return str(getattr(self.design, part).__doc__).partition("\n")[0]
        return str(self.design.scanner_host.__doc__).partition("\n")[0]


def deviating(
    name: str,
    *,
    breaks: str,
    origin: str,
    sound: Design,
    scenario: Scenario,
    refuted: type[Protocol] | None = None,
    client_stride: int = 1,
    **changed: Any,
) -> Bug:
    """Return the bug that is `sound` with these parts of the design changed."""
    wrong = replace(sound, name=f"{sound.name.partition('.')[0]}.{name}", **changed)
    return Bug(name, breaks, origin, sound, wrong, scenario, refuted, client_stride)


def batch(client: int, seq: int, count: int = 1) -> Arriving:
    """Return a batch on its way to a ring."""
    return Arriving(client, seq, count)


def in_rings(*rings: tuple[Arriving, ...], **given: Any) -> Scenario:
    """Return the scenario in which these batches are in the rings when the run begins: receivers take no part."""
    return Scenario(rings=rings, written=True, **given)
