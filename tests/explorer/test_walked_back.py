"""The cause of a violation is the first event that went wrong on the way to it, and not the last or a harmless one."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

import fencepost
from fencepost.model.explorer.explain.cause import cause
from fencepost.model.explorer.traces.run_trace import run, trace_of
from fencepost.program import (
    Program,
    compare_exchange,
    ensure,
    exchange,
    fetch_add,
    flush,
    full_fence,
    invalidate,
    load,
    pause,
    store,
    thread,
    wait_until,
)

Steps = Generator[Any, Any, Any]
NEXT, SERVING, COUNT, LOCK, TOP = (
    ("ticket", "next"),
    ("serving", "now"),
    ("count", "n"),
    ("lock", "word"),
    ("top", "top"),
)
DATA, FLAG, RELAYED, DONE, HINT = ("data", "d"), ("flag", "f"), ("relayed", "r"), ("done", "d"), ("hint", "h")


def publish(address: Any, value: int) -> Steps:
    yield store(address, value)
    yield flush(address)
    yield full_fence()


def differ(one: int, other: int) -> None:
    ensure(one != other, "one number twice")


def why(program: Program) -> str:
    (explored,) = fencepost.explore(program).explored
    assert explored.violation is not None
    return cause(run(trace_of(explored))).sentence


# --- one ticket, handed out twice ---


def with_ticket(_: int) -> Steps:
    ticket = yield fetch_add(NEXT, 1)
    yield flush(NEXT)
    yield full_fence()
    yield wait_until(SERVING, lambda now: now == ticket, fresh=True)
    count = yield load(COUNT)  # stale too, for want of an invalidation: that is not where it began
    yield from publish(COUNT, count + 1)
    yield from publish(SERVING, ticket + 1)
    return count


def with_ticket_in_two_steps(_: int) -> Steps:
    ticket = yield load(NEXT)
    yield store(NEXT, ticket + 1)
    yield full_fence()
    yield wait_until(SERVING, lambda now: now == ticket)
    count = yield load(COUNT)
    yield store(COUNT, count + 1)
    yield full_fence()
    yield store(SERVING, ticket + 1)
    return count


def test_a_ticket_from_a_stale_line_is_the_cause_and_not_what_was_read_with_it() -> None:
    program = Program("tickets", [thread(with_ticket, host, host=host) for host in (0, 1)], differ)
    assert why(program) == (
        "host 1 read ticket . next = 0 from a copy of line ticket that its cache had fetched of itself: no invalidate"
        " since the run began, and with_ticket(0)'s 1 of step 1 reached memory at step 2; with_ticket(0) had found the"
        " same at step 1"
    )


def test_a_ticket_that_is_read_and_then_written_is_taken_twice() -> None:
    program = Program("tickets", [thread(with_ticket_in_two_steps, number) for number in (0, 1)], differ)
    assert why(program) == (
        "with_ticket_in_two_steps(1) stored ticket . next = 1 at step 8 by what it had read at step 2, ticket . next ="
        " 0: with_ticket_in_two_steps(0)'s 1 of step 3 came between and is lost"
    )


# --- lost updates ---


def adding() -> Steps:
    value = yield load(COUNT)
    yield store(COUNT, value + 1)
    return value


def test_a_lost_update_names_the_read_and_both_stores_and_what_threads_returned() -> None:
    assert why(Program("added", [thread(adding), thread(adding)], differ)) == (
        "adding #1 stored count . n = 1 at step 4 by what it had read at step 2, count . n = 0: adding #0's 1 of step 3"
        " came between and is lost; adding #0 returned 0, adding #1 returned 0"
    )


def takes_lock(_: int) -> Steps:
    while (yield load(LOCK)) != 0:
        yield pause()
    yield store(LOCK, 1)
    yield full_fence()
    count = yield load(COUNT)
    yield store(COUNT, count + 1)
    yield full_fence()
    yield store(LOCK, 0)
    return count


def test_a_lock_that_two_hold_is_the_cause_and_not_the_count_that_they_lose() -> None:
    sentence = why(Program("locked", [thread(takes_lock, number) for number in (0, 1)], differ))
    assert sentence.startswith(
        "takes_lock(1) stored lock . word = 1 at step 5 by what it had read at step 2, lock . word = 0:"
        " takes_lock(0)'s 1 of step 3 came between and is lost"
    )


# --- ABA ---

AFTER = {1: ("node", 1, "after"), 2: ("node", 2, "after")}


def pop() -> Steps:
    while True:
        top = yield load(TOP)
        if top == 0:
            return 0
        after = yield load(AFTER[top])
        if (yield compare_exchange(TOP, top, after)) == top:
            return top


def pop_twice() -> Steps:
    yield from pop()
    return (yield from pop())


def pop_twice_and_push_the_first() -> Steps:
    first = yield from pop()
    second = yield from pop()
    while first:
        top = yield load(TOP)
        yield store(AFTER[first], top)
        if (yield compare_exchange(TOP, top, first)) == top:
            break
    return second


def test_an_aba_names_what_the_word_had_been_between() -> None:
    def apart(one: int, other: int) -> None:
        ensure(one == 0 or one != other, "one node twice")

    program = Program(
        "stack", [thread(pop_twice), thread(pop_twice_and_push_the_first)], apart, initial={TOP: 1, AFTER[1]: 2}
    )
    assert why(program) == (
        "pop_twice's compare_exchange of step 12 found what it had read at step 1, top = 1, though"
        " pop_twice_and_push_the_first's 2, 0 and 1 of steps 5, 8 and 11 had been there between;"
        " pop_twice returned 2, pop_twice_and_push_the_first returned 2"
    )


# --- before its publication ---


def publishes_early(between: tuple[Any, ...] = ()) -> Steps:
    yield from publish(FLAG, 1)
    for address in between:
        yield load(address)
    yield from publish(DATA, 7)


def reads_when_told() -> Steps:
    yield wait_until(FLAG, lambda value: value == 1, fresh=True)
    yield invalidate(DATA)
    ensure((yield load(DATA)) == 7, "not what was published")


@pytest.mark.parametrize(
    ("between", "sentence"),
    [
        (
            (),
            "reads_when_told loaded data . d = 0 at step 6, before writer stored 7; reads_when_told went by flag . f ="
            " 1, which writer had stored before that at step 1",
        ),
        (
            (HINT,),
            "reads_when_told loaded data . d = 0 at step 6, before writer stored 7; reads_when_told went by flag . f ="
            " 1, which writer had stored before that at step 1",
        ),
    ],
)
def test_a_value_read_before_its_publication_names_what_came_too_early(between: tuple[Any, ...], sentence: str) -> None:
    writer = thread(publishes_early, between, host=0, name="writer")
    assert why(Program("early", [writer, thread(reads_when_told, host=1)])) == sentence


# --- stale, and harmless ---


def writes_in_order() -> Steps:
    for address, value in ((HINT, 1), (DATA, 7), (FLAG, 1)):
        yield from publish(address, value)


def reads_much() -> Steps:
    yield load(HINT)
    yield load(DATA)
    yield wait_until(FLAG, lambda value: value == 1, fresh=True)
    yield load(HINT)
    value = yield load(DATA)
    yield load(HINT)
    ensure(value == 7, "not what was published")


def test_stale_reads_that_do_no_harm_are_not_the_cause_before_or_after_it() -> None:
    assert why(Program("harmless", [thread(writes_in_order, host=0), thread(reads_much, host=1)])) == (
        "host 1 read data . d = 0 from its own copy of line data: no invalidate since the run began, and"
        " writes_in_order's 7 of step 3 reached memory at step 4"
    )


def relays() -> Steps:
    yield wait_until(FLAG, lambda value: value == 1, fresh=True)
    value = yield load(DATA)
    yield from publish(RELAYED, value)
    yield from publish(DONE, 1)


def reads_what_was_relayed() -> Steps:
    yield wait_until(DONE, lambda value: value == 1, fresh=True)
    yield invalidate(RELAYED)
    ensure((yield load(RELAYED)) == 7, "not what was published")


def test_a_stale_read_of_another_thread_is_found_through_the_values_that_it_passed_on() -> None:
    threads = [thread(each, host=host) for host, each in enumerate((writes_in_order, relays, reads_what_was_relayed))]
    sentence = why(Program("relayed", threads))
    assert sentence.startswith("host 1 read data . d = 0 from a copy of line data that its cache had fetched of itself")


# --- nothing went wrong: two operations decided ---


def numbered(number: int) -> Steps:
    yield full_fence()
    return (yield exchange(COUNT, number))


def test_where_nothing_went_wrong_the_two_operations_that_decided_are_named() -> None:
    def first_wins(found: int, _: int) -> None:
        ensure(found == 0, "the second was first")

    assert why(Program("raced", [thread(numbered, 1), thread(numbered, 2)], first_wins)) == (
        "numbered(2)'s step 1 (exchange count . n = 2 -> 0) came before numbered(1)'s step 2 (exchange count . n = 1 ->"
        " 2); in this schedule, with these two exchanged, nothing is violated; numbered(1) returned 2, numbered(2)"
        " returned 0"
    )


# --- published bugs, rebuilt from their reports ---

PUBLISHED = Path(__file__).parents[2] / "examples" / "own"


@pytest.mark.parametrize(
    ("target", "profile", "begins"),
    [
        (
            "published.py:profiler",
            "tso",
            "pop loaded slot 0 . value = 0 at step 4, before push(8) stored 8; pop went by queue . input = 1, which"
            " push(8) had stored before that at step 2",
        ),
        (
            "published.py:uring",
            "tso",
            "poll loaded ring . tail = 0 at step 3 while submit's 1 of the start was still in its store buffer",
        ),
        (
            "published.py:queueworld",
            "tso",
            "push stored list . top = 2 at step 9 by what it had read at step 2, list . top = 1: taking_results's 0 of"
            " step 7 came between and is lost",
        ),
        (
            "published.py:jctools",
            "tso",
            "offer's step 6 (drains: store consumer . is_blocked = 0) was overwritten by poll's step 7 (drains: store"
            " consumer . is_blocked = 1); in this schedule, with these two exchanged, nothing is violated; nothing can"
            " go on: poll waits to poll until consumer . is_blocked != 1",
        ),
        (
            "disruptor.py:cursor",
            "ncx",
            "moving(2) #1's step 9 (compare_exchange cursor . next from 1 to 2, found 0) came before moving(2) #0's"
            " step 10 (compare_exchange cursor . next from 0 to 1); in this schedule, with these two exchanged, nothing"
            " is violated",
        ),
    ],
)
def test_a_published_bug_is_explained_by_what_its_report_says(target: str, profile: str, begins: str) -> None:
    file, _, name = target.partition(":")
    (explored,) = fencepost.explore(f"{PUBLISHED / file}:{name}", profile=profile).explored
    assert cause(run(trace_of(explored))).sentence.startswith(begins)
