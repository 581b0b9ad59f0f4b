"""Processes of verbs: they end with their coordinator however it ends; one that is killed from outside is unknown."""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

import pytest

from fencepost.model import processes
from fencepost.model.errors import FormatError
from fencepost.model.processes import Ended, as_they_end, in_order, isolated

END_SECONDS = 5.0
VERBS = {
    "explore": "explore order4.claim --batches 8 --roles receivers,subscribers --jobs 2",
    "compare": "compare --jobs 2 --examples 100000",
    "mutants": "mutants --jobs 2 --out out",
    "mutants-native": "mutants --native --jobs 2",
    "simulate": "simulate --granularity operation --jobs 2",
    "prove-cvc5": "prove order4.claim --solver cvc5",
}


def alive(mark: str) -> list[int]:
    """Return the processes that have a mark in their environment, without those that are over."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_over = "\nState:\tZ" in (folder / "status").read_text()
            if not is_over and mark.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def gone(mark: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(mark) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(mark)


def start(arguments: str, mark: str, folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "FENCEPOST_TEST_MARK": mark, "XDG_CACHE_HOME": str(folder / "cache")}
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "fencepost", *arguments.split()],
            cwd=folder, env=environment, stdout=stdout, stderr=stderr,
        )  # fmt: skip


def workers(mark: str, coordinator: int, seconds: float = 30.0) -> list[int]:
    """Wait for the processes that a coordinator works with; its guard sleeps and is none of them."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        others = [each for each in alive(mark) if each != coordinator]
        with suppress(ProcessLookupError):
            found = [each for each in others if os.getpgid(each) not in (each, os.getpgid(coordinator))]
            if found:
                return sorted(found)
        time.sleep(0.02)
    raise AssertionError("no process was started")


def killed_at(verb: str, number: int, folder: Path) -> None:
    mark = f"fencepost-{os.getpid()}-{verb}-{number}-{folder.name}"
    process = start(VERBS[verb], mark, folder)
    time.sleep(Random(f"{verb} {number}").uniform(0.5, 6.0))
    process.kill()
    process.wait()
    assert gone(mark, END_SECONDS), (verb, number, alive(mark))


needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are listed by /proc")


@needs_proc
@pytest.mark.parametrize("verb", VERBS)
def test_workers_end_with_a_coordinator_that_is_killed(verb: str, tmp_path: Path) -> None:
    killed_at(verb, 0, tmp_path)


@needs_proc
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("verb", VERBS)
def test_so_they_do_at_many_moments(verb: str, tmp_path: Path) -> None:
    for number in range(25):
        folder = tmp_path / str(number)
        folder.mkdir()
        killed_at(verb, number, folder)


@needs_proc
def test_programs_and_processes_of_workers_end_too(tmp_path: Path) -> None:
    """A worker's own worker, a program that it starts, and what that leaves in the background."""
    script = tmp_path / "deep.py"
    script.write_text(
        "import subprocess\n"
        "from fencepost.model.processes import as_they_end, isolated\n"
        "def deep():\n"
        "    isolated(lambda: subprocess.run(['sh', '-c', 'sleep 99 & sleep 99']), None)\n"
        "list(as_they_end([deep, deep], 2))\n"
    )
    mark = f"fencepost-{os.getpid()}-deep"
    process = subprocess.Popen([sys.executable, str(script)], env={**os.environ, "FENCEPOST_TEST_MARK": mark})
    deadline = time.monotonic() + 20
    while len(alive(mark)) < 12 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(alive(mark)) >= 12  # two workers, each with a guard, a worker, a shell and two sleeps, and a guard
    process.kill()
    process.wait()
    assert gone(mark, END_SECONDS)


# --- killed from outside ---


KILLED = (
    ("compare order5.fetch_add --policy stepped --jobs 2 --examples 750 --seed 1 --json", "explanation"),
    ("mutants --engine explorer-exhaustive --level 5 --jobs 2 --timeout 5 --json", "detail"),
    ("simulate --jobs 2 --json", "explanation"),
)


