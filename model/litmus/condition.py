"""Conditions on the end of a run: registers and final memory, joined by & | !, kept in postfix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fencepost.model.memory.program import NO_VALUE

Value = TypeVar("Value")
AND, OR, NOT = "&", "|", "!"


@dataclass(frozen=True)
class Atom:
    """`thread:register = value`, or `word = value` of final memory (thread -1, register is the word's index in its
    line); `equal` is False for `!=`.
    """

    thread: int
    register: int
    line: int
    value: int
    equal: bool

    def holds(self, held: int) -> bool | None:
        """Say whether it is true of what a register or word holds; None where a crash has left no value."""
        return None if held == NO_VALUE else (held == self.value) is self.equal


@dataclass(frozen=True)
class Condition:
    """Atoms and operators in postfix; `text` is what the file says."""

    items: tuple[Atom | str, ...]
    text: str

    @property
    def atoms(self) -> tuple[Atom, ...]:
        return tuple(item for item in self.items if isinstance(item, Atom))

    @property
    def names_memory(self) -> bool:
        """Say whether final memory matters, not only registers."""
        return any(atom.thread < 0 for atom in self.atoms)

    def fold(
        self,
        atom: Callable[[Atom], Value],
        negate: Callable[[Value], Value],
        both: Callable[[Value, Value], Value],
        either: Callable[[Value, Value], Value],
    ) -> Value:
        """Return what the operators make of the atoms' values."""
        stack: list[Value] = []
        for item in self.items:
            if isinstance(item, Atom):
                stack.append(atom(item))
            elif item == NOT:
                stack.append(negate(stack.pop()))
            else:
                right, left = stack.pop(), stack.pop()
                stack.append(both(left, right) if item == AND else either(left, right))
        return stack.pop()

    def decide(self, atom: Callable[[Atom], bool | None]) -> bool | None:
        """Return true, false, or None while unsettled atoms could still make it either."""
        return self.fold(atom, _negate, _both, _either)


def _negate(value: bool | None) -> bool | None:
    return None if value is None else not value


def _both(left: bool | None, right: bool | None) -> bool | None:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def _either(left: bool | None, right: bool | None) -> bool | None:
    if left is True or right is True:
        return True
    return None if left is None or right is None else False
