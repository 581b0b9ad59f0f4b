"""Counterexamples to induction: a small state where everything assumed holds, and one step that breaks a statement.

Such a state need not be reachable: it says what the invariants do not exclude. Where no run reaches it, an invariant
that says so is what the proof wants; where one does, the protocol is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import z3

from fencepost.model.instance import Instance
from fencepost.model.language import TRUTH, Field, Protocol, Sort, Statement, Transition
from fencepost.model.language.protocol import Refused
from fencepost.model.trace import Step, counterexample, explain, values_of
from fencepost.proofs.bounded import Finite, inside, lowest, written_out
from fencepost.proofs.interruptible import Solver
from fencepost.proofs.symbolic import SuccessorState, constants, guard, instance, literal

Cell = tuple[str, tuple[int, ...]]  # a field, and an index into it
RESOURCE_LIMIT = 20_000_000  # Z3's own unit, some seconds


@dataclass(frozen=True)
class CounterexampleToInduction:
    """A state, as the cells of it that count, a step from it, and what that step breaks.

    Those count that are not at their default, and those that the action's requirements and the broken statement read.
    In the state all statements hold that were assumed; `not_assumed` names those that failed before.
    """

    cells: tuple[str, ...]
    step: Step
    explanation: str
    not_assumed: tuple[str, ...] = ()

    def __str__(self) -> str:
        cells = [f"    {cell}" for cell in self.cells] or ["    the state at the start"]
        failed = [f"  not assumed, as induction does not prove it: {name}" for name in self.not_assumed]
        return "\n".join([*cells, f"  then {self.step}", f"  {self.explanation}", *failed])


def counterexample_to_induction(
    protocol: type[Protocol],
    assumed: list[Statement],
    broken: Statement,
    action: str,
    bounds: Instance,
    not_assumed: tuple[str, ...] = (),
    without: int | None = None,
) -> CounterexampleToInduction | None:
    """Return a step of `action`, from a state of an instance that keeps to all `assumed`, which breaks `broken`.

    The requirement of the action with the number `without` is left out, if there is one.
    """
    # A class is hashable, though mypy takes the __hash__ of its instances for its own.
    before, kept = _before(protocol, tuple(assumed), bounds)  # type: ignore[arg-type]  # see above
    solver = Solver("QF_LIA", random_seed=0, rlimit=RESOURCE_LIMIT)
    solver.add(kept)
    transition = weakened(protocol.actions[action], without)
    arguments = constants(transition.parameters, "@")
    after = SuccessorState(before, transition, arguments, protocol.fields)
    goal = constants(broken.parameters, "!")
    solver.add(inside(transition.parameters, arguments, bounds))
    solver.add(inside(broken.parameters, goal, bounds))
    solver.add(guard(transition, before, arguments, protocol.fields))
    solver.add(written_out(transition.terms(), before, arguments, protocol.fields))
    solver.add(written_out([broken.condition], after, goal, protocol.fields))
    solver.add(z3.Not(instance(broken, after, goal, protocol.fields)))
    if solver.check() != z3.sat:
        return None
    state = _smallest(solver, protocol, before)
    step = Step(action, {name: lowest(solver, value) for name, value in arguments.items()})
    return replace(_described(protocol, state, step, broken, bounds, without), not_assumed=not_assumed)


@lru_cache(maxsize=1)
def _before(
    protocol: type[Protocol], assumed: tuple[Statement, ...], bounds: Instance
) -> tuple[Finite, list[z3.BoolRef]]:
    """Return a state of an instance, and that it keeps to all `assumed`: the same for every step that is tried."""
    before = Finite(protocol.fields, bounds, "before")
    kept = typed(protocol, before, bounds)
    for statement in assumed:
        for values in values_of(statement, bounds):
            known = {name: literal(values[name], sort) for name, sort in statement.parameters}
            kept.append(z3.simplify(instance(statement, before, known, protocol.fields)))
            kept += written_out([statement.condition], before, known, protocol.fields)
    return before, kept


def weakened(transition: Transition, without: int | None) -> Transition:
    """Return an action without one of its requirements, counted from 0; as it is for None."""
    guards = tuple(each for number, each in enumerate(transition.guards) if number != without)
    return replace(transition, guards=guards)


def typed(protocol: type[Protocol], state: Finite, bounds: Instance) -> list[z3.BoolRef]:
    """Return that every cell holds a value of its sort, inside the instance where its sort has a domain there.

    A cell may hold the first value beyond, but for a sort whose members are counted: there is none beyond.
    """
    limits = []
    for (name, _), cell in state.cells.items():
        sort = protocol.fields[name].sort
        if sort is not TRUTH:
            domain = bounds.domain_or_none(sort)
            limits.append(cell >= 0)
            if domain is not None:
                limits.append(cell < domain.stop if sort.least_members else cell <= domain.stop)
    return limits


def _smallest(solver: z3.Solver, protocol: type[Protocol], before: Finite) -> dict[Cell, int]:
    """Put as many cells as can be to their defaults, one after the other; return what the others hold, the least each.

    Which model Z3 finds depends on all it did before; what is left here does not.
    """
    state: dict[Cell, int] = {}
    for (name, index), cell in before.cells.items():
        field = protocol.fields[name]
        default = cell == literal(field.default, field.sort)
        if solver.check(default) == z3.sat:
            solver.add(default)
        elif field.sort is TRUTH:
            state[name, index] = not field.default
        else:
            state[name, index] = lowest(solver, cell)
    return state


class Shown:
    """A state of numbers, as formulas read it: it notes which of its cells they read."""

    def __init__(self, protocol: type[Protocol], cells: dict[Cell, int], bounds: Instance) -> None:
        self._fields, self._cells, self._bounds = protocol.fields, dict(cells), bounds

    def members(self, sort: Sort) -> range | None:
        """Return all members of a sort: quantifiers are written out."""
        return self._bounds.domain(sort)

    def read(self, field: Field, indices: tuple[z3.ExprRef, ...]) -> z3.ExprRef:
        """Return what a cell holds, and have it shown, at its default too."""
        index = tuple(z3.simplify(each).as_long() for each in indices)
        return literal(self._cells.setdefault((field.name, index), field.default), field.sort)

    def note(
        self, transition: Transition, arguments: Mapping[str, int], broken: Statement, of: Mapping[str, int]
    ) -> None:
        """Have what a step's requirements read shown, and what the statement that it breaks reads after it."""
        given = {name: literal(arguments[name], sort) for name, sort in transition.parameters}
        guard(transition, self, given, self._fields)
        after = SuccessorState(self, transition, given, self._fields)
        goal = {name: literal(of[name], sort) for name, sort in broken.parameters}
        instance(broken, after, goal, self._fields)

    def texts(self) -> Iterator[str]:
        """Yield the cells in the order of the fields."""
        places = {name: place for place, name in enumerate(self._fields)}
        for (name, index), value in sorted(self._cells.items(), key=lambda each: (places[each[0][0]], each[0][1])):
            shown = bool(value) if self._fields[name].sort is TRUTH else value
            yield f"{name}{list(index) or ''} = {shown}"


def _all_but(without: int) -> Callable[..., None]:
    """Return a `require` that does not ask for the requirement of that number."""
    count = 0

    def require(*conditions: bool) -> None:
        nonlocal count
        for condition in conditions:
            if not condition and count != without:
                raise Refused(count)
            count += 1

    return require


def _described(
    protocol: type[Protocol],
    cells: dict[Cell, int],
    step: Step,
    broken: Statement,
    bounds: Instance,
    without: int | None,
) -> CounterexampleToInduction:
    """Take the step on values, without the requirement of that number, and say what it breaks."""
    state = protocol(bounds)
    for (name, index), value in cells.items():
        if index:
            getattr(state, name)[index if len(index) > 1 else index[0]] = value
        else:
            setattr(state, name, value)
    if without is not None:
        setattr(state, "require", _all_but(without))  # noqa: B010  # of this one state, and not of its class
    state.fire(step.action, **step.arguments)
    values = counterexample(state, broken, bounds)
    assert values is not None, "the step breaks the statement on symbols and not on values"
    shown = Shown(protocol, cells, bounds)
    shown.note(weakened(protocol.actions[step.action], without), step.arguments, broken, values)
    return CounterexampleToInduction(tuple(shown.texts()), step, explain(state, broken, values))
