"""How often a lock or a client's word is contended, and what it gains to have no lock: the rule of the findings tried.

The findings of 2026-01-26 say: fewer than 100 contentions a second, a lock-free table is not needed; up to 1,000,
consider it; above, recommended, for 2 to 5 %. Here each load (contended_loads.py) has its contentions and line
transfers and, on the same load, the gain of order4.claim over order4.mutex. Clients, scanners and skew are varied one
at a time: natively on full rings, simulated at one total rate; and the rate by itself.

What contention can cost at most is the time that it takes: each one keeps a scanner for about as long as the lock's
line takes to come and the holder to let go. So the gain is bounded by

    gain <= contentions/s of a scanner x time a contention,    threshold = gain that is worth it / time a contention

and with the time of this machine's own contended lock the threshold is what `Threshold` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from statistics import median
from typing import Any

from fencepost.bench.decisions.contended_loads import (
    NATIVE_CLIENTS,
    WORTH,
    Counts,
    Gain,
    Load,
    Setup,
    Side,
    counted,
    native_load,
    simulated_load,
)
from fencepost.bench.machines.machine import hardware, load
from fencepost.bench.report import BenchReport, verdict_json
from fencepost.bench.sides import ITERATIONS_DEFAULT, Progress
from fencepost.bench.statistics.change import in_words
from fencepost.bench.statistics.figures import Figure, figure
from fencepost.bench.statistics.spread import check_iterations
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.report import Finding
from fencepost.model.simulation.scenario import SKEW_MOST
from fencepost.native.measuring import machine, measure_floor

MIDDLE_RATE = 50_000  # batches/s of each client
RATES = (5_000, MIDDLE_RATE, 400_000)
BASE = Setup(clients=4, scanners=4)  # simulated
CLIENTS, SCANNERS, SKEWS = (1, 16), (1, 2, 8), (1.0, 2.0)  # varied one at a time, beside what is the base
NATIVE_SETTINGS = {
    "claim_one": Setup(NATIVE_CLIENTS, 1),
    "claim_two_shared": Setup(NATIVE_CLIENTS, 2),
    "claim_two_skewed": Setup(NATIVE_CLIENTS, 2, skew=1.0),
}
COUNTED_CLIENTS = (1, 16)  # beside those of the settings


@dataclass(frozen=True)
class Threshold:
    """Above how many contentions a second, of one scanner, a gain of `WORTH` is possible at all, on this machine."""

    contention: Figure  # ns that one takes: a contended lock pair beside one that is not

    @property
    def per_second(self) -> tuple[float, float, float] | None:
        """The threshold, and its interval; None where a contention costs nothing that can be told."""
        if self.contention.value is None or self.contention.interval is None or self.contention.interval[0] <= 0:
            return None
        low, high = self.contention.interval
        return WORTH * 1e9 / self.contention.value, WORTH * 1e9 / high, WORTH * 1e9 / low


@dataclass(frozen=True, repr=False)
class Contention(BenchReport):
    """All loads, native counts of other setups, and the threshold of this machine."""

    loads: tuple[Load, ...]
    counts: tuple[Counts, ...]
    threshold: Threshold

    @property
    def verdict(self) -> Verdict:
        """Violated where the findings' rule says otherwise than was measured, unknown where no load decides."""
        ruled = [each.rule_holds for each in self.loads]
        if False in ruled:
            return Verdict.VIOLATED
        return Verdict.NOT_FOUND if True in ruled else Verdict.UNKNOWN

    def found(self) -> Iterator[Finding]:
        """Yield, for each load, whether the rule says what was measured."""
        yield from map(_rule_found, self.loads)

    def items(self) -> list[dict[str, Any]]:
        """Return an item a load, then one a setup that was only counted."""
        loads = [
            {
                **verdict_json(_rule_found(each)), "metric": "throughput_gain", "unit": "share",
                **_gain_json(each.throughput), "load": each.setup.name, "source": each.source,
                **_setup_json(each), "advice": each.advice, "rule_holds": each.rule_holds,
                "latency_gain": None if each.latency is None else _gain_json(each.latency),
            }
            for each in self.loads
        ]  # fmt: skip
        counts = [
            {"metric": "contended_per_batch", "unit": "count", "value": each.locked.contended_per_batch,
             "load": each.setup.name, "source": "native", **_setup_json(each)}
            for each in self.counts
        ]  # fmt: skip
        return [*loads, *counts]


def _rule_found(each: Load) -> Finding:
    verdict = {True: Verdict.NOT_FOUND, False: Verdict.VIOLATED, None: Verdict.UNKNOWN}[each.rule_holds]
    words = f"{each.locked.contended_per_s:,.0f} contentions/s: {each.advice}"
    gain = in_words(each.throughput.value, each.throughput.low, each.throughput.high)
    engine = "native" if each.source == "native" else "simulation"
    return Finding(each.setup.name, "rule of contentions", engine, verdict, bound=words, explanation=f"gain {gain}")


