"""A store that waits in its own thread's buffer, and another thread that goes on as if it had not been made."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

import fencepost
from fencepost.model.explorer.explain.columns import describe_run
from fencepost.program import Program, ensure, exchange, full_fence, load, store, thread

Steps = Generator[Any, Any, Any]
HEAD, HAZARD, VALUE = ("list", "head"), ("hazard", "of_reader"), ("node", 1, "value")
FREED = 99


def protected(name: str, *, is_fenced: bool, is_validated: bool) -> Program:
    """Return a reader that protects a node by a hazard pointer, and a thread that frees it where it sees none."""

    def read() -> Steps:
        node = yield load(HEAD)
        yield store(HAZARD, node)
        if is_fenced:
            yield full_fence()
        if node != 1 or (is_validated and (yield load(HEAD)) != node):
            return
        ensure((yield load(VALUE)) != FREED, "freed while it is protected")

    def reclaim() -> Steps:
        node = yield exchange(HEAD, 2)
        if (yield load(HAZARD)) != node:
            yield store(VALUE, FREED)

    return Program(name, [thread(read), thread(reclaim)], initial={HEAD: 1})


def told(program: Program) -> str:
    (explored,) = fencepost.explore(program, profile="tso").explored
    assert explored.violation is not None
    return " ".join(describe_run(explored).split())


def test_a_load_while_the_store_was_in_its_buffer_is_the_cause_and_both_are_in_conflict() -> None:
    text = told(protected("unfenced", is_fenced=False, is_validated=True))
    assert (
        "because reclaim loaded hazard . of_reader = 0 at step 4 while read's 1 of step 1 was still in its store buffer"
        " in conflict: step 1 (read) and step 4 (reclaim); reproduced 10/10"
    ) in text


def test_a_buffer_is_not_blamed_where_its_thread_went_on_to_nothing_before_it_drained() -> None:
    text = told(protected("unvalidated", is_fenced=True, is_validated=False))
    assert "store buffer in conflict" not in text
    assert "reclaim's 2 of step 2 came between" in text


@pytest.mark.parametrize(("is_fenced", "is_validated"), [(False, True), (True, False), (False, False)])
def test_what_was_loaded_too_early_conflicts_with_the_store_that_came_after_it(
    is_fenced: bool, is_validated: bool
) -> None:
    assert "and no other" not in told(protected("wrong", is_fenced=is_fenced, is_validated=is_validated))


def test_with_fence_and_validation_nothing_is_violated() -> None:
    program = protected("right", is_fenced=True, is_validated=True)
    assert str(fencepost.explore(program, profile="tso").verdict) == "exhausted"
