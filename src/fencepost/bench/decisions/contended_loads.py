"""One load of order 4: how often its lock or its words are contended, how lines move, and the gain of having no lock.

    native      one or two scanners on full rings: nothing but ordering. Locks that were held at the first try,
                exchanges and claims that lost, and lines that came from the other scanner are counted in a build of
                their own (native/counting.py), lines in runs of their own, as following them costs time; times are not
                its
    simulated   the whole: clients, network, brokers, scanners, subscribers, at an offered load

A line transfer is an access for which a line comes from another core that holds it: a load without a copy, a store or
an atomic where anybody else has one. Both sources count it by that rule, on the lock, the counter and the clients'
words (natively also on the few words that say that a scanner is done).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from fencepost.bench.measured_paths import mostly_disturbed
from fencepost.bench.statistics.change import change_of
from fencepost.model.simulation.quantities import Nanoseconds
from fencepost.model.simulation.scenario import Scenario
from fencepost.native.counting import ScanCounts, count_scan
from fencepost.native.measuring import measure_setting
from fencepost.reports.simulate import Simulation
from fencepost.simulating.paired import Difference, paired
from fencepost.simulating.run import simulate

LOCKED, FREE = "order4.mutex", "order4.claim"
NOT_NEEDED, RECOMMENDED = 100.0, 1000.0  # contentions a second, by the findings
WORTH = 0.02  # the least gain that the findings promise
COUNTED_BATCHES, QUICK_COUNTED_BATCHES = 1 << 17, 1 << 9
QUICK_BATCHES_OF_A_CLIENT = 4  # at least: two scanners that share one client wait for each other at every batch
COUNTED_RUNS = 5
NATIVE_CLIENTS = 1024
SIMULATED_REPLICATIONS = 5


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
class Side:
    """What one sequencer meets. `contended`: locks held at the first try, or exchanges and claims that lost."""

    batches_per_s: float
    contended_per_batch: float
    transfers_per_batch: float

    @property
    def contended_per_s(self) -> float:
        return self.contended_per_batch * self.batches_per_s

    @property
    def transfers_per_s(self) -> float:
        """Line transfers of all scanners together."""
        return self.transfers_per_batch * self.batches_per_s


@dataclass(frozen=True)
class Setup:
    """What a load is made of. `skew`: client n sends in proportion to 1 / (n + 1)^skew; `rate`: of each, simulated."""

    clients: int
    scanners: int
    skew: float = 0.0
    rate: float | None = None

    @property
    def name(self) -> str:
        rate = "" if self.rate is None else f" at {self.rate:,.10g}/s"
        clients, scanners = (
            f"{count:,} {word}{'s' * (count != 1)}"
            for count, word in ((self.clients, "client"), (self.scanners, "scanner"))
        )
        return f"{clients}{rate}, {scanners}{f', skew {self.skew:g}' if self.skew else ''}"


@dataclass(frozen=True)
class Counts:
    """The native counts of one setup, with a lock and without; rates are those of the build that counts."""

    setup: Setup
    locked: Side
    free: Side


@dataclass(frozen=True)
class Load:
    """One load: what both sequencers meet, and what it gains to do without the lock.

    `latency` is of ordering, less is better, and None where only full rings are ordered.
    """

    setup: Setup
    source: Literal["native", "simulated"]
    locked: Side
    free: Side
    throughput: Gain
    latency: Gain | None

    @property
    def advice(self) -> str:
        return advice(self.locked.contended_per_s)

    @property
    def rule_holds(self) -> bool | None:
        """Whether the findings' rule says what was measured of throughput; None where either is open."""
        worth = self.throughput.is_worth_it
        return None if worth is None or self.advice == "consider" else worth == (self.advice == "recommended")


def counted(setup: Setup, quick: bool) -> Counts:
    """Count both sequencers on one setup."""
    return Counts(setup, *(_counted_side(each, setup, quick) for each in (LOCKED, FREE)))


