"""Trials as figures need them: those of equal parameters are a cell, and a cell's replications give an estimate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from fencepost.experiments.figures.scales import split_unit
from fencepost.experiments.figures.style import number
from fencepost.model.errors import unknown_choice
from fencepost.model.simulation.intervals import Figure, interval

FINISHED = "done"  # of a trial's status: it ended with figures
VIOLATED, UNKNOWN = "violated", "unknown"

Row = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """The trials of equal parameters: replications of one another."""

    labels: Row
    trials: tuple[Row, ...]

    @property
    def failed(self) -> int:
        """How many of its trials ended without figures."""
        return sum(trial["status"] != FINISHED for trial in self.trials)

    @property
    def violated(self) -> int:
        """How many of its trials violated a promise: no figure of theirs is one of a correct system."""
        return sum(trial["verdict"] == VIOLATED for trial in self.trials)

    @property
    def unknown(self) -> int:
        """How many of its trials passed nothing and violated nothing, as those of a part that is refuted elsewhere."""
        return sum(trial["verdict"] == UNKNOWN for trial in self.trials)

    def values(self, metric: str) -> list[float]:
        """Return what each trial that has a metric gave."""
        found = (trial.get(metric) for trial in self.trials)
        return [float(value) for value in found if value is not None and isfinite(value)]

    def estimate(self, metric: str) -> Figure | None:
        """Return the mean with its 95 % interval over the replications; None where no trial has the metric."""
        values = self.values(metric)
        return interval(metric, values) if values else None


@dataclass(frozen=True)
class Trials:
    """The finished trials of one sweep.

    `parameters` are what a trial was asked with, engine first; all other columns are what it found.
    """

    rows: tuple[Row, ...]
    parameters: tuple[str, ...]
    metrics: tuple[str, ...]

    def varying(self) -> tuple[str, ...]:
        """Return the parameters of which there is more than one value."""
        return tuple(name for name in self.parameters if len({_key(row[name]) for row in self.rows}) > 1)

    def cells(self, without: Sequence[str] = ()) -> list[Cell]:
        """Return the cells in the order of their first trials; trials that differ `without` more are of one cell."""
        names = [name for name in self.parameters if name not in without]
        return [
            Cell({name: trials[0][name] for name in names}, tuple(trials))
            for trials in _grouped(self.rows, lambda row: tuple(_key(row[name]) for name in names))
        ]

    def others(self, *used: str) -> tuple[str, ...]:
        """Return the varying parameters beside those used: they tell series apart, so that nothing is averaged over."""
        return tuple(name for name in self.varying() if name not in used)

    def wanted(self, figure: str, name: str, *, measured: bool = False) -> str:
        """Return a name that a figure asks for. InputError: there is no such column, or it is no metric."""
        choices = self.metrics if measured else (*self.parameters, *self.metrics)
        if name not in choices:
            raise unknown_choice(f"column of figure '{figure}'", name, choices)
        return name


def trials_of(frame: Any, sweep: str | None = None) -> Trials:
    """Return the trials of a frame, as `Run.to_frame` makes it: of a sweep, or of all."""
    columns = list(frame.columns)
    begin, end = columns.index("engine"), columns.index("replication")
    if sweep is not None:
        frame = frame.filter(frame["sweep"] == sweep)
    rows = tuple(frame.to_dicts())
    parameters = tuple(name for name in columns[begin:end] if any(row[name] is not None for row in rows))
    found = columns[columns.index("seconds") + 1 :]
    return Trials(rows, parameters, tuple(name for name in found if any(row[name] is not None for row in rows)))


def name_of(labels: Row, names: Sequence[str]) -> str:
    """Return how a series is called: a word as it is, a number behind its parameter's name and before its unit."""
    return ", ".join(_valued(name, labels[name]) for name in names)


def _valued(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    words, unit = split_unit(name)
    said = number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
    return " ".join(filter(None, [words, said, unit]))


def caption_of(trials: Trials, counts: Iterable[int], intervals: str, marks: str) -> str:
    """Return what is said below a figure: n, how intervals were made, and which trials have no figures.

    `intervals` says where a reader sees them, `marks` what is of trials that violated a promise.
    """
    seen = sorted(set(counts))
    if not seen:
        return f"No trial of {len(trials.rows)} has these figures. {failed_of(trials)}".strip()
    n = str(seen[0]) if len(seen) == 1 else f"{seen[0]} to {seen[-1]}"
    if seen[-1] == 1:
        parts = ["n = 1 trial a point, so without intervals."]
    else:
        parts = [f"Means of n = {n} replications; 95 % intervals (Student's t) {intervals}."]
    warmups = [row["warmup_us"] for row in trials.rows if row.get("warmup_us")]
    if warmups:
        parts.append(f"Warm-up, up to {max(warmups):.4g} µs, is left out.")
    if any(row["verdict"] == VIOLATED for row in trials.rows):
        parts.append(f"Trials that violated a promise are {marks}.")
    return " ".join([*parts, *filter(None, [unknown_of(trials), failed_of(trials)])])


def unknown_of(trials: Trials) -> str:
    """Return how many trials are unknown, as a sentence; none: nothing."""
    count = sum(row["verdict"] == UNKNOWN for row in trials.rows)
    return f"{count} of {len(trials.rows)} trials are unknown, no pass." if count else ""


def failed_of(trials: Trials) -> str:
    """Return how many trials ended without figures, and how, as a sentence; none: nothing."""
    words = Counter(str(row["status"]) for row in trials.rows if row["status"] != FINISHED)
    how = ", ".join(f"{count} {word}" for word, count in sorted(words.items()))
    total = sum(words.values())
    lost = (
        " A cross at the foot: all of a point's."
        if any(each.failed == len(each.trials) for each in trials.cells())
        else ""
    )
    return f"{total} of {len(trials.rows)} trials ended without figures ({how}).{lost}" if total else ""


def _grouped(rows: Iterable[Row], key: Callable[[Row], object]) -> Iterable[list[Row]]:
    groups: dict[object, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups.values()


def _key(value: object) -> object:
    """Return a value as it can be told from others: lists and structs by their text."""
    return value if isinstance(value, str | int | float | bool | None) else str(value)
