"""A seqlock between two hosts: a writer changes two words, a reader takes both or none.

    fencepost explore examples/own/seqlock.py
    fencepost explore examples/own/seqlock.py:one_look

The number is odd while the words change. The reader takes what it read if the number was the same, and even, before and
after. `one_look` looks at the number only before, and takes words of two writes. Each word is in a line of its own.
"""

from collections.abc import Iterator
from typing import Any

import fencepost
from fencepost.program import Program, ensure, flush, full_fence, invalidate, load, store, thread

NUMBER, LEFT, RIGHT = ("number", 0), ("left", 0), ("right", 0)
ATTEMPTS = 2


def storing(address: tuple[str, int], value: int) -> Iterator[Any]:
    """Store a word and let it be in memory before what follows."""
    yield store(address, value)
    yield flush(address)
    yield full_fence()


def finding(address: tuple[str, int]) -> Any:
    """Read what memory has."""
    yield invalidate(address)
    return (yield load(address))


def writing() -> Iterator[Any]:
    yield from storing(NUMBER, 1)
    yield from storing(LEFT, 7)
    yield from storing(RIGHT, 7)
    yield from storing(NUMBER, 2)


def reading(*, looks_again: bool) -> Any:
    for _ in range(ATTEMPTS):
        before = yield from finding(NUMBER)
        left = yield from finding(LEFT)
        right = yield from finding(RIGHT)
        after = (yield from finding(NUMBER)) if looks_again else before
        if before == after and before % 2 == 0:
            ensure(left == right, f"{left} and {right} were read as one")
            return left
    return None


def looking_once() -> Any:
    return (yield from reading(looks_again=False))


def looking_twice() -> Any:
    return (yield from reading(looks_again=True))


seqlock = Program("seqlock", [thread(writing), thread(looking_twice, host=1)])
one_look = Program("one_look", [thread(writing), thread(looking_once, host=1)])

if __name__ == "__main__":
    for program in (seqlock, one_look):
        for explored in fencepost.explore(program).explored:
            found = f"{explored.violation.property}: {explored.violation.sentence}" if explored.violation else "-"
            print(f"{program.name}: {explored.verdict} ({explored.bound}) {found}")
