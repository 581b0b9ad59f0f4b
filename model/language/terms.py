"""Terms: what an action says, as data, when it is run on symbols instead of values.

An action is one Python function with two meanings. On integers and booleans it computes; on `Term`s
it writes itself down, and the prover reads what was written. The functions `all_of`, `any_of`,
`not_`, `implies` and `choose` stand for `and`, `or`, `not` and `if`, which Python does not let a
value take over; `==`, `<`, `+` and their kin work as they are.

A term knows its sort, and sorts do not mix: a `Seq` is not compared with a `Position`, and two
`Position`s are not added. Index, count and size are the mistake this project is named after.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from fencepost.model.errors import ProtocolError

T = TypeVar("T")


@dataclass(frozen=True)
class Sort:
    """A kind of value.

    `numeric` is False for identities (clients, rings), which can only be compared for equality.
    A numeric value is a natural number. `distance` names the sort of the difference of two values
    (`Position` - `Position` is a `Count`); empty means the sort itself.
    """

    name: str
    numeric: bool = field(default=True, compare=False)
    distance: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.name


TRUTH = Sort("truth", numeric=False)
LITERAL = Sort("literal")  # a Python integer inside a term: takes the sort of its neighbour


@dataclass(frozen=True, eq=False)
class Term:
    """One node of an expression.

    Operators: `value` (operand: a Python int or bool), `variable` (its name), `read` (a field's name,
    then the index terms), `choose`, `and`, `or`, `not`, `==`, `<`, `<=`, `+`, `-`.
    """

    operator: str
    operands: tuple[Any, ...]
    sort: Sort

    def __bool__(self) -> bool:
        raise ProtocolError(
            f"the truth of `{self}` is not known while an action is read: use choose(condition, a, b), all_of, any_of,"
            " not_ or implies instead of `if`, `and`, `or`, `not` and chained comparisons, or write two actions"
        )

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Any:
        return _compare("==", self, other)

    def __ne__(self, other: object) -> Any:
        return Term("not", (_compare("==", self, other),), TRUTH)

    def __lt__(self, other: object) -> Any:
        return _compare("<", self, other)

    def __le__(self, other: object) -> Any:
        return _compare("<=", self, other)

    def __gt__(self, other: object) -> Any:
        return _compare("<", other, self)

    def __ge__(self, other: object) -> Any:
        return _compare("<=", other, self)

    def __add__(self, other: object) -> Any:
        return _displace("+", self, lift(other))

    def __radd__(self, other: object) -> Any:
        return _displace("+", lift(other), self)

    def __sub__(self, other: object) -> Any:
        return _displace("-", self, lift(other))

    def __str__(self) -> str:
        return show(self)


def lift(value: object) -> Term:
    """Return `value` as a term: a term as it is, a truth value or an integer as a `value` node."""
    if isinstance(value, Term):
        return value
    if isinstance(value, bool):
        return Term("value", (value,), TRUTH)
    if isinstance(value, int):
        return Term("value", (value,), LITERAL)
    raise ProtocolError(f"{value!r} cannot stand in a term: expected an integer, a truth value or a parameter")


def fits(given: Sort, expected: Sort) -> bool:
    """Say whether a value of the sort `given` may stand where `expected` is due."""
    return given == expected or (given == LITERAL and expected != TRUTH)


def all_of(*conditions: bool) -> bool:
    """Say whether every condition holds."""
    return _connect("and", conditions, all)


def any_of(*conditions: bool) -> bool:
    """Say whether at least one condition holds."""
    return _connect("or", conditions, any)


def not_(condition: bool) -> bool:
    """Say whether the condition does not hold."""
    if isinstance(condition, Term):
        return cast(bool, Term("not", (_truth(condition),), TRUTH))
    return not condition


def implies(condition: bool, consequence: bool) -> bool:
    """Say whether the consequence holds wherever the condition does."""
    return any_of(not_(condition), consequence)


def choose(condition: bool, this: T, otherwise: T) -> T:
    """Return `this` where the condition holds and `otherwise` where it does not. Both are evaluated."""
    if not any(isinstance(each, Term) for each in (condition, this, otherwise)):
        return this if condition else otherwise
    left, right = lift(this), lift(otherwise)
    _same_sort("choose", left, right)
    sort = right.sort if left.sort == LITERAL else left.sort
    return cast(T, Term("choose", (_truth(condition), left, right), sort))


def _connect(operator: str, conditions: tuple[bool, ...], concrete: Callable[[tuple[bool, ...]], bool]) -> bool:
    if not any(isinstance(each, Term) for each in conditions):
        return concrete(conditions)
    return cast(bool, Term(operator, tuple(_truth(each) for each in conditions), TRUTH))


def _truth(value: object) -> Term:
    term = lift(value)
    if term.sort != TRUTH:
        raise ProtocolError(f"`{term}` is a {term.sort}: expected a condition")
    return term


def _same_sort(operator: str, left: Term, right: Term) -> None:
    if not (fits(left.sort, right.sort) or fits(right.sort, left.sort)):
        raise ProtocolError(
            f"`{left}` is a {left.sort} and `{right}` a {right.sort}: {operator} takes two values of one sort"
        )


def _compare(operator: str, left: object, right: object) -> Term:
    first, second = lift(left), lift(right)
    _same_sort(operator, first, second)
    if operator != "==" and not (first.sort.numeric and second.sort.numeric):
        raise ProtocolError(f"`{first}` {operator} `{second}`: a {first.sort} has no order, only == and !=")
    return Term(operator, (first, second), TRUTH)


def _displace(operator: str, left: Term, right: Term) -> Term:
    """Add or subtract: a point moves by its distance, and two points differ by it."""
    point, moved = left.sort, right.sort
    if operator == "-" and point == moved and point.numeric and point.distance:
        return Term(operator, (left, right), Sort(point.distance))
    if operator == "+" and point == LITERAL:
        point, moved = moved, point
    if point.numeric and (moved == LITERAL or moved.name == (point.distance or point.name)):
        return Term(operator, (left, right), point)
    due = left.sort.distance or left.sort
    raise ProtocolError(f"`{left}` {operator} `{right}`: a {left.sort} is moved by a {due}, not by a {moved}")


def show(term: Term) -> str:
    """Return the term as it would be written in a protocol."""
    operands = term.operands
    match term.operator:
        case "value" | "variable":
            return str(operands[0])
        case "read":
            return str(operands[0]) if len(operands) == 1 else f"{operands[0]}[{', '.join(map(show, operands[1:]))}]"
        case "choose":
            return f"choose({', '.join(map(show, operands))})"
        case "not":
            return f"not {_nested(operands[0])}"
        case "and" | "or":
            return f" {term.operator} ".join(_nested(each) for each in operands) or str(term.operator == "and")
    return f" {term.operator} ".join(_nested(each) for each in operands)


def _nested(term: Term) -> str:
    leaf = term.operator in ("value", "variable", "read", "choose")
    return show(term) if leaf else f"({show(term)})"
