"""A client of a cluster: of one that is there, by its address or its scheduler's file, or of one started here.

Workers must have the same code as the coordinator: else results of one run would come of two programs. They are asked
when they are first seen, and every result brings the digest of the code that made it.
"""

from __future__ import annotations

import importlib.metadata
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from fencepost.arguments import path_of
from fencepost.experiments.backends import start_silently, unheard
from fencepost.experiments.export import EXTRA
from fencepost.experiments.trials import Code, code
from fencepost.model.errors import InputError

ANSWER_SECONDS = 10.0
"""A cluster that does not answer for so long is taken to be gone."""
WORKERS_EVERY_SECONDS = 1.0
WITHOUT_SECONDS = 60.0
"""A cluster may be without a worker for so long: one may come late."""


@contextmanager
def connected(cluster: str | Path | None, jobs: int) -> Iterator[Any]:
    """Give a client of a cluster; without one, of `jobs` workers started here, which end afterwards."""
    where = None if cluster is None else str(path_of("cluster", cluster)) if isinstance(cluster, Path) else cluster
    if where is not None and (not isinstance(where, str) or not where.strip()):
        raise InputError(f"cluster is {where!r}: expected tcp://HOST:PORT, or the path of a scheduler.json")
    package = distributed_package()
    for name in ("distributed", "distributed.client", "distributed.scheduler", "distributed.nanny"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is said once, by the run
    start_silently(resource_tracker)
    local = client = None
    try:
        with unheard():
            local = None if where else _started(package, jobs)
            client = _client(package, where, local)
        yield client
    finally:
        for each in (client, local):
            if each is not None:
                with suppress(Exception):  # of a cluster that is gone
                    each.close(timeout=ANSWER_SECONDS)


def _started(package: Any, jobs: int) -> Any:
    """Start a cluster of worker processes on loopback; they end with this process."""
    return package.LocalCluster(
        n_workers=jobs,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        memory_limit=None,
        silence_logs=logging.CRITICAL,
    )


def _client(package: Any, cluster: str | None, local: Any) -> Any:
    where = cluster or ""
    is_file = where.endswith(".json")
    if is_file and not Path(where).is_file():
        raise InputError(f"{where}: no such file: expected the file of a Dask scheduler, or tcp://HOST:PORT")
    address = where if local is None else local
    asked = {"scheduler_file": where} if is_file else {"address": address}
    made = _within(partial(package.Client, **asked, timeout=ANSWER_SECONDS, set_as_default=False))
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


class Workers:
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


def distributed_package() -> Any:
    """Return the package. Raises InputError where it is not installed."""
    try:
        import distributed
        import distributed.scheduler
    except ImportError:
        raise InputError(f"distributed is not installed: expected it for work on a cluster ({EXTRA})") from None
    return distributed
