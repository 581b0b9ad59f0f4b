"""Exploration of litmus programs in C++, held against the model's own explorer and against numbers known beforehand."""

import os
import signal
import threading
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError, Interrupted
from fencepost.model.explorer import litmus as model_litmus
from fencepost.model.explorer import subjects
from fencepost.model.explorer.search import exploration as model_exploration
from fencepost.model.explorer.search.exploration import Explored, Limits
from fencepost.model.explorer.search.reduction import Reduction
from fencepost.model.explorer.states.state import LOOKED
from fencepost.model.litmus import Atom, Condition, LitmusTest, parse_test, read_test
from fencepost.model.litmus.explore import Observation
from fencepost.model.litmus.generate import Shape, draw
from fencepost.model.memory import MATRICES, PROFILES, Matrix, Profile, Program
from fencepost.model.memory.lines import LinesChanged
from fencepost.native.schedules import litmus as native_litmus
from fencepost.native.schedules.exploration import explore, outcomes
from fencepost.native.schedules.stepped import bits_of, choice_of

FILES = sorted((Path(model_litmus.__file__).parents[1] / "litmus" / "suite").glob("*.litmus"))
SUITE = [path for path in FILES if not {"CRASH", "uncached"} & set(path.read_text().split())]
SUPPORTED = ("sc", "tso", "ncx", "ncx-nospec", "ncx-noevict", "ncx-lfence")
RUNS_MOST = 250  # of a drawn program: the model's explorer takes a millisecond for four of them

STORE_BUFFER = "init x=0 y=0\nline X = x\nline Y = y\nH0: W x 1; R r0 y\nH0: W y 1; R r0 x\nbad 0:r0=0 & 1:r0=0"
MESSAGE = "init x=0 y=0\nline X = x\nline Y = y\nH0: W x 1; W y 1\nH0: R r0 y; R r1 x\nbad 1:r0=1 & 1:r1=0"
LOAD_BUFFER = "init x=0 y=0\nline X = x\nline Y = y\nH0: R r0 x; W y 1\nH0: R r0 y; W x 1\nbad 0:r0=1 & 1:r0=1"


def counters(thread_count: int, instructions: str) -> str:
    return "\n".join(["init x=0", "line X = x", *["H0: " + instructions] * thread_count, "bad x=99"])


Ends: TypeAlias = tuple[frozenset[Observation], int, int]  # and the counts of complete and of blocked runs


def explore_litmus(test: LitmusTest, profile_name: str = "ncx", matrix_name: str = "sdmC", **how: Any) -> Explored:
    return explore(subjects.litmus_file(test, profile_name, matrix_name), **how)


def model_outcomes(program: Program, profile: Profile, matrix: Matrix) -> Ends | None:
    """Return what `outcomes` should, from the model's explorer; None for a program with too many runs."""
    system = model_litmus.system_of(program, profile, matrix)
    while True:
        found: set[Observation] = set()
        try:
            walk = Reduction(system)
            for end in walk.ends():
                if walk.counts.complete + walk.counts.blocked > RUNS_MOST:
                    return None
                if end.complete:
                    found |= model_litmus.outcomes(program, system, end.state, memory=True)
        except LinesChanged:
            continue
        return frozenset(found), walk.counts.complete, walk.counts.blocked


# --- numbers known beforehand ---


@pytest.mark.parametrize(
    ("source", "count"),
    [
        (STORE_BUFFER, 3),
        (MESSAGE, 3),
        (LOAD_BUFFER, 3),
        *((counters(n, "FAA r0 x 1"), count) for n, count in ((2, 2), (3, 6), (4, 24))),
        *((counters(n, "R r0 x; W x r0+1"), count) for n, count in ((2, 4), (3, 36))),
    ],
)
def test_each_order_of_conflicting_steps_is_one_complete_run(source: str, count: int) -> None:
    explored = explore_litmus(parse_test(source), "sc")
    assert (explored.verdict, explored.counts.complete) == (Verdict.EXHAUSTED, count)
    assert explored.bound.startswith(f"all {count} complete runs")


