"""Differences and spread: what is called different where nothing is, what is found where something is."""

from functools import partial
from random import Random
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from fencepost.bench import Change, Stability, change_of, spread
from fencepost.bench.sides import is_called_different
from fencepost.bench.statistics.change import Condition, parsed_conditions
from fencepost.bench.statistics.spread import METRICS, bca_interval
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError

times = st.lists(st.floats(0.1, 1e4), min_size=10, max_size=30)


def noisy(random: Random, n: int) -> list[float]:
    """Return times as a busy machine gives them: a drift, a spread, and now and then one ten times as long."""
    return [(10 + k / n) * random.lognormvariate(0, 0.1) * (10 if random.random() < 0.05 else 1) for k in range(n)]


# --- nothing is called different where nothing is ---


@pytest.mark.parametrize("metric", ["median", "mean", "p99"])
def test_a_side_is_called_different_from_itself_in_at_most_7_of_100_cases(metric: str) -> None:
    random, called, count = Random(5), 0, 200
    for _ in range(count):
        called += is_called_different(noisy(random, 20), metric, random)
    assert called <= 0.07 * count


def test_a_bootstrap_of_so_few_pairs_calls_a_side_different_from_itself_too_often() -> None:
    """The interval that one would take first: resampled pairs, percentiles. It is why swaps are used."""
    random, called, count = Random(5), 0, 200
    for _ in range(count):
        values = noisy(random, 20)
        ratios = [values[k + 1] / values[k] for k in range(0, 20, 2)]
        means = sorted(fmean(random.choices(ratios, k=10)) for _ in range(200))
        called += not means[5] <= 1 <= means[194]
    assert called > 0.07 * count


@settings(max_examples=sized(30), deadline=None)
@given(values=times, metric=st.sampled_from(list(METRICS)))
def test_equal_sides_do_not_differ(values: list[float], metric: str) -> None:
    change = change_of(values, values, metric)
    assert change.change == 0
    assert not change.differs


# --- what differs is found, by as much as it does ---


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("n", [10, 11, 12, 30])
def test_twice_as_long_is_different_also_where_every_repetition_takes_the_same(metric: str, n: int) -> None:
    """Medians of tied values stay where they are in half of all swaps: by the median alone nothing was ever found."""
    found = change_of([1.0] * n, [2.0] * n, metric)
    assert found.differs
    assert (found.low, found.high) == pytest.approx((1.0, 1.0), abs=1e-5)


@settings(max_examples=sized(30), deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.floats(0.02, 50), n=st.integers(10, 30))
def test_the_interval_holds_a_factor_that_every_pair_has(seed: int, factor: float, n: int) -> None:
    first = noisy(Random(seed), n)
    change = change_of(first, [value * factor for value in first], "median")
    assert change.change == pytest.approx(factor - 1, abs=1e-9)
    low, high = (-1.0 if change.low is None else change.low), (1e9 if change.high is None else change.high)
    assert low - 1e-6 <= factor - 1 <= high + 1e-6


@settings(max_examples=sized(30), deadline=None)
@given(first=times, seed=st.integers(0, 10**6), metric=st.sampled_from(list(METRICS)))
def test_turning_a_comparison_round_turns_its_interval_round(first: list[float], seed: int, metric: str) -> None:
    random = Random(seed)
    second = [value * random.lognormvariate(0.2, 0.3) for value in first]
    there, back = change_of(first, second, metric), change_of(second, first, metric)
    assert (there.low is None) == (back.high is None)
    if there.low is not None and back.high is not None:
        assert (1 + there.low) * (1 + back.high) == pytest.approx(1, rel=1e-5)


def test_intervals_hold_the_real_change_in_95_of_100_cases() -> None:
    random, held = Random(7), 0
    for _ in range(150):
        first, second = noisy(random, 12), [value * 1.3 for value in noisy(random, 12)]
        change = change_of(first, second, "median")
        held += (change.low or -1) <= 0.3 <= (change.high if change.high is not None else 1e9)
    assert held >= 0.93 * 150


def test_a_tail_that_rests_on_one_repetition_is_not_called_different() -> None:
    first = [10.0 + k / 100 for k in range(20)]
    second = [*first[:-1], 100.0]
    change = change_of(first, second, "p99")
    assert change.change > 8
    assert not change.differs
    assert parsed_conditions(["p99>+5%"])[0].judged(change) is Verdict.UNKNOWN


def test_sides_of_different_times_are_dealt_anew() -> None:
    random = Random(3)
    first, second = noisy(random, 40), [1.5 * value for value in noisy(random, 30)]
    change = change_of(first, second, "median", paired=False)
    assert change.differs
    assert change.low is not None
    assert change.high is not None
    assert change.low < 0.5 < change.high
    assert not change_of(first, noisy(random, 30), "median", paired=False).differs


