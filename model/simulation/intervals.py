"""Intervals from replications: Student's t on the replications' own figures, on a scale that fits their range.

No figure here can be negative, and a share of what there is cannot be more than one. An interval that says otherwise is
wrong twice: about the values it should not hold, and, as such figures lie askew, about those it leaves out. So the
interval is taken on the logarithm of the mean, for shares on its logit, by the delta method: the deviation of f(mean)
is f'(mean) s / sqrt(n) (Casella, Berger, Statistical Inference, 5.5.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, fsum, log, sqrt

from fencepost.model.simulation.measures import unit_of

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Figure:
    """One metric over the replications: the mean, its 95 % interval (none with a single one), and what each gave."""

    metric: str
    unit: str
    value: float
    low: float | None
    high: float | None
    n: int
    samples: tuple[float, ...] = ()  # of each replication in which it happened, in their order


def figures_of(replications: Sequence[Mapping[str, float]]) -> list[Figure]:
    """Return each metric's figure over the replications in which it happened, in the order of the metrics."""
    names = list(dict.fromkeys(name for figures in replications for name in figures))
    return [interval(name, [figures[name] for figures in replications if name in figures]) for name in names]


def interval(metric: str, values: Sequence[float]) -> Figure:
    """Return the mean of independent values, none negative, with its interval."""
    n = len(values)
    mean = fsum(values) / n
    samples = tuple(map(rounded, values))
    if n == 1:
        return Figure(metric, unit_of(metric), rounded(mean), None, None, n, samples)
    from scipy.stats import t as student

    deviation = sqrt(fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = float(student.ppf((1 + CONFIDENCE) / 2, n - 1)) * deviation / sqrt(n)
    low, high = _share(mean, half) if is_bounded(metric) and 0 < mean < 1 else _above_zero(mean, half)
    return Figure(metric, unit_of(metric), rounded(mean), rounded(low), rounded(high), n, samples)


def is_bounded(metric: str) -> bool:
    """Say whether a metric is a share of a whole; more may complete in a window than becomes due in it."""
    return metric.endswith("_share") and metric != "completed_share"


def _above_zero(mean: float, half: float) -> tuple[float, float]:
    """Return mean * exp(+- half / mean), which approaches mean +- half where half is small."""
    if not half:
        return mean, mean
    return mean * exp(-half / mean), mean * exp(half / mean)


def _share(mean: float, half: float) -> tuple[float, float]:
    """Return the same on the logit, log(mean / (1 - mean)), which has no end at either end of 0..1."""
    middle, wide = log(mean / (1 - mean)), half / (mean * (1 - mean))
    return 1 / (1 + exp(wide - middle)), 1 / (1 + exp(-wide - middle))


def rounded(number: float) -> float:
    """Return a number with nine digits, as every file and document shows it."""
    return float(f"{number:.9g}")
