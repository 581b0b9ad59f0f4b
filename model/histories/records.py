"""Workloads and histories as columns: what was sent, and what was ordered.

Both are frozen tables of equal-length, read-only int64 columns, so that a million rows are checked
in bulk, and both iterate as plain integers row by row. A table is checked when it is made, from
wherever its rows come; messages number the rows from 1.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from fencepost.model.errors import InputError

IntColumn = npt.NDArray[np.int64]

HIGHEST = 2**63 - 1  # the last position: positions and counts are signed 64-bit words
NEVER = -1  # in sent_ns and acked_ns: it did not happen, or nobody recorded it


class Arrival(NamedTuple):
    """One batch as a broker received it. A retransmitted batch arrives again, in a row of its own."""

    client_id: int
    batch_seq: int
    broker_id: int
    message_count: int
    payload_bytes: int
    arrival_ns: int


class OrderedBatch(NamedTuple):
    """One batch as it was ordered: it owns the positions start_position .. start_position + message_count - 1."""

    client_id: int
    batch_seq: int
    broker_id: int
    ring_index: int
    message_count: int
    start_position: int
    sent_ns: int = NEVER
    acked_ns: int = NEVER


class Fault(NamedTuple):
    """The first row whose numbers cannot be right; `row` counts from 1."""

    row: int
    column: str
    problem: str


def lowest(column: str) -> int:
    """Return the lowest value that `column` may hold."""
    return {"message_count": 1, "sent_ns": NEVER, "acked_ns": NEVER}.get(column, 0)


def expectation(column: str) -> str:
    """Return in words which values `column` may hold."""
    never = " (never)" if lowest(column) == NEVER else ""
    return f"expected an integer from {lowest(column)}{never} to {HIGHEST}"


def find_fault(columns: Mapping[str, IntColumn]) -> Fault | None:
    """Return the fault in the lowest row of these equally long `columns`, or None.

    Faults are a value below its column's lowest, a range that passes the last position, a batch that
    was acknowledged before any copy of it was sent, and an arrival earlier than the one before it at
    its broker (ring indexes depend on that order).
    """
    faults = [fault for name, column in columns.items() if (fault := _find_low(name, column))]
    if not faults and "start_position" in columns:
        faults += _find_past_the_end(columns["start_position"], columns["message_count"])
        faults += _find_acked_before_sent(columns)
    if "arrival_ns" in columns:
        faults += _find_step_back(columns["broker_id"], columns["arrival_ns"])
    return min(faults, key=lambda fault: fault.row, default=None)


def _find_low(name: str, column: IntColumn) -> Fault | None:
    rows = np.flatnonzero(column < lowest(name))
    return Fault(int(rows[0]) + 1, name, f"found {column[rows[0]]}, {expectation(name)}") if rows.size else None


def _find_past_the_end(start: IntColumn, count: IntColumn) -> list[Fault]:
    # start + count could wrap around; HIGHEST - count cannot, as every count is at least 1 here.
    rows = np.flatnonzero(start > HIGHEST - count)
    problem = "found {}, expected start_position + message_count ({}) to be at most {}"
    return [Fault(int(row) + 1, "start_position", problem.format(start[row], count[row], HIGHEST)) for row in rows[:1]]


def _find_acked_before_sent(columns: Mapping[str, IntColumn]) -> list[Fault]:
    if "sent_ns" not in columns or "acked_ns" not in columns:
        return []
    sent_ns, acked_ns = columns["sent_ns"], columns["acked_ns"]
    if not ((acked_ns != NEVER) & (acked_ns < sent_ns)).any():
        return []
    # The row of a copy may carry the copy's own send beside the acknowledgement of its batch.
    by_batch = np.lexsort((columns["batch_seq"], columns["client_id"]))
    client, seq = columns["client_id"][by_batch], columns["batch_seq"][by_batch]
    firsts = np.flatnonzero(np.concatenate([[True], (client[1:] != client[:-1]) | (seq[1:] != seq[:-1])]))
    first_ns = np.minimum.reduceat(np.where(sent_ns == NEVER, HIGHEST, sent_ns)[by_batch], firsts)
    first_sent_ns = np.empty_like(sent_ns)
    first_sent_ns[by_batch] = np.repeat(first_ns, np.diff(np.append(firsts, len(client))))
    rows = np.flatnonzero((acked_ns != NEVER) & (first_sent_ns != HIGHEST) & (acked_ns < first_sent_ns))
    problem = "found {}, expected at least {}, when its batch was first sent: nothing is acked before it is sent"
    return [Fault(int(row) + 1, "acked_ns", problem.format(acked_ns[row], first_sent_ns[row])) for row in rows[:1]]


def _find_step_back(broker_id: IntColumn, arrival_ns: IntColumn) -> list[Fault]:
    by_broker = np.argsort(broker_id, kind="stable")
    before, after = by_broker[:-1], by_broker[1:]
    late = (broker_id[before] == broker_id[after]) & (arrival_ns[after] < arrival_ns[before])
    if not late.any():
        return []
    row, previous = min(zip(after[late].tolist(), before[late].tolist(), strict=True))
    problem = f"found {arrival_ns[row]}, expected at least {arrival_ns[previous]} as in its broker's row before"
    return [Fault(row + 1, "arrival_ns", f"{problem}: a broker's rows are in arrival order")]


class Table:
    """What workloads and histories share. The fields of a subclass are its columns, one array each."""

    KIND: ClassVar[str]
    COLUMNS: ClassVar[tuple[str, ...]]
    OPTIONAL: ClassVar[tuple[str, ...]] = ()  # columns that may be left out: then NEVER in every row

    @classmethod
    def from_columns(cls, columns: Mapping[str, Sequence[int] | npt.NDArray[np.integer]]) -> Self:
        """Return the table with these columns by name; those in `OPTIONAL` may be left out.

        InputError: a column is missing, unknown, of another length or not of integers, or a value is
        out of range.
        """
        for name in columns:
            if name not in cls.COLUMNS:
                raise InputError(f"{cls.KIND}: unknown column {name!r}, expected {', '.join(cls.COLUMNS)}")
        for name in cls.COLUMNS:
            if name not in columns and name not in cls.OPTIONAL:
                raise InputError(f"{cls.KIND}: column {name} is missing, expected {', '.join(cls.COLUMNS)}")
        size = len(columns[cls.COLUMNS[0]])
        return cls(**{name: columns.get(name, np.full(size, NEVER)) for name in cls.COLUMNS})

    @property
    def columns(self) -> dict[str, IntColumn]:
        """The columns by name, in file order."""
        return {name: getattr(self, name) for name in self.COLUMNS}

    def __post_init__(self) -> None:
        for name in self.COLUMNS:
            column = _own_column(getattr(self, name), self.KIND, name)
            object.__setattr__(self, name, column)
        for name, column in self.columns.items():
            if len(column) != len(self):
                problem = f"has {len(column)} rows, expected {len(self)} as in {self.COLUMNS[0]}"
                raise InputError(f"{self.KIND}, column {name}: {problem}")
        if fault := find_fault(self.columns):
            raise InputError(f"{self.KIND}, row {fault.row}, column {fault.column}: {fault.problem}")

    def __len__(self) -> int:
        return len(getattr(self, self.COLUMNS[0]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table) or type(self) is not type(other):
            return NotImplemented
        return all(np.array_equal(column, other.columns[name]) for name, column in self.columns.items())

    __hash__ = None  # type: ignore[assignment]  # equal by content, and content is an array

    def __repr__(self) -> str:
        return f"<{self.KIND}: {len(self)} rows>"

    def _row(self, index: int) -> Iterator[int]:
        return (int(column[index]) for column in self.columns.values())

    def _rows(self) -> Iterator[tuple[int, ...]]:
        return zip(*(column.tolist() for column in self.columns.values()), strict=True)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Workload(Table):
    """What is sent: one row per arrival at a broker; a duplicate is a row of its own.

    The rows of one broker are in arrival order, so `arrival_ns` never decreases among them; the rows
    of several may be mixed or follow each other. `payload_bytes` is the whole batch's. Construction
    copies the columns, equally long arrays of int64 with times in nanoseconds, and raises InputError where they
    cannot be a workload.

    >>> workload = fencepost.Workload.from_rows([(7, 0, 0, 3, 3072, 1000), (7, 1, 1, 1, 1024, 2000)])
    >>> workload, workload[1].broker_id
    (<workload: 2 rows>, 1)
    """

    KIND = "workload"
    COLUMNS = Arrival._fields

    client_id: IntColumn
    batch_seq: IntColumn
    broker_id: IntColumn
    message_count: IntColumn
    payload_bytes: IntColumn
    arrival_ns: IntColumn

    @classmethod
    def from_rows(cls, rows: Iterable[Arrival | Sequence[int]]) -> Self:
        """Return the workload of these rows, each with the six numbers of an `Arrival`; none at all is allowed."""
        return cls.from_columns(_transposed(cls.KIND, (Arrival(*row) for row in rows), cls.COLUMNS))

    @cached_property
    def ring_index(self) -> IntColumn:
        """Of each arrival, its place in its broker's ring: how many rows above it have the same broker."""
        order = np.argsort(self.broker_id, kind="stable")
        _, firsts, sizes = np.unique(self.broker_id[order], return_index=True, return_counts=True)
        index = np.empty(len(self), dtype=np.int64)
        index[order] = np.arange(len(self)) - np.repeat(firsts, sizes)
        return _frozen(index)

    def __getitem__(self, index: int) -> Arrival:
        return Arrival(*self._row(index))

    def __iter__(self) -> Iterator[Arrival]:
        return map(Arrival._make, self._rows())


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class History(Table):
    """What happened: one row per ordered batch, in any order of rows.

    `ring_index` counts the arrivals at one broker from 0 and never wraps; `sent_ns` and `acked_ns`
    are -1 where never. A batch that was ordered more than once has a row for each copy; a send and an
    acknowledgement belong to the batch, so a copy's row may carry the batch's times or its own, and
    the batch's are the earliest of its rows. Construction copies the columns and raises InputError
    where they cannot be a history: a number out of range, or a batch acked before it was sent. What
    breaks the contract is `verify`'s to say. Columns are equally long arrays of int64, times nanoseconds.

    >>> history = fencepost.History.from_rows([(7, 0, 0, 0, 3, 0), (7, 1, 1, 0, 1, 3)])
    >>> history, history.start_position.tolist()
    (<history: 2 rows>, [0, 3])
    """

    KIND = "history"
    COLUMNS = OrderedBatch._fields
    OPTIONAL = ("sent_ns", "acked_ns")

    client_id: IntColumn
    batch_seq: IntColumn
    broker_id: IntColumn
    ring_index: IntColumn
    message_count: IntColumn
    start_position: IntColumn
    sent_ns: IntColumn
    acked_ns: IntColumn

    @classmethod
    def from_rows(cls, rows: Iterable[OrderedBatch | Sequence[int]]) -> Self:
        """Return the history of these rows, each an `OrderedBatch`'s six or eight numbers; none at all is allowed."""
        return cls.from_columns(_transposed(cls.KIND, (OrderedBatch(*row) for row in rows), cls.COLUMNS))

    def take(self, indexes: npt.NDArray[np.intp]) -> "History":
        """Return the history of some of the rows."""
        return self.of_checked({name: column[indexes] for name, column in self.columns.items()})

    def with_columns(self, **columns: IntColumn) -> "History":
        """Return the same history with other columns in the place of some, which are not checked again."""
        return self.of_checked({**self.columns, **columns})

    @classmethod
    def of_checked(cls, columns: Mapping[str, IntColumn]) -> "History":
        """Return the history of columns that are known to be right, which become its own: nothing is copied."""
        made = object.__new__(History)
        for name, column in columns.items():
            object.__setattr__(made, name, _frozen(column))
        return made

    def __getitem__(self, index: int) -> OrderedBatch:
        return OrderedBatch(*self._row(index))

    def __iter__(self) -> Iterator[OrderedBatch]:
        return map(OrderedBatch._make, self._rows())


