"""`bench baseline`, `bench compare`, `bench aa`: what they measure, judge, refuse and print. No time is asserted."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fencepost.bench import PATHS, SIDES, Stability, baseline, compare, self_compare
from fencepost.bench import baselines as baselines_module
from fencepost.bench import sides as sides_module
from fencepost.bench.baselines import BASELINE_PATHS
from fencepost.bench.measured_paths import IN_PYTHON
from fencepost.command_line import cli
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.native.measuring import SETTINGS, ProbeTimes, SettingTimes, machine, measure_setting

CACHED = ("order4-481-cached", "order4-481-memory")  # paths of one thread that any machine has
MOVED = [1.0 + k / 100 for k in range(20)]
Timed = Callable[..., None]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["bench", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> Timed:
    """Return what makes the sides of a setting take these times, so many repetitions of each disturbed."""

    def set_times(sides: dict[str, list[float]], disturbed: int = 0, unavailable: str = "") -> None:
        probes = {name: ProbeTimes(tuple(values), 8, disturbed, {}) for name, values in sides.items()}
        times = SettingTimes({} if unavailable else probes, (), unavailable)
        for module in (sides_module, baselines_module):
            monkeypatch.setattr(module, "measure_setting", lambda name, **sizes: times)

    return set_times


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_sides_of_a_setting_are_those_that_it_times(setting: str) -> None:
    if setting in ("claim_two_shared", "claim_two_apart", "two_cores") and len(machine().cpus_allowed) == 1:
        pytest.skip("two threads need a core each")
    times = measure_setting(setting, quick=True)
    assert times.unavailable or tuple(times.probes) == SIDES[setting]


def test_every_path_that_is_timed_has_two_sides() -> None:
    for path in PATHS.values():
        if path.setting not in IN_PYTHON:
            assert {path.probe, path.floor} - {None} <= set(SIDES[path.setting])


# --- compare ---


def test_two_sides_are_timed_in_turn_and_each_metric_has_its_interval() -> None:
    found = compare("bare", "order4.owner", setting="messages_cached", repetitions=12, quick=True)
    assert [change.metric for change in found.changes] == ["median", "mean", "min", "max", "p95", "p99"]
    assert [side.metric for side in found.sides] == ["bare", "order4.owner"]
    assert {change.n for change in found.changes} == {12}
    assert len(found.sides[0].samples) == 12


@pytest.mark.parametrize(
    ("factor", "condition", "exit_code", "word"),
    [
        (1.2, "median>+5%", 1, "fails"),
        (1.0, "median>+5%", 0, "does not fail"),
        (0.8, "median<-10%", 1, "fails"),
        (1.05, "median>+5%", 3, "not decided"),
    ],
)
def test_a_condition_decides_the_exit(timed: Timed, factor: float, condition: str, exit_code: int, word: str) -> None:
    noise = [1 + (k * 7 % 5 - 2) / 200 for k in range(20)]
    second = [value * factor * part for value, part in zip(MOVED, noise, strict=True)]
    timed({"order4.mutex": MOVED, "order4.claim": second})
    result = run("compare", "order4.mutex", "order4.claim", "--fail", condition, "--quiet")
    assert result.exit_code == exit_code
    assert f"--fail {condition}: {word}" in result.stdout
    property_name = "-" if exit_code == 0 else "median"
    assert f" property={property_name} " in result.stdout.splitlines()[-1]


def test_no_difference_is_said_plainly(timed: Timed) -> None:
    timed({"order4.mutex": MOVED, "order4.claim": MOVED})
    result = run("compare", "order4.mutex", "order4.claim", "--quiet")
    assert result.exit_code == 0
    assert result.stdout.count("no difference") == 6


def test_an_interval_that_reaches_far_is_not_called_no_difference(timed: Timed) -> None:
    spread = [1.0, 3.0] * 10
    timed({"order4.mutex": spread, "order4.claim": spread[::-1]})
    result = run("compare", "order4.mutex", "order4.claim", "--quiet")
    assert "mean " in result.stdout
    assert "not decided" in next(line for line in result.stdout.splitlines() if line.startswith("mean"))


def test_what_was_mostly_disturbed_is_not_decided(timed: Timed) -> None:
    timed({"order4.mutex": MOVED, "order4.claim": [2 * value for value in MOVED]}, disturbed=6)
    result = run("compare", "order4.mutex", "order4.claim", "--fail", "median>+5%", "--quiet")
    assert result.exit_code == 3
    assert "not decided: 12 of 40 repetitions disturbed: up to 12 of 20 figures" in result.stdout
    assert "--fail median>+5%: not decided" in result.stdout


def test_an_unsound_side_is_named_however_fast(timed: Timed) -> None:
    timed({"seed": MOVED, "per_batch": [2 * value for value in MOVED]})
    result = run("compare", "per_batch", "seed", "--quiet")
    assert "seed: unsound (see fencepost explore export_after_fence)" in result.stdout
    document = json.loads(run("compare", "per_batch", "seed", "--quiet", "--json").stdout)
    assert document["results"][0]["unsound"] == {"seed": "fencepost explore export_after_fence"}


def test_the_document_of_a_comparison_has_its_samples(timed: Timed, tmp_path: Path) -> None:
    timed({"order4.mutex": MOVED, "order4.claim": [2 * value for value in MOVED]})
    result = run("compare", "order4.mutex", "order4.claim", "--json", "--fail", "p95>+5%", "--out", tmp_path, "--quiet")
    assert (tmp_path / "compare.json").read_text() == result.stdout
    document = json.loads(result.stdout)
    items = {item["metric"]: item for item in document["results"]}
    assert (document["schema"], document["verdict"]) == ("fencepost/bench/2", "violated")
    assert items["median"]["value"] == pytest.approx(1.0)
    assert items["p95"]["fail"] == {"p95>+5%": "violated"}
    assert items["median"]["sides"][0]["samples"] == MOVED


@pytest.mark.parametrize(
    ("first", "second", "more", "message"),
    [
        ("order9", "order4.claim", {}, "unknown side 'order9'"),
        (
            "order4.claim",
            "pipeline",
            {},
            "order4.claim and pipeline are never timed together: expected order4.claim with",
        ),
        ("order4.claim", "order4.claim", {}, "both sides are order4.claim: expected two, or `bench aa`"),
        (
            "bare",
            "order4.owner",
            {"setting": "claim_one"},
            "setting claim_one times bare_lock, .*: expected one that",
        ),
        ("bare", "order4.owner", {"setting": "claims"}, "unknown setting 'claims': did you mean claim_one"),
        ("bare", "order4.owner", {"repetitions": 9}, "iterations is 9: expected an integer of at least 10"),
        ("bare", "order4.owner", {"fail": ["p98>+5%"]}, "'p98': expected one of median, mean"),
    ],
)
def test_sides_that_cannot_be_compared_are_refused(
    first: str, second: str, more: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        compare(first, second, quick=True, **more)  # type: ignore[arg-type]  # of the cases above


def test_a_setting_that_this_machine_cannot_show_is_refused(timed: Timed) -> None:
    timed({}, unavailable="not on this processor: it has no clwb")
    with pytest.raises(InputError, match="setting claim_one cannot be measured here: not on this processor"):
        compare("order4.mutex", "order4.claim")


def test_compare_needs_two_sides_and_lists_them() -> None:
    assert run("compare", "seed").exit_code == 2
    assert "messages_clwb" in run("compare", "--list").stdout


# --- one side with itself ---


def test_a_side_is_compared_with_itself_on_this_machine() -> None:
    found = self_compare(pairs=40, quick=True)
    assert (found.pair_count, found.repetitions) == (40, 10)
    assert found.interval[0] <= found.share <= found.interval[1]


def test_a_comparison_that_calls_too_much_is_violated(timed: Timed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrong variant: without the coin, a side that gets slower and faster in turn is called two."""
    timed({"order4.owner": [1.0, 2.0] * 200})
    assert run("aa", "--pairs", 20, "--quiet").exit_code in (0, 3)
    monkeypatch.setattr(sides_module, "Random", lambda seed: type("Fixed", (), {"random": lambda self: 0.0})())
    result = run("aa", "--pairs", 20, "--quiet")
    assert result.exit_code == 1
    assert "verdict=violated property=aa seed=0 trace=- called=20 pairs=20" in result.stdout


