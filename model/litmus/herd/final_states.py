"""Final states of a test in herd's format: what its places hold at an end of the machine, and what is true of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from fencepost.model.litmus.herd.compiling import Compiled
from fencepost.model.litmus.herd.question import All, Equal, Not, Place, Proposition, Question
from fencepost.model.litmus.herd.words import Address
from fencepost.model.memory.program import NO_VALUE

Ends: TypeAlias = tuple[tuple[int, ...], ...]
"""The registers of every thread and then the words of every line, as explorers return them."""


Held: TypeAlias = int | str | None
State: TypeAlias = Mapping[str, Held]


@dataclass(frozen=True)
class HerdTest:
    """What a test asked before it became a condition on the machine: what herd prints needs it."""

    question: Question
    threads: tuple[Compiled, ...]
    words: Mapping[str, tuple[int, int]]

    def final_state(self, end: Ends) -> State:
        """Return what the places that matter hold at an end; None where a crash has left no value."""
        return {text: held(end) for text, held in self._held}

    @cached_property
    def _held(self) -> tuple[tuple[str, Callable[[Ends], Held]], ...]:
        return tuple((place.text, self._held_by(place)) for place in self.question.places())

    def _held_by(self, place: Place) -> Callable[[Ends], Held]:
        """Return how to read a place at an end; a test has thousands of those."""
        if place.register is None:
            line, word = self.words[place.name]
            index = len(self.threads) + line
            return lambda end: end[index][word]
        ends = [(each.guards, each.held[place.name].content) for each in self.threads[place.thread].ends]

        def held(end: Ends) -> Held:
            registers = end[place.thread]
            for guards, content in ends:
                if all((registers[register] == value) is equal for register, value, equal in guards):
                    if isinstance(content, Address):
                        return content.word
                    lost = content.register >= 0 and registers[content.register] == NO_VALUE
                    return None if lost else content.value(registers)
            return None

        return held


def predicate(proposition: Proposition) -> Callable[[State], bool]:
    """Return what says whether a proposition is true of a final state."""
    if isinstance(proposition, Equal):
        wanted = proposition.value.word if isinstance(proposition.value, Address) else proposition.value
        text, equal = proposition.place.text, proposition.equal

        def holds(state: State) -> bool:
            held = state[text]
            return held is not None and (held == wanted) is equal

        return holds
    if isinstance(proposition, Not):
        inner = predicate(proposition.inner)
        return lambda state: not inner(state)
    parts = [predicate(part) for part in proposition.parts]
    of = all if isinstance(proposition, All) else any
    return lambda state: of(part(state) for part in parts)
