"""A file against what its log promises, read piece by piece where it is in position order.

No more is held than a piece, and what a pass keeps of clients and of what is wrong. What a pass cannot tell, and a
file in another order, is read whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from fencepost.model.contract import Level
from fencepost.model.errors import InputError
from fencepost.model.histories.checks.beside import Beside
from fencepost.model.histories.checks.verify import Verification, verification_of, verify, why_not
from fencepost.model.histories.files.columns import Source
from fencepost.model.histories.files.frames import panics_unsaid, polars_module
from fencepost.model.histories.files.log_reader import COLUMNS, read_log
from fencepost.model.histories.files.presets import Preset
from fencepost.model.histories.passes.certifier import CERTIFIABLE, columns_for
from fencepost.model.histories.passes.copies import real_time_of_firsts
from fencepost.model.histories.passes.file_pieces import FilePieces
from fencepost.model.histories.passes.one_pass import Breach, OnePass, PassMaker
from fencepost.model.histories.passes.witnesses import findings_of
from fencepost.model.histories.rules import Asked, Rules, choose

NOT_IN_ONE_PASS = ("log", "epoch", "batch_id", "kind")
Progress = Callable[[int], None]


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
    progress: Progress = lambda row_count: None,
    make_pass: PassMaker,
) -> Verification:
    """Check a file as `verify` checks a log. `progress` is told how many rows have been read.

    A file whose rows are in position order is never in memory whole: CSV and TSV, Parquet and Arrow, as long as they
    are not compressed from outside. `make_pass` makes the pass over its rows: that of
    `fencepost.native`, in C++, tells what is broken too. FormatError names what is wrong.
    """
    path = Path(path)
    asked = choose(level, properties, without)
    source, rules, beside = source or Source(path), rules or Rules(), beside or Beside()
    if beside == Beside():
        failures = polars_module().exceptions
        try:
            with panics_unsaid():
                found = _in_passes(path, source, preset, asked, level, rules, progress, make_pass)
        except (InputError, failures.PolarsError, failures.PanicException):
            found = None  # read whole, it is said what is wrong and where
        if found is not None:
            return found
    log = read_log(path, source, preset)
    progress(len(log.history))
    return verify(log, level, properties=properties, without=without, rules=rules, beside=beside)


def _in_passes(
    path: Path, source: Source, preset: Preset | None, asked: Asked, level: Level | None, rules: Rules,
    progress: Progress, make_pass: PassMaker,
) -> Verification | None:  # fmt: skip
    """Return the verification of a file in position order; None where passes do not show it."""
    pieces = FilePieces.of(path, source, preset)
    if pieces is None or "start_position" not in pieces.table or any(name in pieces.table for name in NOT_IN_ONE_PASS):
        return None
    absent = {name for name in COLUMNS if name not in pieces.table}
    reasons = {name: reason for name in asked.names if (reason := why_not(name, absent, rules, Beside()))}
    wanted = [name for name in asked.names if name not in reasons]
    if not set(wanted) <= set(CERTIFIABLE) or rules.numbered_by != "client":
        return None
    # Copies of a batch matter to real time, whatever else is asked.
    numbers = ("client_id", "batch_seq")
    with_numbers = bool({"prefix", "once", "real-time"} & set(wanted)) and not absent & set(numbers)
    one_pass = make_pass(wanted, rules, with_numbers)
    row_count = _read(pieces, columns_for(wanted) + (numbers if with_numbers else ()), one_pass, progress)
    if not row_count:
        return None
    found = one_pass.found()
    if "real-time" in wanted:
        told = _real_time(pieces, one_pass, make_pass, rules)
        if told is None:
            return None
        found["real-time"], reason = told
        if reason and not found["real-time"].count:
            reasons["real-time"] = reason
    if not found.keys() >= set(wanted):
        return None
    shown = {name: found[name] for name in wanted if name not in reasons}
    findings, log = findings_of(pieces, shown, rules, one_pass, row_count)
    return replace(verification_of(asked, level, findings, reasons, pieces.table.extra), log=log)


def _read(pieces: FilePieces, names: Iterable[str], one_pass: OnePass, progress: Progress) -> int:
    """Return how many rows the pass went over; 0 where it cannot go on."""
    row_count = 0
    for piece in pieces.read(dict.fromkeys(names)):
        if not one_pass.add(piece.columns, np.arange(piece.first_row, piece.first_row + piece.size)):
            return 0
        row_count += piece.size
        progress(row_count)
    return row_count


def _real_time(pieces: FilePieces, one_pass: OnePass, make_pass: PassMaker, rules: Rules) -> tuple[Breach, str] | None:
    """Return what is broken of real time, and why it has nothing to say or ""; None where a pass cannot tell."""
    if copies := one_pass.copies():
        return real_time_of_firsts(pieces, copies, make_pass, rules)
    breach = one_pass.found().get("real-time")
    return None if breach is None else (breach, one_pass.nothing_in_real_time())
