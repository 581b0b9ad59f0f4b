"""Traces of different things that have one name have files of their own, and a trace of the same thing is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import fencepost
from fencepost.command_line import cli
from fencepost.model.explorer.subjects import LitmusOrigin

PROGRAM = """
from fencepost.program import Program, ensure, load, store, thread

def writes(value):
    yield store(("line", "word"), value)

def reads():
    ensure((yield load(("line", "word"))) == 0, "it was stored")
    {more}

mine = Program("mine", [thread(writes, 1), thread(reads)])
other = Program("mine", [thread(writes, 2), thread(reads)])
"""
PROTOCOL = """
from fencepost.model.language import Protocol, Sort, action, promise
from typing import Annotated
Number = Annotated[int, Sort("{sort}")]

class Mine(Protocol):
    count: Number = 0

    @action
    def grow(self):
        self.count = self.count + 1

    @promise("small")
    def small(self):
        return self.count < {most}
"""
LITMUS = "name mine\nprofile tso\nH0: W x {value}\nH0: R a x\nbad 1:a=0\n"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two folders with files of the same names, whose objects have the same names."""
    paths = []
    for number in (1, 2):
        folder = tmp_path / f"folder{number}"
        folder.mkdir()
        (folder / "mine.py").write_text(PROGRAM.format(more=""))
        (folder / "spec.py").write_text(PROTOCOL.format(sort="Number", most=number))
        (folder / "mine.litmus").write_text(LITMUS.format(value=number))
        paths.append(folder)
    return paths


def test_programs_of_one_name_in_one_file_and_in_two_have_traces_of_their_own(files: list[Path]) -> None:
    out = files[0].parent / "out"
    targets = [f"{folder / 'mine.py'}:{name}" for folder in files for name in ("mine", "other")]
    traces = [fencepost.explore(target, out=out).findings[0].trace for target in targets]
    assert len({*traces}) == 4
    for target, trace in zip(targets, traces, strict=True):
        assert fencepost.replay(trace).verdict is fencepost.explore(target).verdict
        assert fencepost.explore(target, out=out).findings[0].trace == trace, "the same again is replaced"
    assert len(list(out.iterdir())) == 4


def test_a_changed_file_replaces_its_trace(files: list[Path]) -> None:
    path, out = files[0] / "mine.py", files[0] / "out"
    before = fencepost.explore(f"{path}:mine", out=out).findings[0].trace
    path.write_text(PROGRAM.format(more="yield load(('line', 'word'))"))
    assert fencepost.explore(f"{path}:mine", out=out).findings[0].trace == before


@pytest.mark.parametrize("verb", ["prove", "check"])
def test_protocols_of_one_name_in_two_files_have_traces_of_their_own(files: list[Path], verb: str) -> None:
    out = files[0] / "out"
    traces = [
        next(each.trace for each in getattr(fencepost, verb)(folder / "spec.py", out=out).findings if each.trace)
        for folder in files
    ]
    assert traces[0] != traces[1]
    assert [len(fencepost.read_trace(trace).steps) for trace in traces] == [1, 2]


def test_litmus_files_of_one_name_have_traces_of_their_own(files: list[Path]) -> None:
    out = files[0] / "out"
    for folder in files:
        ran = CliRunner().invoke(cli, ["explore", str(folder / "mine.litmus"), "--out", str(out), "--quiet"])
        assert ran.exit_code == 1, ran.output
    origins = [fencepost.read_run(trace).origin for trace in sorted(out.iterdir())]
    texts = [each.test.text for each in origins if isinstance(each, LitmusOrigin)]
    assert sorted(texts) == [LITMUS.format(value=value) for value in (1, 2)]


def test_a_file_that_is_no_trace_is_replaced(files: list[Path]) -> None:
    out = files[0] / "out"
    trace = fencepost.explore(f"{files[0] / 'mine.py'}:mine", out=out).findings[0].trace
    trace.write_text("no trace")
    assert fencepost.explore(f"{files[0] / 'mine.py'}:mine", out=out).findings[0].trace == trace
    assert fencepost.read_run(trace).violation is not None
