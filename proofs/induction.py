"""Induction: a promise holds in every reachable state, however many clients, rings, batches and messages.

The statements of a protocol are proved together: each holds at the start, and each is kept by every
action from any state where all of them hold. A statement that is not kept is taken out of what the
others may rely on, and they are proved again, so that nothing is proved from something that is not.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import z3

from fencepost.model.language import Protocol, Statement, Term, Transition
from fencepost.proofs.symbolic import (
    After,
    Initial,
    State,
    Unknown,
    all_natural,
    constants,
    everywhere,
    guard,
    instance,
    naturals,
    translate,
)

RESOURCE_LIMIT = 1_000_000  # Z3's own unit, about half a second: the same work, and so the same answer, everywhere
NATURAL = "natural"  # the statement that no number of a state is negative, which every protocol gets


@dataclass(frozen=True)
class Obligation:
    """A query with the wrong answer: `action` may break `statement` ("start": it may fail at the start)."""

    statement: str
    action: str
    answer: str  # of Z3: "sat" (it may break it) or "unknown"
    reason: str = ""


@dataclass
class Induction:
    """What induction came to: the statements that are proved, and for the others what failed."""

    proved: set[str] = field(default_factory=set)
    failed: dict[str, Obligation] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    obligation_count: int = 0


def statements(protocol: type[Protocol]) -> dict[str, Statement]:
    """Return everything that is claimed of every reachable state: promises first, then invariants."""
    return {**protocol.promises, **protocol.invariants}


def induct(protocol: type[Protocol], *, without: frozenset[str] = frozenset()) -> Induction:
    """Prove what can be proved of a protocol, relying on nothing that cannot; leave out the statements `without`."""
    result = Induction()
    known = {**statements(protocol), NATURAL: None}
    candidates = {name: each for name, each in known.items() if name not in without}
    while failed := _round(protocol, candidates, result):
        result.failed.update(failed)
        candidates = {name: each for name, each in candidates.items() if name not in failed}
    result.proved = set(candidates)
    return result


def _round(
    protocol: type[Protocol], candidates: dict[str, Statement | None], result: Induction
) -> dict[str, Obligation]:
    """Check every candidate against every action, all candidates assumed before; return the failures."""
    solver = z3.Solver()
    solver.set("random_seed", 0)
    solver.set("rlimit", RESOURCE_LIMIT)
    failed: dict[str, Obligation] = {}
    goals = {name: _broken(each, Initial(), protocol) for name, each in candidates.items() if each is not None}
    _ask(solver, goals, "start", failed, result)
    before = Unknown()
    for each in candidates.values():
        solver.add(all_natural(before, protocol.fields) if each is None else everywhere(each, before, protocol.fields))
    for transition in protocol.actions.values():
        arguments = constants(transition.parameters)
        after = After(before, transition, arguments, protocol.fields)
        goals = {name: _broken(each, after, protocol) for name, each in candidates.items() if each is not None}
        if NATURAL in candidates:
            goals[NATURAL] = z3.Not(z3.And(*_written_numbers(transition, before, arguments, protocol)))
        solver.push()
        solver.add(guard(transition, before, arguments, protocol.fields))
        _ask(solver, goals, transition.name, failed, result)
        solver.pop()
    return failed


def _ask(
    solver: z3.Solver, goals: dict[str, z3.BoolRef], action: str, failed: dict[str, Obligation], result: Induction
) -> None:
    """Check that none of the goals can be met; put the first action that may meet one in `failed`."""
    for name, goal in goals.items():
        if name in failed:
            continue
        began = time.perf_counter()
        solver.push()
        solver.add(goal)
        answer = solver.check()
        if answer != z3.unsat:
            reason = solver.reason_unknown() if answer == z3.unknown else ""
            failed[name] = Obligation(name, action, str(answer), reason)
        solver.pop()
        result.obligation_count += 1
        result.seconds[name] = result.seconds.get(name, 0.0) + time.perf_counter() - began


def _broken(statement: Statement, state: State, protocol: type[Protocol]) -> z3.BoolRef:
    values = constants(statement.parameters, "!")
    inside = naturals(statement.parameters, values)
    return z3.And(*inside, z3.Not(instance(statement, state, values, protocol.fields)))


def _written_numbers(
    transition: Transition, before: Unknown, arguments: dict[str, z3.ExprRef], protocol: type[Protocol]
) -> list[z3.BoolRef]:
    """Return that each number written is natural; of a filled range, in each of its cells."""
    limits: list[z3.BoolRef] = []
    for write in transition.writes:
        if not protocol.fields[write.field].sort.numeric:
            continue
        bindings = dict(arguments)
        inside: list[z3.BoolRef] = []
        if write.count is not None and isinstance(write.cell, Term):
            cell = z3.Int("cell!")
            bindings[str(write.cell)] = cell
            start = translate(write.indices[0], before, arguments, protocol.fields)
            count = translate(write.count, before, arguments, protocol.fields)
            inside = [start <= cell, cell < start + count]
        value = translate(write.value, before, bindings, protocol.fields)
        limits.append(z3.Implies(z3.And(*inside), value >= 0))
    return limits
