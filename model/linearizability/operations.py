"""Operations on an object: what was asked of it, when, and what came back.

An operation takes place at one moment between its call and its return. One that never returned may take place
at any moment after its call, or at none; one that failed took place at none, and is not listed.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from fencepost.model.errors import InputError


class _Unknown(Enum):
    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN: Final = _Unknown.UNKNOWN
"""The result of an operation of which nothing came back, or nothing was written down."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; `called` and `returned` are moments of one clock, `returned` None where it never did.

    Of one moment, calls come before returns: two operations that touch are concurrent. `key` names the object, where
    there are several; `row` is the row or line of the file that has the call, from 1. Raises InputError where it
    returned before it was called.

    >>> str(fencepost.Operation("write", 5, None, called=0, returned=3, process=1))
    'process 1: write(5) -> nothing'
    """

    name: str
    argument: Hashable
    result: Hashable
    called: int
    returned: int | None
    process: Hashable = None
    key: Hashable = None
    row: int = 0

    def __post_init__(self) -> None:
        if self.returned is not None and self.returned < self.called:
            raise InputError(f"{self}: returned at {self.returned}, expected no time before its call at {self.called}")

    def __str__(self) -> str:
        argument = "" if self.argument is None else format_value(self.argument)
        came = "no return" if self.returned is None else format_value(self.result)
        by = "" if self.process is None else f"process {self.process}: "
        return f"{by}{self.name}({argument}) -> {came}"


def format_value(value: Any) -> str:
    """Return a value as a message shows it, shortened."""
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else text[:37] + "..."


def by_key(operations: Iterable[Operation]) -> dict[Hashable, list[Operation]]:
    """Return the operations on each object, in the order of their calls.

    What happens to one object says nothing about another, so each is searched by itself (locality).
    """
    objects: dict[Hashable, list[Operation]] = {}
    for operation in operations:
        objects.setdefault(operation.key, []).append(operation)
    for each in objects.values():
        each.sort(key=lambda operation: operation.called)
    return objects
