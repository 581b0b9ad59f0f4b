"""Twenty columns, LANG=C, no HOME and a reader that leaves: each verb ends as always, without a word of Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT / "examples/data"
VERBS: dict[str, tuple[list[str], int]] = {
    "verify": (["verify", str(DATA / "redis-order5-history.csv"), "--level", "4"], 1),
    "verify --list": (["verify", "--list"], 0),
    "prove": (["prove", "order5.fetch_add"], 0),
    "check": (["check", "order5.fetch_add", "--engine", "z3"], 0),
    "explore": (["explore", "order4.cas_then_reserve", "--property", "prefix"], 1),
    "litmus": (["litmus", str(ROOT / "tests/litmus/fresh-mailbox.litmus")], 0),
    "replay": (["replay", str(DATA / "inversion.itf.json")], 1),
    "simulate": (["simulate", str(ROOT / "examples/scenarios/flushed.toml")], 0),
    "compare": (["compare", "order4.cas_then_reserve", "--examples", "20"], 1),
    "mutants": (["mutants", "cas_then_reserve", "--engine", "z3"], 0),
    "sequencers": (["sequencers"], 0),
    "bench layout": (["bench", "layout"], 0),
    "doctor": (["doctor"], 0),
}
POOR = {"PATH": os.environ["PATH"], "LANG": "C", "LC_ALL": "C", "COLUMNS": "20"}


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_ends_as_always_in_poor_surroundings(name: str, tmp_path: Path) -> None:
    arguments, code = VERBS[name]
    command = [sys.executable, "-m", "fencepost", *arguments]
    whole = subprocess.run(command, env=POOR, cwd=tmp_path, capture_output=True, text=True, timeout=400, check=False)
    assert whole.returncode == code, whole.stderr
    assert whole.stdout.strip()
    assert "Traceback" not in whole.stderr
    assert "a bug in fencepost" not in whole.stderr
    with subprocess.Popen(command, env=POOR, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as left:
        assert left.stdout is not None
        assert left.stderr is not None
        assert left.stdout.readline()
        left.stdout.close()  # as `| head -1` does
        said = left.stderr.read().decode()
    assert left.returncode == code, said
    assert "Traceback" not in said
    assert "Broken pipe" not in said
