"""What users' own files can get wrong, on every command that takes them: a clear line, the right exit code, no hang."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = ("prove", "explore", "ablate", "check", "compare")
HEAD = "from fencepost.program import Program, fetch_add, load, store, thread\n"
NO_OPERATION = f"""{HEAD}
def wrong():
    yield 3

mine = Program("mine", [thread(wrong)])
"""
NO_ADDRESS = f"""{HEAD}
def wrong():
    yield load("x")

mine = Program("mine", [thread(wrong)])
"""
NO_END = f"""{HEAD}
def counts():
    while True:
        yield fetch_add(("line", "word"), 1)

mine = Program("mine", [thread(counts)])
"""
NOTHING_YIELDED = f"""{HEAD}
def spins():
    yield store(("line", "word"), 1)
    while True:
        pass

mine = Program("mine", [thread(spins)])
"""
TWO_PROGRAMS = f"""{HEAD}
def writes():
    yield store(("line", "word"), 1)

one = Program("one", [thread(writes)])
other = Program("other", [thread(writes)])
"""


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fencepost", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


def options(command: str) -> tuple[str, ...]:
    return ("--level", "4") if command == "compare" else ()


def said(ran: subprocess.CompletedProcess[str]) -> str:
    """Return the error, which is the last line on stderr; nothing is said of a bug in fencepost."""
    assert "bug in fencepost" not in ran.stderr, ran.stderr
    assert "fencepost/model" not in ran.stderr, ran.stderr
    return ran.stderr.splitlines()[-1]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_defines_nothing_is_refused_with_what_was_expected(tmp_path: Path, command: str) -> None:
    (tmp_path / "mine.py").write_text("x = 1\n")
    ran = run(command, "mine.py", *options(command), cwd=tmp_path)
    assert ran.returncode == 2, ran.stdout
    assert said(ran).startswith("fencepost: mine.py defines no")
    assert "expected " in said(ran)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_import_error_is_shown_with_the_users_traceback(tmp_path: Path, command: str) -> None:
    (tmp_path / "mine.py").write_text("import json\nimport no_such_module\n")
    ran = run(command, "mine.py", *options(command), cwd=tmp_path)
    assert ran.returncode == 2, ran.stdout
    assert 'File "mine.py", line 2, in <module>' in ran.stderr
    assert said(ran) == "fencepost: mine.py: ModuleNotFoundError: No module named 'no_such_module'"


@pytest.mark.parametrize("command", ["explore", "ablate"])
def test_of_two_objects_one_is_asked_for(tmp_path: Path, command: str) -> None:
    (tmp_path / "mine.py").write_text(TWO_PROGRAMS)
    ran = run(command, "mine.py", cwd=tmp_path)
    assert ran.returncode == 2, ran.stdout
    assert said(ran) == "fencepost: mine.py defines 2 programs: say which one, mine.py:one or mine.py:other"


@pytest.mark.parametrize("command", ["explore", "ablate", "check"])
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (NO_OPERATION, "mine.py:4 in wrong yields 3: expected an operation of fencepost.program"),
        (NO_ADDRESS, "mine.py:4 in wrong: 'x' is no address: expected a tuple of names and numbers"),
    ],
    ids=["no operation", "no address"],
)
def test_what_is_no_operation_or_no_address_is_refused_with_its_line(
    tmp_path: Path, command: str, text: str, sentence: str
) -> None:
    (tmp_path / "mine.py").write_text(text)
    ran = run(command, "mine.py", cwd=tmp_path)
    assert ran.returncode == 2, ran.stdout
    assert sentence in said(ran)


@pytest.mark.parametrize("command", ["explore", "check"])
@pytest.mark.parametrize("text", [NO_END, NOTHING_YIELDED], ids=["endless operations", "nothing yielded"])
def test_a_program_that_never_ends_is_unknown_within_its_time(tmp_path: Path, command: str, text: str) -> None:
    (tmp_path / "mine.py").write_text(text)
    ran = run(command, "mine.py", "--timeout", "2", cwd=tmp_path)
    assert ran.returncode == 3, (ran.stdout, ran.stderr)
    assert ran.stdout.splitlines()[-1].startswith("verdict=unknown ")


def test_an_ablation_of_a_program_that_never_ends_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(NOTHING_YIELDED)
    ran = run("ablate", "mine.py", "--timeout", "2", cwd=tmp_path)
    assert ran.returncode == 3, (ran.stdout, ran.stderr)
