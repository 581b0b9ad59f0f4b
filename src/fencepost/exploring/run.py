"""The explorer, by name: a sequencer, a mutant of the museum, or a litmus file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from fencepost.arguments import check_arguments, path_of
from fencepost.cluster import works_on
from fencepost.exploring.corpus_search import (
    DRAWN_RUNS,
    NATIVE_RUNS,
    PYTHON_RUNS,
    Budget,
    each_in_turn,
    search_corpus,
)
from fencepost.model.contract import promised, unknown_property
from fencepost.model.errors import InputError, Interrupted, unknown_choice
from fencepost.model.explorer.monitor.run import REFINEMENT
from fencepost.model.explorer.search.exploration import Explored, Limits, Subject, Tell
from fencepost.model.explorer.search.exploration import Progress as Visited
from fencepost.model.explorer.search.exploration import explore as explore_subject
from fencepost.model.explorer.search.reduction import DEPTH_MOST
from fencepost.model.explorer.subjects import SequencerOrigin, litmus_file, program, sequencer
from fencepost.model.language import Protocol
from fencepost.model.litmus import LitmusTest, read_test
from fencepost.model.litmus.linting import refuse
from fencepost.model.litmus.parser import STANDARD_INPUT
from fencepost.model.memory import MATRIX, PROFILE
from fencepost.model.museum import BUGS
from fencepost.model.own import is_own, program_of
from fencepost.model.processes import is_elsewhere
from fencepost.model.programs import DESIGNS, Design, Scenario, design
from fencepost.model.programs.corpus import CORPUS, Named, corpus_for, fitted, named, runs_on
from fencepost.model.programs.users.own import Program
from fencepost.model.report import Progress
from fencepost.native.schedules.pipeline import has_stepped_form
from fencepost.reports.explore import ExploreReport, file_name, lints_of, report_of, why_not
from fencepost.targets import name_of, one_of, refuse_cpp

Target: TypeAlias = str | Path | Program | Design | LitmusTest | type[Protocol]
EXPECTED = "a sequencer's or bug's name, a litmus file, FILE.py[:name], or an object of these"

PROFILES = ("sc", "tso", "ncx", "ncx-nospec", "ncx-noevict", "ncx-lfence")
"""The profiles that the explorer supports."""


ALL, DRAWN, DRAWN_COUNT = "all", "drawn", 20
"""Names of the whole corpus, and of scenarios that are drawn; how many of those."""

ENGINES = ("explorer", "native")
"""The plain reference in Python; the same walk in C++, of what has a native form."""


def subjects(
    what: Target,
    *,
    profile: str | None = None,
    matrix: str = MATRIX,
    scenario: Scenario | str | None = None,
    property: str | None = None,
    seed: int = 0,
    engine: str = "explorer",
    hosts: str = "",
) -> list[Subject]:
    """Return what a target stands for: a subject for each profile of a litmus file, each scenario of a sequencer.

    `scenario` is one of one's own, or the name of one of the corpus, ALL of them, or DRAWN by what `compare` draws. A
    bug is explored for the promise that it must break, and without a scenario on its own; a sequencer on ALL.

    Raises InputError for what is neither, and for a property that a sequencer's runs cannot be held against.
    """
    if isinstance(what, Program) or (isinstance(what, str | Path) and is_own(what)):
        _refuse_beside("a program of your own", scenario, property)
        return [program(program_of(what), profile or PROFILE, matrix)]
    if isinstance(what, LitmusTest) or (
        isinstance(what, str | Path)
        and (str(what) == STANDARD_INPUT or str(what).endswith(".litmus") or Path(what).is_file())
    ):
        _refuse_beside("a litmus file", scenario, property)
        test = (what if isinstance(what, LitmusTest) else read_test(what, hosts)).asking()
        return [litmus_file(test, each, matrix) for each in ([profile] if profile else test.profiles)]
    given = what.name if isinstance(what, Design) or (isinstance(what, type) and issubclass(what, Protocol)) else what
    name = name_of(given, EXPECTED)
    if name not in BUGS and name not in DESIGNS:
        raise InputError(f"{unknown_choice('sequencer', name, (*DESIGNS, *BUGS))}; or a litmus file, or FILE.py[:name]")
    found = BUGS[name].design if name in BUGS else design(name)
    asked = _asked(found, property) or (frozenset({BUGS[name].breaks}) if name in BUGS else None)
    usual = BUGS[name].scenario if name in BUGS else ALL
    made = [
        _on(found, each, profile or PROFILE, matrix, asked)
        for each in scenarios(found, scenario or usual, seed, engine)
    ]
    return made if property is None else _that_show(property, made)


def _that_show(property: str, made: list[Subject]) -> list[Subject]:
    """Return the subjects whose runs are held against a promise. InputError: there is none, with the reason."""
    reasons = [why_not(property, [each.origin]) for each in made if isinstance(each.origin, SequencerOrigin)]
    shown = [each for each, why in zip(made, reasons, strict=True) if not why]
    if not shown:
        raise InputError(f"nothing that was asked for shows {property}: {reasons[0]}; choose another scenario")
    return shown


def _refuse_beside(what: str, scenario: object, property: str | None) -> None:
    if scenario is not None:
        raise InputError(f"{what} has no scenario: leave out what says how large one is")
    if property is not None:
        raise InputError(f"property {property!r} of {what}: expected none; its own conditions are what is judged")


def _asked(design: Design, property: str | None) -> frozenset[str] | None:
    """Return the one property that is asked for. InputError: the level has no such promise, or no run can show it."""
    known = [each for each in promised(design.level) if each != "wait-free"]
    if property is not None and property not in (*known, REFINEMENT):
        raise unknown_property(property, (*known, REFINEMENT))
    return None if property is None else frozenset({property})


def scenarios(design: Design, asked: Scenario | str, seed: int, engine: str) -> list[Named]:
    """Return the scenarios that a word stands for, with their names; one of one's own has none.

    The native engine has no form of some: ALL are then those that it has.
    """
    if isinstance(asked, Scenario):
        return [Named("", "", asked)]
    if asked == ALL:
        return [each for each in corpus_for(design) if engine != "native" or has_stepped_form(each.scenario, design)]
    if asked == DRAWN:
        from fencepost.strategies import drawn_scenarios

        drawn = drawn_scenarios(DRAWN_COUNT, design.level, seed)
        fitting = [fitted(each, design) for each in drawn]
        return [Named(f"drawn {number}", "", each) for number, each in enumerate(fitting) if runs_on(design, each)]
    if asked not in CORPUS:
        raise unknown_choice("scenario", asked, (*CORPUS, ALL, DRAWN))
    return [named(asked, design)]


def _on(design: Design, each: Named, profile: str, matrix: str, asked: frozenset[str] | None = None) -> Subject:
    made = sequencer(design, each.scenario, profile, matrix, asked)
    return replace(made, scenario=each.name, size=f"{each.name}: {made.size}") if each.name else made


@dataclass(frozen=True)
class Search:
    """How each subject is searched."""

    engine: str
    strategy: str | None
    reduction: bool
    seed: int
    pct_depth: int
    limits: Limits
    jobs: int
    checkpoint: Path | None
    resume: bool
    on_progress: Progress

    def __call__(self, subject: Subject, strategy: str, limits: Limits) -> Explored:
        """Search one subject, and say which it is: many a scenario is searched before there is more to say."""
        self.on_progress(f"{subject.name}{subject.scenario and f' on {subject.scenario}'}: {strategy}")
        tell = _teller(self.on_progress)
        if self.engine == "native":
            from fencepost.native import explore as explore_natively

            return explore_natively(
                subject, strategy=strategy, seed=self.seed, pct_depth=self.pct_depth, limits=limits, tell=tell
            )
        return explore_subject(
            subject,
            strategy=strategy,
            reduction=self.reduction,
            seed=self.seed,
            pct_depth=self.pct_depth,
            limits=limits,
            jobs=self.jobs,
            checkpoint=None if self.checkpoint is None else _named_for(self.checkpoint, subject),
            resume=self.resume,
            tell=tell,
        )

    def on_corpus(self, asked: list[Subject]) -> list[Explored]:
        """Search several scenarios; where nobody asked for a number of runs, as many as `check` does."""
        is_asked = self.strategy is not None or self.limits.runs is not None
        most = NATIVE_RUNS if self.engine == "native" else PYTHON_RUNS
        budget = Budget(self.limits.runs if is_asked else most, DRAWN_RUNS, self.limits.seconds, self.limits.depth)
        try:
            whole = self._undivided() if is_elsewhere() else replace(self, checkpoint=None)
            return list(search_corpus({each.scenario: each for each in asked}, budget, whole).values())
        except Interrupted as interrupt:
            raise Interrupted(list(interrupt.found.values())) from None

    def on_each(self, asked: list[Subject]) -> list[Explored]:
        """Search one subject after the other. Raises Interrupted with what came of them until then."""
        strategy, found = self.strategy or "exhaustive", list[Explored]()
        is_divided = self.engine == "explorer" and strategy == "exhaustive" and self.reduction  # by itself
        search = self._undivided() if is_elsewhere() and not is_divided else self
        works = [partial(search, subject, strategy, self.limits) for subject in asked]
        try:
            for explored in (work() for work in works) if is_divided else each_in_turn(works, asked):
                found.append(explored)
        except KeyboardInterrupt as interrupt:
            last = [interrupt.found] if isinstance(interrupt, Interrupted) else []
            raise Interrupted([*found, *last]) from None
        return found

    def _undivided(self) -> Search:
        """Return the same as a work for another machine, which keeps no checkpoint and tells nobody how far it is."""
        return replace(self, jobs=1, checkpoint=None, on_progress=_silent)


def _silent(message: str) -> None:
    """Tell nobody."""


def _named_for(checkpoint: Path, subject: Subject) -> Path:
    return checkpoint.with_name(f"{subject.profile}-{checkpoint.name}")


def checkpoint_of(target: object, out: Path) -> Path:
    """Return the file in the folder `out` that keeps where the search of a target stands."""
    return out / f"explore-{file_name(Path(str(getattr(target, 'name', target))).name)}.checkpoint.json"


def explore(
    target: Target,
    *,
    property: str | None = None,
    engine: str = "explorer",
    seed: int = 0,
    jobs: int = 1,
    timeout: float = 60.0,
    depth: int = DEPTH_MOST,
    runs: int | None = None,
    profile: str | None = None,
    matrix: str = MATRIX,
    scenario: Scenario | str | None = None,
    strategy: str | None = None,
    reduction: bool = True,
    pct_depth: int = 3,
    resume: bool = False,
    strict: bool = False,
    hosts: str = "",
    cluster: str | Path | None = None,
    out: str | Path | None = None,
    on_progress: Progress | None = None,
) -> ExploreReport:
    """Explore a sequencer on scenarios, a bug, a litmus file, or a program of one's own.

    >>> str(fencepost.explore("order5.fetch_add", scenario="empty-ring").verdict)
    'exhausted'

    target     a name, a path, FILE.py[:name], a `fencepost.program.Program`, a protocol, a design, or a litmus test
    property   only this promise of a sequencer
    engine     `explorer`, the plain reference in Python, or `native`, the same in C++
    timeout    seconds of all together; what is not visited by then is *unknown*, or *not found* in so many runs
    depth      steps of a run; a longer one is left out, and said
    runs       complete runs, at most; None: 2,000 drawn ones, 40 of each scenario of the corpus, or all of one
    scenario   one of one's own, or the name of one of the corpus, ALL of them (of sequencers the default), or DRAWN.
               Several share what is allowed: a few drawn runs of each, then all of each, as far as that goes
    strategy   `exhaustive`, `random` or `pct`; with one, only the limits end it
    hosts      P0=0,P1=1 places the threads of a test in herd's format
    cluster    a Dask cluster instead of processes here: tcp://HOST:PORT or the path of its scheduler.json; it works on
               parts of a search for all runs, else on scenario beside scenario
    out        the folder for traces, and for where a search stands; None: nothing is written

    Raises InputError for what cannot be explored, and Interrupted with the report so far. With `strict`, what a litmus
    file or a program of one's own says and seldom means is an error.
    """
    _check_engine(engine, is_plain=reduction and jobs == 1 and not resume)
    check_arguments(
        may_be_none=("runs",), seed=seed, jobs=jobs, timeout=timeout, depth=depth, runs=runs, pct_depth=pct_depth
    )
    out = path_of("out", out)
    one = one_of(target, EXPECTED)
    refuse_cpp(one)
    asked = subjects(
        one, profile=profile, matrix=matrix, scenario=scenario, property=property, seed=seed, engine=engine, hosts=hosts
    )  # fmt: skip
    if strict:
        refuse([finding for subject in asked for finding in lints_of(subject)])
    checkpoint = None if out is None else checkpoint_of(one, out)
    search = Search(
        engine, strategy, reduction, seed, pct_depth, Limits(timeout, depth, runs), jobs, checkpoint, resume,
        on_progress or _silent,
    )  # fmt: skip
    of_corpus = len(asked) > 1 and asked[-1].scenario != "" and strategy in (None, "exhaustive")
    try:
        with works_on(cluster, jobs) as at_work:
            search = replace(search, jobs=at_work)
            explored = search.on_corpus(asked) if of_corpus else search.on_each(asked)
    except Interrupted as interrupt:
        raise Interrupted(report_of(interrupt.found, engine, seed, out, is_interrupted=True)) from None
    return report_of(explored, engine, seed, out)


def _check_engine(engine: str, *, is_plain: bool) -> None:
    if engine not in ENGINES:
        raise unknown_choice("engine", engine, ENGINES)
    if engine == "native" and not is_plain:
        raise InputError("the native explorer has no --no-reduction, --jobs or --resume: leave them out")


def _teller(on_progress: Progress) -> Tell:
    """Return what says in words how far a search is."""

    def tell(visited: Visited) -> None:
        left = visited.seconds * (1 - visited.done) / visited.done if visited.done else 0.0
        eta = f", about {left:.0f} s to go" if visited.done else ""
        on_progress(f"{visited.ended_count} runs, about {visited.done:.1%} of all{eta}")

    return tell
