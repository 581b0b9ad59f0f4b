"""Protocols in Z3: states as functions of their cells, terms as formulas over such a state.

A state answers `read(field, indices)`. There are three: the initial one (defaults), an unknown one
(one uninterpreted function a field) and the one after a transition (what was written, else what was
there). No state holds arrays and none has a size, so nothing here bounds clients, rings or batches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol as Interface

import z3

from fencepost.model.language import TRUTH, Field, Protocol, Sort, Statement, Term, Transition, Write, quantifiers

Bindings = Mapping[str, z3.ExprRef]
Fields = Mapping[str, Field]


class State(Interface):
    """What a formula is about."""

    def read(self, field: Field, indices: tuple[z3.ExprRef, ...]) -> z3.ExprRef: ...

    def members(self, sort: Sort) -> range | None:
        """Return the members that a quantifier over `sort` is written out for; None where it stays a quantifier."""


def z3_sort(sort: Sort) -> z3.SortRef:
    """Return Bool for truth values and Int for the rest: of an identity only equality is ever used."""
    return z3.BoolSort() if sort is TRUTH else z3.IntSort()


def literal(value: int | bool, sort: Sort) -> z3.ExprRef:
    """Return a Python value as a constant of its sort."""
    return z3.BoolVal(value) if sort is TRUTH else z3.IntVal(value)


def constants(parameters: tuple[tuple[str, Sort], ...], suffix: str = "?") -> dict[str, z3.ExprRef]:
    """Return one constant for each parameter; the suffix keeps it apart from the fields, which are functions."""
    return {name: z3.Const(name + suffix, z3_sort(sort)) for name, sort in parameters}


def naturals(parameters: tuple[tuple[str, Sort], ...], values: Bindings) -> list[z3.BoolRef]:
    """Return what the sorts of the parameters say about their values: see `of_sort`."""
    return [limit for name, sort in parameters for limit in of_sort(values[name], sort)]


def member_count(sort: Sort) -> z3.ArithRef:
    """Return the number of members of a counted sort: a constant, so that a proof holds for every number."""
    return z3.Int(f"{sort.name}#")


def of_sort(value: z3.ExprRef, sort: Sort) -> list[z3.BoolRef]:
    """Return that a value is one of its sort: a number is never negative, and what is counted is a member."""
    if sort.least_members:
        return [value >= 0, value < member_count(sort)]
    return [value >= 0] if sort.numeric else []


def enough_members(protocol: type[Protocol]) -> list[z3.BoolRef]:
    """Return that each counted sort has at least as many members as the protocol names."""
    counted = [sort for sort in protocol.sorts.values() if sort.least_members]
    return [member_count(sort) >= sort.least_members for sort in counted]


def conjunction(*parts: z3.BoolRef) -> z3.BoolRef:
    """Return that all parts hold. Z3 prints an `And` of nothing in a way that SMT-LIB does not know."""
    return z3.And(*parts) if parts else z3.BoolVal(True)


@dataclass(frozen=True)
class Initial:
    """The state that a protocol starts in."""

    def read(self, field: Field, indices: tuple[z3.ExprRef, ...]) -> z3.ExprRef:
        return literal(field.default, field.sort)

    def members(self, sort: Sort) -> range | None:
        return None


@dataclass(frozen=True)
class ArbitraryState:
    """Any state at all; `suffix` tells two of them apart."""

    suffix: str = ""

    def function(self, field: Field) -> z3.FuncDeclRef:
        return z3.Function(field.name + self.suffix, *map(z3_sort, field.indices), z3_sort(field.sort))

    def read(self, field: Field, indices: tuple[z3.ExprRef, ...]) -> z3.ExprRef:
        return self.function(field)(*indices)

    def members(self, sort: Sort) -> range | None:
        return None


class SuccessorState:
    """The state after a transition with these arguments. Each write is translated once."""

    def __init__(self, before: State, transition: Transition, arguments: Bindings, fields: Fields) -> None:
        self._before = before
        self._arguments = arguments
        self._fields = fields
        self._writes: dict[str, list[tuple[Write, list[z3.ExprRef]]]] = {}
        for write in transition.writes:
            self._writes.setdefault(write.field, []).append((write, [self._formula(each) for each in write.indices]))

    def _formula(self, term: Term, extra: Bindings | None = None) -> z3.ExprRef:
        return translate(term, self._before, {**self._arguments, **(extra or {})}, self._fields)

    def targets(self) -> list[tuple[Field, list[z3.ExprRef]]]:
        """Return where each write of single cells goes."""
        writes = [(name, write, targets) for name, all_of_it in self._writes.items() for write, targets in all_of_it]
        return [(self._fields[name], targets) for name, write, targets in writes if write.count is None]

    def changes(self, field: Field) -> bool:
        """Say whether the transition writes to this field at all."""
        return field.name in self._writes

    def members(self, sort: Sort) -> range | None:
        return self._before.members(sort)

    def read(self, field: Field, indices: tuple[z3.ExprRef, ...]) -> z3.ExprRef:
        value = self._before.read(field, indices)
        for write, targets in self._writes.get(field.name, []):
            covered, written = self._overlay(write, targets, indices)
            value = z3.If(covered, written, value) if indices else written
        return value

    def _overlay(
        self, write: Write, targets: list[z3.ExprRef], indices: tuple[z3.ExprRef, ...]
    ) -> tuple[z3.BoolRef, z3.ExprRef]:
        """Return when the write covers the cell at `indices`, and what it puts there."""
        if write.count is None:
            covered = conjunction(*(index == target for index, target in zip(indices, targets, strict=True)))
            return covered, self._formula(write.value)
        (index,), (start,) = indices, targets
        covered = z3.And(start <= index, index < start + self._formula(write.count))
        return covered, self._formula(write.value, {str(write.cell): index})


_OPERATORS: dict[str, Callable[..., z3.ExprRef]] = {
    "and": conjunction,
    "or": z3.Or,
    "not": z3.Not,
    "choose": z3.If,
    "==": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
}


def translate(term: Term, state: State, bindings: Bindings, fields: Fields) -> z3.ExprRef:
    """Return a term as a formula over `state`, its variables replaced by what they are bound to."""
    match term.operator:
        case "value":
            return literal(term.operands[0], term.sort)
        case "variable":
            return bindings[term.operands[0]]
        case "read":
            field = fields[term.operands[0]]
            return state.read(field, tuple(translate(index, state, bindings, fields) for index in term.operands[1:]))
        case "for_all" | "exists":
            return _quantified(term, state, bindings, fields)
    return _OPERATORS[term.operator](*(translate(operand, state, bindings, fields) for operand in term.operands))


def _quantified(term: Term, state: State, bindings: Bindings, fields: Fields) -> z3.BoolRef:
    """Return a quantifier as one, or written out where the state has finitely many members.

    A number in a quantifier is below a limit; written out, that limit lies inside the instance (see `overruns`).
    """
    variable, body, *limit = term.operands
    (name,), members = variable.operands, state.members(variable.sort)
    limits = [translate(each, state, bindings, fields) for each in limit]

    def about(value: z3.ExprRef) -> z3.BoolRef:
        inside = conjunction(*(value < each for each in limits))
        if members is None:
            inside = conjunction(*range_of(variable.sort, value), inside)
        said = translate(body, state, {**bindings, name: value}, fields)
        return z3.Implies(inside, said) if term.operator == "for_all" else z3.And(inside, said)

    if members is None:
        bound = z3.FreshConst(z3.IntSort(), name)
        return (z3.ForAll if term.operator == "for_all" else z3.Exists)([bound], about(bound))
    each_of = [about(z3.IntVal(member)) for member in members]
    return conjunction(*each_of) if term.operator == "for_all" else z3.Or(*each_of)


def range_of(sort: Sort, value: z3.ExprRef) -> list[z3.BoolRef]:
    """Return that the variable of a quantifier is of its sort; whoever quantifies over identities counts them."""
    return [value >= 0] if sort.numeric else [value >= 0, value < member_count(sort)]


def overruns(term: Term, state: State, bindings: Bindings, fields: Fields) -> list[z3.BoolRef]:
    """Return where the quantifiers of a term reach past the members that they are written out for."""
    found: list[z3.BoolRef] = []
    for each in quantifiers(term):
        variable, body, *limit = each.operands
        members = state.members(variable.sort)
        if members is None:
            continue
        found += [translate(last, state, bindings, fields) > members.stop for last in limit]
        for member in members:
            found += overruns(body, state, {**bindings, variable.operands[0]: z3.IntVal(member)}, fields)
    return found


def guard(transition: Transition, state: State, arguments: Bindings, fields: Fields) -> z3.BoolRef:
    """Return when a transition may happen with these arguments."""
    required = [translate(term, state, arguments, fields) for term in transition.guards]
    return conjunction(*naturals(transition.parameters, arguments), *required)


def instance(statement: Statement, state: State, arguments: Bindings, fields: Fields) -> z3.BoolRef:
    """Return a statement about `state` for these values of its parameters."""
    return translate(statement.condition, state, arguments, fields)


def everywhere(statement: Statement, state: State, fields: Fields) -> z3.BoolRef:
    """Return a statement about `state` for all values of its parameters."""
    bound = constants(statement.parameters)
    body = z3.Implies(conjunction(*naturals(statement.parameters, bound)), instance(statement, state, bound, fields))
    return z3.ForAll(list(bound.values()), body) if bound else body


def all_natural(state: ArbitraryState, fields: Fields) -> list[z3.BoolRef]:
    """Return that every cell of `state` holds a value of its sort."""
    axioms = []
    for field in fields.values():
        bound = [z3.Const(f"cell{i}", z3_sort(sort)) for i, sort in enumerate(field.indices)]
        if limits := of_sort(state.read(field, tuple(bound)), field.sort):
            limit = conjunction(*limits) if len(limits) > 1 else limits[0]
            axioms.append(z3.ForAll(bound, limit) if bound else limit)
    return axioms
