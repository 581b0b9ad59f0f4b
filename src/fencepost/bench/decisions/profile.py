"""Where the time of a batch goes natively: stages by the times that a race records, and what a processor counts.

stages       of each batch of a race, from its receiver to its subscriber (race_times.py). Their shares are of the
             whole, repetition by repetition
counts       hardware events by perf_event_open where the machine has them, with the reason where not; and, of
             single-threaded kernels, a simulated processor's (valgrind), labelled so
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fencepost.bench.kernels import Kernels, kernels
from fencepost.bench.machines.counters import EVENTS, why_not_counted
from fencepost.bench.machines.machine import hardware, load
from fencepost.bench.race_times import STAGES, race_times
from fencepost.bench.report import BenchReport, figure_json
from fencepost.bench.sides import ITERATIONS_DEFAULT, Progress
from fencepost.bench.statistics.figures import Figure, figure
from fencepost.bench.statistics.spread import check_iterations
from fencepost.model.contract import Verdict
from fencepost.native.arguments import check_name


@dataclass(frozen=True)
class Stage:
    """One stage: the median time of a batch in it, and its share of the whole; over the repetitions."""

    name: str
    what: str
    time: Figure
    share: Figure


@dataclass(frozen=True, repr=False)
class Profile(BenchReport):
    """Stages of one sequencer, why hardware events are not counted (by event), and counts of kernels."""

    sequencer: str
    stages: tuple[Stage, ...]
    uncounted: dict[str, str]
    simulated: Kernels

    @property
    def verdict(self) -> Verdict:
        """A profile fails nothing; without any stage it is unknown."""
        return Verdict.NOT_FOUND if self.stages else Verdict.UNKNOWN

    def items(self) -> list[dict[str, Any]]:
        """Return an item a stage, then that of the kernels."""
        stages = [
            {**figure_json(each.time), "share": figure_json(each.share), "what": each.what} for each in self.stages
        ]
        return [*stages, *self.simulated.items()]


def profile(
    sequencer: str = "order5.fetch_add",
    *,
    names: Sequence[str] = (),
    repetitions: int = ITERATIONS_DEFAULT,
    seed: int = 0,
    quick: bool = False,
    progress: Progress = None,
) -> Profile:
    """Race a sequencer so often and return where its batches' time goes, beside counts of kernels (`names`, or all).

        >>> [each.name for each in fencepost.bench.profile(names=["ring"], quick=True).stages]
        ['receive', 'ring', 'hold', 'word or lock', 'publish', 'export', 'deliver']

    Raises InputError for an unknown sequencer or kernel or fewer than 10 repetitions, Miscounted where a batch was not
    ordered.
    """
    check_iterations(repetitions)
    check_name(sequencer)
    load_before, times = load(), list[tuple[float, ...]]()
    for repetition in range(repetitions):
        if progress is not None:
            progress(f"race {repetition + 1} of {repetitions}")
        times.append(tuple(race_times(sequencer, quick=quick, seed=seed + repetition).stages.values()))
    uncounted = {event: why_not_counted(event) for event in EVENTS}
    counted = kernels(names, progress=progress)
    machine = hardware(load_before)
    return Profile(sequencer, stages_of(times), uncounted, counted, hardware=machine, quick=quick, seed=seed)


def stages_of(times: Sequence[Sequence[float]]) -> tuple[Stage, ...]:
    """Return the stages by their mean times in ns, a row a repetition; shares are of the row."""
    return tuple(
        Stage(
            name, what,
            figure(name, "ns", [row[index] for row in times]),
            figure(name, "share", [row[index] / sum(row) for row in times]),
        )
        for index, (name, what) in enumerate(STAGES.items())
    )  # fmt: skip
