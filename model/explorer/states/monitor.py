"""What looks on while programs run: it is told every step of the spec that they perform, and may object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from fencepost.model.memory.lazy import Key
from fencepost.model.programs.operations import Address
from fencepost.model.trace import Step

FACT = "F"
"""How the keys of facts begin, which are the watch's; all others are memory's."""


@dataclass(frozen=True)
class Violation:
    """A property that a run breaks, and how, in one sentence."""

    property: str
    sentence: str


RAISED = "raised"
"""The name under which a program that raises is reported: it breaks whatever is asked of its run."""


class FirstStore(NamedTuple):
    """The first store of a host to a line: the name of the thread, and which word got which value."""

    host: int
    thread: str
    address: Address
    value: Any


class Monitor:
    """One that has no objections. A watch is a value: `after` returns another one."""

    violation: Violation | None = None

    def asks(self, step: Step) -> tuple[Address, ...]:
        """Return the words of memory that it must know to judge this step."""
        return ()

    def concerns(self, step: Step) -> tuple[tuple[Key, ...], tuple[Key, ...]]:
        """Return what the judgement of this step depends on, and what it changes that the judgement of others does.

        Two steps that have such a key in common do not commute, though memory may not care which comes first.
        """
        return (), ()

    def after(self, step: Step, answers: tuple[Any, ...] = ()) -> Monitor:
        """Return the watch that has seen one more step; `answers` are the words that it asked for."""
        return self

    def after_stores(self, stores: tuple[FirstStore, ...]) -> Monitor:
        """Return the watch that has seen one more host store to a line, whose first stores by host these are."""
        return self

    def at_end(self, inspect: Callable[[Address], Any]) -> Violation | None:
        """Return what is wrong with a run that ends here, where nothing can go on without luck."""
        return None


class Objection(Monitor):
    """One whose run has ended in a violation that it was told of, whatever it was watched for."""

    def __init__(self, violation: Violation) -> None:
        self.violation = violation
