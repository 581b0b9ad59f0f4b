"""Trials on a Dask cluster: one that is there, by its address or its scheduler's file, or one started on this machine.

Workers must have the same code as the coordinator: else rows of one run would come of two programs. They are asked when
the run begins, and every trial of a worker that came later brings the digest of the code that ran it. A trial runs in a
child of its worker. joblib's own backend for Dask is not used: it waits for ever for a task that always ends its
worker.
"""

from __future__ import annotations

import importlib.metadata
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from fencepost.experiments.backends import Finished, start_silently, unheard, untimed
from fencepost.experiments.contained import Body, contained
from fencepost.experiments.engines import Outcome, run_trial
from fencepost.experiments.export import EXTRA
from fencepost.experiments.trials import Code, Trial, code
from fencepost.model.errors import InputError

ANSWER_SECONDS = 10.0
"""A cluster that does not answer for so long is taken to be gone."""
LOOK_SECONDS = 0.01
WORKERS_EVERY_SECONDS = 1.0
WITHOUT_SECONDS = 60.0
"""A cluster may be without a worker for so long: one may come late. One that cannot read a trial leaves its cluster."""
AHEAD = 4
"""Trials that are handed out for each thread of the cluster, so that none waits for the next one."""


class Dask:
    """Trials on a cluster; without an address, on one of `jobs` workers that is started here and ended afterwards."""

    name = "dask"

    def __init__(self, jobs: int, cluster: str | None = None, body: Body = run_trial) -> None:
        self.jobs, self.cluster, self._body = jobs, cluster, body
        self._workers: _Workers
        self._distributed = _distributed()

    def run(self, trials: Iterable[Trial], folder: str | None) -> Generator[Finished, None, None]:
        """Yield trials as they end. Raises InputError: no cluster answers, or a worker has other code."""
        where = None if self.cluster else folder and str(Path(folder).resolve())  # on another machine nobody finds them
        timed: deque[Trial] = deque()
        with self._connected() as client:
            self._workers = _Workers(client)
            yield from self._phase(client, untimed(trials, timed), where)
            yield from self._phase(client, iter(timed), where)

    def _phase(self, client: Any, trials: Iterator[Trial], folder: str | None) -> Generator[Finished, None, None]:
        """Keep as many trials handed out as the workers of the moment need; futures of them are let go at the end."""
        running: dict[str, tuple[Any, Trial]] = {}
        ended = self._distributed.as_completed(loop=client.loop)
        work = partial(_on_worker, folder=folder, body=self._body)
        while True:
            for trial in islice(trials, max(0, max(1, self._workers.thread_count) * AHEAD - len(running))):
                future = client.submit(work, trial, pure=False, key=f"fencepost-{trial.key}")
                running[future.key] = future, trial
                ended.add(future)
            if not running:
                return
            self._await(client, ended)
            over = ended.next_batch(block=False)
            finished = [self._outcome(*running.pop(future.key)) for future in over]
            yield sorted(finished, key=lambda each: each[0].number)

    def _await(self, client: Any, ended: Any) -> None:
        """Wait for a trial to end. Raises InputError where the cluster is gone, or has no worker that fits."""
        answered = time.monotonic()
        while ended.queue.empty():
            time.sleep(LOOK_SECONDS)
            if client.status == "running":
                answered = time.monotonic()
                self._workers.look()
            elif client.status == "closed" or time.monotonic() - answered > ANSWER_SECONDS:
                raise self._gone()

    def _gone(self) -> InputError:
        where = f"the scheduler at {self.cluster}" if self.cluster else "the cluster that was started here"
        return InputError(f"{where} does not answer any more: expected it to stay until all trials are finished")

    def _outcome(self, future: Any, trial: Trial) -> tuple[Trial, Outcome]:
        """Return what came of a trial. Raises InputError where the cluster lost it, or other code ran it."""
        if future.status in ("cancelled", "lost"):
            raise self._gone()
        error = future.exception(timeout=ANSWER_SECONDS)
        if isinstance(error, self._distributed.scheduler.KilledWorker):
            return trial, contained(trial, body=self._body)  # workers died beside it, again and again
        if error is not None:  # a trial's own are outcomes: this one was never begun
            said = " ".join(f"{type(error).__name__}: {error}".split())
            raise InputError(f"scheduler or workers cannot read a trial ({said:.160}): expected {code()} on all")
        theirs, outcome = future.result(timeout=ANSWER_SECONDS)
        if theirs.digest != code().digest:
            raise other_code("a worker that came later", theirs)
        return trial, outcome

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        """Give a client of the cluster; what is started here ends afterwards."""
        for name in ("distributed", "distributed.client", "distributed.scheduler", "distributed.nanny"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is said once, by the run
        start_silently(resource_tracker)
        local = client = None
        try:
            with unheard():
                local = None if self.cluster else self._started()
                client = self._client(local)
            yield client
        finally:
            for each in (client, local):
                if each is not None:
                    with suppress(Exception):  # of a cluster that is gone
                        each.close(timeout=ANSWER_SECONDS)

    def _started(self) -> Any:
        """Start a cluster of worker processes on loopback; they end with this process."""
        return self._distributed.LocalCluster(
            n_workers=self.jobs,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            memory_limit=None,
            silence_logs=logging.CRITICAL,
        )

    def _client(self, local: Any) -> Any:
        where = self.cluster or ""
        is_file = where.endswith(".json")
        if is_file and not Path(where).is_file():
            raise InputError(f"{where}: no such file: expected the file of a Dask scheduler, or tcp://HOST:PORT")
        address = where if local is None else local
        asked = {"scheduler_file": where} if is_file else {"address": address}
        made = _within(partial(self._distributed.Client, **asked, timeout=ANSWER_SECONDS, set_as_default=False))
        if isinstance(made, Exception):
            said = " ".join(str(made).split())
            raise InputError(
                f"cluster {where} does not answer within {ANSWER_SECONDS:g} s ({said:.120}): expected a Dask "
                "scheduler, as tcp://HOST:PORT or the path of its scheduler.json"
            )
        return made


def _within(connect: Callable[[], Any]) -> Any:
    """Return what a call gives, or the error that it raises, or that time is up.

    A client has a time-out of its own, and waits beyond it for what accepts a connection and then says nothing.
    """
    found: list[Any] = []

    def call() -> None:
        try:
            found.append(connect())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS + 1)
    return found[0] if found else TimeoutError("it accepts connections and says nothing")


