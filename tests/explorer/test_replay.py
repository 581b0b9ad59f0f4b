"""A trace in every engine: the same violation after the same step, or one line that says why it cannot be expressed."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import fencepost
from fencepost.command_line import cli
from fencepost.exploring.replay import read, replay, run_of
from fencepost.model.errors import FormatError, InputError
from fencepost.model.explorer.explain.columns import describe_run
from fencepost.model.explorer.search.exploration import Limits, explore
from fencepost.model.explorer.subjects import arrivals, litmus_file, sequencer
from fencepost.model.explorer.traces.run_itf import write_run
from fencepost.model.explorer.traces.run_trace import RunTrace, run, trace_of
from fencepost.model.explorer.traces.translation import IN_PROGRAMS
from fencepost.model.instance import Instance
from fencepost.model.itf import write_trace
from fencepost.model.litmus import parse_test
from fencepost.model.museum import BUGS
from fencepost.model.museum.detection import of_bug
from fencepost.model.programs import Design, Scenario, design
from fencepost.model.programs.layout import ISSUED
from fencepost.model.programs.operations import FetchAdd, Load, Program, Store, at
from fencepost.model.programs.roles.scanner import Slot
from fencepost.model.programs.roles.subscriber import Subscriber
from fencepost.model.programs.sequencers.order5 import Order5FetchAdd
from fencepost.model.specs import protocol
from fencepost.model.trace import Step, Trace
from fencepost.proofs.detection import searched

WRONG = design("order4.cas_then_reserve")
ORDER5 = design("order5.fetch_add")
WRITTEN = Scenario(rings=arrivals(2, 2, 2), written=True)
FLAG = "name stale-flag\nH0: W d 1; FO d; SF; W f 1; FO f; SF\nH1: FL f; FL d; MF; R a f; R b d\nbad 1:a=1 & 1:b=0\n"
BUFFER = "name SB\nH0: W x 1; R a y\nH0: W y 1; R a x\nbad 0:a=0 & 1:a=0\n"

STEPS = (
    Step("arrive", {"ring": 0, "client": 0, "seq": 0, "count": 1}),
    Step("arrive", {"ring": 1, "client": 0, "seq": 1, "count": 2}),
    Step("claim", {"ring": 0, "index": 0}),
    Step("claim", {"ring": 1, "index": 0}),
    Step("reserve", {"ring": 1}),
    Step("reserve", {"ring": 0}),
)


class NeverInvalidates(Subscriber):
    def invalidate(self, number: int, line: tuple[str | int, ...]) -> Program:
        yield from ()


class LoadThenStore(Order5FetchAdd):
    """Takes a range by a load and a store: two scanners may take the same, on any memory."""

    def run(self) -> Program:
        for index in range(10):
            yield from self.wait(index)
            slot: Slot = yield from self.read(index)
            start = yield Load(ISSUED)
            yield Store(ISSUED, start + slot.count, at("reserve", ring=self.ring))
            yield from self.assign(slot, start)
            yield from self.publish(slot, start)


class NeverPublishes(Order5FetchAdd):
    """Takes a range and forgets its batch."""

    def run(self) -> Program:
        yield from self.wait(0)
        slot = yield from self.read(0)
        yield FetchAdd(ISSUED, slot.count, at("reserve", ring=self.ring))


def trace_on(design_of: Design, scenario: Scenario, profile: str, *asked: str) -> RunTrace:
    subject = sequencer(design_of, scenario, profile, asked=frozenset(asked) if asked else None)
    return trace_of(explore(subject, limits=Limits(seconds=30)))


def litmus_trace(text: str, profile: str) -> RunTrace:
    return trace_of(explore(litmus_file(parse_test(text), profile)))


def spec_trace(steps: tuple[Step, ...] = STEPS, name: str = "client-order", of: str = WRONG.name) -> Trace:
    return Trace(protocol(of), name, steps, Instance(), "hand")


# --- engines ---


@pytest.mark.parametrize("profile", ["sc", "tso", "ncx"])
@pytest.mark.parametrize("name", ["client-order", "prefix"])
def test_every_engine_that_can_express_a_run_reaches_its_violation_at_the_same_step(profile: str, name: str) -> None:
    trace = trace_on(WRONG, WRITTEN, profile, name)
    replayed = replay(trace)
    steps = {engine: (each.kind, each.step) for engine, each in replayed.outcomes.items()}
    last = len(trace.schedule)
    assert steps == {
        "z3": ("violated", last), "explorer": ("violated", last), "simulation": ("violated", last),
        "native": ("violated", last),
    }  # fmt: skip
    assert replayed.agree
    assert replayed.verdict == "violated"


@pytest.mark.parametrize(("count", "name"), [(6, "client-order"), (5, "prefix")])
def test_a_trace_of_a_spec_is_reached_by_its_programs_at_the_same_step(count: int, name: str) -> None:
    replayed = replay(spec_trace(STEPS[:count], name))
    found = {engine: each.step for engine, each in replayed.outcomes.items() if each.kind == "violated"}
    assert found == {"z3": count, "explorer": count, "simulation": count, "native": count}


def test_what_is_visible_on_no_coherent_memory_cannot_be_expressed_by_spec_and_simpy() -> None:
    scenario = Scenario(rings=arrivals(1, 1, 1), slots=2, subscribers=True)
    replayed = replay(trace_on(replace(ORDER5, subscriber=NeverInvalidates), scenario, "ncx"))
    assert replayed.outcomes["explorer"].kind == "violated"
    assert replayed.outcomes["z3"].kind == replayed.outcomes["simulation"].kind == "cannot express"
    assert "it knows no caches, and host 2 read payload 0 0 . content = 0" in replayed.outcomes["z3"].sentence
    assert replayed.outcomes["simulation"].sentence.endswith("; coherent memory has (0,0) there")
    assert replayed.agree


def test_a_counter_without_atomicity_is_shown_on_coherent_memory_and_below_what_the_spec_can_say() -> None:
    replayed = replay(trace_on(replace(ORDER5, scanner=LoadThenStore), WRITTEN, "sc", "unique"))
    outcomes = replayed.outcomes
    assert (outcomes["simulation"].kind, outcomes["simulation"].step) == ("violated", outcomes["explorer"].step)
    assert outcomes["z3"].kind == "cannot express"
    assert re.search(
        r"gives row 1: client 0 batch 0 of ring 0 at 2, where step \d+ gave it 0\.\.0", outcomes["z3"].sentence
    )


@pytest.mark.parametrize("name", sorted(BUGS))
def test_a_bug_of_the_museum_is_reached_by_every_engine_that_can_express_it(name: str, tmp_path: Path) -> None:
    bug = BUGS[name]
    trace = trace_on(bug.design, bug.scenario, "ncx", bug.breaks)
    write_run(trace, tmp_path / "bug.itf.json")
    assert read(tmp_path / "bug.itf.json") == trace
    replayed = replay(trace)
    assert replayed.agree
    assert replayed.violated_at == len(trace.schedule)
    text = describe_run(trace).splitlines()
    assert "reproduced 10/10" in " ".join(text)
    assert len(text) <= 72
    assert max(map(len, text)) <= 132


def test_a_violation_of_the_end_is_one_of_the_end_in_simpy_too() -> None:
    replayed = replay(trace_on(replace(ORDER5, scanner=NeverPublishes), WRITTEN, "sc", "dense"))
    assert (replayed.outcomes["simulation"].kind, replayed.outcomes["simulation"].step) == (
        "violated",
        replayed.violated_at,
    )


def test_on_coherent_memory_a_waiting_thread_goes_on() -> None:
    scenario = Scenario(rings=arrivals(1, 1, 1), slots=2, delegated=True)

    class NeverFlushed(ORDER5.delegation):  # type: ignore[name-defined, misc]
        def publish(self, filled_count: int) -> Program:
            yield from ()

    replayed = replay(trace_on(replace(ORDER5, delegation=NeverFlushed), scenario, "ncx"))
    assert replayed.outcomes["simulation"].sentence.startswith(
        "on coherent memory scanner 0 goes on: poll until written 0"
    )
    assert "makes no promise of the name 'drained'" in replayed.outcomes["z3"].sentence


def test_a_step_that_the_spec_refuses_is_the_violation_of_a_refinement() -> None:
    spec = protocol("order4.claim")  # which has no second claim of a client while one is under way
    trace = trace_on(replace(WRONG, spec=spec), WRITTEN, "sc", "refinement")
    replayed = replay(trace)
    assert replayed.outcomes["z3"].kind == "violated"
    assert replayed.outcomes["z3"].step == replayed.outcomes["explorer"].step


def test_a_refused_step_is_named_where_the_violation_is_another() -> None:
    spec = protocol("order4.claim")
    outcome = replay(trace_on(replace(WRONG, spec=spec), WRITTEN, "sc", "client-order"), engine=["z3"]).outcomes["z3"]
    assert outcome.kind == "cannot express"
    assert re.match(r"it accepts \d+ steps, then refuses step \d+: order4.claim does not accept", outcome.sentence)


@pytest.mark.parametrize(("text", "profile"), [(FLAG, "ncx"), (BUFFER, "tso")])
def test_a_litmus_run_is_for_the_programs_engine_alone(text: str, profile: str) -> None:
    replayed = replay(litmus_trace(text, profile))
    assert [each.kind for each in replayed.outcomes.values()] == [
        "cannot express", "violated", "cannot express", "cannot express",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("trace", "reason"),
    [
        (spec_trace(name="agreement", steps=STEPS[:2]), "programs are not judged by 'agreement'"),
        (spec_trace((*STEPS[:2], STEPS[3])), "step 3: scanner 1 performs park.*: expected claim"),
    ],
)
def test_what_programs_cannot_do_is_said(trace: Trace, reason: str) -> None:
    for engine in ("explorer", "simulation"):
        outcome = replay(trace, engine=[engine]).outcomes[engine]
        assert outcome.kind == "cannot express"
        assert re.search(reason, outcome.sentence)


@pytest.mark.parametrize("name", [each.name for each in BUGS.values() if each.refuted is not None])
def test_what_z3_finds_of_a_refuted_spec_the_programs_of_the_bug_do(name: str) -> None:
    found = searched(of_bug(BUGS[name]), 5.0, 0)
    assert found.steps is not None
    outcomes = replay(found.steps, engine=["z3", "explorer"]).outcomes
    by_program = {"violated"} if found.steps.property in IN_PROGRAMS else {"cannot express"}
    assert ({outcomes["z3"].kind}, {outcomes["explorer"].kind}) == ({"violated"}, by_program)


def test_a_shorter_trace_of_a_spec_holds_everywhere() -> None:
    replayed = replay(spec_trace(STEPS[:5]), engine=["z3", "explorer", "simulation"])
    assert {each.kind for each in replayed.outcomes.values()} == {"held"}
    assert replayed.verdict == "not found"
    assert replayed.violated_at is None


def test_a_trace_that_no_asked_engine_can_express_is_unknown() -> None:
    assert replay(litmus_trace(FLAG, "ncx"), engine=["z3", "native"]).verdict == "unknown"


def test_an_unknown_engine_is_refused_with_the_choices() -> None:
    with pytest.raises(InputError, match="unknown engine 'z4': expected one of z3, explorer, simulation, native"):
        replay(spec_trace(), engine=["z4"])


def test_the_run_of_a_spec_s_trace_is_a_run_like_any_other() -> None:
    made = run_of(spec_trace())
    assert made.violation is not None
    assert made.violation.property == "client-order"
    assert run(made.trace).violated_at == made.violated_at
    with pytest.raises(InputError, match="no run of programs to show"):
        run_of(spec_trace((*STEPS[:2], STEPS[3])))


# --- the command ---


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("traces")
    files = {name: folder / f"{name}.itf.json" for name in ("run", "litmus", "z3", "short")}
    write_run(trace_on(WRONG, WRITTEN, "ncx", "client-order"), files["run"])
    write_run(litmus_trace(FLAG, "ncx"), files["litmus"])
    write_trace(files["z3"], spec_trace())
    write_trace(files["short"], spec_trace(STEPS[:5]))
    return files


def command(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["replay", *map(str, arguments)])


def test_the_command_shows_the_run_why_and_the_engines(files: dict[str, Path]) -> None:
    ran = command(files["run"], "--quiet")
    assert ran.exit_code == 1
    lines = ran.stdout.splitlines()
    assert any("because scanner 1's step 9" in line for line in lines)
    assert f"fencepost replay {files['run']}" in lines
    assert lines[-1] == f"verdict=violated property=client-order step=10 trace={files['run']}"
    assert ran.stderr == ""


def test_progress_names_the_engines_on_stderr(files: dict[str, Path]) -> None:
    assert command(files["z3"], "--engine", "simulation").stderr == "... simulation\n"


@pytest.mark.parametrize(
    ("name", "engine", "code"),
    [("run", "explorer", 1), ("run", "native", 1), ("z3", "z3", 1), ("short", "explorer", 0), ("litmus", "z3", 3)],
)
def test_exit_codes_say_whether_the_violation_was_reached(
    files: dict[str, Path], name: str, engine: str, code: int
) -> None:
    assert command(files[name], "--engine", engine, "--quiet").exit_code == code


def test_json_has_one_item_an_engine(files: dict[str, Path]) -> None:
    found = json.loads(command(files["run"], "--json", "--quiet").stdout)
    assert found["schema"] == "fencepost/replay/2"
    assert [(each["engine"], each["outcome"], each["step"]) for each in found["results"]] == [
        ("z3", "violated", 10), ("explorer", "violated", 10), ("simulation", "violated", 10),
        ("native", "violated", 10),
    ]  # fmt: skip


def test_without_a_terminal_step_prints_the_steps_one_by_one(files: dict[str, Path]) -> None:
    assert "issued = 2" in command(files["z3"], "--step", "--quiet").stdout
    assert command(files["run"], "--step", "--quiet").stdout == command(files["run"], "--quiet").stdout


def test_on_a_terminal_q_stops_the_walk(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    keys = iter("\r\rq")
    monkeypatch.setattr("fencepost.command_line.replay.sys", _Terminal())
    monkeypatch.setattr("click.getchar", lambda: next(keys))
    lines = command(files["run"], "--step", "--quiet").stdout.splitlines()
    assert sum(bool(re.match(r" +\d+  ", line)) for line in lines) == 3
    assert lines[-1].startswith("verdict=violated")


class _Terminal:
    """What the command asks of `sys`."""

    class stdin:  # noqa: N801  (it stands for sys.stdin)
        @staticmethod
        def isatty() -> bool:
            return True


@pytest.mark.parametrize("extra", [("--export", "text"), ("--to", "somewhere")])
def test_export_and_out_go_together(files: dict[str, Path], extra: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="--export and --to FILE go together"):
        CliRunner().invoke(cli, ["replay", str(files["run"]), *extra], catch_exceptions=False, standalone_mode=False)


def test_a_missing_file_is_one_clear_line() -> None:
    with pytest.raises(FormatError, match=r"missing.itf.json: no such file"):
        read(Path("missing.itf.json"))


def test_the_python_names_do_the_same(files: dict[str, Path], tmp_path: Path) -> None:
    trace = fencepost.read_run(files["run"])
    assert "because scanner 1's step 9" in fencepost.describe_run(trace)
    assert fencepost.replay(files["run"]).violated_at == 10
    assert fencepost.write_run(trace, tmp_path / "again.itf.json") == trace
    exporting: Callable[..., Any] = fencepost.write_export
    exporting(trace, "itf", tmp_path / "exported.itf.json")
    assert (tmp_path / "exported.itf.json").read_text() == files["run"].read_text()
