"""What `replay` found: what became of a trace in each engine that was asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fencepost.model.contract import Verdict
from fencepost.model.explorer.traces.outcome import Outcome
from fencepost.model.explorer.traces.run_trace import RunTrace
from fencepost.model.report import Finding, Report, summary, table
from fencepost.model.trace import Trace

VERDICTS = {"violated": Verdict.VIOLATED, "held": Verdict.NOT_FOUND}
"""The verdict of an outcome by its kind; what an engine cannot express is unknown there, and decides nothing."""


@dataclass(frozen=True, repr=False)
class ReplayReport(Report):
    """What became of a trace: `outcomes` by engine, a finding for each."""

    trace: Trace | RunTrace | None = None
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    files: tuple[Path | None, Path | None] = (None, None)  # the trace file, and what was exported from it

    @property
    def violated_at(self) -> int | None:
        """The step after which the violation was there; None where no engine reached it."""
        return next((each.step for each in self.outcomes.values() if each.kind == "violated"), None)

    @property
    def agree(self) -> bool:
        """Whether all engines that can express the trace come to the same."""
        able = {(each.kind, each.step) for each in self.outcomes.values() if each.kind != "cannot express"}
        return len(able) < 2

    @property
    def verdict(self) -> Verdict:
        """Violated if an engine reached the violation, unknown if none could express the trace."""
        kinds = {each.kind for each in self.outcomes.values()}
        if "violated" in kinds:
            return Verdict.VIOLATED
        return Verdict.NOT_FOUND if "held" in kinds and not self.is_interrupted else Verdict.UNKNOWN

    def lines(self) -> Iterator[str]:
        """Yield a row for each engine."""
        rows = [
            (engine, each.kind, "-" if each.step is None else str(each.step), each.sentence)
            for engine, each in self.outcomes.items()
        ]
        title = "" if self.agree else "the engines disagree"
        yield from table(title, ("engine", "outcome", "step", "what was found"), rows)

    def summary(self) -> str:
        """Return the last line, with the step of the violation."""
        property = self.trace.property if self.trace is not None else None
        read, written = self.files
        more = {"out": written} if written is not None else {}
        return summary(verdict=self.verdict, property=property, step=self.violated_at, trace=read, **more)


def report_of(
    trace: Trace | RunTrace, outcomes: Mapping[str, Outcome], *, is_interrupted: bool = False
) -> ReplayReport:
    """Put outcomes together."""
    found = tuple(_finding(trace, engine, each) for engine, each in outcomes.items())
    return ReplayReport("replay", found, None, is_interrupted, trace, outcomes)


def _finding(trace: Trace | RunTrace, engine: str, each: Outcome) -> Finding:
    details: dict[str, Any] = {
        "mode": "lockstep" if engine == "native" else None,
        "outcome": each.kind.replace(" ", "_"),
        "step": each.step,
    }
    steps = len(trace.steps) if isinstance(trace, Trace) else len(trace.schedule)
    name = trace.protocol.name if isinstance(trace, Trace) else trace.subject_name
    bound = f"replay of {steps} steps"
    verdict = VERDICTS.get(each.kind, Verdict.UNKNOWN)
    return Finding(name, trace.property or "-", engine, verdict, bound, 0.0, trace, each.sentence, details)
