"""The detection matrix: every bug of the museum, and every sound design, in every engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from fencepost.corpus_search import DRAWN_RUNS, PYTHON_RUNS, Budget, search_corpus
from fencepost.model.contract import LEVELS, Level, Verdict
from fencepost.model.errors import InputError, Interrupted, unknown_choice
from fencepost.model.explorer.exploration import Explored, Limits, Subject, explore
from fencepost.model.explorer.run_itf import write_run
from fencepost.model.explorer.subjects import sequencer
from fencepost.model.itf import write_trace
from fencepost.model.memory import PROFILE
from fencepost.model.museum import BUGS, bug
from fencepost.model.museum.detection import (
    Detection,
    Engine,
    Exhibit,
    Oracle,
    Outcome,
    caught,
    missed,
    of_bug,
    of_sound,
)
from fencepost.model.museum.drawing import drawn
from fencepost.model.museum.engines import explorer, seen_from_outside, simulated, verified
from fencepost.model.processes import Ended, as_they_end
from fencepost.model.programs.corpus import corpus_for
from fencepost.model.programs.designs import SOUND, design
from fencepost.native_engines import lockstep, raced
from fencepost.proofs.detection import searched


def on_corpus(exhibit: Exhibit, seconds: float, seed: int) -> Detection:
    """Search the named scenarios as `check` does, which knows no bug: any promise that is broken counts.

    The detail names the scenario in which the shortest run was found.
    """

    def explored(subject: Subject, strategy: str, limits: Limits) -> Explored:
        return explore(subject, strategy=strategy, seed=seed, limits=limits)

    design = exhibit.design
    subjects = {each.name: sequencer(design, each.scenario, PROFILE) for each in corpus_for(design)}
    came = search_corpus(subjects, Budget(PYTHON_RUNS, DRAWN_RUNS, seconds), explored)
    violating = [(name, each) for name, each in came.items() if each.violation is not None and each.lines is not None]
    if not violating:
        return missed(f"{sum(each.counts.complete for each in came.values())} runs of {len(came)} named scenarios")
    name, found = min(violating, key=lambda each: len(each[1].schedule))
    assert found.violation is not None
    assert found.lines is not None
    made = caught("corpus", found.subject, found.lines, found.schedule, found.violation)
    return replace(made, detail=f"scenario {name}: {made.detail}")


ENGINES: dict[str, Engine] = {
    "z3": searched,
    "explorer": explorer,
    "corpus": on_corpus,
    "simpy": simulated,
    "hypothesis": drawn,
    "native-lockstep": lockstep,
    "native-race": raced,
    "verify": verified,
    "outside": seen_from_outside,
}
"""The engines, in the order of the columns."""

ORACLES: dict[str, Oracle] = {
    "z3": Oracle.Z3,
    "explorer": Oracle.WATCH,
    "corpus": Oracle.WATCH,
    "simpy": Oracle.WATCH,
    "hypothesis": Oracle.WATCH,
    "native-lockstep": Oracle.NATIVE,
    "native-race": Oracle.HISTORY,
    "verify": Oracle.HISTORY,
    "outside": Oracle.OUTSIDE,
}
"""Who judges what an engine finds, unless it says otherwise of a cell."""

BUDGET_SECONDS = 5.0  # of one cell; the whole matrix then takes about two minutes


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


@dataclass(frozen=True)
class Matrix:
    """All cells, those of a row together. `sound` names the rows that must stay silent."""

    seed: int
    budget_seconds: float
    cells: tuple[Cell, ...]
    sound: tuple[str, ...]

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

    @property
    def verdict(self) -> Verdict:
        """Violated when a bug escaped or a sound design was accused; unknown when nothing asked can express a bug, or
        some engine was not heard out."""
        if self.escaped or self.false_alarms:
            return Verdict.VIOLATED
        return Verdict.UNKNOWN if self.unasked or self.unknown else Verdict.NOT_FOUND


def mutants(
    names: Iterable[str] = (),
    *,
    levels: Iterable[Level] = LEVELS,
    engines: Iterable[str] = tuple(ENGINES),
    budget_seconds: float = BUDGET_SECONDS,
    seed: int = 0,
    jobs: int = 1,
    out: Path | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> Matrix:
    """Show the bugs of these names, or of these levels, and the designs that they deviate from, to the engines.

    Every engine looks for at most `budget_seconds` in each cell; the prover is bounded by depth instead, and says so.
    With `out`, violating runs are written to that folder. `jobs` processes share the cells.

    Raises InputError for unknown names and engines, and for a bug that is of none of the levels; Interrupted with the
    matrix so far, in which cells without an answer are unknown.
    """
    levels, engines = tuple(levels), tuple(dict.fromkeys(engines))
    for engine in engines:
        if engine not in ENGINES:
            raise unknown_choice("engine", engine, ENGINES)
    bugs = _asked(tuple(names), levels)
    sound = _sound(bugs, levels, all_of_them=not names)
    work = [(name, engine) for name in (*bugs, *sound) for engine in engines]
    done: dict[tuple[str, str], Cell] = {}
    try:
        with closing(_through(work, bugs, budget_seconds, seed, out, jobs)) as cells:
            for cell in cells:
                done[cell.mutant, cell.engine] = cell
                progress(f"{len(done)} of {len(work)}: {cell.mutant}, {cell.engine}: {cell.outcome}")
    except KeyboardInterrupt:
        so_far = (done.get(each) or _unanswered(*each, "interrupted") for each in work)
        raise Interrupted(Matrix(seed, budget_seconds, tuple(so_far), sound)) from None
    return Matrix(seed, budget_seconds, tuple(done[each] for each in work), sound)


def _asked(names: tuple[str, ...], levels: tuple[Level, ...]) -> tuple[str, ...]:
    for name in names:
        if bug(name).level not in levels:
            asked = ", ".join(map(str, levels))
            raise InputError(f"{name} is a level-{bug(name).level} mutant: level {asked} was asked for")
    return tuple(dict.fromkeys(names)) or tuple(each.name for each in BUGS.values() if each.level in levels)


def _sound(bugs: tuple[str, ...], levels: tuple[Level, ...], *, all_of_them: bool) -> tuple[str, ...]:
    """Return the sound designs that must stay silent: those that the bugs deviate from, or all of the levels."""
    deviated = {BUGS[name].sound.name for name in bugs}
    return tuple(each.name for each in SOUND if each.level in levels and (all_of_them or each.name in deviated))


def _through(
    work: list[tuple[str, str]], bugs: tuple[str, ...], seconds: float, seed: int, out: Path | None, jobs: int
) -> Generator[Cell, None, None]:
    """Yield every cell, as it comes, each from a process of its own."""
    works = (partial(fill, name, engine, bugs, seconds, seed, out) for name, engine in work)
    with closing(as_they_end(works, jobs)) as cells:
        for number, cell in cells:
            yield _unanswered(*work[number], cell.sentence) if isinstance(cell, Ended) else cell


def _unanswered(name: str, engine: str, why: str) -> Cell:
    return Cell(name, engine, Outcome.UNKNOWN, 0.0, None, why)


def fill(name: str, engine: str, bugs: tuple[str, ...], seconds: float, seed: int, out: Path | None) -> Cell:
    """Show one exhibit to one engine; a sound one on the scenarios of `bugs`."""
    exhibit = of_bug(BUGS[name]) if name in BUGS else of_sound(design(name), [BUGS[each] for each in bugs])
    began = time.perf_counter()
    found = ENGINES[engine](exhibit, seconds, seed)
    spent = time.perf_counter() - began - found.prepared_seconds
    trace = _written(found, out, f"{name}-{engine}") if out is not None else None
    return Cell(
        name, engine, found.outcome, spent, found.trace_length, found.detail, trace, found.oracle or ORACLES[engine]
    )


def _written(found: Detection, out: Path, name: str) -> Path | None:
    """Write the violating run, if the engine has one that can be made again, and return its file."""
    path = out / f"{name}.itf.json"
    if found.run is not None:
        write_run(found.run, path)
    elif found.steps is not None:
        write_trace(path, found.steps)
    else:
        return None
    return path
