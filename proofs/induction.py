"""Induction: a promise holds in every reachable state, however many clients, rings, batches and messages.

The statements of a protocol are proved together: each holds at the start, and each is kept by every
action from any state where all of them hold. A statement that is not kept is taken out of what the
others may rely on, and they are proved again, so that nothing is proved from something that is not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import z3

from fencepost.model.language import NATURAL, Protocol, Statement, Transition, Write
from fencepost.model.language.terms import reads
from fencepost.proofs.solving import LimitedSolver, Solving
from fencepost.proofs.symbolic import (
    ArbitraryState,
    Bindings,
    Initial,
    State,
    SuccessorState,
    all_natural,
    conjunction,
    constants,
    enough_members,
    everywhere,
    guard,
    instance,
    naturals,
    of_sort,
    translate,
)

# NATURAL is that every cell holds a value of its sort: proved with the statements of every protocol.
Candidates = Mapping[str, Statement | None]  # by name; None stands for NATURAL, which is no statement


@dataclass(frozen=True)
class Obligation:
    """A query with the wrong answer: `action` may break `statement` ("start": it may fail at the start)."""

    statement: str
    action: str
    answer: str  # "sat" (it may break it) or "unknown"
    reason: str
    assumed: frozenset[str]
    query: str  # in SMT-LIB 2


@dataclass
class Induction:
    """What induction came to: the statements that are proved, and for the others what failed."""

    solving: Solving = field(default_factory=Solving)
    proved: set[str] = field(default_factory=set)
    failed: dict[str, Obligation] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    obligation_count: int = 0


def statements(protocol: type[Protocol]) -> dict[str, Statement]:
    """Return everything that is claimed of every reachable state: promises first, then invariants."""
    return {**protocol.promises, **protocol.invariants}


def candidates_of(protocol: type[Protocol]) -> dict[str, Statement | None]:
    """Return what is proved together: all statements, and that numbers are natural."""
    return {**statements(protocol), NATURAL: None}


def induct(
    protocol: type[Protocol], *, without: frozenset[str] = frozenset(), solving: Solving | None = None
) -> Induction:
    """Prove what can be proved of a protocol, relying on nothing that cannot; leave out the statements `without`."""
    result = Induction(solving or Solving())
    candidates = {name: each for name, each in candidates_of(protocol).items() if name not in without}
    while failed := _round(protocol, candidates, result):
        result.failed.update(failed)
        candidates = {name: each for name, each in candidates.items() if name not in failed}
    result.proved = set(candidates)
    return result


def _round(protocol: type[Protocol], candidates: Candidates, result: Induction) -> dict[str, Obligation]:
    """Check every candidate at the start and against every action; return the failures."""
    failed: dict[str, Obligation] = {}
    goals = {name: _broken(each, Initial(), protocol) for name, each in candidates.items() if each is not None}
    at_start = result.solving.new_solver()
    at_start.add(enough_members(protocol))
    _ask(at_start, goals, frozenset(goals), f"{protocol.name}/start", failed, result)
    solver = assuming(protocol, candidates, result.solving)
    for transition in protocol.actions.values():
        remaining = {name: each for name, each in candidates.items() if name not in failed}
        failed |= kept_by(protocol, transition, remaining, result, solver=solver)
    return failed


def kept_by(
    protocol: type[Protocol],
    transition: Transition,
    candidates: Candidates,
    result: Induction,
    *,
    solver: LimitedSolver | None = None,
    until_first: bool = False,
) -> dict[str, Obligation]:
    """Check that one action keeps every candidate, all of them assumed before it; return the failures.

    A `solver` that knows the assumptions may be given; `until_first` stops at the first failure.
    """
    solver = solver or assuming(protocol, candidates, result.solving)
    before, failed = ArbitraryState(), dict[str, Obligation]()
    arguments = constants(transition.parameters)
    after = SuccessorState(before, transition, arguments, protocol.fields)
    asked = candidates if result.solving.shows_queries else _touched(candidates, transition)
    for name in candidates.keys() - asked.keys():
        result.obligation_count += 1
        result.seconds.setdefault(name, 0.0)
    goals = {name: _broken(each, after, protocol) for name, each in asked.items() if each is not None}
    if NATURAL in candidates:
        goals[NATURAL] = z3.Not(conjunction(*_written_numbers(transition, before, arguments, protocol)))
    solver.push()
    solver.add(guard(transition, before, arguments, protocol.fields))
    where = f"{protocol.name}/{transition.name}"
    _ask(solver, goals, frozenset(candidates), where, failed, result, until_first=until_first)
    solver.pop()
    return failed


def _touched(candidates: Candidates, transition: Transition) -> Candidates:
    """Return the candidates that an action may break: those that read a field which it writes.

    Of the others the state after the action says what the state before it says, and there they are assumed: they are
    kept, whatever the action requires.
    """
    written = {write.field for write in transition.writes}
    return {
        name: each for name, each in candidates.items()
        if each is None or not written.isdisjoint(reads(each.condition))
    }  # fmt: skip


def assuming(protocol: type[Protocol], candidates: Candidates, solving: Solving) -> LimitedSolver:
    """Return a solver that knows of the state before a step that all candidates hold there."""
    solver, before = solving.new_solver(), ArbitraryState()
    solver.add(enough_members(protocol))
    for each in candidates.values():
        solver.add(all_natural(before, protocol.fields) if each is None else everywhere(each, before, protocol.fields))
    return solver


def _ask(
    solver: LimitedSolver,
    goals: dict[str, z3.BoolRef],
    assumed: frozenset[str],
    where: str,
    failed: dict[str, Obligation],
    result: Induction,
    *,
    until_first: bool = False,
) -> None:
    """Check that none of the goals can be met; put those that may be in `failed`. `where` is protocol/action."""
    for name, goal in goals.items():
        began = time.perf_counter()
        solver.push()
        solver.add(goal)
        answer, reason = result.solving.decide(solver, f"{where}/{name}".replace("/", "."))
        if answer != "unsat":
            action = where.partition("/")[2]
            query = f"(set-logic ALL)\n{solver.to_smt2()}"
            failed[name] = Obligation(name, action, answer, reason, assumed, query)
        solver.pop()
        result.obligation_count += 1
        result.seconds[name] = result.seconds.get(name, 0.0) + time.perf_counter() - began
        if failed and until_first:
            return


def _broken(statement: Statement, state: State, protocol: type[Protocol]) -> z3.BoolRef:
    """Return that the statement fails in a state for some values, which get names of their own."""
    values = constants(statement.parameters, "!")
    inside = naturals(statement.parameters, values)
    return z3.And(*inside, z3.Not(instance(statement, state, values, protocol.fields)))


def _written_numbers(
    transition: Transition, before: State, arguments: Bindings, protocol: type[Protocol]
) -> list[z3.BoolRef]:
    """Return that what an action writes is of its sort."""
    limits = [_is_natural(write, before, arguments, protocol) for write in transition.writes]
    return [limit for each in limits for limit in each]


def _is_natural(write: Write, before: State, arguments: Bindings, protocol: type[Protocol]) -> list[z3.BoolRef]:
    """Return that what is written is of its sort; where a range is filled, in each of its cells."""
    sort = protocol.fields[write.field].sort
    if write.count is None:
        return of_sort(translate(write.value, before, arguments, protocol.fields), sort)
    cell = z3.Int("cell!")
    start = translate(write.indices[0], before, arguments, protocol.fields)
    count = translate(write.count, before, arguments, protocol.fields)
    value = translate(write.value, before, {**arguments, str(write.cell): cell}, protocol.fields)
    return [z3.Implies(z3.And(start <= cell, cell < start + count), limit) for limit in of_sort(value, sort)]
