"""Bounded search: the shortest run of a small instance that breaks a promise, found by Z3 without quantifiers.

The cells of every map are written out, one constant a cell and step, and one step is a choice among
all actions. The search deepens one step at a time, so what it finds is shortest.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import z3

from fencepost.model.instance import Instance
from fencepost.model.language import TRUTH, Field, Protocol, Sort, Statement, Transition
from fencepost.model.trace import Step
from fencepost.proofs.symbolic import (
    After,
    Fields,
    Initial,
    State,
    constants,
    guard,
    instance,
    literal,
    z3_sort,
)

RESOURCE_LIMIT = 200_000_000  # Z3's own unit: the same work, and so the same verdict, on every machine


class Finite:
    """A state of a small instance: a constant for every cell."""

    def __init__(self, fields: Fields, bounds: Instance, step: int) -> None:
        self.cells: dict[tuple[str, tuple[int, ...]], z3.ExprRef] = {}
        for field in fields.values():
            for index in product(*(bounds.domain(sort) for sort in field.indices)):
                name = f"{field.name}{list(index) or ''}@{step}"
                self.cells[field.name, index] = z3.Const(name, z3_sort(field.sort))
        self.bounds = bounds

    def read(self, field: Field, indices: tuple[z3.ExprRef, ...]) -> z3.ExprRef:
        """Return the cell at `indices`; outside the instance a map is taken to hold its default."""
        value = literal(field.default, field.sort)
        for index in product(*(self.bounds.domain(sort) for sort in field.indices)):
            here = [given == known for given, known in zip(indices, index, strict=True)]
            cell = self.cells[field.name, index]
            value = z3.If(z3.And(*here), cell, value) if here else cell
        return z3.simplify(value)


@dataclass(frozen=True)
class Found:
    """What a bounded search came to: a shortest run, or none within `depth` steps (complete unless `gave_up`)."""

    steps: tuple[Step, ...] | None
    depth: int
    gave_up: str = ""


class BoundedSearch:
    """Unrolls one protocol on one instance; asked about one statement after another it unrolls only once."""

    def __init__(self, protocol: type[Protocol], bounds: Instance) -> None:
        self._protocol = protocol
        self.bounds = bounds
        self._fields = protocol.fields
        self._solver = z3.SolverFor("QF_LIA")
        self._solver.set("random_seed", 0)
        self._solver.set("rlimit", RESOURCE_LIMIT)
        self._states = [Finite(self._fields, bounds, 0)]
        self._picks: list[z3.ArithRef] = []
        self._arguments: list[dict[str, dict[str, z3.ExprRef]]] = []
        self._assign(self._states[0], [], Initial())

    def shortest(self, statement: Statement, depth: int, *, witness: bool = False) -> Found:
        """Search for a state where `statement` fails for some values (or, as a witness, holds for some)."""
        for length in range(depth + 1):
            while len(self._picks) < length:
                self._unroll()
            self._solver.push()
            self._solver.add(self._wanted(statement, self._states[length], witness))
            answer = self._solver.check()
            steps = self._first(length) if answer == z3.sat else None
            reason = self._solver.reason_unknown() if answer == z3.unknown else ""
            self._solver.pop()
            if steps is not None or reason:
                return Found(steps, length, reason)
        return Found(None, depth)

    def _wanted(self, statement: Statement, state: State, witness: bool) -> z3.BoolRef:
        values = constants(statement.parameters, "!")
        condition = instance(statement, state, values, self._fields)
        inside = self._inside(statement.parameters, values)
        return z3.And(*inside, condition if witness else z3.Not(condition))

    def _inside(self, parameters: tuple[tuple[str, Sort], ...], values: dict[str, z3.ExprRef]) -> list[z3.BoolRef]:
        limits = []
        for name, sort in parameters:
            if sort != TRUTH:
                domain = self.bounds.domain(sort)
                limits += [values[name] >= domain.start, values[name] < domain.stop]
        return limits

    def _unroll(self) -> None:
        """Add one step: a pick among the actions, its arguments, and the state that follows."""
        step = len(self._picks)
        before, after = self._states[-1], Finite(self._fields, self.bounds, step + 1)
        pick = z3.Int(f"action@{step}")
        arguments, layers = {}, []
        self._solver.add(pick >= 0, pick < len(self._protocol.actions))
        for number, transition in enumerate(self._protocol.actions.values()):
            values = constants(transition.parameters, f"@{step}.{transition.name}")
            chosen = pick == number
            self._solver.add(z3.Implies(chosen, z3.And(*self._inside(transition.parameters, values))))
            self._solver.add(z3.Implies(chosen, guard(transition, before, values, self._fields)))
            self._solver.add(z3.Implies(chosen, self._stays_inside(transition, before, values)))
            arguments[transition.name] = values
            layers.append((chosen, After(before, transition, values, self._fields)))
        self._assign(after, layers, before)
        self._states.append(after)
        self._picks.append(pick)
        self._arguments.append(arguments)

    def _stays_inside(self, transition: Transition, before: State, values: dict[str, z3.ExprRef]) -> z3.BoolRef:
        """Return that the step writes no cell outside the instance: such a step does not belong to it."""
        after = After(before, transition, values, self._fields)
        limits = []
        for field, targets in after.targets():
            for target, sort in zip(targets, field.indices, strict=True):
                domain = self.bounds.domain(sort)
                limits += [target >= domain.start, target < domain.stop]
        return z3.And(*limits)

    def _assign(self, state: Finite, layers: list[tuple[z3.BoolRef, After]], otherwise: State) -> None:
        for (name, index), cell in state.cells.items():
            field = self._fields[name]
            at = tuple(literal(value, sort) for value, sort in zip(index, field.indices, strict=True))
            value = otherwise.cells[name, index] if isinstance(otherwise, Finite) else otherwise.read(field, at)
            for chosen, after in layers:
                if after.changes(field):
                    value = z3.If(chosen, after.read(field, at), value)
            self._solver.add(cell == z3.simplify(value))

    def _first(self, length: int) -> tuple[Step, ...]:
        """Return the first of the runs that the solver now allows: step by step the lowest action, then picks.

        Which model Z3 returns depends on all it did before; the first run does not.
        """
        names = list(self._protocol.actions)
        steps = []
        for pick, arguments in zip(self._picks[:length], self._arguments[:length], strict=True):
            action = names[self._lowest(pick)]
            steps.append(Step(action, {name: self._lowest(value) for name, value in arguments[action].items()}))
        return tuple(steps)

    def _lowest(self, variable: z3.ArithRef) -> int:
        """Fix a variable to the lowest value that the solver allows, and return it."""
        self._solver.check()
        highest = self._solver.model().eval(variable, model_completion=True).as_long()
        value = next((v for v in range(highest) if self._solver.check(variable == v) == z3.sat), highest)
        self._solver.add(variable == value)
        return int(value)
