"""The explorer, by name: a sequencer, a mutant of the museum, or a litmus file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fencepost.corpus_search import DRAWN_RUNS, NATIVE_RUNS, PYTHON_RUNS, Budget, Explore, search_corpus
from fencepost.model.errors import InputError, Interrupted, unknown_choice
from fencepost.model.explorer.exploration import Explored, Limits, Subject, Tell
from fencepost.model.explorer.exploration import explore as explore_subject
from fencepost.model.explorer.subjects import LitmusOrigin, litmus_file, program, sequencer
from fencepost.model.litmus import lints, read_test
from fencepost.model.litmus.linting import refuse
from fencepost.model.litmus.parser import STANDARD_INPUT
from fencepost.model.memory import MATRIX, PROFILE
from fencepost.model.museum import BUGS
from fencepost.model.own import is_own, program_of
from fencepost.model.programs import DESIGNS, Design, Scenario, design
from fencepost.model.programs.corpus import CORPUS, Named, corpus_for, fitted, named, runs_on
from fencepost.model.programs.own import Program
from fencepost.native.pipeline import has_stepped_form

if TYPE_CHECKING:
    from fencepost.model.litmus import LitmusTest

PROFILES = ("sc", "tso", "ncx", "ncx-nospec", "ncx-noevict", "ncx-lfence")
"""The profiles that the explorer supports."""


ALL, DRAWN, DRAWN_COUNT = "all", "drawn", 20
"""Names of the whole corpus, and of scenarios that are drawn; how many of those."""

ENGINES = ("model", "native")
"""The plain reference in Python; the same walk in C++, of what has a native form."""


def subjects(
    what: str | Path | Program,
    *,
    profile: str | None = None,
    matrix: str = MATRIX,
    scenario: Scenario | str | None = None,
    seed: int = 0,
    engine: str = "model",
    hosts: str = "",
) -> list[Subject]:
    """Return what a name or a litmus file stands for: a subject for each profile of a file, each scenario of a name.

    `scenario` is one of one's own, or the name of one of the corpus, ALL of them, or DRAWN by what `compare` draws. A
    bug is explored for the promise that it must break, and without a scenario on its own; a sequencer on ALL.

    Raises InputError for what is neither.
    """
    if isinstance(what, Program) or is_own(what):
        if scenario is not None:
            raise InputError("a program of your own has no scenario: leave out what says how large one is")
        return [program(program_of(what), profile or PROFILE, matrix)]
    name = str(what)
    if name == STANDARD_INPUT or name.endswith(".litmus") or Path(name).is_file():
        test: LitmusTest = read_test(name, hosts).asking()
        return [litmus_file(test, each, matrix) for each in ([profile] if profile else test.profiles)]
    if name in BUGS:
        bug = BUGS[name]
        chosen, asked = scenarios(bug.design, scenario or bug.scenario, seed, engine), frozenset({bug.breaks})
        return [_on(bug.design, each, profile or PROFILE, matrix, asked) for each in chosen]
    if name not in DESIGNS:
        raise InputError(
            f"{unknown_choice('sequencer', name, DESIGNS)}, a bug of the museum, a litmus file, or FILE.py[:name]"
        )
    found = design(name)
    return [_on(found, each, profile or PROFILE, matrix) for each in scenarios(found, scenario or ALL, seed, engine)]


def scenarios(design: Design, asked: Scenario | str, seed: int, engine: str) -> list[Named]:
    """Return the scenarios that a word stands for, with their names; one of one's own has none.

    The native engine has no form of some: ALL are then those that it has.
    """
    if isinstance(asked, Scenario):
        return [Named("", "", asked)]
    if asked == ALL:
        return [each for each in corpus_for(design) if engine != "native" or has_stepped_form(each.scenario)]
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


def _on_corpus(
    asked: list[Subject], explore: Explore, limits: Limits, engine: str, *, is_asked: bool
) -> list[Explored]:
    """Search several scenarios within the limits; where nobody asked for a number of runs, as many as `check` does."""
    runs = limits.runs if is_asked else (NATIVE_RUNS if engine == "native" else PYTHON_RUNS)
    budget = Budget(runs, DRAWN_RUNS, limits.seconds, limits.depth)
    try:
        return list(search_corpus({each.scenario: each for each in asked}, budget, explore).values())
    except Interrupted as interrupt:
        raise Interrupted(list(interrupt.found.values())) from None


def _named_for(checkpoint: Path, subject: Subject) -> Path:
    return checkpoint.with_name(f"{subject.profile}-{checkpoint.name}")


def findings(subject: Subject) -> tuple[str, ...]:
    """Return what the litmus file of a subject says and seldom means; nothing of other subjects."""
    origin = subject.origin
    return lints(origin.test, [origin.profile]) if isinstance(origin, LitmusOrigin) else ()


def explore(
    what: str | Path | Program,
    *,
    profile: str | None = None,
    matrix: str = MATRIX,
    scenario: Scenario | str | None = None,
    strategy: str | None = None,
    reduction: bool = True,
    seed: int = 0,
    pct_depth: int = 3,
    limits: Limits | None = None,
    engine: str = "model",
    jobs: int = 1,
    checkpoint: Path | None = None,
    resume: bool = False,
    strict: bool = False,
    hosts: str = "",
    tell: Tell = lambda progress: None,
) -> list[Explored]:
    """Explore a sequencer on a scenario, a mutant, a litmus file, or a program of one's own.

    That is a `fencepost.program.Program`, FILE.py or FILE.py:name. Returns what came of it under each profile.

    `scenario` is one of one's own, or the name of one of the corpus, ALL of them (for sequencers the default), or
    DRAWN. Several scenarios share `limits`: a few drawn runs of each, then all runs of each, as far as the budget goes;
    what is not searched to its end is *not found* in so many runs. With a `strategy` only `limits` end it.

        (explored,) = fencepost.explore("order4.claim", scenario="wrap-parked")

    Raises InputError for what cannot be explored, and Interrupted with what was explored until then. With `strict`,
    what a litmus file says and seldom means is an error. `hosts`, such as P0=0,P1=1, places the threads of a test in
    herd's format.
    """
    if engine not in ENGINES:
        raise unknown_choice("engine", engine, ENGINES)
    asked = subjects(what, profile=profile, matrix=matrix, scenario=scenario, seed=seed, engine=engine, hosts=hosts)
    if engine == "native" and (not reduction or jobs != 1 or resume):
        raise InputError("the native explorer has no --no-reduction, --jobs or --resume: leave them out")
    if strict:
        refuse([finding for subject in asked for finding in findings(subject)])

    of_corpus = len(asked) > 1 and asked[-1].scenario != ""

    def explored(subject: Subject, strategy: str, limits: Limits | None) -> Explored:
        if engine == "native":
            from fencepost.native import explore as explore_natively

            return explore_natively(
                subject, strategy=strategy, seed=seed, pct_depth=pct_depth, limits=limits, tell=tell
            )
        return explore_subject(
            subject,
            strategy=strategy,
            reduction=reduction,
            seed=seed,
            pct_depth=pct_depth,
            limits=limits,
            jobs=jobs,
            checkpoint=None if of_corpus or checkpoint is None else _named_for(checkpoint, subject),
            resume=resume,
            tell=tell,
        )

    if of_corpus and strategy in (None, "exhaustive"):
        limits = limits or Limits()
        return _on_corpus(asked, explored, limits, engine, is_asked=strategy is not None or limits.runs is not None)
    return _each(asked, explored, strategy or "exhaustive", limits)


def _each(
    asked: list[Subject],
    explored: Callable[[Subject, str, Limits | None], Explored],
    strategy: str,
    limits: Limits | None,
) -> list[Explored]:
    """Explore one subject after the other. Raises Interrupted with what came of them until then."""
    found: list[Explored] = []
    try:
        for subject in asked:
            found.append(explored(subject, strategy, limits))
    except KeyboardInterrupt as interrupt:
        last = [interrupt.found] if isinstance(interrupt, Interrupted) else []
        raise Interrupted([*found, *last]) from None
    return found
