"""Two sides of one setting compared, and one side with itself: timed in turn in one run, judged by intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from fencepost.bench.machines.machine import hardware, load
from fencepost.bench.measured_paths import mostly_disturbed
from fencepost.bench.paths import SIDES, UNSOUND_SIDES
from fencepost.bench.report import BenchReport, difference_json, figure_json, verdict_json
from fencepost.bench.statistics.change import Change, Condition, change_of, in_words, parsed_conditions
from fencepost.bench.statistics.figures import CONFIDENCE, Figure, figure
from fencepost.bench.statistics.spread import ITERATIONS_MIN, METRICS, check_iterations
from fencepost.model.contract import Verdict, worst
from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.report import Finding
from fencepost.native.measuring import REPETITIONS_MAX, SettingTimes, measure_setting

ITERATIONS_DEFAULT = 20
PAIRS_MIN, PAIRS_DEFAULT = 20, 200

Progress = Callable[[str], None] | None


@dataclass(frozen=True, repr=False)
class Comparison(BenchReport):
    """Two sides, timed in turn in one run, and how far each metric differs. `judged` has each condition's verdict."""

    setting: str
    sides: tuple[Figure, Figure]
    changes: tuple[Change, ...]
    judged: tuple[tuple[Condition, Verdict], ...]
    disturbed_count: int
    undecided: str  # why nothing is decided, or empty

    @property
    def verdict(self) -> Verdict:
        """Violated where a condition fails, unknown where one is open or most was disturbed, else not found."""
        if self.undecided:
            return Verdict.UNKNOWN
        return worst([Verdict.NOT_FOUND, *(verdict for _, verdict in self.judged)])

    @property
    def unsound(self) -> dict[str, str]:
        """The sides whose policy is refuted, with the command that does it: neither is ever the better one."""
        return {side.metric: UNSOUND_SIDES[side.metric] for side in self.sides if side.metric in UNSOUND_SIDES}

    def __getitem__(self, metric: str) -> Change:
        return next(change for change in self.changes if change.metric == metric)

    def found(self) -> Iterator[Finding]:
        """Yield the conditions that were asked about."""
        names = " and ".join(side.metric for side in self.sides)
        for condition, verdict in self.judged:
            judged = Verdict.UNKNOWN if self.undecided else verdict
            change = self[condition.metric]
            bound = in_words(change.change, change.low, change.high)
            yield Finding(names, condition.text, "native", judged, bound=bound, explanation=self.undecided)

    def items(self) -> list[dict[str, Any]]:
        """Return an item a metric."""
        return [self._item(change) for change in self.changes]

    def _item(self, change: Change) -> dict[str, Any]:
        judged = {condition.text: verdict for condition, verdict in self.judged if condition.metric == change.metric}
        return {
            **difference_json(change), "setting": self.setting, "sides": [figure_json(side) for side in self.sides],
            "fail": judged, "disturbed": self.disturbed_count, "undecided": self.undecided or None,
            "unsound": self.unsound,
        }  # fmt: skip


def compare(
    first: str,
    second: str,
    *,
    setting: str | None = None,
    fail: Sequence[str] = (),
    repetitions: int = ITERATIONS_DEFAULT,
    quick: bool = False,
    progress: Progress = None,
) -> Comparison:
    """Time two sides of a setting in turn, repetition by repetition, and return how far each metric differs.

        >>> found = fencepost.bench.compare("order4.mutex", "order4.claim", fail=["median>+900%"], quick=True)
        >>> found["median"].n, str(found.verdict)
        (20, 'not found')

    Without a `setting`, the first that has both. `fail` are conditions such as "p99>+5%". Raises InputError for sides
    that no setting has together, fewer than 10 repetitions, an unknown setting, metric or condition, or a setting that
    this machine cannot show.
    """
    conditions = parsed_conditions(fail)
    check_iterations(repetitions)
    name, load_before = setting_of(first, second, setting), load()
    times = _timed(name, repetitions, quick, progress)
    sides = tuple(times.probes[side] for side in (first, second))
    values = [side.values for side in sides]
    disturbed_count = sum(side.disturbed_count for side in sides)
    changes = tuple(change_of(values[0], values[1], metric) for metric in METRICS)
    by_metric = {change.metric: change for change in changes}
    return Comparison(
        name,
        (figure(first, sides[0].unit, values[0]), figure(second, sides[1].unit, values[1])),
        changes,
        tuple((condition, condition.judged(by_metric[condition.metric])) for condition in conditions),
        disturbed_count,
        mostly_disturbed(disturbed_count, repetitions, 2),
        hardware=hardware(load_before),
        quick=quick,
    )


def setting_of(first: str, second: str, setting: str | None = None) -> str:
    """Return the setting that times two sides together: the one that is named, else the first that has both."""
    if setting is not None and setting not in SIDES:
        raise unknown_choice("setting", setting, SIDES)
    known = list(dict.fromkeys(side for sides in SIDES.values() for side in sides))
    for side in (first, second):
        if side not in known:
            raise unknown_choice("side", side, known)
    if first == second:
        raise InputError(f"both sides are {first}: expected two, or `bench aa` for one compared with itself")
    having = [name for name, sides in SIDES.items() if first in sides and second in sides]
    if setting is not None and setting not in having:
        raise InputError(f"setting {setting} times {', '.join(SIDES[setting])}: expected one that has both sides")
    if not having:
        partners = sorted({side for sides in SIDES.values() if first in sides for side in sides} - {first})
        raise InputError(f"{first} and {second} are never timed together: expected {first} with {', '.join(partners)}")
    return setting or having[0]


