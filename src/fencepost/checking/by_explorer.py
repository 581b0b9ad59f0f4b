"""The corpus under every schedule: the programs in Python, and the stepped build in C++."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from fencepost import native
from fencepost.checking.job import REFINEMENT, SAME_STEPS, Job
from fencepost.model.contract import Verdict
from fencepost.model.explorer.columns import describe_run
from fencepost.model.explorer.exploration import Explored, Limits, Subject, explore
from fencepost.model.explorer.run_itf import write_run
from fencepost.model.explorer.run_trace import trace_of
from fencepost.model.explorer.subjects import sequencer
from fencepost.model.memory import PROFILE
from fencepost.model.programs.corpus import corpus_for
from fencepost.model.report import Finding
from fencepost.native.pipeline import STEPPED_NAMES
from fencepost.native.stepped import Disagreement

NOT_OF_RUNS = ("contiguous", "agreement", "frontier", "wait-free")
"""What the explorer's monitor has no words for: it sees batches, not messages, and counts no steps."""
DRAWN_COUNT, DRAWN_MOST = 10, 1_000_000
"""Runs that are drawn (PCT) before the search for all of them, as most bugs show in the first few; and after it."""

Explore = Callable[[Subject, str, Limits], Explored]


@dataclass
class Searched:
    """What a search of the corpus came to: complete runs by scenario, of those that ended and of those that did not."""

    all_runs: dict[str, int] = field(default_factory=dict)
    some_runs: dict[str, int] = field(default_factory=dict)
    violations: dict[str, Explored] = field(default_factory=dict)  # by property, the shortest

    @property
    def verdict(self) -> Verdict:
        if self.violations:
            return Verdict.VIOLATED
        if self.some_runs:
            return Verdict.NOT_FOUND if any(self.some_runs.values()) or self.all_runs else Verdict.UNKNOWN
        return Verdict.EXHAUSTED if any(self.all_runs.values()) else Verdict.UNKNOWN

    @property
    def bound(self) -> str:
        words = []
        if self.all_runs:
            words.append(f"all {sum(self.all_runs.values())} runs of {_scenarios(len(self.all_runs))}")
        if self.some_runs:
            words.append(f"{sum(self.some_runs.values())} runs of {_scenarios(len(self.some_runs))} not exhausted")
        return ", ".join(words) or "0 runs"

    def add(self, name: str, found: Explored) -> None:
        """Take in what came of one scenario."""
        self.some_runs[name] = self.some_runs.get(name, 0) + found.counts.complete
        if found.verdict is Verdict.EXHAUSTED:
            del self.some_runs[name]
            self.all_runs[name] = found.counts.complete
        if found.violation is not None:
            before = self.violations.get(found.violation.property)
            if before is None or len(found.schedule) < len(before.schedule):
                self.violations[found.violation.property] = found


def _scenarios(count: int) -> str:
    return f"{count} scenario{'' if count == 1 else 's'}"


def searched(subjects: dict[str, Subject], seconds: float, explored: Explore) -> Searched:
    """Search every scenario: a few drawn runs of each first, then all runs, each with its share of the time left.

    Where all runs do not come to an end in half a share, the other half is spent on drawn ones. Stops after the first
    drawn runs where they show a violation, else at the first scenario that shows one.
    """
    deadline, came = time.perf_counter() + seconds, Searched()
    for name, subject in subjects.items():
        left = max(deadline - time.perf_counter(), 0.1)
        came.add(name, explored(subject, "pct", Limits(left, runs=DRAWN_COUNT)))
    for done, (name, subject) in enumerate(subjects.items()):
        share = (deadline - time.perf_counter()) / (len(subjects) - done)
        if came.violations or share <= 0:
            break
        came.add(name, explored(subject, "exhaustive", Limits(share / 2)))
        if name in came.some_runs and not came.violations:
            came.add(name, explored(subject, "pct", Limits(share / 2, runs=DRAWN_MOST)))
    return came


def _findings(job: Job, engine: str, mode: str | None, came: Searched, seconds: float) -> Iterator[Finding]:
    for name, found in came.violations.items():
        path = job.out and job.out / f"{job.name}-{name}-run{'' if engine == 'explorer' else '-native'}.itf.json"
        if path is not None:
            write_run(found, path)
        bound = f"1 of {found.counts.complete} runs of {found.subject.size}"
        yield job.finding(
            engine, name, Verdict.VIOLATED, bound, seconds,
            mode=mode, trace=path or trace_of(found), explanation=describe_run(found),
        )  # fmt: skip
    if came.violations:
        return
    for name in (*job.promises(), REFINEMENT):
        if name not in NOT_OF_RUNS:
            yield job.finding(engine, name, came.verdict, came.bound, seconds, mode=mode)


def by_explorer(job: Job) -> list[Finding]:
    """Search the corpus with the programs, on memory that is not coherent. A protocol without programs is left out."""
    if job.design is None:
        return []

    def explored(subject: Subject, strategy: str, limits: Limits) -> Explored:
        return explore(subject, strategy=strategy, seed=job.seed, limits=limits)

    began = time.perf_counter()
    came = searched(_subjects(job), job.explorer_seconds, explored)
    return list(_findings(job, "explorer", None, came, time.perf_counter() - began))


def by_native_explorer(job: Job) -> list[Finding]:
    """Search the corpus with the stepped build of the C++; what it finds, the model must find by the same steps."""
    if job.design is None or job.name not in STEPPED_NAMES:
        return []

    def explored(subject: Subject, strategy: str, limits: Limits) -> Explored:
        return native.explore(subject, strategy=strategy, seed=job.seed, limits=limits)

    began = time.perf_counter()
    try:
        came = searched(_subjects(job), job.native_seconds, explored)
    except Disagreement as different:
        seconds = time.perf_counter() - began
        return [
            job.finding(
                "native", SAME_STEPS, Verdict.VIOLATED, "1 run", seconds, mode="explorer", explanation=str(different)
            )
        ]
    return list(_findings(job, "native", "explorer", came, time.perf_counter() - began))


def _subjects(job: Job) -> dict[str, Subject]:
    assert job.design is not None
    return {
        each.name: replace(sequencer(job.design, each.scenario, PROFILE), size=f"{each.name}: {each.scenario}")
        for each in corpus_for(job.design)
    }
