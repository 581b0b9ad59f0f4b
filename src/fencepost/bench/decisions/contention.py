"""How often a lock or a client's word is contended, and what it gains to have no lock: the rule of the findings tried.

The findings of 2026-01-26 say: fewer than 100 contentions a second, a lock-free table is not needed; up to 1,000,
consider it; above, recommended, for 2 to 5 %. Here each load has its contentions and, on the same load, the gain of
order4.claim over order4.mutex.

    native      two scanners on full rings that share every client, and one alone: nothing but ordering. Locks that
                were held at the first try are counted in a build of their own (native/counting.py), times are not its
    simulated   the whole: clients, network, brokers, scanners, subscribers, at an offered load

What contention can cost at most is the time that it takes: each one keeps a scanner for about as long as the lock's
line takes to come and the holder to let go. So the gain is bounded by

    gain <= contentions/s of a scanner x time a contention,    threshold = gain that is worth it / time a contention

and with the time of this machine's own contended lock the threshold is what `Threshold` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import msgspec

from fencepost.bench.machines.machine import hardware, load
from fencepost.bench.measured_paths import mostly_disturbed
from fencepost.bench.report import BenchReport, verdict_json
from fencepost.bench.sides import ITERATIONS_DEFAULT, Progress
from fencepost.bench.statistics.change import change_of, in_words
from fencepost.bench.statistics.figures import Figure, figure
from fencepost.bench.statistics.spread import check_iterations
from fencepost.model.contract import Verdict
from fencepost.model.report import Finding
from fencepost.model.simulation.quantities import BatchRate, Nanoseconds
from fencepost.model.simulation.scenario import Scenario
from fencepost.native.counting import ScanCounts, count_scan
from fencepost.native.measuring import machine, measure_floor, measure_setting
from fencepost.simulating.paired import Difference, paired
from fencepost.simulating.run import simulate

LOCKED, FREE = "order4.mutex", "order4.claim"
NOT_NEEDED, RECOMMENDED = 100.0, 1000.0  # contentions a second, by the findings
WORTH = 0.02  # the least gain that the findings promise
COUNTED_BATCHES, QUICK_COUNTED_BATCHES = 1 << 17, 1 << 9
QUICK_BATCHES_OF_A_CLIENT = 4  # at least: two scanners that share one client wait for each other at every batch
COUNTED_RUNS = 5
CLIENT_COUNTS = (1, 16, 1024)
SIMULATED_REPLICATIONS = 5
RATES = (5_000, 50_000, 400_000)  # batches/s of each client


def advice(contended_per_s: float) -> str:
    """Return what the findings' rule says of so many contentions a second."""
    if contended_per_s < NOT_NEEDED:
        return "not needed"
    return "recommended" if contended_per_s > RECOMMENDED else "consider"


@dataclass(frozen=True)
class Gain:
    """What having no lock changes, as a share of what there is with it; above 0 is better. None: not bounded."""

    value: float
    low: float | None
    high: float | None
    n: int
    undecided: str = ""

    @property
    def is_worth_it(self) -> bool | None:
        """Whether it is at least what the findings promise; None where the interval does not say."""
        if self.undecided or self.low is None or self.high is None:
            return None
        return True if self.low >= WORTH else False if self.high < WORTH else None


@dataclass(frozen=True)
class Load:
    """One load: how often the lock is contended, and what it gains to do without.

    `free_per_batch` are compare-exchanges that lost and claims that met another one; `latency` is of ordering, less is
    better, and None where only full rings are ordered.
    """

    name: str
    source: str  # native or simulated
    scanners: int
    contended_per_batch: float
    contended_per_s: float
    free_per_batch: float
    throughput: Gain
    latency: Gain | None

    @property
    def advice(self) -> str:
        return advice(self.contended_per_s)

    @property
    def rule_holds(self) -> bool | None:
        """Whether the findings' rule says what was measured of throughput; None where either is open."""
        worth = self.throughput.is_worth_it
        return None if worth is None or self.advice == "consider" else worth == (self.advice == "recommended")


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
    """All loads, the count by clients, and the threshold of this machine."""

    loads: tuple[Load, ...]
    by_clients: tuple[tuple[int, float, float], ...]  # clients, of the lock per batch, of the words per batch
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
        """Return an item a load."""
        return [
            {
                **verdict_json(_rule_found(each)), "metric": "throughput_gain", "unit": "share",
                **_gain_json(each.throughput), "load": each.name, "source": each.source, "scanners": each.scanners,
                "contended_per_batch": each.contended_per_batch, "contended_per_s": each.contended_per_s,
                "lost_per_batch_without_lock": each.free_per_batch, "advice": each.advice,
                "rule_holds": each.rule_holds,
                "latency_gain": None if each.latency is None else _gain_json(each.latency),
            }
            for each in self.loads
        ]  # fmt: skip


def _rule_found(each: Load) -> Finding:
    verdict = {True: Verdict.NOT_FOUND, False: Verdict.VIOLATED, None: Verdict.UNKNOWN}[each.rule_holds]
    words = f"{each.contended_per_s:,.0f} contentions/s: {each.advice}"
    gain = in_words(each.throughput.value, each.throughput.low, each.throughput.high)
    engine = "native" if each.source == "native" else "simulation"
    return Finding(each.name, "rule of contentions", engine, verdict, bound=words, explanation=f"gain {gain}")


def _gain_json(gain: Gain) -> dict[str, Any]:
    return {"value": gain.value, "low": gain.low, "high": gain.high, "n": gain.n, "undecided": gain.undecided or None}