def _transposed(kind: str, rows: Iterable[tuple[int, ...]], names: tuple[str, ...]) -> dict[str, Sequence[int]]:
    try:
        columns = list(zip(*rows, strict=True)) or [()] * len(names)
    except TypeError as error:  # a row of another size; NamedTuple says which field
        raise InputError(f"{kind}: a row does not fit, {error}: expected {', '.join(names)}") from None
    return dict(zip(names, columns, strict=True))


def _own_column(values: Sequence[int] | npt.NDArray[np.integer], kind: str, name: str) -> IntColumn:
    """Return a read-only int64 copy of `values`; nothing is rounded, wrapped or cut on the way."""
    array = values if isinstance(values, np.ndarray) else _exact_array(list(values), kind, name)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        found = f"found a {array.ndim}-dimensional {array.dtype} array"
        raise InputError(f"{kind}, column {name}: {found}, expected one dimension of integers")
    if array.dtype.kind == "u" and (rows := np.flatnonzero(array > HIGHEST)).size:
        raise _unfit(array[rows[0]], kind, int(rows[0]) + 1, name)
    return _frozen(array.astype(np.int64))


def _exact_array(values: list[int], kind: str, name: str) -> IntColumn:
    for row, value in enumerate(values, 1):
        # bool is an int to Python, and numpy would cut 1.5 to 1 without a word
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not -HIGHEST <= value <= HIGHEST:
            raise _unfit(value, kind, row, name)
    return np.array(values, dtype=np.int64)


def _unfit(value: object, kind: str, row: int, name: str) -> InputError:
    return InputError(f"{kind}, row {row}, column {name}: found {value!s}, {expectation(name)}")


def _frozen(column: IntColumn) -> IntColumn:
    column.setflags(write=False)
    return column
