"""`bench flush`: every cost has its verdict beside it, and an unsound policy never wins."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fencepost.bench.flush import POLICIES, WRITE_BACKS, flush, soundness
from fencepost.command_line import cli
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.native.measuring import ProbeTimes, SettingTimes

BY_NAME = {policy.name: policy for policy in POLICIES}
SLOW, FAST = [100.0 + k for k in range(20)], [10.0 + k / 10 for k in range(20)]
Timed = Callable[..., None]


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> Timed:
    """Return what makes these policies fast and all others slow, so many repetitions of each disturbed."""
    module = importlib.import_module("fencepost.bench.flush")

    def set_times(*fast: str, disturbed: int = 0, unavailable: str = "") -> None:
        probes = {
            policy.probe: ProbeTimes(tuple(FAST if policy.name in fast else SLOW), 8, disturbed, {})
            for policy in POLICIES
        }
        times = SettingTimes({} if unavailable else probes, (), unavailable)
        monkeypatch.setattr(module, "measure_setting", lambda name, **sizes: times)

    return set_times


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["bench", "flush", "--quiet", *map(str, arguments)], catch_exceptions=False)


@pytest.mark.parametrize("instruction", WRITE_BACKS)
@pytest.mark.parametrize("name", BY_NAME)
def test_only_the_seed_is_unsound_by_its_own_code_and_by_ablation(name: str, instruction: str) -> None:
    found = soundness(BY_NAME[name], instruction)
    assert found.is_sound == (name != "seed")
    if name == "seed":
        assert (found.native, found.ablation) == ("may be missed", "no placement suffices")
    else:
        assert found.native == "sound"
        assert "needed" in found.ablation


@pytest.mark.parametrize("wrong", ["native", "idiom"])
def test_either_verdict_alone_makes_a_policy_unsound(wrong: str) -> None:
    """Its native code may be right and its pattern wrong, or the other way round."""
    changed = {"native": "seed"} if wrong == "native" else {"idiom": "flag-before-fence"}
    assert not soundness(BY_NAME["per_batch"]._replace(**changed), "clwb").is_sound


def test_the_fastest_is_recommended_unless_it_is_unsound(timed: Timed) -> None:
    timed("seed", "epoch(64)")
    found = flush()
    assert [(each.instruction, each.setting, each.policy) for each in found.recommendations] == [
        ("clwb", "publish", "epoch(64)"), ("clflushopt", "publish", "epoch(64)"),
    ]  # fmt: skip
    assert all(each.gain.change < -0.8 for each in found.recommendations)
    timed("per_batch")
    assert {(each.policy, each.over) for each in flush().recommendations} == {("per_batch", "per_message")}


def test_what_was_mostly_disturbed_recommends_nothing(timed: Timed) -> None:
    timed("per_batch", disturbed=11)
    found = flush()
    assert (found.verdict, found.recommendations) == (Verdict.UNKNOWN, ())
    assert all(row.undecided for row in found.rows)
    assert run().exit_code == 3


def test_a_machine_without_the_instructions_is_no_pass(timed: Timed) -> None:
    timed(unavailable="not on this processor: it has no clwb")
    assert flush().verdict is Verdict.UNKNOWN
    assert "per_batch, clwb: not on this processor" in run().stdout


def test_the_table_marks_what_is_unsound_and_the_document_says_why(timed: Timed, tmp_path: Path) -> None:
    timed("seed")
    result = run("--out", tmp_path)
    assert result.exit_code == 0
    rows = [line for line in result.stdout.splitlines() if line.startswith("seed")]
    assert len(rows) == 2
    assert all("UNSOUND" in row and "may be missed" in row for row in rows)
    assert "policies=10 unsound=2 recommended=0" in result.stdout.splitlines()[-1]
    document = json.loads((tmp_path / "flush.json").read_text())
    items = {(item["metric"], item["instruction"]): item for item in document["results"]}
    assert items["seed", "clwb"]["sound"] is False
    assert items["per_batch", "clwb"]["ablation"] == "4 of 4 needed"


def test_few_repetitions_are_refused_and_quick_ones_run() -> None:
    with pytest.raises(InputError, match="iterations is 9"):
        flush(repetitions=9)
    result = run("--quick", "--repetitions", 10)
    assert result.exit_code in (0, 3)
    assert "quick sizes: no figure above means anything" in result.stdout
