"""explore, compare, mutants and check on a cluster: what they find without; one line where it cannot be used."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import psutil
import pytest
from dask_cluster import TESTS, Cluster, cluster

import fencepost
from fencepost.experiments.trials import code
from fencepost.model.errors import InputError
from fencepost.model.processes import as_they_end, in_order, run_elsewhere

OWN = """
from fencepost.program import Program, ensure, flush, invalidate, load, store, store_fence, thread, wait_until

DATA, FLAG = ("record", "data"), ("flag", "is_ready")


def writer():
    yield store(DATA, 7)
    yield flush(DATA)
    yield store_fence()
    yield store(FLAG, 1)
    yield flush(FLAG)


def reader():
    yield wait_until(FLAG, lambda value: value == 1, fresh=True)
    yield invalidate(DATA)
    value = yield load(DATA)
    ensure(value == 7, "the flag is there before the data")


mailbox = Program("mailbox", [thread(writer, host=0), thread(reader, host=1)])
"""


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster"), 2) as made:
        yield made


Verb = Callable[..., Any]
VERBS: dict[str, tuple[Verb, str, dict[str, Any]]] = {
    "a search divided": (fencepost.explore, "order4.claim", {"scenario": "wrap-parked", "jobs": 2}),
    "drawn runs": (fencepost.explore, "no_wrap", {"strategy": "pct"}),
    "the native explorer": (fencepost.explore, "order4.claim", {"engine": "native", "scenario": "wrap-parked"}),
    "a bug": (fencepost.explore, "no_wrap", {}),
    "compare": (fencepost.compare, "order4.claim", {"policy": "stepped", "examples": 300, "seed": 3}),
    "compare a refuted one": (fencepost.compare, "order4.cas_then_reserve", {"examples": 20, "seed": 3}),
    "mutants": (fencepost.mutants, "no_wrap", {"engine": ["z3", "explorer-exhaustive"], "timeout": 60.0}),
    "check": (fencepost.check, "order4.cas_then_reserve", {"engine": ["z3", "simulation"]}),
}


def shown(report: Any) -> list[tuple[str, ...]]:
    """Return what a report says, without times."""
    found = [(each.target, each.property, each.engine, each.verdict, each.bound) for each in report.findings]
    return [tuple(re.sub(r"\d+(\.\d+)? (s|ms)\b", "T", str(word)) for word in each) for each in found]


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_finds_on_a_cluster_what_it_finds_without_one(verb: str, two_workers: Cluster, tmp_path: Path) -> None:
    """The same findings and the same files, which come back from the machines that would have written them."""
    call, target, given = VERBS[verb]
    here = call(target, **given, out=tmp_path / "here")
    there = call(target, **given, out=tmp_path / "there", cluster=two_workers.file)
    assert here.findings
    assert shown(there) == shown(here)
    names = [sorted(each.name for each in (tmp_path / folder).glob("*")) for folder in ("here", "there")]
    assert names[0] == names[1]
    assert not list(two_workers.file.parent.glob("**/*.itf.json"))


@pytest.mark.slow
def test_scenarios_of_a_corpus_are_searched_beside_each_other(two_workers: Cluster) -> None:
    given: dict[str, Any] = {"runs": 3, "timeout": 600.0}
    here = fencepost.explore("order5.fetch_add", **given)
    assert shown(fencepost.explore("order5.fetch_add", **given, cluster=two_workers.file)) == shown(here)


def test_a_program_of_a_users_file_goes_along(two_workers: Cluster, tmp_path: Path) -> None:
    """No worker has the file's folder, nor a module of its name."""
    file = tmp_path / "mine.py"
    file.write_text(OWN)
    assert shown(fencepost.check(str(file), cluster=two_workers.file)) == shown(fencepost.check(str(file)))
    explored = fencepost.explore(str(file), strategy="random", runs=20, cluster=two_workers.file)
    assert shown(explored) == shown(fencepost.explore(str(file), strategy="random", runs=20))


