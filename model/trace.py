"""Steps and traces: what happened, in a form that every engine can replay."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from msgspec import Struct

from fencepost.model.errors import InputError
from fencepost.model.instance import Instance
from fencepost.model.language import TRUTH, Map, Protocol, Statement


class Step(Struct, frozen=True):
    """One action with its arguments."""

    action: str
    arguments: dict[str, int]

    def __str__(self) -> str:
        return f"{self.action}({', '.join(f'{name}={value}' for name, value in self.arguments.items())})"


@dataclass(frozen=True)
class Trace:
    """A run of a protocol, from its start, that breaks a promise (or, for a `sometimes`, reaches it) in its last state.

    `found_by` names the engine; `bounds` is the instance it lies in.

    >>> fencepost.read_trace(Path("examples/data/inversion.itf.json")).found_by
    'z3'
    """

    protocol: type[Protocol]
    property: str
    steps: tuple[Step, ...]
    bounds: Instance
    found_by: str

    def states(self) -> Iterator[Protocol]:
        """Yield the one state object before the first step and again after each; raises NotAccepted."""
        state = self.protocol(self.bounds)
        yield state
        for step in self.steps:
            state.fire(step.action, **step.arguments)
            yield state


@dataclass(frozen=True)
class Replay:
    """What replaying a trace came to: the first step after which the property fails, and for which values."""

    trace: Trace
    violated_at: int | None
    values: dict[str, int]
    explanation: str


def values_of(statement: Statement, bounds: Instance) -> Iterator[dict[str, Any]]:
    """Yield every assignment of a statement's parameters inside an instance."""
    names = [name for name, _ in statement.parameters]
    domains = [(False, True) if sort is TRUTH else bounds.domain(sort) for _, sort in statement.parameters]
    for values in product(*domains):
        yield dict(zip(names, values, strict=True))


def counterexample(state: Protocol, statement: Statement, bounds: Instance) -> dict[str, int] | None:
    """Return values for which the statement fails in this state, or None."""
    holds = getattr(state, statement.method)
    return next((values for values in values_of(statement, bounds) if not holds(**values)), None)


def replay(trace: Trace) -> Replay:
    """Run a trace on concrete values and look for its violation after each step.

    Raises NotAccepted where the protocol refuses a step and InputError for a property it does not state.
    """
    statement = {**trace.protocol.promises, **trace.protocol.invariants}.get(trace.property)
    if statement is None:
        stated = ", ".join(trace.protocol.promises)
        raise InputError(f"{trace.protocol.name} does not state {trace.property!r}: expected one of {stated}")
    for number, state in enumerate(trace.states()):
        values = counterexample(state, statement, trace.bounds)
        if values is not None:
            return Replay(trace, number, values, explain(state, statement, values))
    return Replay(trace, None, {}, f"{trace.property} holds in every state of the trace")


def explain(state: Protocol, statement: Statement, values: dict[str, int]) -> str:
    """Say for which values the statement fails, each as the protocol describes it."""
    facts = [f"{name} = {state.describe(sort, values[name])}" for name, sort in statement.parameters]
    return f"{statement.name} is violated{' for ' if facts else ''}{'; '.join(facts)}"


def describe(trace: Trace) -> str:
    """Return a counterexample as numbered steps and the sentence that says what they contradict."""
    width = len(str(len(trace.steps)))
    steps = [f"{number:>{width}}  {step}" for number, step in enumerate(trace.steps, start=1)]
    return "\n".join([*steps, replay(trace).explanation])


def cells_of(state: Protocol) -> dict[str, str]:
    """Return what the fields of a state hold, of maps the cells that were written."""
    found = {}
    for name in state.fields:
        value = getattr(state, name)
        if isinstance(value, Map):
            for key, cell in value.written().items():
                found[f"{name}[{', '.join(map(str, key if isinstance(key, tuple) else (key,)))}]"] = str(cell)
        else:
            found[name] = str(value)
    return found
