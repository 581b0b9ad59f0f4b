"""The gate against regressions: it fails for what is slower, missing or never measured, and for nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fencepost import Run, parse_spec, run_experiment

GATE = Path(__file__).parents[2] / "examples" / "15_regression_gate.py"
SPEC = """
[experiment]
name = "{name}"
replications = {replications}
[[sweep]]
name = "load"
engine = "{engine}"
{parameters}
"""
SIMULATED = 'sequencer = "order4.claim"\nrate_batches_per_s = [20_000]\nduration_ms = 0.5\npolicy = "{policy}"\n'


def stored(folder: Path, name: str, policy: str = "per_batch", replications: int = 3) -> Path:
    text = SPEC.format(
        name=name, engine="simulation", replications=replications, parameters=SIMULATED.format(policy=policy)
    )
    run = run_experiment(parse_spec(text), out=folder, backend="inline").run
    assert isinstance(run, Run)
    return run.path


def gated(baseline: Path, candidate: Path) -> tuple[int, str]:
    command = [sys.executable, str(GATE), str(baseline), str(candidate)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    return ran.returncode, ran.stdout


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored(tmp_path_factory.mktemp("gate"), "main")


def test_the_same_again_passes_and_a_fence_for_every_message_fails(baseline: Path, tmp_path: Path) -> None:
    assert gated(baseline, stored(tmp_path, "same"))[0] == 0
    code, said = gated(baseline, stored(tmp_path, "change", "per_message"))
    assert code == 1
    assert said.startswith("FAILS load, rate_batches_per_s 20000.0: ")


def test_a_run_that_did_less_is_not_faster(baseline: Path, tmp_path: Path) -> None:
    assert gated(baseline, stored(tmp_path, "less", replications=2)) == (
        1,
        "FAILS load, rate_batches_per_s 20000.0: 2 of 3 trials passed\n",
    )


def test_what_has_no_such_figure_is_not_taken_for_a_pass(tmp_path: Path) -> None:
    explored = 'sequencer = "order5.fetch_add"\nscenario = "empty-ring"\nstrategy = "random"\nruns = 3\n'
    text = SPEC.format(name="explored", engine="explorer", replications=2, parameters=explored)
    run = run_experiment(parse_spec(text), out=tmp_path, backend="inline").run
    assert run is not None
    code, said = gated(run.path, run.path)
    assert code == 1
    assert "so nothing was compared" in said
