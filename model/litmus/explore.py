"""The explorers: breadth first over hash-consed states, so that the run they show is a shortest one.

`explore` takes the larger steps of `Reduced`; `explore_as_defined` takes the definition's own and is for small programs
and for trust. Runs are finite, so neither needs a bound; both have budgets, and a spent budget is the answer `unknown`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from fencepost.model.litmus.condition import Atom, Condition
from fencepost.model.litmus.effects import Frozen
from fencepost.model.litmus.reduced import Reduced
from fencepost.model.litmus.test import Answer
from fencepost.model.memory import Machine, Matrix, Profile, Program, State, Step

STATE_BUDGET = 2_000_000
SECONDS_BUDGET = 20.0

Observation = tuple[tuple[int, ...], ...]
"""The registers of every thread and then, where memory matters, the words of every line."""

Some = TypeVar("Some", bound=Hashable)


@dataclass(frozen=True)
class Budget:
    """Where an exploration gives up."""

    states: int = STATE_BUDGET
    seconds: float = SECONDS_BUDGET


@dataclass(frozen=True)
class Explored:
    """What an explorer says. `schedule` is a run into the condition, everything done at once included."""

    answer: Answer
    states: int
    seconds: float
    schedule: tuple[Step, ...] = ()
    reason: str = ""  # of unknown


@dataclass(frozen=True)
class Searched(Generic[Some]):
    """All states found, each with the index of its parent, and whether the last one is where the search stopped."""

    states: list[Some]
    parents: list[int]
    stopped: bool
    reason: str = ""  # the budget that was spent

    def path(self) -> list[Some]:
        """Return the states from the first to the last one found."""
        index, path = len(self.states) - 1, []
        while index >= 0:
            path.append(self.states[index])
            index = self.parents[index]
        return path[::-1]


def search(
    start: Some, expand: Callable[[Some], Iterable[tuple[Step, Some]]], stop: Callable[[Some], bool], budget: Budget
) -> Searched[Some]:
    """Find states breadth first until one stops the search, none is left, or a budget is spent."""
    states, parents, known = [start], [-1], {start}
    if stop(start):
        return Searched(states, parents, True)
    deadline = time.perf_counter() + budget.seconds
    for index, state in enumerate(states):  # grows while it is walked: the list is the queue
        for _, after in expand(state):
            if time.perf_counter() > deadline:
                return Searched(states, parents, False, f"the time was spent on {len(states)} states")
            if after in known:
                continue
            if len(states) >= budget.states:
                return Searched(states, parents, False, f"the budget of {budget.states} states was spent")
            known.add(after)
            states.append(after)
            parents.append(index)
            if stop(after):
                return Searched(states, parents, True)
    return Searched(states, parents, False)


def explore(
    program: Program, condition: Condition, profile: Profile, matrix: Matrix, budget: Budget | None = None
) -> Explored:
    """Decide whether some run ends in the condition."""
    began = time.perf_counter()
    machine = Reduced(program, profile, matrix, condition)
    first: list[Step] = []
    start = machine.start(first)
    if not machine.reached(start) and machine.decided(start) is False:
        return Explored(Answer.FORBIDDEN, 1, time.perf_counter() - began)
    found = search(start, lambda state: machine.steps(state, []), machine.reached, budget or Budget())
    schedule = (*first, *_schedule(machine, found.path())) if found.stopped else ()
    return Explored(_answer(found), len(found.states), time.perf_counter() - began, schedule, found.reason)


def explore_as_defined(
    program: Program, condition: Condition, profile: Profile, matrix: Matrix, budget: Budget | None = None
) -> Explored:
    """Decide the same on the definition, step by step."""
    began = time.perf_counter()
    machine = Machine(program, profile, matrix)
    snapshot = profile.snapshot and condition.names_memory
    final = machine.settled if condition.names_memory else machine.ended

    def stop(state: State) -> bool:
        return (snapshot or final(state)) and holds(condition, state)

    def expand(state: State) -> Iterable[tuple[Step, State]]:
        goes_on = machine.crashes and condition.names_memory  # a crash may still come, and change memory
        return () if final(state) and not goes_on else machine.steps(state)

    found = search(machine.initial(), expand, stop, budget or Budget())
    schedule: list[Step] = []
    path = found.path() if found.stopped else []
    for before, after in zip(path, path[1:], strict=False):
        schedule.append(next(step for step, state in machine.steps(before) if state == after))
    return Explored(_answer(found), len(found.states), time.perf_counter() - began, tuple(schedule), found.reason)


def outcomes(
    program: Program, profile: Profile, matrix: Matrix, *, memory_matters: bool = False, as_defined: bool = False
) -> frozenset[Observation]:
    """Return every end that some run has; raises MemoryError when the budget does not suffice."""
    seen: set[Observation] = set()
    if as_defined:
        exact = Machine(program, profile, matrix)
        final = exact.settled if memory_matters else exact.ended

        def expand_exactly(state: State) -> Iterable[tuple[Step, State]]:
            if final(state):
                seen.add((*state.registers, *(state.memory if memory_matters else ())))
                if not (exact.crashes and memory_matters):
                    return ()
            return exact.steps(state)

        reason = search(exact.initial(), expand_exactly, lambda state: False, Budget()).reason
    else:
        machine = Reduced(program, profile, matrix, memory_matters=memory_matters)

        def expand(state: Frozen) -> Iterable[tuple[Step, Frozen]]:
            if machine.final(state):
                seen.add((*state[1], *(state[3] if memory_matters else ())))
                if not (machine.crashes and memory_matters):
                    return ()
            return machine.steps(state, [])

        reason = search(machine.start([]), expand, lambda state: False, Budget()).reason
    if reason:
        raise MemoryError(reason)
    return frozenset(seen)


def holds(condition: Condition, state: State) -> bool:
    """Say whether a condition is true of a state's registers and memory."""

    def atom(each: Atom) -> bool | None:
        held = state.registers[each.thread] if each.thread >= 0 else state.memory[each.line]
        return each.holds(held[each.register])

    return condition.decide(atom) is True


def _schedule(machine: Reduced, path: list[Frozen]) -> list[Step]:
    """Return the steps between the states of a path, with what was done at once after each."""
    schedule: list[Step] = []
    for before, after in zip(path, path[1:], strict=False):
        trail: list[Step] = []
        for step, state in machine.steps(before, trail):
            if state == after:
                schedule.extend((step, *trail))
                break
    return schedule


def _answer(found: Searched[Some]) -> Answer:
    if found.stopped:
        return Answer.ALLOWED
    return Answer.UNKNOWN if found.reason else Answer.FORBIDDEN
