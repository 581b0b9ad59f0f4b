"""The command line: what a user types and sees, exit codes, and bad input in one clear line."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from commands import run

from fencepost import __main__
from fencepost.checking import CheckReport
from fencepost.command_line import cli
from fencepost.model.contract import Verdict
from fencepost.model.memory import PROFILE
from fencepost.model.report import ENGINES, Finding
from fencepost.proofs.second_opinion import decide

DATA = Path(__file__).parents[2] / "examples" / "data"


LEVEL_4 = ("order4.mutex", "order4.sharded_mutex", "order4.claim", "order4.owner", "order4.epoch")
LEVEL_5 = ("order5.fetch_add", "order5.epoch")
CHECKED: dict[tuple[str, ...], tuple[str, ...]] = {
    ("order4.claim",): ("order4.claim",),
    ("order5.fetch_add",): ("order5.fetch_add",),
    ("--level", "5"): LEVEL_5,
    (): (*LEVEL_4, *LEVEL_5),
}
"""What is asked of `check`, and the sequencers of which it then speaks."""
QUICK = ("order5.fetch_add",)
"""README shows what it prints of order4.claim, which the tests of documents compare."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(asked, marks=() if asked == QUICK else pytest.mark.slow) for asked in CHECKED],
    ids=lambda asked: " ".join(asked) or "all",
)
def asked(request: pytest.FixtureRequest) -> tuple[str, ...]:
    given: tuple[str, ...] = request.param
    return given


