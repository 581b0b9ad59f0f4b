"""Works on a Dask cluster: one mechanism for the trials of experiments and for the verbs that take `cluster`.

connection   a client of a scheduler that is there, or of a cluster started here; workers are asked for their code
handing      works are handed out, and what comes of them is yielded as they end
on_worker    what a worker does: a work in a child of its own, whose files come back with its result
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fencepost.model.processes import run_elsewhere


@contextmanager
def works_on(cluster: str | Path | None, jobs: int) -> Iterator[int]:
    """Have the works of a verb run on a cluster, if one is given, and give how many run at a time.

    Raises InputError where it does not answer, has other code, or is neither an address nor the file of a scheduler.
    """
    if cluster is None:
        yield jobs
        return
    from fencepost.cluster.connection import connected
    from fencepost.cluster.handing import Cluster

    with connected(cluster, jobs) as client:
        place = Cluster(client, f"the scheduler at {cluster}")
        with run_elsewhere(place):
            yield max(2, place.workers.thread_count)
