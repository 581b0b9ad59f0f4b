"""Every verb returns one kind of report: from Python and from the command line the same, whatever its target is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import fencepost as fp
from fencepost.command_line import cli
from fencepost.model.contract import promised
from fencepost.model.errors import expected_of, nearest
from fencepost.model.instance import Instance
from fencepost.model.litmus import parse_test, read_test
from fencepost.model.own import PROGRAM, PROTOCOL, object_of
from fencepost.model.report import ENGINES, Finding, Report
from fencepost.model.specs.order5_fetch_add import Order5FetchAdd
from fencepost.targets import several

ROOT = Path(__file__).parents[2]
LITMUS = ROOT / "tests" / "litmus" / "mp-W00-R02.litmus"
HISTORY = ROOT / "examples" / "data" / "redis-order5-history.csv"
TRACE = ROOT / "examples" / "data" / "inversion.itf.json"
OWN = ROOT / "examples" / "own"
SCENARIO = fp.Scenario().with_(name="small", duration="1 ms", replications=2, sequencer="order5.fetch_add")
NO_TARGET: Any = 3
TWO: Any = ["order4.claim", "order4.mutex"]
SMALL = 'name = "small"\nduration = "1 ms"\nreplications = 2\nsequencer = "order5.fetch_add"\n'
FEW: dict[str, Any] = {"examples": 5, "seed": 1}


def toml(folder: Path) -> Path:
    path = folder / "small.toml"
    path.write_text(SMALL)
    return path


TARGETS: dict[str, Callable[[Path], tuple[Callable[..., Report], list[Any], dict[str, Any]]]] = {
    "prove": lambda folder: (
        fp.prove,
        ["order5.fetch_add", Order5FetchAdd, ["order5.fetch_add"]],
        {},
    ),
    "prove a file": lambda folder: (
        fp.prove,
        [f"{OWN / 'cuts.py'}:Cuts", object_of(f"{OWN / 'cuts.py'}:Cuts", PROTOCOL)],
        {},
    ),
    "explore": lambda folder: (
        fp.explore,
        ["order5.fetch_add", Order5FetchAdd],
        {"scenario": "one-slot", "runs": 5, "strategy": "pct"},
    ),
    "explore a litmus file": lambda folder: (fp.explore, [str(LITMUS), LITMUS, read_test(LITMUS)], {"profile": "ncx"}),
    "explore a program": lambda folder: (
        fp.explore,
        [str(OWN / "lamport_queue.py"), OWN / "lamport_queue.py", object_of(OWN / "lamport_queue.py", PROGRAM)],
        {},
    ),
    "litmus": lambda folder: (fp.litmus, [str(LITMUS), LITMUS, read_test(LITMUS), [LITMUS]], {}),
    "litmus_outcomes": lambda folder: (fp.litmus_outcomes, [str(LITMUS), LITMUS, read_test(LITMUS)], {}),
    "ablate": lambda folder: (
        fp.ablate,
        [str(OWN / "lamport_queue.py"), OWN / "lamport_queue.py", object_of(OWN / "lamport_queue.py", PROGRAM)],
        {},
    ),
    "simulate": lambda folder: (fp.simulate, [str(toml(folder)), toml(folder), SCENARIO], {}),
    "compare": lambda folder: (
        fp.compare,
        ["order5.fetch_add", Order5FetchAdd, ["order5.fetch_add"]],
        {"policy": "attempts", **FEW},
    ),
    "mutants": lambda folder: (fp.mutants, ["no_wrap", ["no_wrap"]], {"engine": "z3", "timeout": 1.0}),
    "verify": lambda folder: (
        fp.verify,
        [str(HISTORY), HISTORY, fp.read_history(HISTORY), [HISTORY]],
        {"level": 4},
    ),
    "replay": lambda folder: (fp.replay, [str(TRACE), TRACE, fp.read_trace(TRACE)], {"engine": "z3"}),
    "check": lambda folder: (fp.check, ["order5.fetch_add"], {"engine": "z3"}),
}


@pytest.mark.parametrize("name", TARGETS)
def test_names_paths_and_objects_are_the_same_target(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verb, targets, options = TARGETS[name](tmp_path)
    before = sorted(tmp_path.iterdir())
    monkeypatch.chdir(tmp_path)
    reports = [verb(target, **options) for target in targets]
    for report in reports:
        assert isinstance(report, Report)
        assert report.verb == name.split("_")[0].split()[0]
        assert [told(each) for each in report.findings] == [told(each) for each in reports[0].findings]
        assert_is_a_report(report)
    assert sorted(tmp_path.iterdir()) == before, "nothing is written unless `out` says where"


def told(finding: Finding) -> tuple[str, ...]:
    return (finding.property, finding.engine, str(finding.verdict), finding.bound)


def assert_is_a_report(report: Report) -> None:
    assert report.findings
    assert all(isinstance(each, Finding) for each in report.findings)
    engines = {part.strip() for each in report.findings for part in each.engine.split(",")}
    assert engines <= {*ENGINES, "history"}
    assert report.holds is report.verdict.passes
    with pytest.raises(TypeError, match=r"use \.holds or \.verdict"):
        bool(report)
    document = report.to_dict()
    assert document["verdict"] == str(report.verdict)
    assert len(document["results"]) == len(report.findings)
    json.dumps(document, allow_nan=False)
    assert len(report.to_frame()) == len(report.findings)
    assert "<pre>" in report._repr_html_()
    assert len(repr(report)) < 200
    assert report.summary().startswith(f"verdict={str(report.verdict).replace(' ', '-')} property=")


def test_a_trace_of_a_finding_is_replayed_without_a_file() -> None:
    for report in (fp.prove("order5.split_counter", property="unique"), fp.explore("no_wrap", timeout=30.0)):
        (finding,) = report.violations()
        assert fp.replay(finding.trace, engine=finding.engine).verdict is fp.Verdict.VIOLATED


def test_with_out_the_trace_is_a_file_and_the_text_names_it(tmp_path: Path) -> None:
    report = fp.prove("order5.split_counter", property="unique", out=tmp_path)
    (finding,) = report.violations()
    assert finding.trace in tmp_path.iterdir()
    assert f"fencepost replay {finding.trace}" in str(report)


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        (
            ("prove", "order5.fetch_add", "--property", "unique"),
            lambda: fp.prove("order5.fetch_add", property="unique"),
        ),
        (("litmus", str(LITMUS)), lambda: fp.litmus(LITMUS)),
        (("verify", str(HISTORY), "--level", "5"), lambda: fp.verify(HISTORY, level=5)),
        (("replay", str(TRACE), "--engine", "z3"), lambda: fp.replay(TRACE, engine="z3")),
        (("ablate", "publication", "--property", "safety"), lambda: fp.ablate("publication", property="safety")),
        (("mutants", "no_wrap", "--engine", "z3", "--jobs", "1"), lambda: fp.mutants("no_wrap", engine="z3")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_the_command_prints_the_reports_own_text_and_document(
    arguments: tuple[str, ...], call: Callable[[], Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    report = call()
    shown = CliRunner().invoke(cli, [*arguments, "--quiet"]).stdout
    assert timeless(shown.splitlines()[-1]) == timeless(report.summary()) or "replay" in arguments
    assert all(timeless(line) in timeless(shown) for line in report.lines())
    document = json.loads(CliRunner().invoke(cli, [*arguments, "--quiet", "--json"]).stdout)
    assert document.keys() == report.to_dict().keys()
    assert [without_time(each) for each in document["results"]] == [
        without_time(each) for each in report.to_dict()["results"]
    ]


def timeless(text: str) -> str:
    return "".join(each for each in text if not each.isdigit() and each not in " .\n")


def without_time(result: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name not in ("seconds", "trace")}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fp.prove("order4.clam"), "did you mean order4.claim"),
        (lambda: fp.prove("order4.claim", level=5), "order4.claim is a level-4 sequencer: level 5 was asked for"),
        (lambda: fp.prove("order5.fetch_add", property="uniqe"), "did you mean unique"),
        (lambda: fp.explore("order4.clam"), "did you mean order4.claim"),
        (lambda: fp.explore("order5.fetch_add", engine="model"), "expected one of explorer, native"),
        (lambda: fp.explore("order5.fetch_add", property="client-order"), "client-order is promised at level 4"),
        (lambda: fp.explore("order5.fetch_add", property="frontier", scenario="one-slot"), "readers by position"),
        (lambda: fp.explore(NO_TARGET), "expected a sequencer's or bug's name, a litmus file"),
        (lambda: fp.explore(TWO), "2 targets: expected one"),
        (lambda: fp.litmus("nowhere.litmus"), "no such file or folder"),
        (lambda: fp.litmus(NO_TARGET), "expected a litmus file, a folder of them, or a test"),
        (lambda: fp.litmus(LITMUS, engine="smt"), "expected one of explorer, native, z3"),
        (lambda: fp.ablate("publicatoin"), "did you mean publication"),
        (lambda: fp.ablate("publication", property="speed"), "expected one of safety, freshness"),
        (lambda: fp.simulate("order5.fech_add"), "did you mean order5.fetch_add"),
        (lambda: fp.simulate(NO_TARGET), "expected a scenario, its TOML file, or a sequencer's name"),
        (lambda: fp.compare("order5.fetch"), "did you mean order5.fetch_add"),
        (lambda: fp.mutants("no_wrp"), "did you mean no_wrap"),
        (lambda: fp.mutants("no_wrap", property="unique"), "no_wrap breaks no-overwrite: property unique was asked"),
        (lambda: fp.mutants(engine="simpy"), "expected one of z3, explorer, simulation, native"),
        (lambda: fp.verify("nowhere.csv", level=4), "nowhere.csv"),
        (lambda: fp.verify(NO_TARGET, level=4), "expected a history, a log, or the path of a file of one"),
        (lambda: fp.replay(NO_TARGET), "expected a trace, or the path of its file"),
        (lambda: fp.replay(TRACE, engine="spec"), "expected one of z3, explorer, simulation, native"),
        (lambda: fp.check("order4.clam"), "did you mean order4.claim"),
    ],
)
def test_what_is_wrong_is_said_with_the_nearest_choices(call: Callable[[], Report], message: str) -> None:
    with pytest.raises(fp.InputError) as raised:
        call()
    assert message in str(raised.value)


def test_a_string_is_one_target_however_many_characters_it_has() -> None:
    assert several("order4.claim") == ("order4.claim",)
    assert several(Path("order4.claim")) == (Path("order4.claim"),)
    assert several(None) == ()
    assert several(each for each in ("a", "b", "a")) == ("a", "b")
    assert several(SCENARIO) == (SCENARIO,)


def test_of_many_choices_the_nearest_are_named_and_of_few_all() -> None:
    many = [f"order4.{number}" for number in range(43)]
    assert nearest("ordre4.7", many)[0] == "order4.7"
    assert len(expected_of("ordre4.7", many)) < 60
    assert expected_of("x", ["one", "two"]) == "expected one of one, two"
    assert expected_of("tow", ["one", "two"]) == "expected one of one, two; did you mean two?"


def test_dir_and_all_agree_and_every_name_is_there() -> None:
    public = {name for name in dir(fp) if not name.startswith("_")}
    assert public == set(fp.__all__)
    for name in fp.__all__:
        assert getattr(fp, name) is not None
    assert fp.sequencers(5).keys() == {"order5.fetch_add", "order5.epoch"}
    assert all(len(sentence) > 20 for sentence in fp.sequencers().values())


def test_unknown_is_neither_true_nor_a_pass() -> None:
    report = fp.explore("order4.claim", scenario="wrap-parked", depth=1, runs=3)
    assert report.verdict is fp.Verdict.UNKNOWN
    assert not report.holds


def test_a_promise_that_was_not_watched_is_never_passed() -> None:
    report = fp.explore("order5.fetch_add", scenario="one-slot", runs=3, strategy="pct")
    assert "frontier" not in report.watched
    assert report.unwatched["frontier"] == "no scenario has readers by position"
    assert sorted((*report.watched, *report.unwatched)) == sorted((*promised(5), "refinement"))
    asked = fp.explore("order5.fetch_add", property="unique", scenario="one-slot", runs=3, strategy="pct")
    assert asked.watched == ("unique",)
    assert {each.property for each in asked.findings} == {"unique"}


# --- what the commands say ---

MESSAGE = "H0: W d 1; W f 1\nH1: R a f; R b d\nbad 1:a=1 & 1:b=0\n"


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, [*arguments, "--quiet"])


def test_litmus_counts_what_is_as_expected_and_lists_it_only_when_asked(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"right{number}.litmus").write_text(f"{MESSAGE}expect allowed\n")
    short, whole = (run("litmus", str(tmp_path), *more).stdout for more in ((), ("-v",)))
    assert "right1" not in short
    assert short.startswith("3 of 3 ok\n")
    assert "HA1, HA2" in short
    assert "HA1: " not in short
    assert whole.count("right") == 3
    assert "HA1: " in whole
    (tmp_path / "wrong.litmus").write_text(f"{MESSAGE}expect forbidden\n")
    mixed = run("litmus", str(tmp_path))
    assert mixed.exit_code == 1
    assert "wrong under ncx: expected forbidden, explorer allowed, native allowed, z3 allowed" in mixed.stdout
    assert "right1" not in mixed.stdout
    assert mixed.stdout.splitlines()[-1].startswith(
        "verdict=violated property=expect seed=- trace=- test=wrong tests=4"
    )


def test_a_litmus_file_that_expects_nothing_is_not_ok_but_says_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "open.litmus").write_text(MESSAGE)
    ran = run("litmus", str(tmp_path))
    assert ran.stdout.startswith("open under ncx: allowed, no expectation: 1:a=1 & 1:b=0\n")
    assert "0 of 0 ok; 1 without an expectation: 1 allowed" in ran.stdout
    (row,) = fp.litmus(tmp_path).rows
    assert not row.ok


@pytest.mark.parametrize("profile", ["sc", "ncx", "tso"])
def test_outcomes_are_all_ends_each_with_a_run_that_reaches_it(profile: str) -> None:
    test = parse_test(MESSAGE)
    report = fp.litmus_outcomes(test, profile=profile)
    assert report.names == ("1:a", "1:b")
    ends = {each.values: each for each in report.ends}
    assert ends.keys() == {("0", "0"), ("0", "1"), ("1", "1")} | ({("1", "0")} if profile == "ncx" else set())
    for values, end in ends.items():
        assert end.run is not None
        assert end.is_bad == (values == ("1", "0"))
        assert [str(each) for each in end.run.steps[-1][1].registers[1]] == [*values]
    assert "reached by" in str(report)
    assert "cache of H" in "\n".join(report.verbose_lines())


def test_outcomes_of_memory_name_its_words(tmp_path: Path) -> None:
    path = tmp_path / "memory.litmus"
    path.write_text("profile tso\nH0: W x 1; W y 1\nH0: W y 2\nbad y=1\n")
    text = run("litmus", "--outcomes", str(path)).stdout
    assert "memory under tso: 2 ends of all runs" in text
    report = fp.litmus_outcomes(path)
    assert report.names == ("x", "y")
    assert {each.values for each in report.ends} == {("1", "1"), ("1", "2")}


def test_verify_counts_files_that_could_not_be_read(tmp_path: Path) -> None:
    ran = run("verify", str(HISTORY), str(tmp_path / "none.csv"), "--level", "5")
    assert ran.exit_code == 2
    assert ran.stdout.splitlines()[-1] == "verdict=unknown property=- seed=- trace=- files=2 unread=1"
    assert run("verify", str(HISTORY), "--level", "5").stdout.splitlines()[-1].endswith("files=1 unread=0")


def test_a_promise_without_parameters_is_violated_for_nothing_more(tmp_path: Path) -> None:
    path = tmp_path / "opening.py"
    path.write_text(
        "from fencepost.model.language import Protocol, action, not_, promise\n\n\n"
        "class Opening(Protocol):\n    opened: bool = False\n\n"
        "    @action\n    def open(self):\n        self.opened = True\n\n"
        "    @promise('closed')\n    def stays_closed(self):\n        return not_(self.opened)\n"
    )
    text = str(fp.prove(path))
    assert "closed is violated\n" in f"{text}\n", text
    assert "violated for" not in text


def test_a_size_of_a_sort_that_is_counted_nowhere_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(fp.InputError, match="did you mean|expected"):
        fp.prove("order5.fetch_add", bounds=Instance(others={"Term": 20}))


@pytest.mark.parametrize(
    "call",
    [
        lambda told: fp.check("order5.fetch_add", engine="z3", on_progress=told),
        lambda told: fp.prove("order5.fetch_add", property="unique", on_progress=told),
        lambda told: fp.litmus(LITMUS, on_progress=told),
        lambda told: fp.mutants("no_wrap", engine="z3", timeout=1.0, on_progress=told),
        lambda told: fp.ablate("publication", on_progress=told),
        lambda told: fp.ablate(OWN / "lamport_queue.py", on_progress=told),
        lambda told: fp.explore("order5.fetch_add", on_progress=told),
        lambda told: fp.explore(OWN / "lamport_queue.py", on_progress=told),
        lambda told: fp.compare("order5.fetch_add", policy="attempts", **FEW, on_progress=told),
        lambda told: fp.replay(TRACE, engine="z3", on_progress=told),
    ],
)
def test_what_is_begun_is_said_before_it_is_done(call: Callable[[Callable[[str], None]], Report]) -> None:
    class Begun(Exception):
        """Raised by the first message: nothing was done until then."""

    def told(message: str) -> None:
        assert message
        raise Begun

    with pytest.raises(Begun):
        call(told)


def test_a_long_file_is_said_before_it_is_read_and_a_short_one_is_not(tmp_path: Path) -> None:
    head, *rows = HISTORY.read_text().splitlines()
    long = tmp_path / "long.csv"
    long.write_text("\n".join([head, *(rows * (5 * 2**20 // len("\n".join(rows)) + 1))]))
    said: list[str] = []
    fp.verify(long, level=5, on_progress=said.append)
    assert said[0].endswith("MiB to read")
    said.clear()
    fp.verify(HISTORY, level=5, on_progress=said.append)
    assert said == []
