"""Measuring paths: each beside its own floor, in one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from fencepost.bench.counted_settings import allocations, memory, wait_free
from fencepost.bench.machines.machine import hardware, load
from fencepost.bench.paths import PATHS, Path, Reach
from fencepost.bench.python_entry import python_entry
from fencepost.bench.report import BenchReport, figure_json, verdict_json
from fencepost.bench.statistics.figures import Figure, figure
from fencepost.model.contract import Verdict
from fencepost.model.errors import Interrupted, unknown_choice
from fencepost.model.report import Finding
from fencepost.native.measuring import (
    REPETITIONS_MIN,
    ProbeTimes,
    SettingTimes,
    check_repetitions,
    measure_setting,
)

IN_PYTHON: dict[str, Callable[[int, bool], SettingTimes]] = {
    "wait_free": wait_free,
    "allocations": allocations,
    "memory": memory,
    "python_entry": python_entry,
}
"""Settings that are not one call into C++."""


def mostly_disturbed(disturbed_count: int, repetitions: int, sides: int) -> str:
    """Return why figures of so many sides decide nothing, where most may be disturbed; empty where they may not."""
    figures = min(repetitions, disturbed_count)  # each disturbed repetition may be of another pair of sides
    if 2 * figures <= repetitions:
        return ""
    return f"{disturbed_count} of {sides * repetitions} repetitions disturbed: up to {figures} of {repetitions} figures"


@dataclass(frozen=True)
class Measured:
    """One path, measured. `figure` is what the reach is about; `probe` and `floor` are the two sides."""

    path: Path
    figure: Figure
    probe: Figure
    floor: Figure | None
    extras: dict[str, float]
    """What else was counted, by name: shares, retries, lags."""
    disturbed_count: int
    """Repetitions of either side in which a thread was made to leave its core."""
    cpus: tuple[int, ...]
    quick: bool = False

    @property
    def is_asked(self) -> bool:
        """Whether there is a bound that this run can be held against."""
        return self.figure.interval is not None and self.path.bound is not None and not self.quick

    @property
    def met(self) -> bool | None:
        """Whether the figure's interval lies on the bound's right side; None where nothing is asked or decided."""
        if not self.is_asked or self.undecided:
            return None
        return self._interval_met()

    @property
    def undecided(self) -> str:
        """Why a bound that is asked about is not decided; empty where it is."""
        if not self.is_asked:
            return ""
        disturbed = mostly_disturbed(self.disturbed_count, self.figure.n, 1 if self.floor is None else 2)
        if disturbed:
            return disturbed
        if self._interval_met() is None:
            low, high = self.figure.interval or (0.0, 0.0)
            return f"{self.path.bound:g} lies within {low:.3g}..{high:.3g}: measure more repetitions"
        return ""

    def _interval_met(self) -> bool | None:
        assert self.figure.interval is not None
        assert self.path.bound is not None
        return self.path.reach.met_by(self.figure.interval, self.path.bound)


@dataclass(frozen=True, repr=False)
class Bench(BenchReport):
    """All paths that were asked for, in the order of the table."""

    rows: tuple[Measured, ...]

    def __getitem__(self, path: str) -> Measured:
        return next(row for row in self.rows if row.path.name == path)

    @property
    def verdict(self) -> Verdict:
        """Violated where a bound is missed, unknown where one is not decided or nothing was measured."""
        if any(row.met is False for row in self.rows):
            return Verdict.VIOLATED
        nothing = all(row.figure.unavailable for row in self.rows)
        is_open = nothing or self.is_interrupted or any(row.undecided for row in self.rows)
        return Verdict.UNKNOWN if is_open else Verdict.NOT_FOUND

    def found(self) -> Iterator[Finding]:
        """Yield the bounds that were asked about."""
        yield from (each for row in self.rows if (each := _bound_found(row)) is not None)

    def items(self) -> list[dict[str, Any]]:
        """Return an item a path."""
        return [measured_json(row) for row in self.rows]


def _bound_found(row: Measured) -> Finding | None:
    """Return whether a path's bound is met; None where nothing is asked of it."""
    if not row.is_asked or row.figure.interval is None:
        return None
    verdict = {True: Verdict.NOT_FOUND, False: Verdict.VIOLATED, None: Verdict.UNKNOWN}[row.met]
    low, high = row.figure.interval
    measured = f"{row.figure.value:.3g} ({low:.3g}..{high:.3g})"
    why = row.undecided or (f"{measured}, where {reach_of(row.path)} is asked" if verdict is Verdict.VIOLATED else "")
    bound = f"{measured} of {row.figure.n} repetitions"
    return Finding(row.path.name, f"reach {reach_of(row.path)}", "native", verdict, bound=bound, explanation=why)