def _counted_side(sequencer: str, setup: Setup, quick: bool) -> Side:
    scans = _scans(sequencer, setup, quick, False)
    followed = _scans(sequencer, setup, quick, True)
    # One entry a scanner; those of one run were timed together, so each has its run's time.
    seconds = sum(each.seconds for each in scans) / setup.scanners
    contended = _per_batch(scans, _contended)
    transfers = _per_batch(followed, lambda each: each.line_transfers)
    return Side(sum(each.batch_count for each in scans) / seconds, contended, transfers)


def _scans(sequencer: str, setup: Setup, quick: bool, follows_lines: bool) -> list[ScanCounts]:
    """Count several runs: in one alone the scanners may hardly have run at once."""
    least = max(QUICK_COUNTED_BATCHES, QUICK_BATCHES_OF_A_CLIENT * setup.clients)
    return [
        each
        for _ in range(COUNTED_RUNS)
        for each in count_scan(
            sequencer, ring_count=setup.scanners, batch_count=least if quick else COUNTED_BATCHES,
            client_count=setup.clients, skew=setup.skew, follows_lines=follows_lines,
        )
    ]  # fmt: skip


def _contended(scan: ScanCounts) -> int:
    """Return what met another scanner: of a sequencer with a lock the rest is 0, and the other way round."""
    return scan.locks_contended + scan.exchanges_failed + scan.claims_lost


def _per_batch(scans: Sequence[ScanCounts], count: Callable[[ScanCounts], int]) -> float:
    return sum(map(count, scans)) / sum(each.batch_count for each in scans)


def native_load(setting: str, setup: Setup, repetitions: int, quick: bool) -> Load:
    """Time both on full rings by a setting of the bench, and count the same setup."""
    times = measure_setting(setting, repetitions=repetitions, quick=quick)
    probes = [times.probes[each] for each in (LOCKED, FREE)]
    # Both probes are timed in turn; the gain in speed is the change from what `claim` takes to what `mutex` takes.
    change = change_of(probes[1].values, probes[0].values, "median")
    undecided = mostly_disturbed(sum(each.disturbed_count for each in probes), repetitions, 2)
    gain = Gain(change.change, change.low, change.high, change.n, undecided)
    counts = counted(setup, quick)
    locked, free = (
        Side(1e9 / median(probe.values), each.contended_per_batch, each.transfers_per_batch)
        for probe, each in zip(probes, (counts.locked, counts.free), strict=True)
    )
    return Load(setup, "native", locked, free, gain, None)


def loaded(setup: Setup, quick: bool) -> Scenario:
    """Return the whole at this load, without positions in messages."""
    assert setup.rate is not None
    plain = Scenario(name=setup.name, check=False, replications=SIMULATED_REPLICATIONS)
    return plain.with_(
        clients={"count": setup.clients, "rate": setup.rate, "skew": setup.skew}, brokers={"count": setup.scanners},
        message_headers=False, duration=int(Nanoseconds.parse("1 ms" if quick else "10 ms")),
    )  # fmt: skip


def simulated_load(setup: Setup, seed: int, jobs: int, quick: bool) -> Load:
    """Simulate both on one setup, with the same arrivals."""
    scenario = loaded(setup, quick)
    both = paired(*(simulate(scenario, sequencer=each, seed=seed, jobs=jobs) for each in (LOCKED, FREE)))
    throughput, latency = both["throughput_batches_per_s"], both["latency_order_mean_ns"]
    locked, free = _side(both.first, "lock"), _side(both.second, "client_word")
    return Load(setup, "simulated", locked, free, _gain(throughput, 1), _gain(latency, -1))


def _side(simulation: Simulation, contended: str) -> Side:
    """Return what a simulation met of the lock, or of the clients' words: nothing where nobody asked for them."""
    figures = {each.metric: each.value for each in simulation.figures}
    rate = figures["throughput_batches_per_s"]
    met = (figures.get(name, 0.0) / rate for name in (f"{contended}_contended_per_s", "line_transfers_per_s"))
    return Side(rate, *met)


def _gain(difference: Difference, sign: int) -> Gain:
    """Return a difference as a gain: of a quantity of which less is better, by how much it fell."""
    low, high = sorted(sign * each for each in (difference.low or 0.0, difference.high or 0.0))
    known = difference.low is not None
    return Gain(sign * (difference.change or 0.0), low if known else None, high if known else None, difference.n)
