"""Histories against what their log promises: a file or the rows of one, or several."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

from fencepost.arguments import check_arguments, path_of
from fencepost.model.contract import Level
from fencepost.model.errors import InputError, Interrupted, unknown_choice
from fencepost.model.histories import Beside, History, Log, Rules, Source, Verification
from fencepost.model.histories import verify as verify_rows
from fencepost.model.histories.files.presets import PRESETS, Preset
from fencepost.model.histories.passes import streaming
from fencepost.model.histories.passes.page import page
from fencepost.model.histories.rules import choose
from fencepost.model.linearizability import Limits, read_operations, verify_operations
from fencepost.model.linearizability.recorded_log import read_recorded_log
from fencepost.model.report import Progress
from fencepost.model.writing import kept, store
from fencepost.native.history_pass import HistoryPass
from fencepost.reports.verify import Checked, VerifyReport, report_of
from fencepost.targets import name_of, several

Target: TypeAlias = str | Path | History | Log
TimeUnit: TypeAlias = Literal["ns", "us", "ms", "s"]
EXPECTED = "a history, a log, or the path of a file of one"
JEPSEN_EDN = "jepsen-edn"
TOLD_SECONDS, LONG_BYTES = 1.0, 4 * 2**20

verify_file = partial(streaming.verify_file, make_pass=HistoryPass)
"""`fencepost.model.histories.passes.streaming.verify_file` with the pass over rows in C++."""


def verify(
    target: Target | Iterable[Target],
    *,
    level: Level | None = None,
    property: str | Iterable[str] | None = None,
    without: str | Iterable[str] = (),
    rules: Rules | None = None,
    beside: Beside | None = None,
    columns: Mapping[str, str] | None = None,
    format: str | None = None,
    time_unit: TimeUnit | None = None,
    html: str | Path | None = None,
    model: str | None = None,
    timeout: float = 60.0,
    refused: Callable[[InputError], None] | None = None,
    on_progress: Progress | None = None,
) -> VerifyReport:
    """Check histories of drained runs, row by row, against what `level` promises, or against properties by name.

    >>> str(fencepost.verify("examples/data/redis-order4-history.csv", level=4).verdict)
    'not found'

    target      a path, `History` or `Log`, or several of them
    rules       how the log numbers; None: as `format` does, or as fencepost does
    beside      what was sent, acknowledged and read
    columns     which column of a file is which, as in {"position": "offset"}
    format      a kind of log by name, such as `kafka-dump`: its columns and numbering
    time_unit   of times of a file that are integers: ns, us, ms or s
    html        where to write what was found as a page for any browser; None: nothing is written
    model       the files hold operations on a register, queue or log, and some order of them is to explain what came
                back; nothing else is asked then
    timeout     seconds for that search; it is unknown where they are over

    What a history has no columns for is unknown: it decides where the property was named, and is left out of a level.
    Raises InputError where nothing is asked, for a name that no history can show, and for a file that cannot be read
    unless `refused` is told of those; Interrupted with the report so far.
    """
    check_arguments(timeout=timeout)
    html = path_of("html", html)
    if model is not None and (level, property, tuple(without), rules, beside) != (None, None, (), None, None):
        raise InputError("a model asks for an order of operations: expected no level, properties, rules or other files")
    preset = preset_named(format)
    named, left_out = None if property is None else _names(property), _names(without)
    if model is None:
        choose(level, named, left_out)  # what is asked is wrong for all files alike
    given = rules or (preset.rules if preset else Rules())
    judged = partial(verify_rows, level=level, properties=named, without=left_out, rules=given)

    def one(each: Target) -> Verification:
        if model is not None:
            return _searched(Path(name_of(each, EXPECTED)), model, format == JEPSEN_EDN, timeout)
        if isinstance(each, History | Log):
            return judged(each, beside=beside)
        path = Path(name_of(each, EXPECTED))
        if preset is not None and preset.is_operations:
            log, shown = _recorded(path, bool(columns or time_unit) or beside not in (None, Beside()))
            return judged(log, beside=shown)
        source = Source(path, columns or {}, time_unit or (preset.time_unit if preset else "ns"))
        return verify_file(
            path, level, properties=named, without=left_out, rules=given, beside=beside, source=source, preset=preset,
            progress=row_progress(path, on_progress),
        )  # fmt: skip

    targets = several(target)
    if not targets:
        raise InputError(f"nothing to verify: expected {EXPECTED}")
    checked = _each(targets, one, refused, level)
    if html is not None:
        _write_page(html, checked)
    return report_of(checked, level)


def _names(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _searched(file: Path, model: str, is_edn: bool, timeout: float) -> Verification:
    return verify_operations(read_operations(file, is_edn=is_edn), model, limits=Limits(seconds=timeout), path=file)


def _recorded(path: Path, is_more_given: bool) -> tuple[Log, Beside]:
    """Return the log that the operations in a file show, and what was sent and read beside it."""
    if is_more_given:
        problem = "says itself what was sent and read: expected no other files, no columns and no unit of time"
        raise InputError(f"{JEPSEN_EDN} {problem}")
    return read_recorded_log(path)


def _each(
    targets: tuple[Target, ...],
    one: Callable[[Target], Verification],
    refused: Callable[[InputError], None] | None,
    level: Level | None,
) -> list[Checked]:
    """Return what each target shows, or why it could not be read."""
    checked: list[Checked] = []
    try:
        for number, each in enumerate(targets):
            try:
                checked.append(Checked(_name(each, number), _path(each), one(each)))
            except InputError as error:
                if refused is None:
                    raise
                refused(error)
                checked.append(Checked(_name(each, number), _path(each), None, str(error)))
    except KeyboardInterrupt:
        raise Interrupted(report_of(checked, level, is_interrupted=True)) from None
    return checked


def _path(target: Target) -> Path | None:
    return (
        target.path
        if isinstance(target, Log)
        else None
        if isinstance(target, History)
        else Path(name_of(target, EXPECTED))
    )


def _name(target: Target, number: int) -> str:
    path = _path(target)
    return f"history {number}" if path is None else str(path)


def row_progress(path: Path, on_progress: Progress | None) -> Callable[[int], None]:
    """Return what says, at once and then every few seconds, how many rows of a long file have been read."""
    told_s = time.monotonic()
    if on_progress is not None and path.is_file() and path.stat().st_size >= LONG_BYTES:
        on_progress(f"{path}: {path.stat().st_size / 2**20:.0f} MiB to read")

    def tell(row_count: int) -> None:
        nonlocal told_s
        if on_progress is not None and time.monotonic() - told_s > TOLD_SECONDS:
            told_s = time.monotonic()
            on_progress(f"{path}: {row_count} rows")

    return tell


def _write_page(path: Path, checked: list[Checked]) -> None:
    found = [(each.path or Path(each.name), each.verification) for each in checked if each.verification is not None]
    kept(path, partial(store, data=page(found)))


def preset_named(name: str | None) -> Preset | None:
    """Return a kind of log by its name. InputError: there is none of that name."""
    if name is not None and name not in PRESETS:
        raise unknown_choice("format", name, PRESETS)
    return None if name is None else PRESETS[name]
