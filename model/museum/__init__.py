"""The museum: bugs of total-order sequencers, each a sound design with one place changed.

attempts          level 4: how a batch is tested, claimed, given its range, set aside
epoch             level 4: batches that are reserved for together
ring              the ring, and the scanner's way through it
connections       a ring that several connections fill together
visibility        what is stored, flushed, fenced and invalidated
acknowledgement   what a client is told
positions         the log by position, and its frontier
fields            headers whose fields are words of their own
processes         scanners that are stopped, waits that time out, brokers that join
"""

from fencepost.model.errors import unknown_choice
from fencepost.model.museum import (
    acknowledgement,
    attempts,
    connections,
    epoch,
    fields,
    positions,
    processes,
    ring,
    visibility,
)
from fencepost.model.museum.bug import Bug
from fencepost.model.programs import DESIGNS as PROGRAMS
from fencepost.model.programs.pipeline import Design

_ROOMS = (attempts, epoch, ring, connections, visibility, acknowledgement, positions, fields, processes)
BUGS: dict[str, Bug] = {each.name: each for room in _ROOMS for each in room.BUGS}
DESIGNS: dict[str, Design] = {**PROGRAMS, **{name: each.design for name, each in BUGS.items()}}
"""Every design that has programs, by name; a mutant goes by the name of its bug."""


def bug(name: str) -> Bug:
    """Return the bug of that name; raise InputError with the choices where there is none."""
    if name not in BUGS:
        raise unknown_choice("mutant", name, BUGS)
    return BUGS[name]


__all__ = ["BUGS", "DESIGNS", "Bug", "bug"]
