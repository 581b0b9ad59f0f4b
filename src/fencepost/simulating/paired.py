"""Two simulations of the same arrivals and seeds, replication by replication: how far each metric differs.

Both sides draw from the same seeds, so that replication n of one sees the arrivals of replication n of the other, and
what the arrivals do to a figure cancels. The interval is Student's t on the logarithm of each pair's ratio: a change of
a quantity that cannot be negative is never below -100 % (Law, Simulation Modeling and Analysis, 10.2, paired-t).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import expm1, fsum, log, sqrt

import msgspec

from fencepost.model.contract import Verdict, worst
from fencepost.model.errors import InputError
from fencepost.model.report import Progress
from fencepost.model.simulation.intervals import CONFIDENCE
from fencepost.model.simulation.measures import STAGES
from fencepost.model.simulation.scenario import Granularity, Policy, Scenario
from fencepost.reports.simulate import Simulation
from fencepost.simulating.run import simulate

PAIRS_MIN = 2
SHOWN = (
    "throughput_batches_per_s", "latency_order_mean_ns", "latency_order_p99_ns", "latency_ack_mean_ns",
    "latency_ack_p99_ns", "latency_deliver_mean_ns", "latency_deliver_p99_ns", "utilisation_scanner_mean_share",
    "lock_wait_mean_ns", "client_word_wait_mean_ns", "counter_wait_mean_ns", "line_transfers_per_s",
)  # fmt: skip


@dataclass(frozen=True)
class Side:
    """One side: a scenario, and what replaces something of it."""

    scenario: Scenario
    sequencer: str | None = None
    policy: Policy | None = None
    granularity: Granularity | None = None


@dataclass(frozen=True)
class Difference:
    """A metric on both sides, means over the pairs, and the change from the first to the second as a share.

    `low` and `high` bound it with 95 %, None of fewer than two pairs that can be compared.
    """

    metric: str
    unit: str
    first: float
    second: float
    change: float | None
    low: float | None
    high: float | None
    n: int

    @property
    def differs(self) -> bool:
        """Whether the interval leaves out no change at all."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Paired:
    """Two simulations side by side.

    `headers` is there where the sides are of different levels and one writes a position into the header of every
    message: the other side beside that one without them, so that what the headers cost is not put down to ordering.
    """

    first: Simulation
    second: Simulation
    differences: tuple[Difference, ...]
    headers: Paired | None = None

    def __getitem__(self, metric: str) -> Difference:
        return next(each for each in self.differences if each.metric == metric)

    @property
    def verdict(self) -> Verdict:
        """The worse verdict of the two sides; a difference is no failure."""
        return worst([self.first.verdict, self.second.verdict])

    @property
    def stages(self) -> tuple[Difference, ...]:
        """Where a batch's time goes on both sides, stage by stage; stages that none has are left out."""
        names = [f"stage_{name}_mean_ns" for name in STAGES]
        return tuple(each for name in names for each in self.differences if each.metric == name)


def paired(first: Simulation, second: Simulation) -> Paired:
    """Return how far each metric that both have differs.

    Raises InputError unless both are of one seed, as many replications and the same offered load: else they are no
    pairs.
    """
    if first.seed != second.seed or first.scenario.replications != second.scenario.replications:
        raise InputError(
            f"seed {first.seed} with {first.scenario.replications} replications and seed {second.seed} with "
            f"{second.scenario.replications}: expected the same of both, as they are compared in pairs"
        )
    if first.scenario.replications < PAIRS_MIN:
        raise InputError(
            f"replications is {first.scenario.replications}: expected at least {PAIRS_MIN} for an interval"
        )
    theirs = {each.metric: each for each in second.figures}
    differences = tuple(
        difference(each.metric, each.unit, each.samples, theirs[each.metric].samples)
        for each in first.figures if each.metric in theirs and each.n == theirs[each.metric].n
    )  # fmt: skip
    return Paired(first, second, differences)


def difference(metric: str, unit: str, first: Sequence[float], second: Sequence[float]) -> Difference:
    """Return how far a metric differs between two sides, of which the values with equal indices are pairs."""
    n = len(first)
    was, now = fsum(first) / n, fsum(second) / n
    if min(*first, *second, was) <= 0:  # no ratio: a count of nothing on one side
        same = 0.0 if list(first) == list(second) else None
        return Difference(metric, unit, was, now, same, same, same, n)
    if n < PAIRS_MIN:
        return Difference(metric, unit, was, now, now / was - 1, None, None, n)
    logs = [log(b / a) for a, b in zip(first, second, strict=True)]
    middle = fsum(logs) / n
    half = _quantile(n - 1) * sqrt(fsum((each - middle) ** 2 for each in logs) / (n - 1) / n)
    return Difference(metric, unit, was, now, expm1(middle), expm1(middle - half), expm1(middle + half), n)


def _quantile(degrees: int) -> float:
    from scipy.stats import t as student

    return float(student.ppf((1 + CONFIDENCE) / 2, degrees))


def against(first: Side, second: Side, *, seed: int = 0, jobs: int = 1, on_progress: Progress | None = None) -> Paired:
    """Simulate two sides on the same arrivals and seeds and return how they differ.

        fencepost.simulating.paired.against(Side(Scenario(), "order4.mutex"), Side(Scenario(), "order4.claim"))

    Raises InputError where they are no pairs: clients, network, brokers' number and replications must be the same.
    """
    scenarios = [first.scenario, second.scenario]
    for name in ("clients", "network", "replications", "duration"):
        one, other = (getattr(each, name) for each in scenarios)
        if one != other:
            raise InputError(f"{name} differ between the two sides: expected the same arrivals on both, as pairs have")

    def run(side: Side) -> Simulation:
        return simulate(
            side.scenario, sequencer=side.sequencer, policy=side.policy, granularity=side.granularity, seed=seed,
            jobs=jobs, on_progress=on_progress,
        )  # fmt: skip

    sides = (run(first), run(second))
    both = paired(*sides)
    levels = {each.level: side for each, side in zip(sides, (first, second), strict=True)}
    if set(levels) != {4, 5} or not levels[4].scenario.ordering.message_headers:
        return both
    ordering = msgspec.structs.replace(levels[4].scenario.ordering, message_headers=False)
    bare = run(replace(levels[4], scenario=msgspec.structs.replace(levels[4].scenario, ordering=ordering)))
    fifth, fourth = sorted(sides, key=lambda each: -each.level)
    assert fourth.level == 4
    return replace(both, headers=paired(fifth, bare))
