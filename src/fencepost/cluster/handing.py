"""Works handed out to a cluster, and what comes of them, as they end.

A worker that dies takes nothing with it: its works go to others, and one beside which workers die again and again has
ended by that. Joblib's own backend for Dask is not used: it waits for ever for a task that always ends its worker.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, NamedTuple
from uuid import uuid4

from fencepost.cluster import on_worker
from fencepost.cluster.connection import ANSWER_SECONDS, Workers, distributed_package, other_code
from fencepost.experiments.trials import code
from fencepost.model.errors import InputError
from fencepost.model.own import loaded_modules
from fencepost.model.processes import Ended
from fencepost.model.writing import kept, store

LOOK_SECONDS = 0.01
AHEAD = 2
"""Works that are handed out for each thread of the cluster, so that none waits for the next one."""


class Handed(NamedTuple):
    """A work with its label. `is_contained`: it starts a child itself; else it is given one."""

    label: Any
    work: Callable[..., Any]
    seconds_most: float | None = None
    is_contained: bool = False


class Cluster:
    """A connected cluster. `where` names it in errors."""

    def __init__(self, client: Any, where: str) -> None:
        self._client, self._where = client, where
        self.workers = Workers(client)

    def as_they_end(
        self, works: Iterable[Callable[[], Any]], seconds_most: float | None
    ) -> Generator[tuple[int, Any], None, None]:
        """Yield the number of each work and what comes of it, or how its process ended; see `model/processes.py`."""
        handed = (Handed(number, work, seconds_most) for number, work in enumerate(works))
        for ended in self.results(handed, AHEAD):
            for each, found in ended:
                yield each.label, found

    def results(self, works: Iterator[Handed], ahead: int) -> Generator[list[tuple[Handed, Any]], None, None]:
        """Yield what has ended meanwhile, by labels: each work with its result, or with how its process ended.

        `ahead` works are handed out for each thread. Raises what a work raises, and InputError: the cluster is gone, or
        has no worker that fits. Closed, it calls back what is not needed any more.
        """
        running: dict[str, tuple[Any, Handed]] = {}
        ended = distributed_package().as_completed(loop=self._client.loop)
        try:
            while True:
                most = max(1, self.workers.thread_count) * ahead
                for each in islice(works, max(0, most - len(running))):
                    future = self._submit(each)
                    running[future.key] = future, each
                    ended.add(future)
                if not running:
                    return
                self._await(ended)
                over = [running.pop(future.key) for future in ended.next_batch(block=False)]
                yield [(each, self._result(future)) for future, each in sorted(over, key=lambda one: one[1].label)]
        finally:
            if running:
                self._client.cancel([future for future, _ in running.values()], force=True)

    def _submit(self, each: Handed) -> Any:
        work = _pickled(each.work)
        key = f"fencepost-{uuid4().hex}"  # of this coordinator alone: another one may run the same work
        return self._client.submit(on_worker.run, work, each.seconds_most, each.is_contained, pure=False, key=key)

    def _await(self, ended: Any) -> None:
        """Wait for a work to end. Raises InputError where the cluster is gone, or has no worker that fits."""
        answered = time.monotonic()
        while ended.queue.empty():
            time.sleep(LOOK_SECONDS)
            if self._client.status == "running":
                answered = time.monotonic()
                self.workers.look()
            elif self._client.status == "closed" or time.monotonic() - answered > ANSWER_SECONDS:
                raise self._gone()

    def _gone(self) -> InputError:
        return InputError(f"{self._where} does not answer any more: expected it to stay until all is done")

    def _result(self, future: Any) -> Any:
        """Return what came of a work; its files are written. Raises what it raised."""
        import cloudpickle

        if future.status in ("cancelled", "lost"):
            raise self._gone()
        error = future.exception(timeout=ANSWER_SECONDS)
        if isinstance(error, distributed_package().scheduler.KilledWorker):
            return Ended("workers of the cluster died beside it, again and again", False, is_killed=True)
        if isinstance(error, on_worker.Unread):
            raise InputError(f"a worker cannot read a work ({error!s:.160}): expected {code()} on all")
        if error is not None:
            raise error
        answer, by = future.result(timeout=ANSWER_SECONDS)
        if by.digest != code().digest:
            raise other_code("a worker that came later", by)
        if isinstance(answer, Ended):
            return answer
        found, files = cloudpickle.loads(answer)
        for path, content in files:
            kept(path, partial(store, data=content))
        return found


def _pickled(work: Callable[..., Any]) -> bytes:
    """Return a work as bytes; what a user's file defines goes along, for workers have no such module."""
    import cloudpickle

    own = loaded_modules()
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        made: bytes = cloudpickle.dumps(work)
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)
    return made
