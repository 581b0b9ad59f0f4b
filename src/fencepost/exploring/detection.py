"""The detection matrix: every bug of the museum, and every sound design, in every engine."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from fencepost.arguments import check_arguments, path_of
from fencepost.cluster import works_on
from fencepost.exploring.corpus_search import DRAWN_RUNS, PYTHON_RUNS, Budget, search_corpus
from fencepost.exploring.native_engines import lockstep, raced
from fencepost.model.contract import LEVELS, PROPERTIES, Level
from fencepost.model.errors import InputError, Interrupted, unknown_choice
from fencepost.model.explorer.search.exploration import Explored, Limits, Subject, explore
from fencepost.model.explorer.subjects import sequencer
from fencepost.model.explorer.traces.run_itf import keep_run
from fencepost.model.itf import keep_in_file
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
from fencepost.model.report import Progress, engines_of
from fencepost.proofs.detection import searched
from fencepost.reports.mutants import Cell, MutantsReport, report_of
from fencepost.targets import name_of, several


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
        runs, shown = sum(each.counts.complete for each in came.values()), f"{len(came)} named scenarios"
        unseen = [name for name, each in came.items() if not each.counts.complete]
        if unseen:
            return Detection(Outcome.UNKNOWN, f"{runs} runs of {shown}, none of {', '.join(unseen)} in {seconds:g} s")
        return missed(f"{runs} runs of {shown}")
    name, found = min(violating, key=lambda each: len(each[1].schedule))
    assert found.violation is not None
    assert found.lines is not None
    made = caught("explorer-corpus", found.subject, found.lines, found.schedule, found.violation)
    return replace(made, detail=f"scenario {name}: {made.detail}")


ENGINES: dict[str, Engine] = {
    "z3": searched,
    "explorer-exhaustive": explorer,
    "explorer-corpus": on_corpus,
    "simulation": simulated,
    "explorer-drawn": drawn,
    "native-lockstep": lockstep,
    "native-race": raced,
    "explorer-history": verified,
    "explorer-outside": seen_from_outside,
}
"""The engines with their modes, in the order of the columns: a name such as `explorer` stands for all its modes."""

ORACLES: dict[str, Oracle] = {
    "z3": Oracle.Z3,
    "explorer-exhaustive": Oracle.WATCH,
    "explorer-corpus": Oracle.WATCH,
    "simulation": Oracle.WATCH,
    "explorer-drawn": Oracle.WATCH,
    "native-lockstep": Oracle.NATIVE,
    "native-race": Oracle.HISTORY,
    "explorer-history": Oracle.HISTORY,
    "explorer-outside": Oracle.OUTSIDE,
}
"""Who judges what an engine finds, unless it says otherwise of a cell."""

TIMEOUT_SECONDS = 5.0
"""Of one cell, unless it is one of the corpus."""

CORPUS_TIMEOUT_SECONDS = 6 * TIMEOUT_SECONDS
"""Of one cell of `explorer-corpus`: the others look at the scenarios of one bug, this one at more than thirty, each of
which must have its runs, else the cell is *unknown*. Those of a sound sequencer take ten to twenty seconds.
"""


def mutants(
    target: str | Iterable[str] | None = None,
    *,
    level: Level | None = None,
    property: str | None = None,
    engine: str | Iterable[str] | None = None,
    seed: int = 0,
    jobs: int = 1,
    timeout: float | None = None,
    cluster: str | Path | None = None,
    out: str | Path | None = None,
    on_progress: Progress | None = None,
) -> MutantsReport:
    """Show bugs by name, or those of a level, and the designs that they deviate from, to the engines.

    >>> report = fencepost.mutants("no_wrap", engine="explorer-exhaustive")
    >>> str(report.rows["no_wrap"]["explorer-exhaustive"].outcome)
    'caught'

    property   only bugs that break this promise
    engine     one of `z3`, `explorer`, `simulation`, `native`, or of their modes, such as `native-race`; or several
    timeout    seconds for which an engine may look in each cell; None: TIMEOUT_SECONDS, or CORPUS_TIMEOUT_SECONDS on
               the corpus; the prover is bounded by depth instead, and says so
    cluster    a Dask cluster instead of processes here: tcp://HOST:PORT or the path of its scheduler.json
    out        the folder for violating runs; None: none are written

    `jobs` processes share the cells. Raises InputError for unknown names and engines, and for a bug that is of another
    level or breaks another promise; Interrupted with the report so far, in which cells without an answer are unknown.
    """
    check_arguments(may_be_none=("timeout",), seed=seed, jobs=jobs, timeout=timeout)
    out = path_of("out", out)
    levels, engines = LEVELS if level is None else (level,), modes_of(engine)
    names = tuple(name_of(each, "a bug's name") for each in several(target))
    bugs = _asked(names, levels, property)
    sound = _sound(bugs, levels, all_of_them=not names)
    work = [(name, each) for name in (*bugs, *sound) for each in engines]
    done: dict[tuple[str, str], Cell] = {}
    if on_progress is not None:
        on_progress(f"0 of {len(work)}: {len(bugs)} bugs and {len(sound)} sound sequencers in {len(engines)} engines")
    try:
        with (
            works_on(cluster, jobs) as at_work,
            closing(_through(work, bugs, timeout, seed, out, at_work)) as cells,
        ):
            for cell in cells:
                done[cell.mutant, cell.engine] = cell
                if on_progress is not None:
                    on_progress(f"{len(done)} of {len(work)}: {cell.mutant}, {cell.engine}: {cell.outcome}")
    except KeyboardInterrupt:
        so_far = [done.get(each) or _unanswered(*each, "interrupted") for each in work]
        raise Interrupted(report_of(so_far, sound, seed, is_interrupted=True)) from None
    return report_of([done[each] for each in work], sound, seed)


def modes_of(asked: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return the engines with their modes that names stand for, in the order of the columns; None: all."""
    known = (*dict.fromkeys(each.split("-")[0] for each in ENGINES), *ENGINES)
    names = engines_of(asked, tuple(dict.fromkeys(known)))
    return tuple(each for each in ENGINES if each in names or each.split("-")[0] in names)


