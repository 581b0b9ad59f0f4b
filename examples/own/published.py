"""Five published bugs of queues, rebuilt from their reports, each beside its fix.

    fencepost explore examples/own/published.py:profiler --profile tso

honest-profiler#76  a producer claims a slot by compare-exchange and writes it afterwards: the consumer, which waits for
                    the claim alone, reads what is not written yet. Fixed by a flag in the slot.
liburing#541        the application stores the tail and looks whether the kernel's thread sleeps; that thread says that
                    it sleeps and looks at the tail. Each load overtakes the store before it in the store buffer, and
                    nobody wakes the thread. Fixed by a full fence between the two, on both sides.
aeron#636           a claim that is tried again, as another producer came first, keeps the padding of its first try, and
                    moves the tail too far. Fixed by no padding at the beginning of each try.
QueueWorld#1        the one producer pushes onto a list: it loads the top, links its node to that, and stores the top.
                    The consumer takes the whole list between the two: the new node is linked to one that was taken,
                    which is taken again. Fixed by a compare-exchange; where it fails, the node is linked to nothing.
JCTools#336         a consumer with nothing to take marks the index, writes down that it is blocked, and parks; a
                    producer that sees the mark moves the index and clears that word, perhaps before it was written.
                    When its time is up, the consumer waits for ever for the word to be cleared. Fixed: a producer moves
                    the index when the word is there, and the consumer alone clears it.

All are of one host, so the profile is tso: caches are coherent and stores are buffered.
"""

from collections.abc import Iterator
from typing import Any

import fencepost
from fencepost.program import (
    Program,
    compare_exchange,
    ensure,
    exchange,
    full_fence,
    load,
    pause,
    store,
    thread,
    wait_until,
)

# --- honest-profiler#76 ---

INPUT = ("queue", "input")


def slot(place: int, word: str) -> tuple[str, int, str]:
    return ("slot", place, word)


def pushing(value: int, *, is_flagged: bool) -> Iterator[Any]:
    while True:
        place = yield load(INPUT)
        if (yield compare_exchange(INPUT, place, place + 1)) == place:
            break
    yield store(slot(place, "value"), value)
    if is_flagged:
        yield store(slot(place, "is_written"), 1)


def popping(count: int, *, is_flagged: bool) -> Iterator[Any]:
    for place in range(count):
        if is_flagged:
            yield wait_until(slot(place, "is_written"), lambda written: written == 1)
        else:
            yield wait_until(INPUT, lambda claimed, place=place: claimed > place)
        value = yield load(slot(place, "value"))
        ensure(value != 0, f"slot {place} is read and nothing is written there")


def queue(name: str, *, is_flagged: bool) -> Program:
    def push(value: int) -> Iterator[Any]:
        return pushing(value, is_flagged=is_flagged)

    def pop() -> Iterator[Any]:
        return popping(2, is_flagged=is_flagged)

    return Program(name, [thread(push, 7), thread(push, 8), thread(pop)])


profiler = queue("profiler", is_flagged=False)
profiler_fixed = queue("profiler_fixed", is_flagged=True)

# --- liburing#541 ---

SQ_TAIL, IS_ASLEEP, WAKE = ("ring", "tail"), ("kernel", "is_asleep"), ("wake", "calls")


def submitting(*, is_fenced: bool) -> Iterator[Any]:
    yield store(SQ_TAIL, 1)
    if is_fenced:
        yield full_fence()
    if (yield load(IS_ASLEEP)) == 1:
        yield store(WAKE, 1)


def polling(*, is_fenced: bool) -> Iterator[Any]:
    if (yield load(SQ_TAIL)) == 0:
        yield store(IS_ASLEEP, 1)
        if is_fenced:
            yield full_fence()
        if (yield load(SQ_TAIL)) == 0:
            yield wait_until(WAKE, lambda calls: calls == 1)
    ensure((yield load(SQ_TAIL)) == 1, "the thread is awake and nothing is submitted")


def ring(name: str, *, is_fenced: bool) -> Program:
    def submit() -> Iterator[Any]:
        return submitting(is_fenced=is_fenced)

    def poll() -> Iterator[Any]:
        return polling(is_fenced=is_fenced)

    return Program(name, [thread(submit), thread(poll)])


uring = ring("uring", is_fenced=False)
uring_fixed = ring("uring_fixed", is_fenced=True)

# --- aeron#636 ---

CAPACITY, LENGTH = 4, 2
RB_TAIL, RB_HEAD = ("buffer", "tail"), ("buffer", "head")