def _gain_json(gain: Gain) -> dict[str, Any]:
    return {"value": gain.value, "low": gain.low, "high": gain.high, "n": gain.n, "undecided": gain.undecided or None}


def _setup_json(each: Load | Counts) -> dict[str, Any]:
    setup = each.setup
    made_of = {"clients": setup.clients, "scanners": setup.scanners, "skew": setup.skew, "rate": setup.rate}
    return {**made_of, "with_lock": _side_json(each.locked), "without_lock": _side_json(each.free)}


def _side_json(side: Side) -> dict[str, Any]:
    return {
        "batches_per_s": side.batches_per_s, "contended_per_batch": side.contended_per_batch,
        "contended_per_s": side.contended_per_s, "line_transfers_per_batch": side.transfers_per_batch,
        "line_transfers_per_s": side.transfers_per_s,
    }  # fmt: skip


def contention(
    *,
    repetitions: int = ITERATIONS_DEFAULT,
    rates: Sequence[int] = (),
    clients: Sequence[int] = (),
    scanners: Sequence[int] = (),
    skews: Sequence[float] = (),
    seed: int = 0,
    jobs: int = 1,
    quick: bool = False,
    progress: Progress = None,
) -> Contention:
    """Count contentions and line transfers, and measure what having no lock gains: natively, and simulated.

        >>> found = fencepost.bench.contention(rates=(5_000,), skews=(1.0,), quick=True)
        >>> [each.setup.skew for each in found.loads if each.source == "simulated"]
        [0.0, 1.0]

    Simulated are four clients on four rings at each of `rates` (batches/s of each client); and at the middle one of
    these rates each number of `clients` (at the same total), of `scanners` (a ring each), and each of `skews` (client n
    sends in proportion to 1 / (n + 1)^skew). Where nothing is given, RATES, CLIENTS, SCANNERS and SKEWS are.

    Raises InputError for fewer than 10 repetitions and for what cannot be simulated. On one core nothing is contended
    natively: only simulated loads.
    """
    check_iterations(repetitions)
    setups = simulated_setups(rates, clients, scanners, skews)
    say: Callable[[str], None] = progress or (lambda message: None)
    load_before, loads, counts = load(), list[Load](), list[Counts]()
    if len(machine().cpus_allowed) > 1:
        for setting, setup in NATIVE_SETTINGS.items():
            say(f"native, {setup.name}")
            loads.append(native_load(setting, setup, repetitions, quick))
        for number in COUNTED_CLIENTS:
            say(f"counting, {number} clients")
            counts.append(counted(Setup(number, 2), quick))
    for setup in setups:
        say(f"simulated, {setup.name}")
        loads.append(simulated_load(setup, seed, jobs, quick))
    threshold = _threshold(repetitions, quick)
    machine_of = hardware(load_before)
    return Contention(tuple(loads), tuple(counts), threshold, hardware=machine_of, quick=quick, seed=seed)


def simulated_setups(
    rates: Sequence[int], clients: Sequence[int], scanners: Sequence[int], skews: Sequence[float]
) -> list[Setup]:
    """Return the loads that are simulated, one thing varied at a time. InputError: one of them cannot be."""
    if not (rates or clients or scanners or skews):
        rates, clients, scanners, skews = RATES, CLIENTS, SCANNERS, SKEWS
    rates = rates or (MIDDLE_RATE,)
    for name, values, most in (
        ("rate", rates, 10**8), ("clients", clients, 65_535), ("scanners", scanners, 1_024), ("skew", skews, SKEW_MOST),
    ):  # fmt: skip
        least, kind = (0, Real) if name == "skew" else (1, Integral)
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise InputError(f"{name} is {values!r}: expected several, such as ({least},)")
        for value in values:
            if isinstance(value, bool) or not isinstance(value, kind) or not least <= value <= most:
                what = "a number" if kind is Real else "a whole number"
                raise InputError(f"{name} is {value!r}: expected {what} of {least}..{most:.10g}")
    middle = sorted(rates)[len(rates) // 2]
    base, total = replace(BASE, rate=float(middle)), middle * BASE.clients
    varied = [replace(base, clients=each, rate=total / each) for each in clients]
    varied += [replace(base, scanners=each) for each in scanners] + [replace(base, skew=each) for each in skews]
    return list(dict.fromkeys([*(replace(BASE, rate=float(each)) for each in rates), *varied]))


def _threshold(repetitions: int, quick: bool) -> Threshold:
    """Return the threshold by a lock pair of this machine: contended beside uncontended."""
    pairs = [
        measure_floor(f"lock_pair_{kind}_ns", repetitions=repetitions, quick=quick)
        for kind in ("contended", "uncontended")
    ]
    for each in pairs:
        if each.unavailable:
            return Threshold(figure("a contention", "ns", (), each.unavailable))
    contended, alone = pairs[0].values, median(pairs[1].values)
    return Threshold(figure("a contention", "ns", [each - alone for each in contended]))
