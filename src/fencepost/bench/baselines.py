"""A baseline: how fast, how steady, how near to what the same machine does bare, and whether that changed since.

The quantity of a path is what it processes in a second where it copies bytes, and the time of an operation elsewhere.
Each repetition of a path stands beside one of its floor, in the same threads; the ratio is taken repetition by
repetition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from fencepost.bench.machines.machine import hardware
from fencepost.bench.measured_paths import IN_PYTHON, mostly_disturbed
from fencepost.bench.paths import PATHS, Path
from fencepost.bench.report import BenchReport, difference_json, figure_json
from fencepost.bench.sides import ITERATIONS_DEFAULT, Progress
from fencepost.bench.statistics.change import Change, Condition, change_of, in_words, parsed_conditions
from fencepost.bench.statistics.figures import Figure, figure
from fencepost.bench.statistics.spread import METRICS, Spread, Stability, check_iterations, spread
from fencepost.model.contract import Verdict, worst
from fencepost.model.documents import read_json
from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.report import Finding
from fencepost.native.measuring import ProbeTimes, measure_setting

BASELINE_PATHS = ("pipeline", "order5-fetch-add-flush-clwb", "order5-fetch-add-flush-clflushopt", "order4-481-memory")
"""What is measured where no path is named: the whole, and what each level adds to its own bare instructions."""
BAND_GB_PER_S = (8.0, 12.0)
"""What the findings of 2026-01-26 state of the whole system."""
PIPELINE_MESSAGE_BYTES = 1024
SAME_MACHINE = (
    "cpu_model", "core_count", "cpus_allowed", "transparent_hugepage", "caches", "numa_node_count", "virtual",
)  # fmt: skip
"""Of the hardware, what a stored baseline must have in common with this machine."""


@dataclass(frozen=True)
class Baseline:
    """One path's repetitions; its ratio is to memcpy for the pipeline, to its bare instructions for all others."""

    path: Path
    figure: Figure
    spread: Spread | None
    ratio: Figure
    ratio_spread: Spread | None
    disturbed_count: int
    undecided: str
    quick: bool
    changes: tuple[Change, ...] = ()  # since a stored baseline, by metric

    @property
    def ratio_to(self) -> str:
        """What the ratio is to."""
        return "memcpy" if self.path.name == "pipeline" else "bare"

    @property
    def stability(self) -> Stability:
        """Whether the repetitions agree; of none, and of those that were mostly disturbed, nothing is decided."""
        return Stability.NOT_DECIDED if self.spread is None or self.undecided else self.spread.stability

    @property
    def band(self) -> str:
        """Where the mean lies beside the band that is stated of the whole; empty where none is stated."""
        if self.figure.unit != "GB/s" or self.spread is None or self.quick:
            return ""
        low, high = self.spread.mean_interval
        if self.undecided:
            return "not decided"
        if low > BAND_GB_PER_S[1] or high < BAND_GB_PER_S[0]:
            return "above" if low > BAND_GB_PER_S[1] else "below"
        return "within" if BAND_GB_PER_S[0] <= low and high <= BAND_GB_PER_S[1] else "not decided"


@dataclass(frozen=True, repr=False)
class Baselines(BenchReport):
    """All paths that were asked for; `judged` has each condition's verdict by path, against a stored baseline."""

    rows: tuple[Baseline, ...]
    judged: tuple[tuple[str, Condition, Verdict], ...]

    def __getitem__(self, path: str) -> Baseline:
        return next(row for row in self.rows if row.path.name == path)

    @property
    def verdict(self) -> Verdict:
        """Violated where a condition fails, unknown where one is open, most was disturbed or nothing was measured."""
        measured = [row for row in self.rows if not row.figure.unavailable]
        if not measured or any(row.undecided for row in measured):
            return Verdict.UNKNOWN
        return worst([Verdict.NOT_FOUND, *(verdict for _, _, verdict in self.judged)])

    def found(self) -> Iterator[Finding]:
        """Yield the conditions that were asked about."""
        for name, condition, verdict in self.judged:
            changes = [each for each in self[name].changes if each.metric == condition.metric]
            bound = in_words(changes[0].change, changes[0].low, changes[0].high) if changes else "nothing is stored"
            yield Finding(name, condition.text, "native", verdict, bound=bound, explanation=self[name].undecided)

    def items(self) -> list[dict[str, Any]]:
        """Return an item a path."""
        return [_baseline_json(row) for row in self.rows]


def _baseline_json(row: Baseline) -> dict[str, Any]:
    return {
        **figure_json(row.figure),
        "spread": _spread_json(row.spread),
        "stability": row.stability,
        "ratio": figure_json(row.ratio),
        "ratio_to": row.ratio_to,
        "ratio_spread": _spread_json(row.ratio_spread),
        "band": row.band or None,
        "disturbed": row.disturbed_count,
        "undecided": row.undecided or None,
        "changes": [difference_json(change) for change in row.changes],
    }