@pytest.fixture(scope="module")
def checked(asked: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    ran = run("check", *asked, "--json", cwd=tmp_path_factory.mktemp("check"))
    assert ran.returncode == 0, ran.stderr
    document: dict[str, Any] = json.loads(ran.stdout)
    return document


def test_check_passes_every_sound_sequencer_in_every_engine(asked: tuple[str, ...], checked: dict[str, Any]) -> None:
    assert checked["schema"] == "fencepost/check/2"
    assert checked["verdict"] == "not found"
    seen = {(each["target"], each["engine"]) for each in checked["results"]}
    assert seen == {(name, engine) for name in CHECKED[asked] for engine in ENGINES}
    modes = {each["mode"] for each in checked["results"] if each["engine"] == "native"}
    assert modes == {"explorer", "lockstep", "race"}


def test_check_proves_each_ordering_promise_and_finds_nothing(checked: dict[str, Any]) -> None:
    for each in checked["results"]:
        expected = {"z3": ("proved",), "explorer": ("not found", "exhausted")}
        assert each["verdict"] in expected.get(each["engine"], ("not found", "exhausted")), each
        assert each["bound"]
    for name in dict.fromkeys(each["target"] for each in checked["results"]):
        properties = {each["property"] for each in checked["results"] if each["target"] == name}
        of_level = {"client-order", "prefix", "once"} if name in LEVEL_4 else {"ring-order"}
        assert {"unique", "dense", "contiguous", "same-ranges", "same-steps"} | of_level <= properties


def test_check_says_on_which_memory_each_engine_ran(checked: dict[str, Any]) -> None:
    """The programs of the simulation, and threads of one host, run on coherent memory: they see no stale line."""
    seen = {(each["engine"], each["mode"], each["memory"]) for each in checked["results"]}
    assert seen == {
        ("z3", None, None),
        ("explorer", None, PROFILE),
        ("simulation", None, "coherent"),
        ("native", "explorer", PROFILE),
        ("native", "lockstep", PROFILE),
        ("native", "race", "coherent"),
    }


def test_check_answers_on_one_screen(checked: dict[str, Any]) -> None:
    findings = tuple(
        Finding(
            each["target"], each["property"], each["engine"], Verdict(each["verdict"]), each["bound"], each["seconds"],
            details={name: each[name] for name in ("level", "mode", "memory", "note")},
        )
        for each in checked["results"]
    )  # fmt: skip
    targets = tuple(dict.fromkeys(each.target for each in findings))
    lines = list(CheckReport("check", findings, 0, targets=targets).lines())
    assert len(lines) <= 40, "\n".join(lines)
    assert max(map(len, lines)) <= 80, max(lines, key=len)


def test_check_of_the_wrong_variant_shows_the_shortest_run_and_how_to_replay_it(tmp_path: Path) -> None:
    ran = run("check", "--sequencer", "order4.cas_then_reserve", cwd=tmp_path)
    assert ran.returncode == 1
    text = " ".join(ran.stdout.split())
    assert "order4.cas_then_reserve: prefix is violated in z3 (5 steps)" in text
    assert "client-order is violated in simulation (replay of 6 steps)" in text
    last = ran.stdout.splitlines()[-1]
    trace = "fencepost-out/order4.cas_then_reserve-prefix.itf.json"
    assert last == f"verdict=violated property=prefix seed=0 trace={trace}"
    command = re.search(r"fencepost (replay .*-prefix.itf.json)", ran.stdout)
    assert command is not None
    replayed = run(*command[1].split(), cwd=tmp_path)
    assert replayed.returncode == 1
    for engine in ("z3", "explorer", "simulation"):
        assert re.search(rf"^{engine} +violated +5 ", replayed.stdout, re.MULTILINE)
    assert replayed.stdout.splitlines()[-1] == f"verdict=violated property=prefix step=5 trace={trace}"


def test_check_of_one_sequencer_on_a_given_workload(tmp_path: Path) -> None:
    workload = tmp_path / "gaps.csv"
    header = "client_id,batch_seq,broker_id,message_count,payload_bytes,arrival_ns"
    workload.write_text(f"{header}\n7,1,0,2,64,0\n7,0,3,1,64,5\n7,3,0,1,64,9\n7,0,0,1,64,12\n")
    engines = ("--engine", "simulation", "--engine", "native")
    named = ("--sequencer", "order4.mutex", "--level", "4")
    ran = run("check", str(workload), *named, *engines, "--json", "--quiet", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout
    assert ran.stderr == ""
    bounds = {each["bound"] for each in json.loads(ran.stdout)["results"] if each["property"] == "same-batches"}
    assert bounds == {"1 run, 2 batches"}


EACH = [
    pytest.param(name, marks=() if name in ("order4.mutex", "order5.fetch_add") else pytest.mark.slow)
    for name in (*LEVEL_4, *LEVEL_5)
]


@pytest.mark.parametrize("name", EACH)
def test_a_batch_may_be_as_large_as_a_header_can_say(name: str, tmp_path: Path) -> None:
    workload = tmp_path / "large.csv"
    header = "client_id,batch_seq,broker_id,message_count,payload_bytes,arrival_ns"
    workload.write_text(f"{header}\n7,0,0,{2**32 - 1},64,0\n7,1,3,{2**32 - 1},64,5\n")
    engines = ("--engine", "simulation", "--engine", "native")
    ran = run("check", str(workload), "--sequencer", name, *engines, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_workload_of_which_nothing_can_be_ordered_is_unknown(tmp_path: Path) -> None:
    workload = tmp_path / "late.csv"
    workload.write_text("client_id,batch_seq,broker_id,message_count,payload_bytes,arrival_ns\n7,1,0,2,64,0\n")
    ran = run("check", str(workload), "--level", "4", "--engine", "simulation", cwd=tmp_path)
    assert ran.returncode == 3, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("history", "level", "code", "shown"),
    [
        ("redis-order5-history.csv", "5", 0, "verdict=not-found property=-"),
        ("redis-order5-history.csv", "4", 1, "verdict=violated property=client-order"),
        ("redis-order4-history.csv", "4", 0, "verdict=not-found property=-"),
        ("redis-order4-history.csv", "5", 1, "verdict=violated property=ring-order"),
    ],
)
def test_verify_of_the_recordings(history: str, level: str, code: int, shown: str) -> None:
    ran = run("verify", str(DATA / history), "--level", level)
    assert ran.returncode == code
    assert ran.stdout.splitlines()[-1] == f"{shown} seed=- trace=- files=1 unread=0"


@pytest.mark.parametrize(
    ("histories", "level", "code", "verdict"),
    [
        (["missing.csv", "redis-order4-history.csv"], "4", 2, "unknown"),
        (["redis-order5-history.csv", "missing.csv", "redis-order4-history.csv"], "4", 1, "violated"),
        (["README.md", "missing.csv"], "4", 2, "unknown"),
    ],
)
def test_verify_goes_on_after_a_file_that_cannot_be_read_and_exits_with_the_worst(
    histories: list[str], level: str, code: int, verdict: str
) -> None:
    paths = [str(DATA / name) for name in histories]
    refused = [path for path in paths if not path.endswith("history.csv")]
    ran = run("verify", *paths, "--level", level)
    assert ran.returncode == code
    assert [line.split(": ")[1].split(",")[0] for line in ran.stderr.splitlines()] == refused
    assert all(f"{path} at level {level}" in ran.stdout.replace("\n", "") for path in paths if path not in refused)
    assert ran.stdout.splitlines()[-1:] == [] if paths == refused else f"verdict={verdict} " in ran.stdout
    results = json.loads(run("verify", *paths, "--level", level, "--json").stdout)["results"]
    assert list(dict.fromkeys(each["target"] for each in results)) == paths
    assert {each["target"] for each in results if each["error"]} == set(refused)


def test_verify_counts_118_inversions_and_names_one() -> None:
    ran = run("verify", str(DATA / "redis-order5-history.csv"), "--level", "4", "--json")
    rows = {each["property"]: each for each in json.loads(ran.stdout)["results"]}
    assert rows["client-order"]["count"] == 118
    assert "comes before" in rows["client-order"]["witness"]["sentence"]


def test_prove_prints_one_line_for_each_obligation() -> None:
    ran = run("prove", "order5.fetch_add")
    assert ran.returncode == 0
    lines = ran.stdout.splitlines()
    promises = ("unique", "dense", "contiguous", "agreement", "frontier", "ring-order")
    assert [line.split(" ... ")[0] for line in lines[:6]] == [f"order5.fetch_add: {name}" for name in promises]
    assert lines[6].startswith("order5.fetch_add: every action happens ... proved (runs of up to ")
    assert lines[-1] == "verdict=proved property=- seed=- trace=-"


def test_prove_of_a_refuted_protocol_shows_its_shortest_run(tmp_path: Path) -> None:
    ran = run("prove", "order4.seed_from_first_seen", cwd=tmp_path)
    assert ran.returncode == 1
    assert "prefix ... violated (2 steps)" in ran.stdout
    assert "    2  order_next(ring=0)" in ran.stdout
    trace = "fencepost-out/order4.seed_from_first_seen-prefix.itf.json"
    assert ran.stdout.splitlines()[-1] == f"verdict=violated property=prefix seed=- trace={trace}"
    assert (tmp_path / trace).exists()


def test_prove_emits_each_obligation_and_cvc5_agrees(tmp_path: Path) -> None:
    ran = run("prove", "order5.fetch_add", "--emit", "queries", "--solver", "both", "--json", cwd=tmp_path)
    assert ran.returncode == 0
    assert {row["verdict"] for row in json.loads(ran.stdout)["results"]} == {"proved"}
    written = sorted((tmp_path / "queries").glob("*.smt2"))
    assert len(written) == 77
    assert decide(written[0].read_text()) == "unsat"


def test_prove_with_too_little_work_exits_3_and_names_the_query(tmp_path: Path) -> None:
    ran = run("prove", "order4.epoch", "--timeout", "0.01", "--depth", "0", cwd=tmp_path)
    assert ran.returncode == 3
    last = re.fullmatch(r"verdict=unknown property=\S+ seed=- trace=- query=(\S+\.smt2)", ran.stdout.splitlines()[-1])
    assert last is not None
    assert "(check-sat)" in (tmp_path / last[1]).read_text()


def test_prove_lists_what_is_sound_and_what_is_refuted() -> None:
    lines = run("prove", "--list").stdout.splitlines()
    assert "order4.modulo_table (refuted: prefix): unique, dense, contiguous, agreement," in "\n".join(lines)
    assert len(lines) == 18


def test_prove_prints_the_kill_table() -> None:
    ran = run("prove", "--mutants", "order5.fetch_add")
    assert ran.returncode == 0
    assert ran.stdout.splitlines()[-2] == (
        "8 weakened specs: 8 caught, 8 of them by a step in a small instance; 0 equivalent"
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ("check", "--sequencer", "order6"),
            "fencepost: unknown sequencer 'order6': expected one of order5.fetch",
        ),
        (("check", "--sequencer", "order4.claim", "--level", "5"), "fencepost: order4.claim is a level-4 sequencer"),
        (("check", "missing.csv"), "fencepost: missing.csv: "),
        (("verify", "missing.csv", "--level", "4"), "fencepost: missing.csv: "),
        (("prove", "order6"), "fencepost: unknown protocol 'order6': expected one of"),
        (("replay", "missing.itf.json"), "fencepost: missing.itf.json: no such file"),
        (("check", "--level", "6"), "Error: Invalid value for '--level': unknown '6': expected one of 4, 5, all"),
        (("check", "--seed", "-1"), "Error: Invalid value for '--seed'"),
        (("chekc",), "Error: No such command 'chekc'."),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_2(arguments: tuple[str, ...], line: str, tmp_path: Path) -> None:
    ran = run(*arguments, cwd=tmp_path)
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1].startswith(line)
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_help_answers_without_loading_a_solver() -> None:
    code = "import sys, fencepost.command_line; sys.exit('z3' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert "check" in CliRunner().invoke(cli, ["--help"]).output


@pytest.fixture
def own_signals() -> Iterator[None]:
    """What handles signals here is as it was, after a test that is a command."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("own_signals")
@pytest.mark.parametrize(
    ("failure", "code", "line"),
    [
        (RuntimeError("lost"), 70, "fencepost: a bug in fencepost: RuntimeError: lost"),
        (KeyboardInterrupt(), 130, "fencepost: interrupted"),
    ],
)
def test_a_bug_exits_70_and_an_interrupt_130(
    failure: BaseException, code: int, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise failure

    monkeypatch.setattr(cli, "main", fail)
    with pytest.raises(SystemExit) as caught:
        __main__.main()
    assert caught.value.code == code
    assert capsys.readouterr().err.splitlines()[0] == line


def test_output_to_a_file_has_no_colour(tmp_path: Path) -> None:
    assert "\x1b" not in run("check", "order4.cas_then_reserve", "--engine", "z3", cwd=tmp_path).stdout
