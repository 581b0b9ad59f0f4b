"""Settings of a machine and of the scanners, one at a time and all: what each changes for a race.

Every repetition races the workload once as it is and once with each setting, in a drawn order; a setting's change is
that of pairs (change.py). A setting counts only where the operating system says that it came about, and nothing of the
system is changed: where it cannot be had the row says why, and has no figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np

from fencepost.bench.machines.machine import hardware, load, numa_node_count
from fencepost.bench.report import BenchReport, change_json, figure_json
from fencepost.bench.sides import ITERATIONS_DEFAULT, Progress
from fencepost.bench.statistics.change import Change, change_of
from fencepost.bench.statistics.figures import Figure, figure
from fencepost.bench.statistics.spread import check_iterations
from fencepost.model.contract import Verdict
from fencepost.model.errors import Miscounted, unknown_choice
from fencepost.native import RaceOptions, RaceResult, race
from fencepost.native.measuring import machine

BATCH_COUNT, QUICK_BATCH_COUNT = 20_000, 2_000
CLIENT_COUNT = 16
SLOT_COUNT = 4096  # of 64 bytes: ring and chain are large enough for a huge page to matter
SEQUENCER = "order5.fetch_add"


@dataclass(frozen=True)
class Setting:
    """One setting: its name, the words for it, and what it changes of a race's options."""

    name: str
    what: str
    changes: Mapping[str, Any]


def settings() -> dict[str, Setting]:
    """Return the settings by name, as this machine's cores name them."""
    cores = machine().cpus_allowed
    single = (
        Setting("huge-pages", "slots on huge pages", {"huge_pages": True}),
        Setting("affinity", "each thread kept on a core", {"cores": cores}),
        Setting("numa", "slots on NUMA node 0", {"numa_node": 0}),
        Setting("prefetch", "the next slot fetched ahead", {"prefetches": True}),
        Setting("pause", "scanners pause between polls, and never yield", {"poll": "pause"}),
    )
    return {each.name: each for each in single}


ALL = "all"


@dataclass(frozen=True)
class Ablated:
    """A setting beside none: nanoseconds a batch, and the change; `unavailable` says why there is none."""

    setting: Setting
    figure: Figure
    change: Change | None
    unavailable: str = ""
    note: str = ""


@dataclass(frozen=True, repr=False)
class Ablations(BenchReport):
    """The race as it is, and every setting that was asked for."""

    plain: Figure
    rows: tuple[Ablated, ...]

    def __getitem__(self, name: str) -> Ablated:
        return next(row for row in self.rows if row.setting.name == name)

    @property
    def verdict(self) -> Verdict:
        """Unknown where nothing could be measured; what a setting costs is no failure."""
        return Verdict.NOT_FOUND if any(row.change for row in self.rows) else Verdict.UNKNOWN

    def items(self) -> list[dict[str, Any]]:
        """Return the race as it is, and an item a setting."""
        rows = [
            {**figure_json(row.figure), **change_json(row.change), "what": row.setting.what, "note": row.note or None}
            for row in self.rows
        ]
        return [{**figure_json(self.plain), "what": "as it is"}, *rows]


def ablate(
    names: Sequence[str] = (),
    *,
    repetitions: int = ITERATIONS_DEFAULT,
    seed: int = 0,
    quick: bool = False,
    progress: Progress = None,
) -> Ablations:
    """Race with each setting beside none, in turn; by default all of them, and `all` together.

        >>> fencepost.bench.ablate(["prefetch"], quick=True)["prefetch"].setting.what
        'the next slot fetched ahead'

    Raises InputError for an unknown setting or fewer than 10 repetitions, Miscounted where a batch was not ordered.
    """
    check_iterations(repetitions)
    known = settings()
    for name in names:
        if name not in (*known, ALL):
            raise unknown_choice("setting", name, (*known, ALL))
    load_before = load()
    reasons = {name: _unavailable(known[name]) for name in known}
    single = [known[name] for name in known if not names or name in names]
    asked = [each for each in single if not reasons[each.name]]
    if not names or ALL in names:
        asked.append(_together([known[name] for name in known if not reasons[name]]))
    times = _raced([Setting("none", "as it is", {}), *asked], repetitions, seed, quick, progress)
    rows = [
        Ablated(each, figure(each.name, "ns", (), reasons[each.name]), None, reasons[each.name])
        for each in single if reasons[each.name]
    ]  # fmt: skip
    rows += [_row(each, times["none"], times[each.name]) for each in asked]
    plain = figure("none", "ns", times["none"])
    return Ablations(plain, tuple(rows), hardware=hardware(load_before), quick=quick, seed=seed)


def _together(available: Sequence[Setting]) -> Setting:
    """Return all settings that can be had, but for pausing, which needs a core for each thread."""
    changes = {key: value for each in available if each.name != "pause" for key, value in each.changes.items()}
    names = ", ".join(each.name for each in available if each.name != "pause")
    return Setting(ALL, names, changes)


def _row(setting: Setting, plain: Sequence[float], values: Sequence[float]) -> Ablated:
    note = ""
    thread_count, cores = 5, len(machine().cpus_allowed)
    if setting.name == "pause" and thread_count > cores:
        note = f"{thread_count} threads on {cores} cores: pausing keeps cores from threads that have work"
    return Ablated(setting, figure(setting.name, "ns", values), change_of(plain, values, "median"), note=note)


def _unavailable(setting: Setting) -> str:
    """Return why a setting cannot be had here, by trying it; empty where it was got."""
    if setting.name == "numa" and (numa_node_count() or 1) == 1:
        return "not measurable here: one NUMA node"
    if setting.name == "affinity" and not setting.changes["cores"]:
        return "not measurable here: the system does not say which cores may be used"
    placed = _race(setting, 64, seed=0).placement
    if setting.name == "huge-pages" and not placed.huge_page_bytes:
        return "not measurable here: the system gave no huge pages"
    if setting.name == "affinity" and placed.bound_thread_count < placed.thread_count:
        return f"not measurable here: {placed.bound_thread_count} of {placed.thread_count} threads stayed on their core"
    return ""


def _raced(
    sides: Sequence[Setting], repetitions: int, seed: int, quick: bool, progress: Progress
) -> dict[str, list[float]]:
    """Race every side once a repetition, in a drawn order; return nanoseconds a batch."""
    random = Random(seed)
    times: dict[str, list[float]] = {each.name: [] for each in sides}
    batch_count = QUICK_BATCH_COUNT if quick else BATCH_COUNT
    for repetition in range(repetitions):
        if progress is not None:
            progress(f"race {repetition + 1} of {repetitions}, {len(sides)} sides")
        for side in random.sample(sides, len(sides)):
            taken = _race(side, batch_count, seed=seed + repetition)
            times[side.name].append(taken.seconds * 1e9 / batch_count)
    return times


def _race(setting: Setting, batch_count: int, *, seed: int) -> RaceResult:
    """Race one ring's batches; Miscounted unless all were ordered."""
    rows = np.arange(batch_count)
    options = replace(RaceOptions(slot_count=SLOT_COUNT), **setting.changes)
    result = race(
        SEQUENCER, client_id=rows % CLIENT_COUNT, batch_seq=rows // CLIENT_COUNT, broker_id=np.zeros_like(rows),
        message_count=np.full_like(rows, 8), seed=seed, options=options,
    )  # fmt: skip
    if result.ordered_count != batch_count:
        raise Miscounted(f"{result.ordered_count} of {batch_count} batches were ordered with {setting.name}")
    return result
