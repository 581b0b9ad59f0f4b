"""A figure: the median of repetitions, and between what bounds they lay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """The median of `n` repetitions with the smallest and the largest of them, all in `unit`.

    Where the machine cannot show it, `unavailable` says why, `n` is 0 and the numbers are None.
    """

    metric: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    unavailable: str = ""


def figure(metric: str, unit: str, values: Sequence[float], unavailable: str = "") -> Figure:
    """Return the figure of some repetitions; of none if it is unavailable."""
    if unavailable:
        return Figure(metric, unit, None, None, None, 0, unavailable)
    return Figure(metric, unit, median(values), min(values), max(values), len(values))
