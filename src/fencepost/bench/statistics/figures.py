"""A figure: the median of repetitions, between what bounds they lay, and how well they pin the median down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import median

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Figure:
    """The median of `n` repetitions with the smallest and the largest of them, all in `unit`; `samples` are they.

    Where the machine cannot show it, `unavailable` says why, `n` is 0 and the numbers are None.
    """

    metric: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    unavailable: str = ""
    samples: tuple[float, ...] = ()

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the median; of a figure without samples, its lowest and highest."""
        if self.low is None or self.high is None:
            return None
        return median_interval(self.samples) if self.samples else (self.low, self.high)


def figure(metric: str, unit: str, values: Sequence[float], unavailable: str = "") -> Figure:
    """Return the figure of some repetitions; of none if it is unavailable."""
    if unavailable:
        return Figure(metric, unit, None, None, None, 0, unavailable)
    return Figure(metric, unit, median(values), min(values), max(values), len(values), samples=tuple(values))


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return an interval that holds the median of what the values are drawn from, with at least 95 %.

    The median lies below the k-th smallest of n values only if fewer than k are below it, which has the chance
    P(B < k), B binomial of n and 1/2; so the k-th from either end bound it, whatever the distribution (Conover,
    Practical Nonparametric Statistics, 3.2). Of fewer than 6 values the lowest and the highest, which hold less.
    """
    ordered, n = sorted(values), len(values)
    below = rank = 0
    while (below + comb(n, rank)) / 2**n <= (1 - CONFIDENCE) / 2:
        below += comb(n, rank)
        rank += 1
    rank = max(rank, 1)
    return ordered[rank - 1], ordered[n - rank]