def _spread_json(spread: Spread | None) -> dict[str, Any] | None:
    if spread is None:
        return None
    return {
        **spread.metrics,
        "deviation": spread.deviation,
        "cv_share": spread.cv,
        "cv_interval": list(spread.cv_interval),
        "mean_interval": list(spread.mean_interval),
    }


def baseline(
    paths: Sequence[str] = (),
    *,
    repetitions: int = ITERATIONS_DEFAULT,
    against: FilePath | None = None,
    fail: Sequence[str] = (),
    anyway: bool = False,
    quick: bool = False,
    progress: Progress = None,
) -> Baselines:
    """Measure paths that have a floor, `repetitions` times, and return their spread, stability and ratios.

        >>> fencepost.bench.baseline(["pipeline"], quick=True)["pipeline"].ratio_to
        'memcpy'

    `against` is the document of an earlier baseline: the changes since then are judged by `fail`, conditions such as
    "p99>+5%". Raises InputError for an unknown path or one without a floor, fewer than 10 repetitions, a file that is
    no baseline, and one of another machine, unless it is to be used `anyway`.
    """
    conditions = parsed_conditions(fail)
    if conditions and against is None:
        raise InputError("--fail asks for a change: expected --against, a baseline's document to compare with")
    check_iterations(repetitions)
    asked = [_asked(name) for name in paths or BASELINE_PATHS]
    here = hardware()
    before = {} if against is None else stored_samples(against, here, quick=quick, anyway=anyway)
    rows = tuple(_measured(path, repetitions, quick, progress, before) for path in asked)
    judged = tuple((row.path.name, condition, _judged(row, condition)) for row in rows for condition in conditions)
    return Baselines(rows, judged, hardware=hardware(here["load_after"]), quick=quick)


def _judged(row: Baseline, condition: Condition) -> Verdict:
    """Judge a path by a condition: unknown where it was disturbed, or has nothing stored to be compared with."""
    changes = [change for change in row.changes if change.metric == condition.metric]
    return condition.judged(changes[0]) if changes and not row.undecided else Verdict.UNKNOWN


def _asked(name: str) -> Path:
    choices = [path.name for path in PATHS.values() if path.floor is not None and path.setting not in IN_PYTHON]
    if name not in choices:
        raise unknown_choice("path of a baseline", name, choices)
    return PATHS[name]


def _measured(
    path: Path, repetitions: int, quick: bool, progress: Progress, before: dict[str, tuple[float, ...]]
) -> Baseline:
    if progress is not None:
        progress(path.setting.replace("_", " "))
    times = measure_setting(path.setting, repetitions=repetitions, quick=quick)
    if times.unavailable:
        missing = figure(path.name, path.unit, (), times.unavailable)
        return Baseline(path, missing, None, missing, None, 0, "", quick)
    assert path.floor is not None
    probe, floor = times.probes[path.probe], times.probes[path.floor]
    unit, samples = quantity(path, probe)
    ratios = [taken / held for taken, held in zip(probe.values, floor.values, strict=True)]
    if path.name == "pipeline":
        ratios = [1 / ratio for ratio in ratios]  # of speeds
    disturbed_count = probe.disturbed_count + floor.disturbed_count
    earlier = before.get(path.name)
    changes = () if earlier is None else tuple(change_of(earlier, samples, name, paired=False) for name in METRICS)
    return Baseline(
        path, figure(path.name, unit, samples), spread(samples), figure(path.name, "ratio", ratios), spread(ratios),
        disturbed_count, mostly_disturbed(disturbed_count, repetitions, 2), quick, changes,
    )  # fmt: skip


def quantity(path: Path, probe: ProbeTimes) -> tuple[str, list[float]]:
    """Return the unit of a path's baseline and the quantity of each repetition: GB/s of the pipeline, else its time."""
    if path.name == "pipeline":
        return "GB/s", [PIPELINE_MESSAGE_BYTES / value for value in probe.values]  # bytes per ns
    return probe.unit, list(probe.values)


def stored_samples(file: FilePath, here: dict[str, Any], *, quick: bool, anyway: bool) -> dict[str, tuple[float, ...]]:
    """Return the samples of a stored baseline by path.

    Raises InputError for a file that cannot be read or is no baseline, one of other sizes, and one of another machine
    unless it is to be used `anyway`; both manifests are named.
    """
    document = read_json(file, "document of `fencepost bench baseline --json`")
    try:
        items, manifest = document["results"], document["manifest"]
        there, is_quick = manifest["hardware"], manifest["sizes"]["quick"]
        samples = {item["metric"]: tuple(map(float, item["samples"])) for item in items if item["spread"] is not None}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{file}: is no document of bench baseline ({type(error).__name__}: {error}): expected what "
            "`fencepost bench baseline --json` prints"
        ) from None
    if is_quick != quick:
        raise InputError(f"{file}: quick is {is_quick}, here it is {quick}: expected the same sizes")
    there, mine = ({key: each.get(key) for key in SAME_MACHINE} for each in (there, here))
    if there != mine and not anyway:
        raise InputError(f"{file}: measured on another machine: {there}, this one is {mine}: or use it with --anyway")
    return samples
