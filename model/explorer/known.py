"""Every design that a trace may be of, by the name that is written to its file."""

from __future__ import annotations

from fencepost.model.museum import DESIGNS
from fencepost.model.programs.pipeline import Design


def known_designs() -> dict[str, Design]:
    """Return the sequencers and the mutants of the museum, by name.

    A mutant goes by the name of its bug: `order4.cas_then_reserve` is a sequencer, whose runs refine a wrong spec, and
    `cas_then_reserve` the same programs held against the sound one.
    """
    return DESIGNS


def name_of(design: Design) -> str:
    """Return the name under which a design is known; its own, where it is not."""
    return next((name for name, known in known_designs().items() if known == design), design.name)
