"""A Dask cluster gives the rows that one machine gives; what it cannot give ends with one line, and never hangs."""

import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import experiment_bodies as bodies
import pytest
from dask_cluster import cluster

from fencepost.cluster import connection
from fencepost.cluster.connection import ANSWER_SECONDS
from fencepost.experiments.backends import Inline
from fencepost.experiments.on_dask import Dask
from fencepost.experiments.run import Run
from fencepost.experiments.running import Advance, run_on
from fencepost.experiments.spec import Spec, parse_spec
from fencepost.experiments.trials import code
from fencepost.model.errors import InputError


def refused(spec: Spec, store: Path, address: str) -> str:
    with pytest.raises(InputError) as error:
        run_on(spec, store, Dask(1, address, bodies.drawn))
    assert "\n" not in str(error.value)
    return str(error.value)


def at(count: int, said: list[Advance], act: Callable[[], object]) -> threading.Thread:
    """Do something when so many trials are acknowledged."""

    def wait() -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not (said and said[-1].done >= count):
            time.sleep(0.02)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_cluster_of_two_workers_gives_the_rows_of_one_machine_and_outlives_a_crash(tmp_path: Path) -> None:
    spec = parse_spec(
        '[experiment]\nname = "s"\nreplications = 2\n[[sweep]]\nname = "a"\nengine = "simulation"\nclients = [1, 2]\n'
        'duration_ms = 0.3\n[[sweep]]\nname = "b"\nengine = "native"\nsequencer = "order4.claim"\nbatches = 20\n'
    )
    whole = run_on(spec, tmp_path / "whole.db", Inline()).run
    with cluster(tmp_path, 2) as made:
        run = run_on(spec, tmp_path / "s.db", Dask(1, str(made.file))).run
        crashed = run_on(bodies.spec_of(6), tmp_path / "crashed.db", Dask(1, str(made.file), bodies.crashes)).run
    assert whole is not None
    assert run is not None
    assert run.statuses() == {"done": spec.trial_count}
    assert run.digest() == whole.digest()
    assert run.manifest[0]["backend"] == "dask"
    assert crashed is not None
    assert crashed.statuses() == {"done": 5, "signal": 1}  # a crash in a trial leaves the worker alone


def test_a_worker_that_is_killed_and_one_that_comes_late_change_no_row(tmp_path: Path) -> None:
    spec, said = bodies.spec_of(60), list[Advance]()
    whole = run_on(spec, tmp_path / "whole.db", Inline(bodies.drawn)).run
    with cluster(tmp_path, 0) as made:
        first: list[subprocess.Popen[bytes]] = []

        def begin() -> None:
            time.sleep(3)
            first.append(made.add_worker("--no-nanny"))

        def replace() -> None:
            made.add_worker()
            first[0].send_signal(signal.SIGKILL)

        threads = [at(0, said, begin), at(5, said, replace)]
        said.append(Advance(60, 60, 0, 0, 0.0))
        run = run_on(spec, tmp_path / "s.db", Dask(1, str(made.file), bodies.slow), said.append).run
        for each in threads:
            each.join()
    assert whole is not None
    assert run is not None
    assert run.statuses() == {"done": 60}
    assert run.digest() == whole.digest()


def test_a_scheduler_that_dies_ends_the_run_with_the_line_to_go_on(tmp_path: Path) -> None:
    spec, said, store = bodies.spec_of(100), list[Advance](), tmp_path / "s.db"
    with cluster(tmp_path, 1) as made:
        killer = at(3, said, lambda: made.scheduler.kill())
        with pytest.raises(InputError, match=r"does not answer any more.*resume with: fencepost experiment resume"):
            run_on(spec, store, Dask(1, str(made.file), bodies.slow), said.append)
        killer.join()
    assert 3 <= Run.open(store).finished < 100
    assert run_on(spec, store, Inline(bodies.drawn)).holds


def test_a_cluster_that_does_not_answer_is_refused_within_ten_seconds(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        assert f"cluster {address} does not answer within 10 s" in refused(
            bodies.spec_of(1), tmp_path / "s.db", address
        )
        assert time.monotonic() - began < ANSWER_SECONDS + 5


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("tcp://127.0.0.1:1", "does not answer within 1 s"),
        ("nowhere.json", "nowhere.json: no such file: expected the file of a Dask scheduler"),
        ("gopher://x", "expected a Dask scheduler"),
    ],
)
def test_what_is_no_cluster_is_refused(
    address: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 1.0)
    assert said in refused(bodies.spec_of(1), tmp_path / "s.db", address)


OTHER_CODE = """
from fencepost.experiments import trials
other = trials.Code("0.0.9", "aaaaaaaaaaaa", "bbbbbbbbbbbb")
trials.code = lambda: other
"""


@pytest.mark.parametrize("comes_late", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_worker_with_other_code_is_refused_with_both(comes_late: bool, tmp_path: Path) -> None:
    preload = tmp_path / "other_code.py"
    preload.write_text(OTHER_CODE)
    with cluster(tmp_path, 0) as made:
        if comes_late:
            late = threading.Timer(4, lambda: made.add_worker("--preload", preload))
            late.start()
        else:
            made.add_worker("--preload", preload)
            time.sleep(6)
        said = refused(bodies.spec_of(3), tmp_path / "s.db", str(made.file))
    assert "fencepost 0.0.9 (sources aaaaaaaaaaaa, native build bbbbbbbbbbbb)" in said
    assert f"expected the coordinator's, {code()}" in said
    assert Run.open(tmp_path / "s.db").finished == 0


def test_a_worker_with_an_earlier_version_is_refused_with_both(tmp_path: Path) -> None:
    preload = tmp_path / "earlier.py"
    preload.write_text("import sys\nsys.modules['fencepost.experiments'] = None\n")
    with cluster(tmp_path, 0) as made:
        made.add_worker("--preload", preload)
        time.sleep(6)
        said = refused(bodies.spec_of(1), tmp_path / "s.db", str(made.file))
    assert f"has fencepost {code().version} without experiments: expected {code()}" in said


def test_a_cluster_without_a_worker_is_waited_for_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "WITHOUT_SECONDS", 4.0)
    with cluster(tmp_path, 0) as made:
        assert "has had no worker for 4 s" in refused(bodies.spec_of(1), tmp_path / "s.db", str(made.file))


def test_a_worker_that_cannot_read_a_trial_says_so(tmp_path: Path) -> None:
    with cluster(tmp_path, 0) as made:
        made.add_worker(path=str(tmp_path))  # has fencepost, but not the body of these tests
        time.sleep(6)
        said = refused(bodies.spec_of(1), tmp_path / "s.db", str(made.file))
    assert "a worker cannot read a work (ModuleNotFoundError: No module named 'experiment_bodies')" in said
