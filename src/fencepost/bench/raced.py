"""Two sequencers raced on the same arrivals, by turns in one run: how far each time differs, and where time goes.

`fencepost simulate A --against B` compares the programs under a clock that is not this machine's; this compares the
native code on it. Each repetition races both, in a drawn order, with the seed of that repetition: the same batches in
the same rings at the same turns of their receivers. A difference is that of pairs, with an interval that is exact
whatever the distribution (change.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from fencepost.arguments import check_arguments
from fencepost.bench.machines.machine import hardware, load
from fencepost.bench.paths import SIDES
from fencepost.bench.race_times import STAGES, THREADS_BESIDE, THREADS_OF_A_RING, RaceTimes, race_times
from fencepost.bench.report import BenchReport, change_json, figure_json
from fencepost.bench.sides import ITERATIONS_DEFAULT, Comparison, Progress, compare
from fencepost.bench.statistics.change import Change, change_of
from fencepost.bench.statistics.figures import Figure, figure
from fencepost.bench.statistics.spread import check_iterations
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.native.arguments import check_name
from fencepost.native.measuring import machine

SCANNERS_DEFAULT, SCANNERS_MAX = 2, 16


@dataclass(frozen=True)
class RaceDifference:
    """One time of both sides, medians over the repetitions, and how far it differs; None where one took no time."""

    name: str
    first: Figure
    second: Figure
    change: Change | None


@dataclass(frozen=True, repr=False)
class Raced(BenchReport):
    """Two sequencers side by side. `alone` is ordering and nothing else, where a setting of the bench times both."""

    sequencers: tuple[str, str]
    times: tuple[RaceDifference, ...]
    stages: tuple[RaceDifference, ...]
    alone: Comparison | None
    scanners: int
    thread_count: int

    def __getitem__(self, name: str) -> RaceDifference:
        return next(each for each in (*self.times, *self.stages) if each.name == name)

    @property
    def verdict(self) -> Verdict:
        """A difference is no failure."""
        return Verdict.NOT_FOUND

    def items(self) -> list[dict[str, Any]]:
        """Return an item a time and a stage, and one of ordering alone where that was timed."""
        items = [{**_difference_json(each), "stage": False} for each in self.times]
        items += [{**_difference_json(each), "stage": True} for each in self.stages]
        if self.alone is not None:
            items.append(
                {"metric": "ordering alone", "setting": self.alone.setting, **change_json(self.alone["median"])}
            )
        return items


def _difference_json(each: RaceDifference) -> dict[str, Any]:
    sides = {"first": figure_json(each.first), "second": figure_json(each.second)}
    return {"metric": each.name, "unit": "ns", **sides, **change_json(each.change)}


def against(
    first: str,
    second: str,
    *,
    scanners: int = SCANNERS_DEFAULT,
    repetitions: int = ITERATIONS_DEFAULT,
    seed: int = 0,
    quick: bool = False,
    progress: Progress = None,
) -> Raced:
    """Race two sequencers on the same arrivals, by turns, and return how far they differ.

        >>> found = fencepost.bench.against("order4.mutex", "order4.claim", repetitions=10, quick=True)
        >>> [each.name for each in found.stages]
        ['receive', 'ring', 'hold', 'word or lock', 'publish', 'export', 'deliver']

    Raises InputError for an unknown sequencer, the same one twice, fewer than 10 repetitions or scanners outside 1..16,
    Miscounted where a batch was lost.
    """
    check_iterations(repetitions)
    for each in (first, second):
        check_name(each)
    if first == second:
        raise InputError(f"both sides are {first}: expected two sequencers, or `bench aa` for a side beside itself")
    check_arguments(seed=seed)
    if isinstance(scanners, bool) or not isinstance(scanners, int) or not 1 <= scanners <= SCANNERS_MAX:
        raise InputError(f"scanners is {scanners!r}: expected an integer of 1..{SCANNERS_MAX}")
    load_before, random = load(), Random(seed)
    raced: dict[str, list[RaceTimes]] = {first: [], second: []}
    for repetition in range(repetitions):
        if progress is not None:
            progress(f"pair {repetition + 1} of {repetitions}")
        for each in random.sample((first, second), 2):
            raced[each].append(race_times(each, scanners=scanners, quick=quick, seed=seed + repetition))
    sides = raced[first], raced[second]
    names = raced[first][0].times
    return Raced(
        (first, second),
        tuple(_difference(name, *([each.times for each in side] for side in sides)) for name in names),
        tuple(_difference(name, *([each.stages for each in side] for side in sides)) for name in STAGES),
        _alone(first, second, repetitions, quick, progress),
        scanners,
        THREADS_OF_A_RING * scanners + THREADS_BESIDE,
        hardware=hardware(load_before),
        quick=quick,
        seed=seed,
    )


def _difference(
    name: str, first: Sequence[Mapping[str, float]], second: Sequence[Mapping[str, float]]
) -> RaceDifference:
    values = [[each[name] for each in side] for side in (first, second)]
    change = change_of(values[0], values[1], "median") if min(map(min, values)) > 0 else None
    return RaceDifference(name, figure(name, "ns", values[0]), figure(name, "ns", values[1]), change)


def _alone(first: str, second: str, repetitions: int, quick: bool, progress: Progress) -> Comparison | None:
    """Compare both on headers alone, in the first setting that one thread measures and that has both."""
    setting = next((name for name, sides in SIDES.items() if first in sides and second in sides), None)
    if setting is None or not machine().cpus_allowed:
        return None
    return compare(first, second, setting=setting, repetitions=repetitions, quick=quick, progress=progress)
