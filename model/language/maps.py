"""Total maps: a value for every index there is, a default where nothing was written."""

from bisect import bisect_right
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar, TypeVarTuple

Indices = TypeVarTuple("Indices")
Value = TypeVar("Value")


class Map(Generic[*Indices, Value]):
    """A total map: `Map[Client, Seq, Position]` has a position for each client and seq; starts as `every(value)`.

    A filled range is kept as a span, not cell by cell: a batch may own 2^32 positions. A copy shares what it holds
    until one of the two is written to: an explorer copies a state for each step, and a step writes few of its maps.
    """

    __slots__ = ("_cells", "_disjoint", "_frozen", "_is_shared", "_key", "_spans", "default")

    def __init__(self, default: Value) -> None:
        self.default = default
        self._cells: dict[Any, Value] = {}
        self._spans: list[tuple[int, int, Callable[[int], Value]]] = []  # start, stop, value; a later one wins
        self._disjoint = True  # no span begins before an earlier one ends, so they are sorted
        self._is_shared = False  # cells and spans, with a copy
        self._frozen: frozenset[tuple[Any, Value]] | None = None  # what frozen() said, while it holds
        self._key: Hashable = None  # the same of key()

    def __getitem__(self, index: Any) -> Value:
        if index in self._cells:
            return self._cells[index]
        span = self._span_of(index) if self._spans else None
        return self.default if span is None else span[2](index)

    def __setitem__(self, index: Any, value: Value) -> None:
        self._prepare_write()
        self._cells[index] = value

    def fill(self, start: int, count: int, value_of: Callable[[int], Value]) -> None:
        """Write `value_of(cell)` to every cell of [start, start + count)."""
        self._prepare_write()
        stop = start + count
        if len(self._cells) < count:
            self._cells = {cell: value for cell, value in self._cells.items() if not start <= cell < stop}
        else:
            for cell in range(start, stop):
                self._cells.pop(cell, None)
        self._disjoint = self._disjoint and (not self._spans or self._spans[-1][1] <= start)
        self._spans.append((start, stop, value_of))

    def copy(self) -> "Map[*Indices, Value]":
        """Return a map with the same values, filled ranges still in one piece."""
        other: Map[*Indices, Value] = Map.__new__(Map)
        other.default = self.default
        other._cells, other._spans, other._disjoint = self._cells, self._spans, self._disjoint
        other._is_shared = self._is_shared = True
        other._frozen, other._key = self._frozen, self._key
        return other

    def written(self) -> dict[Any, Value]:
        """Return the cells whose value is not the default, filled ranges cell by cell."""
        cells = {cell: value_of(cell) for start, stop, value_of in self._spans for cell in range(start, stop)}
        return {cell: value for cell, value in (cells | self._cells).items() if value != self.default}

    def frozen(self) -> frozenset[tuple[Any, Value]]:
        """Return the cells of `written()` as a hashable value; equal maps of one default give equal values."""
        if self._frozen is None:
            self._frozen = frozenset(self.written().items())
        return self._frozen

    def key(self) -> Hashable:
        """Return a hashable value that is equal only for maps of one default that hold the same.

        A filled range is one item of it, so that its size makes no difference. Maps that came to the same by other
        writes may have other keys: `frozen()` says cell by cell what a map holds.
        """
        if self._key is None:
            self._key = self._make_key()
        return self._key

    def _make_key(self) -> Hashable:
        spans = [(start, stop, _identity(value_of)) for start, stop, value_of in self._spans]
        if any(identity is None for _, _, identity in spans):
            return self.frozen()
        cells = frozenset((cell, value) for cell, value in self._cells.items() if self._spans or value != self.default)
        return cells, frozenset(spans) if self._disjoint else tuple(spans)

    def become(self, cells: dict[Any, Value]) -> None:
        """Hold exactly these cells, and the default elsewhere."""
        self._cells, self._spans, self._disjoint = dict(cells), [], True
        self._is_shared, self._frozen, self._key = False, None, None

    def _prepare_write(self) -> None:
        if self._is_shared:
            self._cells, self._spans, self._is_shared = self._cells.copy(), self._spans.copy(), False
        self._frozen = self._key = None

    def _span_of(self, index: int) -> tuple[int, int, Callable[[int], Value]] | None:
        """Return the last span written that covers an index."""
        if self._disjoint:
            place = bisect_right(self._spans, index, key=lambda span: span[0])
            candidates = self._spans[max(place - 1, 0) : place]
        else:
            candidates = self._spans[::-1]
        return next((span for span in candidates if span[0] <= index < span[1]), None)


def _identity(function: Callable[[int], Any]) -> Hashable | None:
    """Return a value that is equal for functions that say the same of every cell, None of one that is not simple.

    A function is what its code and the numbers that it was closed over make of a cell.
    """
    closed_over = tuple([cell.cell_contents for cell in getattr(function, "__closure__", None) or ()])
    given = (*closed_over, *(getattr(function, "__defaults__", None) or ()))
    is_simple = hasattr(function, "__code__") and all(isinstance(each, int) for each in given)
    return (function.__code__, given) if is_simple else None


def every(default: int | bool) -> Any:
    """Declare a map that holds `default` everywhere at the start."""
    return Map(default)
