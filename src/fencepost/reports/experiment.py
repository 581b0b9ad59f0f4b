"""What an experiment's run came to: a row a sweep, what failed, and the commands that go on from there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fencepost.experiments.run import Row, Run
from fencepost.experiments.spec import Sweep
from fencepost.model.contract import Verdict, worst
from fencepost.model.report import Finding, Report, table

EVERY = "every trial"
ENGINE_OF = {"compare": "native"}
"""The engine that a verb of another name runs."""


@dataclass(frozen=True, repr=False)
class ExperimentReport(Report):
    """What the trials of a run came to: a finding a sweep. `run` reads the rows.

    A sweep with trials that failed or are missing is *unknown*, whatever the others showed.
    """

    run: Run | None = None
    writing_process: int = 0  # that goes on with the run now

    def to_frame(self, sweep: str | None = None) -> Any:
        """Return the finished trials as a polars frame; see `Run.to_frame`."""
        return None if self.run is None else self.run.to_frame(sweep)

    def more(self) -> dict[str, Any]:
        run = self._run
        return {
            "store": str(run.path),
            "trials": run.total,
            "missing": run.missing,
            "statuses": run.statuses(),
            "digest": run.digest(),
            "sessions": run.manifest,
        }

    @property
    def _run(self) -> Run:
        assert self.run is not None
        return self.run

    def lines(self) -> Iterator[str]:
        """Yield a row for each sweep, the first failure of each, and what to do next."""
        run = self._run
        title = f"{run.spec.name}: {run.finished} of {run.total} trials"
        columns = ("sweep", "engine", "trials", "failed", "verdicts")
        yield from table(title, columns, [self._row(each) for each in run.spec.sweeps])
        for each in self.findings:
            if not each.verdict.passes and each.explanation:
                yield f"{each.target}: {each.verdict}: {each.explanation}"
        if run.superseded:
            yield f"{run.superseded} rows are of other code: they are kept in the store, and not counted"
        yield f"store: {run.path}"
        yield from self._next()

    def _row(self, sweep: Sweep) -> tuple[str, ...]:
        run = self._run
        statuses = run.statuses(sweep.name)
        failed = ", ".join(f"{count} {name}" for name, count in statuses.items() if name != "done")
        verdicts = ", ".join(f"{count} {name}" for name, count in run.verdicts(sweep.name).items())
        count = sweep.combination_count * run.spec.replications
        return sweep.name, sweep.engine, f"{sum(statuses.values())} of {count}", failed or "-", verdicts or "-"

    def _next(self) -> Iterator[str]:
        run = self._run
        if self.writing_process:
            yield f"process {self.writing_process} writes it: it goes on by itself"
        elif run.missing:
            yield f"resume with: fencepost experiment resume {run.path}"
        else:
            yield f"next: fencepost experiment report {run.path}"
            yield f"      fencepost experiment export {run.path} {run.path.with_suffix('.csv')}"

    def summed(self) -> dict[str, object]:
        run = self._run
        failed = sum(count for name, count in run.statuses().items() if name != "done")
        return {"trials": run.total, "finished": run.finished, "failed": failed, "store": run.path}


def report_of(run: Run, *, is_interrupted: bool = False) -> ExperimentReport:
    """Return what a run came to until now."""
    findings = tuple(_finding(run, each) for each in run.spec.sweeps)
    return ExperimentReport("experiment", findings, run.spec.seed, is_interrupted, run)


def _finding(run: Run, sweep: Sweep) -> Finding:
    statuses, verdicts = run.statuses(sweep.name), run.verdicts(sweep.name)
    count = sweep.combination_count * run.spec.replications
    finished, done = sum(statuses.values()), statuses.get("done", 0)
    found = worst([Verdict(each) for each in verdicts])
    if found is not Verdict.VIOLATED and done < count:
        found = Verdict.UNKNOWN
    bound = f"{done} of {count} trials"
    trace, why = None, ""
    if found is Verdict.VIOLATED or str(found) in verdicts:
        first = run.first(verdict=str(found), sweep=sweep.name) if not found.passes else None
        why = "" if first is None else f"{_named(sweep, first)}: {first['explanation']}"
        trace = Path(first["trace"]) if first is not None and first["trace"] else None
    elif finished > done:
        failed = next(name for name in statuses if name != "done")
        first = run.first(status=failed, sweep=sweep.name)
        assert first is not None
        why = f"{finished - done} failed, trial {first['number']} by {failed}: {first['explanation']}"
    elif finished < count:
        why = f"{count - finished} are missing"
    engine = ENGINE_OF.get(sweep.engine, sweep.engine)
    return Finding(sweep.name, EVERY, engine, found, bound, run.seconds(sweep.name), trace, why)


def _named(sweep: Sweep, row: Row) -> str:
    """Return a trial by its number and what tells it from the others of its sweep."""
    parameters = json.loads(row["parameters"])
    names = [*sweep.axes, *(name for name in ("sequencer", "side") if name in sweep.fixed)]
    told = [*(f"{name} {parameters[name]}" for name in names), f"replication {row['replication']}"]
    return f"trial {row['number']} ({', '.join(told)})"
