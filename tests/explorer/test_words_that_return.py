"""A word may come back to what a wait has seen: the wait could have ended before that, and no run may be left out."""

import pytest
from drawn_waits import (
    SUPPORTED,
    TAKEN_BACK,
    THREADS,
    WORD,
    Returning,
    Threads,
    TooMany,
    all_ends_of,
    ends_of,
    made,
    system_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from fencepost.model.contract import Verdict
from fencepost.model.explorer.search.exploration import Limits, explore
from fencepost.model.explorer.search.reduction import Reduction
from fencepost.model.explorer.subjects import sequencer
from fencepost.model.museum import BUGS
from fencepost.model.programs.operations import (
    Flush,
    FullFence,
    Load,
    Poll,
    Program,
    Receive,
    Send,
    Store,
    ThreadOf,
    Watched,
)

# --- one word ---


def writer(values: tuple[int, ...], *, flushed: bool) -> Program:
    for value in values:
        yield Store(WORD, value)
        if flushed:
            yield Flush(("x",))
            yield FullFence()


def waiting(count: int, *, invalidate: bool) -> Returning:
    seen = 0
    for _ in range(count):
        _, seen = yield Poll((Watched(WORD, seen, invalidate),))
    return seen


def spinning() -> Returning:
    while (seen := (yield Load(WORD))) == 0:
        pass
    return seen


VALUES = st.lists(st.integers(0, 2), min_size=1, max_size=4).map(tuple)


@settings(max_examples=sized(60), deadline=None)
@given(VALUES, st.integers(1, 2), st.booleans())
def test_a_poll_ends_at_every_value_that_the_word_ever_had(values: tuple[int, ...], count: int, other: bool) -> None:
    """On one host, and between two of which the writer flushes each store and the reader invalidates each look."""
    threads = (
        ThreadOf("writer", 0, lambda: writer(values, flushed=other)),
        ThreadOf("reader", int(other), lambda: waiting(count, invalidate=other)),
    )
    name = "ncx" if other else "sc"
    assert ends_of(system_of(name, *threads)) == all_ends_of(system_of(name, *threads))


@settings(max_examples=sized(30), deadline=None)
@given(VALUES)
def test_a_loop_around_a_load_ends_at_every_value_too(values: tuple[int, ...]) -> None:
    threads = (ThreadOf("writer", 0, lambda: writer(values, flushed=False)), ThreadOf("reader", 0, spinning))
    assert ends_of(system_of("sc", *threads)) == all_ends_of(system_of("sc", *threads))


def test_a_message_may_be_taken_by_whoever_waits_for_one() -> None:
    def sending() -> Program:
        for number in range(3):
            yield Send(("channel", 0), number)

    def receiving() -> Returning:
        return (yield Receive(("channel", 0)))

    threads = (
        ThreadOf("sender", 0, sending),
        *(ThreadOf(f"receiver {number}", 0, receiving) for number in range(2)),
    )
    found = ends_of(system_of("sc", *threads))
    assert found == all_ends_of(system_of("sc", *threads)) == {(None, 0, 1), (None, 1, 0)}


@pytest.mark.parametrize("reduction", [True, False])
def test_a_guard_that_is_wiped_is_seen_before_that(reduction: bool) -> None:
    """Its run was left out: all runs of the scenario were said to be exhausted, and there was one."""
    bug = BUGS["wiped_with_the_announcement"]
    found = explore(sequencer(bug.design, bug.scenario, "ncx"), reduction=reduction, limits=Limits(60.0))
    assert found.verdict is Verdict.VIOLATED


# --- drawn programs, with waits for several words ---


@settings(max_examples=sized(150), deadline=None)
@given(THREADS, st.sampled_from(SUPPORTED))
def test_no_end_of_a_drawn_program_with_waits_is_left_out(threads: Threads, name: str) -> None:
    try:
        expected = all_ends_of(made(name, threads), most=4_000)
    except TooMany:
        return
    assert ends_of(made(name, threads)) == expected


@pytest.mark.parametrize("what", TAKEN_BACK)
def test_what_is_taken_back_could_have_ended_a_wait(what: str) -> None:
    name, threads = TAKEN_BACK[what]
    assert ends_of(made(name, threads)) == all_ends_of(made(name, threads))


def test_a_search_that_looks_at_nothing_taken_back_leaves_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reduction, "_passed_over", lambda self, thread: [])
    for what in list(TAKEN_BACK)[:2]:
        name, threads = TAKEN_BACK[what]
        assert ends_of(made(name, threads)) < all_ends_of(made(name, threads))


def test_a_search_that_does_not_ask_for_waits_that_sleep_leaves_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reduction, "_reverse_asleep", lambda self, place: None)
    name, threads = TAKEN_BACK["the same, of a thread that is tried first"]
    assert ends_of(made(name, threads)) < all_ends_of(made(name, threads))
