"""What a simulation may speak of: a layer acquits nobody of what it cannot see, and what is refuted is named so."""

import csv
import json
import re
from itertools import product
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from click.testing import CliRunner, Result

from fencepost.command_line import cli
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.simulation.batches.pipeline import simulate_once
from fencepost.model.simulation.operations.run import simulate_operations_once
from fencepost.model.simulation.quantities import Nanoseconds
from fencepost.model.simulation.scenario import POLICIES, Granularity, Scenario, parse_scenario
from fencepost.model.simulation.soundness import unjudged, unsound
from fencepost.model.specs import REFUTED, protocol
from fencepost.reports.simulate import Simulation
from fencepost.simulating.run import loaded, simulate

SHORT = msgspec.structs.replace(
    Scenario(), duration=Nanoseconds(200_000), drain=Nanoseconds(100_000_000), replications=1, loads=(0.5,)
)
SEED_LINE = "policy seed: unsound (see fencepost explore export_after_fence)"


def changed(scenario: Scenario, **changes: Any) -> Scenario:
    """Return a scenario with some keys of it and of its sections replaced."""
    made = {
        key: msgspec.structs.replace(getattr(scenario, key), **value) if isinstance(value, dict) else value
        for key, value in changes.items()
    }
    return msgspec.structs.replace(scenario, **made)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, list(map(str, arguments)), catch_exceptions=False)


def verdicts(simulation: Simulation) -> dict[str, Verdict | None]:
    return {each.property: each.verdict for each in simulation.judged if each.layer == "run"}


# --- what no run can show has no verdict ---


@pytest.mark.parametrize("policy", POLICIES)
def test_batches_that_show_whole_acquit_nobody_of_showing_torn(policy: str) -> None:
    """At batch granularity no line is read: whatever the policy, `visible` holds there by construction."""
    hosts = "shared" if policy == "none" else "own"
    found = simulate(changed(SHORT, policy=policy, brokers={"hosts": hosts}))
    assert {name for name, verdict in verdicts(found).items() if verdict is None} >= {
        "visible", "ack-safe", "no-overwrite"
    }  # fmt: skip
    assert (verdicts(found)["drained"] is None) == (policy == "seed")
    assert verdicts(found)["unique"] is Verdict.NOT_FOUND


def test_operations_read_lines_and_judge_what_they_read() -> None:
    found = simulate(changed(SHORT, granularity="operation", ordering={"message_headers": False}))
    assert set(verdicts(found).values()) == {Verdict.NOT_FOUND}
    assert found.verdict is Verdict.NOT_FOUND


@pytest.mark.parametrize("granularity", get_args(Granularity))
def test_what_nobody_flushes_is_seen_by_the_favour_of_a_cache(granularity: str) -> None:
    assert "drained" in unjudged(changed(SHORT, granularity=granularity, brokers={"publish": "evict"}))
    assert "drained" not in unjudged(changed(SHORT, granularity=granularity))
    coherent = changed(SHORT, granularity=granularity, brokers={"publish": "evict", "hosts": "shared"})
    assert "drained" not in unjudged(coherent)


def test_a_violation_is_one_also_where_its_absence_could_not_be_shown() -> None:
    found = simulate(changed(SHORT, clients={"ack": "assigned"}))
    assert verdicts(found)["ack-safe"] is Verdict.VIOLATED
    assert found.verdict is Verdict.VIOLATED


# --- what is refuted elsewhere is never a pass, and is named beside its figures ---


@pytest.mark.parametrize(
    ("sequencer", "policy", "publish", "ack"),
    list(
        product(
            ("order4.claim", "order5.fetch_add", "order4.cas_then_reserve"),
            ("per_batch", "epoch", "seed"),
            ("flush", "evict"),
            ("deliverable", "assigned"),
        )
    ),
)
def test_only_what_is_sound_in_every_part_passes(sequencer: str, policy: str, publish: str, ack: str) -> None:
    scenario = changed(SHORT, sequencer=sequencer, policy=policy, brokers={"publish": publish}, clients={"ack": ack})
    wrong = [protocol(sequencer) in REFUTED, policy == "seed", publish == "evict", ack == "assigned"]
    found = simulate(scenario)
    assert len(found.unsound) == sum(wrong)
    assert found.verdict.passes == (not any(wrong))


REFUTATIONS = {
    each.see
    for changes in (
        {"policy": "seed"},
        {"brokers": {"publish": "evict"}},
        {"clients": {"ack": "assigned"}},
        {"sequencer": "order4.cas_then_reserve"},
    )
    for each in unsound(changed(SHORT, **changes))
}


@pytest.mark.parametrize("command", sorted(REFUTATIONS))
def test_what_is_called_unsound_is_refuted_by_the_command_that_is_named(command: str, tmp_path: Path) -> None:
    assert run(*command.split()[1:], "--out", tmp_path).exit_code == 1


