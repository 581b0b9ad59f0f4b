"""What publication policies cost, and which of them are sound: no cost is shown without the verdict beside it.

A policy is judged twice. Its native code is run once on a memory that writes each access down, and those accesses are
decided under `ncx`: may a reader see the guard and an old value behind it, may it miss the guard for ever? And `ablate`
says of the same pattern which of its flushes and fences are needed, or that none of their placements suffices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any, NamedTuple

from fencepost.bench.machines.machine import hardware, load
from fencepost.bench.measured_paths import mostly_disturbed
from fencepost.bench.report import BenchReport, figure_json, verdict_json
from fencepost.bench.sides import ITERATIONS_DEFAULT, Progress
from fencepost.bench.statistics.change import Change, change_of
from fencepost.bench.statistics.figures import Figure, figure
from fencepost.bench.statistics.spread import check_iterations
from fencepost.model.contract import Verdict
from fencepost.model.litmus import Answer
from fencepost.model.litmus.idioms import idiom
from fencepost.model.memory import MATRICES, PROFILE, PROFILES
from fencepost.model.report import Finding
from fencepost.native.measuring import SettingTimes, measure_setting
from fencepost.native.recordings import recorded, verdicts
from fencepost.proofs.timestamps.ablation import Role, ablate

WRITE_BACKS = {"clwb": "WB", "clflushopt": "FO"}
"""Instructions that write a line back, and what litmus programs call them."""


class Policy(NamedTuple):
    """One way to publish: what is timed, what its native code is called, and the idiom that `ablate` is asked about."""

    name: str
    setting: str
    probe: str
    native: str
    idiom: str


POLICIES = (
    Policy("per_message", "messages", "per_message", "per_message", "order4-per-message"),
    Policy("per_batch", "messages", "per_batch", "per_batch", "two-phase-batch"),
    Policy("seed", "messages", "seed", "seed", "order5-publish"),
    Policy("single_fence", "publish", "order5.epoch, single_fence", "single_fence", "order5-publish-repaired"),
    Policy("epoch(64)", "publish", "order5.epoch, epoch(64)", "epoch", "publication-8"),
)
WHAT = {"messages": "481 message headers", "publish": "no message headers"}
"""What a setting writes for a batch, besides the batch's own record and guard."""


@dataclass(frozen=True)
class Soundness:
    """Whether a policy may be relied on, and the words for it."""

    is_sound: bool
    native: str
    ablation: str


@dataclass(frozen=True)
class Flushed:
    """A policy with one instruction: what it costs a batch, and what it is worth."""

    policy: Policy
    instruction: str
    figure: Figure
    soundness: Soundness
    disturbed_count: int
    undecided: str


@dataclass(frozen=True)
class Recommendation:
    """Of the sound policies for the same work by the same instruction: the fastest, and its gain over the next."""

    instruction: str
    setting: str
    policy: str
    over: str
    gain: Change


@dataclass(frozen=True, repr=False)
class Flushes(BenchReport):
    """All policies with all instructions; recommendations are of sound policies alone."""

    rows: tuple[Flushed, ...]
    recommendations: tuple[Recommendation, ...]

    @property
    def verdict(self) -> Verdict:
        """Unknown where a figure was mostly disturbed or nothing was measured; costs themselves are no failure."""
        measured = [row for row in self.rows if not row.figure.unavailable]
        is_open = not measured or any(row.undecided for row in measured)
        return Verdict.UNKNOWN if is_open else Verdict.NOT_FOUND

    def found(self) -> Iterator[Finding]:
        """Yield whether each policy may be relied on, once for each instruction."""
        yield from map(_sound_found, self.rows)

    def items(self) -> list[dict[str, Any]]:
        """Return an item a policy and instruction."""
        return [
            {
                **verdict_json(_sound_found(row)), **figure_json(row.figure), "instruction": row.instruction,
                "work": row.policy.setting, "sound": row.soundness.is_sound, "native": row.soundness.native,
                "idiom": row.policy.idiom, "ablation": row.soundness.ablation, "disturbed": row.disturbed_count,
                "undecided": row.undecided or None,
            }
            for row in self.rows
        ]  # fmt: skip


def _sound_found(row: Flushed) -> Finding:
    verdict = Verdict.EXHAUSTED if row.soundness.is_sound else Verdict.VIOLATED
    bound = f"{row.instruction}, native code: {row.soundness.native}; {row.policy.idiom}: {row.soundness.ablation}"
    return Finding(row.policy.name, "sound", "native", verdict, bound=bound)


def flush(*, repetitions: int = ITERATIONS_DEFAULT, quick: bool = False, progress: Progress = None) -> Flushes:
    """Time every policy by every write-back instruction, in turn; InputError for fewer than 10 repetitions.

    >>> sorted({each.target for each in fencepost.bench.flush(quick=True).violations()})
    ['seed']
    """
    check_iterations(repetitions)
    load_before, rows = load(), []
    for instruction in WRITE_BACKS:
        for setting in dict.fromkeys(policy.setting for policy in POLICIES):
            if progress is not None:
                progress(f"{setting} {instruction}")
            times = measure_setting(f"{setting}_{instruction}", repetitions=repetitions, quick=quick)
            rows += [_row(policy, instruction, times) for policy in POLICIES if policy.setting == setting]
    return Flushes(tuple(rows), tuple(recommended(rows)), hardware=hardware(load_before), quick=quick)


def _row(policy: Policy, instruction: str, times: SettingTimes) -> Flushed:
    found = soundness(policy, instruction)
    if times.unavailable:
        return Flushed(policy, instruction, figure(policy.name, "ns", (), times.unavailable), found, 0, "")
    probe = times.probes[policy.probe]
    undecided = mostly_disturbed(probe.disturbed_count, len(probe.values), 1)
    return Flushed(
        policy, instruction, figure(policy.name, probe.unit, probe.values), found, probe.disturbed_count, undecided
    )


@cache
def soundness(policy: Policy, instruction: str) -> Soundness:
    """Decide a policy: by the accesses of its native code, and by ablation of its pattern."""
    decided = verdicts(*recorded(policy.native, 2), write_back=WRITE_BACKS[instruction], profile=PROFILE)
    wrong = [name for name, answer in decided._asdict().items() if answer is not Answer.FORBIDDEN]
    native = "sound" if not wrong else f"may be {' and '.join(wrong)}"
    ablations = ablate(idiom(policy.idiom), PROFILES[PROFILE], MATRICES["sdmC"])
    suffices = all(each.minimal for each in ablations)
    slots = {each.slot for ablation in ablations for each in ablation.slots}
    needed = {each.slot for ablation in ablations for each in ablation.slots if each.role is Role.REQUIRED}
    ablation = f"{len(needed)} of {len(slots)} needed" if suffices else "no placement suffices"
    return Soundness(not wrong and suffices, native, ablation)


def recommended(rows: list[Flushed]) -> Iterator[Recommendation]:
    """Yield the fastest of the sound policies of each kind of work, where it surely differs from the next."""
    for instruction, setting in dict.fromkeys((row.instruction, row.policy.setting) for row in rows):
        usable = [
            row for row in rows
            if (row.instruction, row.policy.setting) == (instruction, setting) and row.soundness.is_sound
            and row.figure.samples and not row.undecided
        ]  # fmt: skip
        ordered = sorted(usable, key=lambda row: median(row.figure.samples))
        if len(ordered) > 1:
            best, other = ordered[:2]
            gain = change_of(other.figure.samples, best.figure.samples, "median")
            if gain.differs:
                yield Recommendation(instruction, setting, best.policy.name, other.policy.name, gain)