class _Anyhow:
    """A place where works end in a drawn order."""

    def as_they_end(
        self, works: Iterable[Callable[[], Any]], seconds_most: float | None
    ) -> Generator[tuple[int, Any], None, None]:
        done = [(number, work()) for number, work in enumerate(works)]
        Random(1).shuffle(done)
        yield from done


def test_results_are_in_the_order_of_the_works_wherever_those_run() -> None:
    works = [lambda number=number: number for number in range(50)]
    with run_elsewhere(_Anyhow()):
        assert list(in_order(works, 2)) == list(range(50))
        assert [number for number, _ in as_they_end(works, 2)] != list(range(50))


VERB = [fencepost.explore, fencepost.check, fencepost.compare, fencepost.mutants]


@pytest.mark.parametrize("call", VERB)
def test_what_is_no_cluster_is_refused_by_every_verb(call: Verb) -> None:
    for address, said in (("nowhere.json", "nowhere.json: no such file"), ("", "cluster is ''"), (7, "cluster is 7")):
        with pytest.raises(InputError, match=re.escape(said)):
            call(["order4.claim"] if call is fencepost.compare else "no_wrap" if call is not fencepost.check else None,
                 cluster=address)  # fmt: skip


def test_a_cluster_that_says_nothing_is_refused_within_ten_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(InputError, match=r"does not answer within 10 s"):
            fencepost.check("order5.fetch_add", cluster=f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        assert time.monotonic() - began < 15


OTHER_CODE = """
from fencepost.experiments import trials
other = trials.Code("0.0.9", "aaaaaaaaaaaa", "bbbbbbbbbbbb")
trials.code = lambda: other
"""


@pytest.mark.parametrize("comes_late", [False, True])
def test_a_worker_with_other_code_is_refused_with_both_versions(comes_late: bool, tmp_path: Path) -> None:
    """Also one that joins while the verb is at work, which may have done a part of it already."""
    preload = tmp_path / "other_code.py"
    preload.write_text(OTHER_CODE)
    with cluster(tmp_path, 1 if comes_late else 0) as made:
        late = threading.Timer(9 if comes_late else 0, lambda: made.add_worker("--preload", preload))
        late.start()
        time.sleep(6)
        with pytest.raises(InputError) as error:
            fencepost.compare("order4.claim", policy="race", timeout=60.0, cluster=made.file)
        late.join()
    assert "fencepost 0.0.9 (sources aaaaaaaaaaaa, native build bbbbbbbbbbbb)" in str(error.value)
    assert str(code()) in str(error.value)


@pytest.mark.slow
def test_a_worker_that_is_killed_changes_no_result(tmp_path: Path) -> None:
    given: dict[str, Any] = {"policy": "stepped", "examples": 1_000, "seed": 3}
    with cluster(tmp_path, 1) as made:
        doomed = made.add_worker("--no-nanny")
        killer = threading.Timer(8, lambda: doomed.send_signal(signal.SIGKILL))
        killer.start()
        time.sleep(5)
        there = fencepost.compare("order4.claim", **given, cluster=made.file)
        killer.join()
    assert shown(there) == shown(fencepost.compare("order4.claim", **given))


def test_interrupted_it_ends_what_the_workers_do_for_it(two_workers: Cluster, tmp_path: Path) -> None:
    """Exit code 130, what was found until then, and no work goes on that nobody waits for."""
    line = [sys.executable, "-m", "fencepost", "explore", "order4.claim", "--scenario", "wrap-distance"]
    with subprocess.Popen(
        [*line, "--cluster", str(two_workers.file), "--out", str(tmp_path)], cwd=TESTS, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 60
        while not two_workers.at_work() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert two_workers.at_work(), "no worker began anything"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "verdict=unknown" in out
    assert "Traceback" not in err
    assert not psutil.wait_procs(two_workers.at_work(), timeout=5)[1]
