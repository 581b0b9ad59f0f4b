"""fencepost experiment: what its commands print, which files they leave, and their exit codes."""

import json
import subprocess
from pathlib import Path

import polars
import pytest
from commands import run

from fencepost.experiments.presets import PRESETS
from fencepost.experiments.run import Run

SMALL = (
    '[experiment]\nname = "small"\nreplications = 2\n[[sweep]]\nname = "load"\nengine = "simulation"\n'
    "clients = [1, 2]\nduration_ms = 0.3\n"
)
ENDS_WITH = {"seed-claims": 1, "paper": 1}
"""Presets that hold programs of the seed, which are violated; all others end with 0."""


def fencepost(*words: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return run("experiment", *map(str, words), cwd=folder)


def printed(*words: object, folder: Path, code: int = 0) -> str:
    answer = fencepost(*words, folder=folder)
    assert answer.returncode == code, answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr
    return answer.stdout


def test_from_a_preset_to_a_file_of_trials(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SMALL)
    dry = printed("run", "small.toml", "--dry-run", folder=tmp_path)
    assert "load: simulation, 4 trials, 4 missing (nothing has run)" in dry
    assert "small: 4 trials; time: unknown until some of each sweep has run" in dry
    assert not (tmp_path / "fencepost-out").exists()
    answer = fencepost("run", "small.toml", folder=tmp_path)
    assert answer.returncode == 0
    assert "... 4 of 4 missing trials; " in answer.stderr
    out = answer.stdout
    assert "small: 4 of 4 trials" in out
    assert "next: fencepost experiment report fencepost-out/small.db" in out
    assert out.splitlines()[-1].startswith("verdict=not-found ")
    assert "about 0 s with 2 jobs" in printed("run", "small.toml", "--dry-run", folder=tmp_path)
    again = fencepost("run", "small.toml", folder=tmp_path)
    assert "missing trials" not in again.stderr
    assert again.stdout == out
    assert printed("status", "fencepost-out/small.db", folder=tmp_path) == out
    assert "wrote t.csv: 4 trials" in printed("export", "fencepost-out/small.db", "t.csv", folder=tmp_path)
    assert polars.read_csv(tmp_path / "t.csv").height == 4


def test_the_document_has_the_run_and_what_made_it(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SMALL)
    document = json.loads(printed("run", "small.toml", "--json", "--backend", "inline", folder=tmp_path))
    assert document["schema"] == "fencepost/experiment/2"
    assert (document["trials"], document["missing"], document["statuses"]) == (4, 0, {"done": 4})
    (session,) = document["sessions"]
    assert session["backend"] == "inline"
    assert set(session["code"]) == {"version", "sources", "native"}
    assert document["digest"] == Run.open(tmp_path / "fencepost-out" / "small.db").digest()


def test_a_failed_trial_is_unknown_and_a_violated_one_is_said(tmp_path: Path) -> None:
    late = SMALL.replace("replications = 2", "replications = 1\ntrial_timeout_s = 0.001").replace("0.3", "50")
    (tmp_path / "late.toml").write_text(late.replace('"small"', '"late"'))
    out = printed("run", "late.toml", "--backend", "inline", folder=tmp_path, code=3)
    assert "2 timeout" in out
    assert "load: unknown: 2 failed, trial 0 by timeout: it took longer than 0.001 s" in out
    wrong = SMALL.replace('"simulation"', '"explorer"').partition("clients")[0] + 'sequencer = "cas_then_reserve"\n'
    (tmp_path / "wrong.toml").write_text(wrong.replace('"small"', '"wrong"'))
    out = printed("run", "wrong.toml", "--backend", "inline", folder=tmp_path, code=1)
    assert "load: violated: trial 0 (sequencer cas_then_reserve, replication 0): client-order" in out
    trace = Run.open(tmp_path / "fencepost-out" / "wrong.db").to_frame()["trace"][0]
    assert (tmp_path / trace).is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "none.toml"), "none.toml: no such file: expected a spec of an experiment in TOML"),
        (("run", "small.toml", "--max-trials", "3"), "small has 4 trials (load 2, each 2 times): expected at most 3"),
        (("run", "small.toml", "--backend", "slurm"), "unknown 'slurm': expected one of loky, inline, dask"),
        (("run", "small.toml", "--cluster", "tcp://127.0.0.1:1", "--backend", "loky"), "a cluster beside the backend"),
        (("run", "small.toml", "--out", "/proc/none"), "cannot be written"),
        (("status", "none.db"), "none.db: no such file: expected the store of an experiment's run"),
        (("resume", "small.toml"), "small.toml: is no store of an experiment's run"),
        (("export", "none.db", "t.csv"), "none.db: no such file"),
        (("new", "--preset", "smok"), "unknown preset 'smok'"),
        (("new", "--preset", "smoke", "--out", "small.toml"), "small.toml is there already"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SMALL)
    answer = fencepost(*words, folder=tmp_path)
    assert answer.returncode == 2
    assert said in " ".join(answer.stderr.split())
    assert "Traceback" not in answer.stderr
    assert "bug in fencepost" not in answer.stderr


BY_COMMAND = ("smoke", "seed-claims")
"""One that ends with 0 and one that ends with 1; every preset runs from Python in the tests of presets."""


@pytest.mark.parametrize(
    "preset", [pytest.param(each, marks=() if each in BY_COMMAND else pytest.mark.slow) for each in PRESETS]
)
def test_the_quick_form_of_a_preset_runs_to_its_end(preset: str, tmp_path: Path) -> None:
    assert f"{preset} " in printed("new", "--list", folder=tmp_path)
    printed("new", "--preset", preset, "--smoke", folder=tmp_path)
    spec = f"{preset}-smoke"
    printed("run", f"{spec}.toml", "--quiet", folder=tmp_path, code=ENDS_WITH.get(preset, 0))
    run = Run.open(tmp_path / "fencepost-out" / f"{spec}.db")
    assert (run.missing, set(run.statuses())) == (0, {"done"})
    for figure in run.spec.figures:
        columns = run.to_frame(figure.sweep).columns
        assert {each for each in (figure.x, figure.y, figure.by) if each is not None} <= set(columns), figure


def test_only_figures_changed_is_said_and_the_report_is_there_for_machines(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SMALL)
    printed("run", "small.toml", folder=tmp_path)
    figure = '[[figure]]\nkind = "latency-load"\nsweep = "load"\n'
    (tmp_path / "small.toml").write_text(SMALL + figure)
    answer = fencepost("run", "small.toml", folder=tmp_path)
    assert "... only figures, titles or claims changed: what is finished is kept" in answer.stderr
    document = json.loads(printed("report", "fencepost-out/small.db", "--json", folder=tmp_path))
    assert (document["missing"], document["undrawn"], len(document["figures"])) == (0, [], 1)
    assert all((tmp_path / each).is_file() for each in [document["page"], *document["files"]])
