"""A run from its spec to its report, begun or resumed: the trials that are missing, on a backend, into the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fencepost.arguments import check_arguments, path_of
from fencepost.experiments.backends import Backend, Finished, Inline, Loky
from fencepost.experiments.run import Run
from fencepost.experiments.spec import TRIALS_MOST, Spec, check_trial_count, read_spec
from fencepost.experiments.store import Writer
from fencepost.experiments.trials import code, trials_of
from fencepost.model.errors import InputError, Interrupted, unknown_choice
from fencepost.model.report import manifest
from fencepost.reports.experiment import ExperimentReport, report_of

BACKENDS = ("loky", "inline", "dask")
JOBS = 2


@dataclass(frozen=True)
class Advance:
    """How far a run is; as text, a line of progress.

    missing    trials that had no outcome when this session began
    done       of those, how many have one now; `failed` of them are not done
    seconds    since the session began
    seconds_left   how long the rest takes, by how long trials of each sweep took; None: nothing has ended yet
    """

    total: int
    missing: int
    done: int
    failed: int
    seconds: float
    seconds_left: float | None = None

    @property
    def rate_per_s(self) -> float:
        """Trials a second, over the whole session."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    def __str__(self) -> str:
        left = "" if self.seconds_left is None else f", about {self.seconds_left:.0f} s left"
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.done} of {self.missing} missing trials{failed}; {self.rate_per_s:.3g} a second{left}"


Monitor = Callable[[Advance], None]


def run_experiment(
    spec: Spec | str | Path,
    *,
    out: str | Path = "fencepost-out",
    jobs: int = JOBS,
    backend: str = "loky",
    cluster: str | None = None,
    max_trials: int = TRIALS_MOST,
    on_progress: Monitor | None = None,
) -> ExperimentReport:
    """Run the trials of a spec that its store does not have yet, and return what all of them came to.

    >>> sweep = 'sweep = [{name = "s", engine = "simulation", duration_ms = 1, clients = [2, 4]}]'
    >>> spec = fencepost.parse_spec('experiment = {name = "tiny", replications = 2}\\n' + sweep)
    >>> report = fencepost.run_experiment(spec, backend="inline")
    >>> report.run.missing, report.to_frame().height
    (0, 4)

    spec         a spec, or its TOML file
    out          the folder of the store, `NAME.db`: begun where there is none, else gone on with
    jobs         worker processes of `loky`, or of a cluster that is started here
    backend      `loky`, `inline`, or `dask`: on `cluster`, an address or the file of a scheduler, or one started here
    on_progress  called with an `Advance` after each part of the trials is in the store

    The rows are the same for every backend and number of jobs, but for times. Raises InputError for a spec, a store or
    a cluster that cannot be used, and Interrupted with the report so far: what is finished is in the store.
    """
    check_arguments(jobs=jobs)
    asked = spec if isinstance(spec, Spec) else read_spec(spec)
    check_trial_count(asked, max_trials)
    folder = path_of("out", out)
    assert folder is not None
    return run_on(asked, store_of(asked, folder), backend_of(backend, jobs, cluster), on_progress)


def store_of(spec: Spec, out: Path) -> Path:
    """Return where the store of a spec is in a folder."""
    return out / f"{spec.name}.db"


def backend_of(name: str, jobs: int, cluster: str | None) -> Backend:
    """Return a backend by its name. Raises InputError for an unknown one, and where its package is missing."""
    if name not in BACKENDS:
        raise unknown_choice("backend", name, BACKENDS)
    if cluster is not None and name != "dask":
        raise InputError(f"a cluster beside the backend {name}: expected dask")
    if name == "inline":
        return Inline()
    if name == "loky":
        return Loky(jobs)
    from fencepost.experiments.on_dask import Dask

    return Dask(jobs, cluster)


