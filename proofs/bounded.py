"""Bounded search: the shortest run of a small instance that breaks a statement, found by Z3 without quantifiers.

The cells of every map are written out, one constant a cell and step, and one step is a choice among
all actions. The search deepens one step at a time, so what it finds is shortest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import z3

from fencepost.model.instance import Instance
from fencepost.model.language import TRUTH, Field, Protocol, Sort, Statement, Term
from fencepost.model.trace import Step
from fencepost.proofs.interruptible import Solver
from fencepost.proofs.slicing import slice_for
from fencepost.proofs.symbolic import (
    Bindings,
    Fields,
    Initial,
    State,
    SuccessorState,
    conjunction,
    constants,
    guard,
    instance,
    literal,
    overruns,
    z3_sort,
)

RESOURCE_LIMIT = 200_000_000  # Z3's own unit: the same work, and so the same verdict, on every machine


class Finite:
    """A state of a small instance: a constant for every cell."""

    def __init__(self, fields: Fields, bounds: Instance, label: str) -> None:
        self.cells: dict[tuple[str, tuple[int, ...]], z3.ExprRef] = {}
        for field in fields.values():
            for index in product(*(bounds.domain(sort) for sort in field.indices)):
                name = f"{field.name}{list(index) or ''}@{label}"
                self.cells[field.name, index] = z3.Const(name, z3_sort(field.sort))
        self._bounds = bounds
        self._read: dict[tuple[str, tuple[int, ...]], tuple[tuple[z3.ExprRef, ...], z3.ExprRef]] = {}

    def members(self, sort: Sort) -> range | None:
        """Return all members of a sort: quantifiers are written out."""
        return self._bounds.domain(sort)

    def read(self, field: Field, indices: tuple[z3.ExprRef, ...]) -> z3.ExprRef:
        """Return the cell at `indices`; outside the instance a map is taken to hold its default.

        What an index is, is a choice among the cells: it is made once. Kept with its result, an index keeps its number.
        """
        asked = (field.name, tuple(index.get_id() for index in indices))
        if asked not in self._read:
            self._read[asked] = (indices, self._chosen(field, indices))
        return self._read[asked][1]

    def _chosen(self, field: Field, indices: tuple[z3.ExprRef, ...]) -> z3.ExprRef:
        """Return a choice among the cells where an index is a term, and no choice among those that numbers exclude."""
        known = [index.as_long() if z3.is_int_value(index) else None for index in indices]
        value = literal(field.default, field.sort)
        for index in product(*(self._bounds.domain(sort) for sort in field.indices)):
            if all(number in (None, at) for number, at in zip(known, index, strict=True)):
                terms = zip(indices, known, index, strict=True)
                here = [given == at for given, number, at in terms if number is None]
                cell = self.cells[field.name, index]
                value = z3.If(conjunction(*here), cell, value) if here else cell
        return z3.simplify(value)


def inside(parameters: tuple[tuple[str, Sort], ...], values: Bindings, bounds: Instance) -> list[z3.BoolRef]:
    """Return that the values of parameters belong to an instance."""
    limits = []
    for name, sort in parameters:
        if sort is not TRUTH:
            domain = bounds.domain(sort)
            limits += [values[name] >= domain.start, values[name] < domain.stop]
    return limits


def written_out(terms: Iterable[Term], state: State, values: Bindings, fields: Fields) -> list[z3.BoolRef]:
    """Return that the quantifiers of terms reach no further than the instance: what is written out is all of them."""
    return [z3.Not(each) for term in terms for each in overruns(term, state, values, fields)]


@dataclass(frozen=True)
class Found:
    """What a bounded search came to: a shortest run, or none within `depth` steps (all of them, unless it gave up)."""

    steps: tuple[Step, ...] | None
    depth: int
    gave_up: str = ""


def shortest(
    protocol: type[Protocol], statement: Statement, *, depth: int, bounds: Instance, witness: bool = False
) -> Found:
    """Search for a state where `statement` fails for some values or, as a witness, holds for some."""
    return _Search(protocol, statement, bounds, witness).run(depth)


class _Search:
    """Unrolls the slice of a protocol that one statement depends on."""

    def __init__(self, protocol: type[Protocol], statement: Statement, bounds: Instance, witness: bool) -> None:
        sliced = slice_for(protocol, statement)
        self._statement, self._witness = statement, witness
        self._fields, self._actions, self._bounds = sliced.fields, sliced.actions, bounds
        self._solver = Solver("QF_LIA", random_seed=0, rlimit=RESOURCE_LIMIT)
        self._states = [Finite(self._fields, bounds, "0")]
        self._picks: list[z3.ArithRef] = []
        self._arguments: list[dict[str, dict[str, z3.ExprRef]]] = []
        self._assign(self._states[0], [], Initial())

    def run(self, depth: int) -> Found:
        for length in range(depth + 1):
            if length > 0:
                self._unroll()
            self._solver.push()
            self._solver.add(self._wanted())
            answer = self._solver.check()
            reason = self._solver.reason_unknown() if answer == z3.unknown else ""
            steps = self._first() if answer == z3.sat else None
            self._solver.pop()
            if steps is not None or reason:
                return Found(steps, length, reason)
        return Found(None, depth)

    def _wanted(self) -> z3.BoolRef:
        values = constants(self._statement.parameters, "!")
        condition = instance(self._statement, self._states[-1], values, self._fields)
        limits = inside(self._statement.parameters, values, self._bounds)
        limits += written_out([self._statement.condition], self._states[-1], values, self._fields)
        return conjunction(*limits, condition if self._witness else z3.Not(condition))

    def _unroll(self) -> None:
        """Add one step: a pick among the actions, its arguments, and the state that follows."""
        step = len(self._picks)
        before, after = self._states[-1], Finite(self._fields, self._bounds, str(step + 1))
        pick = z3.Int(f"action@{step}")
        arguments, layers = {}, []
        self._solver.add(pick >= 0, pick < len(self._actions))
        for number, transition in enumerate(self._actions):
            values = constants(transition.parameters, f"@{step}.{transition.name}")
            layer = SuccessorState(before, transition, values, self._fields)
            allowed = [
                *inside(transition.parameters, values, self._bounds),
                guard(transition, before, values, self._fields),
                *written_out(transition.terms(), before, values, self._fields),
                *self._stays_inside(layer),
            ]
            self._solver.add(z3.Implies(pick == number, conjunction(*allowed)))
            arguments[transition.name] = values
            layers.append((pick == number, layer))
        self._assign(after, layers, before)
        self._states.append(after)
        self._picks.append(pick)
        self._arguments.append(arguments)

    def _stays_inside(self, after: SuccessorState) -> list[z3.BoolRef]:
        """Return that a step writes no cell outside the instance: such a step does not belong to it."""
        limits = []
        for field, targets in after.targets():
            for target, sort in zip(targets, field.indices, strict=True):
                domain = self._bounds.domain(sort)
                limits += [target >= domain.start, target < domain.stop]
        return limits

    def _assign(self, state: Finite, layers: list[tuple[z3.BoolRef, SuccessorState]], otherwise: State) -> None:
        """Say what each cell of a state holds: what the chosen action wrote, else what was there."""
        for (name, index), cell in state.cells.items():
            field = self._fields[name]
            at = tuple(literal(value, sort) for value, sort in zip(index, field.indices, strict=True))
            value = otherwise.cells[name, index] if isinstance(otherwise, Finite) else otherwise.read(field, at)
            for chosen, after in layers:
                if after.changes(field):
                    value = z3.If(chosen, after.read(field, at), value)
            self._solver.add(cell == z3.simplify(value))

    def _first(self) -> tuple[Step, ...]:
        """Return the first of the runs that the solver now allows: step by step the lowest action, then arguments.

        Which model Z3 returns depends on all it did before; the first run does not.
        """
        steps = []
        for pick, arguments in zip(self._picks, self._arguments, strict=True):
            action = self._actions[lowest(self._solver, pick)].name
            chosen = {name: lowest(self._solver, value) for name, value in arguments[action].items()}
            steps.append(Step(action, chosen))
        return tuple(steps)


def lowest(solver: z3.Solver, variable: z3.ArithRef) -> int:
    """Fix a variable to the lowest value that the solver allows, and return it."""
    solver.check()
    highest = solver.model().eval(variable, model_completion=True).as_long()
    value = next((v for v in range(highest) if solver.check(variable == v) == z3.sat), highest)
    solver.add(variable == value)
    return int(value)
