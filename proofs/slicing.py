"""Slicing: the part of a protocol that a statement can depend on.

A bounded search for a violation need not carry what neither the statement nor any action that matters
to it ever reads. Leaving it out loses no run: an action that writes nothing in the slice changes
nothing in it, and a shortest run has no such step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fencepost.model.language import Field, Protocol, Statement, Transition
from fencepost.model.language.terms import reads


@dataclass(frozen=True)
class Slice:
    """The fields and actions of a protocol that a statement can depend on; each action writes only these fields."""

    fields: dict[str, Field]
    actions: tuple[Transition, ...]


def slice_for(protocol: type[Protocol], statement: Statement) -> Slice:
    """Return the slice of a protocol for one statement."""
    needed = set(reads(statement.condition))
    while (
        more := needed | {name for each in protocol.actions.values() for name in _reads_for(each, needed)}
    ) != needed:
        needed = more
    fields = {name: field for name, field in protocol.fields.items() if name in needed}
    return Slice(fields, tuple(filter(None, (_restricted(each, needed) for each in protocol.actions.values()))))


def _reads_for(transition: Transition, needed: set[str]) -> Iterator[str]:
    """Yield what an action reads to do what it does to the needed fields."""
    writes = [write for write in transition.writes if write.field in needed]
    for write in writes:
        for term in write.terms():
            yield from reads(term)
    if writes:
        for guard in transition.guards:
            yield from reads(guard)


def _restricted(transition: Transition, needed: set[str]) -> Transition | None:
    writes = tuple(write for write in transition.writes if write.field in needed)
    return Transition(transition.name, transition.parameters, transition.guards, writes) if writes else None
