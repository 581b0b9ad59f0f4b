"""`fencepost.compare`: what is drawn, what must be found, how small it gets, and that it comes again."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sizes import sized

import fencepost
from fencepost import strategies
from fencepost.command_line import cli
from fencepost.comparing.kept import user_folder
from fencepost.comparing.modules import Native
from fencepost.comparing.named_workloads import name_of, name_of_rows
from fencepost.comparing.policies.raced import Raced, RaceExample, race_examples
from fencepost.comparing.policies.reduction import _without, simpler
from fencepost.comparing.policies.stepped import Stepped, described
from fencepost.comparing.run import compare
from fencepost.comparing.search import Failed, search
from fencepost.comparing.verdicts import NAMED, OF_LEVEL
from fencepost.exploring.replay import replay
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.museum.detection import arriving
from fencepost.model.programs import DESIGNS, Arriving, Scenario
from fencepost.model.programs.corpus import CORPUS
from fencepost.model.programs.pipeline import threads_of
from fencepost.native import SEQUENCERS, Mutant, _core
from fencepost.native.schedules.differential import HAPPENINGS, JointExample, run_joint
from fencepost.native.schedules.pipeline import DESIGN_NAMES, has_stepped_form
from fencepost.reports.compare import CompareReport

WRONG = "order4.cas_then_reserve"
FAULTS = [
    ("order4.claim", Mutant.PAYLOAD_UNFLUSHED, (1, 0, 1)),
    ("order4.mutex", Mutant.GUARD_BEFORE_ENTRY, (1, 5, 1)),
    ("order4.claim", Mutant.RESERVE_BEFORE_CLAIM, (1, 3, 1)),
    ("order5.fetch_add", Mutant.PAYLOAD_UNFLUSHED, (1, 0, 1)),
    (WRONG, Mutant.NONE, (2, 9, 2)),
]
"""Faults, and the batches, steps and threads of the smallest example that seed 1 finds."""


@pytest.fixture(scope="module")
def wrong_design(tmp_path_factory: pytest.TempPathFactory) -> CompareReport:
    return compare(WRONG, policy="stepped", examples=1_000, seed=1, out=tmp_path_factory.mktemp("traces"))


# --- what is drawn ---


@settings(max_examples=sized(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(strategies.examples(), st.sampled_from(DESIGN_NAMES))
def test_a_sound_design_does_the_same_in_both_and_keeps_its_promises(example: JointExample, name: str) -> None:
    failures = run_joint(DESIGNS[name], example).failures
    assert [each for each in failures if not each.is_of_the_design()] == []


@settings(max_examples=sized(200), deadline=None)
@given(strategies.workloads())
def test_a_drawn_workload_finds_room(scenario: Scenario) -> None:
    assert strategies.has_room(scenario, 4)
    assert scenario.slots >= 2


def test_parked_batches_that_keep_a_ring_full_for_ever_have_no_room() -> None:
    late = (Arriving(0, 1, 1), Arriving(0, 2, 1), Arriving(0, 0, 1))
    assert not strategies.has_room(Scenario(rings=(late,), slots=2, subscribers=True), 4)
    assert strategies.has_room(Scenario(rings=(late,), slots=3, subscribers=True), 4)
    assert strategies.has_room(Scenario(rings=(late,), slots=2, subscribers=True), 5)


@given(st.binary(max_size=40))
def test_a_schedule_of_zeros_is_the_plainest_run(drawn: bytes) -> None:
    assert strategies.picks_of(bytes(len(drawn))) == ()
    assert len(strategies.picks_of(drawn)) == sum(byte & 15 != 0 for byte in drawn)


def test_every_happening_happens_in_some_drawn_example() -> None:
    tally = search(Stepped("order4.mutex", Native.of(None)), 0, 0, 250, float("inf"), None).tally
    assert all(tally.happened[each] for each in HAPPENINGS), tally.happened


@pytest.mark.parametrize("policy", ["stepped", "attempts", "race"])
def test_examples_are_drawn_from_the_corpus_too(policy: str) -> None:
    (row,) = compare("order4.claim", policy=policy, examples=40, seed=1).rows
    assert 0 < row.happened[NAMED] < row.examples


@pytest.mark.parametrize("name", [name for name, each in CORPUS.items() if has_stepped_form(each.scenario)])
def test_a_named_scenario_is_known_by_what_it_sends(name: str) -> None:
    scenario = CORPUS[name].scenario
    assert name_of(scenario) == name
    rows = [(ring, b.client, b.seq, b.count) for ring, batches in enumerate(arriving(scenario)) for b in batches]
    assert name_of_rows(rows), "some scenario sends that"
    assert name_of_rows([*rows, (0, 7, 7, 1)]) == ""


def test_a_counterexample_says_which_named_scenario_it_is() -> None:
    first, *_ = described(CORPUS["wrap-parked"].scenario)
    assert first == f"scenario wrap-parked: {CORPUS['wrap-parked'].scenario}"


def test_a_scenario_with_connections_is_made_simpler_without_them() -> None:
    """Names of such receivers have two numbers, and batches that are there already have no connections."""
    for name in ("connections-hole", "connections-later"):
        for scenario, _ in simpler(CORPUS[name].scenario):
            threads_of(DESIGNS["order4.claim"], scenario)
    assert _without("receiver 1.0", 0) == "receiver 0.0"
    assert _without("receiver 1.0", 1) == ""


# --- what must be found ---


@pytest.mark.parametrize(("name", "mutant", "size"), FAULTS, ids=[f"{name}-{fault.name}" for name, fault, _ in FAULTS])
def test_a_fault_is_found_and_shown_in_few_steps(
    name: str, mutant: Mutant, size: tuple[int, int, int], wrong_design: CompareReport
) -> None:
    found = compare(name, policy="stepped", mutant=mutant, examples=1_000, seed=1) if mutant else wrong_design
    (counterexample,) = found.counterexamples
    assert found.verdict is Verdict.VIOLATED
    assert counterexample.property == ("prefix" if mutant is Mutant.NONE else "lockstep")
    assert (counterexample.batches, counterexample.steps, counterexample.threads) == size
    assert counterexample.is_of_the_design == (mutant is Mutant.NONE)


def test_a_fault_of_the_design_is_no_difference() -> None:
    found = compare(WRONG, policy="stepped", examples=100, seed=1, ignore_shared=True)
    assert found.verdict is Verdict.NOT_FOUND
    assert found.counterexamples == ()


def test_the_trace_of_a_broken_promise_is_replayed_by_every_engine(wrong_design: CompareReport) -> None:
    (found,) = wrong_design.counterexamples
    assert found.path is not None
    replayed = replay(found.path)
    assert (replayed.verdict, replayed.agree) == (Verdict.VIOLATED, True)


def test_the_smallest_example_fails_by_itself() -> None:
    task = Stepped("order4.claim", Native.of(None), Mutant.RESERVE_BEFORE_CLAIM)
    (found,) = compare("order4.claim", mutant=task.mutant, examples=200, seed=3).counterexamples
    assert [each.property for each in task.joint(found.example).failures] == ["lockstep", "spec"]


# --- how many are tried ---


@pytest.mark.parametrize("policy", ["stepped", "attempts", "race"])
@pytest.mark.parametrize("asked", [1, 2, 37, 120])
def test_as_many_examples_are_tried_as_were_asked_for(policy: str, asked: int) -> None:
    (row,) = compare("order4.claim", policy=policy, examples=asked, seed=asked).rows
    assert (row.verdict, row.examples, row.asked, row.reason) == (Verdict.NOT_FOUND, asked, asked, "")


def test_each_row_has_as_many_and_by_default_those_of_its_policy() -> None:
    rows = compare("order5.epoch", examples=10, seed=1).rows
    assert [(row.policy, row.examples) for row in rows] == [("stepped", 10), ("attempts", 10), ("race", 10)]
    (row,) = compare("order5.epoch", policy="attempts", seed=1).rows
    assert (row.examples, row.asked) == (200, 200)


def test_none_is_tried_twice_and_where_there_are_no_others_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stepped, "strategy", lambda self: st.builds(JointExample, st.just(Scenario(rings=((),)))))
    (row,) = compare("order5.fetch_add", policy="stepped", examples=5, seed=1).rows
    assert (row.examples, row.reason) == (1, "1 of 5 examples: no others were drawn")
    assert row.bound.startswith("1 of 5 examples, ")


def test_what_a_budget_cut_short_is_said(tmp_path: Path) -> None:
    arguments = ["order5.fetch_add", "--policy", "stepped", "--out", str(tmp_path)]
    ran = run(*arguments, "--timeout", "1s")
    said = [
        line for line in ran.stdout.splitlines() if line.startswith("order5.fetch_add, stepped: not found: its 1 s")
    ]
    assert len(said) == 1
    assert said[0].split(" after ")[1] == f"{ran.stdout.split('examples=')[1].split()[0]} examples"
    (row,) = json.loads(run(*arguments, "--timeout", "1s", "--json").stdout)["results"]
    assert row["examples_asked"] is None
    assert row["explanation"].startswith("its 1 s of the budget were spent after ")
    (row,) = json.loads(run(*arguments, "--examples", "30", "--json").stdout)["results"]
    assert (row["examples"], row["examples_asked"], row["explanation"]) == (30, 30, None)


# --- the same again ---


def test_the_same_seed_finds_the_same_minimum_again() -> None:
    runs = [compare("order4.claim", mutant=Mutant.GUARD_BEFORE_ENTRY, examples=200, seed=4) for _ in range(2)]
    (one,), (other,) = (run.counterexamples for run in runs)
    assert (one.example, one.sentence, one.steps) == (other.example, other.sentence, other.steps)
    assert runs[0].rows[0].happened == runs[1].rows[0].happened


def test_the_number_of_processes_makes_no_difference(tmp_path: Path) -> None:
    printed = set()
    for jobs in ("2", "3"):
        arguments = ["compare", "order5.fetch_add", "--policy", "stepped", "--examples", "120", "--seed", "9"]
        ran = CliRunner().invoke(cli, [*arguments, "--jobs", jobs, "--quiet", "--out", str(tmp_path)])
        assert ran.exit_code == 0, ran.output
        printed.add(ran.stdout)
    assert len(printed) == 1


def test_what_failed_is_tried_first_next_time_unless_a_seed_is_given(tmp_path: Path) -> None:
    given: dict[str, Any] = {"mutant": Mutant.RESERVE_BEFORE_CLAIM, "examples": 100, "kept_in": tmp_path / "kept"}
    first = compare("order4.claim", **given)
    again = compare("order4.claim", **given)
    assert (again.verdict, again.rows[0].examples) == (Verdict.VIOLATED, 1)
    assert again.counterexamples[0].example == first.counterexamples[0].example
    assert compare("order4.claim", **{**given, "seed": 1}).rows[0].examples > 1
    mended = compare("order4.claim", **{**given, "mutant": Mutant.NONE, "policy": "stepped", "examples": 5})
    assert mended.verdict is Verdict.NOT_FOUND


def test_failing_examples_are_kept_where_the_user_keeps_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_folder() == tmp_path / "fencepost" / "examples"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert Path.cwd() not in user_folder().parents


# --- races ---


@pytest.mark.parametrize("name", SEQUENCERS)
def test_raced_workloads_keep_the_contract(name: str) -> None:
    chunk = search(Raced(name, Native.of(None)), 0, 0, 20, float("inf"), None)
    assert chunk.failed is None
    assert chunk.tally.examples == 20
    assert chunk.tally.happened["wrap"]


def test_a_race_that_breaks_a_promise_is_made_smaller_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sequencer that forgets every batch of client 3."""

    def broken(self: Raced, example: RaceExample) -> Any:
        rows = [row for row in example.rows if row[0] == 3]
        failed = Failed("drained", "it was not ordered", (0, len(example.rows))) if rows else None
        return type(tried)(failed, 1, 1, frozenset())

    task = Raced("order4.claim", Native.of(None))
    tried = task.try_out(RaceExample(((0, 0, 0, 1),), 2, "none", None, 0))
    assert tried.failed is None
    monkeypatch.setattr(Raced, "try_out", broken)
    chunk = search(task, 0, 0, 100, float("inf"), None)
    assert chunk.first is not None
    assert len(chunk.smallest.rows) == 1 < chunk.first.size[1]