# --- conditions ---


def change(low: float | None, high: float | None) -> Change:
    return Change("p99", 1.0, 1.0, 0.0, low, high, 20)


@pytest.mark.parametrize(
    ("text", "low", "high", "verdict"),
    [
        ("p99>+5%", 0.06, 0.2, Verdict.VIOLATED),
        ("p99>+5%", 0.04, 0.2, Verdict.UNKNOWN),
        ("p99>+5%", -0.1, 0.04, Verdict.NOT_FOUND),
        ("p99>5%", -0.1, None, Verdict.UNKNOWN),
        ("p99 < -5 %", -0.2, -0.06, Verdict.VIOLATED),
        ("p99<-5%", None, -0.06, Verdict.VIOLATED),
        ("p99<-5%", -0.2, 0.0, Verdict.UNKNOWN),
        ("p99<-5%", -0.05, 0.0, Verdict.NOT_FOUND),
    ],
)
def test_a_condition_fails_by_its_whole_interval(
    text: str, low: float | None, high: float | None, verdict: Verdict
) -> None:
    (condition,) = parsed_conditions([text])
    assert condition.judged(change(low, high)) is verdict


@given(low=st.floats(-0.9, 2), width=st.floats(0, 2), percent=st.integers(-50, 100), is_above=st.booleans())
def test_no_condition_both_fails_and_holds(low: float, width: float, percent: int, is_above: bool) -> None:
    verdict = Condition("p99", is_above, percent, "").judged(change(low, low + width))
    inside = low <= percent / 100 <= low + width
    assert verdict is not Verdict.UNKNOWN or inside


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p98>+5%", r"unknown metric of --fail 'p98>\+5%': 'p98': expected one of median, mean, min, max, p95, p99"),
        ("p99>5", r"--fail 'p99>5': expected METRIC>PERCENT% or METRIC<PERCENT%, such as 'p99>\+5%'"),
        ("p99>=5%", "expected METRIC>PERCENT%"),
        ("", "expected METRIC>PERCENT%"),
    ],
)
def test_another_condition_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parsed_conditions([text])


# --- spread and stability ---


def samples_of_cv(cv: float, n: int = 200) -> list[float]:
    """Return values around 100 with this coefficient of variation."""
    return [100 * (1 + cv), 100 * (1 - cv)] * (n // 2)


@pytest.mark.parametrize(
    ("cv", "word"),
    [
        (0.01, Stability.LOW),
        (0.10, Stability.MODERATE),
        (0.175, Stability.HIGH),
        (0.30, Stability.INVESTIGATE),
    ],
)
def test_stability_goes_by_the_coefficient_of_variation(cv: float, word: Stability) -> None:
    found = spread(samples_of_cv(cv))
    assert found.cv == pytest.approx(cv, rel=0.01)
    assert found.stability is word
    assert word.is_stable == (cv < 0.15)


def test_ten_repetitions_on_both_sides_of_a_threshold_decide_nothing() -> None:
    values = [100.0] * 8 + [55.0, 160.0]
    found = spread(values)
    assert found.cv_interval[0] < 0.15 < found.cv_interval[1]
    assert found.stability is Stability.NOT_DECIDED


def test_fewer_than_ten_say_nothing_of_spread() -> None:
    with pytest.raises(InputError, match="iterations is 9: expected an integer of at least 10"):
        spread([1.0] * 9)
    with pytest.raises(InputError, match="iterations is 9"):
        change_of([1.0] * 9, [1.0] * 9, "mean")


@pytest.mark.parametrize("values", [[0.3] * 9 + [0.1 + 0.2], [0.1] * 5 + [0.10000000000000002] * 5])
def test_values_that_differ_by_their_rounding_have_an_interval_of_no_width(values: list[float]) -> None:
    for statistic in (np.mean, np.median, np.std):
        low, high = bca_interval(np.array(values), partial(statistic, axis=-1))
        assert low == high == statistic(values)


@settings(max_examples=sized(30), deadline=None)
@given(values=times)
def test_statistics_lie_where_the_values_do(values: list[float]) -> None:
    found = spread(values)
    assert found.metrics["min"] <= found.metrics["median"] <= found.metrics["p95"] <= found.metrics["p99"]
    assert found.metrics["p99"] <= found.metrics["max"]
    low, high = found.mean_interval
    slack = 1e-9 * max(values)
    assert found.metrics["min"] - slack <= low <= found.metrics["mean"] + slack
    assert found.metrics["mean"] - slack <= high <= found.metrics["max"] + slack
    assert found.cv_interval[0] >= 0
    assert spread(values) == found