def test_two_fetch_adds_never_give_one_number_and_a_load_and_a_store_do() -> None:
    for instructions, verdict in (("FAA r0 x 1", Verdict.EXHAUSTED), ("R r0 x; W x r0+1", Verdict.VIOLATED)):
        test = parse_test(counters(2, instructions).replace("x=99", "0:r0=0 & 1:r0=0"))
        assert explore_litmus(test, "sc").verdict is verdict


# --- beside the model ---


@pytest.mark.parametrize("under", SUPPORTED)
def test_every_file_of_the_suite_has_the_ends_and_the_counts_that_the_model_finds(under: str) -> None:
    compared = 0
    for path in SUITE:
        test = read_test(path)
        expected = model_outcomes(test.program, PROFILES[under], MATRICES["sdmC"])
        if expected is not None:
            assert outcomes(test.program, PROFILES[under], MATRICES["sdmC"], memory_matters=True) == expected, path.stem
            compared += 1
    assert compared > 100


@settings(max_examples=sized(80), deadline=None)
@given(
    seed=st.integers(0, 2**32),
    hosts=st.integers(1, 3),
    lines=st.integers(1, 3),
    under=st.sampled_from(SUPPORTED),
    matrix=st.sampled_from(sorted(MATRICES)),
)
def test_every_program_has_the_ends_and_the_counts_that_the_model_finds(
    seed: int, hosts: int, lines: int, under: str, matrix: str
) -> None:
    program = draw(Random(seed), Shape(hosts=hosts, threads=3, lines=lines))
    expected = model_outcomes(program, PROFILES[under], MATRICES[matrix])
    if expected is not None:
        assert outcomes(program, PROFILES[under], MATRICES[matrix], memory_matters=True) == expected


@pytest.mark.parametrize("under", ["tso", "ncx"])
def test_verdict_bound_and_shortest_schedule_are_those_of_the_model(under: str) -> None:
    for test in (parse_test(STORE_BUFFER), *map(read_test, SUITE[:12])):
        subject = subjects.litmus_file(test, under)
        mine, theirs = explore(subject), model_exploration.explore(subject)
        assert (mine.verdict, mine.bound, mine.counts) == (theirs.verdict, theirs.bound, theirs.counts)
        assert (mine.violation, mine.schedule) == (theirs.violation, theirs.schedule)


def test_where_nothing_is_fetched_ahead_a_load_does_not_commute_with_the_write_after_it() -> None:
    source = "H0: XCHG a x 2; R b w\nH1: NT w 2\nH1: FAA d x 1; R e w\nbad 0:a=1 & 0:b=0 & 2:e=2"
    test, under = parse_test(source), PROFILES["ncx-nospec"]
    expected = native_litmus.outcomes(test.program, under, MATRICES["sdmC"], memory_matters=True, as_defined=True)
    assert outcomes(test.program, under, MATRICES["sdmC"], memory_matters=True)[0] == expected
    for walk in (explore, model_exploration.explore):
        assert walk(subjects.litmus_file(test, "ncx-nospec")).verdict is Verdict.VIOLATED


# --- drawn runs ---


@pytest.mark.parametrize("strategy", ["random", "pct"])
def test_drawn_runs_meet_what_is_wrong_and_the_same_seed_draws_the_same_runs(strategy: str) -> None:
    test = parse_test(STORE_BUFFER)
    first, again = (explore_litmus(test, "tso", strategy=strategy, seed=3, pct_depth=2) for _ in range(2))
    assert first.verdict is Verdict.VIOLATED
    assert (first.schedule, first.counts) == (again.schedule, again.counts)
    assert explore_litmus(test, "sc", strategy=strategy).verdict is Verdict.NOT_FOUND


@settings(max_examples=sized(25), deadline=None)
@given(seed=st.integers(0, 2**32), strategy=st.sampled_from(["random", "pct"]), under=st.sampled_from(SUPPORTED))
def test_what_drawn_runs_find_is_what_some_run_of_the_model_ends_in(seed: int, strategy: str, under: str) -> None:
    program = draw(Random(seed), Shape(hosts=2, threads=2, instructions=3))
    expected = model_outcomes(program, PROFILES[under], MATRICES["sdmC"])
    for thread, code in enumerate(program.threads if expected is not None else ()):
        for register in range(len(code.registers)):
            bad = f"{thread}:r{register}=1"
            test = LitmusTest("drawn", "", (under,), program, Condition((Atom(thread, register, -1, 1, True),), bad))
            found = explore_litmus(test, under, strategy=strategy, limits=Limits(runs=50)).verdict is Verdict.VIOLATED
            assert expected is not None
            assert not found or any(outcome[thread][register] == 1 for outcome in expected[0])


