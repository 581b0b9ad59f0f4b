"""What a file of rows must hold, and the one line that says where it does not."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fencepost.model.errors import FormatError
from fencepost.model.histories.records import HIGHEST, Table, expectation, lowest

# The integer of JSON, for every text format: one spelling, so that nothing has to be guessed. `1.0`
# and `1e3` are floating point (which loses integers above 2**53), ` 1` and `+1` are what a broken
# writer leaves, `007` is somebody's identifier, and an empty cell or NaN is no number at all.
INTEGER = r"-?(?:0|[1-9][0-9]*)"
_INTEGER = re.compile(INTEGER)
_SHOWN_SIZE = 40


class Layout(NamedTuple):
    """One file and the columns that it must have."""

    path: Path
    kind: str
    columns: tuple[str, ...]
    optional: tuple[str, ...]

    @classmethod
    def of(cls, path: Path, table: type[Table]) -> "Layout":
        return cls(path, table.KIND, table.COLUMNS, table.OPTIONAL)

    def fault(self, problem: str, *, row: int | None = None, column: str | None = None) -> FormatError:
        """Return the error for a `problem` in this file; `row` counts data rows from 1, a header is row 0."""
        return FormatError(self.path, problem, row=row, column=column)

    def check_columns(self, found: Sequence[str], *, row: int | None) -> None:
        """Raise unless `found` names every column once, in any order; optional ones may be missing."""
        required = [name for name in self.columns if name not in self.optional]
        expected = f"expected a {self.kind}'s columns {', '.join(required)}"
        if self.optional:
            expected += f", optionally {', '.join(self.optional)}"
        for index, name in enumerate(found):
            if name not in self.columns:
                raise self.fault(f"unknown column, {expected}", row=row, column=shown_name(name))
            if name in found[:index]:
                raise self.fault("column given twice, expected it once", row=row, column=name)
        for name in required:
            if name not in found:
                raise self.fault(f"column is missing, {expected}", row=row, column=name)

    def integer(self, text: str, *, row: int, column: str) -> int:
        """Return the exact number that `text` spells; raise where it is no number or out of range."""
        if not _INTEGER.fullmatch(text):
            problem = f"found {quoted(text)}, {expectation(column)}, written in plain digits"
            raise self.fault(problem, row=row, column=column)
        # No number of more digits fits, and Python refuses to read thousands of them.
        number = int(text) if len(text) <= len(str(-HIGHEST)) else None
        if number is None or not lowest(column) <= number <= HIGHEST:
            raise self.fault(f"found {shown(text)}, {expectation(column)}", row=row, column=column)
        return number

    def decode(self, data: bytes) -> str:
        """Return `data` as text without a byte order mark; raise where it is not UTF-8."""
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            problem = f"found byte 0x{data[error.start]:02x} in line {line}, expected UTF-8 text"
            raise self.fault(problem) from None


def shown(text: str) -> str:
    """Return `text`, shortened where it would fill the message."""
    return text[:_SHOWN_SIZE] + _rest(text)


def quoted(text: str) -> str:
    """Return `text` in quotes, with what cannot be printed escaped, shortened where it would fill the message."""
    return repr(text[:_SHOWN_SIZE]) + _rest(text)


def _rest(text: str) -> str:
    return f"... ({len(text)} characters)" if len(text) > _SHOWN_SIZE else ""


def shown_name(name: str) -> str:
    """Return a column's name as found, quoted where it is no plain word."""
    return shown(name) if re.fullmatch("[A-Za-z0-9_-]+", name) else quoted(name)


def shown_json(value: object) -> str:
    """Return a JSON value as found, shortened."""
    return shown(json.dumps(value))
