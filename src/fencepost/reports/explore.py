"""What `explore` found: the runs of each scenario, or of each profile of a litmus file, and what is wrong with them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fencepost.model.contract import UNCOUNTED, promised
from fencepost.model.explorer.explain.columns import describe_run
from fencepost.model.explorer.monitor.run import REFINEMENT
from fencepost.model.explorer.search.exploration import Explored, Subject
from fencepost.model.explorer.subjects import BAD, LitmusOrigin, ProgramOrigin, SequencerOrigin
from fencepost.model.explorer.traces.run_itf import keep_run
from fencepost.model.explorer.traces.run_trace import trace_of
from fencepost.model.litmus import lints
from fencepost.model.litmus.linting import merged_hosts
from fencepost.model.report import Finding, Report, table

COUNTED = (
    "a run is an order of loads, stores and drains as far as it matters: an execution (which store each load reads, and"
    " the order of the stores to each word) may be several runs, as a thread may read its store in its buffer or later"
)
"""What is counted of a litmus file."""
PROMISES, CONDITIONS = "every promise", "every condition"
"""What is asked of a sequencer's runs, and of those of a program of one's own, where nothing is violated."""
NO_READERS = "no scenario has readers by position"
NO_SUBSCRIBERS, NO_ACKNOWLEDGERS = "no scenario has subscribers", "no scenario has acknowledgers"
WIDTH = 80


@dataclass(frozen=True, repr=False)
class ExploreReport(Report):
    """What `explore` found: `explored` has the counts and schedules. The findings are one of each, in its order."""

    explored: tuple[Explored, ...] = ()

    def more(self) -> dict[str, Any]:
        return {"watched": list(self.watched), "not_watched": self.unwatched}

    @property
    def watched(self) -> tuple[str, ...]:
        """The promises that the runs of a sequencer were held against; of other targets none."""
        origins = [each.subject.origin for each in self.explored]
        of = [each for each in origins if isinstance(each, SequencerOrigin)]
        found = dict.fromkeys(name for origin in of for name in watched(origin))
        return tuple(each for each in _known(of) if each in found)

    @property
    def unwatched(self) -> dict[str, str]:
        """The promises of the level that were not, with the reason."""
        origins = [each.subject.origin for each in self.explored]
        of = [each for each in origins if isinstance(each, SequencerOrigin)]
        there = self.watched
        return {name: why_not(name, of) for name in _known(of) if name not in there}

    def lines(self) -> Iterator[str]:
        """Yield a row for each scenario or profile, what was watched, and every counterexample."""
        yield from self._table()
        if any(isinstance(each.subject.origin, LitmusOrigin) for each in self.explored):
            yield COUNTED
        yield from self._watching()
        for each, finding in zip(self.explored, self.findings, strict=True):
            if each.violation is not None:
                yield ""
                yield from finding.explanation.splitlines()

    def _table(self) -> Iterator[str]:
        rows = []
        for each in self.explored:
            property, counts = each.violation.property if each.violation else "-", each.counts
            bound = each.bound if not each.reason else f"{each.bound} ({each.reason})"
            if each.subject.scenario:
                bound = bound.replace(f" of {each.subject.size}", "").replace(f"; {each.subject.size}", "")
            first = each.subject.scenario or each.subject.profile
            rows.append((first, str(each.verdict), property, str(counts.complete), str(counts.blocked), bound))
        if not rows:
            yield "nothing was explored"
            return
        of_corpus = any(each.subject.scenario for each in self.explored)
        columns = ("scenario" if of_corpus else "profile", "verdict", "property", "complete", "blocked", "bound")
        subject = self.explored[0].subject
        under = f" under {subject.profile}" if of_corpus else ""
        yield from table(f"{subject.name}{under}", columns, rows)

    def _watching(self) -> Iterator[str]:
        if self.watched:
            yield from _wrapped(f"watched: {', '.join(self.watched)}")
        reasons: dict[str, list[str]] = {}
        for name, why in self.unwatched.items():
            reasons.setdefault(why, []).append(name)
        for why, names in reasons.items():
            yield from _wrapped(f"not watched: {', '.join(names)} ({why})")


def report_of(
    explored: Sequence[Explored], engine: str, seed: int, out: Path | None, *, is_interrupted: bool = False
) -> ExploreReport:
    """Put explorations together; violating runs are written to the folder `out`, if there is one."""
    found = tuple(_finding(each, engine, out) for each in explored)
    return ExploreReport("explore", found, seed, is_interrupted, tuple(explored))


def _finding(each: Explored, engine: str, out: Path | None) -> Finding:
    path = _written(each, out) if each.violation is not None and out is not None else None
    return Finding(
        each.subject.name,
        each.violation.property if each.violation is not None else _asked(each.subject),
        engine,
        each.verdict,
        each.bound,
        each.seconds,
        path or (trace_of(each) if each.violation is not None else None),
        describe_run(each, path) if each.violation is not None else each.reason,
        {
            "mode": "explorer" if engine == "native" else None,
            "profile": each.subject.profile,
            "scenario": each.subject.scenario or None,
            "lints": list(lints_of(each.subject)),
            "sentence": each.violation.sentence if each.violation is not None else None,
            "complete": each.counts.complete,
            "blocked": each.counts.blocked,
            "counted": COUNTED if isinstance(each.subject.origin, LitmusOrigin) else None,
            "steps": each.counts.steps,
            "trace_length": len(each.schedule) if each.violation is not None else None,
        },
    )


def _asked(subject: Subject) -> str:
    """Return what is asked of a subject's runs: the name of it, or of all of it together."""
    if isinstance(subject.origin, LitmusOrigin):
        return BAD
    if isinstance(subject.origin, SequencerOrigin):
        return ", ".join(sorted(subject.origin.asked)) if subject.origin.asked else PROMISES
    return CONDITIONS


