"""What `compare` found: a row for each sequencer and policy, and counterexamples as small as they get."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fencepost.comparing.verdicts import CRASH, OF_LEVEL, Compared, Counterexample
from fencepost.model.explorer.explain.columns import conclusion
from fencepost.model.explorer.explain.columns import table as run_table
from fencepost.model.explorer.traces.run_trace import run
from fencepost.model.report import Finding, Report, table

ASKED = "same answers"
"""What is asked of a row where nothing is violated: that native code does nothing that the model could not."""
MODES = {"stepped": "lockstep", "attempts": "lockstep"}
"""The mode of the native engine by policy; every other policy races threads."""


@dataclass(frozen=True, repr=False)
class CompareReport(Report):
    """What `compare` found: a row for each finding, in its order.

    own          what the command calls a sequencer of one's own, with its level; None: those that ship
    examples     how many were asked for in each row, None: as many as is usual, or a budget of time
    is_by_time   whether they were drawn for so long
    """

    rows: tuple[Compared, ...] = ()
    own: str | None = None
    examples: int | None = None
    is_by_time: bool = False

    @property
    def counterexamples(self) -> tuple[Counterexample, ...]:
        return tuple(row.counterexample for row in self.rows if row.counterexample is not None)

    @property
    def warnings(self) -> Iterator[str]:
        """What never happened in the examples of a row, so that its verdict says little."""
        for row in self.rows:
            if row.never_happened and row.counterexample is None:
                missing = ", ".join(f"no {each}" for each in row.never_happened)
                yield f"{row.sequencer}, {row.policy}: {missing} in {row.examples} examples: draw more of them"

    def lines(self) -> Iterator[str]:
        """Yield the rows, why one is unknown, and the counterexamples with the commands that show them again."""
        yield from self._table()
        for row in self.rows if self.own else ():
            yield f"{row.sequencer}, {row.policy}: {row.bound}"
        for row in self.rows:
            if row.reason and row.counterexample is None:
                yield f"{row.sequencer}, {row.policy}: {row.verdict}: {row.reason}"
        for row in self.rows:
            if row.counterexample is not None:
                yield ""
                yield from self._again(row, row.counterexample)

    def _table(self) -> Iterator[str]:
        rows = []
        for row in self.rows:
            counts = [str(row.happened[each]) if each in row.counted else "-" for each in OF_LEVEL[4]]
            property = row.counterexample.property if row.counterexample else "-"
            tried = (str(row.asked or "-"), str(row.examples), str(row.operations))
            rows.append((row.sequencer, row.policy, str(row.verdict), property, *tried, *counts))
        heads = [each.split()[0] for each in OF_LEVEL[4]]
        columns = ("sequencer", "policy", "verdict", "property", "asked", "examples", "operations", *heads)
        title = "model against native: examples asked for and tried, and how many of them held what"
        yield from table(title, columns, rows)

    def _again(self, row: Compared, found: Counterexample) -> Iterator[str]:
        yield from described(row, found)
        examples = row.enough if self.is_by_time else self.examples
        count = f" --examples {examples}" if examples else ""
        asked = self.own or f"{row.sequencer} --policy {row.policy}"  # a file of a user is compared by attempts alone
        yield f"fencepost compare {asked} --seed {self.seed}{count}"

    def summed(self) -> dict[str, object]:
        return {"examples": sum(row.examples for row in self.rows)}


def report_of(rows: Sequence[Compared], seed: int, *, is_interrupted: bool = False, **asked: Any) -> CompareReport:
    """Put rows together; `asked` are the fields of the report that say what was asked for."""
    return CompareReport("compare", tuple(map(_finding, rows)), seed, is_interrupted, tuple(rows), **asked)


def _finding(row: Compared) -> Finding:
    found = row.counterexample
    return Finding(
        row.sequencer,
        found.property if found else ASKED,
        "native",
        row.verdict,
        row.bound,
        row.seconds,
        (found.path or found.trace) if found else None,
        "\n".join(described(row, found)) if found else row.reason,
        {
            "mode": MODES.get(row.policy, "race"),
            "policy": row.policy,
            "level": row.level,
            "sentence": found.sentence if found else None,
            "examples": row.examples,
            "examples_asked": row.asked,
            "operations": row.operations,
            "steps": row.steps,
            "examples_with": {each.replace(" ", "_"): row.happened[each] for each in row.counted},
            "trace_length": found.steps if found else None,
            "counterexample_batches": found.batches if found else None,
            "counterexample_threads": found.threads if found else None,
        },
    )


def described(row: Compared, found: Counterexample) -> Iterator[str]:
    """Yield a counterexample: the example, its run where the model makes one, and what is wrong."""
    size = f"{found.batches} batches, {found.steps} steps, {found.threads} threads"
    if not found.came_back:
        size = f"{found.batches} batches"
    said = "crash" if found.property == CRASH else f"{found.property} is violated"
    yield f"{row.sequencer}, {row.policy}: {said} by {size}"
    for line in found.lines:
        yield f"    {line}"
    if found.trace is not None:
        made = run(found.trace)
        yield from run_table(made)
        if made.violation is not None:
            yield from conclusion(made)
    if not found.came_back or found.property == CRASH:
        yield f"{found.property}: {found.sentence}"
    elif found.trace is None or found.trace.violation is None:
        yield f"{found.property} is violated at step {found.steps}: {found.sentence}"
    if found.is_of_the_design:
        yield "the model does the same by the same steps: the fault is the design's"
    for line in found.also:
        yield f"also {line}"
    if found.path is not None:
        yield f"fencepost replay {found.path}"
