"""Flushes and fences that could stand beside the operations of a program of one's own, and those that are inserted."""

from __future__ import annotations

from dataclasses import dataclass
from types import FrameType

from fencepost.model.programs.operations import (
    CompareExchange,
    Exchange,
    FetchAdd,
    Flush,
    FullFence,
    Load,
    Operation,
    Store,
    StoreFence,
    line_of,
)
from fencepost.model.programs.structures.structure import Pause
from fencepost.model.programs.users.users_code import place_of

STORING = (Store, FetchAdd, CompareExchange, Exchange)


@dataclass(frozen=True, order=True)
class Insertion:
    """What could be inserted: where, how far from the operation there, and in words."""

    file: str
    line: int
    instruction: int
    distance: int  # before an operation below 0, behind it above
    text: str


class Insertions:
    """What is inserted while a program runs: the `chosen` ones, or everything that could be, where that is None.

    `offered` are all that could have been inserted so far. On one host, whose caches are coherent, no flush can help.
    """

    def __init__(self, chosen: frozenset[Insertion] | None, *, is_one_host: bool) -> None:
        self.chosen, self.is_one_host = chosen, is_one_host
        self.offered: dict[Insertion, None] = {}

    def before(self, frame: FrameType, operation: Operation | Pause, last: Operation | Pause) -> list[Operation]:
        """Return what is inserted before an operation; behind a full fence nothing that is one is needed."""
        if not isinstance(operation, Load) or isinstance(last, FullFence):
            return []
        inserted: list[Operation] = []
        if not self.is_one_host:
            dropping = (Flush(line_of(operation.address)), FullFence())
            inserted += self._inserted(frame, -2, f"invalidate{_named(operation)} before the load", dropping)
        return inserted + self._inserted(frame, -1, "full_fence() before the load", (FullFence(),))

    def behind(self, frame: FrameType, operation: Operation | Pause) -> list[Operation]:
        """Return what is inserted behind an operation."""
        inserted: list[Operation] = []
        if self.is_one_host:
            return inserted
        if isinstance(operation, STORING):
            flush = (Flush(line_of(operation.address)),)
            inserted += self._inserted(frame, 1, f"flush{_named(operation)} behind the store", flush)
        if isinstance(operation, (*STORING, Flush)):
            what = "flush" if isinstance(operation, Flush) else "store"
            inserted += self._inserted(frame, 2, f"store_fence() behind the {what}", (StoreFence(),))
        return inserted

    def _inserted(
        self, frame: FrameType, distance: int, words: str, operations: tuple[Operation, ...]
    ) -> list[Operation]:
        code = frame.f_code
        text = f"{place_of(frame)}: {words}"
        made = Insertion(code.co_filename, frame.f_lineno, frame.f_lasti, distance, text)
        self.offered[made] = None
        return list(operations) if self.chosen is None or made in self.chosen else []


def _named(operation: Load | Store | FetchAdd | CompareExchange | Exchange) -> str:
    """Return the kind of word, without numbers: where the operation stands it may be of many."""
    return f"({' '.join(str(part) for part in operation.address if not isinstance(part, int))})"
