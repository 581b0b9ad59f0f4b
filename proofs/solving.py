"""Solving: how one obligation is decided, by Z3, by cvc5 or by both, within a limit of work rather than of time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import z3

from fencepost.model.errors import FencepostError, unknown_choice
from fencepost.model.writing import kept, store
from fencepost.proofs import second_opinion
from fencepost.proofs.interruptible import Solver

Choice = Literal["z3", "cvc5", "both"]
CHOICES: tuple[Choice, ...] = ("z3", "cvc5", "both")

RESOURCE_LIMIT = 1_000_000  # Z3's own unit; the hardest obligation of a sound protocol takes about 170,000
UNITS_PER_SECOND = 2_000_000  # roughly, for turning a time that a user has into a limit of work
FIRST_SEED, ATTEMPTS = 0, 3


class Disagreement(FencepostError):
    """Two solvers give opposite answers to one query; names the query."""


class LimitedSolver(Solver):
    """A Z3 solver with a pinned seed and a limit of work, which it remembers."""

    def __init__(self, resource_limit: int, seed: int = FIRST_SEED) -> None:
        super().__init__(random_seed=seed, rlimit=resource_limit)
        self.resource_limit = resource_limit


@dataclass(frozen=True)
class Solving:
    """Who decides, how hard they try, and where each query is written to as SMT-LIB 2 (nowhere, if None).

    Z3 gets `attempts` at a query that it cannot tell, each with another seed and `resource_limit`.
    """

    choice: Choice = "z3"
    resource_limit: int = RESOURCE_LIMIT
    attempts: int = ATTEMPTS
    emit: Path | None = None

    def __post_init__(self) -> None:
        if self.choice not in CHOICES:
            raise unknown_choice("solver", self.choice, CHOICES)
        if self.choice != "z3":
            second_opinion.load_cvc5()

    @property
    def shows_queries(self) -> bool:
        """Whether each query is seen elsewhere, as a file or by another solver: then none may be left out."""
        return self.emit is not None or self.choice != "z3"

    def new_solver(self) -> LimitedSolver:
        """Return an empty solver."""
        return LimitedSolver(self.resource_limit)

    def decide(self, solver: LimitedSolver, name: str) -> tuple[str, str]:
        """Return the answer to what `solver` holds, "sat", "unsat" or "unknown", and the reason of an unknown.

        Raises Disagreement, naming the query, where Z3 and cvc5 contradict each other.
        """
        mine = ("unknown", "not asked") if self.choice == "cvc5" else _ask_z3(solver, self.attempts)
        query = f"(set-logic ALL)\n{solver.to_smt2()}" if self.shows_queries else ""
        if self.emit is not None:
            kept(self.emit / f"{name}.smt2", partial(store, data=f"; {name}: unsat means that it holds\n{query}"))
        if self.choice == "z3":
            return mine
        theirs = second_opinion.decide(query)
        if self.choice == "cvc5":
            return theirs, "cvc5 cannot tell" if theirs == "unknown" else ""
        if {mine[0], theirs} == {"sat", "unsat"}:
            raise Disagreement(f"{name}: Z3 says {mine[0]} and cvc5 {theirs}: a solver, or the encoding, is wrong")
        return mine if theirs == mine[0] else ("unknown", f"Z3 says {mine[0]}, cvc5 {theirs}")


def _ask_z3(solver: LimitedSolver, attempts: int) -> tuple[str, str]:
    """Return Z3's answer and, where that is unknown, the reason.

    Which instances of the assumptions Z3 tries first depends on the names and numbers that it has met
    before, and now and then it loses its way. So an unknown is asked again, from scratch and with
    other seeds; each time with the same limit of work, so that the answer is the same everywhere.
    """
    answer = solver.check()
    for seed in range(FIRST_SEED + 1, FIRST_SEED + attempts):
        if answer != z3.unknown:
            break
        again = LimitedSolver(solver.resource_limit, seed)
        again.add(solver.assertions())
        answer, solver = again.check(), again
    return str(answer), solver.reason_unknown() if answer == z3.unknown else ""
