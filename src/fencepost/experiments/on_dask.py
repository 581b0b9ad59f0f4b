"""Trials on a Dask cluster: one that is there, or one of so many workers that is started here (`fencepost.cluster`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from functools import partial
from pathlib import Path

from fencepost.cluster.connection import connected, distributed_package
from fencepost.cluster.handing import Cluster, Handed
from fencepost.experiments.backends import Finished, untimed
from fencepost.experiments.contained import Body, contained
from fencepost.experiments.engines import run_trial
from fencepost.experiments.trials import Trial
from fencepost.model.processes import Ended

AHEAD = 4
"""Trials that are handed out for each thread of the cluster: they may take a millisecond."""


class Dask:
    """Trials on a cluster; without an address, on one of `jobs` workers that is started here and ended afterwards."""

    name = "dask"

    def __init__(self, jobs: int, cluster: str | None = None, body: Body = run_trial) -> None:
        self.jobs, self.cluster, self._body = jobs, cluster, body
        distributed_package()

    def run(self, trials: Iterable[Trial], folder: str | None) -> Generator[Finished, None, None]:
        """Yield trials as they end. Raises InputError: no cluster answers, or a worker has other code."""
        where = None if self.cluster else folder and str(Path(folder).resolve())  # on another machine nobody finds them
        name = f"the scheduler at {self.cluster}" if self.cluster else "the cluster that was started here"
        timed: deque[Trial] = deque()
        with connected(self.cluster, self.jobs) as client:
            place = Cluster(client, name)
            yield from self._phase(place, untimed(trials, timed), where)
            yield from self._phase(place, iter(timed), where)

    def _phase(self, place: Cluster, trials: Iterator[Trial], folder: str | None) -> Generator[Finished, None, None]:
        """Hand trials out, each to run in a child of its worker within its limits."""
        works = (
            Handed((trial.number, trial), partial(contained, trial, folder, body=self._body), is_contained=True)
            for trial in trials
        )
        for ended in place.results(works, AHEAD):
            finished: Finished = []
            for each, found in ended:
                _, trial = each.label
                # Workers died beside it, again and again: here it harms nothing.
                outcome = contained(trial, body=self._body) if isinstance(found, Ended) else found
                finished.append((trial, outcome))
            yield finished
