"""Why a program of one's own breaks what it ensures: no step is named twice, and nobody who is not there."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from random import Random
from typing import Any

import pytest

import fencepost
from fencepost.model.explorer.explain.cause import cause
from fencepost.model.explorer.explain.columns import describe_run
from fencepost.model.explorer.search.exploration import Explored
from fencepost.model.explorer.traces.run_trace import run, trace_of
from fencepost.program import Program, ensure, fetch_add, flush, full_fence, load, store, thread

WORD, OTHER = ("line", "word"), ("other", "word")


def raising_at_once() -> Iterator[Any]:
    raise ValueError("at once")
    yield load(WORD)


def raising_after_a_store() -> Iterator[Any]:
    yield store(OTHER, 3)
    raise ValueError("after a store")


def raising_after_a_load() -> Iterator[Any]:
    yield load(WORD)
    raise ValueError("after a load")


def storing() -> Iterator[Any]:
    yield store(WORD, 1)


def ensuring_zero() -> Iterator[Any]:
    ensure((yield load(WORD)) == 0, "it was stored")


def judge(*_: object) -> None:
    ensure(False, "never right")


def violated(program: Program) -> Explored:
    (explored,) = fencepost.explore(program).explored
    assert explored.violation is not None
    return explored


@pytest.mark.parametrize(
    ("program", "because", "conflict"),
    [
        (
            Program("at_once", [thread(raising_at_once)]),
            "raising_at_once comes to this by itself, whatever others do",
            "the start (raising_at_once) and no other",
        ),
        (
            Program("beside_others", [thread(storing), thread(raising_after_a_store)]),
            "raising_after_a_store comes to this by itself, whatever others do",
            "the start (raising_after_a_store) and no other",
        ),
        (
            Program("after_a_load", [thread(raising_after_a_load)]),
            "raising_after_a_load goes by what it read at step 1, line . word = 0",
            "step 1 (raising_after_a_load) and no other",
        ),
        (
            Program("seen", [thread(storing), thread(ensuring_zero)]),
            "ensuring_zero goes by what it read at step 2, line . word = 1, which storing stored at step 1",
            "step 1 (storing) and step 2 (ensuring_zero)",
        ),
        (
            Program("judged", [thread(storing)], judge),
            "all threads have ended, and the end is as they left it",
            "the end of the run",
        ),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_a_violation_is_explained_by_the_thread_that_brought_it_about(
    program: Program, because: str, conflict: str
) -> None:
    text = describe_run(violated(program))
    assert f"\nbecause {because}\n" in text
    assert f"\nin conflict: {conflict}; reproduced 10/10" in text


def test_what_a_thread_did_before_it_raised_at_the_start_is_shown() -> None:
    text = describe_run(violated(Program("alone", [thread(raising_after_a_store)])))
    assert "0  store other . word = 3" in text


def drawn(random: Random) -> Program:
    """Return a program of two or three threads that do something and then ensure something of what they found."""

    def doing(seed: int) -> Generator[Any, Any, None]:
        own, found = Random(seed), 0
        for _ in range(own.randint(1, 3)):
            address = own.choice((WORD, OTHER))
            match own.randrange(5):
                case 0:
                    yield store(address, own.randint(1, 2))
                case 1:
                    yield fetch_add(address, 1)
                case 2:
                    yield flush(address)
                case 3:
                    yield full_fence()
                case _:
                    found += yield load(address)
        if own.random() < 0.3:
            raise KeyError("a bug")
        ensure(found < 1, "something was found")

    seeds = [random.randrange(10**6) for _ in range(random.randint(2, 3))]
    return Program("drawn", [thread(doing, seed, host=number % 2) for number, seed in enumerate(seeds)])


def test_no_explanation_names_a_step_twice_or_a_thread_that_is_not_there() -> None:
    random, seen = Random(7), 0
    for _ in range(120):
        (explored,) = fencepost.explore(drawn(random)).explored
        if explored.violation is None:
            continue
        seen += 1
        made = run(trace_of(explored))
        why = cause(made)
        assert len(set(why.steps)) == len(why.steps), describe_run(explored)
        assert all(0 <= of < len(made.system.threads) for _, of in why.steps), describe_run(explored)
        assert "nothing and nobody" not in why.sentence
    assert seen > 30
