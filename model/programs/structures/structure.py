"""What a program of a structure is: its lines, its threads, and what is wrong with what these return."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from fencepost.model.errors import InputError
from fencepost.model.programs.operations import (
    Address,
    Flush,
    Line,
    Load,
    Operation,
    Poll,
    Program,
    ThreadOf,
    Watched,
    line_of,
)

Returned: TypeAlias = tuple[tuple[int, ...] | None, ...]
"""What each thread returned when a run ended; None of one that waits for ever."""
Steps: TypeAlias = Generator["Operation | Pause", Any, Any]
"""A part of a program; it may pause."""


@dataclass(frozen=True)
class Laid:
    """A line of a structure: its name, its words in order, and what they hold at first (0 where nothing is said)."""

    line: Line
    words: tuple[str, ...]
    initial: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Structure:
    """A small program around one shared structure. `name` and `numbers` say to the native build which it is.

    `wrong` names the property that a run breaks, and how, from what its threads returned.
    """

    name: str
    variant: str
    numbers: tuple[int, ...]
    lines: tuple[Laid, ...]
    threads: tuple[ThreadOf, ...]
    wrong: Callable[[Returned], tuple[str, str] | None]
    size: str

    @property
    def words(self) -> dict[Address, int]:
        """Return what words hold at first, where that is not 0."""
        return {(*each.line, word): value for each in self.lines for word, value in each.initial.items()}


class Pause:
    """Not an operation: what a waiting loop does between two looks."""


PAUSE = Pause()


def thread(name: str, host: int, begin: Callable[[], Steps]) -> ThreadOf:
    """Return a thread whose program may pause."""
    return ThreadOf(name, host, lambda: waiting(begin()))


def waiting(program: Steps) -> Program:
    """Let a program's pauses wait until one of the words that it looked at since the last pause changes.

    Nothing else can end a wait, so looks that find what was there before are no steps. A word whose line was dropped
    before it was looked at is looked at in that way again.
    """
    looked: dict[Address, Any] = {}
    dropped: set[Line] = set()
    result = None
    while True:
        try:
            operation = program.send(result)
        except StopIteration as stopped:
            return stopped.value  # type: ignore[no-any-return]  # kept as Node.returned
        if isinstance(operation, Pause):
            yield Poll(tuple(Watched(word, seen, line_of(word) in dropped) for word, seen in looked.items()))
            looked, dropped, result = {}, set(), None
            continue
        result = yield operation
        if isinstance(operation, Load):
            looked[operation.address] = result
        elif isinstance(operation, Flush):
            dropped.add(operation.line)


def check_numbers(most: int = 64, **numbers: int) -> None:
    """Raise InputError for a number that is not 1..most, naming it."""
    for name, value in numbers.items():
        if not 1 <= value <= most:
            raise InputError(f"{name} is {value}: expected 1..{most}")


def never_ended(threads: tuple[ThreadOf, ...], returned: Returned) -> tuple[str, str] | None:
    """Return the violation of the first thread that waits for ever."""
    for each, values in zip(threads, returned, strict=True):
        if values is None:
            return "drained", f"{each.name} waits for ever"
    return None
