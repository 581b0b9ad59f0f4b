"""A Disruptor with two producers and a ring that wraps, on non-coherent memory; its consumer is on another host.

    fencepost explore examples/own/disruptor.py
    fencepost explore examples/own/disruptor.py:flags_side_by_side
    fencepost explore examples/own/disruptor.py:cursor

Producers claim sequences by fetch-add, write the record, and say that it is there. With flags, each slot has a word
that holds the lap in which it was written. With `cursor`, a producer moves the one published cursor from the sequence
before its own by compare-exchange, and gives up where that fails, as if the producer before it would do so for both:
a sequence is then published too late or never.
"""

from collections.abc import Iterator
from typing import Any

import fencepost
from fencepost.program import (
    Program,
    compare_exchange,
    ensure,
    fetch_add,
    flush,
    invalidate,
    load,
    store,
    store_fence,
    thread,
    wait_until,
)

CLAIMED, CURSOR, CONSUMED = ("claimed", "next"), ("cursor", "next"), ("consumed", "next")


def record(sequence: int, slots: int) -> tuple[str, int, str]:
    return ("slot", sequence % slots, "record")


def lap_word(sequence: int, slots: int) -> tuple[str, int, str]:
    """Return the flag of a slot; it is in the line of the record, and is stored after it."""
    return ("slot", sequence % slots, "lap")


def lap(sequence: int, slots: int) -> int:
    return sequence // slots + 1


def claiming(slots: int) -> Any:
    """Claim a sequence and wait until the slot is free of the lap before."""
    sequence = yield fetch_add(CLAIMED, 1)
    if sequence >= slots:
        yield wait_until(CONSUMED, lambda consumed: sequence < consumed + slots, fresh=True)
    return sequence


def flagging(slots: int) -> Iterator[Any]:
    sequence = yield from claiming(slots)
    yield invalidate(record(sequence, slots))
    yield store(record(sequence, slots), sequence + 1)
    yield store(lap_word(sequence, slots), lap(sequence, slots))
    yield flush(record(sequence, slots))
    yield store_fence()


def moving(slots: int) -> Iterator[Any]:
    sequence = yield from claiming(slots)
    yield invalidate(record(sequence, slots))
    yield store(record(sequence, slots), sequence + 1)
    yield flush(record(sequence, slots))
    yield store_fence()
    yield compare_exchange(CURSOR, sequence, sequence + 1)
    yield flush(CURSOR)
    yield store_fence()


def consuming(slots: int, published: str) -> Any:
    """Take the records in the order of their sequences; each must be the one of its sequence."""
    for sequence in range(2):
        if published == "flags":
            yield wait_until(lap_word(sequence, slots), lambda found, of=sequence: found >= lap(of, slots), fresh=True)
        else:
            yield wait_until(CURSOR, lambda found, of=sequence: found > of, fresh=True)
            yield invalidate(record(sequence, slots))
        found = yield load(record(sequence, slots))
        ensure(found == sequence + 1, f"record {found - 1} is in the slot of sequence {sequence}")
        yield store(CONSUMED, sequence + 1)
        yield flush(CONSUMED)
        yield store_fence()


def two_producers(name: str, producer: Any, slots: int, published: str) -> Program:
    """Return a program of two producers of one record each; with one slot, the second comes in the second lap."""
    return Program(
        name, [thread(producer, slots), thread(producer, slots), thread(consuming, slots, published, host=1)]
    )


disruptor = two_producers("disruptor", flagging, 1, "flags")
flags_side_by_side = two_producers("flags_side_by_side", flagging, 2, "flags")
cursor = two_producers("cursor", moving, 2, "cursor")

if __name__ == "__main__":
    for program in (disruptor, flags_side_by_side, cursor):
        for explored in fencepost.explore(program).explored:
            found = f"{explored.violation.property}: {explored.violation.sentence}" if explored.violation else "-"
            print(f"{program.name}: {explored.verdict} ({explored.bound}) {found}")
