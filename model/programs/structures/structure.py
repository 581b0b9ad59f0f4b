"""What a program of a structure is: its lines, its threads, and what is wrong with what these return."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from fencepost.model.errors import InputError
from fencepost.model.programs.operations import (
    Address,
    CompareExchange,
    Exchange,
    FetchAdd,
    Flush,
    Line,
    Load,
    Operation,
    Poll,
    Program,
    ThreadOf,
    Watched,
    line_of,
    replacement,
)

Returned: TypeAlias = tuple[tuple[Any, ...] | None, ...]
"""What each thread returned when a run ended; None of one that waits for ever."""
Steps: TypeAlias = Generator["Operation | Pause", Any, Any]
"""A part of a program; it may pause."""


@dataclass(frozen=True)
class Laid:
    """A line of a structure: its name, its words in order, and what they hold at first (0 where nothing is said)."""

    line: Line
    words: tuple[str, ...]
    initial: Mapping[Any, Hashable] = field(default_factory=dict)


@dataclass(frozen=True)
class Structure:
    """A small program around one shared structure. `name` and `numbers` say to the native build which it is.

    `wrong` names the property that a run breaks, and how, from what its threads returned. With `single_writer` a run
    also breaks that property in which two hosts store to one line: lines are never handed over.
    """

    name: str
    variant: str
    numbers: tuple[int, ...]
    lines: tuple[Laid, ...]
    threads: tuple[ThreadOf, ...]
    wrong: Callable[[Returned], tuple[str, str] | None]
    size: str
    single_writer: bool = False

    @property
    def words(self) -> dict[Address, Hashable]:
        """Return what words hold at first, where that is not 0."""
        return {(*each.line, word): value for each in self.lines for word, value in each.initial.items()}


ENSURED = "ensured"
"""The name under which a condition that a program ensures, and that does not hold, is reported."""


class Unmet(Exception):
    """A condition that a program ensures does not hold, where it stands; its text says what is wrong."""


class Malformed(InputError):
    """A program that is none: what it yields is no operation, or its address is none. No run is violated by that."""


@dataclass(frozen=True)
class Pause:
    """Not an operation: what a waiting loop does between two looks; of one `word`, if the loop waits for that alone."""

    word: Address | None = None


PAUSE = Pause()
PAUSES_MOST = 1_000
"""In a row, with no operation between: a loop that waits for nothing never ends."""


def thread(name: str, host: int, begin: Callable[[], Steps]) -> ThreadOf:
    """Return a thread whose program may pause."""
    return ThreadOf(name, host, lambda: waiting(begin()))


def waiting(program: Steps) -> Program:
    """Let a program's pauses wait until one of the words that it looked at since the last pause changes.

    Where a pause names a word, that one alone. Nothing else can end a wait, so looks that find what was there
    before are no steps. A look is a load, or an atomic operation, which leaves its word as it knows: a lock is
    tried again when its word has changed. A word whose line was dropped before it was looked at is looked at in
    that way again. A pause after no look is no wait.
    """
    looked: dict[Address, Any] = {}
    dropped: set[Line] = set()
    result, pause_count = None, 0
    while True:
        try:
            operation = program.send(result)
        except StopIteration as stopped:
            return stopped.value  # type: ignore[no-any-return]  # kept as Node.returned
        if isinstance(operation, Pause):
            pause_count += 1
            if pause_count > PAUSES_MOST:
                raise RuntimeError(f"{PAUSES_MOST} pauses in a row: expected a look at a word between two")
            words = [each for each in looked if operation.word in (None, each)]
            if words:
                yield Poll(tuple(Watched(word, looked[word], line_of(word) in dropped) for word in words))
            looked, dropped, result = {}, set(), None
            continue
        pause_count, result = 0, (yield operation)
        if isinstance(operation, Load):
            looked[operation.address] = result
        elif isinstance(operation, FetchAdd | CompareExchange | Exchange):
            replaced = replacement(operation, result)
            looked[operation.address] = result if replaced is None else replaced[0]
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
