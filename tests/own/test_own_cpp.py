"""Sequencers of one's own in C++: `compare FILE.cpp` compiles them, says what is wrong, and isolates what they do."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from commands import run

from fencepost.comparing import own_cpp
from fencepost.comparing.run import compare
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError, LoadError
from fencepost.templates import marked_line_number, new

COMPILER = shutil.which("c++") or shutil.which("g++")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler")

FAULTS = """
#include <csignal>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "fencepost/adapter.hpp"

std::string fault() {
  const char* asked = std::getenv("FAULT");
  return asked ? asked : "";
}

const bool loaded = fault() != "crash-when-loaded" || std::raise(SIGSEGV) == 0;

class Mine {
 public:
  void begin(std::size_t, std::size_t client_count) { next_of_.assign(client_count, 0); }

  fencepost::Answer try_order(fencepost::Turn& turn, std::size_t, std::size_t client, std::uint64_t seq,
                              std::uint64_t n) {
    if (seq == 1 && fault() == "crash") std::raise(SIGSEGV);
    if (fault() == "throw-number") throw 42;
    if (fault() == "throw-text") throw std::runtime_error("no room left");
    if (fault() == "throw-at") return fencepost::Answer::ordered(next_of_.at(1'000'000));
    if (fault() == "throw-memory") throw std::bad_alloc();
    if (fault() == "throw-later") {
      turn.pass();
      throw std::runtime_error("no room left");
    }
    if (fault() == "outcome") return {static_cast<fencepost::Answer::Outcome>(9), 0};
    while (seq == 1 && fault() == "hang") fencepost_test_spin_ = fencepost_test_spin_ + 1;
    if (seq > next_of_[client]) return fencepost::Answer::later();
    if (seq < next_of_[client]) return fencepost::Answer::duplicate();
    ++next_of_[client];
    return fencepost::Answer::ordered((position_ += n) - n);
  }

  std::uint64_t acknowledged(std::size_t client) {
    if (fault() == "throw-when-asked") throw std::runtime_error("no room left");
    return next_of_[client];
  }
  std::uint64_t issued() { return position_; }

 private:
  std::vector<std::uint64_t> next_of_;
  std::uint64_t position_ = 0;
  volatile int fencepost_test_spin_ = 0;
};

