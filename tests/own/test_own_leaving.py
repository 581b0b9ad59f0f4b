"""Code of a user's file that ends the process, or raises what ends it: seen and said, in commands and in Python."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from commands import run
from own_files import COMMANDS, JUDGED, STOP, options, said

import fencepost
from fencepost.model.errors import LoadError
from fencepost.model.own import PROTOCOL, load, object_of
from fencepost.templates import new

LEAVING = {
    "__import__('os')._exit(0)": "os._exit(0)",
    "__import__('posix')._exit(0)": "os._exit(0)",
    "__import__('os').execv('/bin/true', ['true'])": "os.execv('/bin/true', ['true'])",
    "__import__('os').execlp('true', 'true')": "os.execv(",
    "__import__('os').execve('/bin/true', ['true'], {})": "os.execve('/bin/true', ['true'], {})",
    "__import__('posix').execv('/bin/true', ['true'])": "os.execv('/bin/true', ['true'])",
    "__import__('os').abort()": "os.abort()",
}
"""What ends a process at once, or puts another program in its place, and what is said instead."""


@pytest.mark.parametrize("leaving", LEAVING)
def test_what_ends_a_process_raises_while_a_users_file_is_run(tmp_path: Path, leaving: str) -> None:
    (tmp_path / "mine.py").write_text(f"{leaving}\n")
    with pytest.raises(LoadError, match=re.escape(f"mine.py: SystemExit: {LEAVING[leaving]}")):
        load(tmp_path / "mine.py")


@pytest.mark.parametrize(("command", "leaving"), list(zip(COMMANDS, LEAVING, strict=False)))
def test_a_file_that_leaves_by_the_system_when_it_is_run_is_refused(tmp_path: Path, command: str, leaving: str) -> None:
    (tmp_path / "mine.py").write_text(f"{leaving}\n")
    ran = run(command, "mine.py", *options(command), cwd=tmp_path)
    assert ran.returncode == 2, (ran.stdout, ran.stderr)
    assert said(ran).startswith(f"fencepost: mine.py: SystemExit: {LEAVING[leaving]}")


@pytest.mark.parametrize("place", ["THREAD", "JUDGE"])
@pytest.mark.parametrize(("command", "leaving"), list(zip(("explore", "ablate", "check"), LEAVING, strict=False)))
def test_a_thread_or_a_judge_that_leaves_by_the_system_is_violated(
    tmp_path: Path, command: str, place: str, leaving: str
) -> None:
    other = {"THREAD": "JUDGE", "JUDGE": "THREAD"}[place]
    (tmp_path / "mine.py").write_text(JUDGED.replace(place, leaving).replace(other, "pass"))
    ran = run(command, "mine.py", cwd=tmp_path)
    assert ran.returncode == 1, (ran.stdout, ran.stderr)
    assert "verdict=violated " in ran.stdout


def raising_where_it_runs(tmp_path: Path, raised: str) -> Path:
    """Return the file of a protocol that is right on symbols, and raises on values."""
    path = new("protocol", "Mine", tmp_path)
    lines = path.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip().startswith("self.require("))
    space = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    condition = "isinstance(next(iter(vars(self).values())), int)"
    path.write_text("\n".join([STOP, *lines[:at], f"{space}if {condition}: {raised}", *lines[at:]]) + "\n")
    return path


@pytest.mark.parametrize(
    ("verb", "raised"),
    [
        *(
            (fencepost.prove, each)
            for each in ("raise SystemExit(0)", "raise Stop('bye')", "raise ValueError", *LEAVING)
        ),
        (fencepost.check, "raise SystemExit(0)"),
        (fencepost.check, "__import__('posix')._exit(0)"),
    ],
)
def test_what_a_method_of_a_protocol_raises_is_an_error_of_its_file_in_python(
    tmp_path: Path, verb: Any, raised: str
) -> None:
    path = raising_where_it_runs(tmp_path, raised)
    for target in (path, object_of(path, PROTOCOL)):
        with pytest.raises(LoadError) as caught:
            verb(target)
        assert str(path) in str(caught.value)
        assert caught.value.traceback.startswith("Traceback")
        assert "fencepost/model" not in caught.value.traceback


def test_a_process_that_a_file_forks_ends_as_it_says(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("import os\nchild = os.fork()\nif not child: os._exit(3)\ncode = os.waitpid(child, 0)[1] >> 8\n")
    assert load(path).module.code == 3
