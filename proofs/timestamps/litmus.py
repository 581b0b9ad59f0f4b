"""Litmus tests decided by Z3 on timestamps: one query a test, no states.

`decide` answers allowed, forbidden, unknown or unsupported; `outcomes` lists every end of a small program. Programs in
which two hosts store to one line are unsupported, and never guessed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import z3

from fencepost.model.litmus import Answer, Condition
from fencepost.model.litmus.explore import Observation
from fencepost.model.memory import Matrix, Profile, Program
from fencepost.proofs.interruptible import Solver
from fencepost.proofs.timestamps.encoding import Encoding, asked_of, too_large, unsupported

__all__ = ["Decided", "decide", "outcomes"]

SECONDS_BUDGET = 20.0


@dataclass(frozen=True)
class Decided:
    """What Z3 says of a test."""

    answer: Answer
    seconds: float
    reason: str = ""  # of unknown and unsupported


def decide(
    program: Program, condition: Condition, profile: Profile, matrix: Matrix, seconds_budget: float = SECONDS_BUDGET
) -> Decided:
    """Decide whether some run ends in the condition."""
    began = time.perf_counter()
    reason = unsupported(program, profile)
    if reason:
        return Decided(Answer.UNSUPPORTED, 0.0, reason)
    reason = too_large(program)
    if reason:
        return Decided(Answer.UNKNOWN, 0.0, reason)
    encoding = Encoding(program, asked_of(profile, condition), matrix, {})
    asked = encoding.holds(condition)
    solver = Solver(timeout=max(1, int(seconds_budget * 1000)))
    solver.add(*encoding.constraints, asked)
    found = solver.check()
    seconds = time.perf_counter() - began
    if found == z3.unknown:
        return Decided(Answer.UNKNOWN, seconds, f"Z3 gave up: {solver.reason_unknown()}")
    return Decided(Answer.ALLOWED if found == z3.sat else Answer.FORBIDDEN, seconds)


def outcomes(
    program: Program, profile: Profile, matrix: Matrix, *, memory_matters: bool = False
) -> frozenset[Observation] | None:
    """Return every end that some run has, or None where timestamps cannot express the program."""
    if unsupported(program, profile) or (profile.snapshot and memory_matters):
        return None
    encoding = Encoding(program, asked_of(profile, None), matrix, {})
    rows = [encoding.ends(thread) for thread in range(len(encoding.threads))]
    if memory_matters:
        rows += [
            [encoding.word(line, word) for word in range(len(shape.words))]
            for line, shape in enumerate(encoding.program.lines)
        ]
    solver = Solver()
    solver.add(*encoding.constraints)
    cells = [z3.Int(f"end {row}.{column}") for row, each in enumerate(rows) for column in range(len(each))]
    solver.add(*(cell == value for cell, value in zip(cells, [v for each in rows for v in each], strict=True)))
    found = set()
    while solver.check() == z3.sat:
        model = solver.model()
        values = [model.eval(cell, model_completion=True).as_long() for cell in cells]
        flat = iter(values)
        found.add(tuple(tuple(next(flat) for _ in each) for each in rows))
        if not cells:
            break
        solver.add(z3.Or(*(cell != value for cell, value in zip(cells, values, strict=True))))
    return frozenset(found)
