"""A state for long runs: the same fields, kept flat.

An explorer copies states, so a map is a table of cells that copies share. A run of a million batches copies nothing and
numbers its rows and slots from 0: eight bytes a cell, and no object for any of them.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, MutableSequence
from functools import partial
from typing import Any, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt

from fencepost.model.language.maps import Map
from fencepost.model.language.protocol import Protocol
from fencepost.model.language.recording import Field
from fencepost.model.language.terms import reads

State = TypeVar("State", bound=Protocol)
NEAR = 64  # so far beyond the last cell one may be written that is still kept in line


class Column:
    """A number for every index from 0, the default where nothing was written.

    Cells far beyond the last one are kept by themselves, so that a client that begins at 2^62 costs no more.
    """

    __slots__ = ("_beyond", "_numbers", "default")

    def __init__(self, default: int) -> None:
        self.default = default
        self._numbers: MutableSequence[int] = array("q")
        self._beyond: dict[int, int] = {}

    def __getitem__(self, index: int) -> int:
        if 0 <= index < len(self._numbers):
            return self._numbers[index]
        return self._beyond.get(index, self.default)

    def __setitem__(self, index: int, value: int) -> None:
        size = len(self._numbers)
        try:
            if index == size and not self._beyond:
                self._numbers.append(value)
            elif 0 <= index < size:
                self._numbers[index] = value
            else:
                self._write_behind(index, value)
        except OverflowError:  # no number of 64 bits
            self._numbers = list(self._numbers)
            self[index] = value

    def _write_behind(self, index: int, value: int) -> None:
        """Write a cell behind the last one; what was kept by itself comes into line when its turn has come."""
        self._beyond[index] = value
        if index <= len(self._numbers) + NEAR:
            while self._beyond and len(self._numbers) <= index:
                self._numbers.append(self._beyond.get(len(self._numbers), self.default))
                self._beyond.pop(len(self._numbers) - 1, None)

    def first(self, size: int) -> npt.NDArray[np.int64]:
        """Return the cells from 0 to `size`. OverflowError where one holds no number of 64 bits."""
        cells = np.full(size, self.default, dtype=np.int64)
        line = self._numbers[:size]
        cells[: len(line)] = line
        for index, value in self._beyond.items():
            if 0 <= index < size:
                cells[index] = value
        return cells


class Columns:
    """A column for each first index: `Map[Ring, RingIndex, Seq]`."""

    __slots__ = ("_columns", "default")

    def __init__(self, default: int) -> None:
        self.default = default
        self._columns: dict[int, Column] = {}

    def __getitem__(self, index: tuple[int, int]) -> int:
        column = self._columns.get(index[0])
        return self.default if column is None else column[index[1]]

    def __setitem__(self, index: tuple[int, int], value: int) -> None:
        column = self._columns.get(index[0])
        if column is None:
            column = self._columns[index[0]] = Column(self.default)
        column[index[1]] = value

    def of(self, first: int) -> Column:
        """Return the column of a first index."""
        return self._columns.get(first) or Column(self.default)


class Unread:
    """A map that no action reads: what is written is let go, and to read it is an error."""

    def __setitem__(self, index: Any, value: Any) -> None:
        pass

    def fill(self, start: int, count: int, value_of: Callable[[int], Any]) -> None:
        pass


def flat_state(protocol: type[State], never: Collection[str]) -> State:
    """Return the first state of a protocol, for a long run in which the actions of `never` do not happen.

    It accepts and refuses what any other state does. Fields that are filled by ranges, and that no action reads which
    may happen, are not kept; to read one, or to take an action of `never`, raises. It cannot be copied or compared.
    """
    state = protocol()
    taken = [each for name, each in protocol.actions.items() if name not in never]
    read = {name for each in taken for term in each.terms() for name in reads(term)}
    filled = {write.field for each in protocol.actions.values() for write in each.writes if write.count is not None}
    for declared in protocol.fields.values():
        if declared.indices:
            setattr(state, declared.name, _flat_map(declared, declared.name in filled, declared.name in read))
    for name in never:
        setattr(state, name, partial(_refuse, name))
    return state


def _flat_map(declared: Field, is_filled: bool, is_read: bool) -> Any:
    *firsts, last = declared.indices
    if is_filled or not last.numeric or len(firsts) > 1:
        return Unread() if is_filled and not is_read else Map(declared.default)
    return Columns(int(declared.default)) if firsts else Column(int(declared.default))


def _refuse(name: str, **arguments: int) -> NoReturn:
    raise AssertionError(f"{name} happens in a run that is said to have none of it")
