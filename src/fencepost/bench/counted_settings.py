"""Settings that are counted rather than timed: steps, allocations, bytes."""

from __future__ import annotations

from fencepost.native.counting import COUNTED, ScanCounts, allocated_by_structures, count_scan, counts_allocations
from fencepost.native.measuring import ProbeTimes, SettingTimes, machine

_NOT_COUNTED = "not in this process: another library's operator new is in front of the counted one"


def wait_free(repetitions: int, quick: bool) -> SettingTimes:
    """Most steps of a scanner for one batch: alone, and while another scanner contends for the counter."""
    if len(machine().cpus_allowed) == 1:
        return SettingTimes({}, (), "not on this machine: two scanners need a core each, this process may use 1")
    batch_count = 1 << (12 if quick else 17)
    probes = {}
    for name in ("order5.fetch_add", "order5.compare_exchange"):
        for kind, ring_count in (("alone", 1), ("contended", 2)):
            runs = [count_scan(name, ring_count=ring_count, batch_count=batch_count) for _ in range(repetitions)]
            probes[f"{name}, {kind}"] = _steps(runs, batch_count)
    probes["order5.fetch_add, contended"].extras["most_steps_of_a_compare_exchange_loop"] = max(
        probes["order5.compare_exchange, contended"].values
    )
    return SettingTimes(probes, (), "")


def _steps(runs: list[tuple[ScanCounts, ...]], batch_count: int) -> ProbeTimes:
    most = tuple(float(max(each.steps_most for each in run)) for run in runs)
    steps, batches = (sum(getattr(each, field) for run in runs for each in run) for field in ("steps", "batch_count"))
    return ProbeTimes(most, batch_count, 0, {"steps_per_batch": steps / batches}, unit="steps")


def allocations(repetitions: int, quick: bool) -> SettingTimes:
    """Allocations inside the loops of all scanners, parking and releasing included."""
    if not counts_allocations():
        return SettingTimes(
            {}, (), "not in this process: another library's operator new is in front of the counted one"
        )
    batch_count = 1 << (10 if quick else 14)
    values = []
    for _ in range(repetitions):
        scans = [count_scan(name, batch_count=batch_count, delay_max=500) for name in COUNTED]
        values.append(float(sum(each.allocations for scan in scans for each in scan)))
    loops = ProbeTimes(tuple(values), batch_count * len(COUNTED), 0, {}, unit="allocations")
    return SettingTimes({"scanner loops": loops}, (), "")


def memory(repetitions: int, quick: bool) -> SettingTimes:
    """Bytes that each structure allocates, beside what its header states for the same configuration."""
    if not counts_allocations():
        return SettingTimes(
            {}, (), "not in this process: another library's operator new is in front of the counted one"
        )
    probes: dict[str, ProbeTimes] = {}
    made = [allocated_by_structures() for _ in range(repetitions)]
    for name in made[0]:
        for kind in ("allocated", "stated"):
            values = tuple(float(getattr(each[name], f"{kind}_bytes")) for each in made)
            probes[f"{name} {kind}"] = ProbeTimes(values, 1, 0, {}, unit="bytes")
    return SettingTimes(probes, (), "")
