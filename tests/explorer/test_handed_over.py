"""Of a hand-over between two hosts that is wrong for want of one operation, the side that left it out is blamed."""

from __future__ import annotations

from collections.abc import Generator
from random import Random
from typing import Any

import pytest

import fencepost
from fencepost.model.explorer.explain.cause import cause
from fencepost.model.explorer.explain.order_cause import Cause
from fencepost.model.explorer.traces.run_trace import run, trace_of
from fencepost.program import (
    Program,
    device_add,
    ensure,
    flush,
    full_fence,
    invalidate,
    load,
    store,
    store_fence,
    thread,
    wait_until,
    write_back,
)

Steps = Generator[Any, Any, Any]
TICKET, SERVING, COUNT = ("lock", "ticket"), ("serving", "now"), ("data", "count")
NO_FLUSH = "no flush of line data before serving . now = 1"
NO_FENCE = "no fence between the flush of line data and serving . now = 1"


def why(program: Program) -> Cause:
    (explored,) = fencepost.explore(program).explored
    assert explored.violation is not None
    return cause(run(trace_of(explored)))


def holding(left_out: str, *, flushes_late: bool) -> Steps:
    """Take a ticket lock, add one to a counter, and give the lock back, without one of the operations that it needs."""
    me = yield device_add(TICKET, 1)
    yield wait_until(SERVING, lambda now: now == me, fresh=True)
    if left_out != "invalidate":
        yield invalidate(COUNT)
    value = yield load(COUNT)
    yield store(COUNT, value + 1)
    if left_out != "flush":
        yield flush(COUNT)
    if left_out != "fence":
        yield store_fence()
    yield store(SERVING, me + 1)
    if flushes_late:
        yield flush(COUNT)
    yield flush(SERVING)
    yield store_fence()
    return value


def ticket_lock(left_out: str, *, flushes_late: bool = False) -> Program:
    def hold() -> Steps:
        return (yield from holding(left_out, flushes_late=flushes_late))

    def judge(*found: int) -> None:
        ensure(sorted(found) == [0, 1], f"the critical sections read {found}")

    return Program("ticket", [thread(hold), thread(hold, host=1)], judge)


@pytest.mark.parametrize(
    ("left_out", "flushes_late", "blamed"),
    [
        ("flush", False, NO_FLUSH),
        ("flush", True, NO_FLUSH),
        ("fence", False, NO_FENCE),
        ("invalidate", False, "no invalidate since"),
    ],
)
def test_a_lock_that_hands_over_too_early_blames_its_holder_and_a_reader_that_keeps_its_copy_the_reader(
    left_out: str, flushes_late: bool, blamed: str
) -> None:
    found = why(ticket_lock(left_out, flushes_late=flushes_late))
    assert blamed in found.sentence
    others = {NO_FLUSH, NO_FENCE, "no invalidate since"} - {blamed}
    assert not [each for each in others if each in found.sentence]


def test_the_hand_over_that_came_too_early_and_the_load_that_went_by_it_are_in_conflict() -> None:
    found = why(ticket_lock("flush", flushes_late=True))
    assert found.sentence.startswith(
        "hold #0's data . count = 1 of step 6 was not in memory before step 13: no flush of line data before serving ."
        " now = 1, which hold #0 stored at step 7; hold #1 went by that and loaded data . count = 0 at step 14"
    )
    assert found.steps == ((7, 0), (14, 1))


FLAGS = [("flag", 0), ("relayed", 0)]


def drawn(random: Random) -> tuple[Program, str]:
    """Return a value that is handed over, perhaps by a third thread, for want of one operation, and who left it out."""
    left_out = random.choice(("writer's flush", "writer's fence", "reader's invalidate"))
    data, writing_back = ("data", random.choice("abc")), random.choice((flush, write_back))
    fence, is_relayed = random.choice((store_fence, full_fence)), random.random() < 0.5
    noise = [("noise", each) for each in range(random.randrange(2))]
    early = [data] * random.randrange(2) if left_out == "reader's invalidate" else noise

    def publish(flag: Any) -> Steps:
        yield store(flag, 1)
        yield flush(flag)
        yield full_fence()

    def write() -> Steps:
        for each in noise:
            yield store(each, 1)
        yield store(data, 7)
        if left_out != "writer's flush":
            yield writing_back(data)
        if left_out != "writer's fence":
            yield fence()
        yield store(FLAGS[0], 1)
        yield writing_back(data)
        yield flush(FLAGS[0])
        yield full_fence()

    def relay() -> Steps:
        yield wait_until(FLAGS[0], lambda value: value == 1, fresh=True)
        yield from publish(FLAGS[1])

    def read() -> Steps:
        for each in early:
            yield load(each)
        yield wait_until(FLAGS[is_relayed], lambda value: value == 1, fresh=True)
        if left_out != "reader's invalidate":
            yield invalidate(data)
        ensure((yield load(data)) == 7, "not what was handed over")

    threads = [thread(write, host=0), thread(read, host=1)] + [thread(relay, host=2)] * is_relayed
    return Program("handed_over", threads), left_out


def test_whichever_side_left_the_operation_out_is_the_side_that_is_blamed() -> None:
    blames = {"writer's flush": ("no flush",), "writer's fence": ("no fence",),
              "reader's invalidate": ("no invalidate since",)}  # fmt: skip
    seen = set()
    for seed in range(40):
        program, left_out = drawn(Random(seed))
        sentence = why(program).sentence
        assert any(each in sentence for each in blames[left_out]), (seed, left_out, sentence)
        others = [each for side, words in blames.items() if side != left_out for each in words]
        assert not [each for each in others if each in sentence], (seed, left_out, sentence)
        seen.add((left_out, len(program.threads)))
    assert len(seen) == 6
