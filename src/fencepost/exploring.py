"""The explorer, by name: a sequencer, a mutant of the museum, or a litmus file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fencepost.model.errors import InputError, Interrupted, unknown_choice
from fencepost.model.explorer.exploration import Explored, Limits, Subject, Tell
from fencepost.model.explorer.exploration import explore as explore_subject
from fencepost.model.explorer.subjects import LitmusOrigin, arrivals, litmus_file, program, sequencer
from fencepost.model.litmus import lints, read_test
from fencepost.model.litmus.linting import refuse
from fencepost.model.memory import MATRIX, PROFILE
from fencepost.model.museum import BUGS
from fencepost.model.own import is_own, program_of
from fencepost.model.programs import DESIGNS, Scenario, design
from fencepost.model.programs.own import Program

if TYPE_CHECKING:
    from fencepost.model.litmus import LitmusTest

PROFILES = ("sc", "tso", "ncx", "ncx-nospec", "ncx-noevict", "ncx-lfence")
"""The profiles that the explorer supports."""


ENGINES = ("model", "native")
"""The plain reference in Python; the same walk in C++, of what has a native form."""


def subjects(
    what: str | Path | Program,
    *,
    profile: str | None = None,
    matrix: str = MATRIX,
    scenario: Scenario | None = None,
) -> list[Subject]:
    """Return what a program, a name or a file stands for; one subject for each profile that a litmus file names.

    A mutant is explored for the promise that it must break, and without a scenario on its own.

    Raises InputError for what is neither.
    """
    if isinstance(what, Program) or is_own(what):
        if scenario is not None:
            raise InputError("a program of your own has no scenario: leave out what says how large one is")
        return [program(program_of(what), profile or PROFILE, matrix)]
    name = str(what)
    if name.endswith(".litmus") or Path(name).is_file():
        test: LitmusTest = read_test(name)
        return [litmus_file(test, each, matrix) for each in ([profile] if profile else test.profiles)]
    if name in BUGS:
        bug = BUGS[name]
        chosen, asked = scenario or bug.scenario, frozenset({bug.breaks})
        return [sequencer(bug.design, chosen, profile or PROFILE, matrix, asked)]
    if name not in DESIGNS:
        raise InputError(f"{unknown_choice('sequencer', name, DESIGNS)}, a mutant, a litmus file, or FILE.py[:name]")
    found = design(name)
    rings = arrivals(clients=2, brokers=2, batches=3)
    scenario = scenario or Scenario(rings=rings, delegated="delegations" in found.needs)
    return [sequencer(found, scenario, profile or PROFILE, matrix)]


def findings(subject: Subject) -> tuple[str, ...]:
    """Return what the litmus file of a subject says and seldom means; nothing of other subjects."""
    origin = subject.origin
    return lints(origin.test, [origin.profile]) if isinstance(origin, LitmusOrigin) else ()


def explore(
    what: str | Path | Program,
    *,
    profile: str | None = None,
    matrix: str = MATRIX,
    scenario: Scenario | None = None,
    strategy: str = "exhaustive",
    reduction: bool = True,
    seed: int = 0,
    pct_depth: int = 3,
    limits: Limits | None = None,
    engine: str = "model",
    jobs: int = 1,
    checkpoint: Path | None = None,
    resume: bool = False,
    strict: bool = False,
    tell: Tell = lambda progress: None,
) -> list[Explored]:
    """Explore a sequencer on a scenario, a mutant, a litmus file, or a program of one's own.

    That is a `fencepost.program.Program`, FILE.py or FILE.py:name. Returns what came of it under each profile.

    Without a scenario: a mutant on its own, others on two clients, two brokers, three batches, and the receivers that
    write them. Raises InputError for what cannot be explored, and Interrupted with what was explored until then.
    With `strict`, what a litmus file says and seldom means is an error.
    """
    if engine not in ENGINES:
        raise unknown_choice("engine", engine, ENGINES)
    asked = subjects(what, profile=profile, matrix=matrix, scenario=scenario)
    if engine == "native" and (not reduction or jobs != 1 or resume):
        raise InputError("the native explorer has no --no-reduction, --jobs or --resume: leave them out")
    if strict:
        refuse([finding for subject in asked for finding in findings(subject)])

    def explored(subject: Subject) -> Explored:
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
            checkpoint=checkpoint and checkpoint.with_name(f"{subject.profile}-{checkpoint.name}"),
            resume=resume,
            tell=tell,
        )

    found: list[Explored] = []
    try:
        for subject in asked:
            found.append(explored(subject))
    except KeyboardInterrupt as interrupt:
        last = [interrupt.found] if isinstance(interrupt, Interrupted) else []
        raise Interrupted([*found, *last]) from None
    return found
