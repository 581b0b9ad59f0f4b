"""Recording: run an action once on symbols and keep what it wrote down.

The result is a `Transition`: requirements and writes, all as terms over the state before the action.
Concrete execution never uses it (it runs the function itself); the prover uses nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from inspect import signature
from typing import Any, NoReturn

from fencepost.model.errors import ProtocolError
from fencepost.model.language.sorts import TRUTH, Sort, fits, sort_of
from fencepost.model.language.terms import Term, all_of, choose, lift, refused


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

    def terms(self) -> tuple[Term, ...]:
        """Return the terms that it is made of."""
        return (*self.indices, self.value, *(() if self.count is None else (self.count,)))

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

    def terms(self) -> tuple[Term, ...]:
        """Return the terms of its requirements and writes."""
        return (*self.guards, *(term for write in self.writes for term in write.terms()))


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
    """Collects what one action does; `where` names it in errors, `names` are those of its variables."""

    where: str
    names: set[str] = field(default_factory=set)
    guards: list[Term] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    sorts: list[Sort] = field(default_factory=list)  # those that it quantifies over

    def new_variable(self, name: str, sort: Sort) -> Term:
        """Return a variable that no other of the action is called like."""
        numbered = (f"{name}{number or ''}" for number in range(len(self.names) + 1))
        chosen = next(each for each in numbered if each not in self.names)
        self.names.add(chosen)
        return Term("variable", (chosen,), sort)

    def quantify(self, operator: str, sort: Sort, condition: Callable[[Any], Any], below: object) -> Term:
        """Return that the condition holds of every member of a sort, or of one; of a number, of those below."""
        if sort is TRUTH or sort.numeric is (below is None):
            raise ProtocolError(_no_members(self.where, operator, sort))
        parameters = list(signature(condition).parameters)
        if len(parameters) != 1:
            raise ProtocolError(f"{self.where}: {operator} over {sort} takes a condition with one parameter")
        self.sorts.append(sort)
        variable, known = self.new_variable(parameters[0], sort), (len(self.guards), len(self.writes))
        body = lift(condition(variable))
        if body.sort is not TRUTH or known != (len(self.guards), len(self.writes)):
            raise ProtocolError(f"{self.where}: {operator} over {sort} takes a condition, and is given `{body}`")
        limit = () if below is None else (lift(below),)
        if limit and not fits(limit[0].sort, sort):
            raise ProtocolError(f"{self.where}: {operator} over {sort} is below `{limit[0]}`, a {limit[0].sort}")
        return Term(operator, (variable, body, *limit), TRUTH)

    def require(self, conditions: tuple[object, ...]) -> None:
        if self.writes:
            late = self.writes[-1].field
            raise ProtocolError(
                f"{self.where} requires after it wrote {late}: put every require before the first write"
            )
        for condition in conditions:
            term = lift(condition)
            if term.sort is not TRUTH:
                raise ProtocolError(f"{self.where} requires `{term}`, a {term.sort}: expected a condition")
            self.guards.append(term)

    def write(self, target: Field, indices: tuple[Term, ...], value: object, **span: Term) -> None:
        term = lift(value)
        if not fits(term.sort, target.sort):
            raise ProtocolError(
                f"{self.where} writes `{term}`, a {term.sort}, to {target.name}: expected {target.sort}"
            )
        self.writes.append(Write(target.name, indices, term, **span))


def _no_members(where: str, operator: str, sort: Sort) -> str:
    if sort is TRUTH:
        return f"{where}: {operator} over truth values: write both, all_of(..., ...)"
    if sort.numeric:
        return (
            f"{where}: {operator} over {sort}, whose values are numbers without end: say of which,"
            f' self.{operator}({sort}, ..., below=count), or declare identities, Sort("{sort}", numeric=False)'
        )
    return f"{where}: {operator} over {sort} below a number: a {sort} has no order; leave `below` out"


class RecordedMap:
    """Stands for a map while an action is recorded: reads give terms, writes go to the recorder."""

    __hash__ = object.__hash__
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = refused(
        "a comparison of whole maps", "compare their cells, self.for_all(Sort, lambda each: one[each] == other[each])"
    )
    __bool__ = refused("the truth of a whole map", "ask for a cell, or self.exists(Sort, lambda each: ...)")
    __iter__ = __contains__ = __len__ = refused(
        "a loop over a map",
        "it has a cell for every index there is; write self.for_all or self.exists over the sort of its index",
    )
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = refused(
        "arithmetic on a whole map", "a map has cells; write map[index]"
    )

    def __init__(self, declared: Field, recorder: Recorder) -> None:
        self._field = declared
        self._recorder = recorder

    def __str__(self) -> str:
        return self._field.name

    def __repr__(self) -> str:
        return f"the whole map {self._field.name}"

    def __getattr__(self, name: str) -> NoReturn:
        raise ProtocolError(f"`{self}.{name}`: a Map has cells to read and write, {self}[index], and fill; no {name}")

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
        cell = self._recorder.new_variable("cell", first.sort)
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

    def for_all(self, sort: object, condition: Callable[[Any], Any], *, below: object = None) -> Any:
        return self._recorder.quantify("for_all", sort_of(f"{self._recorder.where}(for_all)", sort), condition, below)

    def exists(self, sort: object, condition: Callable[[Any], Any], *, below: object = None) -> Any:
        return self._recorder.quantify("exists", sort_of(f"{self._recorder.where}(exists)", sort), condition, below)

    def __getattr__(self, name: str) -> Any:
        declared = self._fields.get(name)
        if declared is None:
            if not hasattr(self._protocol, name):
                near = get_close_matches(name, self._fields, n=1)
                meant = f"did you mean {near[0]}?" if near else f"its fields are {', '.join(self._fields)}"
                raise ProtocolError(f"{self._recorder.where} reads {name!r}, which is not declared: {meant}")
            attribute = getattr(self._protocol, name)
            return attribute.__get__(self) if callable(attribute) else attribute
        if declared.indices:
            return RecordedMap(declared, self._recorder)
        written = [write.value for write in self._recorder.writes if write.field == name]
        return written[-1] if written else Term("read", (name,), declared.sort)

    def __setattr__(self, name: str, value: object) -> None:
        declared = self._fields.get(name)
        if declared is not None and declared.indices:
            raise ProtocolError(
                f"{self._recorder.where} assigns to the whole map {name}: write one cell, {name}[index] = value, or a"
                f" range of cells, {name}.fill(start, count, value_of)"
            )
        if declared is None:
            known = ", ".join(each for each, field in self._fields.items() if not field.indices)
            raise ProtocolError(f"{self._recorder.where} assigns to {name!r}: expected one of the scalars {known}")
        self._recorder.write(declared, (), value)


def record(
    protocol: type, fields: dict[str, Field], function: Callable[..., Any], parameters: tuple[tuple[str, Sort], ...]
) -> tuple[Recorder, object]:
    """Run `function` on symbols; return what it required and wrote, and what it returned."""
    recorder = Recorder(f"{protocol.__name__}.{function.__name__}", {name for name, _ in parameters})
    state = RecordedState(protocol, fields, recorder)
    arguments = {name: Term("variable", (name,), sort) for name, sort in parameters}
    try:
        result = function(state, **arguments)
    except ProtocolError as error:
        message = str(error)
        named = ProtocolError(message if message.startswith(recorder.where) else f"{recorder.where}: {message}")
        raise named.with_traceback(error.__traceback__) from None
    return recorder, result