def test_an_unsound_policy_stands_beside_every_figure(tmp_path: Path) -> None:
    path = tmp_path / "seed.toml"
    path.write_text("policy = 'seed'\nduration = '200 us'\nreplications = 1\nloads = [0.5]\n")
    result = run("simulate", path, "--quiet", "--out", tmp_path / "out")
    assert result.exit_code == 3
    assert "verdict=unknown property=visible" in result.stdout.splitlines()[-1]
    tables = result.stdout.split(SEED_LINE)[0].splitlines()
    figures = [line for line in tables if line[:1].islower() and not line.startswith(("us (", "seed:", "figure"))]
    assert len(figures) > 20
    assert all(line.split()[-1] == "unsound" for line in figures)
    assert "checked inside the run: visible - (batch by batch no line is read" in result.stdout
    document = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {item["unsound"] for item in document["figures"]} == {SEED_LINE}
    assert [each["see"] for each in document["unsound"]] == ["fencepost explore export_after_fence"]
    for name in ("results.csv", "load.csv"):
        rows = csv.DictReader((tmp_path / "out" / name).read_text().splitlines())
        assert {row["unsound"] for row in rows} == {SEED_LINE}
    for name in ("latency", "occupancy", "load"):
        lines = re.findall(r"<(?:text|tspan)[^>]*>([^<]+)<", (tmp_path / "out" / f"{name}.svg").read_text())
        assert SEED_LINE in " ".join(lines)


def test_a_sound_policy_is_not_called_anything(tmp_path: Path) -> None:
    path = tmp_path / "sound.toml"
    path.write_text("duration = '200 us'\nreplications = 1\n")
    result = run("simulate", path, "--quiet", "--json")
    assert result.exit_code == 0
    assert {item["unsound"] for item in json.loads(result.stdout)["figures"]} == {None}


# --- policy none is for hosts that share a cache ---


def test_no_flush_at_all_is_refused_where_hosts_share_no_cache() -> None:
    bare = changed(SHORT, policy="none")
    refusal = r"policy is none and brokers\.hosts is own: .* expected one of per_message, per_batch"
    for granularity in get_args(Granularity):
        with pytest.raises(InputError, match=refusal):
            simulate(SHORT, policy="none", granularity=granularity)
    for once in (simulate_once, simulate_operations_once):
        with pytest.raises(InputError, match=refusal):
            once(bare, 4, seed=0)
        with pytest.raises(InputError, match=refusal):
            once(loaded(bare, 0.5), 4, seed=0)
    with pytest.raises(InputError, match=refusal):
        parse_scenario("policy = 'none'")
    assert simulate(changed(bare, brokers={"hosts": "shared"}), with_loads=True).verdict is Verdict.NOT_FOUND


def test_operations_do_not_advise_to_look_where_less_is_seen() -> None:
    with pytest.raises(InputError) as refused:
        simulate(SHORT, policy="seed", granularity="operation")
    assert "see fencepost explore export_after_fence" in str(refused.value)
    assert "cannot judge visible, ack-safe and drained" in str(refused.value)


def test_an_overload_that_has_no_time_to_drain_is_not_said_to_be_stuck() -> None:
    """600,000 batches/s, eight times what is ordered, and 2 ms to drain: it was called `drained` violated."""
    rate = type(SHORT.clients.rate)(600_000)
    over = changed(SHORT, duration=Nanoseconds(2_000_000), drain=Nanoseconds(2_000_000), clients={"rate": rate})
    found = simulate(over)
    (drained,) = (each for each in found.judged if each.property == "drained")
    assert (drained.verdict, found.verdict) == (Verdict.UNKNOWN, Verdict.UNKNOWN)
    assert drained.sentence.startswith("batches may still have moved when the time to drain was up: client ")
    assert verdicts(simulate(changed(over, drain=Nanoseconds(10**9))))["drained"] is Verdict.NOT_FOUND


def test_a_load_sweep_that_breaks_a_promise_is_violated(tmp_path: Path) -> None:
    """Its figures are drawn beside the others': one that is fast because it is wrong must not pass among them."""
    faults = "[[faults]]\nkind = 'scanner_pause'\nat = '20 us'\nlasts = '5 us'\nevery = '8 us'\n"
    text = "sequencer = 'order4.cas_then_reserve'\nduration = '2 ms'\nreplications = 1\nloads = [100.0]\n"
    path = tmp_path / "light.toml"
    path.write_text(f"{text}clients.rate = '1000 batches/s'\nclients.messages_per_batch = 1\n{faults}")
    alone = run("simulate", path, "--quiet")
    assert "client-order violated" not in alone.stdout
    swept = run("simulate", path, "--quiet", "--out", tmp_path / "out")
    assert swept.exit_code == 1
    assert "client-order violated" in swept.stdout
    assert "at a load of 100: at " in swept.stdout