FENCEPOST_SEQUENCER(faulty, Mine)
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _in_a_cache_of_its_own(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    path = tmp_path / "faulty.cpp"
    path.write_text(FAULTS)
    return path


@needs_compiler
def test_a_new_sequencer_in_cpp_is_right_and_without_the_marked_line_different(tmp_path: Path) -> None:
    path = new("cpp", "MySequencer", tmp_path)
    assert path.name == "my_sequencer.cpp"
    right = run("compare", path.name, "--level", "4", "--examples", "60", "--seed", "1", cwd=tmp_path)
    assert right.returncode == 0, right.stderr
    assert "my_sequencer  attempts  not found" in right.stdout
    lines = path.read_text().splitlines()
    number = marked_line_number(path)
    assert lines[number - 1].endswith("// delete this line to see a difference")
    path.write_text("\n".join(lines[: number - 1] + lines[number:]) + "\n")
    wrong = run("compare", path.name, "--level", "4", "--examples", "60", "--seed", "1", cwd=tmp_path)
    assert wrong.returncode == 1, wrong.stderr
    assert re.search(r"my_sequencer, attempts: [a-z-]+ is violated by", wrong.stdout)
    assert "fencepost compare my_sequencer.cpp --level 4 --seed 1 --examples 60" in wrong.stdout


@needs_compiler
@pytest.mark.parametrize(
    ("fault", "property", "sentence"),
    [
        ("", None, ""),
        ("crash", "crash", "SIGSEGV"),
        ("crash-when-loaded", "crash", "SIGSEGV"),
        ("hang", "drained", "did not come back"),
        ("throw-number", "crash", "try_order of client 0 batch 0 threw what is no std::exception"),
        ("throw-text", "crash", "try_order of client 0 batch 0 threw an exception: no room left"),
        ("throw-at", "crash", "threw an exception: vector"),
        ("throw-memory", "crash", "threw an exception: std::bad_alloc"),
        ("throw-later", "crash", "threw an exception: no room left"),
        ("throw-when-asked", "crash", "acknowledged of client 0 threw an exception: no room left"),
        ("outcome", "crash", "try_order of client 0 batch 0 returned (9, -1): expected an AttemptOutcome"),
    ],
)
def test_what_crashes_or_hangs_is_a_finding_with_its_example(
    faulty: Path, monkeypatch: pytest.MonkeyPatch, fault: str, property: str | None, sentence: str
) -> None:
    monkeypatch.setattr("fencepost.comparing.run.SECONDS_MOST", 5.0)
    monkeypatch.setenv("FAULT", fault)
    (row,) = compare(faulty, level=4, examples=40, seed=3).rows
    if property is None:
        assert row.verdict is Verdict.NOT_FOUND, row
        return
    assert row.verdict is Verdict.VIOLATED, row
    assert row.counterexample is not None
    assert row.counterexample.property == property
    assert sentence in row.counterexample.sentence
    assert "Traceback" not in "".join(row.counterexample.lines)


@needs_compiler
def test_a_command_ends_with_a_verdict_whatever_is_thrown(faulty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAULT", "throw-text")
    for verb in ("compare", "check"):
        ran = run(verb, faulty.name, "--level", "4", cwd=faulty.parent)
        assert ran.returncode == 1, (ran.stdout, ran.stderr)
        assert ran.stdout.splitlines()[-1].startswith("verdict=violated property=crash ")
        assert "no room left" in ran.stdout


@needs_compiler
def test_it_is_compiled_once_and_again_when_what_it_includes_has_changed(tmp_path: Path) -> None:
    """What it includes is a small macro of that name, for the compiler's sake; modules are not loaded here."""
    told: list[str] = []
    (tmp_path / "mine.hpp").write_text("#define FENCEPOST_SEQUENCER(name, Class) int name = 0;\n")
    path = tmp_path / "mine.cpp"
    path.write_text('#include "mine.hpp"\nFENCEPOST_SEQUENCER(mine, Mine)\n')
    first = own_cpp.compiled(path, told.append)
    assert own_cpp.compiled(path, told.append) == first
    assert told == [f"compiling {path}"]
    (tmp_path / "mine.hpp").write_text("#define FENCEPOST_SEQUENCER(name, Class) int name = 1;\n")
    assert own_cpp.compiled(path, told.append) != first


@needs_compiler
@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("position_ += n", "postion_ += n", "postion_"),
        ("std::uint64_t issued() {", "std::uint64_t isued() {", "expected begin, try_order, acknowledged and issued"),
        ("<vector>", "<no_such_header>", "no_such_header"),
    ],
)
def test_what_does_not_compile_is_shown_with_the_users_line_and_exits_2(
    faulty: Path, before: str, after: str, message: str
) -> None:
    faulty.write_text(FAULTS.replace(before, after))
    at = next(n for n, line in enumerate(faulty.read_text().splitlines(), 1) if after in line or "no_such" in line)
    at = len(FAULTS.splitlines()) if "isued" in after else at
    ran = run("compare", faulty.name, "--level", "4", cwd=faulty.parent)
    assert ran.returncode == 2, ran.stdout
    last = ran.stderr.splitlines()[-1]
    assert last.startswith(f"fencepost: faulty.cpp: does not compile: {at}:"), ran.stderr
    assert message in last
    assert "Traceback" not in ran.stderr


@needs_compiler
def test_from_python_what_does_not_compile_is_an_error_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.cpp"
    path.write_text("#define FENCEPOST_SEQUENCER(name, Class)\nFENCEPOST_SEQUENCER(mine, Mine)\nint postion_ = n;\n")
    with pytest.raises(LoadError, match="does not compile: 3:"):
        own_cpp.compiled(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("int main() {}\n", "defines no sequencer: expected one line FENCEPOST_SEQUENCER\\(name, Class\\)"),
        ("// FENCEPOST_SEQUENCER(mine, Mine)\n", "defines no sequencer"),
        ("FENCEPOST_SEQUENCER(a, A)\nFENCEPOST_SEQUENCER(b, B)\n", "defines 2 sequencers, a and b: expected one line"),
        (None, "no such file: expected a sequencer of your own, FILE.cpp or FILE.py"),
    ],
)
def test_a_file_that_defines_no_one_sequencer_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "mine.cpp"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message):
        compare(path, level=4)


def test_a_missing_compiler_is_named(faulty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(InputError, match=r"CXX is 'no-such-compiler', which is no program: .*faulty\.cpp is compiled"):
        own_cpp.compiled(faulty)


@needs_compiler
def test_its_level_must_be_said(faulty: Path) -> None:
    with pytest.raises(InputError, match="of which level a sequencer of your own is, is not said: expected --level 4"):
        compare(faulty)
