"""`check` of one's own work: every object of a file by the engines that apply to it, as one report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import fencepost
from fencepost.checking import own as checking_own
from fencepost.command_line import cli
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError, LoadError
from fencepost.model.own import PROGRAM, PROTOCOL, SEQUENCER, Kind, object_of
from fencepost.model.trace import Trace, replay
from fencepost.templates import marked_line_number, new

PYTHON_KINDS = {"protocol": "z3", "program": "explorer", "sequencer": "native"}
LEVEL = {"protocol": (), "program": (), "sequencer": ("--level", "4")}

ENDLESS = """
from fencepost.program import Program, fetch_add, store, thread

WORD = ("line", "word")


def counts():
    while True:
        yield fetch_add(WORD, 1)


def yields_nothing():
    yield store(WORD, 1)
    while True:
        pass


counting = Program("counting", [thread(counts)])
spinning = Program("spinning", [thread(yields_nothing)])
"""


def check(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["check", *arguments, "--quiet"], catch_exceptions=False)


@pytest.mark.parametrize("kind", PYTHON_KINDS)
def test_a_new_file_is_checked_by_the_engine_that_applies_and_its_counterexample_appears(
    tmp_path: Path, kind: str
) -> None:
    path = new(kind, "Mine", tmp_path)
    right = check(str(path), *LEVEL[kind], "--out", str(tmp_path))
    assert right.exit_code == 0, right.output
    assert PYTHON_KINDS[kind] in right.output
    assert "Everything that was asked holds, within these bounds and no further." in right.output
    lines = path.read_text().splitlines()
    number = marked_line_number(path)
    path.write_text("\n".join(lines[: number - 1] + lines[number:]))
    wrong = check(str(path), *LEVEL[kind], "--out", str(tmp_path))
    assert wrong.exit_code == 1, wrong.output
    assert re.search(r"^Violated: \w+ breaks ", wrong.output, re.MULTILINE)
    if kind != "sequencer":
        trace = wrong.output.splitlines()[-1].split("trace=")[1]
        assert CliRunner().invoke(cli, ["replay", trace]).exit_code == 1


def test_all_that_a_file_defines_is_one_report(tmp_path: Path) -> None:
    texts = [new(kind, f"My{kind.title()}", tmp_path).read_text() for kind in PYTHON_KINDS]
    mixed = tmp_path / "mixed.py"
    mixed.write_text("\n".join(texts))
    report = fencepost.check(mixed, level=4)
    assert {each.engine: each.target for each in report.findings} == {
        "z3": "MyProtocol",
        "explorer": "my_program",
        "native": "MySequencer",
    }
    assert report.holds
    assert [each.property for each in fencepost.check(f"{mixed}:MyProtocol").findings] == ["durable"]
    assert {each.engine for each in fencepost.check(mixed, level=4, engine="z3").findings} == {"z3"}
    document = json.loads(check(str(mixed), "--level", "4", "--json").output)
    assert (document["schema"], document["verdict"]) == ("fencepost/check/2", "not found")


def test_a_class_a_program_and_a_path_are_checked_alike(tmp_path: Path) -> None:
    protocol, program = new("protocol", "Cuts", tmp_path), new("program", "Mailbox", tmp_path)
    sequencer = new("sequencer", "Counter", tmp_path)
    kinds: list[tuple[Path, Kind[Any], dict[str, Any]]] = [
        (protocol, PROTOCOL, {}),
        (program, PROGRAM, {}),
        (sequencer, SEQUENCER, {"level": 4}),
    ]
    for path, kind, given in kinds:
        for target in (path, str(path), object_of(path, kind)) if kind is PROTOCOL else (object_of(path, kind),):
            report = fencepost.check(target, **given)
            assert report.holds, (target, str(report))
    own = object_of(sequencer, SEQUENCER)
    assert fencepost.compare(own, level=4, examples=20, seed=1).verdict is Verdict.NOT_FOUND


def test_without_a_folder_a_finding_holds_the_trace_itself(tmp_path: Path) -> None:
    path = new("protocol", "Cuts", tmp_path)
    path.write_text(path.read_text().replace("self.require(self.is_everywhere(self.committed))", "pass"))
    (found,) = fencepost.check(path).violations()
    assert isinstance(found.trace, Trace)
    assert replay(found.trace).violated_at == len(found.trace.steps)
    assert sorted(each.name for each in tmp_path.iterdir() if each.is_file()) == ["cuts.py"]


def test_a_program_that_never_ends_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking_own, "GRACE_SECONDS", 1.0)
    path = tmp_path / "endless.py"
    path.write_text(ENDLESS)
    report = fencepost.check(path, timeout=1.0)
    assert {each.target: each.verdict for each in report.findings} == {
        "counting": Verdict.UNKNOWN,
        "spinning": Verdict.UNKNOWN,
    }
    assert not report.holds
    assert "a thread that yields nothing has no end" in report.of(target="spinning")[0].bound


@pytest.mark.parametrize(
    ("text", "target", "given", "message"),
    [
        ("x = 1\n", "mine.py", {}, "mine.py defines nothing that can be checked: expected a protocol, a program or a"),
        ("x = 1\n", "mine.py:Cuts", {}, "mine.py:Cuts defines nothing called 'Cuts' that can be checked"),
        (None, "mine.py", {}, "mine.py: no such file: expected a Python file"),
        (ENDLESS, "mine.py", {"level": 4}, "defines no sequencer, and a level is of sequencers: leave it out"),
        (ENDLESS, "mine.py", {"engine": "z3"}, "only explorer applies to it"),
        (ENDLESS, "mine.py", {"thorough": True}, "is of your own, which takes no workload and is always searched"),
    ],
)
def test_what_cannot_be_checked_is_refused(
    tmp_path: Path, text: str | None, target: str, given: dict[str, object], message: str
) -> None:
    if text is not None:
        (tmp_path / "mine.py").write_text(text)
    with pytest.raises(InputError, match=message):
        fencepost.check(tmp_path / target, **given)  # type: ignore[arg-type]  # as a user may give it


def test_a_sequencer_without_its_level_is_asked_for_it(tmp_path: Path) -> None:
    path = new("sequencer", "Counter", tmp_path)
    with pytest.raises(InputError, match="of which level Counter is, is not said: expected --level 4 or --level 5"):
        fencepost.check(path)


def test_an_import_error_in_a_users_file_is_theirs(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import no_such_module\n")
    with pytest.raises(LoadError, match="ModuleNotFoundError: No module named 'no_such_module'") as caught:
        fencepost.check(tmp_path / "mine.py")
    assert 'mine.py", line 1' in caught.value.traceback


def test_an_unknown_property_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown property 'durble': expected one of durable"):
        fencepost.check(new("protocol", "Cuts", tmp_path), property="durble")
