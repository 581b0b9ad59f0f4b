"""Counted sorts: those that a protocol quantifies over, whose number of members matters.

A run of two clients is a run of any more, in which the others never act. That is no longer so where a requirement
ranges over *all* members: a cut that waits for every shard waits for those too. So a sort of identities in a
quantifier has a number of members, open in a proof, and everything of that sort is one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from fencepost.model.language.recording import Statement
from fencepost.model.language.sorts import Sort
from fencepost.model.language.terms import Term

if TYPE_CHECKING:
    from fencepost.model.language.protocol import Protocol

QUANTIFIERS = ("for_all", "exists")


def quantifiers(term: Term) -> Iterator[Term]:
    """Yield the outermost quantifiers of a term."""
    if term.operator in QUANTIFIERS:
        yield term
        return
    for operand in term.operands:
        if isinstance(operand, Term):
            yield from quantifiers(operand)


def counted(cls: type[Protocol]) -> None:
    """Mark the sorts of identities that the protocol quantifies over, wherever it names them."""
    names = {sort.name for term in _terms(cls) for sort in _ranges(term)}
    if not names:
        return
    starts = [(field.sort.name, int(field.default)) for field in cls.fields.values()]
    marks = {name: 1 + max([0, *(start for of, start in starts if of == name)]) for name in names}

    def marked(sort: Sort) -> Sort:
        return replace(sort, least_members=marks[sort.name]) if sort.name in marks else sort

    def parameters(given: tuple[tuple[str, Sort], ...]) -> tuple[tuple[str, Sort], ...]:
        return tuple((name, marked(sort)) for name, sort in given)

    def stated(table: dict[str, Statement]) -> dict[str, Statement]:
        return {name: replace(each, parameters=parameters(each.parameters)) for name, each in table.items()}

    cls.sorts = {name: marked(sort) for name, sort in cls.sorts.items()}
    cls.fields = {
        name: replace(field, indices=tuple(map(marked, field.indices)), sort=marked(field.sort))
        for name, field in cls.fields.items()
    }
    cls.actions = {name: replace(each, parameters=parameters(each.parameters)) for name, each in cls.actions.items()}
    cls.promises, cls.invariants, cls.witnesses = map(stated, (cls.promises, cls.invariants, cls.witnesses))


def _terms(cls: type[Protocol]) -> Iterator[Term]:
    for action in cls.actions.values():
        yield from action.terms()
    for table in (cls.promises, cls.invariants, cls.witnesses):
        yield from (each.condition for each in table.values())


def _ranges(term: Term) -> Iterator[Sort]:
    """Yield the sorts of identities that a term quantifies over."""
    for each in quantifiers(term):
        variable, body, *limit = each.operands
        if not variable.sort.numeric:
            yield variable.sort
        for inner in (body, *limit):
            yield from _ranges(inner)
