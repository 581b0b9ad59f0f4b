"""The machine: shared words on which operations are performed, watched by the spec.

One memory, no buffers (profile `sc`). A word never written holds 0.
"""

from collections.abc import Iterator

from fencepost.model.language import Protocol
from fencepost.model.programs.operations import (
    Address,
    Attempted,
    Await,
    CompareExchange,
    FetchAdd,
    Load,
    Lock,
    Operation,
    Sleep,
    Store,
    Unlock,
)
from fencepost.model.trace import Step


class Machine:
    """Performs operations one at a time and tells the spec each labelled step as it happens."""

    def __init__(self, spec: Protocol) -> None:
        self.words: dict[Address, int] = {}
        self.spec = spec

    def word(self, *address: str | int) -> int:
        """Return the value of a word."""
        return self.words.get(address, 0)

    def blocked(self, operation: Operation) -> bool:
        """Say whether the operation must wait for another thread's write."""
        if isinstance(operation, Lock):
            return self.word(*operation.address) != 0
        if isinstance(operation, Await):
            return all(self.word(*address) == seen for address, seen in operation.seen)
        return False

    def perform(self, operation: Operation) -> tuple[int, Step | None]:
        """Perform an operation that is not blocked; return its result and the step of the spec that it was.

        Raises NotAccepted when the spec refuses that step.
        """
        result = self._execute(operation)
        step = operation.label(result) if operation.label is not None else None
        if step is not None:
            self.spec.fire(step.action, **step.arguments)
        return result, step

    def _execute(self, operation: Operation) -> int:
        match operation:
            case Load(address):
                return self.word(*address)
            case Store(address, value):
                self.words[address] = value
            case FetchAdd(address, amount):
                before = self.word(*address)
                self.words[address] = before + amount
                return before
            case CompareExchange(address, expected, desired):
                before = self.word(*address)
                if before == expected:
                    self.words[address] = desired
                return before
            case Lock(address):
                self.words[address] = 1
            case Unlock(address):
                self.words[address] = 0
            case Await() | Sleep() | Attempted():
                pass
        return 0

    def ordered(self, slots: int, ring: int) -> Iterator[tuple[int, int]]:
        """Yield (ring index, start position) of the slots of a ring that are published, as a reader would see them."""
        for index in range(slots):
            if self.word("ordered", ring, index):
                yield index, self.word("start", ring, index)


def written(operation: Operation) -> Address | None:
    """Return the word that the operation may have changed."""
    return operation.address if isinstance(operation, Store | FetchAdd | CompareExchange | Lock | Unlock) else None


def watched(operation: Operation) -> tuple[Address, ...]:
    """Return the words whose change may unblock the operation."""
    if isinstance(operation, Lock):
        return (operation.address,)
    return tuple(address for address, _ in operation.seen) if isinstance(operation, Await) else ()
