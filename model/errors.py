"""Every exception that fencepost raises on purpose.

    FencepostError
    ├── InputError         what the user gave cannot be used          (exit 2)
    │   ├── FormatError    a file's content, with file, row and column
    │   ├── LoadError      a user's file raises or does not compile, with the traceback
    │   └── ProtocolError  a protocol breaks a rule of the language
    ├── NotAccepted        a spec refuses a step of a program         (a bug in a program)
    ├── NotDeterministic   a program, run again, does something else  (a bug in a program)
    └── Miscounted         a timed loop did not do what it was to do  (a bug in what is measured)

`Interrupted` is none of them: it is Python's KeyboardInterrupt, with what a verb had found until then.

A message says what was wrong, the value, what was expected and what to do.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any


class Interrupted(KeyboardInterrupt):
    """A verb was interrupted; `found` is its result so far, whose verdict is never a pass. An interrupt is no verdict.

    Only verbs raise it. What they call raises KeyboardInterrupt, and never returns because of one.
    """

    def __init__(self, found: Any) -> None:
        super().__init__()
        self.found = found


class FencepostError(Exception):
    """The root of the tree above; all of them can be sent from one process to another."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[FencepostError], arguments: tuple[Any, ...], fields: dict[str, Any]) -> FencepostError:
    made = kind.__new__(kind, *arguments)
    made.__dict__.update(fields)
    return made


class InputError(FencepostError):
    """What the user gave cannot be used; the message is one line."""


class FormatError(InputError):
    """A file's content cannot be used.

    `row` counts data rows from 1 (a CSV header is row 0); `row` and `column` are None
    where the whole file is at fault.
    """

    def __init__(self, path: Path, problem: str, *, row: int | None = None, column: str | None = None) -> None:
        where = [str(path)]
        if row is not None:
            where.append(f"row {row}")
        if column is not None:
            where.append(f"column {column}")
        super().__init__(f"{', '.join(where)}: {problem}")
        self.path, self.row, self.column = path, row, column


class LoadError(InputError):
    """A user's file raises; `traceback` is the text of it, without the frames of fencepost.

    Of a file that does not compile it is what the compiler says.
    """

    def __init__(self, path: Path, problem: str, traceback: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path, self.traceback = path, traceback


class ProtocolError(InputError):
    """A protocol breaks a rule of the language; names the protocol and the action."""


class NotAccepted(FencepostError):
    """A spec refuses a step; names the action, its arguments and the requirement that does not hold."""


class NotDeterministic(FencepostError):
    """A program that was sent the same results twice yielded other operations; names the first that differs."""

    def __init__(self, thread: str, step: int, before: object, now: object) -> None:
        super().__init__(
            f"{thread} is not deterministic: operation {step} was {before} and is now {now};"
            " a program may depend on nothing but the results it is sent"
        )
        self.thread, self.step = thread, step


class Endless(FencepostError):
    """A thread goes on and on with what no other thread notices; its run has no end, and nothing is known of it."""


class Miscounted(FencepostError):
    """A timed loop did not do what its figure would have claimed; names both counts. No figure is reported."""


def unknown_choice(kind: str, value: object, choices: Iterable[object]) -> InputError:
    """Return the error for a `value` that is none of the `choices` of its `kind`."""
    return InputError(f"unknown {kind} {value!r}: expected one of {', '.join(str(choice) for choice in choices)}")
