"""One coherent memory without store buffers (profile `sc`), for drivers that need speed more than choices.

The simulation and the check of model against native run on it; the explorer has a memory of its own
(`model/memory/late.py`), on which the same programs can go wrong in more ways.
"""

from collections.abc import Iterator
from typing import Any

from fencepost.model.language import Protocol
from fencepost.model.programs.operations import (
    Address,
    CompareExchange,
    DeviceAdd,
    Exchange,
    FetchAdd,
    Load,
    Lock,
    Operation,
    Poll,
    Receive,
    Send,
    Store,
    Unlock,
)
from fencepost.model.programs.refinement import spec_steps
from fencepost.model.programs.scanner import PASS
from fencepost.model.trace import Step


class Machine:
    """Performs operations one at a time and tells the spec each labelled step as it happens."""

    def __init__(self, spec: Protocol) -> None:
        self.words: dict[Address, Any] = {}
        self.channels: dict[Address, list[Any]] = {}
        self.spec = spec
        self.exported: dict[tuple[int, int], int] = {}  # (ring, ring index) -> start, of what readers can see
        self.fired: list[Step] = []  # what the spec did at the last operation
        self._starts: dict[tuple[int, int], int] = {}

    def blocked(self, operation: Operation) -> bool:
        """Say whether the operation must wait for another thread."""
        match operation:
            case Lock(address):
                return bool(self.words.get(address, 0))
            case Poll(watched):
                return all(self.words.get(each.address, 0) == each.seen for each in watched)
            case Receive(channel):
                return not self.channels.get(channel)
        return False

    def perform(self, operation: Operation) -> tuple[Any, Step | None]:
        """Perform an operation that is not blocked; return its result and the step that it was.

        Raises NotAccepted when the spec refuses that step. Steps that the spec does not know are the contract's.
        """
        result = self._execute(operation)
        step = operation.label(result) if operation.label is not None else None
        self.fired.clear()
        if step is not None:
            self.tell(step)
        return result, step

    def tell(self, step: Step) -> None:
        """Perform what a step of a program is to the spec."""
        self._note(step)
        for each in spec_steps(self.spec, step):
            self.spec.fire(each.action, **each.arguments)
            self.fired.append(each)

    def _execute(self, operation: Operation) -> Any:
        words = self.words
        match operation:
            case Load(address):
                return words.get(address, 0)
            case Store(address, value):
                words[address] = value
            case FetchAdd(address, amount) | DeviceAdd(address, amount):
                before = words.get(address, 0)
                words[address] = before + amount
                return before
            case CompareExchange(address, expected, desired):
                before = words.get(address, 0)
                if before == expected:
                    words[address] = desired
                return before
            case Exchange(address, value):
                before = words.get(address, 0)
                words[address] = value
                return before
            case Lock(address):
                words[address] = 1
            case Unlock(address):
                words[address] = 0
            case Poll(watched):
                found = ((at, words.get(each.address, 0)) for at, each in enumerate(watched))
                return next((at, value) for at, value in found if value != watched[at].seen)
            case Send(channel, message):
                self.channels.setdefault(channel, []).append(message)
            case Receive(channel):
                return self.channels[channel].pop(0)
        return 0

    def _note(self, step: Step) -> None:
        given = step.arguments
        if step.action == "assign":
            self._starts[given["ring"], given["index"]] = given["start"]
        elif step.action == "export" and given["kind"] != PASS and (given["ring"], given["index"]) in self._starts:
            self.exported[given["ring"], given["index"]] = self._starts[given["ring"], given["index"]]

    def ordered(self, slots: int, ring: int) -> Iterator[tuple[int, int]]:
        """Yield (ring index, start position) of what a ring's readers were offered, among its first `slots` indices."""
        for index in range(slots):
            if (ring, index) in self.exported:
                yield index, self.exported[ring, index]


def written(operation: Operation) -> Address | None:
    """Return the word that the operation may have changed; of a Send, its channel."""
    match operation:
        case Store(address) | FetchAdd(address) | CompareExchange(address) | Exchange(address) | DeviceAdd(address):
            return address
        case Lock(address) | Unlock(address):
            return address
        case Send(channel):
            return channel
    return None


def watched(operation: Operation) -> tuple[Address, ...]:
    """Return the words whose change may unblock the operation."""
    match operation:
        case Lock(address) | Receive(address):
            return (address,)
        case Poll(looked_at):
            return tuple(each.address for each in looked_at)
    return ()
