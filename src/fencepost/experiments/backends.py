"""Where trials run, behind one small protocol: trials go in, finished ones come out in parts, as they end.

    inline   one after the other, each in a fork of this process
    loky     on worker processes of this machine, through joblib
    dask     on a cluster (`on_dask.py`)

A backend takes only as many trials as its workers need to stay busy, so that an interrupt loses few of them. A worker
that dies takes nothing with it but its own trial, which is tried again; if it dies of it again and again, the trial is
run in a child of the coordinator, and how that ends is its outcome.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any, Protocol

from fencepost.experiments.contained import Body, contained
from fencepost.experiments.engines import Outcome, run_trial
from fencepost.experiments.export import EXTRA
from fencepost.experiments.trials import Trial
from fencepost.model.errors import InputError

Finished = list[tuple[Trial, Outcome]]
DEATHS_MOST = 2
"""So often a worker may die of a trial before that runs in a child of its own."""
AHEAD = 2
"""Trials that are handed out for each worker, so that none waits for the next one.

loky's own queue holds as many: of any that waited before it, the thread that serves it would raise when its workers are
killed.
"""
PR_SET_PDEATHSIG = 1


class Backend(Protocol):
    """What runs trials. `name` and `jobs` are what a manifest says of it."""

    name: str
    jobs: int

    def run(self, trials: Iterable[Trial], folder: str | None) -> Generator[Finished, None, None]:
        """Yield trials with their outcomes, as they end; closing it ends what still runs."""
        ...


class Inline:
    """Trials one after the other, each in a fork of this process."""

    name, jobs = "inline", 1

    def __init__(self, body: Body = run_trial) -> None:
        self._body = body

    def run(self, trials: Iterable[Trial], folder: str | None) -> Generator[Finished, None, None]:
        for trial in trials:
            yield [(trial, contained(trial, folder, body=self._body))]


class Loky:
    """Trials on so many worker processes of this machine. Timed trials come last, one at a time."""

    name = "loky"

    def __init__(self, jobs: int, body: Body = run_trial) -> None:
        self.jobs, self._body = jobs, body
        self._loky = _loky()

    def run(self, trials: Iterable[Trial], folder: str | None) -> Generator[Finished, None, None]:
        timed: deque[Trial] = deque()
        start_silently(self._loky.backend.resource_tracker)
        yield from self._phase(untimed(trials, timed), folder, self.jobs * AHEAD)
        yield from self._phase(iter(timed), folder, 1)

    def _phase(self, trials: Iterator[Trial], folder: str | None, ahead: int) -> Generator[Finished, None, None]:
        """Keep `ahead` trials handed out until there are no more."""
        running: dict[Future[Outcome], Trial] = {}
        again: deque[Trial] = deque()
        deaths: dict[int, int] = {}  # by the trial's number: workers that died while it was handed out
        executor = self._executor()
        work = partial(_in_worker, folder=folder, body=self._body)
        try:
            while True:
                for trial in islice(_first(again, trials), max(0, ahead - len(running))):
                    with unheard():
                        running[executor.submit(work, trial)] = trial
                if not running:
                    return
                over, _ = wait(running, return_when=FIRST_COMPLETED)
                finished, lost = self._sorted(over, running)
                if lost:
                    lost += list(running.values())  # an executor that lost a worker has lost all that was handed out
                    running.clear()
                    executor.shutdown(wait=True, kill_workers=True)
                    executor = self._executor()
                    finished += _tried_alone(lost, deaths, again, folder, self._body)
                yield finished
        finally:
            executor.shutdown(wait=True, kill_workers=True)

    def _sorted(
        self, over: Iterable[Future[Outcome]], running: dict[Future[Outcome], Trial]
    ) -> tuple[Finished, list[Trial]]:
        """Return what has ended with an outcome, in the order of the spec, and the trials whose worker died."""
        finished: Finished = []
        lost: list[Trial] = []
        for future in over:
            trial = running.pop(future)
            error = future.exception()
            if error is None:
                finished.append((trial, future.result()))
            elif isinstance(error, self._loky.process_executor.BrokenProcessPool):
                lost.append(trial)
            else:
                finished.append((trial, Outcome("error", explanation=f"{type(error).__name__}: {error}")))
        return sorted(finished, key=lambda each: each[0].number), lost

    def _executor(self) -> Any:
        """Return new workers, which end with this process; an idle one stays, as a trial may come at any time."""
        return self._loky.ProcessPoolExecutor(
            max_workers=self.jobs, timeout=None, initializer=end_with, initargs=(os.getpid(),)
        )


def untimed(trials: Iterable[Trial], timed: deque[Trial]) -> Iterator[Trial]:
    """Yield the trials that no other work disturbs; keep the others for later."""
    for trial in trials:
        if trial.is_timed:
            timed.append(trial)
        else:
            yield trial


def _first(again: deque[Trial], trials: Iterator[Trial]) -> Iterator[Trial]:
    """Yield what must be tried again before what was not tried yet."""
    while True:
        if again:
            yield again.popleft()
        elif (trial := next(trials, None)) is not None:
            yield trial
        else:
            return


def _tried_alone(
    lost: list[Trial], deaths: dict[int, int], again: deque[Trial], folder: str | None, body: Body
) -> Finished:
    """Hand out again what was lost; what was there at too many deaths runs in a child, which harms nothing."""
    finished: Finished = []
    for trial in lost:
        deaths[trial.number] = deaths.get(trial.number, 0) + 1
        if deaths[trial.number] >= DEATHS_MOST:
            finished.append((trial, contained(trial, folder, body=body)))
        else:
            again.append(trial)
    return finished


def _in_worker(trial: Trial, *, folder: str | None, body: Body) -> Outcome:
    return contained(trial, folder, body=body, in_place=True)


@contextmanager
def unheard() -> Iterator[None]:
    """Block SIGINT in this thread, and in whatever threads and processes begin meanwhile, for as long as those last.

    It is the coordinator that ends them: a worker that a terminal interrupts, too, would die in the middle of a word.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start_silently(tracker: Any) -> None:
    """Start the process that counts semaphores, which else begins with the first worker, to say nothing.

    Of a run that was cut short it tells of every one; and where it is begun, SIGINT is not blocked any more.
    """
    name, added = "PYTHONWARNINGS", "ignore:resource_tracker"
    before = os.environ.get(name)
    os.environ[name] = f"{before},{added}" if before else added
    try:
        tracker.ensure_running()
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def end_with(coordinator: int) -> None:
    """Make this worker process end when its coordinator does, however that ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != coordinator:  # it ended before this was asked
        os._exit(1)


def _loky() -> Any:
    try:
        from joblib.externals import loky
    except ImportError:
        raise InputError(
            f"joblib is not installed: expected it for the backend loky ({EXTRA}); or take the backend inline"
        ) from None
    return loky
