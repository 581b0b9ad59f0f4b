"""Terms: what an action says, as data, when it is run on symbols instead of values.

An action is one Python function with two meanings. On integers and booleans it computes; on `Term`s
it writes itself down, and the prover reads what was written. The functions `all_of`, `any_of`,
`not_`, `implies` and `choose` stand for `and`, `or`, `not` and `if`, which Python does not let a
value take over; `==`, `<`, `+` and their kin work as they are.

A term knows its sort, and sorts do not mix: a `Seq` is not compared with a `Position`, and two
`Position`s are not added. Index, count and size are the mistake this project is named after.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn, TypeVar, cast, get_origin

from fencepost.model.errors import ProtocolError
from fencepost.model.language.sorts import LITERAL, TRUTH, Sort, fits, hint_words

T = TypeVar("T")

_PRODUCT = "let a field grow by the amount each time, or write the sum: x + x"
_REMAINDER = (
    "keep the remainder or quotient in a field of its own, and advance it by choose(next == size, 0, next), where"
    " next = last + 1"
)
_CONNECTIVES = "write all_of(a, b), any_of(a, b) or not_(a)"
_NUMBER = "a term has no value while an action is read; write choose(condition, a, b), or two actions"


def refused(symbol: str, instead: str) -> Callable[..., NoReturn]:
    """Return a special method for an operator that the language does not have; `instead` says what to write."""

    def refuse(self: object, *others: object) -> NoReturn:
        raise ProtocolError(f"`{self}`: {symbol} is not in the language: {instead}")

    return refuse


@dataclass(frozen=True, eq=False)
class Term:
    """One node of an expression.

    Operators: `value` (operand: a Python int or bool), `variable` (its name), `read` (a field's name,
    then the index terms), `choose`, `and`, `or`, `not`, `==`, `<`, `<=`, `+`, `-`; `for_all` and `exists` (a
    variable, the condition on it and, of a number, the term that it is below).
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

    __rsub__ = refused("a number minus a term", "compare a sum instead: x + a == b rather than a == b - x")
    __mul__ = __rmul__ = __pow__ = __rpow__ = refused("*", _PRODUCT)
    __mod__ = __rmod__ = __divmod__ = __rdivmod__ = refused("%", _REMAINDER)
    __floordiv__ = __rfloordiv__ = __truediv__ = __rtruediv__ = refused("/", _REMAINDER)
    __and__ = __rand__ = refused("&", _CONNECTIVES)
    __or__ = __ror__ = refused("|", _CONNECTIVES)
    __xor__ = __rxor__ = __invert__ = refused("^ or ~", _CONNECTIVES)
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = refused("<< or >>", _PRODUCT)
    __neg__ = __pos__ = __abs__ = refused("a sign", "no number is below zero; write a - b where b <= a is required")
    __int__ = __index__ = __float__ = __len__ = refused("a term as a number", _NUMBER)
    __iter__ = __contains__ = refused("a loop over a term", "write self.for_all or self.exists over its sort")
    __getitem__ = refused("an index", "only a Map has cells")

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
    what = f"the sort {hint_words(value)}" if get_origin(value) is Annotated else repr(value)
    raise ProtocolError(f"{what} cannot stand in a term: expected an integer, a truth value or a parameter")


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
    sort = right.sort if left.sort is LITERAL else left.sort
    return cast(T, Term("choose", (_truth(condition), left, right), sort))


def _connect(operator: str, conditions: tuple[bool, ...], concrete: Callable[[tuple[bool, ...]], bool]) -> bool:
    if not any(isinstance(each, Term) for each in conditions):
        return concrete(conditions)
    return cast(bool, Term(operator, tuple(_truth(each) for each in conditions), TRUTH))


def _truth(value: object) -> Term:
    term = lift(value)
    if term.sort is not TRUTH:
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
    if operator == "-" and point.is_same(moved) and point.numeric and point.distance:
        return Term(operator, (left, right), Sort(point.distance))
    if operator == "+" and point is LITERAL:
        point, moved = moved, point
    if point.numeric and (moved is LITERAL or moved.name == (point.distance or point.name)):
        return Term(operator, (left, right), point)
    due = left.sort.distance or left.sort
    raise ProtocolError(f"`{left}` {operator} `{right}`: a {left.sort} is moved by a {due}, not by a {moved}")


def reads(term: Term) -> Iterator[str]:
    """Yield the names of the fields that a term reads."""
    if term.operator == "read":
        yield term.operands[0]
    for operand in term.operands:
        if isinstance(operand, Term):
            yield from reads(operand)


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
        case "for_all" | "exists":
            below = f" below {_nested(operands[2])}" if len(operands) > 2 else ""
            return f"{term.operator}({operands[0].sort} {operands[0]}{below}: {show(operands[1])})"
        case "not":
            return f"not {_nested(operands[0])}"
        case "and" | "or":
            return f" {term.operator} ".join(_nested(each) for each in operands) or str(term.operator == "and")
    return f" {term.operator} ".join(_nested(each) for each in operands)


def _nested(term: Term) -> str:
    leaf = term.operator in ("value", "variable", "read", "choose", "for_all", "exists")
    return show(term) if leaf else f"({show(term)})"
