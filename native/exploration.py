"""Schedules explored in C++: the same runs, counts and verdicts as `model/explorer`, sooner.

What is found wrong comes back as a schedule; the model runs that schedule again, says what is wrong and makes it
shorter, so that no violation is reported that only one of the two sees.
"""

from __future__ import annotations

from fencepost.model.errors import InputError
from fencepost.model.explorer import subjects
from fencepost.model.explorer.exploration import Explored, Limits
from fencepost.model.explorer.litmus import holds
from fencepost.model.litmus import LitmusTest
from fencepost.model.litmus.explore import Observation
from fencepost.model.memory import MATRIX, PROFILE, Matrix, Profile, Program, matrix, profile
from fencepost.native import _core
from fencepost.native.litmus import cut, to_native
from fencepost.native.stepped import Names, Tell, conclude, search_of, teller

__all__ = ["explore_litmus", "outcomes"]


def explore_litmus(
    test: LitmusTest,
    profile_name: str = PROFILE,
    matrix_name: str = MATRIX,
    *,
    strategy: str = "exhaustive",
    seed: int = 0,
    pct_depth: int = 3,
    limits: Limits | None = None,
    tell: Tell = lambda progress: None,
) -> Explored:
    """Explore a litmus test and return the verdict; `Explored.subject` is what the model's explorer explores.

    Raises InputError for a file, profile, strategy or limit that the stepped build does not support. Ctrl-C ends the
    exploration within a quarter of a second; the result is what was seen until then, and *unknown*.
    """
    subject = subjects.litmus_file(test, profile_name, matrix_name)
    limits = limits or Limits()
    memory, thread_count = test.bad.names_memory, len(test.program.threads)
    widths = _widths(test.program, memory=memory)
    fields = _explore(
        test.program,
        profile(profile_name),
        matrix(matrix_name),
        search_of(strategy, seed, pct_depth, limits),
        memory=memory,
        is_bad=lambda row: holds(test.bad, thread_count, cut(row, widths)),
        tell=tell,
    )
    return conclude(
        subject, fields, _names(test.program),
        strategy=strategy, seed=seed, pct_depth=pct_depth, limits=limits, thread_count=thread_count,
    )  # fmt: skip


def outcomes(
    program: Program, profile: Profile, matrix: Matrix, *, memory_matters: bool = False
) -> tuple[frozenset[Observation], int, int]:
    """Return every end that some run of a program has, and the counts of complete and blocked runs."""
    limits = Limits(seconds=1e9)
    fields = _explore(
        program, profile, matrix, search_of("exhaustive", 0, 1, limits),
        memory=memory_matters, is_bad=lambda row: False, tell=lambda progress: None,
    )  # fmt: skip
    if fields["stop"]:
        raise KeyboardInterrupt
    widths = _widths(program, memory=memory_matters)
    return frozenset(cut(row, widths) for row in fields["outcomes"]), fields["complete"], fields["blocked"]


def _explore(
    program: Program,
    profile: Profile,
    matrix: Matrix,
    search: _core.Search,
    *,
    memory: bool,
    is_bad: _core.IsBad,
    tell: Tell,
) -> _core.ExploredFields:
    given = to_native(
        program, None, profile, matrix, snapshot=profile.snapshot, memory_matters=memory, as_defined=False
    )
    try:
        return _core.explore_stepped_litmus(
            given, search, one_host=profile.one_host, with_memory=memory, is_bad=is_bad, tell=teller(tell)
        )
    except _core.Refused as refused:
        raise InputError(str(refused)) from None


def _names(program: Program) -> Names:
    return Names(tuple((line.name,) for line in program.lines), tuple(range(len(program.hosts))))


def _widths(program: Program, *, memory: bool) -> list[int]:
    widths = [len(thread.registers) for thread in program.threads]
    return widths + ([len(line.words) for line in program.lines] if memory else [])
