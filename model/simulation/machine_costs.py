"""What the simulated machine charges: one struct, each cost with its default and where that comes from.

The defaults are figures of the size that the sources report for servers of the last years; they describe no
particular machine. `calibrated` replaces them by what `fencepost bench floor` measured on the machine at hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from fencepost.model.documents import read_json
from fencepost.model.errors import InputError
from fencepost.model.simulation.distributions import Distribution
from fencepost.model.simulation.quantities import ByteRate, Bytes, Nanoseconds


def _time(text: str) -> Nanoseconds:
    return Nanoseconds.parse(text)


class MachineCosts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Times of single operations; `SOURCES` says where each default comes from."""

    load_hit: Nanoseconds = _time("2 ns")
    load_miss: Nanoseconds = _time("90 ns")
    store_hit: Nanoseconds = _time("1 ns")
    atomic_hit: Nanoseconds = _time("6 ns")
    line_transfer: Nanoseconds = _time("60 ns")
    lock_wake: Nanoseconds = _time("0 ns")
    cxl_load: Nanoseconds = _time("300 ns")
    cxl_write_back: Nanoseconds = _time("250 ns")
    flush: Nanoseconds = _time("10 ns")
    fence: Nanoseconds = _time("30 ns")
    invalidate: Nanoseconds = _time("20 ns")
    pause: Nanoseconds = _time("45 ns")
    eviction: Distribution = Distribution(kind="exponential", mean=_time("500 us"))
    copy: ByteRate = ByteRate.parse("10 GB/s")
    line: Bytes = Bytes(64)

    def __post_init__(self) -> None:
        if self.line < 1:
            raise ValueError(f"line is {self.line}, expected at least 1 B")


SOURCES: dict[str, str] = {
    "load_hit": "a load that hits the first-level cache: 4 to 5 cycles (Intel optimization reference manual)",
    "load_miss": "a load that no cache of the host holds, from its own memory: 80 to 120 ns "
    "(Sun et al., MICRO 2023, for comparison with CXL)",
    "store_hit": "a store enters the store buffer: about one cycle (the same manual)",
    "atomic_hit": "fetch_add, compare-exchange or exchange on an owned line: about 20 cycles "
    "(Schweizer, Besta, Hoefler, PACT 2015, who find all three alike)",
    "line_transfer": "a line modified by another core of the socket: 40 to 110 ns "
    "(David, Guerraoui, Trigonakis, SOSP 2013)",
    "lock_wake": "0: waiters spin; where they sleep, what the system takes to wake one (some microseconds)",
    "cxl_load": "200 to 500 ns for CXL memory (Sun et al., MICRO 2023, measure devices within it)",
    "cxl_write_back": "assumed a little below a load: the device acknowledges what it has accepted",
    "flush": "issue of clflushopt; flushes overlap, so only the fence behind them waits (derived)",
    "fence": "sfence with nothing outstanding; with a flush outstanding it waits for the write-back (derived)",
    "invalidate": "clflushopt of a clean line and mfence before the load (derived)",
    "pause": "140 cycles since Skylake (Intel optimization reference manual)",
    "eviction": "no source: depends on what else the cache holds; drawn anew for each line that nobody flushes",
    "copy": "one core copying to memory; 8 to 12 GB/s is reported for the whole path of the system modelled",
    "line": "x86",
}
"""Of each cost, where its default comes from."""

# How `fencepost bench floor` says each cost: its metric, and what that is divided by. Times in ns, copies in bytes/s.
FLOOR_METRICS: dict[str, tuple[str, int]] = {
    "load_hit": ("load_hit_ns", 1),
    "load_miss": ("load_miss_ns", 1),
    "atomic_hit": ("fetch_add_uncontended_ns", 1),
    "line_transfer": ("ping_pong_ns", 2),  # a round trip is two transfers
    "fence": ("fence_ns", 1),
    "flush": ("flush_clwb_64_lines_fence_ns", 1),  # a line; the one fence is a 64th of it
    "cxl_write_back": ("flush_clwb_fence_ns", 1),  # to the memory at hand, which is none behind CXL
    "copy": ("memcpy_bytes_per_second", 1),
}


def calibrated(costs: MachineCosts, path: Path) -> tuple[MachineCosts, dict[str, str]]:
    """Return the costs with those that `fencepost bench floor` measured, and these by name.

    The file is that command's JSON document, or the folder that `--out` wrote it to: items {"metric", "unit", "value"};
    a value is null where the machine has no such instruction, and the cost stays as it is. Raises InputError when the
    file is no such document or holds none of the metrics.
    """
    path = path / "floor.json" if path.is_dir() else path
    measured = _measured(path)
    changes: dict[str, Any] = {}
    for cost, (metric, parts) in FLOOR_METRICS.items():
        unit, value = measured.get(metric, ("", None))
        if value is not None:
            changes[cost] = _converted(path, metric, unit, value / parts, to_rate=cost == "copy")
    if not changes:
        expected = ", ".join(metric for metric, _ in FLOOR_METRICS.values())
        raise InputError(f"{path}: holds none of the metrics {expected}: expected the output of bench floor --json")
    return msgspec.structs.replace(costs, **changes), {name: str(value) for name, value in sorted(changes.items())}


def _measured(path: Path) -> dict[str, tuple[str, float | None]]:
    document = read_json(path, "document of bench floor --json")
    try:
        return {
            item["metric"]: (item["unit"], None if item["value"] is None else float(item["value"]))
            for item in document["results"]
        }
    except (ValueError, KeyError, TypeError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise InputError(f"{path}: is no document of bench floor --json ({problem})") from None


def _converted(path: Path, metric: str, unit: str, value: float, *, to_rate: bool) -> Any:
    wanted = "bytes/s" if to_rate else "ns"
    if unit != wanted or not 0 < value < 1e15:
        raise InputError(f"{path}: {metric} is {value} {unit}, expected more than 0 {wanted}")
    return ByteRate(round(value)) if to_rate else Nanoseconds(max(1, round(value)))
