"""What `mutants` found: the detection matrix, every bug and every sound design in every engine that was asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fencepost.model.contract import Verdict
from fencepost.model.museum import BUGS
from fencepost.model.museum.detection import Oracle, Outcome
from fencepost.model.report import Finding, Report, summary, table

SILENT = "accused of nothing"
"""What is asked of a sound design."""


@dataclass(frozen=True)
class Cell:
    """What one engine says of one exhibit, and whose judgement that is.

    `trace` is the file of the violating run, where there is one.
    """

    mutant: str
    engine: str
    outcome: Outcome
    seconds: float
    trace_length: int | None
    detail: str
    trace: Path | None = None
    oracle: Oracle | None = None


@dataclass(frozen=True, repr=False)
class MutantsReport(Report):
    """The matrix: a finding for each bug, which must be caught, and each sound design, which must not be accused.

    `cells` are those of all engines, those of a row together; `sound` names the rows that must stay silent.
    """

    cells: tuple[Cell, ...] = ()
    sound: tuple[str, ...] = ()

    @property
    def rows(self) -> dict[str, dict[str, Cell]]:
        """The cells by exhibit, then by engine."""
        rows: dict[str, dict[str, Cell]] = {}
        for cell in self.cells:
            rows.setdefault(cell.mutant, {})[cell.engine] = cell
        return rows

    def oracles(self, name: str) -> tuple[Oracle, ...]:
        """Return the independent judges that caught an exhibit: engines that share one count once."""
        found = {cell.oracle for cell in self.rows[name].values() if cell.outcome is Outcome.CAUGHT}
        return tuple(each for each in Oracle if each in found)

    @property
    def false_alarms(self) -> tuple[Cell, ...]:
        """Cells in which a sound design was caught at something."""
        return tuple(cell for cell in self.cells if cell.mutant in self.sound and cell.outcome is Outcome.CAUGHT)

    @property
    def escaped(self) -> tuple[str, ...]:
        """The bugs that no engine caught, though one that was asked can express them."""
        outcomes = ((name, {cell.outcome for cell in row}) for name, row in self._bugs())
        return tuple(name for name, each in outcomes if Outcome.MISSED in each and Outcome.UNKNOWN not in each)

    @property
    def unasked(self) -> tuple[str, ...]:
        """The bugs that no engine that was asked can express."""
        return tuple(name for name, row in self._bugs() if {cell.outcome for cell in row} == {Outcome.CANNOT_EXPRESS})

    @property
    def unknown(self) -> tuple[Cell, ...]:
        """Cells without an answer: the engine's process was ended from outside, crashed, or all was interrupted."""
        return tuple(cell for cell in self.cells if cell.outcome is Outcome.UNKNOWN)

    def _bugs(self) -> Iterator[tuple[str, list[Cell]]]:
        """Yield the rows of bugs that were not caught."""
        for name, row in self.rows.items():
            cells = list(row.values())
            if name not in self.sound and all(cell.outcome is not Outcome.CAUGHT for cell in cells):
                yield name, cells

    def more(self) -> dict[str, Any]:
        return {"cells": list(map(_cell_document, self.cells))}

    def lines(self) -> Iterator[str]:
        """Yield the matrix, the sound designs, why what is missing is missing, and the counts."""
        engines = list(dict.fromkeys(cell.engine for cell in self.cells))
        bugs = [name for name in self.rows if name not in self.sound]
        headers = [engine.replace("-", "\n") for engine in engines]
        rows = [
            [
                f"{name}\n{BUGS[name].breaks}",
                *(_words(self.rows[name][each]) for each in engines),
                f"{len(self.oracles(name))}\n{' '.join(self.oracles(name))}",
            ]
            for name in bugs
        ]
        heads = ["bug and\nwhat it breaks", *headers, "independent\noracles"]
        title = "what catches what: seconds, and length L of the trace; - is cannot express, missed is within bound"
        yield from table(title, heads, rows)
        rows = [[name, *(_words(self.rows[name][each], sound=True) for each in engines)] for name in self.sound]
        yield ""
        yield from table("sound sequencers, which nobody may accuse", ["sequencer\n", *headers], rows)
        yield ""
        yield from self._reasons()
        yield from self._scenarios()
        for cell in self.false_alarms:
            yield f"FALSE ALARM: {cell.engine} accuses {cell.mutant}: {cell.detail}; trace {cell.trace or '-'}"
        for name in self.escaped:
            yield f"ESCAPED: no engine caught {name}"
        caught = sum(any(cell.outcome is Outcome.CAUGHT for cell in self.rows[name].values()) for name in bugs)
        alarms = len(self.false_alarms)
        yield f"{len(bugs)} bugs: {caught} caught; {len(self.sound)} sound sequencers: {alarms} false alarms"

    def _scenarios(self) -> Iterator[str]:
        """Yield, of each named scenario, the bugs of which it showed the shortest run."""
        shown: dict[str, list[str]] = {}
        for cell in self.cells:
            if cell.engine == "explorer-corpus" and cell.outcome is Outcome.CAUGHT:
                shown.setdefault(cell.detail.partition(":")[0].removeprefix("scenario "), []).append(cell.mutant)
        for name, bugs in shown.items():
            yield f"scenario {name} shows {', '.join(bugs)}"

    def _reasons(self) -> Iterator[str]:
        """Yield, once each, why what cannot be expressed cannot, and within which bound something was missed."""
        lines: dict[str, None] = {}
        for cell in self.cells:
            if cell.outcome is Outcome.CANNOT_EXPRESS:
                lines[f"cannot express: {cell.engine}: {cell.detail}"] = None
        for cell in self.cells:
            if cell.outcome is Outcome.MISSED:
                word = "silent" if cell.mutant in self.sound else "missed"
                lines[f"{word}: {cell.mutant}: {cell.engine}: {cell.detail}"] = None
        for cell in self.unknown:
            lines[f"unknown: {cell.mutant}: {cell.engine}: {cell.detail}"] = None
        yield from lines

    def summary(self) -> str:
        """Return the last line: what broken promise was not caught, by which bug or of which sound design."""
        accused, unheard = ([cell.mutant for cell in cells] for cells in (self.false_alarms, self.unknown))
        decisive = next(iter((*self.escaped, *accused, *self.unasked, *unheard)), None)
        broken = BUGS[decisive].breaks if decisive in BUGS else None
        return summary(verdict=self.verdict, property=broken, seed=self.seed, trace=None, mutant=decisive)