@settings(max_examples=sized(30), deadline=None)
@given(race_examples())
def test_a_race_is_drawn_with_the_numbers_that_it_can_have(example: RaceExample) -> None:
    named = name_of_rows((ring, client, seq, count) for client, seq, ring, count in example.rows)
    clients_most = 2**31 if named else 5  # the corpus has ids that collide in tables
    assert all(0 <= client < clients_most and 0 <= ring < 4 and count >= 1 for client, _, ring, count in example.rows)
    assert example.stop_row is None or 0 <= example.stop_row < len(example.rows)


def test_who_owns_a_client_parks_its_batches_and_meets_nobody() -> None:
    (row,) = compare("order4.owner", policy="stepped", examples=120, seed=0).rows
    assert row.happened["parked batch"]
    assert "contended claim" not in row.counted
    assert row.never_happened == ()


# --- modules ---


def test_a_module_that_has_only_the_stepped_part_is_compared_as_far_as_it_goes() -> None:
    part = ModuleType(_core.__name__)
    part.__file__ = _core.__file__
    for name in ("Pipeline", "PipelineScenario", "PipelineJudge", "Search", "Refused"):
        setattr(part, name, getattr(_core, name))
    found = compare(native=part, examples=20, seed=0, level=5)
    assert {row.policy for row in found.rows} >= {"stepped"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"target": "order6"}, "unknown sequencer 'order6'"),
        ({"policy": "fast"}, "unknown policy 'fast'"),
        ({"examples": 0}, "examples is 0: expected more than 0"),
        ({"timeout": -1.0}, "timeout is -1.0"),
        ({"examples": 1, "timeout": 1.0}, "both examples and a timeout"),
        ({"jobs": 0}, "jobs is 0"),
        ({"native": pytest}, "neither Pipeline, PipelineScenario"),
        ({"target": "order5.epoch", "level": 4}, "nothing to compare"),
        ({"target": "order4.cas_then_reserve", "policy": "race"}, "nothing to compare"),
        ({"target": Mutant}, "of which level"),
        ({"target": [Mutant, "order4.claim"], "level": 4}, "compared alone"),
        ({"target": 3, "level": 4}, "3 is no sequencer"),
    ],
)
def test_what_cannot_be_compared_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare(**{"seed": 0, **given})


