"""How much one side differs from another, with an interval that is exact whatever the distribution.

Two sides that ran beside each other are alike if nothing is lost by swapping them within a pair. So a change of d is
tested by dividing the second side by 1 + d and comparing the metric's ratio with those after every possible swap; the
interval holds each d that is not refused on either side (Fisher's test, inverted: Edgington, Onghena, Randomization
Tests, chapter 3). An A/A comparison calls a difference in at most 5 % of all cases, by construction.
Sides of different times are no pairs: their repetitions are dealt out anew instead, and whatever else changed meanwhile
is part of the difference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import expm1, log

import numpy as np

from fencepost.bench.statistics.spread import METRICS, Statistic, Values, check_iterations
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError, unknown_choice

ALL_SWAPS_UP_TO = 11  # pairs of which every swap is tried; of more, so many drawn ones:
DRAWN_COUNT = 2000
LOG_RATIO_MAX = log(10_000.0)  # further off than that nothing is bounded
HALVINGS = 26
REFUSED_AT = 0.02  # on either side: with 2.5 % what drawn swaps and halvings lose would come on top of 5 %
TIE_BREAK = 1e-6  # of a log ratio: less than any clock resolves

NO_DIFFERENCE = 0.05  # a change whose whole interval is smaller is none to speak of

Rearrange = Callable[[Values, Values], tuple[Values, Values]]


@dataclass(frozen=True)
class Change:
    """A metric of two sides and the change from the first to the second, as a share: 0.05 is 5 % more.

    `low` and `high` bound it with 95 %; None where the repetitions do not bound it.
    """

    metric: str
    first: float
    second: float
    change: float
    low: float | None
    high: float | None
    n: int

    @property
    def differs(self) -> bool:
        """Whether the interval leaves out no change at all."""
        return (self.low is not None and self.low > 0) or (self.high is not None and self.high < 0)


def differs(low: float | None, high: float | None) -> bool | None:
    """Say whether an interval is of a change: False where there is none to speak of, None where it does not say.

    That an interval holds 0 is no reason to call two sides alike: few repetitions have wide ones.
    """
    if low is None or high is None:
        return None
    if low > 0 or high < 0:
        return True
    return False if low >= -NO_DIFFERENCE and high <= NO_DIFFERENCE else None


def in_words(change: float, low: float | None, high: float | None) -> str:
    """Return a change as a person reads it: how much, that there is no difference, or that it is not decided."""
    bounds = ("?" if each is None else f"{each:+.1%}" for each in (low, high))
    said = {True: "", False: "no difference, ", None: "not decided, "}[differs(low, high)]
    return f"{said}{change:+.1%} ({'..'.join(bounds)})"


def change_of(first: Sequence[float], second: Sequence[float], metric: str, *, paired: bool = True) -> Change:
    """Return the change of a metric from one side to the other, all values above 0; pairs where they are `paired`.

        >>> found = fencepost.bench.change_of([1.0, 1.1] * 10, [1.2, 1.32] * 10, "median")
        >>> round(found.change, 3), found.differs
        (0.2, True)

    Raises InputError for an unknown metric, fewer than ten values, pairs of unequal number, or a value of 0 or less.
    """
    if metric not in METRICS:
        raise unknown_choice("metric", metric, METRICS)
    for side in (first, second):
        check_iterations(len(side))
    if paired and len(first) != len(second):
        raise InputError(f"{len(first)} and {len(second)} values: expected as many of both, as they are paired")
    if min(*first, *second) <= 0:
        raise InputError(f"a value is {min(*first, *second)}: expected more than 0, as changes are ratios")
    one, other, statistic = np.asarray(first, float), np.asarray(second, float), METRICS[metric]
    rearranged = _swapped(len(one)) if paired else _dealt_anew(len(one), len(other))
    low = _lower_bound(one, other, statistic, rearranged)
    high = _lower_bound(other, one, statistic, rearranged if paired else _dealt_anew(len(other), len(one)))
    was, now, n = float(statistic(one)), float(statistic(other)), min(len(one), len(other))
    bounds = (None if low is None else expm1(low), None if high is None else expm1(-high))
    return Change(metric, was, now, now / was - 1, *bounds, n)


def _swapped(n: int) -> Rearrange:
    """Return what swaps two sides of n pairs in every way, or in many drawn ones; the first leaves them as they are."""
    if n <= ALL_SWAPS_UP_TO:
        swaps = (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(bool)
    else:
        swaps = np.random.default_rng(0).integers(0, 2, (DRAWN_COUNT, n)).astype(bool)
        swaps[0] = False
    return lambda one, other: (np.where(swaps, other, one), np.where(swaps, one, other))


def _dealt_anew(first_count: int, second_count: int) -> Rearrange:
    """Return what deals all values out to the two sides anew, in many drawn ways; the first leaves them as they are."""
    order = np.tile(np.arange(first_count + second_count), (DRAWN_COUNT, 1))
    order[1:] = np.random.default_rng(0).permuted(order[1:], axis=1)

    def rearranged(one: Values, other: Values) -> tuple[Values, Values]:
        pool = np.concatenate([one, other])[order]
        return pool[:, :first_count], pool[:, first_count:]

    return rearranged


def _lower_bound(one: Values, other: Values, statistic: Statistic, rearranged: Rearrange) -> float | None:
    """Return the least log ratio of `other` to `one` that is not refused as too small; None if every one is kept."""

    def is_refused(log_ratio: float) -> bool:
        firsts, seconds = rearranged(one, other * np.exp(-log_ratio))
        ratios = np.log(statistic(seconds)) - np.log(statistic(firsts))
        # A rank may be the same after many swaps: which of those is further apart is then said by all values together.
        ratios += TIE_BREAK * (np.log(seconds).mean(axis=-1) - np.log(firsts).mean(axis=-1))
        return bool(np.mean(ratios >= ratios[0] - 1e-12) <= REFUSED_AT)

    refused, kept = -LOG_RATIO_MAX, float(np.log(statistic(other)) - np.log(statistic(one)))
    if not is_refused(refused):
        return None
    for _ in range(HALVINGS):
        middle = (refused + kept) / 2
        refused, kept = (middle, kept) if is_refused(middle) else (refused, middle)
    return refused


@dataclass(frozen=True)
class Condition:
    """What makes a comparison fail: a metric whose change lies above, or below, so many per cent."""

    metric: str
    is_above: bool
    percent: float
    text: str

    def judged(self, change: Change) -> Verdict:
        """Return violated where the whole interval fails, not found where none of it does, else unknown."""
        bound = self.percent / 100
        low = -float("inf") if change.low is None else change.low
        high = float("inf") if change.high is None else change.high
        if (low > bound) if self.is_above else (high < bound):
            return Verdict.VIOLATED
        holds = (high <= bound) if self.is_above else (low >= bound)
        return Verdict.NOT_FOUND if holds else Verdict.UNKNOWN


def parsed_conditions(texts: Iterable[str]) -> tuple[Condition, ...]:
    """Return the conditions that texts such as "p99>+5%" state; InputError for an unknown metric or anything else."""
    found = []
    for text in texts:
        match = re.fullmatch(r"\s*(\w+)\s*([<>])\s*([+-]?\d+(?:\.\d+)?)\s*%\s*", text)
        if match is None:
            raise InputError(f"--fail {text!r}: expected METRIC>PERCENT% or METRIC<PERCENT%, such as 'p99>+5%'")
        if match[1] not in METRICS:
            raise unknown_choice(f"metric of --fail {text!r}:", match[1], METRICS)
        found.append(Condition(match[1], match[2] == ">", float(match[3]), text.strip()))
    return tuple(found)
