"""Where a search stands, in values that can be kept in a file or given to another process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from fencepost.model.explorer.search.reduction import Counts, Request, Standing
from fencepost.model.explorer.search.schedule import Schedule
from fencepost.model.memory.lines import Lines


@dataclass(frozen=True)
class Piece:
    """A part of a search: its runs so far, and what is left of it.

    rest      where it stands at its own places; nothing when it is done
    found     the schedule of its first violation
    requests  of its races, for places that are not its own
    """

    rest: tuple[Standing, ...]
    counts: Counts
    found: Schedule | None
    requests: tuple[Request, ...] = ()


def copied(lines: Lines) -> Lines:
    """Return what is known of lines now, to which nothing is added."""
    other = Lines(lines.one_host)
    other.join(lines)
    return other


@dataclass(frozen=True)
class Position:
    """Where a search stands.

    lines   what was known of lines when it came there
    ahead   the pieces that others have searched: by place, and number of their step there
    """

    standings: tuple[Standing, ...] = ()
    counts: Counts = field(default_factory=Counts)
    found: Schedule | None = None
    ahead: dict[tuple[int, int], Piece] = field(default_factory=dict)
    lines: Lines = field(default_factory=lambda: Lines(one_host=False))

    def total(self) -> Counts:
        """Return the counts of all runs that were visited."""
        counts = replace(self.counts)
        for piece in self.ahead.values():
            counts.add(piece.counts)
        return counts

    def all_found(self) -> Iterator[Schedule]:
        """Yield the schedules of the violations that were found, in the order in which one process finds them."""
        ahead = (piece for _, piece in sorted(self.ahead.items(), key=lambda item: (-item[0][0], item[0][1])))
        yield from (found for found in (self.found, *(each.found for each in ahead)) if found is not None)
