"""Native code and users' sequencers that crash or never come back: a finding with its example, and nothing hangs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Generator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

from fencepost.command_line import cli
from fencepost.comparing import ended
from fencepost.comparing.policies.attempts import Attempts
from fencepost.comparing.policies.calls import Broken
from fencepost.comparing.policies.raced import Raced, RaceExample
from fencepost.comparing.policies.stepped import Stepped
from fencepost.comparing.run import compare
from fencepost.comparing.verdicts import CRASH
from fencepost.model.contract import Verdict
from fencepost.model.processes import Ended, WorkFailed, isolated, trying
from fencepost.native import Answer, AttemptOutcome, include_directory
from fencepost.native.schedules.differential import JointExample

ORDERED, LATER, DUPLICATE = AttemptOutcome.ORDERED, AttemptOutcome.LATER, AttemptOutcome.DUPLICATE


class Sound:
    """Level 4 in one step."""

    def begin(self, ring_count: int, client_count: int) -> None:
        self.next, self.counter = [0] * client_count, 0

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Answer | Generator[None, None, Answer]:
        if seq != self.next[client]:
            return (DUPLICATE if seq < self.next[client] else LATER), -1
        self.next[client] += 1
        self.counter += count
        return ORDERED, self.counter - count

    def acknowledged(self, client: int) -> int | None:
        return self.next[client]

    def issued(self) -> int:
        return self.counter


class Endless(Sound):
    """Spins on a client's second batch."""

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Answer | Generator[None, None, Answer]:
        while seq == 1:
            pass
        return super().try_order(ring, client, seq, count)


class Crashes(Sound):
    def try_order(self, ring: int, client: int, seq: int, count: int) -> Answer | Generator[None, None, Answer]:
        if seq == 1:
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().try_order(ring, client, seq, count)


class NeverAnswers(Sound):
    """Lets others go on, for ever."""

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Generator[None, None, Answer]:
        while True:
            yield


class Raises(Sound):
    def try_order(self, ring: int, client: int, seq: int, count: int) -> Answer:
        raise KeyError("mine")


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds for an example: few, so that the tests are quick; what they hold up holds for more."""
    monkeypatch.setattr("fencepost.comparing.run.SECONDS_MOST", 1.5)
    monkeypatch.setattr(ended, "TRIAL_SECONDS", 0.5)


# --- what does not come back, and what crashes ---


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("wrong", "property", "sentence"),
    [(Endless, "drained", "it did not come back within 1.5 s"), (Crashes, "crash", "it crashed (SIGSEGV)")],
)
def test_who_crashes_or_never_comes_back_is_shown_with_one_batch(
    wrong: type[Sound], property: str, sentence: str, jobs: int
) -> None:
    (row,) = compare(wrong, level=4, examples=300, seed=1, jobs=jobs).rows
    found = row.counterexample
    assert found is not None
    assert (row.verdict, found.property, found.sentence) == (Verdict.VIOLATED, property, sentence)
    assert found.lines == ("ring 0: client 0 batch 1 of 1",)
    assert row.examples > 0


def test_who_lets_others_go_on_for_ever_is_not_drained() -> None:
    (found,) = compare(NeverAnswers, level=4, examples=20, seed=1).counterexamples
    assert (found.property, found.batches) == ("drained", 1)
    session = Attempts(NeverAnswers, 4, 1, 1)
    session.send(0, 0, 0, 1)
    with pytest.raises(Broken, match="drained: scanner 0 passed its turn 2,000 times, waiting for what does not"):
        session.finish()


@pytest.mark.usefixtures("hurried")
def test_a_race_that_never_ends_is_not_drained(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Raced.try_out

    def held_by_two_rings(self: Raced, example: RaceExample) -> Any:
        trying(example)
        while len({row[2] for row in example.rows}) > 1:
            time.sleep(0.01)
        return honest(self, example)

    monkeypatch.setattr(Raced, "try_out", held_by_two_rings)
    (found,) = compare("order5.fetch_add", policy="race", examples=100, seed=1).counterexamples
    assert found.property == "drained"
    assert found.batches == 2


@pytest.mark.usefixtures("hurried")
def test_a_stepped_run_that_crashes_is_told_with_its_schedule(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    honest = Stepped.joint

    def crashing(self: Stepped, example: JointExample) -> Any:
        trying(example)
        if example.scenario.slots == 2:
            os.abort()
        return honest(self, example)

    monkeypatch.setattr(Stepped, "joint", crashing)
    arguments = ["compare", "order5.fetch_add", "--policy", "stepped", "--jobs", "2", "--seed", "1", "--examples", "60"]
    ran = CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path)])
    assert ran.exit_code == 1
    lines = ran.stdout.splitlines()
    assert "order5.fetch_add, stepped: crash by 0 batches" in lines
    assert "    schedule: the plainest" in lines
    assert "crash: it crashed (SIGABRT)" in lines
    assert "fencepost compare order5.fetch_add --policy stepped --seed 1 --examples 60" in lines


@pytest.mark.usefixtures("hurried")
def test_what_came_back_when_it_was_tried_again_is_unknown_and_no_pass(tmp_path: Path) -> None:
    first = tmp_path / "first"

    class EndlessOnce(Sound):
        def issued(self) -> int:
            if not first.exists():
                first.touch()
                time.sleep(60)
            return super().issued()

    (row,) = compare(EndlessOnce, level=4, examples=20, seed=1).rows
    assert row.verdict is Verdict.UNKNOWN
    assert row.reason == "an example did not come back within 1.5 s, and did when it was tried again"


def test_what_a_sequencer_raises_is_a_crash_with_its_line() -> None:
    (found,) = compare(Raises, level=4, examples=20, seed=1).counterexamples
    assert found.property == CRASH
    assert "raised KeyError: 'mine', at test_compare_ended.py:" in found.sentence


# --- by themselves ---


def test_work_alone_gives_its_result_its_exception_or_how_it_ended() -> None:
    assert isolated(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError) as raised:
        isolated(lambda: 1 // 0)
    assert isinstance(raised.value.__cause__, WorkFailed)
    assert isolated(lambda: os._exit(3)) == Ended("it ended the process with code 3", False)

    def crashing() -> None:
        trying("this")
        trying("that")
        os.abort()

    assert isolated(crashing) == Ended("it crashed (SIGABRT)", False, "that", 2)


def test_an_interrupt_ends_what_never_comes_back(tmp_path: Path) -> None:
    script = tmp_path / "endless.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from fencepost import compare\n"
        "from fencepost.model.errors import Interrupted\n"
        "from test_compare_ended import Endless\n"
        "print('begins', flush=True)\n"
        "try:\n"
        "    compare(Endless, level=4, examples=300, seed=1, jobs=2)\n"
        "except Interrupted as interrupt:\n"
        "    print(interrupt.found.verdict, interrupt.found.rows[0].reason)\n"
    )
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    time.sleep(3)  # by then it spins
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=10)
    assert said == "unknown interrupted\n"


def test_an_interrupt_ends_the_command_and_all_that_was_to_come(tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "fencepost", "compare", "--jobs", "2", "--seed", "1", "--out", str(tmp_path)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(arguments, stdout=pipe, stderr=pipe, text=True, cwd=tmp_path)
    assert process.stderr is not None
    assert "order5.fetch_add stepped" in process.stderr.readline()
    time.sleep(2)  # by then it compares
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("verdict=unknown")


def test_nothing_is_left_in_the_working_directory(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    arguments = ["compare", "order4.claim", "--examples", "30", "--jobs", "1", "--quiet"]
    ran = subprocess.run(
        [sys.executable, "-m", "fencepost", *arguments],
        cwd=here, env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}, capture_output=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert list(here.iterdir()) == []


# --- compiled ---

ENDLESS = """
#include "fencepost/adapter.hpp"

