"""When a bound is met: by an interval on its right side, of figures that other work left alone; else it is open."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import comb
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from fencepost.bench import PATHS, Bench, Floor, Measured, measure
from fencepost.bench import measured_paths as paths_module
from fencepost.bench.paths import Reach
from fencepost.bench.statistics.figures import Figure, figure, median_interval
from fencepost.command_line import cli
from fencepost.model.contract import Verdict
from fencepost.native.measuring import ProbeTimes, SettingTimes

AT_MOST, AT_LEAST = PATHS["order5-fetch-add"], PATHS["pipeline"]
samples = st.lists(st.floats(0.01, 100), min_size=6, max_size=60)


def measured(values: Sequence[float], bound: float, *, reach: Reach = Reach.AT_MOST, disturbed: int = 0) -> Measured:
    """Return a path's row as if these ratios had been measured."""
    path = replace(AT_MOST if reach is Reach.AT_MOST else AT_LEAST, bound=bound)
    side = figure(path.probe, "ns", values)
    return Measured(path, figure(path.name, "ratio", values), side, side, {}, disturbed, ())


def coverage(n: int, rank: int) -> float:
    """Return the chance that the median lies between the rank-th smallest and the rank-th largest of n values."""
    below = sum(comb(n, count) for count in range(rank))
    return 1.0 - 2 * below / float(2**n)


@pytest.mark.parametrize("n", range(6, 200))
def test_the_interval_holds_the_median_with_95_percent_and_the_next_narrower_one_does_not(n: int) -> None:
    low, high = median_interval([float(value) for value in range(1, n + 1)])
    assert coverage(n, int(low)) >= 0.95 > coverage(n, int(low) + 1)
    assert high == n + 1 - low


@given(values=samples, bound=st.floats(0.01, 100), reach=st.sampled_from(Reach))
def test_a_bound_is_met_only_if_the_whole_interval_reaches_it(values: list[float], bound: float, reach: Reach) -> None:
    row = measured(values, bound, reach=reach)
    low, high = median_interval(values)
    assert row.met == {(True, True): True, (False, False): False}.get((reach.met(low, bound), reach.met(high, bound)))
    assert (row.met is None) == bool(row.undecided)


@given(values=samples, bound=st.floats(0.01, 100), disturbed=st.integers(0, 120))
def test_what_was_mostly_disturbed_decides_nothing(values: list[float], bound: float, disturbed: int) -> None:
    row = measured(values, bound, disturbed=disturbed)
    if disturbed > len(values) / 2:
        assert row.met is None
        assert f"{disturbed} of {2 * len(values)} repetitions disturbed" in row.undecided
    else:
        assert row.met == measured(values, bound).met


def test_a_figure_without_samples_is_held_by_its_lowest_and_highest() -> None:
    """The issue's own figure: 0.94 in [0.2, 2.3], 17 of 20 repetitions disturbed, was called met."""
    of_issue = Figure(AT_MOST.name, "ratio", 0.94, 0.2, 2.3, 10)
    row = Measured(replace(AT_MOST, bound=1.5), of_issue, of_issue, of_issue, {}, 17, ())
    assert row.met is None
    assert "17 of 20 repetitions disturbed" in row.undecided
    assert "1.5 lies within 0.2..2.3" in replace(row, disturbed_count=0).undecided


def test_what_is_not_asked_is_neither_met_nor_open() -> None:
    shown = replace(measured([1.0] * 7, 1.5), path=replace(AT_MOST, bound=None))
    quick = replace(measured([1.0] * 7, 1.5), quick=True)
    missing = replace(measured([1.0] * 7, 1.5), figure=figure(AT_MOST.name, "ratio", (), "no such instruction"))
    for row in (shown, quick, missing):
        assert (row.is_asked, row.met, row.undecided) == (False, None, "")


def test_the_verdict_is_the_worst_row_and_nothing_measured_is_no_pass() -> None:
    met, missed, still_open = measured([1.0] * 7, 1.5), measured([2.0] * 7, 1.5), measured([1.0, 2.0] * 4, 1.5)
    missing = replace(met, figure=figure(AT_MOST.name, "ratio", (), "no such instruction"))
    for rows, verdict in (
        ((met, missing), Verdict.NOT_FOUND),
        ((met, still_open), Verdict.UNKNOWN),
        ((still_open, missed, met), Verdict.VIOLATED),
        ((missing,), Verdict.UNKNOWN),
    ):
        assert Bench(rows, hardware={}).verdict is verdict


