"""Whether a bad end of a litmus program is reachable with some of its slots: by timestamps, else by exploration."""

from __future__ import annotations

import time
import typing

import z3

from fencepost.model.litmus import Answer, Condition
from fencepost.model.litmus.explore import Budget, Explored, explore
from fencepost.model.litmus.witness import Run, replay
from fencepost.model.memory import Matrix, Profile, Program
from fencepost.proofs.interruptible import Solver
from fencepost.proofs.timestamps.encoding import Encoding, Slot, asked_of, too_large, unsupported

Slots = frozenset[Slot]
SECONDS_BUDGET = 60.0  # of one program's queries; then the verdict is unknown


class GaveUp(Exception):
    """The time of an ablation is spent, or an engine does not know."""


class Reaching(typing.Protocol):
    """Says whether a bad end is reachable with some of the slots present."""

    def reachable(self, present: Slots) -> bool: ...


class Oracle:
    """Says whether a bad end is reachable with some of the slots present: by timestamps, else by exploration."""

    def __init__(
        self, program: Program, condition: Condition, profile: Profile, matrix: Matrix, slots: list[Slot],
        seconds: float = SECONDS_BUDGET,
    ) -> None:  # fmt: skip
        self.program, self.condition, self.profile, self.matrix = program, condition, profile, matrix
        self.slots, self.queries = slots, 0
        self.deadline = time.perf_counter() + seconds
        self.answers: dict[Slots, bool] = {}
        self.solver: Solver | None = None
        if not unsupported(program, profile) and not too_large(program):
            self.present = {slot: z3.Bool(f"slot {slot[0]}.{slot[1]}") for slot in slots}
            encoding = Encoding(program, asked_of(profile, condition), matrix, self.present)
            asked = encoding.holds(condition)
            self.solver = Solver(timeout=60_000)
            self.solver.add(*encoding.constraints, asked)

    def reachable(self, present: Slots) -> bool:
        """Say whether some run with these slots, and no other, ends in the condition."""
        if present not in self.answers:
            if time.perf_counter() > self.deadline:
                raise GaveUp(f"the time was spent on {self.queries} queries")
            self.queries += 1
            self.answers[present] = self._ask(present)
        return self.answers[present]

    def _ask(self, present: Slots) -> bool:
        if self.solver is None:
            return self._explored(present).answer is Answer.ALLOWED
        assumed = [each if slot in present else z3.Not(each) for slot, each in self.present.items()]
        found = self.solver.check(*assumed)
        if found == z3.unknown:
            raise GaveUp(f"Z3 gave up: {self.solver.reason_unknown()}")
        return bool(found == z3.sat)

    def _explored(self, present: Slots, budget: Budget | None = None) -> Explored:
        program = self.program.without(frozenset(self.slots) - present)
        explored = explore(program, self.condition, self.profile, self.matrix, budget)
        if explored.answer is Answer.UNKNOWN:
            raise GaveUp(explored.reason)
        return explored

    def run(self, present: Slots) -> Run | None:
        """Return a run into the condition with these slots, confirmed on the definition."""
        program = self.program.without(frozenset(self.slots) - present)
        explored = self._explored(present)
        if explored.answer is not Answer.ALLOWED:
            raise AssertionError("Z3 and the explorer disagree about an ablated program")
        return replay(program, self.condition, self.profile, self.matrix, explored.schedule)

    def bound(self, present: Slots) -> str:
        """Return in what sense the condition is unreachable with these slots, asking the other engine too."""
        try:
            explored = self._explored(present, Budget(200_000, 10.0))
        except GaveUp:
            return "all runs, by Z3 on timestamps"
        if explored.answer is Answer.ALLOWED:
            raise AssertionError("Z3 and the explorer disagree about an ablated program")
        return f"all runs, {explored.states} states" + (", and Z3 on timestamps" if self.solver is not None else "")
