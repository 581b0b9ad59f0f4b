"""Why a thread waits for ever: which store overwrote what it waits for, and which word it polls."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

import pytest

import fencepost
from fencepost.model.explorer.explain.cause import cause
from fencepost.model.explorer.explain.order_cause import Cause
from fencepost.model.explorer.traces.run_trace import run, trace_of
from fencepost.program import Program, compare_exchange, exchange, load, store, thread, wait_until

Steps = Generator[Any, Any, Any]
COUNT, FLAG, DONE = ("count", "n"), ("flag", "f"), ("done", "d")
TAIL = ("lock", "tail")


def following(me: int) -> tuple[str, int, str]:
    return "node", me, "next"


def locked(me: int) -> tuple[str, int, str]:
    return "node", me, "locked"


def with_queue_lock(me: int, is_late: bool, waits: bool) -> Steps:
    """Hold an MCS lock once: `is_late`, its flag is set behind the exchange; not `waits`, a release may pass nobody."""
    yield store(following(me), 0)
    if not is_late:
        yield store(locked(me), 1)
    before = yield exchange(TAIL, me)
    if before != 0:
        yield store(following(before), me)
        if is_late:
            yield store(locked(me), 1)
        yield wait_until(locked(me), lambda value: value == 0)
    after = yield load(following(me))
    if after == 0:
        if (yield compare_exchange(TAIL, me, 0)) == me or not waits:
            return
        after = yield wait_until(following(me), lambda value: value != 0)
    yield store(locked(after), 0)


def waiting_for_ever(profile: str, is_late: bool, waits: bool) -> Cause:
    threads = [thread(with_queue_lock, me, is_late, waits) for me in (1, 2)]
    (explored,) = fencepost.explore(Program("queue_lock", threads), profile=profile).explored
    assert explored.violation is not None
    return cause(run(trace_of(explored)))


@pytest.mark.parametrize("profile", ["sc", "tso"])
def test_a_wait_for_ever_is_laid_to_the_store_that_overwrote_what_was_waited_for(profile: str) -> None:
    found = waiting_for_ever(profile, is_late=True, waits=True)
    drains = "drains: " if profile == "tso" else ""
    (earlier, one), (later, other) = found.steps
    names = [f"with_queue_lock({each + 1}, True, True)" for each in (one, other)]
    word = f"node {other + 1} . locked"
    assert found.sentence == (
        f"{names[0]}'s step {earlier} ({drains}store {word} = 0) was overwritten by {names[1]}'s step {later}"
        f" ({drains}store {word} = 1); in this schedule, with these two exchanged, nothing is violated;"
        f" nothing can go on: {names[1]} waits to poll until {word} != 1"
    )


def test_a_pair_is_said_to_decide_this_schedule_alone_and_a_wait_names_its_own_word_alone() -> None:
    sentence = waiting_for_ever("sc", is_late=False, waits=False).sentence
    assert re.search(
        r"; in this schedule, with steps (\d+) to \d+ of (.*) put off until after step \d+, nothing", sentence
    )
    assert "the other way round" not in sentence
    assert re.search(
        r"waits to poll until node (\d) . locked != 1; nobody stores node \1 . locked after step \d+$", sentence
    )


def test_what_a_thread_polled_before_is_no_word_of_its_later_wait() -> None:
    def waits_twice() -> Steps:
        yield load(COUNT)
        yield wait_until(FLAG, lambda value: value == 1)
        yield wait_until(DONE, lambda value: value == 1)

    def sets_the_first() -> Steps:
        yield store(FLAG, 1)

    (explored,) = fencepost.explore(Program("twice", [thread(waits_twice), thread(sets_the_first)])).explored
    assert cause(run(trace_of(explored))).sentence.endswith(
        "nothing can go on: waits_twice waits to poll until done . d != 0; nobody stores done . d"
    )