class Endless {
 public:
  void begin(std::size_t, std::size_t client_count) { done_.assign(client_count, 0); }
  fencepost::Answer try_order(fencepost::Turn&, std::size_t, std::size_t client, std::uint64_t seq,
                              std::uint64_t count) {
    while (seq == 1) waiting_ = true;
    ++done_[client];
    counter_ += count;
    return fencepost::Answer::ordered(counter_ - count);
  }
  std::uint64_t acknowledged(std::size_t client) { return done_[client]; }
  std::uint64_t issued() { return counter_; }

 private:
  volatile bool waiting_ = false;
  std::uint64_t counter_ = 0;
  std::vector<std::uint64_t> done_;
};

FENCEPOST_SEQUENCER(endless, Endless)
"""
ROOT = Path(__file__).parents[2]
COMPILER = shutil.which("c++") or shutil.which("g++")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler")


def compiled(name: str, source: Path, folder: Path, *flags: str) -> ModuleType:
    import pybind11

    module = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    folders = (include_directory(), ROOT / "native", pybind11.get_include(), sysconfig.get_path("include"))
    common = ["-std=c++20", "-O0", "-shared", "-fPIC", "-fvisibility=hidden", "-pthread"]
    includes = [f"-I{each}" for each in folders]
    subprocess.run([str(COMPILER), *common, *flags, *includes, str(source), "-o", str(module)], check=True)
    spec = spec_from_file_location(name, module)
    assert spec is not None
    assert spec.loader is not None
    loaded = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@needs_compiler
@pytest.mark.slow
@pytest.mark.usefixtures("hurried")
def test_a_compiled_sequencer_that_never_comes_back_is_not_drained(tmp_path: Path) -> None:
    """It spins with the interpreter's lock, so that nothing in its process could stop it."""
    (tmp_path / "endless.cpp").write_text(ENDLESS)
    module = compiled("endless", tmp_path / "endless.cpp", tmp_path)
    (found,) = compare(module, level=5, examples=300, seed=1).counterexamples
    assert (found.property, found.sentence) == ("drained", "it did not come back within 1.5 s")
    assert found.lines == ("ring 0: client 0 batch 1 of 1",)
