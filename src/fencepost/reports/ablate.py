"""What `ablate` found: the role of each optional instruction, and all minimal sufficient sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fencepost.model.contract import Verdict
from fencepost.model.explorer.explain.columns import describe_run
from fencepost.model.explorer.search.exploration import Explored
from fencepost.model.explorer.traces.run_itf import keep_run
from fencepost.model.explorer.traces.run_trace import trace_of
from fencepost.model.litmus import LitmusTest
from fencepost.model.litmus.witness import Run, columns
from fencepost.model.report import Finding, Report, of_property, table
from fencepost.proofs.timestamps.ablation import Ablation
from fencepost.proofs.timestamps.program_ablation import ProgramAblation
from fencepost.proofs.timestamps.repair import Repair
from fencepost.reports.litmus import crashing, resting, run_lines

LITMUS_ENGINE = "z3, explorer"
BESIDE = " beside all that is marked"
CONDITIONS = "every condition"
"""What is asked of a program of one's own: all that it ensures."""


@dataclass(frozen=True, repr=False)
class AblateReport(Report):
    """What `ablate` found of a litmus program: an ablation for each finding, in its order; of one's own, `of_program`.

    `with_runs`: the text, and not only the details, shows the run behind every required instruction.
    """

    test: LitmusTest | None = None
    ablations: tuple[Ablation, ...] = ()
    of_program: ProgramAblation | None = None
    with_runs: bool = False

    def lines(self) -> Iterator[str]:
        """Yield the program, and for each promise roles, sets and what they rest on."""
        if self.test is None or not self.ablations:
            yield "nothing was ablated"
            return
        program, (details, *_) = self.test.program, [each.details for each in self.findings]
        for number, thread in enumerate(program.threads):
            code = "; ".join(each.text + ("?" if each.optional else "") for each in thread.instructions)
            yield f"thread {number} on H{program.hosts[thread.host]}: {code}"
        for ablation in self.ablations:
            yield from self._ablation(
                ablation, f"{self.test.name} under {details['profile']}, matrix {details['matrix']}"
            )
        asked = dict.fromkeys((self.test.name, details["profile"], each.crash) for each in self.ablations)
        yield from crashing(list(asked))
        yield resting([details["profile"]])

    def _ablation(self, ablation: Ablation, title: str) -> Iterator[str]:
        crash = f", crash {ablation.crash}" if ablation.crash else ""
        yield ""
        yield f"{ablation.promise}{crash}: no run ends with {ablation.condition}"
        if ablation.reason:
            yield f"    {ablation.verdict}: {ablation.reason}"
            return
        if not ablation.slots:
            if ablation.run is not None:
                yield "nothing is marked, and the program is wrong:"
                yield from run_lines(ablation.run)
            yield from _repair(ablation.repair)
            yield f"{ablation.verdict}: {ablation.bound}"
            return
        if ablation.minimal:
            rows = [[each.text, str(each.role), each.bound] for each in ablation.slots]
            yield from table(title, ["thread: slot", "role", "bound"], rows)
        yield from _sets(ablation)
        if ablation.run is not None:
            yield "with every slot present, this run remains:"
            yield from run_lines(ablation.run)
        yield from _repair(ablation.repair, BESIDE)
        for each in ablation.slots if self.with_runs else ():
            if each.run is not None:
                yield f"without {each.text}, all other slots present:"
                yield from run_lines(each.run)

    def summed(self) -> dict[str, object]:
        return {"program": self.test.name if self.test is not None else None}


def report_of_test(
    test: LitmusTest, profile: str, matrix: str, found: Sequence[Ablation], lints: tuple[str, ...],
    property: str | None, *, is_interrupted: bool = False,
) -> AblateReport:  # fmt: skip
    """Put the ablations of a litmus program together. InputError: none is of the property."""
    findings = of_property((_finding(test, profile, matrix, each, lints) for each in found), property)
    kept = tuple(each for each in found if property in (None, each.promise))
    return AblateReport("ablate", findings, None, is_interrupted, test, kept)


def _finding(test: LitmusTest, profile: str, matrix: str, ablation: Ablation, lints: tuple[str, ...]) -> Finding:
    names = {each.slot: each.text for each in ablation.slots}
    return Finding(
        test.name, ablation.promise, LITMUS_ENGINE, ablation.verdict, ablation.bound, ablation.seconds, None,
        ablation.reason,
        {
            "profile": profile,
            "matrix": matrix,
            "crash": ablation.crash or None,
            "lints": list(lints),
            "condition": ablation.condition,
            "slots": [
                {
                    "slot": each.text,
                    "thread": each.slot[0],
                    "index": each.slot[1],
                    "role": each.role,
                    "bound": each.bound,
                    "run": _cells(each.run),
                }
                for each in ablation.slots
            ],
            "minimal": [[names[slot] for slot in sorted(each)] for each in ablation.minimal],
            "moves": [
                {"move": each.text, "minimal": [list(slots) for slots in each.minimal]} for each in ablation.moves
            ],
            "run": _cells(ablation.run),
            "repair": _in_details(ablation.repair),
            "queries": ablation.queries,
        },
    )  # fmt: skip


def _cells(run: Run | None) -> list[list[str]] | None:
    return None if run is None else columns(run)


def _sets(ablation: Ablation) -> Iterator[str]:
    names = {each.slot: each.text for each in ablation.slots}
    for each in ablation.minimal:
        said = ", ".join(names[slot] for slot in sorted(each)) or "nothing: it holds without any slot"
        yield f"minimal sufficient set: {{{said}}}"
    if not ablation.minimal:
        nothing = "no placement of these slots suffices"
        more = ", or more be inserted" if ablation.repair is not None and ablation.repair.is_mended else ""
        yield f"{nothing}: a store must move{more}" if ablation.moves else f"{nothing}, nor the move of a single store"
    for move in ablation.moves:
        yield f"    {move.text}; minimal sufficient sets then: {'; '.join(map(_set, move.minimal))}"
    yield f"{ablation.verdict}: {ablation.bound}"


