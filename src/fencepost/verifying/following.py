"""`verify --follow`: a history that is still being written, from a file that grows or a pipe."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from fencepost.model.contract import Level, Verdict
from fencepost.model.errors import FormatError, InputError, Interrupted
from fencepost.model.histories.checks.beside import Beside
from fencepost.model.histories.checks.verify import Finding, Verification, Witness, bound_of, verification_of, why_not
from fencepost.model.histories.files.columns import Source
from fencepost.model.histories.files.frames import NULLS, STDIN, check_header, new_frame, polars_module
from fencepost.model.histories.files.log_reader import COLUMNS
from fencepost.model.histories.files.presets import Preset, with_headers
from fencepost.model.histories.passes.certifier import CERTIFIABLE, columns_for
from fencepost.model.histories.passes.file_pieces import PieceColumns
from fencepost.model.histories.passes.one_pass import Breach, numbered_from_one
from fencepost.model.histories.passes.streaming import NOT_IN_ONE_PASS
from fencepost.model.histories.rules import HISTORY_PROPERTIES, Asked, Rules, choose
from fencepost.model.report import Progress
from fencepost.native.history_pass import HistoryPass
from fencepost.reports.verify import Checked, VerifyReport, report_of
from fencepost.verifying.run import TimeUnit, preset_named, row_progress

POLL_SECONDS = 0.1
_CHUNK_SIZE = 2**22  # bytes
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_JSON_LINES = (".ndjson", ".jsonl")

Found = Callable[[str, Breach], None]


class Follower:
    """The pass over rows as they come. `on_found` is told of each property when it is first found broken."""

    def __init__(self, source: Source, asked: Asked, level: Level | None, rules: Rules, preset: Preset | None) -> None:
        self._source, self._asked, self._level, self._rules = source, asked, level, rules
        self._preset = preset
        self._separator = _SEPARATORS.get(source.path.suffix.lower(), ",")
        self._is_json = source.path.suffix.lower() in _JSON_LINES
        self._pass: HistoryPass | None = None
        self._told: set[str] = set()
        self._schema: dict[str, Any] = {}  # of the first row
        self.row_count = 0
        self.stopped_at = ""

    def begin(self, first: bytes) -> bytes:
        """Read the first line; return what of it is rows: nothing of a header, all of an object of NDJSON.

        FormatError where it can be no header, or where rows need to be known all at once.
        """
        self._is_json = self._is_json or (self._source.path == STDIN and first.lstrip().startswith(b"{"))
        self._header, rows = (b"", first) if self._is_json else (first, b"")
        if not self._is_json:
            check_header(self._source.path, first, self._separator)
        empty = self._frame(rows).clear()
        self._schema = dict(empty.schema)
        self._columns = PieceColumns(empty, self._source, self._preset)
        self._check_columns()
        return rows

    def _check_columns(self) -> None:
        table = self._columns.table
        if "start_position" not in table:
            raise self._source.fault(
                f"no column is called start_position or mapped to it: found {', '.join(table.extra)}", row=0
            )
        for name in NOT_IN_ONE_PASS:
            if name in table:
                raise self._source.fault(
                    "cannot be followed: verify it as a whole, when it is written", column=name, row=0
                )
        absent = {name for name in COLUMNS if name not in table}
        self.reasons = {
            name: reason for name in self._asked.names if (reason := why_not(name, absent, self._rules, Beside()))
        }
        self.wanted = [name for name in self._asked.names if name not in self.reasons and name in CERTIFIABLE]
        numbers = ("client_id", "batch_seq")
        has_numbers = not absent & set(numbers)
        self._names = tuple(dict.fromkeys(columns_for(self.wanted) + (numbers if has_numbers else ())))
        self._pass = HistoryPass(self.wanted, self._rules, has_numbers)

    def add(self, lines: bytes, on_found: Found) -> bool:
        """Go on over whole lines; return whether more of them can be told about."""
        assert self._pass is not None
        frame = self._frame(lines)
        if not frame.height:
            return True
        columns = self._columns.columns_of(frame, self._names)
        rows = np.arange(self.row_count, self.row_count + frame.height)
        goes_on = self._pass.add(columns, rows)
        if not goes_on:
            self.stopped_at = f"rows from {self.row_count + 1} on are not in position order, or have impossible values"
        self.row_count += frame.height
        for name, breach in self._pass.found().items():
            if breach.count and name in self.wanted and name not in self._told:
                self._told.add(name)
                on_found(name, breach)
        return goes_on

    def verification(self) -> Verification:
        """Return what was found in all rows so far; what they cannot show is unknown."""
        if self._pass is None or not self.row_count:
            raise self._source.fault("no rows, expected at least one")
        found, reasons = self._pass.found(), dict(self.reasons)
        copies, bound = self._pass.copies(), bound_of(self.row_count)
        findings = []
        for name in self.wanted:
            breach = found.get(name)
            if breach is not None and breach.count and not (name == "real-time" and copies):
                findings.append(_violated(name, breach, bound, self._source.path, copies[0].row if copies else -1))
            elif self.stopped_at:
                findings.append(Finding(name, Verdict.UNKNOWN, self.stopped_at, 0, None))
            elif breach is None or (name == "real-time" and copies):
                findings.append(Finding(name, Verdict.UNKNOWN, "it takes all rows at once to tell", 0, None))
            elif name == "real-time" and (reason := self._pass.nothing_in_real_time()):
                reasons[name] = reason
            else:
                findings.append(Finding(name, Verdict.NOT_FOUND, bound, 0, None))
        return verification_of(self._asked, self._level, findings, reasons, self._columns.table.extra)

    def _frame(self, lines: bytes) -> Any:
        if self._is_json:
            return self._objects(lines)
        # As text, so that what a column is does not change with what comes.
        data = io.BytesIO(self._header + lines)
        options: dict[str, Any] = {"separator": self._separator, "null_values": NULLS, "infer_schema": False}
        try:
            return new_frame(polars_module().read_csv(data, **options))
        except polars_module().exceptions.PolarsError as error:
            reason = str(error).strip().splitlines()[0]
            raise FormatError(self._source.path, f"damaged csv behind row {self.row_count}: {reason}") from None

    def _objects(self, lines: bytes) -> Any:
        """Return the rows of NDJSON; of the columns of the first row, one that none of these has is empty."""
        polars = polars_module()
        try:
            frame = new_frame(polars.read_ndjson(io.BytesIO(lines), infer_schema_length=None))
        except polars.exceptions.PolarsError as error:
            reason = str(error).strip().splitlines()[0]
            raise FormatError(self._source.path, f"damaged ndjson behind row {self.row_count}: {reason}") from None
        if self._preset is not None and self._preset.headers in frame.columns:
            frame = with_headers(frame, self._preset.headers)
        absent = [name for name in self._schema if name not in frame.columns]
        return frame.with_columns(polars.lit(None, self._schema[name]).alias(name) for name in absent)


def _violated(name: str, breach: Breach, bound: str, path: Path, copy_row: int) -> Finding:
    rows = (copy_row,) if name == "once" else breach.rows
    places = tuple(row + 1 for row in rows)
    anomaly = HISTORY_PROPERTIES[name].anomaly
    said = f"{anomaly} at row {' and '.join(map(str, places))}"
    return Finding(
        name,
        Verdict.VIOLATED,
        bound,
        breach.count,
        Witness(places, (), said, (path,) * len(places)),
        anomaly,
        numbered_from_one(breach.worst),
    )


def follow(
    target: Path | str,
    *,
    level: Level | None = None,
    property: str | Iterable[str] | None = None,
    without: str | Iterable[str] = (),
    rules: Rules | None = None,
    columns: Mapping[str, str] | None = None,
    format: str | None = None,
    time_unit: TimeUnit | None = None,
    idle: float | None = None,
    on_found: Found = lambda name, breach: None,
    on_progress: Progress | None = None,
) -> VerifyReport:
    """Check a CSV, TSV or NDJSON that grows, or standard input (`-`), as rows come; return what was found at its end.

    A pipe ends when its writer closes it; a file when nothing was added for `idle` seconds (None: never), or by an
    interrupt, which raises Interrupted with what was found until then. `on_found` is told of a property when it is
    first found broken. The other arguments are those of `verify`.

    >>> str(fencepost.follow("examples/data/redis-order4-history.csv", level=4, idle=0).verdict)
    'not found'
    """
    path, preset = Path(target), preset_named(format)
    if preset is not None and preset.is_operations:
        raise InputError(f"{format} is read whole: expected it without following")
    named = (property,) if isinstance(property, str) else property
    asked = choose(level, named, (without,) if isinstance(without, str) else without)
    if path != STDIN and path.suffix.lower() not in (*_SEPARATORS, *_JSON_LINES):
        expected = "expected a .csv, .tsv, .ndjson or .jsonl, or - for a CSV or NDJSON from standard input"
        raise InputError(f"{path}: cannot be followed: {expected}")
    source = Source(path, columns or {}, time_unit or (preset.time_unit if preset else "ns"))
    follower = Follower(source, asked, level, rules or (preset.rules if preset else Rules()), preset)
    told = row_progress(path, on_progress)
    try:
        for first, lines in _lines(path, idle):
            lines = follower.begin(first) if first else lines
            if lines and not follower.add(lines, on_found):
                break
            told(follower.row_count)
    except KeyboardInterrupt:
        raise Interrupted(_report(path, follower, level, is_interrupted=True)) from None
    return _report(path, follower, level)


def _report(path: Path, follower: Follower, level: Level | None, *, is_interrupted: bool = False) -> VerifyReport:
    checked = Checked(str(path), path, follower.verification())
    return report_of([checked], level, is_interrupted=is_interrupted)


def _lines(path: Path, idle: float | None) -> Iterator[tuple[bytes, bytes]]:
    """Yield the first line once, and whole lines as they come: (first, b""), then (b"", lines)."""
    rest, has_header = b"", False
    for data in _chunks(path, idle):
        whole, newline, rest = (rest + data).rpartition(b"\n")
        lines = whole + newline
        if lines and not has_header:
            header, newline, lines = lines.partition(b"\n")
            has_header = True
            yield header + newline, b""
        if lines:
            yield b"", lines
    if rest:
        yield (b"", rest + b"\n") if has_header else (rest + b"\n", b"")


def _chunks(path: Path, idle: float | None) -> Iterator[bytes]:
    if path == STDIN:
        while data := cast(io.BufferedReader, sys.stdin.buffer).read1(_CHUNK_SIZE):
            yield data
        return
    if not path.is_file():
        raise FormatError(path, "no such file, or none that can grow")
    with path.open("rb") as file:
        yield from _growing(file, idle)


def _growing(file: IO[bytes], idle: float | None) -> Iterator[bytes]:
    grew = time.monotonic()
    while True:
        if data := file.read(_CHUNK_SIZE):
            grew = time.monotonic()
            yield data
        elif idle is not None and time.monotonic() - grew >= idle:
            return
        else:
            time.sleep(POLL_SECONDS)