def test_a_few_comparisons_are_refused() -> None:
    with pytest.raises(InputError, match="5 pairs of 10 repetitions: expected at least 20 pairs"):
        self_compare(pairs=5)
    with pytest.raises(InputError, match="unknown side of messages_cached 'seed': expected one of bare, order4.owner"):
        self_compare("seed")
    with pytest.raises(InputError, match="unknown metric 'mode'"):
        self_compare(metric="mode")


# --- baselines ---


def test_a_baseline_has_spread_stability_and_ratios() -> None:
    found = baseline(CACHED, repetitions=10, quick=True)
    for row in found.rows:
        assert row.spread is not None
        assert row.ratio_spread is not None
        assert row.figure.n == row.spread.n == len(row.figure.samples) == 10
        assert (row.figure.unit, row.ratio_to, row.band) == ("ns", "bare", "")


def test_the_pipeline_is_held_against_memcpy_and_the_stated_band(timed: Timed) -> None:
    """1,024 bytes in 100 ns are 10.24 GB/s; in 200 ns 5.12: below 8."""
    for ns, band, ratio in ((100.0, "within", 0.9), (200.0, "below", 0.45), (50.0, "above", 1.8)):
        timed({"pipeline": [ns + k / 100 for k in range(20)], "bare_copy": [90.0] * 20})
        row = baseline(["pipeline"])["pipeline"]
        assert (row.figure.unit, row.band, row.ratio_to) == ("GB/s", band, "memcpy")
        assert row.figure.value == pytest.approx(1024 / ns, rel=0.01)
        assert row.ratio.value == pytest.approx(ratio, rel=0.01)
        assert row.stability is Stability.LOW
    timed({"pipeline": [100.0, 150.0] * 10, "bare_copy": [90.0] * 20}, disturbed=6)
    row = baseline(["pipeline"])["pipeline"]
    assert (row.band, row.stability) == ("not decided", Stability.NOT_DECIDED)