def reach_of(path: Path) -> str:
    """Return a path's bound in words."""
    return "-" if path.bound is None else f"{path.reach} {path.bound:g} {path.unit}"


def measured_json(row: Measured) -> dict[str, Any]:
    """Return one path's item."""
    found = _bound_found(row)
    return {
        **({} if found is None else verdict_json(found)),
        **figure_json(row.figure),
        "reach": None if row.path.bound is None else f"{row.path.reach} {row.path.bound:g}",
        "met": row.met,
        "undecided": row.undecided or None,
        "unsound": row.path.unsound or None,
        "setting": row.path.setting,
        "probe": figure_json(row.probe),
        "floor": None if row.floor is None else figure_json(row.floor),
        "extras": row.extras,
        "disturbed": row.disturbed_count,
        "cpus": list(row.cpus),
        "what": row.path.what,
    }


def measure(
    paths: Sequence[str] = (),
    *,
    repetitions: int = REPETITIONS_MIN,
    quick: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Bench:
    """Measure paths by name, all of them without a name; settings that several paths share are measured once.

        >>> fencepost.bench.measure(["memory-ring"])["memory-ring"].met
        True

    A ratio is taken repetition by repetition, of two probes that ran side by side. Raises InputError for an unknown
    path or repetitions outside 7..10000, Miscounted where a batch was lost, ordered twice or out of order, and
    Interrupted with the paths that are measured.
    """
    check_repetitions(repetitions)
    for name in paths:
        if name not in PATHS:
            raise unknown_choice("path", name, PATHS)
    asked = [path for path in PATHS.values() if not paths or path.name in paths]
    load_before = load()
    settings: dict[str, SettingTimes] = {}
    try:
        for path in asked:
            if path.setting not in settings:
                if progress is not None:
                    progress(path.setting.replace("_", " "))
                settings[path.setting] = _setting(path.setting, repetitions, quick)
    except KeyboardInterrupt:
        over = [path for path in asked if path.setting in settings]
        raise Interrupted(_bench(over, settings, quick, load_before, is_interrupted=True)) from None
    return _bench(asked, settings, quick, load_before)


def _bench(
    asked: list[Path],
    settings: dict[str, SettingTimes],
    quick: bool,
    load_before: float | None,
    *,
    is_interrupted: bool = False,
) -> Bench:
    rows = tuple(_measured(path, settings[path.setting], quick) for path in asked)
    return Bench(rows, hardware=hardware(load_before), quick=quick, is_interrupted=is_interrupted)


def _setting(name: str, repetitions: int, quick: bool) -> SettingTimes:
    if name in IN_PYTHON:
        return IN_PYTHON[name](repetitions, quick)
    return measure_setting(name, repetitions=repetitions, quick=quick)


def _measured(path: Path, times: SettingTimes, quick: bool) -> Measured:
    if times.unavailable:
        missing = figure(path.name, path.unit, (), times.unavailable)
        return Measured(path, missing, missing, None, {}, 0, times.cpus, quick)
    probe = times.probes[path.probe]
    side = figure(path.probe, probe.unit, probe.values)
    extras = dict(probe.extras)
    if path.beside is not None:
        extras[f"{path.beside}_{times.probes[path.beside].unit}"] = median(times.probes[path.beside].values)
    if path.floor is None:
        found = figure(path.name, path.unit, probe.values)
        return Measured(path, found, side, None, extras, probe.disturbed_count, times.cpus, quick)
    floor = times.probes[path.floor]
    found = figure(path.name, path.unit, _ratios(path, probe, floor))
    held = figure(path.floor, floor.unit, floor.values)
    disturbed_count = probe.disturbed_count + floor.disturbed_count
    return Measured(path, found, side, held, extras, disturbed_count, times.cpus, quick)


def _ratios(path: Path, probe: ProbeTimes, floor: ProbeTimes) -> list[float]:
    pairs = zip(probe.values, floor.values, strict=True)
    if path.reach is Reach.AT_LEAST:
        return [held / taken for taken, held in pairs]
    return [taken / held for taken, held in pairs]
