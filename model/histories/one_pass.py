"""What a pass over the rows of a history finds, however it is made: counts, and the rows of the first place."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from fencepost.model.histories.records import IntColumn
from fencepost.model.histories.rules import Rules


@dataclass(frozen=True)
class Breach:
    """How often a property is broken, and the rows of the first place, from 0; of a gap the number it begins with."""

    count: int
    rows: tuple[int, ...] = ()
    low: int = 0


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
