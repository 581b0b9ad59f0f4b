"""Of a look and an act that should be one step, the store that came between is blamed, and no store buffer."""

from __future__ import annotations

import operator
from collections.abc import Callable, Generator, Iterator
from functools import partial
from itertools import product
from typing import Any

import pytest

import fencepost
from fencepost.model.explorer.explain.cause import cause
from fencepost.model.explorer.explain.order_cause import Cause
from fencepost.model.explorer.traces.run_trace import run, trace_of
from fencepost.program import (
    Program,
    compare_exchange,
    ensure,
    exchange,
    fetch_add,
    full_fence,
    load,
    lock,
    pause,
    store,
    thread,
    unlock,
    wait_until,
)

Steps = Generator[Any, Any, Any]
WORD, LOCK, WAITING, WOKEN = ("user", "word"), ("futex", "lock"), ("futex", "waiting"), ("futex", "woken")
STARTED, CACHED, RING = ("queue", "started"), ("cache", "count"), ("ring", "count")
RESERVED, READ, CAPACITY = ("ring", "reserved"), ("ring", "read"), 1


def why(program: Program, profile: str) -> Cause:
    (explored,) = fencepost.explore(program, profile=profile).explored
    assert explored.violation is not None
    return cause(run(trace_of(explored)))


def fenced(steps: Callable[[], Steps]) -> Callable[[], Steps]:
    """Return a thread with a full fence after each operation, under which nothing is left to a store buffer."""

    def both() -> Steps:
        program, result = steps(), None
        while True:
            try:
                operation = program.send(result)
            except StopIteration as end:
                return end.value
            result = yield operation
            yield full_fence()

    both.__name__ = steps.__name__
    return both


# --- it looks under a lock, and joins the sleepers under it a second time: nanos#1601 ---


def sleep() -> Steps:
    yield lock(LOCK)
    value = yield load(WORD)
    yield unlock(LOCK)
    if value == 0:
        yield lock(LOCK)
        yield store(WAITING, 1)
        yield unlock(LOCK)
        yield from wait_until(WOKEN, lambda woken: woken == 1)


def wake() -> Steps:
    yield store(WORD, 1)
    yield lock(LOCK)
    if (yield load(WAITING)) == 1:
        yield store(WOKEN, 1)
    yield unlock(LOCK)


# --- it looks whether the consumer has started, and puts what it has where that looks no more: storm#342 ---


def publish() -> Steps:
    is_started = yield load(STARTED)
    yield fetch_add(RING if is_started else CACHED, 1)


def start() -> Steps:
    yield store(STARTED, 1)
    cached = yield exchange(CACHED, 0)
    yield fetch_add(RING, cached)


def consume() -> Iterator[Any]:
    yield from wait_until(RING, lambda count: count == 1)


# --- it looks how far the reader is, and then how far the writers: iree#23707 ---


def reserve() -> Steps:
    while True:
        read = yield load(READ)
        reserved = yield load(RESERVED)
        if (CAPACITY - (reserved - read)) % 256 == 0:
            yield pause()
            continue
        if (yield compare_exchange(RESERVED, reserved, reserved + 1)) == reserved:
            ensure(reserved + 1 - (yield load(READ)) <= CAPACITY, "reserved beyond what is free")
            return


def read_two() -> Steps:
    for place in range(2):
        yield from wait_until(RESERVED, partial(operator.lt, place))
        yield store(READ, place + 1)


CASES: dict[str, tuple[list[Callable[[], Any]], str, str]] = {
    "sleep": ([sleep, wake], "sleep read user . word = 0 at step", "futex . waiting"),
    "publish": ([publish, start, consume], "publish read queue . started = 0 at step", "fetch_add cache . count"),
    "reserve": ([reserve, reserve, reserve, read_two], "reserve #", "compare_exchange ring . reserved"),
}


@pytest.mark.parametrize(("case", "is_fenced", "profile"), list(product(CASES, (False, True), ("tso", "sc"))))
def test_a_store_between_a_look_and_the_act_that_goes_by_it_is_blamed(case: str, is_fenced: bool, profile: str) -> None:
    threads, begins, act = CASES[case]
    program = Program(case, [thread(fenced(each) if is_fenced else each) for each in threads])
    found = why(program, profile)
    assert found.sentence.startswith(begins)
    assert f"({act}" in found.sentence or f"(drains: store {act}" in found.sentence or f"(store {act}" in found.sentence
    assert found.sentence.endswith("came between")
    assert "store buffer" not in found.sentence
    (read, reader), (stored, writer) = found.steps
    assert read < stored
    assert reader != writer


# --- the same shape, where a fence is what is missing ---


def put_and_look(mine: Any, theirs: Any, *, is_fenced: bool) -> Steps:
    yield store(mine, 1)
    if is_fenced:
        yield full_fence()
    return (yield load(theirs))


def both_missed(one: int, other: int) -> None:
    ensure(one == 1 or other == 1, "neither saw the other")


@pytest.mark.parametrize("fenced_ones", [(), (0,), (1,)])
def test_where_a_fence_is_missing_the_store_buffer_of_the_thread_without_it_is_blamed(
    fenced_ones: tuple[int, ...],
) -> None:
    words = (("one", "word"), ("other", "word"))

    def looking(number: int) -> Steps:
        return (yield from put_and_look(words[number], words[1 - number], is_fenced=number in fenced_ones))

    found = why(Program("dekker", [thread(looking, 0), thread(looking, 1)], both_missed), "tso")
    assert "was still in its store buffer" in found.sentence
    blamed = next(number for number in (0, 1) if f"looking({number})'s 1" in found.sentence)
    assert blamed not in fenced_ones
