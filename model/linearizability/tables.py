"""Operations from tables: a row each, with its call, its return and its outcome."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from fencepost.model.errors import FormatError
from fencepost.model.histories.files.columns import Source, Table
from fencepost.model.histories.files.frames import new_frame, read_frame
from fencepost.model.histories.records import NEVER
from fencepost.model.linearizability.operations import UNKNOWN, Operation

COLUMNS = ("process", "operation", "key", "argument", "result", "called_ns", "returned_ns", "outcome")
REQUIRED = ("operation", "called_ns", "returned_ns")
_FAILED, _OK = ("failed", "fail", "failure", "error", "false", "0"), ("ok", "success", "true", "1", "")
_NUMBER = re.compile(r"-?\d+")


def read_table(path: Path) -> list[Operation]:
    """Return the operations of a table; FormatError names the row and column that are wrong."""
    rows = _json_rows(path) if path.suffix.lower() in (".ndjson", ".jsonl") else read_frame(path).to_dicts()
    names = {name for row in rows for name in row}
    for name in REQUIRED:
        if name not in names:
            expected = f"expected {', '.join(REQUIRED)}, optionally {', '.join(set(COLUMNS) - set(REQUIRED))}"
            raise FormatError(path, f"column is missing, {expected}", row=0, column=name)
    times = {name: [row.get(name) for row in rows] for name in ("called_ns", "returned_ns")}
    table = Table(new_frame(times), Source(path), tuple(times))
    called, returned = (table.times_ns(name).tolist() for name in times)
    operations = []
    for row, (each, call, back) in enumerate(zip(rows, called, returned, strict=True), 1):
        if call == NEVER:
            raise FormatError(path, "found nothing, expected when it was called", row=row, column="called_ns")
        if back != NEVER and back < call:
            raise FormatError(
                path, f"found {back}, expected at least {call}, when it was called", row=row, column="returned_ns"
            )
        outcome = str("" if each.get("outcome") is None else each["outcome"]).strip().lower()
        if outcome in _FAILED:
            continue
        operations.append(_operation(path, row, each, call, back if back != NEVER and outcome in _OK else None))
    return operations


def _operation(path: Path, row: int, cells: dict[str, Any], called: int, returned: int | None) -> Operation:
    if not isinstance(cells["operation"], str):
        raise FormatError(path, "found no word, expected what was called", row=row, column="operation")
    name = cells["operation"].strip()
    argument, result = _value(cells.get("argument")), _value(cells.get("result"))
    if name == "read-all" and not isinstance(result, tuple):
        result = () if result is None else (result,)
    if returned is None or (name in ("append", "send", "publish") and result is None):
        result = UNKNOWN
    if name == "cas" and isinstance(result, str):
        result = {"true": True, "ok": True, "false": False, "failed": False}.get(result.lower(), UNKNOWN)
    return Operation(name, argument, result, called, returned, cells.get("process"), cells.get("key"), row)


def _value(cell: Any) -> Hashable:
    """Return a cell as a value: integers by their digits, several with spaces between as a tuple, else the text."""
    if isinstance(cell, list | tuple):
        return tuple(_value(each) for each in cell)
    if isinstance(cell, str):
        words = cell.split()
        if len(words) > 1:
            return tuple(_value(word) for word in words)
        return int(cell) if _NUMBER.fullmatch(cell.strip()) else cell
    return cell if isinstance(cell, Hashable) else str(cell)


def _json_rows(path: Path) -> list[dict[str, Any]]:
    from fencepost.model.linearizability.reading import read_text

    rows = []
    for row, line in enumerate(read_text(path).splitlines(), 1):
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError):
            cells = None
        if not isinstance(cells, dict):
            raise FormatError(path, f"found {line[:60]!r}, expected one JSON object", row=row)
        rows.append(cells)
    if not rows:
        raise FormatError(path, "the file is empty, expected rows")
    return rows
