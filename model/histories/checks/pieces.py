"""Where an order is broken: the culprits, not all that they passed.

Three promises say that one batch comes before another: that of a client's numbering, that of a ring, and
real time. Each gives a batch two numbers, and one comes before another where its `high` is below the
other's `low`. Position order is cut into pieces, each as long as it can be, that keep such an order: the
cuts are what is counted. One batch out of its place is one cut, or two where it lies between others,
however many batches it passed; and any repair must move at least one batch for every two cuts.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fencepost.model.histories.records import NEVER


class Placed(NamedTuple):
    """A batch at positions start .. end - 1. With `low` NEVER it comes behind no other, with `high` before none."""

    start: int
    end: int
    low: int
    high: int


def cuts(batches: Iterable[Placed]) -> Iterator[tuple[int, int]]:
    """Yield, for each cut, which batch should come before which, as indexes of `batches`.

    They are in the order of their starts; one comes before another if all its positions do.
    """
    highest, highest_index = NEVER, -1  # of the piece: the batch before which most others should come
    reaching = _Reaching()
    for index, batch in enumerate(batches):
        under = reaching.lowest(batch.start)
        if NEVER != batch.high < highest:
            yield index, highest_index
        elif under is not None and under[0] < batch.low:
            yield under[1], index
        else:
            reaching.add(batch, index)
            if batch.low > highest:
                highest, highest_index = batch.low, index
            continue
        highest, highest_index, reaching = batch.low, index, _Reaching()
        reaching.add(batch, index)


class _Reaching:
    """Those of a piece that end behind a position: by end, without any that one of a later end and lower `high` hides.

    So both ends and `high` ascend, and the first is the lowest.
    """

    def __init__(self) -> None:
        self._ends: list[int] = []
        self._highs: list[tuple[int, int]] = []  # high, index

    def lowest(self, start: int) -> tuple[int, int] | None:
        """Forget what ends at or before `start`; return the lowest `high` of the others, and whose it is."""
        while self._ends and self._ends[0] <= start:
            del self._ends[0], self._highs[0]
        return self._highs[0] if self._highs else None

    def add(self, batch: Placed, index: int) -> None:
        if batch.high == NEVER:
            return
        place = bisect_left(self._ends, batch.end)
        if place < len(self._ends) and self._highs[place][0] <= batch.high:
            return
        hidden = place
        while hidden and self._highs[hidden - 1][0] >= batch.high:
            hidden -= 1
        self._ends[hidden:place] = [batch.end]
        self._highs[hidden:place] = [(batch.high, index)]