def _asked(names: tuple[str, ...], levels: tuple[Level, ...], property: str | None) -> tuple[str, ...]:
    if property is not None and property not in PROPERTIES:
        raise unknown_choice("property", property, PROPERTIES)
    for name in names:
        if bug(name).level not in levels:
            asked = ", ".join(map(str, levels))
            raise InputError(f"{name} is a level-{bug(name).level} mutant: level {asked} was asked for")
        if property not in (None, bug(name).breaks):
            raise InputError(f"{name} breaks {bug(name).breaks}: property {property} was asked for")
    found = names or tuple(
        each.name for each in BUGS.values() if each.level in levels and property in (None, each.breaks)
    )
    if not found:
        raise InputError(f"no bug of level {', '.join(map(str, levels))} breaks {property}: expected another property")
    return found


def _sound(bugs: tuple[str, ...], levels: tuple[Level, ...], *, all_of_them: bool) -> tuple[str, ...]:
    """Return the sound designs that must stay silent: those that the bugs deviate from, or all of the levels."""
    deviated = {BUGS[name].sound.name for name in bugs}
    return tuple(each.name for each in SOUND if each.level in levels and (all_of_them or each.name in deviated))


def _through(
    work: list[tuple[str, str]], bugs: tuple[str, ...], seconds: float | None, seed: int, out: Path | None, jobs: int
) -> Generator[Cell, None, None]:
    """Yield every cell, as it comes, each from a process of its own."""
    works = (
        partial(fill, name, engine, bugs, seconds_of(engine) if seconds is None else seconds, seed, out)
        for name, engine in work
    )
    with closing(as_they_end(works, jobs)) as cells:
        for number, cell in cells:
            yield _unanswered(*work[number], cell.sentence) if isinstance(cell, Ended) else cell


def seconds_of(engine: str) -> float:
    """Return for how long an engine may look in each cell, unless somebody says otherwise."""
    return CORPUS_TIMEOUT_SECONDS if engine == "explorer-corpus" else TIMEOUT_SECONDS


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
        return keep_run(path, found.run)
    if (steps := found.steps) is not None:
        return keep_in_file(path, steps)
    return None