# --- budgets, interruption, refusals ---


def test_a_budget_that_is_spent_is_no_verdict() -> None:
    explored = explore_litmus(parse_test(counters(6, "R r0 x; W x r0+1")), "sc", limits=Limits(seconds=0.05))
    assert (explored.verdict, explored.reason) == (Verdict.UNKNOWN, "the time of 0.05 s was spent")
    assert explored.counts.complete > 0


def test_runs_longer_than_the_depth_are_counted_and_nothing_is_called_exhausted() -> None:
    test = parse_test(counters(2, "R r0 x; W x r0+1"))
    explored = explore_litmus(test, "sc", limits=Limits(depth=3))
    theirs = model_exploration.explore(subjects.litmus_file(test, "sc"), limits=Limits(depth=3))
    assert (explored.verdict, explored.bound, explored.reason) == (theirs.verdict, theirs.bound, theirs.reason)
    assert explored.verdict is Verdict.UNKNOWN  # of none of them anything is known
    assert explored.counts.cut == theirs.counts.cut > 0


def test_ctrl_c_ends_an_exploration_with_what_was_seen() -> None:
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background of a shell it is ignored
    try:
        timer.start()
        with pytest.raises(Interrupted) as interrupt:
            explore_litmus(parse_test(counters(7, "R r0 x; W x r0+1")), "sc")
        timer.join()
    finally:
        signal.signal(signal.SIGINT, before)
    explored = interrupt.value.found
    assert (explored.verdict, explored.reason) == (Verdict.UNKNOWN, "interrupted")
    assert explored.counts.complete > 0


def test_an_error_of_a_progress_report_comes_out() -> None:
    def tell(progress: object) -> None:
        raise RuntimeError("no room on stderr")

    with pytest.raises(RuntimeError, match="no room"):
        explore_litmus(parse_test(counters(7, "R r0 x; W x r0+1")), "sc", tell=tell)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"profile_name": "ncx-tear"}, "does not support"),
        ({"profile_name": "px86"}, "does not support"),
        ({"profile_name": "nowhere"}, "unknown profile"),
        ({"matrix_name": "sdmZ"}, "unknown matrix"),
        ({"strategy": "luck"}, "unknown strategy 'luck'"),
        ({"seed": -1}, "seed is -1"),
        ({"pct_depth": 0}, "PCT depth is 0: expected 1"),
        ({"limits": Limits(depth=0)}, "depth is 0: expected 1"),
        ({"limits": Limits(runs=-1)}, "runs is -1: expected 0"),
    ],
)
def test_what_cannot_be_explored_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        explore_litmus(parse_test(STORE_BUFFER), **arguments)


def test_a_crash_is_refused() -> None:
    with pytest.raises(InputError, match="no CRASH"):
        explore_litmus(read_test(next(path for path in FILES if path.stem == "crash-cached")), "ncx")


@given(
    st.one_of(
        st.just(()),
        st.tuples(st.sampled_from(["own", "forwarded"])),
        st.tuples(st.just("copy"), st.integers(0, 2**39)),
        st.tuples(st.just("evict"), st.lists(st.integers(-2, 28), max_size=7, unique=True).map(tuple)),
    ),
    st.one_of(st.none(), st.integers(0, 1000)),
    st.sampled_from([(), (LOOKED,)]),
)
def test_a_choice_survives_the_way_to_the_native_build_and_back(
    inner: tuple[object, ...], poll: int | None, looked: tuple[str, ...]
) -> None:
    choice = inner if poll is None else (poll, inner, *looked)
    hosts = tuple(range(-2, 29))
    assert choice_of(bits_of(choice, hosts), hosts) == choice
