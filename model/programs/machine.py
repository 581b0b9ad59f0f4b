"""One coherent memory without store buffers (profile `sc`), for drivers that need speed more than choices.

The simulation and the check of model against native run on it; the explorer has a memory of its own
(`model/memory/lazy.py`), on which the same programs can go wrong in more ways.
"""

from array import array
from collections.abc import Callable, Iterator, Mapping, MutableSequence
from typing import Any

from fencepost.model.language import Protocol
from fencepost.model.language.columns import Columns
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
from fencepost.model.programs.roles.scanner import PASS
from fencepost.model.programs.sequencers.refinement import spec_steps
from fencepost.model.trace import Step


class Values:
    """What one word of every slot of a ring holds, by slot: numbers, or equally long tuples of them, kept flat."""

    __slots__ = ("_parts", "_values")

    def __init__(self) -> None:
        self._parts: tuple[array[int], ...] = ()  # empty for numbers
        self._values: MutableSequence[Any] = array("q")  # the numbers, or what has no flat form

    def __len__(self) -> int:
        return len(self._parts[0]) if self._parts else len(self._values)

    def __getitem__(self, slot: int) -> Any:
        return tuple([part[slot] for part in self._parts]) if self._parts else self._values[slot]

    def put(self, slot: int, value: Any) -> None:
        """Store a value in one of the slots that have one, or in the next."""
        if not len(self) and type(value) is tuple and value:
            self._parts = tuple(array("q") for _ in value)
        try:
            columns = self._parts or (self._values,)
            for column, number in zip(columns, value if self._parts else (value,), strict=True):
                if slot == len(column):
                    column.append(number)
                else:
                    column[slot] = number
        except (OverflowError, TypeError, ValueError):
            self._keep_as_they_are(slot, value)

    def _keep_as_they_are(self, slot: int, value: Any) -> None:
        size = min(map(len, self._parts)) if self._parts else len(self._values)
        self._values, self._parts = [self[each] for each in range(size)], ()
        self._values[slot : slot + 1] = [value]


class Words:
    """The words of a memory by address. Those of a ring's slots are kept flat: a long run has no object for each."""

    def __init__(self) -> None:
        self._slots: dict[tuple[Any, Any, Any], Values] = {}  # by kind of line, ring and word
        self._others: dict[Address, Any] = {}

    def get(self, address: Address, default: Any = 0) -> Any:
        """Return what a word holds; `default` where nothing was stored."""
        if len(address) == 4:
            kind, ring, slot, word = address
            values = self._slots.get((kind, ring, word))
            if values is not None and isinstance(slot, int) and 0 <= slot < len(values):
                return values[slot]
        return self._others.get(address, default)

    def __setitem__(self, address: Address, value: Any) -> None:
        if len(address) == 4:
            kind, ring, slot, word = address
            values = self._slots.get((kind, ring, word))
            if values is None:
                values = self._slots[kind, ring, word] = Values()
            if isinstance(slot, int) and 0 <= slot <= len(values):
                values.put(slot, value)
                return
        self._others[address] = value

    def update(self, words: Mapping[Address, Any]) -> None:
        """Store all of these words."""
        for address, value in words.items():
            self[address] = value


