"""The columns of a user's table as those of a history: by name or by a mapping, of the types that logs have.

Numbers are exact up to 2**63 - 1. Identities (of a client, a log, a batch) may be of any type. Times are
integers of a unit, or instants, as text of ISO 8601 or as a type of their own. Where nothing is written, that
is *never* for a time; anywhere else it is an error with its row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fencepost.model.errors import FormatError, InputError, unknown_choice
from fencepost.model.histories.files.frames import new_frame, polars_module
from fencepost.model.histories.files.layout import quoted, shown
from fencepost.model.histories.records import HIGHEST, NEVER, IntColumn, expectation

if TYPE_CHECKING:
    import polars

Unit = Literal["ns", "us", "ms", "s"]
UNITS: dict[str, int] = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}

ALIASES = {
    "client": "client_id", "seq": "batch_seq", "broker": "broker_id", "ring": "broker_id", "index": "ring_index",
    "count": "message_count", "position": "start_position", "sent": "sent_ns", "acked": "acked_ns",
    "reader": "reader_id",
}  # fmt: skip
"""Shorter names of columns, for a mapping."""

_TWO_PARTS = (
    r"^(?:[A-Za-z]+[:=]?)?(\d+)[:/-](?:[A-Za-z]+[:=]?)?(\d+)(?::-1)?$"  # Pulsar says -1 where it has no partition
)


@dataclass(frozen=True)
class Source:
    """How a table's columns are read: which is which, and the unit of times that are integers.

    `columns` maps a name of fencepost to that of the table's column; what it leaves out has its own name. `time_unit`
    is s, ms, us or ns. Numbers of batches begin again at 0 in place of `seq_end`, and -1 is none, unless that is None.
    `may_lack`: a column that the table does not have, or that says nothing in it, is not mapped; else it is an error.
    Raises InputError for another unit.

    >>> fencepost.Source(Path("log.csv"), {"start_position": "offset"}, time_unit="ms").columns["start_position"]
    'offset'
    """

    path: Path
    columns: Mapping[str, str] = field(default_factory=dict)
    time_unit: Unit = "ns"
    seq_end: int | None = None
    may_lack: bool = False

    def __post_init__(self) -> None:
        if self.time_unit not in UNITS:
            raise unknown_choice("unit of time", self.time_unit, UNITS)

    def fault(self, problem: str, *, row: int | None = None, column: str | None = None) -> FormatError:
        return FormatError(self.path, problem, row=row, column=column)


class FirstParts(NamedTuple):
    """Where the first parts of positions of two parts begin as they are numbered through, and how long they are."""

    log_id: IntColumn
    part: IntColumn
    begin: IntColumn
    size: IntColumn


class Table:
    """A frame with the columns that a `Source` names."""

    def __init__(
        self, frame: polars.DataFrame, source: Source, known: tuple[str, ...], rows: IntColumn | None = None
    ) -> None:
        self._frame, self._source = frame, source
        self._rows = rows  # data rows of the file, from 1, where these are not all of them, or not in that order
        mapping = {ALIASES.get(name, name): theirs for name, theirs in source.columns.items()}
        if source.may_lack:
            mapping = {name: each for name, each in mapping.items() if name in known and each in frame.columns}
        for name, theirs in mapping.items():
            if name not in known:
                raise unknown_choice("column to map to", name, known)
            if theirs not in frame.columns:
                have = ", ".join(map(shown, frame.columns[:20]))
                raise source.fault(f"column is missing, expected one of {have}", row=0, column=theirs)
        if "position" in frame.columns and not {"start_position"} & {*mapping, *frame.columns}:
            mapping["start_position"] = "position"
        taken = set(mapping.values())
        own = {name: name for name in known if name in frame.columns and name not in taken and name not in mapping}
        self._names = {**own, **mapping}
        self.extra = tuple(name for name in frame.columns if name not in self._names.values())

    @property
    def path(self) -> Path:
        """The file, for messages."""
        return self._source.path

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __len__(self) -> int:
        return int(self._frame.height)

    @property
    def rows(self) -> IntColumn:
        """The data row of the file of each row, from 1."""
        return np.arange(1, len(self) + 1) if self._rows is None else self._rows

    def name_of(self, name: str) -> str:
        """Return what the table calls a column."""
        return self._names[name]

    def take(self, mask: Any) -> Table:
        """Return the table of the rows where `mask` holds."""
        made = object.__new__(Table)
        made.__dict__ |= self.__dict__ | {"_frame": self._frame.filter(mask), "_rows": np.flatnonzero(mask) + 1}
        return made

    def series(self, name: str) -> polars.Series:
        """Return a column as the table has it."""
        return self._frame[self._names[name]]

    def _unfit(self, name: str, wrong: Any, expected: str) -> FormatError:
        """Return the error for the first row where `wrong` holds."""
        index = int(wrong.arg_max())
        found = self.series(name)[index]
        row = index + 1 if self._rows is None else int(self._rows[index])
        said = "nothing" if found is None else quoted(found) if isinstance(found, str) else shown(str(found))
        return self._source.fault(f"found {said}, {expected}", row=row, column=self._names[name])

    def integers(self, name: str, lowest: int) -> IntColumn:
        """Return a column of exact integers, none below `lowest`; FormatError names the first row that has none."""
        polars, series = polars_module(), self.series(name)
        if (plain := _plain(series, lowest)) is not None:
            return plain
        expected = f"expected an integer from {lowest} to {HIGHEST}"
        if series.dtype.is_float():  # as where some rows have none, in tables that know no other way to say so
            whole = series.cast(polars.Int64, strict=False)
            if (wrong := (whole.cast(series.dtype) != series) | (series.abs() > 2**53)).any():
                raise self._unfit(name, wrong.fill_null(False), expected)
            series = whole
        numbers = series.cast(polars.Int64, strict=False)
        if (wrong := numbers.is_null() | (numbers < lowest)).any():
            raise self._unfit(name, wrong.fill_null(True), expected)
        return np.asarray(numbers.to_numpy(), dtype=np.int64)

    def positions(self, name: str, counts: IntColumn, logs: IntColumn | None) -> tuple[IntColumn, FirstParts | None]:
        """Return a column of positions, and if they have two parts, as in `cycle:n` and `ms-seq`, where those begin.

        Positions of two parts are numbered through in their order, in each of `logs` by itself: each first part begins
        where the one before it ends, behind its highest range. `counts` are the sizes of the ranges.
        """
        if (parts := self.two_parts(name)) is None:
            return self.integers(name, 0), None
        numbers, first_parts = _numbered_through(*parts, counts, logs)
        if (wrong := numbers < 0).any():
            problem = f"positions of two parts are more than {HIGHEST} when they are numbered through"
            raise self._source.fault(problem, row=int(wrong.argmax()) + 1, column=self._names[name])
        return numbers, first_parts

    def two_parts(self, name: str) -> tuple[IntColumn, IntColumn] | None:
        """Return both parts of a column of positions that have two, as in `cycle:n` and `C:1788/P:1788`; else None."""
        series = self.series(name)
        if series.dtype != polars_module().String:
            return None
        parts = series.str.extract_groups(_TWO_PARTS)
        if not len(series) or parts.struct.field("1").null_count():
            return None
        high, low = (parts.struct.field(part).cast(polars_module().Int64, strict=False) for part in ("1", "2"))
        if (wrong := high.is_null() | low.is_null()).any():
            raise self._unfit(name, wrong, f"expected two integers up to {HIGHEST}")
        return high.to_numpy(), low.to_numpy()

    def identities(self, name: str) -> tuple[IntColumn, tuple[str, ...]]:
        """Return a column of identities as numbers, and their names where they are no numbers from 0."""
        polars, series = polars_module(), self.series(name)
        if series.null_count():
            raise self._unfit(name, series.is_null(), "expected an identity")
        if (plain := _plain(series, 0)) is not None:
            return plain, ()
        if series.dtype.is_integer():
            numbers = series.cast(polars.Int64, strict=False)
            if not numbers.null_count() and not (numbers < 0).any():
                return np.asarray(numbers.to_numpy(), dtype=np.int64), ()
        words = series.cast(polars.String) if series.dtype != polars.Binary else series.bin.encode("hex")
        names = words.unique(maintain_order=True)
        ranks = new_frame({"name": names, "rank": np.arange(len(names), dtype=np.int64)})
        codes = words.to_frame("name").join(ranks, on="name", how="left", maintain_order="left")["rank"]
        return np.asarray(codes.to_numpy(), dtype=np.int64), tuple(names.to_list())

    def words(self, name: str) -> polars.Series:
        """Return a column of identities as text."""
        return words_of(*self.identities(name))

    def times_ns(self, name: str) -> IntColumn:
        """Return a column of times in nanoseconds, NEVER where nothing is written, or -1."""
        polars, series = polars_module(), self.series(name)
        if self._source.time_unit == "ns" and (plain := _plain(series, NEVER)) is not None:
            return plain
        if series.dtype == polars.Null:
            return np.full(len(series), NEVER, dtype=np.int64)
        if series.dtype == polars.String:
            series = self._instants(name, series)
        if series.dtype.is_temporal():
            instants = series.cast(polars.Datetime("ns")).cast(polars.Int64)
            return np.asarray(instants.fill_null(NEVER).to_numpy(), dtype=np.int64)
        if series.dtype.is_float():
            series = series.fill_nan(None)
        unit = UNITS[self._source.time_unit]
        numbers = series.cast(polars.Int64, strict=False)
        wrong = (numbers.is_null() & series.is_not_null()) | (numbers < NEVER) | (numbers > HIGHEST // unit)
        if wrong.any():
            raise self._unfit(name, wrong.fill_null(False), expectation("acked_ns"))
        numbers = numbers.fill_null(NEVER)
        return np.asarray((numbers * unit).set(numbers == NEVER, NEVER).to_numpy(), dtype=np.int64)

    def _instants(self, name: str, words: polars.Series) -> polars.Series:
        """Return text as instants, or as the integers that it spells."""
        polars = polars_module()
        if not (numbers := words.cast(polars.Int64, strict=False)).null_count() > words.null_count():
            return numbers
        with_zone = words.str.replace(r"Z$", "+00:00").str.replace(r"^(\S+)[ T](\S+)$", "${1}T${2}")
        instants = with_zone.str.to_datetime("%+", time_unit="ns", time_zone="UTC", strict=False)
        local = with_zone.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="ns", strict=False)
        instants = instants.dt.replace_time_zone(None).fill_null(local)
        if (wrong := instants.is_null() & words.is_not_null()).any():
            raise self._unfit(name, wrong, "expected an instant such as 2026-01-26T10:00:00Z, or an integer")
        return instants


def _plain(series: polars.Series, lowest: int) -> IntColumn | None:
    """Return a column that is whole as it is, without a copy; None where each value needs a look."""
    if series.dtype != polars_module().Int64 or series.null_count():
        return None
    numbers: IntColumn = series.to_numpy()
    return numbers if not len(numbers) or numbers.min() >= lowest else None


def _numbered_through(
    high: IntColumn, low: IntColumn, counts: IntColumn, logs: IntColumn | None
) -> tuple[IntColumn, FirstParts]:
    """Return positions of two parts as numbers, below 0 where 64 bits do not hold them."""
    inside = np.zeros(len(high), dtype=np.int64) if logs is None else logs
    order = np.lexsort((high, inside))
    is_new = np.ones(len(high), dtype=bool)
    is_new[1:] = (np.diff(high[order]) != 0) | (np.diff(inside[order]) != 0)
    number = np.empty(len(high), dtype=np.int64)
    number[order] = np.cumsum(is_new) - 1
    firsts = order[is_new]
    sizes = np.zeros(len(firsts), dtype=np.int64)
    np.maximum.at(sizes, number, low + counts)
    begins = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    is_too_far = bool((sizes < 0).any()) or float(np.sum(sizes, dtype=np.float64)) > HIGHEST
    log_begins = np.flatnonzero(np.diff(inside[firsts], prepend=NEVER))
    begins -= np.repeat(begins[log_begins], np.diff(np.append(log_begins, len(firsts))))
    numbers = np.full(len(high), NEVER) if is_too_far else begins[number] + low
    return numbers, FirstParts(inside[firsts], high[firsts], begins, sizes)


def words_of(codes: IntColumn, names: tuple[str, ...]) -> polars.Series:
    """Return identities as text: by their names, or the numbers themselves."""
    module = polars_module()
    words: polars.Series = module.Series(names, dtype=module.String)[codes] if names else module.Series(codes).cast(str)
    return words


def mapping_of(text: str) -> dict[str, str]:
    """Return a mapping written as `position=offset,client_id=producer_id`; InputError where it is none."""
    mapping: dict[str, str] = {}
    for pair in text.split(","):
        name, separator, theirs = (word.strip() for word in pair.partition("="))
        if not (separator and name and theirs):
            raise InputError(
                f"{pair!r} is no column: expected NAME=COLUMN, as in position=offset,client_id=producer_id"
            )
        if name in mapping:
            raise InputError(f"column {name} is given twice, expected it once")
        mapping[name] = theirs
    return mapping