def run_on(spec: Spec, store: Path, backend: Backend, on_progress: Monitor | None = None) -> ExperimentReport:
    """Run what a store has not of a spec on a backend; see `run_experiment`."""
    ours = code()
    with Writer(store, spec, ours.digest) as writer:
        made_by = {"code": ours._asdict(), "backend": backend.name, "jobs": backend.jobs}
        try:
            writer.begin({**manifest(), **made_by}, spec)
            numbers = Missing(spec.trial_count, writer.finished_numbers())
            _run(spec, writer, backend, numbers, on_progress)
        except InputError as error:
            raise InputError(f"{error}; {resume_line(store)}") from None
        except KeyboardInterrupt:
            raise Interrupted(report_of(Run.open(store), is_interrupted=True)) from None
    return report_of(Run.open(store))


def resume_line(store: Path) -> str:
    """Return the command that goes on with a run."""
    return f"resume with: fencepost experiment resume {store}"


def _run(spec: Spec, writer: Writer, backend: Backend, missing: Missing, on_progress: Monitor | None) -> None:
    """Hand the missing trials to the backend, and write each part that comes back before it is said."""
    began, done, failed = time.monotonic(), 0, 0
    pace = Pace(spec, writer.path, backend.jobs)
    folder = str(writer.path.with_name(f"{spec.name}-traces"))
    with closing(backend.run(trials_of(spec, missing), folder)) as parts:
        for finished in parts:
            writer.add(finished)
            done += len(finished)
            failed += sum(outcome.status != "done" for _, outcome in finished)
            pace.note(finished)
            if on_progress is not None and finished:
                spent_s = time.monotonic() - began
                left_s = pace.seconds_left(spent_s)
                on_progress(Advance(spec.trial_count, missing.count, done, failed, spent_s, left_s))


class Pace:
    """How long trials take, by sweep: of all sweeps together a mean would be that of the quick ones, which come first.

    What ended in earlier sessions counts, too. Timed trials run one at a time; of the others as many run together as
    this session shows by the time that passed and the time that they took.
    """

    def __init__(self, spec: Spec, store: Path, jobs: int) -> None:
        run = Run.open(store)
        self._timed = {each.name for each in spec.sweeps if each.engine == "native"}
        self._ended = {each.name: sum(run.statuses(each.name).values()) for each in spec.sweeps}
        self._took_s = {each.name: run.seconds(each.name) for each in spec.sweeps}
        self._left = {
            each.name: each.combination_count * spec.replications - self._ended[each.name] for each in spec.sweeps
        }
        self._jobs, self._timed_s, self._untimed_s = jobs, 0.0, 0.0  # of this session

    def note(self, finished: Finished) -> None:
        """Take down what has ended."""
        for trial, outcome in finished:
            self._left[trial.sweep] -= 1
            self._ended[trial.sweep] += 1
            self._took_s[trial.sweep] += outcome.seconds
            if trial.sweep in self._timed:
                self._timed_s += outcome.seconds
            else:
                self._untimed_s += outcome.seconds

    def seconds_left(self, spent_s: float) -> float | None:
        """Return how long the rest takes, after a session of so long; a sweep of which none ended by the mean of all.

        None: nothing has ended yet.
        """
        ended = sum(self._ended.values())
        if not ended:
            return None
        mean_s = sum(self._took_s.values()) / ended
        together = 1 / self._jobs if not self._untimed_s else max(0.0, spent_s - self._timed_s) / self._untimed_s
        return sum(
            count
            * (self._took_s[name] / self._ended[name] if self._ended[name] else mean_s)
            * (1.0 if name in self._timed else together)
            for name, count in self._left.items()
        )


class Missing:
    """The numbers that are not finished, ascending: a bit a trial, however many there are."""

    def __init__(self, total: int, finished: Iterable[int]) -> None:
        self._is_finished = bytearray(-(-total // 8))
        self._total, self.count = total, total
        for number in finished:
            self._is_finished[number >> 3] |= 1 << (number & 7)
            self.count -= 1

    def __iter__(self) -> Iterator[int]:
        for number in range(self._total):
            if not self._is_finished[number >> 3] & 1 << (number & 7):
                yield number