def claiming(*, resets: bool) -> Any:
    """Claim LENGTH places in a row, after padding where they do not fit before the end; return where, and padding."""
    padding = 0
    while True:
        if resets:
            padding = 0
        tail = yield load(RB_TAIL)
        left = CAPACITY - tail % CAPACITY
        if left < LENGTH:
            padding = left
        if (yield compare_exchange(RB_TAIL, tail, tail + LENGTH + padding)) == tail:
            return tail, padding, left


def buffer(name: str, *, resets: bool) -> Program:
    def claim() -> Any:
        return (yield from claiming(resets=resets))

    def judge(*claims: tuple[int, int, int]) -> None:
        for tail, padding, left in claims:
            ensure(padding in (0, left), f"the claim at {tail} skips {padding} places, and {left} are left to the end")

    return Program(name, [thread(claim), thread(claim)], judge, initial={RB_TAIL: CAPACITY - 1})


aeron = buffer("aeron", resets=False)
aeron_fixed = buffer("aeron_fixed", resets=True)

# --- QueueWorld#1 ---

TOP, NONE = ("list", "top"), 0


def link(node: int) -> tuple[str, int, str]:
    return ("node", node, "next")


def pushing_results(*, is_compared: bool) -> Iterator[Any]:
    for node in (1, 2):
        top = yield load(TOP)
        yield store(link(node), top)
        if not is_compared:
            yield store(TOP, node)
        elif (yield compare_exchange(TOP, top, node)) != top:
            yield store(link(node), NONE)
            yield store(TOP, node)


def taking_results() -> Iterator[Any]:
    taken: list[int] = []
    while len(taken) < 2:
        yield wait_until(TOP, lambda top: top != NONE)
        node = yield exchange(TOP, NONE)
        while node != NONE:
            ensure(node not in taken, f"node {node} is taken twice")
            taken.append(node)
            node = yield load(link(node))


def results(name: str, *, is_compared: bool) -> Program:
    def push() -> Iterator[Any]:
        return pushing_results(is_compared=is_compared)

    return Program(name, [thread(push), thread(taking_results)])


queueworld = results("queueworld", is_compared=False)
queueworld_fixed = results("queueworld_fixed", is_compared=True)

# --- JCTools#336 ---

# The index counts by two: an odd one says that the consumer is about to park, or does.
INDEX, BLOCKED, ELEMENT = ("jctools", "index"), ("consumer", "is_blocked"), ("element", "value")


def offering(*, waits: bool) -> Iterator[Any]:
    while True:
        index = yield load(INDEX)
        is_marked = index % 2 == 1
        if is_marked and waits and (yield load(BLOCKED)) == 0:
            yield pause()
            continue
        if (yield compare_exchange(INDEX, index, index + (1 if is_marked else 2))) == index:
            break
    yield store(ELEMENT, 7)
    if is_marked and not waits:
        yield store(BLOCKED, 0)


def polling_with_a_timeout(*, waits: bool) -> Any:
    """Poll once; the time to park is up at once, as it may be in any run."""
    index = yield load(INDEX)
    if index == 0 and (yield compare_exchange(INDEX, 0, 1)) == 0:
        yield store(BLOCKED, 1)
        is_empty = (yield compare_exchange(INDEX, 1, 0)) == 1
        if is_empty or waits:
            yield store(BLOCKED, 0)
        if is_empty:
            return None
        if not waits:
            yield wait_until(BLOCKED, lambda blocked: blocked == 0)
    yield wait_until(ELEMENT, lambda value: value != 0)
    return (yield load(ELEMENT))


def blocking(name: str, *, waits: bool) -> Program:
    def offer() -> Iterator[Any]:
        return offering(waits=waits)

    def poll() -> Any:
        return (yield from polling_with_a_timeout(waits=waits))

    return Program(name, [thread(offer), thread(poll)])


jctools = blocking("jctools", waits=False)
jctools_fixed = blocking("jctools_fixed", waits=True)

if __name__ == "__main__":
    wrong = (profiler, uring, aeron, queueworld, jctools)
    fixed = (profiler_fixed, uring_fixed, aeron_fixed, queueworld_fixed, jctools_fixed)
    for program in (*wrong, *fixed):
        for explored in fencepost.explore(program, profile="tso").explored:
            found = f"{explored.violation.property}: {explored.violation.sentence}" if explored.violation else "-"
            print(f"{program.name}: {explored.verdict} ({explored.bound}) {found}")
