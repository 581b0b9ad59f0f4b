"""A word may come back to what a wait has seen: the wait could have ended before that, and no run may be left out."""

from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fencepost.model.contract import Verdict
from fencepost.model.explorer.exploration import Limits, explore
from fencepost.model.explorer.reduction import Reduction, stuck
from fencepost.model.explorer.state import State
from fencepost.model.explorer.subjects import returned, sequencer
from fencepost.model.explorer.system import System
from fencepost.model.memory import MATRIX, matrix, profile
from fencepost.model.memory.lines import LinesChanged
from fencepost.model.museum import BUGS
from fencepost.model.programs.operations import (
    Flush,
    FullFence,
    Load,
    Operation,
    Poll,
    Program,
    Receive,
    Send,
    Store,
    ThreadOf,
    Watched,
)

WORD = ("line", "word")
Ends = set[tuple[Any, ...]]


def writer(values: tuple[int, ...], *, flushed: bool) -> Program:
    for value in values:
        yield Store(WORD, value)
        if flushed:
            yield Flush(("line",))
            yield FullFence()


Returning = Generator[Operation, Any, Any]


def waiting(count: int, *, invalidate: bool) -> Returning:
    seen = 0
    for _ in range(count):
        _, seen = yield Poll((Watched(WORD, seen, invalidate),))
    return seen


def spinning() -> Returning:
    while (seen := (yield Load(WORD))) == 0:
        pass
    return seen


def ends_of(system: System) -> Ends:
    while True:
        try:
            return {returned(end.state) for end in Reduction(system).ends() if end.complete}
        except LinesChanged:
            continue


def all_ends_of(system: System) -> Ends:
    """Without any reduction: every order of every step, each state once."""

    def walk(state: State, known: set[Any]) -> Iterator[tuple[Any, ...]]:
        if state.frozen() in known:
            return
        known.add(state.frozen())
        transitions = system.transitions(state)
        if stuck(transitions):
            yield returned(state)
        for actor, choices in transitions.items():
            for choice in choices:
                yield from walk(system.perform(state, actor, choice)[0], known)

    while True:
        try:
            return set(walk(system.start()[0], set()))
        except LinesChanged:
            continue


def system_of(name: str, *threads: ThreadOf) -> System:
    return System(list(threads), profile(name), matrix(MATRIX))


VALUES = st.lists(st.integers(0, 2), min_size=1, max_size=4).map(tuple)


@settings(max_examples=60, deadline=None)
@given(VALUES, st.integers(1, 2), st.booleans())
def test_a_poll_ends_at_every_value_that_the_word_ever_had(values: tuple[int, ...], count: int, other: bool) -> None:
    """On one host, and between two of which the writer flushes each store and the reader invalidates each look."""
    threads = (
        ThreadOf("writer", 0, lambda: writer(values, flushed=other)),
        ThreadOf("reader", int(other), lambda: waiting(count, invalidate=other)),
    )
    name = "ncx" if other else "sc"
    assert ends_of(system_of(name, *threads)) == all_ends_of(system_of(name, *threads))


@settings(max_examples=30, deadline=None)
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
