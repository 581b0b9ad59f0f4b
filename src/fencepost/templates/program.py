"""new_name: a writer on one host hands a value to a reader on another, through memory that no hardware keeps coherent.

Run every schedule of it, and ask which of its marked flushes and fences are needed:

    fencepost explore new_name.py
    fencepost ablate new_name.py

A thread is a generator: it yields operations and is sent their results. Every schedule is run, with all that caches and
store buffers may do. Everything here is yours to change; docs/own.md of fencepost says which operations there are.
"""

from collections.abc import Iterator
from typing import Any

from fencepost.program import Program, ensure, flush, invalidate, load, optional, store, store_fence, thread, wait_until

# Addresses: a tuple, of which the last part names the word, and what comes before it the line of 64 bytes.
DATA = ("record", "data")
FLAG = ("flag", "is_ready")


def writer() -> Iterator[Any]:
    yield store(DATA, 7)
    yield optional(flush(DATA))  # delete this line to see a counterexample
    yield optional(store_fence())
    yield store(FLAG, 1)
    yield optional(flush(FLAG))


def reader() -> Any:
    yield wait_until(FLAG, lambda value: value == 1, fresh=True)
    yield optional(invalidate(DATA))  # the host may have fetched the line before the writer stored to it
    value = yield load(DATA)
    ensure(value != 0, "the flag is there before the data")  # judged where it stands
    return value


def judge(written: None, read: int) -> None:
    """Judge what the threads returned, in their order, when all have ended."""
    ensure(read == 7, f"{read} was read, and 7 was written")


new_name = Program("new_name", [thread(writer, host=0), thread(reader, host=1)], judge)
