"""What `mutants --native` found: each changed line of the C++ and what killed it; the code without a change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

from fencepost.model.contract import Verdict
from fencepost.model.report import Finding, Report, summary, table
from fencepost.mutations.kill import Kill
from fencepost.mutations.lines.mutation import Build, Mutation
from fencepost.reports.mutants import SILENT

NO_MUTATION = "none"
_COLUMNS = ("mutant", "site", "kind", "killed by", "seconds", "batches", "steps", "threads")


@dataclass(frozen=True)
class Hunted:
    """What became of one build; `mutation` is None for the one that has none, which must survive.

    kill           what it was caught at; None: it survived all that was tried
    seconds        what the killers took, `build_seconds` what was compiled before, 0 if it was in the cache
    runs           how often each killer tried
    unknown        why there is no answer: its process was ended from outside, or all was interrupted
    """

    mutation: Mutation | None
    build: Build
    site: str
    kill: Kill | None
    seconds: float
    build_seconds: float
    runs: dict[str, int] = field(default_factory=dict)
    unknown: str = ""

    @property
    def name(self) -> str:
        """The mutation's name."""
        return self.mutation.name if self.mutation else NO_MUTATION

    @property
    def outcome(self) -> str:
        """What became of it, in words."""
        if self.unknown:
            return f"{self.name}: unknown: {self.unknown}"
        return f"{self.name}: {f'killed by {self.kill.killer}' if self.kill else 'survived'} in {self.seconds:.1f} s"


class Sizes(NamedTuple):
    """Medians of the smallest examples; `steps` are those of the schedule, or batches where there is none."""

    batches: float
    steps: float
    threads: float


@dataclass(frozen=True, repr=False)
class NativeMutantsReport(Report):
    """All mutants that were asked for, in the order of the table, and the builds without a mutation."""

    mutants: tuple[Hunted, ...] = ()
    sound: tuple[Hunted, ...] = ()

    @property
    def survivors(self) -> tuple[Hunted, ...]:
        """Mutants that no killer caught."""
        return tuple(each for each in self.mutants if each.kill is None and not each.unknown)

    @property
    def unknown(self) -> tuple[Hunted, ...]:
        """Builds of which it is not known whether they survive."""
        return tuple(each for each in (*self.mutants, *self.sound) if each.unknown)

    @property
    def false_alarms(self) -> tuple[Hunted, ...]:
        """Builds without a mutation that were caught at something."""
        return tuple(each for each in self.sound if each.kill is not None)

    @property
    def sizes(self) -> Sizes | None:
        """Medians over the smallest examples; None where nothing was killed."""
        kills = [each.kill for each in self.mutants if each.kill is not None]
        if not kills:
            return None
        return Sizes(
            median(kill.batches for kill in kills),
            median(kill.size for kill in kills),
            median(kill.threads for kill in kills),
        )

    def more(self) -> dict[str, Any]:
        return {"smallest_examples": {f"{name}_median": value for name, value in self.sizes._asdict().items()}
                if self.sizes else {}}  # fmt: skip

    def lines(self) -> Iterator[str]:
        """Yield the table, what each was killed by in words, and the counts."""
        rows = [[each.name, _short(each.site), _kind(each), *_caught(each)] for each in self.mutants]
        rows += [[f"no mutation, {each.build}", "-", "-", *_caught(each)] for each in self.sound]
        yield from table("one line changed", _COLUMNS, rows)
        yield ""
        for each in self.mutants:
            if each.kill:
                yield f"{each.name}: {each.kill.sentence}"
        yield from (f"SURVIVED: {each.name} after {_tried(each)}" for each in self.survivors)
        yield from (each.outcome for each in self.unknown)
        for each in self.sound:
            if not each.unknown:
                alarm = f"FALSE ALARM: {each.kill.killer}: {each.kill.sentence}" if each.kill else ""
                yield f"the code without a mutation, {each.build}: {alarm or f'survived {_tried(each)}'}"
        killed = sum(each.kill is not None for each in self.mutants)
        yield f"{len(self.mutants)} native mutants: {killed} killed; {len(self.false_alarms)} false alarms"
        sizes = self.sizes
        if sizes:
            yield (
                f"the smallest examples, medians: {sizes.batches:g} batches; {sizes.steps:g} steps (batches, where"
                f" there is no schedule); {sizes.threads:g} threads"
            )

    def summary(self) -> str:
        """Return the last line: what was not killed, or killed and should not have been."""
        decisive = next(iter((*self.survivors, *self.false_alarms, *self.unknown)), None)
        broken = decisive.mutation.breaks if decisive and decisive.mutation else None
        medians = self.sizes._asdict() if self.sizes else dict.fromkeys(Sizes._fields)
        return summary(
            verdict=self.verdict, property=broken, seed=self.seed, trace=None,
            mutant=decisive.name if decisive else None,
            **{name: None if value is None else f"{value:g}" for name, value in medians.items()},
        )  # fmt: skip


def report_of(
    mutants: Sequence[Hunted], sound: Sequence[Hunted], seed: int, *, is_interrupted: bool = False
) -> NativeMutantsReport:
    """Put what was hunted together, a finding for each."""
    found = tuple(map(_finding, (*mutants, *sound)))
    return NativeMutantsReport("mutants", found, seed, is_interrupted, tuple(mutants), tuple(sound))


def _finding(each: Hunted) -> Finding:
    kill, made = each.kill, each.mutation
    is_wrong = (kill is not None) is (made is None)
    verdict = Verdict.UNKNOWN if each.unknown else Verdict.VIOLATED if is_wrong else Verdict.NOT_FOUND
    return Finding(
        each.name,
        made.breaks if made else SILENT,
        "native",
        verdict,
        kill.killer if kill else _tried(each),
        each.seconds,
        None,
        kill.sentence if kill else each.unknown,
        {
            "mode": kill.killer if kill else None,
            "build": each.build,
            "site": each.site,
            "kind": made.kind if made else None,
            "outcome": "unknown" if each.unknown else "caught" if kill else "missed",
            "build_seconds": round(each.build_seconds, 3),
            "trace_length": kill.size if kill else None,
            "example_batches": kill.batches if kill else None,
            "example_steps": kill.steps if kill else None,
            "example_threads": kill.threads if kill else None,
            "detail": kill.sentence if kill else each.unknown or _tried(each),
        },
    )


def _short(site: str) -> str:
    return site.rsplit("/", 1)[-1]  # so that a row is a line of the table; the JSON has the folder, too


def _kind(each: Hunted) -> str:
    return each.mutation.kind if each.mutation else "-"


def _caught(each: Hunted) -> list[str]:
    if each.kill is None:
        return ["unknown" if each.unknown else "survived", f"{each.seconds:.1f}", "-", "-", "-"]
    kill = each.kill
    steps = "-" if kill.steps is None else str(kill.steps)
    return [kill.killer, f"{each.seconds:.1f}", str(kill.batches), steps, str(kill.threads)]


def _tried(each: Hunted) -> str:
    runs = ", ".join(f"{count} of {killer}" for killer, count in each.runs.items())
    return f"{runs} in {each.seconds:.0f} s"
