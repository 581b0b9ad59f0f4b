"""Every exception that fencepost raises on purpose.

    FencepostError
    ├── InputError         what the user gave cannot be used          (exit 2)
    │   ├── FormatError    a file's content, with file, row and column
    │   ├── LoadError      a user's file raises or does not compile, with the traceback
    │   ├── ProtocolError  a protocol breaks a rule of the language
    │   └── NotDeterministic  a program, run again, does something else
    ├── NotAccepted        a spec refuses a step of a program         (a bug in a program)
    └── Miscounted         a timed loop did not do what it was to do  (a bug in what is measured)

`Interrupted` is none of them: it is Python's KeyboardInterrupt, with what a verb had found until then.

A message says what was wrong, the value, what was expected and what to do.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
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
    """A file's content cannot be used; `path` is a word for it where it came from no file.

    `row` counts data rows from 1 (a CSV header is row 0); `row` and `column` are None
    where the whole file is at fault.
    """

    def __init__(self, path: Path | str, problem: str, *, row: int | None = None, column: str | None = None) -> None:
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


class NotDeterministic(InputError):
    """A program that was sent the same results twice yielded other operations; names the first that differs."""

    def __init__(self, thread: str, step: int, before: object, now: object) -> None:
        super().__init__(
            f"{thread} is not deterministic: operation {step} was {before} and is now {now}: expected the same;"
            " a program may depend on nothing but the results that it is sent, on no clock and no random number"
        )
        self.thread, self.step = thread, step


class Endless(FencepostError):
    """A thread goes on and on with what no other thread notices; its run has no end, and nothing is known of it."""


class Miscounted(FencepostError):
    """A timed loop did not do what its figure would have claimed; names both counts. No figure is reported."""


WORD_MOST = 200
"""Characters of one word in a message; no name is longer, and few paths are."""


def shortened(message: str) -> str:
    """Return a message with what is too long for a reader left out of the middle of each word."""

    def short(word: re.Match[str]) -> str:
        text = word[0]
        return f"{text[:60]}...({len(text)} characters)...{text[-20:]}"

    return re.sub(rf"\S{{{WORD_MOST + 1},}}", short, message)


FEW, SOME = 12, 20
"""So many choices are all listed; of more, those nearest to what was given, and where none is near, the first."""


def unknown_choice(kind: str, value: object, choices: Iterable[object]) -> InputError:
    """Return the error for a `value` that is none of the `choices` of its `kind`: with the nearest, or all if few."""
    known = [str(choice) for choice in choices]
    return InputError(f"unknown {kind} {value!r}: {expected_of(str(value), known)}")


def expected_of(value: str, known: Sequence[str]) -> str:
    """Return what was expected in the place of a value: all choices where they are few, else those nearest to it."""
    if not known:
        return "expected nothing here: there is none to choose from"
    near = nearest(value, known)
    meant = f"did you mean {' or '.join(near)}?" if near else ""
    if len(known) <= FEW:
        return f"expected one of {', '.join(known)}{meant and f'; {meant}'}"
    rest = f", ... ({len(known)} in all)" if len(known) > SOME else ""
    return meant or f"expected one of {', '.join(known[:SOME])}{rest}"


def nearest(value: str, known: Iterable[str]) -> list[str]:
    """Return the choices that a value was most likely meant for, the nearest first: at most three."""
    names = {choice.lower(): choice for choice in known}
    asked = value.lower()
    close = get_close_matches(asked, names, n=3, cutoff=0.6)
    within = [name for name in names if len(asked) > 2 and (asked in name or name in asked)]
    return [names[each] for each in dict.fromkeys([*close, *within])][:3]
