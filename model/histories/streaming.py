"""A file against what its log promises, read piece by piece where it is in order.

What can be certified in one pass is, and no more is held than a piece. Where something does not hold, or
cannot be told in one pass, the file is read whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fencepost.model.contract import Level, Verdict
from fencepost.model.errors import FormatError, InputError
from fencepost.model.histories.beside import Beside
from fencepost.model.histories.certifier import CERTIFIABLE, Certifier, columns_for
from fencepost.model.histories.columns import Source, Table
from fencepost.model.histories.frames import NULLS, has_sound_start, polars_module
from fencepost.model.histories.log_reader import COLUMNS, read_log
from fencepost.model.histories.presets import Preset, columns_there
from fencepost.model.histories.records import IntColumn
from fencepost.model.histories.rules import Asked, Rules, choose
from fencepost.model.histories.verify import Finding, Verification, bound_of, verification_of, verify, why_not

if TYPE_CHECKING:
    import polars

NOT_IN_ONE_PASS = ("log", "epoch", "batch_id", "kind")


def verify_file(
    path: Path | str,
    level: Level | None = None,
    *,
    properties: Iterable[str] | None = None,
    without: Iterable[str] = (),
    rules: Rules | None = None,
    beside: Beside | None = None,
    source: Source | None = None,
    preset: Preset | None = None,
    progress: Callable[[int], None] = lambda row_count: None,
) -> Verification:
    """Check a file as `verify` checks a log. `progress` is told how many rows have been read.

    A file whose rows are in position order, and in which everything holds, is never in memory whole: CSV and TSV,
    Parquet and Arrow, as long as they are not compressed from outside. FormatError names what is wrong.
    """
    path = Path(path)
    asked = choose(level, properties, without)
    source, rules, beside = source or Source(path), rules or Rules(), beside or Beside()
    if beside == Beside():
        certified = _certified(path, source, preset, asked, level, rules, progress)
        if certified is not None:
            return certified
    log = read_log(path, source, preset)
    progress(len(log.history))
    return verify(log, level, properties=properties, without=without, rules=rules, beside=beside)


def _certified(
    path: Path, source: Source, preset: Preset | None, asked: Asked, level: Level | None, rules: Rules,
    progress: Callable[[int], None],
) -> Verification | None:  # fmt: skip
    """Return the verification of a file in which everything holds; None where one pass does not show that."""
    lazy = _scan(path) if preset is None or not preset.is_dump else None
    if lazy is None:
        return None
    try:
        empty = lazy.head(0).collect()
        if preset is not None:
            source = Source(path, columns_there(preset, empty.columns, source.columns), source.time_unit)
        table = Table(empty, source, COLUMNS)
        if "start_position" not in table or any(name in table for name in NOT_IN_ONE_PASS):
            return None
        absent = {name for name in COLUMNS if name not in table}
        reasons = {name: reason for name in asked.names if (reason := why_not(name, absent, rules, Beside()))}
        certifier = Certifier([name for name in asked.names if name not in reasons], rules)
        wanted = [name for name in asked.names if name not in reasons]
        if not set(wanted) <= set(CERTIFIABLE) or not _pass(lazy, table, source, certifier, progress):
            return None
    except (InputError, polars_module().exceptions.PolarsError):
        return None  # read whole, it is said what is wrong and where
    if certifier.held != set(wanted) or not certifier.row_count:
        return None
    if "real-time" in wanted and (reason := certifier.nothing_in_real_time()):
        reasons["real-time"] = reason
    bound = bound_of(certifier.row_count)
    findings = [Finding(name, Verdict.NOT_FOUND, bound, 0, None) for name in wanted if name not in reasons]
    return verification_of(asked, level, findings, reasons, table.extra)


def _pass(
    lazy: polars.LazyFrame, table: Table, source: Source, certifier: Certifier, progress: Callable[[int], None]
) -> bool:
    """Go through the pieces of a file; return whether everything that was asked for holds in all of them."""
    names = columns_for(certifier.held)
    theirs = [table.name_of(name) for name in names if name in table]
    asked = set(certifier.held)
    for frame in lazy.select(theirs).collect_batches(maintain_order=True):
        piece = Table(
            frame, Source(source.path, {n: table.name_of(n) for n in names if n in table}, source.time_unit), COLUMNS
        )
        if len(piece):
            certifier.add(_columns(piece, names))
            progress(certifier.row_count)
        if certifier.held != asked:
            return False
    return True


def _columns(piece: Table, names: Iterable[str]) -> dict[str, IntColumn]:
    """Return the columns of a piece; raises InputError where a client or broker is no number."""
    columns: dict[str, IntColumn] = {}
    for name in names:
        if name == "message_count" and name not in piece:
            columns[name] = np.ones(len(piece), dtype=np.int64)
        elif name in ("client_id", "broker_id"):
            columns[name], words = piece.identities(name)
            if words:
                raise FormatError(piece.path, "clients are words, whose numbers another piece does not know")
        elif name in ("sent_ns", "acked_ns"):
            columns[name] = piece.times_ns(name)
        else:
            columns[name] = piece.integers(name, 1 if name == "message_count" else 0)
    return columns


def _scan(path: Path) -> polars.LazyFrame | None:
    """Return a file as rows to come, or None where it cannot be read piece by piece."""
    module = polars_module()
    scans: dict[str, Callable[..., polars.LazyFrame]] = {
        ".csv": partial(module.scan_csv, null_values=NULLS),
        ".tsv": partial(module.scan_csv, null_values=NULLS, separator="\t"),
        ".parquet": module.scan_parquet,
        **dict.fromkeys((".arrow", ".feather", ".ipc"), module.scan_ipc),
    }
    extension = path.suffix.lower()
    if extension not in scans or not has_sound_start(path):
        return None
    return scans[extension](path, glob=False)  # a name may hold the signs of a pattern