def _timed(setting: str, repetitions: int, quick: bool, progress: Progress) -> SettingTimes:
    if progress is not None:
        progress(setting.replace("_", " "))
    times = measure_setting(setting, repetitions=repetitions, quick=quick)
    if times.unavailable:
        raise InputError(f"setting {setting} cannot be measured here: {times.unavailable}")
    return times


@dataclass(frozen=True, repr=False)
class SelfComparison(BenchReport):
    """One side compared with itself, again and again: how often a difference was called where there is none."""

    setting: str
    side: str
    metric: str
    pair_count: int
    repetitions: int  # of each of a pair's two sides
    called_count: int
    interval: tuple[float, float]  # of the share, 95 %, Clopper and Pearson
    disturbed_count: int

    SHARE_MAX = 0.07

    @property
    def share(self) -> float:
        """The share of pairs in which a difference was called."""
        return self.called_count / self.pair_count

    @property
    def verdict(self) -> Verdict:
        """Not found up to 7 %; violated where the interval lies above the 5 % that are meant; else unknown."""
        if self.share <= self.SHARE_MAX:
            return Verdict.NOT_FOUND
        return Verdict.VIOLATED if self.interval[0] > 0.05 else Verdict.UNKNOWN

    def found(self) -> Iterator[Finding]:
        """Yield whether the comparison calls differences where there are none."""
        bound = f"{self.called_count} of {self.pair_count} pairs"
        yield Finding(self.side, f"at most {self.SHARE_MAX:.0%} called different", "native", self.verdict, bound=bound)

    def items(self) -> list[dict[str, Any]]:
        """Return the one item, of the share."""
        low, high = self.interval
        item = {
            "metric": "called_different_share", "unit": "share", "value": self.share, "low": low, "high": high,
            "n": self.pair_count, "called": self.called_count, "repetitions": self.repetitions,
            "setting": self.setting, "side": self.side, "of": self.metric, "disturbed": self.disturbed_count,
        }  # fmt: skip
        return [{**verdict_json(self.findings[0]), **item}]


def self_compare(
    side: str = "order4.owner",
    *,
    setting: str = "messages_cached",
    metric: str = "median",
    pairs: int = PAIRS_DEFAULT,
    repetitions: int = ITERATIONS_MIN,
    seed: int = 0,
    quick: bool = False,
    progress: Progress = None,
) -> SelfComparison:
    """Compare a side with itself `pairs` times by the test that `compare` uses, at 5 %.

        >>> fencepost.bench.self_compare(pairs=20, quick=True).pair_count
        20

    Two repetitions that follow each other are a pair, and a coin says which is the first. Raises InputError for a side
    that the setting has not, an unknown metric, fewer than 20 pairs or 10 repetitions.
    """
    check_iterations(repetitions)
    if metric not in METRICS:
        raise unknown_choice("metric", metric, METRICS)
    if setting not in SIDES:
        raise unknown_choice("setting", setting, SIDES)
    if side not in SIDES[setting]:
        raise unknown_choice(f"side of {setting}", side, SIDES[setting])
    most = REPETITIONS_MAX // 2
    if pairs < PAIRS_MIN or repetitions > most:
        expected = f"at least {PAIRS_MIN} pairs, as the share of a few says nothing, and at most {most} repetitions"
        raise InputError(f"{pairs} pairs of {repetitions} repetitions: expected {expected}")
    random, called_count, disturbed_count, load_before = Random(seed), 0, 0, load()
    for values, disturbed in _runs_of(side, setting, pairs, 2 * repetitions, quick, progress):
        disturbed_count += disturbed
        for begin in range(0, len(values), 2 * repetitions):
            called_count += is_called_different(values[begin : begin + 2 * repetitions], metric, random)
    return SelfComparison(
        setting, side, metric, pairs, repetitions, called_count, _share_interval(called_count, pairs), disturbed_count,
        hardware=hardware(load_before), quick=quick, seed=seed,
    )  # fmt: skip


def is_called_different(values: Sequence[float], metric: str, random: Random) -> bool:
    """Say whether repetitions of one side, taken as pairs of neighbours, are called two that differ."""
    pairs = [(values[k], values[k + 1]) for k in range(0, len(values), 2)]
    tossed = [pair if random.random() < 0.5 else pair[::-1] for pair in pairs]
    return change_of([first for first, _ in tossed], [second for _, second in tossed], metric).differs


def _runs_of(
    side: str, setting: str, pairs: int, length: int, quick: bool, progress: Progress
) -> Iterator[tuple[Sequence[float], int]]:
    """Yield repetitions of a side, whole pairs of so many, and how many of them were disturbed."""
    left = pairs
    while left:
        count = min(left, REPETITIONS_MAX // length)
        left -= count
        probe = _timed(setting, count * length, quick, progress).probes[side]
        yield probe.values, probe.disturbed_count


def _share_interval(count: int, total: int) -> tuple[float, float]:
    """Return the interval of a share by Clopper and Pearson, which never holds less than 95 %."""
    from scipy.stats import binomtest

    found = binomtest(count, total).proportion_ci(CONFIDENCE, method="exact")
    return float(found.low), float(found.high)
