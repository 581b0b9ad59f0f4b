"""The corpus under every schedule: the programs in Python, and the stepped build in C++."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from fencepost import native
from fencepost.checking.job import REFINEMENT, SAME_STEPS, Job
from fencepost.exploring.corpus_search import DRAWN_RUNS, NATIVE_RUNS, PYTHON_RUNS, Budget, search_corpus
from fencepost.model.contract import Verdict, worst
from fencepost.model.explorer.explain.columns import describe_run
from fencepost.model.explorer.search.exploration import Explored, Limits, Subject, explore
from fencepost.model.explorer.subjects import SequencerOrigin, sequencer
from fencepost.model.explorer.traces.run_itf import keep_run
from fencepost.model.explorer.traces.run_trace import trace_of
from fencepost.model.memory import PROFILE
from fencepost.model.programs.corpus import Named, corpus_for
from fencepost.model.programs.pipeline import Design
from fencepost.model.report import Finding
from fencepost.native.schedules.pipeline import STEPPED_NAMES, has_stepped_form
from fencepost.native.schedules.stepped import Disagreement

NOT_OF_RUNS = ("wait-free",)
"""What the explorer's monitor has no words for: it counts no steps."""
OF_READERS = ("contiguous", "agreement", "frontier")
"""What only readers by position can see: nothing is said of it from scenarios without them."""


@dataclass(frozen=True)
class Searched:
    """What a search of the corpus came to, over all its scenarios."""

    came: Mapping[str, Explored]

    @property
    def verdict(self) -> Verdict:
        """The verdict that decides for all scenarios: one of which no run ended makes it *unknown*."""
        return worst([each.verdict for each in self.came.values()])

    def _runs(self, verdicts: list[Verdict]) -> int:
        return sum(each.counts.complete for each in self.came.values() if each.verdict in verdicts)

    @property
    def bound(self) -> str:
        """All runs of so many scenarios, so many runs of the others, and those of which none ended."""
        count = Counter(each.verdict for each in self.came.values())
        words = []
        if count[Verdict.EXHAUSTED]:
            words.append(f"all {self._runs([Verdict.EXHAUSTED])} runs of {_scenarios(count[Verdict.EXHAUSTED])}")
        if count[Verdict.NOT_FOUND]:
            words.append(f"{self._runs([Verdict.NOT_FOUND])} runs of {_scenarios(count[Verdict.NOT_FOUND])}, not all")
        if count[Verdict.UNKNOWN]:
            words.append(f"no run of {_scenarios(count[Verdict.UNKNOWN])}")
        return ", ".join(words) or "0 runs"

    @property
    def with_readers(self) -> Searched:
        """The same of those scenarios in which somebody reads by position."""
        return Searched({name: each for name, each in self.came.items() if _has_readers(each.subject)})

    @property
    def refining(self) -> Searched:
        """The same of those scenarios whose runs are held against the spec."""
        return Searched({name: each for name, each in self.came.items() if _is_refined(each.subject)})

    def violations(self) -> dict[str, Explored]:
        """Return the shortest violating run of each property that is violated."""
        found = [each for each in self.came.values() if each.violation is not None]
        found.sort(key=lambda each: len(each.schedule), reverse=True)
        return {each.violation.property: each for each in found if each.violation is not None}


def _has_readers(subject: Subject) -> bool:
    return isinstance(subject.origin, SequencerOrigin) and subject.origin.scenario.readers > 0


def _is_refined(subject: Subject) -> bool:
    return isinstance(subject.origin, SequencerOrigin) and not subject.origin.scenario.stops


def _scenarios(count: int) -> str:
    return f"{count} scenario{'' if count == 1 else 's'}"


def _findings(job: Job, engine: str, mode: str | None, came: Searched, seconds: float) -> Iterator[Finding]:
    for name, found in came.violations().items():
        path = job.out and job.out / f"{job.name}-{name}-run{'' if engine == 'explorer' else '-native'}.itf.json"
        if path is not None:
            path = keep_run(path, found)
        bound = f"1 of {found.counts.complete} runs of {found.subject.size}"
        yield job.finding(
            engine, name, Verdict.VIOLATED, bound, seconds,
            mode=mode, trace=path or trace_of(found), explanation=describe_run(found),
        )  # fmt: skip
    if came.violations():
        return
    for name in (*job.promises(), REFINEMENT):
        judged = came.with_readers if name in OF_READERS else came.refining if name == REFINEMENT else came
        if name not in NOT_OF_RUNS and judged.came:
            yield job.finding(engine, name, judged.verdict, judged.bound, seconds, mode=mode)


def by_explorer(job: Job) -> list[Finding]:
    """Search the corpus with the programs, on memory that is not coherent. A protocol without programs is left out."""
    if job.design is None:
        return []

    def explored(subject: Subject, strategy: str, limits: Limits) -> Explored:
        return explore(subject, strategy=strategy, seed=job.seed, limits=limits)

    began = time.perf_counter()
    came = Searched(search_corpus(_subjects(job) | _with_fields(job), _budget(job, PYTHON_RUNS), explored))
    return list(_findings(job, "explorer", None, came, time.perf_counter() - began))


def by_native_explorer(job: Job) -> list[Finding]:
    """Search the corpus with the stepped build of the C++; what it finds, the model must find by the same steps."""
    if job.design is None or job.name not in STEPPED_NAMES:
        return []

    def explored(subject: Subject, strategy: str, limits: Limits) -> Explored:
        return native.explore(subject, strategy=strategy, seed=job.seed, limits=limits)

    began = time.perf_counter()
    try:
        came = Searched(search_corpus(_stepped_subjects(job), _budget(job, NATIVE_RUNS), explored))
    except Disagreement as different:
        seconds = time.perf_counter() - began
        return [
            job.finding(
                "native", SAME_STEPS, Verdict.VIOLATED, "1 run", seconds, mode="explorer", explanation=str(different)
            )
        ]
    return list(_findings(job, "native", "explorer", came, time.perf_counter() - began))


def _budget(job: Job, runs: int) -> Budget:
    return Budget(None if job.is_thorough else runs, DRAWN_RUNS, max(job.deadline - time.time(), 0.01))


def _subjects(job: Job) -> dict[str, Subject]:
    assert job.design is not None
    return {each.name: _subject(job.design, each) for each in corpus_for(job.design)}


def _with_fields(job: Job) -> dict[str, Subject]:
    """Return what is searched with the fields of headers as words of their own: where a width or a torn pair shows."""
    if job.fields is None:
        return {}
    fitting = (each for each in corpus_for(job.fields) if each.with_fields)
    return {f"{each.name}, fields": _subject(job.fields, each) for each in fitting}


def _subject(design: Design, each: Named) -> Subject:
    return replace(sequencer(design, each.scenario, PROFILE), size=f"{each.name}: {each.scenario}")


def _stepped_subjects(job: Job) -> dict[str, Subject]:
    """Return those that the stepped build has a form of."""

    def is_stepped(subject: Subject) -> bool:
        assert isinstance(subject.origin, SequencerOrigin)
        return has_stepped_form(subject.origin.scenario, subject.origin.design)

    return {name: each for name, each in (_subjects(job) | _with_fields(job)).items() if is_stepped(each)}
