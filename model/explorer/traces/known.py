"""Every design that a trace may be of, by the name that is written to its file."""

from __future__ import annotations

from fencepost.model.errors import InputError
from fencepost.model.language import Protocol
from fencepost.model.museum import BUGS, DESIGNS
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


def programs_with_steps_of(protocol: type[Protocol]) -> tuple[Design, int]:
    """Return the design whose programs have a protocol's steps, and which of its clients the protocol's client 1 is.

    It is the design of the protocol's name, or the bug that has it as its refuted spec. Raises InputError for a
    protocol that no programs were written with.
    """
    if protocol.name in DESIGNS:
        return DESIGNS[protocol.name], 1
    for bug in BUGS.values():
        if protocol is bug.refuted:
            return bug.design, bug.client_stride
    raise InputError(f"no programs have the steps of {protocol.name}: it is a spec alone")