# --- the command ---


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["compare", "--jobs", "1", "--seed", "1", *arguments])


def test_the_command_shows_the_counterexample_and_how_to_see_it_again(tmp_path: Path) -> None:
    ran = run(WRONG, "--examples", "1000", "--out", str(tmp_path))
    assert ran.exit_code == 1
    trace = tmp_path / "compare-order4.cas_then_reserve-prefix.itf.json"
    lines = ran.stdout.splitlines()
    assert any(line.startswith("order4.cas_then_reserve, stepped: prefix is violated by ") for line in lines)
    assert f"fencepost replay {trace}" in lines
    assert "fencepost compare order4.cas_then_reserve --policy stepped --seed 1 --examples 1000" in lines
    assert lines[-1].startswith(f"verdict=violated property=prefix seed=1 trace={trace}")
    assert trace.is_file()


def test_the_command_prints_one_document_and_says_what_never_happened(tmp_path: Path) -> None:
    ran = run("order4.claim", "--policy", "stepped", "--examples", "3", "--json", "--out", str(tmp_path))
    assert ran.exit_code == 0
    document = json.loads(ran.stdout)
    assert (document["schema"], document["verdict"], document["seed"]) == ("fencepost/compare/2", "not found", 1)
    (row,) = document["results"]
    assert {"target", "policy", "verdict", "examples", "operations", "seconds", "trace"} <= set(row)
    assert row["examples_with"].keys() == {each.replace(" ", "_") for each in OF_LEVEL[4]}
    never = [each for each in OF_LEVEL[4] if not row["examples_with"][each.replace(" ", "_")]]
    assert never
    assert all(f"no {each}" in ran.stderr for each in never)


@pytest.mark.parametrize("budget", ["soon", "0s", "10d"])
def test_a_budget_that_is_no_time_is_refused(budget: str) -> None:
    ran = run("--timeout", budget)
    assert ran.exit_code == 2
    assert "expected a number of seconds such as 60s" in ran.stderr


def test_a_budget_ends_the_comparison(tmp_path: Path) -> None:
    ran = run("order5.fetch_add", "--timeout", "2s", "--out", str(tmp_path))
    assert ran.exit_code == 0
    assert "verdict=not-found" in ran.stdout.splitlines()[-1]


# --- the nightly size ---


@pytest.mark.slow
def test_a_million_operations_are_the_same_in_both() -> None:
    operations = 0
    for seed, name in enumerate(DESIGN_NAMES):
        (row,) = compare(name, policy="stepped", examples=3_600, seed=seed, jobs=2, ignore_shared=True).rows
        assert row.verdict is Verdict.NOT_FOUND, row.counterexample
        assert row.never_happened == ()
        operations += row.operations
    assert operations >= 1_000_000


def test_compare_is_a_public_name() -> None:
    assert fencepost.compare is compare