class _Workers:
    """The workers of a cluster, each asked for its code when it is first seen. InputError: one has other code.

    What a worker that leaves was doing goes to others; without any for too long the run ends.
    """

    def __init__(self, client: Any) -> None:
        self._client, self._known = client, set[str]()
        self.thread_count = 0
        self._looked = float("-inf")
        self._had_any = time.monotonic()
        self.look()

    def look(self) -> None:
        """Look at the workers again, if it is time to."""
        now = time.monotonic()
        if now - self._looked < WORKERS_EVERY_SECONDS:
            return
        self._looked = now
        try:
            threads = self._client.nthreads()
        except (OSError, RuntimeError):  # the scheduler is leaving: the client's status will say so
            return
        self.thread_count = sum(threads.values())
        if new := threads.keys() - self._known:
            _check_workers(self._client, sorted(new))
        self._known = set(threads)
        if threads:
            self._had_any = now
        elif now - self._had_any > WITHOUT_SECONDS:
            without = f"the cluster has had no worker for {WITHOUT_SECONDS:g} s"
            raise InputError(f"{without}: expected one that has {code()}")


_ASK = "tuple(__import__('fencepost.experiments.trials', fromlist=['code']).code())"
"""A worker is asked in Python's own words: one that is sent a name which it does not have leaves its cluster."""


def _check_workers(client: Any, addresses: list[str]) -> None:
    """Raise InputError for a worker that has no fencepost, or another one, with both versions."""
    versions = client.run(importlib.metadata.version, "fencepost", workers=addresses, on_error="return")
    for address, version in versions.items():
        if isinstance(version, importlib.metadata.PackageNotFoundError):
            raise InputError(f"worker {address} has no fencepost: expected {code()}")
    for address, theirs in client.run(eval, _ASK, workers=addresses, on_error="return").items():
        if isinstance(theirs, ImportError | AttributeError):
            has = f"worker {address} has fencepost {versions[address]} without experiments"
            raise InputError(f"{has}: expected {code()}")
        if not isinstance(theirs, Exception) and Code(*theirs).digest != code().digest:
            raise other_code(f"worker {address}", Code(*theirs))


def other_code(where: str, theirs: Code) -> InputError:
    """Return the error for a worker whose code is not the coordinator's."""
    return InputError(f"{where} has {theirs}: expected the coordinator's, {code()}; install the same on both")


def _on_worker(trial: Trial, *, folder: str | None, body: Body) -> tuple[Code, Outcome]:
    return code(), contained(trial, folder, body=body)


def _distributed() -> Any:
    try:
        import distributed
        import distributed.scheduler
    except ImportError:
        raise InputError(f"distributed is not installed: expected it for the backend dask ({EXTRA})") from None
    return distributed
