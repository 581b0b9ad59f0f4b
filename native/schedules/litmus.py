"""Litmus programs in the native explorer: the same machine, the same larger steps, about a million states a second.

What is passed is the parsed program, the ordering matrix and the profile's flags, all as integers; nothing else is
shared with the explorer in Python, so that a slip in one of them shows.
"""

from __future__ import annotations

from fencepost.model.litmus import Answer, Condition
from fencepost.model.litmus.condition import AND, OR, Atom
from fencepost.model.litmus.explore import Budget, Explored, Observation
from fencepost.model.memory import Crash, Matrix, Op, Profile, Program, Step
from fencepost.model.memory.ordering import ORDERS
from fencepost.native import _core

__all__ = ["explore", "outcomes"]

_ANSWERS = (Answer.FORBIDDEN, Answer.ALLOWED, Answer.UNKNOWN)
_ACTS = ("issue", "drain", "evict", "clean", "fetch", "tear", "prefetch", "crash")
_CRASHES = (Crash.HOST, Crash.GPF, Crash.DEVICE)
_NONE = 2**16 - 1
_ATOM, _BOTH, _EITHER, _NEGATE = range(4)


def explore(
    program: Program,
    condition: Condition,
    profile: Profile,
    matrix: Matrix,
    budget: Budget | None = None,
    *,
    as_defined: bool = False,
) -> Explored:
    """Decide whether some run ends in the condition; the schedule holds main steps only, not what was done at once."""
    fields = _explore(program, condition, profile, matrix, budget, condition.names_memory, as_defined)
    schedule = tuple(
        Step(_ACTS[act], actor, -1 if line == _NONE else line, detail if _ACTS[act] in ("drain", "tear") else -1)
        for act, actor, line, detail in fields["schedule"]
    )
    return Explored(_ANSWERS[fields["answer"]], fields["states"], fields["seconds"], schedule, fields["reason"])


def outcomes(
    program: Program,
    profile: Profile,
    matrix: Matrix,
    *,
    memory_matters: bool = False,
    as_defined: bool = False,
    budget: Budget | None = None,
) -> frozenset[Observation]:
    """Return every end that some run has; raises MemoryError when the budget does not suffice."""
    fields = _explore(program, None, profile, matrix, budget, memory_matters, as_defined)
    if fields["reason"]:
        raise MemoryError(fields["reason"])
    widths = [len(thread.registers) for thread in program.threads]
    if memory_matters:
        widths += [len(line.words) for line in program.lines]
    return frozenset(cut(row, widths) for row in fields["outcomes"])


def _explore(
    program: Program,
    condition: Condition | None,
    profile: Profile,
    matrix: Matrix,
    budget: Budget | None,
    memory_matters: bool,
    as_defined: bool,
) -> _core.LitmusFields:
    budget = budget or Budget()
    program = program.on_one_host() if profile.one_host else program
    snapshot = profile.snapshot and condition is not None and condition.names_memory
    given = to_native(
        program, condition, profile, matrix, snapshot=snapshot, memory_matters=memory_matters, as_defined=as_defined
    )
    return _core.explore_litmus(given, state_budget=budget.states, seconds_budget=budget.seconds)


def to_native(
    program: Program,
    condition: Condition | None,
    profile: Profile,
    matrix: Matrix,
    *,
    snapshot: bool,
    memory_matters: bool,
    as_defined: bool,
) -> _core.LitmusProgram:
    """Return a program with its profile and ordering matrix, as the native engines take it: all of it integers."""
    options = [
        profile.buffers, profile.evict, profile.speculate, profile.line_atomic, profile.dirty_words_only,
        profile.lfence_waits, snapshot, memory_matters, not as_defined, _CRASHES.index(profile.crash),
        profile.crashes and not program.has_crash,
    ]  # fmt: skip
    return _core.LitmusProgram(
        threads=[[thread.host, len(thread.registers)] for thread in program.threads],
        instructions=_instructions(program),
        lines=[list(line.initial) for line in program.lines],
        condition=_condition(condition) if condition is not None else [],
        matrix=[ORDERS.index(order) for row in matrix.rows for order in row],
        options=[int(option) for option in options],
        host_count=len(program.hosts),
    )


def _instructions(program: Program) -> list[list[int]]:
    return [
        [
            thread, each.op, each.line, each.word if each.op not in (Op.FL, Op.FO, Op.WB, Op.PF) else -1, each.register,
            each.value.constant, each.value.register, each.second.constant, each.second.register, each.skip,
        ]
        for thread, code in enumerate(program.threads)
        for each in code.instructions
    ]  # fmt: skip


def _condition(condition: Condition) -> list[list[int]]:
    operators = {AND: _BOTH, OR: _EITHER}
    return [
        [_ATOM, item.thread, item.register, max(item.line, 0), item.value, item.equal]
        if isinstance(item, Atom)
        else [operators.get(item, _NEGATE), -1, 0, 0, 0, 0]
        for item in condition.items
    ]


def cut(row: list[int], widths: list[int]) -> Observation:
    """Return a row of words as the tuples of these lengths that it is made of."""
    pieces, start = [], 0
    for width in widths:
        pieces.append(tuple(row[start : start + width]))
        start += width
    return tuple(pieces)
