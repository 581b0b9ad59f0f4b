"""What operations do to an object: a register, a queue, a log.

A model's `step` takes a state and an operation and returns the state after it, or REFUSED where the operation
cannot come back with its result from there. States are values that can be hashed.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from fencepost.model.errors import InputError
from fencepost.model.linearizability.operations import UNKNOWN, Operation, format_value


class _Refused(Enum):
    REFUSED = "refused"


REFUSED: Final = _Refused.REFUSED
Step = Callable[[Any, Operation], Any]


@dataclass(frozen=True)
class Model:
    """An object: its state before everything, and for each operation by name what it does.

    `names` are other names that the operations have elsewhere. `holds` says a state in words.
    """

    name: str
    initial: Hashable
    steps: Mapping[str, Step]
    names: Mapping[str, str]
    holds: Callable[[Any], str]

    def step_of(self, operation: Operation) -> Step:
        """Return what an operation does; InputError where the object has none of its name."""
        name = self.names.get(operation.name, operation.name)
        if name not in self.steps:
            expected = ", ".join([*self.steps, *self.names])
            problem = f"a {self.name} has no operation {operation.name!r}: expected one of {expected}"
            raise InputError(f"row {operation.row}: {problem}")
        return self.steps[name]


def _came(operation: Operation, value: Hashable) -> bool:
    """Say whether a value can be what an operation came back with."""
    return operation.result is UNKNOWN or operation.result == value


def _read(state: Any, operation: Operation) -> Any:
    return state if _came(operation, state) else REFUSED


def _write(state: Any, operation: Operation) -> Any:
    return operation.argument


def _compare_and_set(state: Any, operation: Operation) -> Any:
    if not isinstance(operation.argument, tuple) or len(operation.argument) != 2:
        raise InputError(
            f"row {operation.row}: {operation}: expected two values, the one to compare and the one to set"
        )
    expected, new = operation.argument
    is_set = state == expected
    if not _came(operation, is_set):
        return REFUSED
    return new if is_set else state


def _enqueue(state: Any, operation: Operation) -> Any:
    return (*state, operation.argument)


def _dequeue(state: Any, operation: Operation) -> Any:
    if not _came(operation, state[0] if state else None):
        return REFUSED
    return state[1:]


def _append(state: Any, operation: Operation) -> Any:
    """State: value and position of each entry. Several values, a batch, take positions one behind the other."""
    values = operation.argument if isinstance(operation.argument, tuple) else (operation.argument,)
    position = len(state) if operation.result is UNKNOWN else _position(operation)
    if position != len(state):
        return REFUSED
    return state + tuple((value, position + index) for index, value in enumerate(values))


def _append_behind(state: Any, operation: Operation) -> Any:
    """The same where positions may be left out: one that came back is behind all that are known."""
    values = operation.argument if isinstance(operation.argument, tuple) else (operation.argument,)
    if operation.result is UNKNOWN:
        return state + tuple((value, None) for value in values)
    position = _position(operation)
    last = next((known for _, known in reversed(state) if known is not None), -1)
    if position <= last:
        return REFUSED
    return state + tuple((value, position + index) for index, value in enumerate(values))


def _position(operation: Operation) -> int:
    if not isinstance(operation.result, int):
        raise InputError(f"row {operation.row}: {operation}: expected a position, an integer")
    return operation.result


def _read_position(state: Any, operation: Operation) -> Any:
    value = next((value for value, position in state if position == operation.argument), None)
    return state if _came(operation, value) else REFUSED


def _read_all(state: Any, operation: Operation) -> Any:
    return state if _came(operation, tuple(value for value, _ in state)) else REFUSED


def _entries(state: Any) -> str:
    values = [format_value(each) for each in state]
    return f"holds [{', '.join(values[-8:])}]" if len(values) <= 8 else f"holds {len(values)} entries"


def _log(name: str, append: Step) -> Model:
    return Model(
        name,
        (),
        {"append": append, "read": _read_position, "read-all": _read_all},
        {"send": "append", "publish": "append", "poll": "read", "fetch": "read"},
        lambda state: _entries([value for value, _ in state]),
    )


MODELS: dict[str, Model] = {
    each.name: each
    for each in (
        Model(
            "register",
            None,
            {"read": _read, "write": _write, "cas": _compare_and_set},
            {},
            lambda state: f"holds {format_value(state)}",
        ),
        Model(
            "queue",
            (),
            {"enqueue": _enqueue, "dequeue": _dequeue},
            {"add": "enqueue", "offer": "enqueue", "push": "enqueue", "poll": "dequeue", "pop": "dequeue"},
            _entries,
        ),
        _log("log", _append),
        _log("log-with-gaps", _append_behind),
    )
}
