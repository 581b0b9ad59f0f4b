"""Intervals from replications: Student's t on the replications' own figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum, sqrt

from fencepost.model.simulation.measures import unit_of

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Figure:
    """One metric over the replications: the mean, and its 95 % interval; none with a single replication."""

    metric: str
    unit: str
    value: float
    low: float | None
    high: float | None
    n: int


def figures_of(replications: Sequence[Mapping[str, float]]) -> list[Figure]:
    """Return each metric's figure over the replications in which it happened, in the order of the metrics."""
    names = list(dict.fromkeys(name for figures in replications for name in figures))
    return [interval(name, [figures[name] for figures in replications if name in figures]) for name in names]


def interval(metric: str, values: Sequence[float]) -> Figure:
    """Return the mean of independent values with its interval: mean +- t(n - 1) s / sqrt(n)."""
    n = len(values)
    mean = fsum(values) / n
    if n == 1:
        return Figure(metric, unit_of(metric), rounded(mean), None, None, n)
    from scipy.stats import t as student

    deviation = sqrt(fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = float(student.ppf((1 + CONFIDENCE) / 2, n - 1)) * deviation / sqrt(n)
    return Figure(metric, unit_of(metric), rounded(mean), rounded(mean - half), rounded(mean + half), n)


def rounded(number: float) -> float:
    """Return a number with nine digits, as every file and document shows it."""
    return float(f"{number:.9g}")