@needs_proc
@pytest.mark.parametrize(
    ("arguments", "said", "number"),
    [
        pytest.param(*each, number, marks=() if quick else pytest.mark.slow, id=f"{each[0].split()[0]}-{number.name}")
        for at, each in enumerate(KILLED)
        for number, quick in zip((signal.SIGKILL, signal.SIGTERM), (at != 1, at == 1), strict=True)
    ],
)
def test_a_worker_that_is_killed_from_outside_is_unknown_and_the_rest_is_kept(
    arguments: str, said: str, number: signal.Signals, tmp_path: Path
) -> None:
    mark = f"fencepost-{os.getpid()}-{number.name}-{tmp_path.name}"
    process = start(arguments, mark, tmp_path)
    try:
        os.kill(workers(mark, process.pid)[-1], number)
        code = process.wait(timeout=200)
    finally:
        process.kill()
    told = (tmp_path / "stderr").read_text()
    assert code == 3, told
    document = json.loads((tmp_path / "stdout").read_text())
    assert document["verdict"] == "unknown", document
    rows = [*document["results"], *document.get("cells", ())]
    reasons = [row[said] for row in rows if said in row and row[said]]
    assert any(f"killed from outside ({number.name}" in each for each in reasons), reasons
    assert "Traceback" not in told
    assert "a bug in fencepost" not in told


@needs_proc
def test_a_termination_unwinds_nothing_in_a_worker(tmp_path: Path) -> None:
    script = tmp_path / "unwinds.py"
    script.write_text(
        "import os, signal, sys, time\n"
        "from fencepost.model.processes import isolated\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))\n"
        "try:\n"
        "    ended = isolated(lambda: (os.kill(os.getpid(), signal.SIGTERM), time.sleep(9)), None)\n"
        "    print(ended.sentence, flush=True)\n"
        "finally:\n"
        "    print('cleaned up', flush=True)\n"
    )
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert ran.stdout == "it was killed from outside (SIGTERM)\ncleaned up\n"


# --- by themselves ---


def by_end(works: Sequence[Callable[[], object]], jobs: int) -> list[tuple[int, object]]:
    return list(as_they_end(works, jobs))


def test_works_are_given_in_their_order_or_as_they_end() -> None:
    def work(number: int) -> int:
        time.sleep(0.2 * (2 - number))
        return number

    works = [partial(work, number) for number in range(3)]
    assert list(in_order(works, 2)) == [0, 1, 2]
    assert by_end(works, 3) == [(2, 2), (1, 1), (0, 0)]
    assert sorted(by_end(works, 1)) == [(0, 0), (1, 1), (2, 2)]


def kill_itself(number: int) -> None:
    faulthandler.disable()  # or a green run would have a page of it
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)  # under nohup a hang-up is ignored, also in what it begins
    os.kill(os.getpid(), number)


def test_a_fault_of_its_own_is_a_crash_and_any_other_signal_came_from_outside() -> None:
    for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL):
        made = isolated(partial(kill_itself, number))
        assert made == Ended(f"it crashed ({number.name})", False)
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU):
        made = isolated(partial(kill_itself, number))
        assert isinstance(made, Ended)
        assert made.is_killed
        assert number.name in made.sentence


def test_results_of_any_size_and_errors_of_any_kind_come_back() -> None:
    assert isolated(lambda: b"x" * 5_000_000) == b"x" * 5_000_000

    def refuse() -> None:
        raise FormatError(Path("x.csv"), "no number", row=3, column="count")

    with pytest.raises(FormatError, match=r"x.csv, row 3, column count: no number") as raised:
        isolated(refuse)
    assert (raised.value.row, raised.value.column) == (3, "count")


def test_an_error_ends_the_works_that_are_left() -> None:
    def works() -> Iterator[Callable[[], object]]:
        yield lambda: 1 // 0
        yield partial(time.sleep, 60)

    began = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        list(as_they_end(works(), 2))
    assert time.monotonic() - began < 10


def test_a_worker_has_no_hold_on_its_coordinator_s_guard() -> None:
    isolated(lambda: None)
    assert processes._guard is not None
    assert isolated(lambda: processes._guard) is None
