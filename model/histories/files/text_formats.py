"""CSV and NDJSON: text into columns of exact integers, and back.

CSV is RFC 4180 with a header line that names the columns in any order; quotes and CRLF are
accepted, empty lines are not. NDJSON has one object per line; there an optional column may be left
out row by row, and an integer may be a string, as writers do above 2**53.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fencepost.model.histories.files.layout import INTEGER, Layout, quoted, shown_json
from fencepost.model.histories.records import NEVER, IntColumn, expectation

_EXACT_IN_JSON = 2**53  # readers that know only doubles lose integers above this

Columns = dict[str, IntColumn]


def parse_csv(text: str, layout: Layout) -> Columns:
    """Return the columns of a CSV text; FormatError names the first row that is wrong."""
    stream = io.StringIO(text, newline="")
    header = next(_csv_records(stream, layout, first=0), [])
    layout.check_columns(header, row=0)
    body = stream.read()
    numbers = _parse_plain(body.removesuffix("\n").split("\n"), size=len(header))
    if numbers is None:
        numbers = _parse_cells(_csv_rows(body, header, layout), header, layout)
    return {name: numbers[:, index] for index, name in enumerate(header)}


def _csv_rows(body: str, header: list[str], layout: Layout) -> Iterator[list[str]]:
    for row, cells in enumerate(_csv_records(io.StringIO(body, newline=""), layout, first=1), 1):
        if len(cells) != len(header):
            found = f"found {len(cells)} values" if cells else "found an empty line"
            raise layout.fault(f"{found}, expected {len(header)} as in the header", row=row)
        yield cells


def _csv_records(stream: io.StringIO, layout: Layout, *, first: int) -> Iterator[list[str]]:
    row = first
    try:
        for cells in csv.reader(stream, strict=True):
            yield cells
            row += 1
    except csv.Error as error:
        raise layout.fault(f"not CSV: {error}", row=row) from None


def parse_ndjson(text: str, layout: Layout) -> Columns:
    """Return the columns of an NDJSON text; FormatError names the first row that is wrong."""
    lines = text.removesuffix("\n").split("\n")
    rows = [_ndjson_row(line, row, layout) for row, line in enumerate(lines, 1)]
    try:
        numbers = _parse_plain([",".join(cells) for cells in rows], size=len(layout.columns))
    except TypeError:  # a cell that is not even text
        numbers = None
    if numbers is None:
        numbers = _parse_cells(rows, layout.columns, layout)
    return {name: numbers[:, index] for index, name in enumerate(layout.columns)}


def _ndjson_row(line: str, row: int, layout: Layout) -> list[Any]:
    record = _load_object(line, row, layout)
    if len(record) != len(layout.columns) or not all(name in record for name in layout.columns):
        layout.check_columns(list(record), row=row)
        record = dict.fromkeys(layout.optional, str(NEVER)) | record
    return [record[name] for name in layout.columns]


def _parse_plain(lines: list[str], *, size: int) -> IntColumn | None:
    """Return the numbers of `lines` with `size` of them each; None where each cell needs a look.

    It is here for speed alone, ten times the other path's, and settles nothing that is in doubt.
    """
    if not all(map(re.compile(",".join([INTEGER] * size)).fullmatch, lines)):
        return None
    try:
        return np.loadtxt(lines, dtype=np.int64, delimiter=",", comments=None, ndmin=2)
    except ValueError:  # more than 64 bits; the other path finds out where
        return None


def _parse_cells(rows: Iterable[Sequence[object]], names: Sequence[str], layout: Layout) -> IntColumn:
    numbers = [
        [_integer(cell, row, name, layout) for name, cell in zip(names, cells, strict=True)]
        for row, cells in enumerate(rows, 1)
    ]
    return np.array(numbers, dtype=np.int64).reshape(-1, len(names))


def _integer(cell: object, row: int, column: str, layout: Layout) -> int:
    if isinstance(cell, str):
        return layout.integer(cell, row=row, column=column)
    raise layout.fault(f"found {shown_json(cell)}, {expectation(column)}", row=row, column=column)


def _load_object(line: str, row: int, layout: Layout) -> dict[str, Any]:
    if not line.strip():
        raise layout.fault("found an empty line, expected one JSON object", row=row)
    try:
        record = _DECODER.decode(line)
    except _RepeatedNameError as error:
        layout.check_columns(error.names, row=row)
        raise layout.fault("a name is given twice, expected it once", row=row) from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise layout.fault(f"found {quoted(line)}, expected one JSON object ({reason})", row=row) from None
    if not isinstance(record, dict):
        raise layout.fault(f"found {quoted(line.strip())}, expected one JSON object", row=row)
    return record


class _RepeatedNameError(Exception):
    """An object gives a name twice, which JSON readers settle silently and each in its own way."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(names)
        self.names = names


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise _RepeatedNameError([name for name, _ in pairs])
    return record


# Every number stays text until `Layout.integer` reads it: no detour through a double.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique_names, parse_int=str, parse_float=str, parse_constant=str)


def render_csv(columns: Mapping[str, IntColumn]) -> str:
    """Return the CSV text of `columns`, header line first, every line ended by a newline."""
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    line = ",".join(["%d"] * len(columns)) + "\n"
    return "".join([",".join(columns) + "\n", *(line % row for row in rows)])


def render_ndjson(columns: Mapping[str, IntColumn]) -> str:
    """Return the NDJSON text of `columns`, integers above 2**53 as strings."""
    rows = zip(*(map(_json_text, column.tolist()) for column in columns.values()), strict=True)
    line = "{" + ", ".join(f'"{name}": %s' for name in columns) + "}\n"
    return "".join(line % row for row in rows)


def _json_text(number: int) -> str:
    return str(number) if number <= _EXACT_IN_JSON else f'"{number}"'
