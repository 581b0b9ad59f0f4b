"""fencepost explore, as its user types it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fencepost.command_line import cli
from fencepost.command_line.output import EXIT_INTERRUPTED
from fencepost.model.errors import InputError
from fencepost.model.litmus import read_test
from fencepost.model.litmus.explore import outcomes
from fencepost.model.memory import MATRICES, PROFILES
from fencepost.model.programs.corpus import CORPUS
from fencepost.native.schedules.pipeline import has_stepped_form

LITMUS = Path(__file__).parents[1] / "litmus"


def explore(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    ran = CliRunner().invoke(
        cli, ["explore", *arguments, "--json", "--quiet", "--out", str(folder)], catch_exceptions=False
    )
    return ran.exit_code, json.loads(ran.stdout)


def test_a_sound_sequencer_exits_0_and_says_how_many_runs_that_were(tmp_path: Path) -> None:
    code, document = explore(tmp_path, "order4.claim", "--roles", "receivers,subscribers", "--slots", "1")
    (result,) = document["results"]
    assert (code, document["schema"], document["verdict"]) == (0, "fencepost/explore/2", "exhausted")
    assert result["complete"] > 1
    assert {"target", "profile", "verdict", "complete", "blocked", "seconds", "trace"} <= set(result)


def test_a_wrong_one_exits_1_and_leaves_a_trace_file(tmp_path: Path) -> None:
    code, document = explore(tmp_path, "order4.cas_then_reserve", "--batches", "3")
    (result,) = document["results"]
    assert (code, result["verdict"], result["property"]) == (1, "violated", "prefix")
    assert Path(result["trace"]).is_file()


def test_a_litmus_file_is_explored_under_each_of_its_profiles(tmp_path: Path) -> None:
    code, document = explore(tmp_path, str(LITMUS / "reader-advances.litmus"))
    assert [each["profile"] for each in document["results"]] == ["ncx", "ncx-nospec", "ncx-noevict"]
    assert code == 0


def test_of_a_litmus_file_runs_are_counted_and_it_is_said_that_these_are_no_executions(tmp_path: Path) -> None:
    path = tmp_path / "own.litmus"
    path.write_text("profile tso\nH0: W x 1; R a x; R b y\nH0: W y 1; R c y; R d x\nbad 0:a=0\n")
    assert len(outcomes(read_test(path).program, PROFILES["tso"], MATRICES["sdmC"])) == 4  # each of one execution
    for engine in ("explorer", "native"):
        code, document = explore(tmp_path, str(path), "--engine", engine)
        (result,) = document["results"]
        assert (code, result["complete"]) == (0, 15)
        assert "an execution (which store each load reads" in result["counted"]
    assert explore(tmp_path, "order5.fetch_add", "--batches", "1")[1]["results"][0]["counted"] is None


def test_a_spent_budget_is_unknown_and_exits_3(tmp_path: Path) -> None:
    code, document = explore(tmp_path, "order4.claim", "--batches", "8", "--timeout", "0.05")
    assert (code, document["verdict"]) == (3, "unknown")


@pytest.mark.parametrize("engine", ["explorer", "native"])
@pytest.mark.parametrize("strategy", ["exhaustive", "random", "pct"])
def test_where_no_run_came_to_its_end_nothing_is_known(engine: str, strategy: str, tmp_path: Path) -> None:
    arguments = (
        "order4.claim",
        "--batches",
        "3",
        "--depth",
        "1",
        "--runs",
        "20",
        "--engine",
        engine,
        "--strategy",
        strategy,
    )
    code, document = explore(tmp_path, *arguments)
    (result,) = document["results"]
    assert (code, document["verdict"], result["complete"]) == (3, "unknown", 0)
    assert result["explanation"] == "no run came to its end within 1 steps: expected a greater depth"


def test_an_interrupted_search_is_resumed_by_the_command(tmp_path: Path) -> None:
    arguments = ("order4.claim", "--roles", "receivers,subscribers")
    _, whole = explore(tmp_path, *arguments, "--engine", "native")
    reasons, complete = [], -1
    for more in ((), *((("--resume",),) * 200)):
        code, document = explore(tmp_path, *arguments, "--timeout", "0.1", *more)
        (result,) = document["results"]
        if code == 0:
            break
        assert code == 3
        reasons.append(result["explanation"])
        assert result["complete"] >= complete
        complete = result["complete"]
    assert "the time of 0.1 s was spent; kept in" in reasons[0]
    assert [result[key] for key in ("verdict", "complete", "blocked", "steps")] == [
        whole["results"][0][key] for key in ("verdict", "complete", "blocked", "steps")
    ]


def test_without_a_search_to_resume_a_new_one_begins_and_says_so(tmp_path: Path) -> None:
    command = ["explore", str(LITMUS / "mp-W01-R01.litmus"), "--profile", "sc", "--resume", "--out", str(tmp_path)]
    ran = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert ran.exit_code == 0
    assert f"no search to resume in {tmp_path}: a new one begins" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["order9"], "unknown sequencer 'order9': expected one of order5.fetch_add"),
        (["order4.claim", "--roles", "waiters"], "unknown role 'waiters': expected one of receivers"),
        (["order4.claim", "--profile", "px86"], "the explorer does not support profile 'px86'"),
        (["order4.claim", "--profile", "pdp11"], "unknown profile 'pdp11'"),
        (["order4.claim", "--roles", "scanners"], "unknown role 'scanners'"),
        (["order4.claim", "--roles", "", "--batches", "9"], "5 batches on a ring of 4 slots"),
    ],
)
def test_bad_input_is_named(arguments: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        CliRunner().invoke(cli, ["explore", *arguments, "--out", str(tmp_path)], catch_exceptions=False)
    assert message in str(raised.value)


def test_an_interrupt_keeps_what_was_found(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fencepost", "explore", "order4.claim", "--batches", "8", "--out", str(tmp_path)]
    command += ["--roles", "receivers,subscribers,acknowledgers"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        running.stderr.readline()  # the first progress: it is under way
        time.sleep(0.2)
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=60)
    assert running.returncode == EXIT_INTERRUPTED
    assert "interrupted" in output
    assert output.splitlines()[-1].startswith("verdict=unknown")


def test_both_engines_visit_as_many_runs(tmp_path: Path) -> None:
    for arguments in (["order4.claim", "--roles", "receivers,subscribers"], [str(LITMUS / "reader-advances.litmus")]):
        plain, fast = (explore(tmp_path, *arguments, "--engine", engine)[1] for engine in ("explorer", "native"))
        for one, other in zip(plain["results"], fast["results"], strict=True):
            for key in ("target", "profile", "verdict", "complete", "blocked", "steps"):
                assert one[key] == other[key]


def test_the_native_engine_says_what_it_cannot_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the native build has no pipeline 'seed.order5'"):
        explore(tmp_path, "seed.order5", "--engine", "native")
    with pytest.raises(InputError, match="has no --no-reduction, --jobs or --resume"):
        explore(tmp_path, "order4.claim", "--engine", "native", "--jobs", "2")


def test_a_sequencer_is_explored_on_the_whole_corpus_and_each_scenario_has_its_row(tmp_path: Path) -> None:
    code, document = explore(tmp_path, "order4.claim", "--engine", "native", "--runs", "20")
    stepped = [name for name, each in CORPUS.items() if has_stepped_form(each.scenario)]
    assert [each["scenario"] for each in document["results"]] == stepped
    assert {each["verdict"] for each in document["results"]} == {"exhausted", "not found"}
    assert (code, document["verdict"]) == (0, "not found")


def test_a_scenario_is_explored_by_its_name(tmp_path: Path) -> None:
    code, document = explore(tmp_path, "order4.claim", "--scenario", "wrap-parked")
    (result,) = document["results"]
    assert (code, result["scenario"], result["verdict"], result["complete"]) == (0, "wrap-parked", "exhausted", 64)


def test_what_compare_draws_is_explored_and_the_same_seed_draws_the_same(tmp_path: Path) -> None:
    sizes = ("--runs", "2", "--engine", "native", "--seed", "3", "--timeout", "600")
    drawn = ("order5.fetch_add", "--scenario", "drawn", *sizes)
    (first, one), (second, two) = (explore(tmp_path, *drawn) for _ in range(2))
    assert (first, second) == (0, 0)
    assert [each["bound"] for each in one["results"]] == [each["bound"] for each in two["results"]]
    assert len(one["results"]) > 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--scenario", "wrap"), "unknown scenario 'wrap'.*wrap-parked"),
        (("--scenario", "one-slot", "--slots", "2"), "--scenario one-slot has its own sizes"),
    ],
)  # fmt: skip
def test_a_scenario_that_is_not_there_or_has_sizes_beside_it_is_refused(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        explore(tmp_path, "order4.claim", *arguments)
