"""Recorded workloads that ship with the package; README.md beside this file says where they come from."""

from importlib.resources import as_file, files

from fencepost.model.contract import LEVELS, Level
from fencepost.model.errors import unknown_choice
from fencepost.model.histories import Workload, read_workload

__all__ = ["recorded_workload"]


def recorded_workload(level: Level) -> Workload:
    """Return the recorded arrivals that sequencers of `level` are run on by default.

    Level 5: 4,200 arrivals on four rings. Level 4: 4,289, of which 89 are retransmissions to another
    ring. InputError: an unknown level.
    """
    if level not in LEVELS:
        raise unknown_choice("level", level, LEVELS)
    with as_file(files(__name__) / f"redis-order{level}-workload.csv") as path:
        return read_workload(path)
