"""Schedules explored in C++: the same runs, counts and verdicts as `model/explorer`, sooner.

What is found wrong comes back as a schedule; the model runs that schedule again, says what is wrong and makes it
shorter, so that no violation is reported that only one of the two sees.
"""

from __future__ import annotations

from fencepost.model.errors import InputError, Interrupted
from fencepost.model.explorer.pipeline import watch_of
from fencepost.model.explorer.search.exploration import INTERRUPTED, Explored, Limits, Subject
from fencepost.model.explorer.subjects import LitmusOrigin, ProgramOrigin, SequencerOrigin, StructureOrigin
from fencepost.model.litmus import Condition
from fencepost.model.litmus.explore import Observation
from fencepost.model.memory import Matrix, Profile, Program, matrix, profile
from fencepost.native import _core
from fencepost.native.schedules.litmus import cut, to_native
from fencepost.native.schedules.pipeline import Watching, addresses_of, native_pipeline
from fencepost.native.schedules.stepped import Names, Tell, conclude, search_of, teller
from fencepost.native.schedules.structures import native_structure

__all__ = ["explore", "outcomes"]


def explore(
    subject: Subject,
    *,
    strategy: str = "exhaustive",
    seed: int = 0,
    pct_depth: int = 3,
    limits: Limits | None = None,
    tell: Tell = lambda progress: None,
) -> Explored:
    """Explore a subject of `model/explorer/subjects.py` and return the verdict, as the model's own explorer does.

    Raises InputError for a subject, strategy or limit that the stepped build does not support, and Disagreement where
    the model does not find wrong what the native build found. Ctrl-C ends the exploration within a quarter of a second,
    with Interrupted and what was seen until then.
    """
    limits = limits or Limits()
    search = search_of(strategy, seed, pct_depth, limits)
    match subject.origin:
        case LitmusOrigin() as origin:
            fields, names = _explore_litmus(origin, search, tell), _names(origin.test.program)
        case SequencerOrigin() as origin:
            fields, names = _explore_sequencer(origin, search, tell)
        case StructureOrigin() as origin:
            fields, names = _explore_structure(origin, search, tell)
        case ProgramOrigin():
            raise InputError(
                f"{subject.name} is a program in Python: the native explorer runs none; use --engine explorer"
            )
        case _:
            raise InputError(
                f"{subject.name} is neither a sequencer on a scenario nor a litmus file nor a shared structure"
            )
    explored = conclude(subject, fields, names, strategy=strategy, seed=seed, pct_depth=pct_depth, limits=limits)
    if explored.reason.startswith(INTERRUPTED):
        raise Interrupted(explored)
    return explored


def _explore_litmus(origin: LitmusOrigin, search: _core.Search, tell: Tell) -> _core.ExploredFields:
    test = origin.test
    return _explore_program(
        test.program, test.bad, profile(origin.profile), matrix(origin.matrix), search,
        memory=test.bad.names_memory, tell=tell,
    )  # fmt: skip


def _explore_sequencer(origin: SequencerOrigin, search: _core.Search, tell: Tell) -> tuple[_core.ExploredFields, Names]:
    design, scenario, asked = origin.design, origin.scenario, origin.asked
    watching = Watching(watch_of(design, scenario, asked))
    pipeline, names = native_pipeline(
        design, scenario, profile(origin.profile), matrix(origin.matrix), judge=watching.judge()
    )
    watching.addresses = addresses_of(names)
    try:
        fields = pipeline.explore(
            search,
            asks_drained=asked is None or "drained" in asked,
            asks_single_writer=asked is None or "single-writer" in asked,
            tell=teller(tell),
        )
    except _core.Refused as refused:
        raise InputError(str(refused)) from None
    return fields, names


def _explore_structure(origin: StructureOrigin, search: _core.Search, tell: Tell) -> tuple[_core.ExploredFields, Names]:
    given = origin.structure
    made, names = native_structure(given, profile(origin.profile), matrix(origin.matrix))

    def wrong_at_end(returned: list[list[int] | None]) -> bool:
        return given.wrong(tuple(None if each is None else tuple(each) for each in returned)) is not None

    try:
        fields = made.explore(
            search, asks_single_writer=given.single_writer, wrong_at_end=wrong_at_end, tell=teller(tell)
        )
    except _core.Refused as refused:
        raise InputError(str(refused)) from None
    return fields, names


def outcomes(
    program: Program, profile: Profile, matrix: Matrix, *, memory_matters: bool = False
) -> tuple[frozenset[Observation], int, int]:
    """Return every end that some run of a program has, and the counts of complete and blocked runs."""
    limits = Limits(seconds=1e9)
    fields = _explore_program(
        program, None, profile, matrix, search_of("exhaustive", 0, 1, limits),
        memory=memory_matters, tell=lambda progress: None,
    )  # fmt: skip
    if fields["stop"]:
        raise KeyboardInterrupt
    widths = _widths(program, memory=memory_matters)
    return frozenset(cut(row, widths) for row in fields["outcomes"]), fields["complete"], fields["blocked"]


def _explore_program(
    program: Program,
    condition: Condition | None,
    profile: Profile,
    matrix: Matrix,
    search: _core.Search,
    *,
    memory: bool,
    tell: Tell,
) -> _core.ExploredFields:
    given = to_native(
        program, condition, profile, matrix, snapshot=profile.snapshot, memory_matters=memory, as_defined=False
    )
    try:
        return _core.explore_stepped_litmus(
            given, search, one_host=profile.one_host, with_memory=memory, tell=teller(tell)
        )
    except _core.Refused as refused:
        raise InputError(str(refused)) from None


def _names(program: Program) -> Names:
    return Names(tuple((line.name,) for line in program.lines), tuple(range(len(program.hosts))))


def _widths(program: Program, *, memory: bool) -> list[int]:
    widths = [len(thread.registers) for thread in program.threads]
    return widths + ([len(line.words) for line in program.lines] if memory else [])