def _written(each: Explored, out: Path) -> Path | None:
    """Write a violating run to its file."""
    assert each.violation is not None
    scenario = f"-{each.subject.scenario}" if each.subject.scenario else ""
    name = f"{each.subject.name}{scenario}-{each.subject.profile}-{each.violation.property}"
    path = out / f"explore-{file_name(name)}.itf.json"
    return keep_run(path, each)


def file_name(name: str) -> str:
    """Return a name without what a file's name may not have."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)


def lints_of(subject: Subject) -> tuple[str, ...]:
    """Return what the litmus file or the program of a subject says and seldom means; nothing of other subjects."""
    origin = subject.origin
    if isinstance(origin, ProgramOrigin):
        return merged_hosts(origin.program.name, "program", origin.program.hosts, origin.profile)
    return lints(origin.test, [origin.profile]) if isinstance(origin, LitmusOrigin) else ()


def watched(origin: SequencerOrigin) -> Iterator[str]:
    """Yield the promises that a sequencer's runs are held against on a scenario."""
    for name in _known([origin]):
        if not why_not(name, [origin]):
            yield name


def _known(origins: list[SequencerOrigin]) -> tuple[str, ...]:
    return (*promised(origins[0].design.level), REFINEMENT) if origins else ()


def why_not(name: str, origins: list[SequencerOrigin]) -> str:
    """Return why none of these explorations watches a promise; nothing where one does."""
    if all(each.asked is not None and name not in each.asked for each in origins):
        return "it was not asked for"
    if name == "wait-free":
        return UNCOUNTED
    scenarios = [each.scenario for each in origins]
    if name in ("contiguous", "agreement", "frontier") and not any(each.readers for each in scenarios):
        return NO_READERS
    if name == "visible" and not any(each.subscribers or each.readers for each in scenarios):
        return NO_SUBSCRIBERS
    if name in ("ack-safe", "real-time") and not any(each.acknowledgers or each.plans for each in scenarios):
        return NO_ACKNOWLEDGERS
    return ""


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_on_hyphens=False)
