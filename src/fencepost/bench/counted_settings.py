"""Settings that are counted rather than timed: steps, allocations, bytes."""

from __future__ import annotations

from fencepost.native.counting import COUNTED, ScanCounts, allocated_by_structures, count_scan, counts_allocations
from fencepost.native.measuring import ProbeTimes, SettingTimes, machine

_NOT_COUNTED = "not in this process: another library's operator new is in front of the counted one"


def wait_free(repetitions: int, quick: bool) -> SettingTimes:
    """Steps of a scanner over a full ring, a batch: alone, and while another scanner uses the same counter."""
    if len(machine().cpus_allowed) == 1:
        return SettingTimes({}, (), "not on this machine: two scanners need a core each, this process may use 1")
    ring_size = 1 << (11 if quick else 16)
    probes = {}
    for name in ("order5.fetch_add", "order5.compare_exchange"):
        for kind, ring_count in (("alone", 1), ("contended", 2)):
            batch_count = ring_size * ring_count
            runs = [count_scan(name, ring_count=ring_count, batch_count=batch_count) for _ in range(repetitions)]
            probes[f"{name}, {kind}"] = _steps(runs, ring_size)
    loop = probes["order5.compare_exchange, contended"].values
    probes["order5.fetch_add, contended"].extras["steps_of_a_compare_exchange_loop"] = max(loop)
    return SettingTimes(probes, (), "")


def _steps(runs: list[tuple[ScanCounts, ...]], ring_size: int) -> ProbeTimes:
    """Return, for each run, the steps of the scanner that took most."""
    steps = tuple(max(each.steps for each in run) / ring_size for run in runs)
    most = max(each.steps_most for run in runs for each in run)
    return ProbeTimes(steps, ring_size, 0, {"most_between_two_batches": most}, unit="steps")


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
