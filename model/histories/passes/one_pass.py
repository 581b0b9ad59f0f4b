"""What a pass over the rows of a history finds, however it is made: counts, and the rows of the first place."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from pathlib import Path
from typing import NamedTuple, Protocol

from fencepost.model.histories.records import IntColumn
from fencepost.model.histories.rules import Rules

WORST_COUNT = 3
"""So many culprits of a property are named."""


class Culprit(NamedTuple):
    """Rows that show one culprit, and by how much it is wrong, in the measure of its property.

    The rows are those of the log, unless `path` names a file beside it.
    """

    rows: tuple[int, ...]
    size: int
    path: Path | None = None


def worst_of(sizes: Sequence[int], rows_of: Callable[[int], tuple[int, ...]]) -> tuple[Culprit, ...]:
    """Return the culprits of the largest sizes, of equal ones the first; `sizes` are in position order."""
    places = nsmallest(WORST_COUNT, range(len(sizes)), key=lambda place: (-int(sizes[place]), place))
    return tuple(Culprit(rows_of(place), int(sizes[place])) for place in places)


def numbered_from_one(worst: Iterable[Culprit]) -> tuple[Culprit, ...]:
    """Return culprits with the numbers of data rows, in place of indexes of rows."""
    return tuple(each._replace(rows=tuple(row + 1 for row in each.rows)) for each in worst)


@dataclass(frozen=True)
class Breach:
    """How often a property is broken, and the rows of the first place, from 0; of a gap the number it begins with.

    `worst` are the culprits of the largest sizes, with rows from 0.
    """

    count: int
    rows: tuple[int, ...] = ()
    low: int = 0
    worst: tuple[Culprit, ...] = ()


class Copy(NamedTuple):
    """A row of a batch that another row had before."""

    client_id: int
    batch_seq: int
    row: int


class OnePass(Protocol):
    """A pass over rows in position order."""

    def add(self, columns: Mapping[str, IntColumn], rows: IntColumn) -> bool: ...
    def found(self) -> dict[str, Breach]: ...
    def copies(self) -> list[Copy]: ...
    def nothing_in_real_time(self) -> str: ...


PassMaker = Callable[[Collection[str], Rules, bool], OnePass]
