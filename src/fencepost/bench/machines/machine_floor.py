"""The floor of a machine: what its atomics, locks, flushes, scans and copies cost with nothing around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fencepost.bench.machines.machine import hardware, load
from fencepost.bench.report import BenchReport, figure_json
from fencepost.bench.statistics.figures import Figure, figure
from fencepost.model.contract import Verdict
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


@dataclass(frozen=True, repr=False)
class Floor(BenchReport):
    """All metrics of the floor, in the order in which they were measured."""

    rows: tuple[FloorFigure, ...]

    @property
    def verdict(self) -> Verdict:
        """No count of a timed loop was wrong, or there would be no floor; unknown where it was not measured whole."""
        is_open = self.is_interrupted or all(row.figure.unavailable for row in self.rows)
        return Verdict.UNKNOWN if is_open else Verdict.NOT_FOUND

    def items(self) -> list[dict[str, Any]]:
        """Return an item a metric."""
        return [
            {
                **figure_json(row.figure), "threads": row.metric.threads, "operations": row.operation_count,
                "disturbed": row.disturbed_count, "cpus": list(row.cpus), "what": row.metric.what,
            }
            for row in self.rows
        ]  # fmt: skip

    def __getitem__(self, metric: str) -> Figure:
        return next(row.figure for row in self.rows if row.metric.name == metric)


def floor(
    *, repetitions: int = REPETITIONS_MIN, quick: bool = False, progress: Callable[[str], None] | None = None
) -> Floor:
    """Measure the floor of this machine: some seconds, and at most 150 MB.

        >>> fencepost.bench.floor(quick=True)["fetch_add_uncontended_ns"].unit
        'ns'

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
        so_far = Floor(tuple(rows), hardware=hardware(load_before), quick=quick, is_interrupted=True)
        raise Interrupted(so_far) from None
    return Floor(tuple(rows), hardware=hardware(load_before), quick=quick)