def _repair(repair: Repair | None, beside: str = "") -> Iterator[str]:
    """Yield what mends a wrong program, beside what is marked in it."""
    if repair is None:
        return
    if not repair.is_mended:
        yield f"no flush and no fence{beside} mends it: with {repair.bound}, it is still wrong"
        return
    least = "minimal repair" if repair.is_smallest else "a repair of which nothing can be left out"
    yield f"{least}, {len(repair.inserted)} to insert{beside}:"
    yield from (f"    {each}" for each in repair.inserted)
    yield f"tried: {repair.bound}"


def _in_details(repair: Repair | None) -> dict[str, Any] | None:
    if repair is None:
        return None
    found: dict[str, Any] = {"is_mended": repair.is_mended, "inserted": list(repair.inserted)}
    return {**found, "is_smallest": repair.is_smallest, "bound": repair.bound}


def _set(slots: tuple[str, ...]) -> str:
    return "{" + ", ".join(slots) + "}"


@dataclass(frozen=True, repr=False)
class ProgramAblateReport(AblateReport):
    """What `ablate` found of a program of one's own. `traces` are the files of the runs that its text shows."""

    traces: tuple[Path | None, ...] = ()

    def lines(self) -> Iterator[str]:
        """Yield the role of each marked operation, the minimal sufficient sets, and what remains."""
        found = self.of_program
        if found is None:
            return
        title = f"{found.program.name} under {found.profile}, matrix {found.matrix}"
        if found.verdict is Verdict.UNKNOWN:
            yield title
            yield f"unknown: {found.reason}"
            return
        if not found.marks:
            yield from self._repaired(found)
            return
        rows = [[each.text, str(each.role), _without(each.explored), each.bound] for each in found.marks]
        yield from table(title, ["marked operation", "role", "without it", "bound"], rows)
        texts = {each.mark: each.text for each in found.marks}
        for minimal in found.minimal:
            said = "; ".join(sorted(texts[mark] for mark in minimal)) or "nothing: all holds without any of them"
            yield f"minimal sufficient set: {said}"
        yield from self._runs(found)
        yield f"{found.verdict}: {found.bound}"

    def _repaired(self, found: ProgramAblation) -> Iterator[str]:
        """Yield the violating run of a program in which nothing is marked, and what mends it."""
        assert found.explored is not None
        yield "nothing is marked, and the program is wrong:"
        yield from describe_run(found.explored, self.traces[0]).splitlines()
        yield from _repair(found.repair)
        if found.reason:
            yield found.reason

    def _runs(self, found: ProgramAblation) -> Iterator[str]:
        paths = dict(zip(map(id, shown(found)), self.traces, strict=True))
        if found.explored is not None:
            yield "no set of these suffices: with all of them, this run remains"
            yield from describe_run(found.explored, paths[id(found.explored)]).splitlines()
            yield from _repair(found.repair, BESIDE)
            if found.reason:
                yield found.reason
        for each in found.marks:
            if each.explored is None:
                continue
            path = paths[id(each.explored)]
            if self.with_runs or path is None:
                yield ""
                yield f"without {each.text}, all others present:"
                yield from describe_run(each.explored, path).splitlines()
            else:
                yield f"without {each.text}: fencepost replay {path}"

    def summed(self) -> dict[str, object]:
        return {"program": self.of_program.program.name if self.of_program is not None else None}


def shown(found: ProgramAblation) -> list[Explored]:
    """Return the runs that an ablation shows: with all operations, or without each required one."""
    every = [found.explored, *(each.explored for each in found.marks)]
    return [explored for explored in every if explored is not None]


def report_of_program(found: ProgramAblation, out: Path | None, lints: tuple[str, ...] = ()) -> ProgramAblateReport:
    """Return the report of an ablation, with what is seldom meant; violating runs go to the folder `out`, if any."""
    paths: list[Path | None] = []
    for number, explored in enumerate(shown(found)):
        path = out and out / f"ablate-{found.program.name.replace('/', '_')}-{number}.itf.json"
        if path is not None:
            path = keep_run(path, explored)
        paths.append(path)
    traces = dict(zip(map(id, shown(found)), paths, strict=True))
    last = found.explored
    remains = last is not None and last.violation is not None
    finding = Finding(
        found.program.name,
        last.violation.property if last is not None and last.violation is not None else CONDITIONS,
        "explorer",
        found.verdict,
        found.bound,
        found.seconds,
        (traces[id(last)] or trace_of(last)) if last is not None and remains else None,
        found.reason or (describe_run(last, traces[id(last)]) if last is not None and remains else ""),
        {**_details(found, traces), "lints": list(lints)},
    )
    return ProgramAblateReport("ablate", (finding,), of_program=found, traces=tuple(paths))


def _details(found: ProgramAblation, traces: dict[int, Path | None]) -> dict[str, Any]:
    texts = {each.mark: each.text for each in found.marks}
    return {
        "profile": found.profile,
        "matrix": found.matrix,
        "slots": [
            {"slot": each.text, "role": each.role, "bound": each.bound, "trace": traces.get(id(each.explored))}
            for each in found.marks
        ],
        "minimal": [sorted(texts[mark] for mark in each) for each in found.minimal],
        "repair": _in_details(found.repair),
        "queries": found.queries,
    }


def _without(explored: Explored | None) -> str:
    """Return which promise an operation is needed for."""
    return explored.violation.property if explored is not None and explored.violation is not None else "-"
