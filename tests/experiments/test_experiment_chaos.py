"""A run that is killed loses no trial that it acknowledged, leaves no process, and is resumed to the same end."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import experiment_bodies as bodies
import psutil
import pytest

from fencepost.experiments.backends import Inline
from fencepost.experiments.run import Run
from fencepost.experiments.running import run_on
from fencepost.model.errors import InputError

COUNT = 40
"""Of trials for each time that a run is killed: it is killed before it has them all."""
SECONDS_LEFT_MOST = 5.0
"""No process outlives the coordinator by more."""
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
import experiment_bodies as b
from fencepost.experiments.backends import Inline, Loky
from fencepost.experiments.on_dask import Dask
from fencepost.experiments.running import run_on
backend = {"inline": lambda: Inline(b.slow), "loky": lambda: Loky(2, b.slow), "dask": lambda: Dask(2, None, b.slow)}
run_on(
    b.spec_of(int(sys.argv[4])), Path(sys.argv[1]), backend[sys.argv[3]](), lambda each: print(each.done, flush=True)
)
"""


@contextmanager
def begun(store: Path, backend: str, count: int) -> Iterator[subprocess.Popen[str]]:
    """Begin a run in a session of its own, whose acknowledged trials it prints."""
    command = [sys.executable, "-c", SCRIPT, str(store), str(Path(__file__).parents[1]), backend, str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def living(session: int) -> list[str]:
    """Return the commands of the processes of a session that are not over."""
    found = []
    for each in psutil.process_iter():
        try:
            if os.getsid(each.pid) == session and each.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(each.cmdline()))
        except (psutil.Error, OSError):
            continue
    return found


def assert_all_end(session: int) -> None:
    deadline = time.monotonic() + SECONDS_LEFT_MOST
    while living(session) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert living(session) == []


def killed(store: Path, backend: str, after: int, wait_seconds: float, count: int = COUNT) -> int:
    """Kill a run with SIGKILL when it has acknowledged so many trials and a moment more; return how many it had."""
    with begun(store, backend, count) as process:
        assert process.stdout is not None
        acknowledged = 0
        while acknowledged < after and (line := process.stdout.readline()):
            acknowledged = int(line)
        time.sleep(wait_seconds)
        process.kill()
        rest = process.stdout.read().split()
        assert_all_end(process.pid)
    return int(rest[-1]) if rest else acknowledged


def killed_again_and_again(kills: int, backend: str, tmp_path: Path) -> None:
    store, draw, count = tmp_path / "s.db", random.Random(f"{kills} {backend}"), COUNT * kills
    whole = run_on(bodies.spec_of(count), tmp_path / "whole.db", Inline(bodies.drawn)).run
    assert whole is not None
    finished = 0
    for _ in range(kills):
        acknowledged = killed(store, backend, draw.randrange(1, 8), draw.uniform(0, 0.2), count)
        now = Run.open(store).finished
        assert now >= finished + acknowledged, "an acknowledged trial is lost"
        finished = now
    numbers = [row["number"] for row in Run.open(store).rows()]
    assert len(set(numbers)) == len(numbers), "a trial is there twice"
    run = run_on(bodies.spec_of(count), store, Inline(bodies.drawn)).run
    assert run is not None
    assert run.statuses() == {"done": count}
    assert run.digest() == whole.digest()


@pytest.mark.parametrize("backend", ["inline", "loky"])
def test_killed_at_random_moments_it_loses_nothing_that_it_acknowledged(backend: str, tmp_path: Path) -> None:
    killed_again_and_again(2, backend, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kills", "backend"), [(25, "inline"), (25, "loky"), (25, "dask"), (500, "inline"), (500, "loky")]
)
def test_killed_so_many_times_it_loses_nothing(kills: int, backend: str, tmp_path: Path) -> None:
    killed_again_and_again(kills, backend, tmp_path)


def test_workers_of_a_local_cluster_end_with_the_coordinator(tmp_path: Path) -> None:
    killed(tmp_path / "s.db", "dask", 3, 0.0, COUNT)
    assert Run.open(tmp_path / "s.db").finished >= 3


def command(store: Path, spec: Path, backend: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "fencepost", "experiment", "run", str(spec), "--out", str(store.parent)]
    line += ["--backend", backend]
    return subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )  # fmt: skip


@pytest.mark.parametrize("backend", ["inline", "loky", "dask"])
def test_interrupted_it_keeps_what_is_finished_and_prints_the_line_to_go_on(backend: str, tmp_path: Path) -> None:
    """SIGINT to all processes, as a terminal sends it: exit code 130, no traceback, the resume line, nothing left."""
    spec = tmp_path / "spec.toml"
    spec.write_text(
        '[experiment]\nname = "s"\nreplications = 5000\n[[sweep]]\nname = "s"\nengine = "simulation"\n'
        "duration_ms = 0.3\n"
    )
    store = tmp_path / "s.db"
    with command(store, spec, backend) as process:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and finished(store) < 3:
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert_all_end(process.pid)
    assert process.returncode == 130, err
    assert f"resume with: fencepost experiment resume {store}" in out
    assert "Traceback" not in err
    assert "Warning" not in err
    assert "fencepost: interrupted" in err
    assert Run.open(store).finished >= 3
    said = re.search(r"finished=(\d+)", out)
    assert said is not None
    assert int(said[1]) == Run.open(store).finished


def finished(store: Path) -> int:
    """Return how many trials a store has that may just be made: what `status` asks from another terminal."""
    try:
        return Run.open(store).finished
    except InputError:
        return 0
