"""Counterexamples to induction: a small state where everything assumed holds, and one step that breaks a statement.

Such a state need not be reachable: it says what the invariants do not exclude.
"""

from __future__ import annotations

from dataclasses import dataclass

import z3

from fencepost.model.instance import Instance
from fencepost.model.language import TRUTH, Protocol, Statement
from fencepost.model.trace import Step, counterexample, explain, values_of
from fencepost.proofs.bounded import Finite, inside
from fencepost.proofs.interruptible import Solver
from fencepost.proofs.symbolic import After, constants, guard, instance, literal

RESOURCE_LIMIT = 20_000_000  # Z3's own unit, some seconds


@dataclass(frozen=True)
class BadStep:
    """A state, as its cells that differ from their defaults, a step from it, and what that step breaks."""

    cells: tuple[str, ...]
    step: Step
    explanation: str

    def __str__(self) -> str:
        return "\n".join([*(f"    {cell}" for cell in self.cells), f"  then {self.step}", f"  {self.explanation}"])


def bad_step(
    protocol: type[Protocol], assumed: list[Statement], broken: Statement, action: str, bounds: Instance
) -> BadStep | None:
    """Return a step of `action`, from a state of an instance that keeps to all `assumed`, which breaks `broken`."""
    before = Finite(protocol.fields, bounds, "before")
    solver = Solver("QF_LIA", random_seed=0, rlimit=RESOURCE_LIMIT)
    solver.add(typed(protocol, before, bounds))
    for statement in assumed:
        for values in values_of(statement, bounds):
            known = {name: literal(values[name], sort) for name, sort in statement.parameters}
            solver.add(z3.simplify(instance(statement, before, known, protocol.fields)))
    transition = protocol.actions[action]
    arguments = constants(transition.parameters, "@")
    after = After(before, transition, arguments, protocol.fields)
    goal = constants(broken.parameters, "!")
    solver.add(inside(transition.parameters, arguments, bounds))
    solver.add(inside(broken.parameters, goal, bounds))
    solver.add(guard(transition, before, arguments, protocol.fields))
    solver.add(z3.Not(instance(broken, after, goal, protocol.fields)))
    if solver.check() != z3.sat:
        return None
    state = _smallest(solver, protocol, before)
    model = solver.model()
    step = Step(action, {n: model.eval(v, model_completion=True).as_long() for n, v in arguments.items()})
    return _described(protocol, state, step, broken, bounds)


def typed(protocol: type[Protocol], state: Finite, bounds: Instance) -> list[z3.BoolRef]:
    """Return that every cell holds a value of its sort, inside the instance where its sort has a domain there."""
    limits = []
    for (name, _), cell in state.cells.items():
        sort = protocol.fields[name].sort
        if sort != TRUTH:
            domain = bounds.domain_or_none(sort)
            limits += [cell >= 0] if domain is None else [cell >= domain.start, cell <= domain.stop]
    return limits


def _smallest(solver: z3.Solver, protocol: type[Protocol], before: Finite) -> dict[tuple[str, tuple[int, ...]], int]:
    """Put as many cells as can be to their defaults, one after the other; return what the others hold."""
    state = {}
    for (name, index), cell in before.cells.items():
        field = protocol.fields[name]
        default = cell == literal(field.default, field.sort)
        if solver.check(default) == z3.sat:
            solver.add(default)
            continue
        solver.check()
        value = solver.model().eval(cell, model_completion=True)
        solver.add(cell == value)
        state[name, index] = z3.is_true(value) if field.sort == TRUTH else value.as_long()
    solver.check()
    return state


def _described(
    protocol: type[Protocol],
    cells: dict[tuple[str, tuple[int, ...]], int],
    step: Step,
    broken: Statement,
    bounds: Instance,
) -> BadStep:
    """Take the step on values and say what it breaks."""
    state = protocol()
    for (name, index), value in cells.items():
        if index:
            getattr(state, name)[index if len(index) > 1 else index[0]] = value
        else:
            setattr(state, name, value)
    texts = tuple(f"{name}{list(index) or ''} = {value}" for (name, index), value in cells.items())
    state.fire(step.action, **step.arguments)
    values = counterexample(state, broken, bounds)
    assert values is not None, "the step breaks the statement on symbols and not on values"
    return BadStep(texts, step, explain(state, broken, values))
