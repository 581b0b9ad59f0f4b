"""Timed repetitions in C++: the floor of the machine at hand, and settings in which paths run beside their floor.

Every timing loop counts what it did; where the count is not what the figure would claim, Miscounted is raised and there
is no figure. The global interpreter lock is free meanwhile; Ctrl-C stops the threads within a quarter of a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from fencepost.model.errors import InputError, Miscounted
from fencepost.native import _core

__all__ = [
    "FLOOR_METRICS",
    "REPETITIONS_MAX",
    "REPETITIONS_MIN",
    "FloorMetric",
    "SETTINGS",
    "Machine",
    "ProbeTimes",
    "Repetitions",
    "SettingTimes",
    "build",
    "machine",
    "measure_floor",
    "measure_setting",
]

REPETITIONS_MIN: int = _core.REPETITION_COUNT_MIN
REPETITIONS_MAX: int = _core.REPETITION_COUNT_MAX


class FloorMetric(NamedTuple):
    """What can be measured of a machine; `unit` is "ns" (an operation) or "bytes/s"."""

    name: str
    unit: str
    threads: int
    what: str


FLOOR_METRICS: dict[str, FloorMetric] = {row[0]: FloorMetric(*row) for row in _core.FLOOR_METRICS}


@dataclass(frozen=True)
class Machine:
    """What the machine says of itself."""

    cpu_model: str
    """The processor's own name; empty where it has none to give."""
    cpus_allowed: tuple[int, ...]
    """The cores this process may run on; empty where the system does not say."""
    clflushopt: bool
    clwb: bool


@dataclass(frozen=True)
class Repetitions:
    """One measurement: a value per repetition, in the metric's unit."""

    values: tuple[float, ...]
    operation_count: int
    """Operations of one thread in one repetition; bytes of all threads where the unit is bytes/s."""
    disturbed_count: int
    """Repetitions in which a thread was made to leave its core: a busy machine shows there."""
    cpus: tuple[int, ...]
    """The core each thread was kept on; -1 where the system chose."""
    unavailable: str
    """Why there are no values on this machine; empty if there are."""


SETTINGS: tuple[str, ...] = tuple(_core.BENCH_SETTINGS)


@dataclass(frozen=True)
class ProbeTimes:
    """One probe of a setting: a value by repetition, in nanoseconds an operation unless `unit` says otherwise."""

    values: tuple[float, ...]
    operation_count: int
    """Operations of all threads in one repetition."""
    disturbed_count: int
    """Repetitions in which a thread was made to leave its core."""
    extras: dict[str, float]
    unit: str = "ns"


@dataclass(frozen=True)
class SettingTimes:
    """The probes of a setting by name; their n-th repetitions ran side by side."""

    probes: dict[str, ProbeTimes]
    cpus: tuple[int, ...]
    unavailable: str
    """Why there are no probes on this machine; empty if there are."""


def machine() -> Machine:
    """Return what the machine says of itself."""
    fields = _core.machine()
    return Machine(fields["cpu_model"], tuple(fields["cpus_allowed"]), fields["clflushopt"], fields["clwb"])


def build() -> dict[str, str]:
    """Return what the compiled module was built with: `type` and `flags` of the build, `compiler`."""
    return _core.build()


def measure_floor(name: str, *, repetitions: int = REPETITIONS_MIN, quick: bool = False) -> Repetitions:
    """Measure one metric of the floor, each repetition some 10 ms; `quick` sizes show only that it runs.

    Raises InputError for an unknown metric or a number of repetitions outside 7..10000, and Miscounted where what was
    to be timed did not happen.
    """
    check_repetitions(repetitions)
    with refusals():
        fields = _core.measure_floor(name, repetition_count=repetitions, is_quick=quick)
    return Repetitions(
        tuple(fields["values"]),
        fields["operation_count"],
        fields["disturbed_count"],
        tuple(fields["cpus"]),
        fields["unavailable"],
    )


def measure_setting(name: str, *, repetitions: int = REPETITIONS_MIN, quick: bool = False) -> SettingTimes:
    """Measure all probes of a setting in turn, so often, in the same threads.

    Raises InputError for an unknown setting or a number of repetitions outside 7..10000, and Miscounted where a batch
    was lost, ordered twice or out of order.
    """
    check_repetitions(repetitions)
    with refusals():
        fields = _core.measure_setting(name, repetition_count=repetitions, is_quick=quick)
    probes = {
        each["name"]: ProbeTimes(
            tuple(each["values"]), each["operation_count"], each["disturbed_count"], each["extras"]
        )
        for each in fields["probes"]
    }
    return SettingTimes(probes, tuple(fields["cpus"]), fields["unavailable"])


def check_repetitions(repetitions: int) -> None:
    """Raise InputError unless the number of repetitions can be used."""
    if isinstance(repetitions, bool) or not isinstance(repetitions, int):
        raise InputError(f"repetitions is {repetitions!r}: expected an integer")
    if not REPETITIONS_MIN <= repetitions <= REPETITIONS_MAX:
        raise InputError(f"repetitions is {repetitions}: expected {REPETITIONS_MIN}..{REPETITIONS_MAX}")


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what C++ refuses or finds miscounted into fencepost's own exceptions, with the same words."""
    try:
        yield
    except _core.Refused as error:
        raise InputError(str(error)) from None
    except _core.Miscounted as error:
        raise Miscounted(str(error)) from None