class Machine:
    """Performs operations one at a time and tells the spec each labelled step as it happens."""

    def __init__(self, spec: Protocol) -> None:
        self.words = Words()
        self.channels: dict[Address, list[Any]] = {}
        self.spec = spec
        self.exported = Columns(-1)  # by ring and ring index the start, of what readers can see
        self.fired: list[Step] = []  # what the spec did at the last step
        self._starts = Columns(-1)

    def blocked(self, operation: Operation) -> bool:
        """Say whether the operation must wait for another thread."""
        match operation:
            case Lock(address):
                return bool(self.words.get(address))
            case Poll(watched):
                words = self.words
                return all(words.get(each.address) == each.seen for each in watched)
            case Receive(channel):
                return not self.channels.get(channel)
        return False

    def perform(self, operation: Operation) -> tuple[Any, Step | None]:
        """Perform an operation that is not blocked; return its result and the step that it was.

        Raises NotAccepted when the spec refuses that step. Steps that the spec does not know are the contract's.
        """
        effect = _EFFECTS.get(type(operation))
        result = 0 if effect is None else effect(self, operation)
        if (label := operation.label) is None or (step := label(result)) is None:
            return result, None
        self.tell(step)
        return result, step

    def tell(self, step: Step) -> None:
        """Perform what a step of a program is to the spec."""
        self.fired.clear()
        self._note(step)
        for each in spec_steps(self.spec, step):
            self.spec.fire(each.action, **each.arguments)
            self.fired.append(each)

    def _execute(self, operation: Operation) -> Any:
        effect = _EFFECTS.get(type(operation))
        return 0 if effect is None else effect(self, operation)

    def _load(self, operation: Load) -> Any:
        return self.words.get(operation.address)

    def _store(self, operation: Store) -> int:
        self.words[operation.address] = operation.value
        return 0

    def _add(self, operation: FetchAdd | DeviceAdd) -> Any:
        before = self.words.get(operation.address)
        self.words[operation.address] = before + operation.amount
        return before

    def _compare_exchange(self, operation: CompareExchange) -> Any:
        before = self.words.get(operation.address)
        if before == operation.expected:
            self.words[operation.address] = operation.desired
        return before

    def _exchange(self, operation: Exchange) -> Any:
        before = self.words.get(operation.address)
        self.words[operation.address] = operation.value
        return before

    def _lock(self, operation: Lock | Unlock) -> int:
        self.words[operation.address] = int(type(operation) is Lock)
        return 0

    def _poll(self, operation: Poll) -> tuple[int, Any]:
        found = ((at, self.words.get(each.address)) for at, each in enumerate(operation.watched))
        return next((at, value) for at, value in found if value != operation.watched[at].seen)

    def _send(self, operation: Send) -> int:
        self.channels.setdefault(operation.channel, []).append(operation.message)
        return 0

    def _receive(self, operation: Receive) -> Any:
        return self.channels[operation.channel].pop(0)

    def _note(self, step: Step) -> None:
        given = step.arguments
        if step.action == "assign":
            self._starts[given["ring"], given["index"]] = given["start"]
        elif step.action == "export" and given["kind"] != PASS:
            start = self._starts[given["ring"], given["index"]]
            if start >= 0:
                self.exported[given["ring"], given["index"]] = start

    def ordered(self, slots: int, ring: int) -> Iterator[tuple[int, int]]:
        """Yield (ring index, start position) of what a ring's readers were offered, among its first `slots` indices."""
        starts = self.exported.of(ring)
        for index in range(slots):
            if starts[index] >= 0:
                yield index, starts[index]


WAITING = frozenset((Lock, Poll, Receive))
"""Operations that may have to wait for another thread."""
_CHANGING = frozenset((Store, FetchAdd, DeviceAdd, CompareExchange, Exchange, Lock, Unlock, Send))
_EFFECTS: dict[type, Callable[[Machine, Any], Any]] = {
    Load: Machine._load,
    Store: Machine._store,
    FetchAdd: Machine._add,
    DeviceAdd: Machine._add,
    CompareExchange: Machine._compare_exchange,
    Exchange: Machine._exchange,
    Lock: Machine._lock,
    Unlock: Machine._lock,
    Poll: Machine._poll,
    Send: Machine._send,
    Receive: Machine._receive,
}  # every other operation does nothing to this memory, and its result is 0


def written(operation: Operation) -> Address | None:
    """Return the word that the operation may have changed; of a Send, its channel."""
    if type(operation) in _CHANGING:
        address: Address = getattr(operation, "channel" if type(operation) is Send else "address")
        return address
    return None


def watched(operation: Operation) -> tuple[Address, ...]:
    """Return the words whose change may unblock the operation."""
    match operation:
        case Lock(address) | Receive(address):
            return (address,)
        case Poll(looked_at):
            return tuple(each.address for each in looked_at)
    return ()