def report_of(
    cells: Sequence[Cell], sound: tuple[str, ...], seed: int, *, is_interrupted: bool = False
) -> MutantsReport:
    """Put the cells together, a finding for each row."""
    rows: dict[str, list[Cell]] = {}
    for cell in cells:
        rows.setdefault(cell.mutant, []).append(cell)
    found = tuple(_finding(name, row, is_sound=name in sound) for name, row in rows.items())
    return MutantsReport("mutants", found, seed, is_interrupted, tuple(cells), sound)


def _finding(name: str, row: list[Cell], *, is_sound: bool) -> Finding:
    caught = [cell for cell in row if cell.outcome is Outcome.CAUGHT]
    decided = caught or row
    return Finding(
        name,
        SILENT if is_sound else BUGS[name].breaks,
        ", ".join(dict.fromkeys(cell.engine.split("-")[0] for cell in decided)),
        _verdict_of(row, is_sound=is_sound),
        "; ".join(dict.fromkeys(f"{cell.engine}: {cell.outcome.replace('_', ' ')}" for cell in row)),
        sum(cell.seconds for cell in row),
        next((cell.trace for cell in caught if cell.trace), None),
        "; ".join(dict.fromkeys(cell.detail for cell in decided)),
        {"is_sound": is_sound, "caught_by": [cell.engine for cell in caught]},
    )


def _verdict_of(row: list[Cell], *, is_sound: bool) -> Verdict:
    """Return the verdict on a row: violated where a bug escaped or a sound design is accused.

    It is unknown where nothing asked can express a bug, or some engine was not heard out.
    """
    outcomes = {cell.outcome for cell in row}
    if Outcome.CAUGHT in outcomes and is_sound:
        return Verdict.VIOLATED
    if Outcome.UNKNOWN in outcomes:
        return Verdict.UNKNOWN
    if is_sound or Outcome.CAUGHT in outcomes:
        return Verdict.NOT_FOUND
    return Verdict.VIOLATED if Outcome.MISSED in outcomes else Verdict.UNKNOWN


def _cell_document(cell: Cell) -> dict[str, Any]:
    engine, _, mode = cell.engine.partition("-")
    return {
        "mutant": cell.mutant,
        "engine": engine,
        "mode": mode or None,
        "outcome": cell.outcome,
        "seconds": round(cell.seconds, 6),
        "trace_length": cell.trace_length,
        "detail": cell.detail,
        "oracle": cell.oracle,
        "trace": cell.trace,
    }


def _words(cell: Cell, *, sound: bool = False) -> str:
    if cell.outcome is Outcome.CAUGHT:
        seconds = f"{cell.seconds:.{2 if cell.seconds < 10 else 1}f} s"
        return f"{'ACCUSED' if sound else seconds}\nL {cell.trace_length}"
    if cell.outcome is Outcome.CANNOT_EXPRESS:
        return "-"
    if cell.outcome is Outcome.UNKNOWN:
        return "unknown"
    return "silent" if sound else "missed"
