"""One joint example: a workload and a schedule, run by the native build, beside it by the model, and judged.

Three comparisons are made of each example. *Lockstep*: the model takes the same steps and does the same operations on
the same states. *Contract*: what happened in either keeps every promise. *Spec*: every step that the native build
labels is one that the spec accepts where it stands; the spec leaves much open, so nothing is compared with one
expected answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from fencepost.model.explorer.monitor.run import REFINEMENT, SINGLE_WRITER
from fencepost.model.explorer.pipeline import violation_at_end, watch_of
from fencepost.model.explorer.search.schedule import Schedule
from fencepost.model.explorer.states.monitor import Violation
from fencepost.model.explorer.states.system import System
from fencepost.model.memory import MATRIX, PROFILE, matrix, profile
from fencepost.model.memory.lines import Lines
from fencepost.model.programs.layout import ISSUED
from fencepost.model.programs.pipeline import Design, Scenario, threads_of, written_words
from fencepost.native import _core
from fencepost.native.schedules.lockstep import Comparison, Difference
from fencepost.native.schedules.pipeline import ACTIONS, Mutant, Watching, addresses_of, native_pipeline
from fencepost.native.schedules.stepped import Names, learn, rows_of, schedule_of
from fencepost.native.sequencers import AttemptOutcome

__all__ = ["HAPPENINGS", "LOCKSTEP", "SPEC", "Failure", "Hints", "JointExample", "JointRun", "Picks", "run_joint"]

LOCKSTEP, SPEC = "lockstep", "spec"
"""What is reported in the place of a promise of the contract when the other two comparisons fail."""

BOTH = "model and native"

LATER, DUPLICATE = int(AttemptOutcome.LATER), int(AttemptOutcome.DUPLICATE)

HAPPENINGS = ("parked batch", "duplicate", "wrap", "contended claim", "stale line")
"""What an example may hold; a check in which none of them happened has shown little."""

STEPS_MOST = 400
Picks = tuple[tuple[int, int], ...]
Hints = tuple[tuple[int, bool, int], ...]


@dataclass(frozen=True)
class JointExample:
    """A workload and a schedule. Each pick is (so many plain steps, then this choice among the others).

    Plainest is to go on with the same thread and to let no cache do what it need not do; with all picks taken, the run
    goes on like that to its end. `hints` are steps of another run, taken before that as far as there are steps like
    them; each is (thread, whether it drains an entry of its buffer, choice as the native build has it).
    """

    scenario: Scenario
    picks: Picks = ()
    hints: Hints = ()


@dataclass(frozen=True)
class Failure:
    """What one comparison of an example objected to, after which step of the schedule."""

    property: str
    sentence: str
    step: int
    sides: str = "native"

    def is_of_the_design(self) -> bool:
        """Say whether the model breaks the same promise by the same steps."""
        return self.property != LOCKSTEP and self.sides == BOTH

    def __str__(self) -> str:
        return f"{self.property}, {self.sides}, step {self.step}: {self.sentence}"


@dataclass(frozen=True)
class JointRun:
    """What came of a joint example; `schedule` ends with the step of the first failure, if there is one."""

    example: JointExample
    failures: tuple[Failure, ...]
    schedule: Schedule
    hints: Hints  # the same, for other runs
    lines: Lines | None
    steps: int
    operations: int
    happened: frozenset[str]

    @property
    def failure(self) -> Failure | None:
        """The first failure."""
        return self.failures[0] if self.failures else None


def run_joint(
    design: Design,
    example: JointExample,
    profile_name: str = PROFILE,
    matrix_name: str = MATRIX,
    *,
    mutant: Mutant = Mutant.NONE,
    native: Any = _core,
    steps_most: int = STEPS_MOST,
) -> JointRun:
    """Run an example and make the three comparisons.

    `native` is a compiled module with the stepped part of `_core`; `mutant` builds one of its faults in. Raises
    InputError for what the stepped build does not support.
    """
    return _Joint(design, example, profile_name, matrix_name, mutant, native).run(steps_most)


class _Joint:
    """One example in both, with one watch: what it makes of a step it makes of the same step of either."""

    def __init__(
        self, design: Design, example: JointExample, profile_name: str, matrix_name: str, mutant: Mutant, native: Any
    ) -> None:
        self.design, self.example, self.scenario, self.native = design, example, example.scenario, native
        self.profile, self.matrix = profile(profile_name), matrix(matrix_name)
        self.watch = watch_of(design, self.scenario)
        self.watching = Watching(self.watch, key=id)
        self.pipeline, self.names = native_pipeline(
            design, self.scenario, self.profile, self.matrix,
            mutant=mutant, judge=self.watching.judge(native), native=native,
        )  # fmt: skip
        self.watching.addresses = addresses_of(self.names)

    def run(self, steps_most: int) -> JointRun:
        try:
            fields = self.pipeline.pick(
                hints=list(self.example.hints), picks=list(self.example.picks), steps_most=steps_most, interval=0
            )
        except self.native.Refused as refused:
            refusal = Failure(LOCKSTEP, f"the native build refuses to go on: {refused}", 0)
            return JointRun(self.example, (refusal,), (), (), None, 0, 0, frozenset())
        made = Comparison(self.model, self.names, fields)
        difference, state_differs = made.through()
        if difference is not None and state_differs:
            difference = self._first_difference(fields) or difference
        failures = tuple(self._failures(made, fields, difference))
        happened = frozenset(happenings(fields, self.design, self.scenario, self.names))
        schedule = made.schedule[: failures[0].step] if failures else made.schedule
        operations = len(fields["acts"])
        hints = tuple((thread, number >= 0, bits) for thread, number, bits in fields["schedule"][: len(schedule)])
        return JointRun(
            self.example, failures, schedule, hints, made.system.lines, len(made.schedule), operations, happened
        )

    def model(self, lines: list[tuple[int, int, int]]) -> System:
        """Return the model, watched, with what the native build learned of lines."""
        threads, words = threads_of(self.design, self.scenario), written_words(self.design, self.scenario)
        system = System(threads, self.profile, self.matrix, words=words, watch=self.watch)
        learn(system, lines, self.names)
        return system

    def _first_difference(self, fields: _core.PickedFields) -> Difference | None:
        """Make the run again, comparing states after each step."""
        schedule = schedule_of(fields["schedule"], self.names.hosts)
        again = self.pipeline.follow(rows_of(schedule, self.names.hosts), interval=1)
        return Comparison(self.model, self.names, again).through()[0]

    def _failures(
        self, made: Comparison, fields: _core.PickedFields, difference: Difference | None
    ) -> Iterator[Failure]:
        natively = self._wrong_in_native(fields)
        last = len(fields["schedule"])
        if difference is not None:
            sentence = f"{difference.thread}: the model {difference.model}, the native build {difference.native}"
            yield Failure(LOCKSTEP, sentence, difference.step, BOTH)
            if natively is not None:
                yield _judged(natively, last, "native")
            return
        assert made.state is not None
        violation = made.state.watch.violation
        if violation is None and fields["ended"]:
            violation = violation_at_end(made.system, made.state)
        if (violation is None) != (natively is None):
            words = [each.property if each else "nothing" for each in (violation, natively)]
            sentence = f"the model's run breaks {words[0]}, the native one {words[1]}, by the same steps"
            yield Failure(LOCKSTEP, sentence, last, BOTH)
        if violation is not None:
            yield _judged(violation, last, BOTH)

    def _wrong_in_native(self, fields: _core.PickedFields) -> Violation | None:
        """Return what the native run breaks, by its own steps and its own memory."""
        watch = self.watching.watch(fields["watch"])
        if watch.violation is None and fields["has_two_writers"]:
            return Violation(SINGLE_WRITER, "two hosts stored to one line")
        if watch.violation is not None or not fields["ended"]:
            return watch.violation
        found = watch.at_end(lambda address: fields["issued"] if address == ISSUED else 0)
        if found is None and fields["waiting"] >= 0:
            found = Violation("drained", f"thread {fields['waiting']} waits for ever")
        return found


def _judged(violation: Violation, step: int, sides: str) -> Failure:
    property = SPEC if violation.property == REFINEMENT else violation.property
    return Failure(property, violation.sentence, step, sides)


# --- what happened ---

_ACTION_NUMBERS = {name: number for number, (name, _) in enumerate(ACTIONS)}
_THREAD, _KIND, _LINE, _WORD, _VALUE, _RESULT, _ACTION, _ARGUMENTS = 1, 2, 3, 4, 5, 8, 10, 12
_LOAD, _COMPARE_EXCHANGE, _LOCK, _ATTEMPTED, _STORE_DRAINS = 0, 3, 6, 18, 100


def happenings(fields: _core.PickedFields, design: Design, scenario: Scenario, names: Names) -> Iterator[str]:
    """Yield what an example held, as the native run has it."""
    acts = fields["acts"]
    actions = set(acts[:, _ACTION].tolist())
    if _ACTION_NUMBERS["park"] in actions or (design.name == "order4.owner" and _is_parked_by_owner(acts)):
        yield "parked batch"
    if design.level == 5:  # where it is ordered like any other
        if _sends_again(scenario):
            yield "duplicate"
    elif actions & {_ACTION_NUMBERS["drop"], _ACTION_NUMBERS["discard"]}:
        yield "duplicate"
    written = acts[acts[:, _ACTION] == _ACTION_NUMBERS["overwrite"]]
    if np.any(written[:, _ARGUMENTS + 3] >= scenario.slots):
        yield "wrap"
    if _is_contended(acts, names, has_busy_bit=design.name == "order4.claim"):
        yield "contended claim"
    if fields["stale_count"]:
        yield "stale line"


def _is_parked_by_owner(acts: Any) -> bool:
    """Say whether an attempt was answered "later", and not for the copy of a batch, which is dropped.

    Who owns a client parks its batches in memory of its own: there is no step of the spec that would say so.
    """
    answers = acts[acts[:, _KIND] == _ATTEMPTED, _VALUE]
    dropped_count = int(np.isin(acts[:, _ACTION], (_ACTION_NUMBERS["drop"], _ACTION_NUMBERS["discard"])).sum())
    later_count, duplicate_count = (int((answers == each).sum()) for each in (LATER, DUPLICATE))
    return later_count > dropped_count - duplicate_count


def _sends_again(scenario: Scenario) -> bool:
    sent = [(batch.client, batch.seq) for ring in (*scenario.rings, *scenario.later) for batch in ring]
    return scenario.restarts or len(set(sent)) < len(sent)


def _is_contended(acts: Any, names: Names, *, has_busy_bit: bool) -> bool:
    """Say whether a scanner came upon another at work on the same client, or on the same lock."""
    exchanges = acts[acts[:, _KIND] == _COMPARE_EXCHANGE]
    if np.any(exchanges[:, _RESULT] != exchanges[:, _VALUE]):
        return True
    words = np.isin(acts[:, _LINE], _numbers_of(("next",), names)) & (acts[:, _WORD] == 0)
    loads = acts[words & (acts[:, _KIND] == _LOAD)]
    if has_busy_bit and np.any(loads[:, _RESULT] & 1):
        return True
    taking = np.flatnonzero(acts[:, _KIND] == _LOCK)
    if len(taking) < 2:
        return False
    touching = np.isin(acts[:, _LINE], _numbers_of(("lock", "shard"), names)) & np.isin(
        acts[:, _KIND], (_LOCK, _STORE_DRAINS)
    )
    for thread in set(acts[taking, _THREAD].tolist()):
        mine = np.flatnonzero(acts[:, _THREAD] == thread)
        for before, at in pairwise(mine):
            between = touching[before + 1 : at]
            if acts[at, _KIND] == _LOCK and between.any():
                return True
    return False


def _numbers_of(kinds: tuple[str, ...], names: Names) -> list[int]:
    return [number for number, line in enumerate(names.lines) if line[0] in kinds]