def test_without_a_path_the_whole_and_both_levels_are_measured() -> None:
    assert all(PATHS[name].floor for name in BASELINE_PATHS)
    result = run("baseline", *CACHED, "--quick", "--quiet", "--repetitions", 10)
    assert result.exit_code in (0, 3)
    assert "stability" in result.stdout
    assert "quick sizes: no figure above means anything" in result.stdout


@pytest.fixture
def stored(timed: Timed, tmp_path: Path) -> Path:
    timed({"order4.owner": MOVED, "bare": [1.0] * 20})
    assert run("baseline", "order4-481-cached", "--out", tmp_path, "--quiet").exit_code == 0
    return tmp_path / "baseline.json"


def test_what_changed_since_a_stored_baseline_is_judged(stored: Path, timed: Timed) -> None:
    for factor, exit_code in ((1.0, 0), (1.5, 1)):
        timed({"order4.owner": [factor * value for value in MOVED], "bare": [1.0] * 20})
        asked = ("baseline", "order4-481-cached", "--against", stored, "--fail", "mean>+5%", "--quiet")
        assert run(*asked).exit_code == exit_code
    result = run("baseline", *CACHED, "--against", stored, "--fail", "mean>+5%", "--quiet")
    assert "--fail order4-481-memory: mean>+5%: not decided" in result.stdout  # it is not among what is stored


def test_a_baseline_of_another_machine_is_refused_with_both_manifests(stored: Path) -> None:
    document = json.loads(stored.read_text())
    document["manifest"]["hardware"]["cpu_model"] = "Another CPU"
    stored.write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"measured on another machine: .*'Another CPU'.*, this one is \{'cpu_model'"):
        baseline(["order4-481-cached"], against=stored)
    assert baseline(["order4-481-cached"], against=stored, anyway=True).verdict is Verdict.NOT_FOUND


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", r"no document of bench baseline \(KeyError: 'results'\)"),
        ("[]", "no document of bench baseline"),
        ("no", "no document of `fencepost bench baseline"),
        ('{"results": [], "manifest": {"hardware": {}, "sizes": {"quick": true}}}', "quick is True, here it is False"),
    ],
)
def test_a_file_that_is_no_baseline_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        baseline(["order4-481-cached"], against=path)


def test_paths_and_conditions_of_a_baseline_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown path of a baseline 'scanner-allocations'"):
        baseline(["scanner-allocations"])  # it has no floor
    with pytest.raises(InputError, match="--fail asks for a change: expected --against"):
        baseline(fail=["mean>+5%"])
    with pytest.raises(InputError, match="iterations is 9"):
        baseline(repetitions=9)
    with pytest.raises(InputError, match=r"none\.json: no such file"):
        baseline(against=tmp_path / "none.json")


def test_a_machine_that_has_none_of_the_paths_is_no_pass(timed: Timed) -> None:
    timed({}, unavailable="not on this processor: it has no clwb")
    assert baseline(["order5-flush-clwb"]).verdict is Verdict.UNKNOWN
