"""The notebook in examples/ runs as it stands, and a user's script is typed."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import matplotlib
import pytest

from fencepost.model.errors import InputError
from fencepost.model.simulation.scenario import Scenario
from fencepost.reports.simulate import Simulation
from fencepost.simulating.run import simulate

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "examples" / "order4_against_order5.ipynb"
SMALL = Scenario().with_(duration="1 ms", replications=2)


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return simulate(SMALL)


def test_the_notebook_runs_at_the_first_try_and_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    cells = [
        "".join(each["source"]) for each in json.loads(NOTEBOOK.read_text())["cells"] if each["cell_type"] == "code"
    ]
    lines = [line for cell in cells for line in cell.splitlines() if line.strip()]
    assert len(lines) <= 15
    names: dict[str, Any] = {}
    for cell in cells:
        exec(compile(cell, str(NOTEBOOK), "exec"), names)
    claims, adds = names["found"].values()
    assert [len(claims), len(adds)] == [4, 4]
    assert list(tmp_path.iterdir()) == [], "nothing is written"


def test_metrics_are_a_frame_and_plots_are_figures(simulation: Simulation) -> None:
    assert len(simulation.metrics) == len(simulation.figures)
    assert set(simulation.metrics["metric"]) == {each.metric for each in simulation.figures}
    for kind in ("latency", "occupancy"):
        assert simulation.plot(kind).axes
    with pytest.raises(InputError, match="expected one of latency, occupancy, load; did you mean latency"):
        simulation.plot("latncy")
    with pytest.raises(InputError, match="with_loads=True"):
        simulation.plot("load")
    assert repr(simulation) == "<Simulation of default, order4.claim: not found, 64 figures>"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rat": 3}, "unknown key 'rat': did you mean rate"),
        ({"count": 3}, r"count is a key of clients and brokers: say which one, clients=\{'count': ...\} or brokers"),
        ({"rate": "fast"}, "clients.rate: found 'fast', expected a number and a unit"),
        ({"policy": "fast"}, "policy is 'fast', expected one of none, per_message"),
        ({"clients": {"cont": 3}}, "unknown key 'clients.cont': expected one of count, loop"),
        ({"replications": 0}, "replications is 0, expected at least 1"),
    ],
)
def test_what_a_scenario_cannot_be_with_is_said(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Scenario().with_(**changes)


def test_a_scenario_with_changes_is_what_a_file_would_have_said() -> None:
    changed = SMALL.with_(rate=100_000, sequencer="order5.epoch", brokers={"count": 2}, delay="3 us")
    assert (int(changed.clients.rate), changed.sequencer, changed.brokers.count) == (100_000, "order5.epoch", 2)
    assert changed.with_(rate="100 Kbatches/s") == changed
    assert SMALL.with_() == SMALL
    assert SMALL.clients.rate != changed.clients.rate


SCRIPT = """
import fencepost as fp
from pathlib import Path

report: fp.Report = fp.check("order4.claim", engine="z3", timeout=10.0)
verdict: fp.Verdict = report.verdict
for finding in report.findings:
    text: str = f"{finding.target} {finding.property} {finding.engine} {finding.bound}"
proved = fp.prove("order5.fetch_add", property="unique").proofs[0].theorem
explored = fp.explore("order4.claim", scenario="wrap-parked", out=Path("out")).explored[0].counts.complete
value: float = fp.simulate(fp.Scenario().with_(rate=1_000), seed=3)["latency_ack_p99_ns"].value
names: dict[str, str] = fp.sequencers(4)
verified: bool = fp.verify(["one.csv", Path("other.csv")], level=4).holds
cells = [cell.outcome for cell in fp.mutants("no_wrap", engine="z3").cells]
rows = [row.expect for row in fp.litmus("mine.litmus").rows]
"""


CHECKERS = {
    "mypy": lambda folder: ["-m", "mypy", "--strict", "--cache-dir", str(folder / "cache")],
    "pyright": lambda folder: ["-m", "pyright", "--pythonpath", sys.executable],
}


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_users_script_is_typed(checker: str, tmp_path: Path) -> None:
    if find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed: the script was not checked by it")
    for name, text, code in (
        ("right.py", SCRIPT, 0),
        ("wrong.py", 'import fencepost as fp\nfp.check("order4.claim", seed="3").verdct\n', 1),
    ):
        (tmp_path / name).write_text(text)
        command = [sys.executable, *CHECKERS[checker](tmp_path), name]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=500, check=False)
        assert ran.returncode == code, ran.stdout + ran.stderr
        if code:
            assert '"seed"' in ran.stdout
            assert "verdct" in ran.stdout
