"""Memory operations: what a program yields, and what it is sent back.

A program is a generator. It yields one operation, is sent that operation's result (an integer) and
goes on; whoever drives it decides when, and on which memory. The same generator runs under a
schedule, under a clock and beside the native code.

An operation may carry a label: a function from its result to the step of the spec that happens at
that very moment, or None. This is how a run is held against its spec.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias

from fencepost.model.trace import Step

Address: TypeAlias = tuple[str | int, ...]
Label: TypeAlias = Callable[[int], Step | None]


@dataclass(frozen=True)
class Load:
    """Read a word. Result: its value."""

    address: Address
    label: Label | None = None


@dataclass(frozen=True)
class Store:
    """Write a word. Result: 0."""

    address: Address
    value: int
    label: Label | None = None


@dataclass(frozen=True)
class FetchAdd:
    """Add to a word in one step. Result: the value before."""

    address: Address
    amount: int
    label: Label | None = None


@dataclass(frozen=True)
class CompareExchange:
    """Replace `expected` by `desired` in one step. Result: the value before; it was replaced if that is `expected`."""

    address: Address
    expected: int
    desired: int
    label: Label | None = None


@dataclass(frozen=True)
class Lock:
    """Take a lock, waiting until it is free. Result: 0."""

    address: Address
    label: Label | None = None


@dataclass(frozen=True)
class Unlock:
    """Give a lock back. Result: 0."""

    address: Address
    label: Label | None = None


@dataclass(frozen=True)
class Await:
    """Pause until one of the words differs from the value last seen there. Result: 0.

    A poll that finds nothing changed is not a step, so a spinning program has finitely many.
    """

    seen: tuple[tuple[Address, int], ...]
    label: None = None


@dataclass(frozen=True)
class Sleep:
    """Wait until a time on the run's clock; a run without a clock goes straight on. Result: 0."""

    until_ns: int
    label: None = None


@dataclass(frozen=True)
class Attempted:
    """Not an operation: tells the driver that the scanner is done with a slot for now. Result: 0."""

    ring: int
    index: int
    outcome: str
    start: int = -1
    label: None = None


Operation: TypeAlias = Load | Store | FetchAdd | CompareExchange | Lock | Unlock | Await | Sleep | Attempted
Program: TypeAlias = Generator[Operation, int, None]

ORDERED, LATER, DUPLICATE = "ordered", "later", "duplicate"  # outcomes of an attempt


def at(action: str, **arguments: int) -> Label:
    """Return a label for an operation that is always this step of the spec."""
    step = Step(action, arguments)
    return lambda result: step
