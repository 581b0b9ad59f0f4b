"""What repetitions say together: centre, spread, tails, and whether they are stable enough to be spoken of.

Stability goes by the coefficient of variation, CV = deviation / mean: stable below 15 % (low below 5 %, else moderate),
to be investigated above 20 %. The thresholds of 15 and 20 % are those of the findings of 2026-01-26. A CV of ten
repetitions is itself known badly, so the verdict goes by its interval: what reaches across a threshold is not decided.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from fencepost.bench.statistics.figures import CONFIDENCE
from fencepost.model.errors import InputError

ITERATIONS_MIN = 10
CV_LOW, CV_STABLE, CV_INVESTIGATE = 0.05, 0.15, 0.20
RESAMPLE_COUNT = 4999
ROUNDING = 1e-12  # relative: what differs by less differs by how it was added up, and not by what was measured

Values = Any  # an array of floats; statistics are taken along its last axis
Statistic = Callable[[Values], Values]


def _nearest_rank(percent: int) -> Statistic:
    def statistic(values: Values) -> Values:
        ordered = np.sort(values, axis=-1)
        return ordered[..., max(0, -(-ordered.shape[-1] * percent // 100) - 1)]

    return statistic


METRICS: dict[str, Statistic] = {
    "median": lambda values: np.median(values, axis=-1),
    "mean": lambda values: np.mean(values, axis=-1),
    "min": lambda values: np.min(values, axis=-1),
    "max": lambda values: np.max(values, axis=-1),
    "p95": _nearest_rank(95),
    "p99": _nearest_rank(99),
}
"""What may be asked of repetitions, by name. Percentiles are nearest-rank: of fewer than 100 the p99 is the highest."""


class Stability(StrEnum):
    """What the coefficient of variation says."""

    LOW = "stable: low variation"
    MODERATE = "stable: moderate variation"
    HIGH = "not stable: high variation"
    INVESTIGATE = "not stable: investigate"
    NOT_DECIDED = "not decided"

    @property
    def is_stable(self) -> bool:
        """Whether it says stable."""
        return self in (Stability.LOW, Stability.MODERATE)


@dataclass(frozen=True)
class Spread:
    """Statistics of at least ten repetitions, in their unit; intervals are 95 %, by BCa bootstrap."""

    n: int
    metrics: dict[str, float]
    deviation: float
    cv: float
    mean_interval: tuple[float, float]
    cv_interval: tuple[float, float]

    @property
    def stability(self) -> Stability:
        """Whether the repetitions agree; not decided where the interval of the CV reaches across a threshold."""
        words = {_stability(cv) for cv in (*self.cv_interval, self.cv)}
        is_decided = len(words) == 1 or all(word.is_stable for word in words)
        return _stability(self.cv) if is_decided else Stability.NOT_DECIDED


def _stability(cv: float) -> Stability:
    if cv < CV_STABLE:
        return Stability.LOW if cv < CV_LOW else Stability.MODERATE
    return Stability.INVESTIGATE if cv > CV_INVESTIGATE else Stability.HIGH


def check_iterations(iterations: int) -> None:
    """Raise InputError for fewer iterations than an interval or a word on stability can rest on."""
    if isinstance(iterations, bool) or not isinstance(iterations, int) or iterations < ITERATIONS_MIN:
        raise InputError(
            f"iterations is {iterations!r}: expected an integer of at least {ITERATIONS_MIN}, as fewer say nothing of "
            "spread or stability"
        )


def spread(samples: Sequence[float]) -> Spread:
    """Return the statistics of repetitions, none negative; InputError for fewer than ten.

    >>> found = fencepost.bench.spread([1.0, 1.1] * 10)
    >>> round(found.cv, 3), str(found.stability)
    (0.049, 'stable: low variation')
    """
    check_iterations(len(samples))
    values = np.asarray(samples, dtype=float)
    return Spread(
        n=len(samples),
        metrics={name: float(statistic(values)) for name, statistic in METRICS.items()},
        deviation=float(np.std(values, ddof=1)),
        cv=float(_cv(values)),
        mean_interval=bca_interval(values, METRICS["mean"]),
        cv_interval=bca_interval(values, _cv),
    )


def _cv(values: Values) -> Values:
    return np.std(values, axis=-1, ddof=1) / np.mean(values, axis=-1)


def bca_interval(values: Values, statistic: Statistic) -> tuple[float, float]:
    """Return the bias-corrected, accelerated bootstrap interval of a statistic (Efron, Tibshirani, 1993, chapter 14).

    It is made of values of the statistic itself, so it stays where that can lie. The same values give the same one;
    values that differ by their rounding alone give an interval of no width.
    """
    if np.ptp(values) <= ROUNDING * np.max(np.abs(values)):  # the acceleration of the bootstrap would be 0 / 0
        same = float(statistic(values))
        return same, same
    from scipy.stats import bootstrap

    found = bootstrap(
        (values,), lambda drawn, axis=-1: statistic(drawn), confidence_level=CONFIDENCE, n_resamples=RESAMPLE_COUNT,
        method="BCa", vectorized=True, random_state=np.random.default_rng(0),
    )  # fmt: skip
    return float(found.confidence_interval.low), float(found.confidence_interval.high)