def test_what_was_cut_short_is_no_pass() -> None:
    met, missed = measured([1.0] * 7, 1.5), measured([2.0] * 7, 1.5)
    assert Bench((met,), hardware={}, is_interrupted=True).verdict is Verdict.UNKNOWN
    assert Bench((missed,), hardware={}, is_interrupted=True).verdict is Verdict.VIOLATED
    assert Floor((), hardware={}, is_interrupted=True).verdict is Verdict.UNKNOWN


# --- the command ---


Timed = Callable[[Sequence[float], int], None]


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> Timed:
    """Return what makes the entry from Python take these times, so many of them disturbed."""

    def set_times(values: Sequence[float], disturbed: int) -> None:
        copy = ProbeTimes((1.0,) * len(values), 4096, 0, {})
        times = SettingTimes({"bulk": ProbeTimes(tuple(values), 4096, disturbed, {}), "bare_copy": copy}, (), "")
        monkeypatch.setitem(paths_module.IN_PYTHON, "python_entry", lambda repetitions, quick: times)

    return set_times


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["bench", "python-entry", "--quiet", *arguments], catch_exceptions=False)


@pytest.mark.parametrize(
    ("values", "disturbed", "exit_code", "word", "last"),
    [
        ([1.0, 1.5, 1.9] * 4, 0, 0, "yes", "verdict=not-found property=- "),
        ([2.1, 2.5, 2.9] * 4, 0, 1, "no", "verdict=violated property=python-entry "),
        ([1.0, 1.5, 2.9] * 4, 0, 3, "not decided", "verdict=unknown property=python-entry "),
        ([1.0, 1.5, 1.9] * 4, 7, 3, "not decided", "verdict=unknown property=python-entry "),
        ([2.1, 2.5, 2.9] * 4, 7, 3, "not decided", "verdict=unknown property=python-entry "),
    ],
)
def test_the_table_and_the_exit_say_how_the_bound_was_decided(
    timed: Timed, values: list[float], disturbed: int, exit_code: int, word: str, last: str
) -> None:
    timed(values, disturbed)
    result = run()
    row = next(line for line in result.stdout.splitlines() if line.startswith("python-entry "))
    assert result.exit_code == exit_code
    assert f"<= 2 ratio  {word} " in row
    assert result.stdout.splitlines()[-1].startswith(last)
    assert ("python-entry: not decided: " in result.stdout) == (word == "not decided")


def test_the_document_keeps_every_sample_and_says_why_nothing_is_decided(timed: Timed, tmp_path: Path) -> None:
    timed([1.0, 1.5, 1.9] * 4, 7)
    result = run("--json", "--out", str(tmp_path))
    document = json.loads(result.stdout)
    (item,) = document["results"]
    assert (document["verdict"], item["met"]) == ("unknown", None)
    assert item["undecided"] == "7 of 24 repetitions disturbed: up to 7 of 12 figures"
    assert sorted(item["samples"]) == sorted(item["probe"]["samples"]) == sorted([1.0, 1.5, 1.9] * 4)
    assert (item["low"], item["interval"], item["high"]) == (1.0, [1.0, 1.9], 1.9)
    assert (tmp_path / "bench.json").read_text() == result.stdout


def test_no_bound_is_a_time() -> None:
    """What takes 8 ns on one processor takes 4 on another: bounds are of ratios, or of counts."""
    assert {path.unit for path in PATHS.values() if path.bound is not None} == {"ratio", "allocations"}
    assert all(path.floor is not None for path in PATHS.values() if path.unit == "ratio")


def test_what_is_timed_of_the_seed_is_said_to_be_unsound() -> None:
    bench = measure(["order4-seed-clwb", "memory-ring"], quick=True)
    assert bench["order4-seed-clwb"].path.unsound == "fencepost explore export_after_fence"
    assert bench["memory-ring"].path.unsound == ""
