"""Memory operations: what a program yields, and what it is sent back.

A program is a generator. It yields one operation, is sent that operation's result and goes on; whoever drives it
decides when, and on which memory. The same generator runs under every schedule (the explorer), under a clock (the
simulation) and beside the native code (lockstep).

An address names a word; all of it but the last part names the line of 64 bytes that the word lies in. A word never
written holds 0, unless the run says otherwise. A value is whatever fits 8 bytes: a number, or a small tuple of numbers
that code would pack into one.

An operation may carry a label: a function from its result to the step of the spec that happens when the operation takes
effect, or None; a store takes effect when it leaves the store buffer. This is how a run is held against its spec and
against the contract.
"""

from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass
from typing import Any, TypeAlias

from msgspec import Struct

from fencepost.model.memory.ordering import Buffered
from fencepost.model.trace import Step

Address: TypeAlias = tuple[str | int, ...]
Line: TypeAlias = tuple[str | int, ...]
Value: TypeAlias = Hashable
Label: TypeAlias = Callable[[Any], Step | None]


def line_of(address: Address) -> Line:
    """Return the line that a word lies in."""
    return address[:-1]


class Load(Struct, frozen=True):
    """Read a word. Result: its value."""

    address: Address
    label: Label | None = None


class Store(Struct, frozen=True):
    """Write a word; `streaming` stores go past the cache (non-temporal). Result: 0."""

    address: Address
    value: Value
    label: Label | None = None
    streaming: bool = False


class FetchAdd(Struct, frozen=True):
    """Add to a word in one step. Result: the value before. Atomic among threads of one host."""

    address: Address
    amount: int
    label: Label | None = None


class CompareExchange(Struct, frozen=True):
    """Replace `expected` by `desired` in one step. Result: the value before; it was replaced if that is `expected`.

    Atomic among threads of one host.
    """

    address: Address
    expected: Value
    desired: Value
    label: Label | None = None


class Exchange(Struct, frozen=True):
    """Replace a word in one step. Result: the value before. Atomic among threads of one host."""

    address: Address
    value: Value
    label: Label | None = None


class DeviceAdd(Struct, frozen=True):
    """Add to a word at the device, past every cache, in one step among all hosts. Result: the value before."""

    address: Address
    amount: int
    label: Label | None = None


class Lock(Struct, frozen=True):
    """Take a lock of this host, waiting until it is free. Result: 0."""

    address: Address
    label: Label | None = None


class Unlock(Struct, frozen=True):
    """Give a lock back. Result: 0."""

    address: Address
    label: Label | None = None


class Flush(Struct, frozen=True):
    """Write a line back and, unless it is a WB (clwb), drop the host's copy. Result: 0.

    `kind` is Buffered.FO (clflushopt), Buffered.FL (clflush) or Buffered.WB (clwb). It takes effect in its own time:
    a fence says when. To a reader it is the invalidation.
    """

    line: Line
    kind: Buffered = Buffered.FO
    label: None = None


class StoreFence(Struct, frozen=True):
    """sfence: earlier stores and flushes take effect before later ones. Result: 0."""

    label: Label | None = None


class FullFence(Struct, frozen=True):
    """mfence: go on when all earlier stores and flushes have taken effect. Result: 0."""

    label: None = None


class LoadFence(Struct, frozen=True):
    """lfence. Result: 0."""

    label: None = None


class Prefetch(Struct, frozen=True):
    """Ask for a copy of a line, which may or may not come. Result: 0."""

    line: Line
    label: None = None


class Watched(Struct, frozen=True):
    """A word that a poll looks at, and the value last seen there.

    With `invalidate`, every look is `clflushopt; mfence; load`, so that it finds what memory has.
    """

    address: Address
    seen: Value
    invalidate: bool = False


class Poll(Struct, frozen=True):
    """Look at words in turn until one differs from what was last seen there. Result: (index in `watched`, value).

    A look that finds nothing new is not a step, so a spinning program has finitely many. Where one of the words is
    invalidated before each look, the fence of that stands before each look at the others too.
    """

    watched: tuple[Watched, ...]
    label: Label | None = None


class Send(Struct, frozen=True):
    """Put a message at the end of a channel of the network. Result: 0."""

    channel: Address
    message: Value
    label: Label | None = None


class Receive(Struct, frozen=True):
    """Take the first message of a channel, waiting until there is one. Result: the message."""

    channel: Address
    label: Label | None = None


class Witness(Struct, frozen=True):
    """Not an operation: says that a step of the contract has just come to pass. Result: 0."""

    step: Step

    @property
    def label(self) -> Label:
        return lambda result: self.step


class Sleep(Struct, frozen=True):
    """Wait until a time on the run's clock; a run without a clock goes straight on. Result: 0."""

    until_ns: int
    label: None = None


class Attempted(Struct, frozen=True):
    """Not an operation: tells the driver that the scanner is done with a slot for now. Result: 0."""

    ring: int
    index: int
    outcome: str
    start: int = -1
    label: Label | None = None


Operation: TypeAlias = (
    Load | Store | FetchAdd | CompareExchange | Exchange | DeviceAdd | Lock | Unlock | Flush | StoreFence | FullFence
    | LoadFence | Prefetch | Poll | Send | Receive | Witness | Sleep | Attempted
)  # fmt: skip
Program: TypeAlias = Generator[Operation, Any, None]


@dataclass(frozen=True)
class ThreadOf:
    """One thread of a run: what it is called, the host it runs on, and how its program is begun."""

    name: str
    host: int
    begin: Callable[[], Program]


ORDERED, LATER, DUPLICATE = "ordered", "later", "duplicate"  # outcomes of an attempt


def at(action: str, **arguments: int) -> Label:
    """Return a label for an operation that is always this step of the spec."""
    step = Step(action, arguments)
    return lambda result: step


def witness(action: str, **arguments: int) -> Witness:
    """Return the witness of a step of the contract."""
    return Witness(Step(action, arguments))


def replacement(operation: FetchAdd | CompareExchange | Exchange, before: Any) -> tuple[Any] | None:
    """Return what an atomic operation stores where it finds `before`, or None for a compare-exchange that fails."""
    match operation:
        case FetchAdd(amount=amount):
            return (before + amount,)
        case CompareExchange(expected=expected, desired=desired):
            return (desired,) if before == expected else None
        case Exchange(value=value):
            return (value,)


def without(program: Program, *kinds: type) -> Program:
    """Leave the operations of these kinds out of a program."""
    result = None
    while True:
        try:
            operation = program.send(result)
        except StopIteration:
            return
        result = 0 if isinstance(operation, kinds) else (yield operation)


def coherently(program: Program) -> Program:
    """Let a program's polls look at what its own host has, as is enough where all memory is coherent."""
    result = None
    while True:
        try:
            operation = program.send(result)
        except StopIteration:
            return
        if isinstance(operation, Poll):
            operation = Poll(tuple(Watched(each.address, each.seen) for each in operation.watched), operation.label)
        result = yield operation
