"""Which flush, fence or invalidation of a program is load-bearing: all minimal sufficient sets of its optional slots.

Safety asks that `bad` be unreachable, freshness that `stale` be. While evictions are on, adding a flush or a fence
never adds an outcome (tests/memory/test_litmus_laws.py), so what suffices still suffices with more, and
the sufficient sets are known by the minimal ones. They are enumerated as MARCO does (Liffiton et al., Constraints
2016): a SAT map of what
is still open proposes a set; an insufficient one is grown to a maximal, which blocks all its subsets and is one set to
be hit; a sufficient one is shrunk to a minimal, which blocks all its supersets.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import StrEnum

import z3

from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError, Interrupted
from fencepost.model.litmus import Condition, LitmusTest
from fencepost.model.litmus.witness import Run
from fencepost.model.memory import Matrix, Op, Profile
from fencepost.model.memory.program import LOCKED, STORES
from fencepost.proofs.interruptible import Solver
from fencepost.proofs.timestamps.encoding import Slot
from fencepost.proofs.timestamps.insertion import with_insertions
from fencepost.proofs.timestamps.oracle import SECONDS_BUDGET, GaveUp, Oracle, Reaching, Slots
from fencepost.proofs.timestamps.repair import Repair, repair


class Role(StrEnum):
    """What a slot is to a promise."""

    REQUIRED = "required"  # in every sufficient set
    ALTERNATIVE = "alternative"  # in some minimal sufficient sets, not in all
    REDUNDANT = "redundant"  # in no minimal sufficient set
    POWERLESS = "powerless"  # no set suffices


@dataclass(frozen=True)
class Ablated:
    """One slot. A required one comes with a run that happens without it; any other with the bound of its verdict."""

    slot: Slot
    text: str
    role: Role
    run: Run | None
    bound: str


@dataclass(frozen=True)
class Move:
    """A store that, moved behind a later instruction, lets some set suffice; `minimal` are those sets then."""

    store: Slot
    behind: Slot
    text: str
    minimal: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Ablation:
    """What is known of one promise, `safety` or `freshness`, of one program.

    `minimal` are all minimal sufficient sets; none when even all slots together do not suffice, and then `run` is what
    happens with all of them and `moves` are the stores whose move would help.
    """

    promise: str
    condition: str
    verdict: Verdict
    slots: tuple[Ablated, ...]
    minimal: tuple[Slots, ...]
    queries: int
    seconds: float
    bound: str
    run: Run | None = None
    moves: tuple[Move, ...] = ()
    reason: str = ""  # of unknown
    crash: str = ""  # when hosts crash, where they may
    repair: Repair | None = None  # of a program that is wrong with all that is marked


def ablate(test: LitmusTest, profile: Profile, matrix: Matrix, *, seconds: float = SECONDS_BUDGET) -> list[Ablation]:
    """Return what each optional slot of a test is to its safety and, where it says what is stale, to its freshness.

    Under a crash profile a test with a CRASH of its own is asked about twice: with a crash at any moment, and there.
    Of a test that is wrong with all of them, or has none, the least flushes and fences are said that mend it when they
    are inserted.
    Raises InputError for a right one without them, and Interrupted with the promises that are done.
    """
    if not profile.evict:
        raise InputError(
            f"profile {profile.name} has no evictions, so that adding a flush can add outcomes: choose another"
        )
    slots = test.slots()
    _check_optional(test)
    promises = [("safety", test.bad)] + ([("freshness", test.stale)] if test.stale is not None else [])
    found: list[Ablation] = []
    try:
        for asked, crash in test.crash_questions(profile):
            for name, condition in promises:
                made = (_promise if slots else _repaired)(asked, name, condition, profile, matrix, seconds)
                found.append(replace(made, crash=crash))
    except KeyboardInterrupt:
        raise Interrupted(found) from None
    if not slots and all(each.verdict.passes for each in found):
        raise InputError(
            f"{test.path}: no optional slot, and nothing is wrong; mark an instruction with `?`, such as `FO d?`"
        )
    return found


def _repaired(
    test: LitmusTest, name: str, condition: Condition, profile: Profile, matrix: Matrix, seconds_most: float
) -> Ablation:
    """Return what mends a test without slots, where it is wrong."""
    began = time.perf_counter()
    program, texts = with_insertions(test, profile)
    oracle = Oracle(program, condition, profile, matrix, list(texts), seconds_most)
    made, run, bound = None, None, "the program as it is"
    try:
        if not oracle.reachable(frozenset()):
            verdict, bound = Verdict.EXHAUSTED, oracle.bound(frozenset())
        else:
            verdict, run = Verdict.VIOLATED, oracle.run(frozenset())
            made = repair(oracle, texts)
    except GaveUp as reason:
        seconds = time.perf_counter() - began
        return Ablation(
            name, condition.text, Verdict.VIOLATED if run else Verdict.UNKNOWN, (), (), oracle.queries, seconds,
            bound, run, reason=str(reason),
        )  # fmt: skip
    seconds = time.perf_counter() - began
    return Ablation(name, condition.text, verdict, (), (), oracle.queries, seconds, bound, run, repair=made)


def _beyond_the_marked(
    test: LitmusTest, condition: Condition, profile: Profile, matrix: Matrix, seconds: float
) -> tuple[Repair | None, str]:
    """Return what mends a test that is wrong with all its slots, or in words that this is not known."""
    program, texts = with_insertions(test, profile)
    try:
        return repair(Oracle(program, condition, profile, matrix, list(texts), max(seconds, 1.0)), texts), ""
    except GaveUp as reason:
        return None, f"; whether insertions beside them mend it is not known: {reason}"


def _check_optional(test: LitmusTest) -> None:
    """An atomic may be optional as a fence: on a word that no other thread names, with a result that nothing uses."""
    for thread, index in test.slots():
        each = test.program.threads[thread].instructions[index]
        if each.op not in LOCKED:
            continue
        others = (
            other
            for t, code in enumerate(test.program.threads)
            for i, other in enumerate(code.instructions)
            if (t, i) != (thread, index)
        )
        atoms = [*test.bad.atoms, *(test.stale.atoms if test.stale is not None else ())]
        used = (
            register
            for other in test.program.threads[thread].instructions
            for register in (
                other.value.register,
                other.second.register,
                other.register if other.op is Op.IFEQ else -1,
            )
        )
        if (
            any(other.line == each.line for other in others)
            or each.register in used
            or any(
                (atom.thread, atom.register) == (thread, each.register) or (atom.thread < 0 and atom.line == each.line)
                for atom in atoms
            )
        ):
            where = f"{test.path}:{each.row}:{each.column}"
            raise InputError(f"{where}: {each.text} cannot be optional: its word or result is used elsewhere")


def _promise(
    test: LitmusTest, name: str, condition: Condition, profile: Profile, matrix: Matrix, seconds_most: float
) -> Ablation:
    began = time.perf_counter()
    slots = test.slots()
    everything = frozenset(slots)
    oracle = Oracle(test.program, condition, profile, matrix, slots, seconds_most)
    try:
        if oracle.reachable(everything):
            moves = _moves(test, condition, profile, matrix)
            ablated = tuple(Ablated(s, _text(test, s), Role.POWERLESS, None, "no set of slots suffices") for s in slots)
            seconds = time.perf_counter() - began
            bound = f"all {2 ** len(slots)} sets, by their union"
            run = oracle.run(everything)
            made, why_not = _beyond_the_marked(test, condition, profile, matrix, seconds_most - seconds)
            return Ablation(
                name, condition.text, Verdict.VIOLATED, ablated, (), oracle.queries, seconds, bound + why_not, run,
                moves, repair=made,
            )  # fmt: skip
        minimal = minimal_sets(oracle, slots)
        ablated = tuple(_ablated(test, oracle, slot, minimal) for slot in slots)
    except GaveUp as reason:
        seconds = time.perf_counter() - began
        return Ablation(name, condition.text, Verdict.UNKNOWN, (), (), oracle.queries, seconds, "", reason=str(reason))
    seconds = time.perf_counter() - began
    bound = f"all {2 ** len(slots)} sets of {len(slots)} slots, {oracle.queries} queries"
    return Ablation(name, condition.text, Verdict.EXHAUSTED, ablated, minimal, oracle.queries, seconds, bound)


def _ablated(test: LitmusTest, oracle: Oracle, slot: Slot, minimal: tuple[Slots, ...]) -> Ablated:
    everything = frozenset(oracle.slots)
    role = role_of(slot, minimal)
    if role is Role.REQUIRED:
        run = oracle.run(everything - {slot})
        return Ablated(slot, _text(test, slot), role, run, "a run without it, all other slots present")
    smallest = next(each for each in minimal if slot not in each)
    return Ablated(slot, _text(test, slot), role, None, oracle.bound(smallest))


def role_of(slot: Slot, minimal: tuple[Slots, ...]) -> Role:
    """Return what a slot is where these are all minimal sufficient sets."""
    inside = [slot in each for each in minimal]
    if all(inside):
        return Role.REQUIRED
    return Role.ALTERNATIVE if any(inside) else Role.REDUNDANT


def minimal_sets(oracle: Reaching, slots: list[Slot]) -> tuple[Slots, ...]:
    """Enumerate all minimal sufficient sets, smallest first."""
    chosen = {slot: z3.Bool(f"in {slot[0]}.{slot[1]}") for slot in slots}
    still_open = Solver()
    minimal: list[Slots] = []
    while still_open.check() == z3.sat:
        model = still_open.model()
        seed = frozenset(slot for slot in slots if z3.is_true(model.eval(chosen[slot], model_completion=True)))
        if oracle.reachable(seed):
            for slot in slots:
                if slot not in seed and oracle.reachable(seed | {slot}):
                    seed |= {slot}
            still_open.add(z3.Or(*(chosen[slot] for slot in slots if slot not in seed)))
        else:
            for slot in slots:
                if slot in seed and not oracle.reachable(seed - {slot}):
                    seed -= {slot}
            minimal.append(seed)
            still_open.add(z3.Or(*(z3.Not(chosen[slot]) for slot in seed)))
    return tuple(sorted(minimal, key=lambda each: (len(each), sorted(each))))


def _moves(test: LitmusTest, condition: Condition, profile: Profile, matrix: Matrix) -> tuple[Move, ...]:
    """Return the shortest move of each single store that lets the slots suffice. Threads with jumps are left alone."""
    moves = []
    for number, thread in enumerate(test.program.threads):
        code = thread.instructions
        if any(each.op in (Op.IFEQ, Op.CRASH) for each in code):
            continue
        for index, store in enumerate(code):
            if store.op not in STORES - {Op.MRMW} or store.optional:
                continue
            for target in range(index + 1, len(code)):
                if code[target].line == store.line and code[target].op in (*STORES, Op.R):
                    break  # never past another access of its own line: that would be another program
                moved = (*code[:index], *code[index + 1 : target + 1], store, *code[target + 1 :])
                changed = replace(
                    test,
                    program=replace(
                        test.program,
                        threads=tuple(
                            replace(thread, instructions=moved) if at == number else each
                            for at, each in enumerate(test.program.threads)
                        ),
                    ),
                )
                oracle = Oracle(changed.program, condition, profile, matrix, changed.slots())
                if not oracle.reachable(frozenset(changed.slots())):
                    sets = tuple(
                        tuple(_text(changed, slot) for slot in sorted(each))
                        for each in minimal_sets(oracle, changed.slots())
                    )
                    text = f"move `{store.text}` behind `{code[target].text}` ({target - index} instructions later)"
                    moves.append(Move((number, index), (number, target), text, sets))
                    break
    return tuple(moves)


def _text(test: LitmusTest, slot: Slot) -> str:
    """Return a slot as people name it: its instruction, and what it stands behind and before."""
    code = test.program.threads[slot[0]].instructions
    same = [i for i, each in enumerate(code) if each.text == code[slot[1]].text]
    which = f" #{same.index(slot[1]) + 1}" if len(same) > 1 else ""
    return f"{slot[0]}: {code[slot[1]].text}{which}"
