"""Recording: run an action once on symbols and keep what it wrote down.

The result is a `Transition`: requirements and writes, all as terms over the state before the action.
Concrete execution never uses it (it runs the function itself); the prover uses nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fencepost.model.errors import ProtocolError
from fencepost.model.language.terms import TRUTH, Sort, Term, all_of, choose, fits, lift


@dataclass(frozen=True)
class Field:
    """A declared piece of state: a scalar when `indices` is empty, else a total map with one default."""

    name: str
    indices: tuple[Sort, ...]
    sort: Sort
    default: int | bool


@dataclass(frozen=True)
class Write:
    """One assignment. With `count` it covers cells [indices[0], indices[0] + count); `value` then speaks of `cell`."""

    field: str
    indices: tuple[Term, ...]
    value: Term
    count: Term | None = None
    cell: Term | None = None

    def __str__(self) -> str:
        cells = ", ".join(str(index) for index in self.indices)
        if self.count is not None:
            return f"{self.field}[{cells} up to {self.indices[0]} + {self.count}] = {self.value}"
        return f"{self.field}[{cells}] = {self.value}" if cells else f"{self.field} = {self.value}"


@dataclass(frozen=True)
class Transition:
    """An action as data: enabled where all `guards` hold; then all `writes` happen, a later one over an earlier one."""

    name: str
    parameters: tuple[tuple[str, Sort], ...]
    guards: tuple[Term, ...]
    writes: tuple[Write, ...]


@dataclass(frozen=True)
class Statement:
    """A named condition on states with parameters: for all values (an invariant) or for some (a sometimes).

    `method` is the protocol's method that states it.
    """

    name: str
    method: str
    parameters: tuple[tuple[str, Sort], ...]
    condition: Term


@dataclass
class Recorder:
    """Collects what one action does; `where` names it in errors."""

    where: str
    guards: list[Term] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)

    def require(self, conditions: tuple[object, ...]) -> None:
        if self.writes:
            late = self.writes[-1].field
            raise ProtocolError(
                f"{self.where} requires after it wrote {late}: put every require before the first write"
            )
        for condition in conditions:
            term = lift(condition)
            if term.sort != TRUTH:
                raise ProtocolError(f"{self.where} requires `{term}`, a {term.sort}: expected a condition")
            self.guards.append(term)

    def write(self, target: Field, indices: tuple[Term, ...], value: object, **span: Term) -> None:
        term = lift(value)
        if not fits(term.sort, target.sort):
            raise ProtocolError(
                f"{self.where} writes `{term}`, a {term.sort}, to {target.name}: expected {target.sort}"
            )
        self.writes.append(Write(target.name, indices, term, **span))


class RecordedMap:
    """Stands for a map while an action is recorded: reads give terms, writes go to the recorder."""

    def __init__(self, declared: Field, recorder: Recorder) -> None:
        self._field = declared
        self._recorder = recorder

    def _indices(self, index: object) -> tuple[Term, ...]:
        terms = tuple(lift(each) for each in (index if isinstance(index, tuple) else (index,)))
        expected = self._field.indices
        if len(terms) != len(expected) or not all(fits(t.sort, s) for t, s in zip(terms, expected, strict=True)):
            given = ", ".join(str(term.sort) for term in terms)
            due = ", ".join(map(str, expected))
            raise ProtocolError(f"{self._recorder.where} indexes {self._field.name} by [{given}]: expected [{due}]")
        return terms

    def __getitem__(self, index: object) -> Term:
        indices = self._indices(index)
        value = Term("read", (self._field.name, *indices), self._field.sort)
        for write in self._recorder.writes:
            if write.field == self._field.name:
                value = choose(*_overlay(write, indices), value)
        return value

    def __setitem__(self, index: object, value: object) -> None:
        self._recorder.write(self._field, self._indices(index), value)

    def fill(self, start: object, count: object, value_of: Callable[[Any], Any]) -> None:
        """Write `value_of(cell)` to every cell of [start, start + count)."""
        (first,) = self._indices(start)
        cell = Term("variable", ("cell",), first.sort)
        self._recorder.write(self._field, (first,), value_of(cell), count=lift(count), cell=cell)


def _overlay(write: Write, indices: tuple[Term, ...]) -> tuple[Any, Term]:
    """Return when the write covers the cell at `indices`, and the value that it put there."""
    if write.count is None:
        return all_of(*(a == b for a, b in zip(indices, write.indices, strict=True))), write.value
    (index,), (first,) = indices, write.indices
    assert write.cell is not None
    return all_of(first <= index, index < first + write.count), substitute(write.value, write.cell, index)


def substitute(term: Term, variable: Term, value: Term) -> Term:
    """Return `term` with `value` in the place of `variable`."""
    if term is variable:
        return value
    operands = tuple(substitute(o, variable, value) if isinstance(o, Term) else o for o in term.operands)
    return Term(term.operator, operands, term.sort)


class RecordedState:
    """Stands for a protocol's `self` while an action is recorded."""

    def __init__(self, protocol: type, fields: dict[str, Field], recorder: Recorder) -> None:
        vars(self).update(_protocol=protocol, _fields=fields, _recorder=recorder)

    def require(self, *conditions: object) -> None:
        self._recorder.require(conditions)

    def __getattr__(self, name: str) -> Any:
        declared = self._fields.get(name)
        if declared is None:
            attribute = getattr(self._protocol, name)
            return attribute.__get__(self) if callable(attribute) else attribute
        if declared.indices:
            return RecordedMap(declared, self._recorder)
        written = [write.value for write in self._recorder.writes if write.field == name]
        return written[-1] if written else Term("read", (name,), declared.sort)

    def __setattr__(self, name: str, value: object) -> None:
        declared = self._fields.get(name)
        if declared is None or declared.indices:
            known = ", ".join(each for each, field in self._fields.items() if not field.indices)
            raise ProtocolError(f"{self._recorder.where} assigns to {name!r}: expected one of the scalars {known}")
        self._recorder.write(declared, (), value)


def record(
    protocol: type, fields: dict[str, Field], function: Callable[..., Any], parameters: tuple[tuple[str, Sort], ...]
) -> tuple[Recorder, object]:
    """Run `function` on symbols; return what it required and wrote, and what it returned."""
    recorder = Recorder(f"{protocol.__name__}.{function.__name__}")
    state = RecordedState(protocol, fields, recorder)
    arguments = {name: Term("variable", (name,), sort) for name, sort in parameters}
    try:
        result = function(state, **arguments)
    except ProtocolError as error:
        message = str(error)
        raise ProtocolError(message if message.startswith(recorder.where) else f"{recorder.where}: {message}") from None
    return recorder, result
