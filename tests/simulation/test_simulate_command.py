"""`fencepost simulate`: what it prints, what it writes, and that the same seed gives the same bytes."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fencepost.command_line import cli
from fencepost.model.errors import InputError
from fencepost.model.histories import read_history

SMALL = """
duration = "2 ms"
replications = 2
loads = [0.5, 1.0]
clients.messages_per_batch = 2
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["simulate", *map(str, arguments)], catch_exceptions=False)


def test_the_last_line_is_the_verdict(scenario: Path) -> None:
    result = run(scenario, "--quiet")
    last = result.stdout.splitlines()[-1]
    assert last == "verdict=not-found property=- seed=0 trace=- scenario=small sequencer=order4.claim"
    assert result.exit_code == 0
    assert "checked inside the run: unique, dense, client-order, prefix, once, real-time, drained not" in result.stdout
    assert "checked inside the run: visible - (batch by batch no line is read" in result.stdout


def test_a_violation_exits_1_and_says_when_and_how() -> None:
    wrong = Path(__file__).parents[2] / "examples" / "scenarios" / "wrong-variant.toml"
    result = run(wrong, "--quiet")
    assert result.exit_code == 1
    assert "client-order violated (1 run, 4800 batches): at " in result.stdout
    assert "verdict=violated property=client-order" in result.stdout


def test_json_is_one_document_with_units_and_intervals_and_nothing_of_the_machine(scenario: Path) -> None:
    document = json.loads(run(scenario, "--json", "--quiet", "--level", "5").stdout)
    assert document["schema"] == "fencepost/simulate/2"
    assert set(document["manifest"]) == {"fencepost", "scenario", "measured_costs"}
    items = {item["metric"]: item for item in document["figures"]}
    order = items["latency_order_p99_ns"]
    assert (order["unit"], order["n"], order["sequencer"], order["level"]) == ("ns", 2, "order5.fetch_add", 5)
    assert order["low"] <= order["value"] <= order["high"]
    judged = {each["property"]: each["verdict"] for each in document["results"]}
    unjudged = {each["property"] for each in document["unjudged"]}
    assert unjudged == {"visible", "ack-safe", "no-overwrite"}
    assert not unjudged & judged.keys()
    assert {*judged.values()} == {"not found"}


def test_the_same_seed_writes_the_same_bytes_whatever_jobs_is(scenario: Path, tmp_path: Path) -> None:
    for name, jobs in (("one", 1), ("two", 2)):
        assert run(scenario, "--quiet", "--out", tmp_path / name, "--trace", "--jobs", jobs).exit_code == 0
    written = {path.name for path in (tmp_path / "one").iterdir()}
    assert written == {
        "results.json", "results.csv", "load.csv", "history.csv", "trace.json", "latency.svg", "latency.png",
        "occupancy.svg", "occupancy.png", "load.svg", "load.png",
    }  # fmt: skip
    for name in written:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_what_is_written_can_be_read(scenario: Path, tmp_path: Path) -> None:
    shown = run(scenario, "--quiet", "--json", "--out", tmp_path, "--trace").stdout
    assert (tmp_path / "results.json").read_text() == shown
    assert len(read_history(tmp_path / "history.csv")) > 300
    rows = list(csv.DictReader((tmp_path / "results.csv").read_text().splitlines()))
    assert {row["metric"] for row in rows} == {item["metric"] for item in json.loads(shown)["figures"]}
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert {event["ph"] for event in events} == {"M", "X", "C"}
    assert all(event["dur"] >= 0 for event in events if event["ph"] == "X")
    assert "</svg>" in (tmp_path / "latency.svg").read_text()


def test_another_policy_is_another_cost(scenario: Path) -> None:
    found = {}
    for policy in ("per_batch", "per_message"):
        document = json.loads(run(scenario, "--json", "--quiet", "--policy", policy).stdout)
        items = {item["metric"]: item["value"] for item in document["figures"]}
        found[policy] = items["latency_order_p50_ns"]
    assert found["per_batch"] < found["per_message"]


def test_ties_are_reported_when_asked_for(scenario: Path) -> None:
    assert "figures change when ties are broken otherwise" in run(scenario, "--quiet", "--shuffle-ties").stdout


def test_costs_are_listed_with_their_sources() -> None:
    result = run("--costs")
    assert "line_transfer" in result.stdout
    assert "SOSP 2013" in result.stdout


def test_measured_costs_are_used_and_named(scenario: Path, tmp_path: Path) -> None:
    floor = tmp_path / "floor.json"
    floor.write_text('{"results": [{"metric": "ping_pong_ns", "unit": "ns", "value": 240}]}')
    result = run(scenario, "--quiet", "--calibrate", floor)
    assert "measured: line_transfer = 120 ns" in result.stdout


def test_a_floor_that_was_measured_here_is_taken_with_all_its_costs(scenario: Path, tmp_path: Path) -> None:
    measured = CliRunner().invoke(cli, ["bench", "floor", "--quick", "--quiet", "--out", str(tmp_path / "floor")])
    assert measured.exit_code == 0
    for path in (tmp_path / "floor", tmp_path / "floor" / "floor.json"):
        document = json.loads(run(scenario, "--quiet", "--json", "--calibrate", path).stdout)
        costs = document["manifest"]["measured_costs"]
        assert costs.keys() >= {"load_hit", "load_miss", "atomic_hit", "fence", "copy"}
        machine = document["manifest"]["scenario"]["machine"]
        assert {name: machine[name] for name in costs} == costs


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.toml",), r"none\.toml: no such file"),
        (("--sequencer", "order9"), r"order9"),
        (("--sequencer", "order4.claim", "--level", "5"), r"level-4 sequencer: level 5 was asked for"),
        (("--granularity", "operation", "--policy", "seed"), r"policy is seed, expected one of none, per_message"),
    ],
)
def test_bad_input_is_one_clear_line(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run("--quiet", *arguments)


def test_a_trace_needs_a_folder(scenario: Path) -> None:
    result = run(scenario, "--trace")
    assert result.exit_code == 2
    assert "say where, with --out DIR" in result.stderr