def contention(
    *,
    repetitions: int = ITERATIONS_DEFAULT,
    rates: Sequence[int] = RATES,
    seed: int = 0,
    jobs: int = 1,
    quick: bool = False,
    progress: Progress = None,
) -> Contention:
    """Count contentions and measure what having no lock gains: natively, and simulated at each rate of each client.

        >>> found = fencepost.bench.contention(rates=(5_000,), quick=True)
        >>> found.loads[-1].source
        'simulated'

    Raises InputError for fewer than 10 repetitions. On one core nothing is contended natively: only simulated loads.
    """
    check_iterations(repetitions)
    say: Callable[[str], None] = progress or (lambda message: None)
    load_before, loads = load(), []
    by_clients: tuple[tuple[int, float, float], ...] = ()
    if len(machine().cpus_allowed) > 1:
        say("counting failed locks and exchanges")
        by_clients = tuple(_counted(clients, quick) for clients in CLIENT_COUNTS)
        for setting, scanners in (("claim_one", 1), ("claim_two_shared", 2)):
            say(setting.replace("_", " "))
            loads.append(_native(setting, scanners, repetitions, quick))
    for rate in rates:
        say(f"simulated, {rate} batches/s of each client")
        loads.append(_simulated(rate, seed, jobs, quick))
    threshold = _threshold(repetitions, quick)
    return Contention(tuple(loads), by_clients, threshold, hardware=hardware(load_before), quick=quick, seed=seed)


def _counted(clients: int, quick: bool) -> tuple[int, float, float]:
    """Count two scanners that share this many clients: per batch, of the lock, and of the words."""
    lock, words = (_scans(each, 2, clients, quick) for each in (LOCKED, FREE))
    return clients, _per_batch(lock, lambda each: each.locks_contended), _lost(words)


def _scans(sequencer: str, scanners: int, clients: int, quick: bool) -> list[ScanCounts]:
    """Count several runs: in one alone the scanners may hardly have run at once."""
    least = max(QUICK_COUNTED_BATCHES, QUICK_BATCHES_OF_A_CLIENT * clients)
    batch_count = least if quick else COUNTED_BATCHES
    return [
        each
        for _ in range(COUNTED_RUNS)
        for each in count_scan(sequencer, ring_count=scanners, batch_count=batch_count, client_count=clients)
    ]


def _per_batch(scans: Sequence[ScanCounts], count: Callable[[ScanCounts], int]) -> float:
    return sum(map(count, scans)) / sum(each.batch_count for each in scans)


def _lost(scans: Sequence[ScanCounts]) -> float:
    return _per_batch(scans, lambda each: each.exchanges_failed + each.claims_lost)


def _native(setting: str, scanners: int, repetitions: int, quick: bool) -> Load:
    """Time both on full rings, and count the same with as many scanners and 1,024 clients."""
    times = measure_setting(setting, repetitions=repetitions, quick=quick)
    locked, free = times.probes[LOCKED], times.probes[FREE]
    counts = [_scans(each, scanners, 1024, quick) for each in (LOCKED, FREE)]
    per_batch = _per_batch(counts[0], lambda each: each.locks_contended)
    # Both probes are timed in turn; the gain in speed is the change from what `claim` takes to what `mutex` takes.
    change = change_of(free.values, locked.values, "median")
    undecided = mostly_disturbed(locked.disturbed_count + free.disturbed_count, repetitions, 2)
    gain = Gain(change.change, change.low, change.high, change.n, undecided)
    rate = 1e9 / median(locked.values)
    name = "one scanner, full ring" if scanners == 1 else "two scanners, full rings, every client in both"
    return Load(name, "native", scanners, per_batch, per_batch * rate, _lost(counts[1]), gain, None)


def loaded(rate: int, quick: bool) -> Scenario:
    """Return the whole, four clients on four brokers, at this rate of each client, without positions in messages."""
    plain = Scenario(name=f"{rate} batches/s a client", check=False, replications=SIMULATED_REPLICATIONS)
    clients = msgspec.structs.replace(plain.clients, rate=BatchRate(rate))
    ordering = msgspec.structs.replace(plain.ordering, message_headers=False)
    duration = Nanoseconds.parse("1 ms" if quick else "10 ms")
    return msgspec.structs.replace(plain, clients=clients, ordering=ordering, duration=duration)


def _simulated(rate: int, seed: int, jobs: int, quick: bool) -> Load:
    scenario = loaded(rate, quick)
    sides = [simulate(scenario, sequencer=each, seed=seed, jobs=jobs) for each in (LOCKED, FREE)]
    both = paired(*sides)
    locked, free = ({each.metric: each.value for each in side.figures} for side in sides)
    contended = locked.get("lock_contended_per_s", 0.0)
    batches = locked["throughput_batches_per_s"]
    lost = free.get("client_word_contended_per_s", 0.0) / free["throughput_batches_per_s"]
    throughput, latency = both["throughput_batches_per_s"], both["latency_order_mean_ns"]
    return Load(
        scenario.name, "simulated", scenario.brokers.count, contended / batches, contended, lost,
        _gain(throughput, 1), _gain(latency, -1),
    )  # fmt: skip


def _gain(difference: Difference, sign: int) -> Gain:
    """Return a difference as a gain: of a quantity of which less is better, by how much it fell."""
    low, high = sorted(sign * each for each in (difference.low or 0.0, difference.high or 0.0))
    known = difference.low is not None
    return Gain(sign * (difference.change or 0.0), low if known else None, high if known else None, difference.n)


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
