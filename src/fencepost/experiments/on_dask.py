"""Trials on a Dask cluster: one that is there, by its address or its scheduler's file, or one started on this machine.

Workers must have the same code as the coordinator: else rows of one run would come of two programs. They are asked when
the run begins, and every trial of a worker that came later brings the digest of the code that ran it. A trial runs in a
child of its worker. joblib's own backend for Dask is not used: it waits for ever for a task that always ends its
worker.
"""

from __future__ import annotations

import importlib.metadata
import logging
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
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
AHEAD = 4
"""Trials that are handed out for each thread of the cluster, so that none waits for the next one."""


class Dask:
    """Trials on a cluster; without an address, on one of `jobs` workers that is started here and ended afterwards."""

    name = "dask"

    def __init__(self, jobs: int, cluster: str | None = None, body: Body = run_trial) -> None:
        self.jobs, self.cluster, self._body = jobs, cluster, body
        self._distributed = _distributed()

    def run(self, trials: Iterable[Trial], folder: str | None) -> Generator[Finished, None, None]:
        """Yield trials as they end. Raises InputError: no cluster answers, or a worker has other code."""
        where = None if self.cluster else folder and str(Path(folder).resolve())  # on another machine nobody finds them
        timed: deque[Trial] = deque()
        with self._connected() as client:
            _check_workers(client)
            yield from self._phase(client, untimed(trials, timed), where)
            yield from self._phase(client, iter(timed), where)

    def _phase(self, client: Any, trials: Iterator[Trial], folder: str | None) -> Generator[Finished, None, None]:
        """Keep as many trials handed out as the workers of the moment need; futures of them are let go at the end."""
        running: dict[str, tuple[Any, Trial]] = {}
        ended = self._distributed.as_completed(loop=client.loop)
        work = partial(_on_worker, folder=folder, body=self._body)
        answered = time.monotonic()
        while True:
            threads = sum(client.nthreads().values()) if client.status == "running" else 0
            for trial in islice(trials, max(0, max(1, threads) * AHEAD - len(running))):
                future = client.submit(work, trial, pure=False, key=f"fencepost-{trial.key}")
                running[future.key] = future, trial
                ended.add(future)
            if not running:
                return
            answered = self._awaited(client, ended, answered)
            over = ended.next_batch(block=False)
            finished = [self._outcome(*running.pop(future.key)) for future in over]
            yield sorted(finished, key=lambda each: each[0].number)

    def _awaited(self, client: Any, ended: Any, answered: float) -> float:
        """Wait for a trial to end; return when the cluster answered last. Raises InputError where it is gone."""
        while ended.queue.empty():
            time.sleep(LOOK_SECONDS)
            if client.status == "running":
                answered = time.monotonic()
            elif client.status == "closed" or time.monotonic() - answered > ANSWER_SECONDS:
                raise self._gone()
        return answered

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
        if error is not None:
            return trial, Outcome("error", explanation=f"{type(error).__name__}: {error}")
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
        try:
            return self._distributed.Client(**asked, timeout=ANSWER_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:  # a time-out is one
            said = " ".join(str(error).split())
            raise InputError(
                f"cluster {where} does not answer within {ANSWER_SECONDS:g} s ({said:.120}): expected a Dask "
                "scheduler, as tcp://HOST:PORT or the path of its scheduler.json"
            ) from None


def _check_workers(client: Any) -> None:
    """Raise InputError for a worker that has no fencepost, or another one, with both versions."""
    for address, version in client.run(importlib.metadata.version, "fencepost", on_error="return").items():
        if isinstance(version, Exception):
            raise InputError(f"worker {address} has no fencepost ({type(version).__name__}): expected {code()}")
    for address, theirs in client.run(code, on_error="return").items():
        if not isinstance(theirs, Code):
            version = client.run(importlib.metadata.version, "fencepost", workers=[address])[address]
            raise InputError(f"worker {address} has fencepost {version} without experiments: expected {code()}")
        if theirs.digest != code().digest:
            raise other_code(f"worker {address}", theirs)


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
