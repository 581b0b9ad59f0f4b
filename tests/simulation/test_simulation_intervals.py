"""Intervals of simulated figures: where they may lie, and how often they hold what they should."""

from math import exp, sqrt
from random import Random
from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from fencepost.model.simulation.intervals import interval, is_bounded


def students_half(values: list[float]) -> float:
    """Return half the plain interval of Student's t, to compare with."""
    return float(student.ppf(0.975, len(values) - 1) * stdev(values) / sqrt(len(values)))


def test_an_interval_is_students_t_on_the_logarithm_of_the_mean() -> None:
    figure = interval("latency_order_mean_ns", [10.0, 12.0, 14.0])
    assert (figure.value, figure.unit, figure.n, figure.samples) == (12.0, "ns", 3, (10.0, 12.0, 14.0))
    half = 4.302653 * 2 / 3**0.5  # t of 2 degrees at 97.5 %
    assert figure.low == pytest.approx(12 * exp(-half / 12), abs=1e-5)
    assert figure.high == pytest.approx(12 * exp(half / 12), abs=1e-5)
    assert interval("latency_order_mean_ns", [10.0]).low is None


REPLICATIONS = st.lists(st.one_of(st.just(0.0), st.floats(1e-6, 1.0)), min_size=2, max_size=12)


@given(values=REPLICATIONS, metric=st.sampled_from(["hold_p90_ns", "utilisation_scanner_max_share", "parked_count"]))
def test_no_interval_reaches_where_its_quantity_cannot(values: list[float], metric: str) -> None:
    figure = interval(metric, values)
    assert figure.low is not None
    assert figure.high is not None
    assert 0 <= figure.low <= figure.value <= figure.high
    assert figure.high <= 1 or not is_bounded(metric)
    assert (figure.low == figure.high) == (len(set(values)) == 1 or figure.low == pytest.approx(figure.high))


def test_what_may_be_more_than_a_whole_is_not_held_below_it() -> None:
    high = interval("completed_share", [0.99, 1.0, 1.01]).high
    assert high is not None
    assert high > 1


@given(values=st.lists(st.floats(0.99, 1.01), min_size=2, max_size=12))
def test_where_replications_agree_the_interval_is_the_plain_one(values: list[float]) -> None:
    figure, half = interval("hold_mean_ns", values), students_half(values)
    assert figure.low == pytest.approx(figure.value - half, abs=1e-2 * half + 1e-8 + half**2)
    assert figure.high == pytest.approx(figure.value + half, abs=1e-2 * half + 1e-8 + half**2)


def test_on_skewed_figures_it_holds_the_mean_more_often_than_the_plain_one() -> None:
    """Lognormal of sigma 1, whose mean is exp(1/2): the plain interval of 3 holds it 5 times in 6."""
    random, mean = Random(1), exp(0.5)
    held = {"plain": 0, "log": 0}
    for _ in range(2000):
        values = [random.lognormvariate(0, 1) for _ in range(3)]
        figure, half = interval("hold_p90_ns", values), students_half(values)
        assert figure.low is not None
        assert figure.high is not None
        held["log"] += figure.low <= mean <= figure.high
        held["plain"] += abs(figure.value - mean) <= half
    assert held["plain"] < 0.87 * 2000
    assert held["log"] > 0.9 * 2000
