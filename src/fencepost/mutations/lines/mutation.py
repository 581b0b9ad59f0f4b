"""One line of the native headers, changed on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Build = Literal["shared", "workers", "stepped"]
"""What has to be compiled to see it: the sequencers that scanners share, with their races; those made of workers; or
the stepped pipeline."""


@dataclass(frozen=True)
class Mutation:
    """A change behind `-DFENCEPOST_MUTANT=k`; `mutant.hpp` has the same names in the same order.

    file     the header that asks for it
    kind     what sort of mistake it is
    breaks   the promise of the contract that it breaks
    change   what the line does then
    origin   why somebody would write it so, or where it was met
    """

    name: str
    file: str
    kind: str
    breaks: str
    change: str
    origin: str
    build: Build = "shared"


@dataclass(frozen=True)
class Equivalent:
    """A change that nothing can tell from the line that stands there, and the argument for that."""

    file: str
    change: str
    argument: str
