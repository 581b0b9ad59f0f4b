"""Lamport's queue of one producer and one consumer, on two hosts, with its flushes and fences ablated.

    fencepost explore examples/own/lamport_queue.py
    fencepost ablate examples/own/lamport_queue.py

The producer alone stores to `tail` and to the records, the consumer alone to `head`. Marked operations are in question;
an ablation says which are needed.
"""

from collections.abc import Iterator
from typing import Any

import fencepost
from fencepost.program import Program, ensure, flush, invalidate, load, optional, store, store_fence, thread, wait_until

SLOTS, MESSAGES = 1, 2
HEAD, TAIL = ("head", "count"), ("tail", "count")


def record(number: int) -> tuple[str, int, str]:
    return ("record", number % SLOTS, "value")


def producing() -> Iterator[Any]:
    for number in range(MESSAGES):
        yield wait_until(HEAD, lambda head, number=number: number < head + SLOTS, fresh=True)
        yield store(record(number), number + 1)
        yield optional(flush(record(number)))
        yield optional(store_fence())
        yield store(TAIL, number + 1)
        yield optional(flush(TAIL))
        yield optional(store_fence())


def consuming() -> Any:
    for number in range(MESSAGES):
        yield wait_until(TAIL, lambda tail, number=number: tail > number, fresh=True)
        yield optional(invalidate(record(number)))
        value = yield load(record(number))
        ensure(value == number + 1, f"message {value - 1} is in the place of message {number}")
        yield store(HEAD, number + 1)
        yield optional(flush(HEAD))


lamport_queue = Program("lamport_queue", [thread(producing), thread(consuming, host=1)], single_writer=True)

if __name__ == "__main__":
    for explored in fencepost.explore(lamport_queue).explored:
        print(f"{lamport_queue.name}: {explored.verdict} ({explored.bound})")
    for finding in fencepost.ablate(lamport_queue).findings:
        for each in finding.details["slots"]:
            print(f"{each['role']}: {each['slot']}")
