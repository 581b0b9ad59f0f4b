"""Which marked flush or fence of a program of one's own is load-bearing: all minimal sufficient sets of them.

The search is that of litmus programs (`ablation.py`); here the explorer says whether a set suffices, by all runs with
it. Operations are known by where they stand, so that one in a loop is one. One that no run with all of them meets is
never left out.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.explorer.search.exploration import Explored, Limits, explore
from fencepost.model.explorer.subjects import program as subject_of
from fencepost.model.memory import MATRIX, PROFILE, profile
from fencepost.model.own import program_of
from fencepost.model.programs.users.insertions import Insertions
from fencepost.model.programs.users.own import Mark, Program
from fencepost.proofs.timestamps.ablation import Role, minimal_sets, role_of
from fencepost.proofs.timestamps.encoding import Slot
from fencepost.proofs.timestamps.oracle import SECONDS_BUDGET, GaveUp
from fencepost.proofs.timestamps.repair import Repair, repair


@dataclass(frozen=True)
class AblatedMark:
    """One marked operation; a required one comes with the violating run that happens without it."""

    mark: Mark
    text: str
    role: Role
    bound: str
    explored: Explored | None = None


@dataclass(frozen=True)
class ProgramAblation:
    """What is known of the marked operations of a program.

    `minimal` are all minimal sufficient sets; none where all of them together do not suffice, and then `explored` is
    the run that is violated with all of them. Where nothing is marked, it is the run of the program as it stands. In
    both cases `repair` says what mends it.
    """

    program: Program
    profile: str
    matrix: str
    verdict: Verdict
    marks: tuple[AblatedMark, ...]
    minimal: tuple[frozenset[Mark], ...]
    queries: int
    seconds: float
    bound: str
    explored: Explored | None = None
    reason: str = ""  # of unknown
    repair: Repair | None = None  # of a program that is wrong with all that is marked


class ProgramOracle:
    """Says whether some run of a program is violated with some of its marked operations, by exploring it."""

    def __init__(self, program: Program, profile_name: str, matrix_name: str, seconds: float) -> None:
        self.program, self.profile, self.matrix = program, profile_name, matrix_name
        self.deadline = time.perf_counter() + seconds
        self.marks: list[Mark] = []
        self.answers: dict[frozenset[Slot], Explored] = {}

    @property
    def queries(self) -> int:
        return len(self.answers)

    def meet(self) -> Explored:
        """Explore the program as it stands, and learn its marked operations."""
        met: set[Mark] = set()
        explored = self._explored(frozenset(), met)
        self.marks = sorted(met)
        self.answers[frozenset(self.slots)] = explored
        return explored

    @property
    def slots(self) -> list[Slot]:
        return [(0, number) for number in range(len(self.marks))]

    def marked(self, slots: frozenset[Slot]) -> frozenset[Mark]:
        return frozenset(self.marks[number] for _, number in slots)

    def reachable(self, present: frozenset[Slot]) -> bool:
        """Say whether some run with these, and no other, is violated."""
        if present not in self.answers:
            without = frozenset(self.marks) - self.marked(present)
            self.answers[present] = self._explored(without, None)
        return self.answers[present].verdict is Verdict.VIOLATED

    def _explored(self, without: frozenset[Mark], met: set[Mark] | None) -> Explored:
        left = self.deadline - time.perf_counter()
        if left <= 0:
            raise GaveUp(f"the time was spent on {self.queries} sets")
        explored = explore(subject_of(self.program, self.profile, self.matrix, without, met), limits=Limits(left))
        if explored.verdict not in (Verdict.VIOLATED, Verdict.EXHAUSTED):
            raise GaveUp(f"{explored.bound}: {explored.reason}")
        return explored


class InsertionOracle:
    """Says whether some run of a program is violated with some flushes and fences inserted, by exploring it."""

    def __init__(self, program: Program, profile_name: str, matrix_name: str, deadline: float) -> None:
        self.program, self.profile, self.matrix, self.deadline = program, profile_name, matrix_name, deadline
        self.answers: dict[frozenset[Slot], bool] = {}
        everything = Insertions(None, is_one_host=self._is_one_host)
        violated = self._violated(everything)
        offered = sorted(everything.offered, key=lambda each: ("full_fence" in each.text, each))
        self.insertions = {(0, number): each for number, each in enumerate(offered)}
        self.answers[frozenset(self.insertions)] = violated

    @property
    def _is_one_host(self) -> bool:
        return self.program.is_one_host or profile(self.profile).one_host

    def reachable(self, present: frozenset[Slot]) -> bool:
        """Say whether some run with these insertions, and no other, is violated."""
        if present not in self.answers:
            chosen = frozenset(self.insertions[slot] for slot in present)
            self.answers[present] = self._violated(Insertions(chosen, is_one_host=self._is_one_host))
        return self.answers[present]

    def _violated(self, insertions: Insertions) -> bool:
        left = self.deadline - time.perf_counter()
        if left <= 0:
            raise GaveUp(f"the time was spent on {len(self.answers)} sets")
        subject = subject_of(self.program, self.profile, self.matrix, insertions=insertions)
        explored = explore(subject, limits=Limits(left))
        if explored.verdict not in (Verdict.VIOLATED, Verdict.EXHAUSTED):
            raise GaveUp(f"{explored.bound}: {explored.reason}")
        return explored.verdict is Verdict.VIOLATED


def ablate_program(
    target: Program | str | Path,
    profile_name: str = PROFILE,
    matrix_name: str = MATRIX,
    seconds: float = SECONDS_BUDGET,
) -> ProgramAblation:
    """Return what each marked operation is to a program, within a budget of seconds for all sets together.

    The target is a program, FILE.py or FILE.py:name. Of a program that is wrong with all that is marked, or in which
    nothing is, the fewest flushes and fences are said that mend it when they are inserted. Raises InputError for a
    right one without marks, and for a profile without evictions: there adding a flush can add runs.
    """
    if not profile(profile_name).evict:
        raise InputError(
            f"profile {profile_name} has no evictions, so that adding a flush can add outcomes: choose another"
        )
    program = program_of(target)
    began = time.perf_counter()
    oracle = ProgramOracle(program, profile_name, matrix_name, seconds)

    def ablation(verdict: Verdict, *, bound: str = "", **known: object) -> ProgramAblation:
        spent = time.perf_counter() - began
        parts = {"marks": (), "minimal": (), "explored": None, **known}
        return ProgramAblation(
            program, profile_name, matrix_name, verdict, queries=oracle.queries, seconds=spent, bound=bound,
            **parts,  # type: ignore[arg-type]  # as they are named
        )  # fmt: skip

    try:
        explored = oracle.meet()
        if not oracle.marks and explored.verdict is not Verdict.VIOLATED:
            raise InputError(
                f"{program.name}: no operation is marked, and nothing is wrong: write yield optional(flush(address))"
                " where one is in question"
            )
        if not oracle.marks:
            return ablation(Verdict.VIOLATED, bound=explored.bound, explored=explored, **_repaired(oracle))
        if explored.verdict is Verdict.VIOLATED:
            powerless = tuple(
                AblatedMark(mark, text, Role.POWERLESS, "no set suffices")
                for mark, text in zip(oracle.marks, _texts(oracle.marks), strict=True)
            )
            return ablation(
                Verdict.VIOLATED, bound="all sets, by their union", explored=explored, marks=powerless,
                **_repaired(oracle),
            )  # fmt: skip
        minimal = minimal_sets(oracle, oracle.slots)
        marks = tuple(
            _ablated(oracle, slot, text, minimal) for slot, text in zip(oracle.slots, _texts(oracle.marks), strict=True)
        )
    except GaveUp as reason:
        return ablation(Verdict.UNKNOWN, reason=str(reason))
    bound = f"all {2 ** len(marks)} sets of {len(marks)} marked operations, {oracle.queries} explored"
    return ablation(Verdict.EXHAUSTED, bound=bound, marks=marks, minimal=tuple(map(oracle.marked, minimal)))


def _repaired(oracle: ProgramOracle) -> dict[str, Repair | str]:
    """Return what mends a program that is wrong with all its marked operations, or why that is not known."""
    try:
        inserting = InsertionOracle(oracle.program, oracle.profile, oracle.matrix, oracle.deadline)
        texts = {slot: each.text for slot, each in inserting.insertions.items()}
        return {"repair": repair(inserting, texts)}
    except GaveUp as reason:
        return {"reason": f"whether flushes and fences mend it is not known: {reason}"}


def _ablated(oracle: ProgramOracle, slot: Slot, text: str, minimal: tuple[frozenset[Slot], ...]) -> AblatedMark:
    mark, role = oracle.marks[slot[1]], role_of(slot, minimal)
    everything = frozenset(oracle.slots)
    if role is Role.REQUIRED:
        assert oracle.reachable(everything - {slot})
        explored = oracle.answers[everything - {slot}]
        return AblatedMark(mark, text, role, "a run without it, all others present", explored)
    smallest = next(each for each in minimal if slot not in each)
    return AblatedMark(mark, text, role, oracle.answers[smallest].bound)


def _texts(marks: list[Mark]) -> list[str]:
    """Return marked operations in words, those numbered that stand in one line."""
    texts = [mark.text for mark in marks]
    return [
        text if texts.count(text) == 1 else f"{text} #{texts[: number + 1].count(text)}"
        for number, text in enumerate(texts)
    ]
