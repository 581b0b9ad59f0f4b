"""The floor of a machine: what its atomics, locks, flushes, scans and copies cost with nothing around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fencepost.bench.figures import Figure, figure
from fencepost.bench.machine import hardware, load
from fencepost.model.errors import Interrupted
from fencepost.native.measuring import (
    FLOOR_METRICS,
    REPETITIONS_MIN,
    FloorMetric,
    check_repetitions,
    measure_floor,
)


@dataclass(frozen=True)
class FloorFigure:
    """One metric, what it says, how often it was done in a repetition, and on which cores.

    `disturbed_count` of the repetitions had a thread that was made to leave its core.
    """

    figure: Figure
    metric: FloorMetric
    operation_count: int
    disturbed_count: int
    cpus: tuple[int, ...]


@dataclass(frozen=True)
class Floor:
    """All metrics of the floor, in the order in which they were measured."""

    rows: tuple[FloorFigure, ...]
    hardware: dict[str, Any]
    quick: bool

    def __getitem__(self, metric: str) -> Figure:
        return next(row.figure for row in self.rows if row.metric.name == metric)


def floor(
    *, repetitions: int = REPETITIONS_MIN, quick: bool = False, progress: Callable[[str], None] | None = None
) -> Floor:
    """Measure the floor of this machine: some seconds, and at most 150 MB.

    `quick` takes sizes so small that figures of memory are figures of a cache. Raises InputError for repetitions
    outside 7..10000, Miscounted where what was to be timed did not happen, Interrupted with the metrics so far.
    """
    check_repetitions(repetitions)
    load_before, rows = load(), list[FloorFigure]()
    try:
        for metric in FLOOR_METRICS.values():
            if progress is not None:
                progress(metric.name)
            measured = measure_floor(metric.name, repetitions=repetitions, quick=quick)
            found = figure(metric.name, metric.unit, measured.values, measured.unavailable)
            rows.append(FloorFigure(found, metric, measured.operation_count, measured.disturbed_count, measured.cpus))
    except KeyboardInterrupt:
        raise Interrupted(Floor(tuple(rows), hardware(load_before), quick)) from None
    return Floor(tuple(rows), hardware(load_before), quick)
