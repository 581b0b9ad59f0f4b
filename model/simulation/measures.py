"""The figures of one replication: what is measured, when measuring begins, and in which unit.

Times of a batch count from when it was due, not from when its client found the time to send it; so a slow system is not
spared the batches that it kept waiting. Everything is measured over [warm-up, end of sending), by the time at which it
began: a batch that ends later is counted with its whole latency. Percentiles are nearest-rank, so they are whole
nanoseconds that some batch really took.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum

import numpy as np

from fencepost.model.histories.records import IntColumn
from fencepost.model.simulation.records import Busy, Slot, Tally
from fencepost.model.simulation.world import World

PERCENTILES: tuple[tuple[str, int], ...] = (("p50", 500), ("p90", 900), ("p99", 990), ("p999", 999))
STAGES = ("receive", "ring", "hold", "word_or_lock", "publish", "export", "deliver")
"""Where a batch's time goes, in this order; `stages` says where each begins and ends."""
MSER_GROUP = 5  # observations that MSER-5 averages before it looks

UNITS: dict[str, str] = {
    "ns": "ns", "per_s": "1/s", "slots": "slots", "share": "share", "count": "count",
}  # fmt: skip
"""The unit of a metric, by how its name ends or what it names."""


def unit_of(metric: str) -> str:
    """Return the unit that a metric's name says."""
    for word, unit in UNITS.items():
        if metric.endswith(f"_{word}") or f"_{word}_" in metric:
            return unit
    return "count"


def percentile(ordered: Sequence[int] | IntColumn, per_mille: int) -> int:
    """Return the nearest-rank percentile of values in ascending order."""
    return int(ordered[max(0, -(-len(ordered) * per_mille // 1000) - 1)])


def mser5(series: Sequence[int]) -> int:
    """Return how many leading observations to leave out, by MSER-5.

    Averages of 5 observations; leave out the d first of n that make sum((x - mean)^2) / (n - d)^2 least, d at most
    n / 2 (White, Cobb, Spratt, A comparison of five steady-state truncation heuristics, WSC 2000). Sums are integers,
    so the answer is the same on every machine.
    """
    groups = [sum(series[k : k + MSER_GROUP]) for k in range(0, len(series) - MSER_GROUP + 1, MSER_GROUP)]
    best, least = 0, None
    total = squares = 0
    for left_out in range(len(groups) - 1, -1, -1):
        value = groups[left_out]
        total, squares = total + value, squares + value * value
        kept = len(groups) - left_out
        if left_out > len(groups) // 2 or kept < 2:
            continue
        # (squares - total^2 / kept) / kept^2, as a fraction kept exact
        numerator, denominator = squares * kept - total * total, kept**3
        if least is None or numerator * least[1] <= least[0] * denominator:
            best, least = left_out, (numerator, denominator)
    return best * MSER_GROUP


@dataclass(frozen=True)
class Window:
    """The time that is measured: [begin_ns, end_ns)."""

    begin_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        return (self.end_ns - self.begin_ns) / 1e9

    def holds(self, time_ns: int) -> bool:
        return self.begin_ns <= time_ns < self.end_ns


def window_of(world: World) -> Window:
    """Return what is measured of a run: by the scenario's warm-up, or by MSER-5 on the latency of ordering."""
    end_ns = world.sending_ends_ns
    given_ns = world.scenario.warmup_ns
    if given_ns is not None:
        return Window(given_ns, end_ns)
    ordered = [slot for slot in world.recorder.slots if slot.published_ns >= 0 and slot.filled_ns < end_ns]
    left_out = mser5([slot.published_ns - slot.filled_ns for slot in ordered])
    return Window(ordered[left_out].filled_ns if left_out < len(ordered) and left_out else 0, end_ns)


def measure(world: World) -> dict[str, float]:
    """Return every figure of a run by name; what nothing happened for is left out."""
    window = window_of(world)
    figures: dict[str, float] = {"warmup_ns": window.begin_ns}
    figures |= _throughput(world, window)
    for name, values in latencies(world).items():
        figures |= _spread(f"latency_{name}", values)
    figures |= stages(world, window)
    figures |= _waits("lock", world.recorder.lock, window)
    figures |= _waits("counter", world.recorder.counter, window)
    figures |= _waits("client_word", world.recorder.client_words, window)
    if world.scenario.granularity == "batch":
        figures["line_transfers_per_s"] = sum(map(window.holds, world.recorder.line_transfers)) / window.seconds
    figures |= _spread("lock_held", world.recorder.lock_held.between(window.begin_ns, window.end_ns))
    figures |= _spread("hold", world.recorder.hold.between(window.begin_ns, window.end_ns))
    figures |= _spread("staleness", world.recorder.staleness.between(window.begin_ns, window.end_ns))
    figures |= _occupancy(world, window)
    busy = world.recorder
    for name, workers in (("scanner", busy.scanners), ("receiver", busy.receivers), ("subscriber", busy.subscribers)):
        figures |= _utilisation(name, workers, window)
    if len(world.recorder.lock_held.values):
        figures["utilisation_lock_share"] = _lock_share(world, window)
    if busy.operation_count:
        figures["memory_operations_count"] = busy.operation_count
    figures |= {f"{name}_count": count for name, count in sorted(world.recorder.counts.items())}
    return figures


def _throughput(world: World, window: Window) -> dict[str, float]:
    """Rates of ordered batches. `counting_warmup` divides what the whole run ordered by the measured time alone."""
    slots = [slot for slot in world.recorder.slots if slot.published_ns >= 0]
    done = [slot for slot in slots if window.holds(slot.published_ns)]
    due = sum(window.holds(batch.due_ns) for batch in world.recorder.batches)
    whole_run = sum(slot.published_ns < window.end_ns for slot in slots)
    figures = {
        "throughput_batches_per_s": len(done) / window.seconds,
        "throughput_messages_per_s": sum(slot.batch.count for slot in done) / window.seconds,
        "throughput_bytes_per_s": sum(slot.batch.size for slot in done) / window.seconds,
        "throughput_counting_warmup_per_s": whole_run / window.seconds,
        "offered_batches_per_s": due / window.seconds,
    }
    if due:
        figures["completed_share"] = len(done) / due
    filled = sum(window.holds(slot.filled_ns) for slot in world.recorder.slots)
    if filled:
        parked = sum(slot.parked_ns >= 0 and window.holds(slot.filled_ns) for slot in world.recorder.slots)
        figures["parked_share"] = parked / filled
    return figures


def latencies(world: World) -> dict[str, array[int]]:
    """Return the measured latencies in nanoseconds, ascending.

    order: from the slot being filled to its position being published; ack, deliver: from the batch being due.
    """
    window = window_of(world)
    slots = [slot for slot in world.recorder.slots if window.holds(slot.filled_ns)]
    batches = (batch for batch in world.recorder.batches if window.holds(batch.due_ns))
    return {
        "order": _ascending(slot.published_ns - slot.filled_ns for slot in slots if slot.published_ns >= 0),
        "ack": _ascending(batch.acked_ns - batch.due_ns for batch in batches if batch.acked_ns >= 0),
        "deliver": _ascending(slot.delivered_ns - slot.batch.due_ns for slot in slots if _is_first_delivery(slot)),
    }


def _ascending(values: Iterable[int]) -> array[int]:
    """Return numbers in ascending order, eight bytes each: as objects a million of them take five times as much."""
    return array("q", np.sort(np.fromiter(values, dtype=np.int64)).tobytes())


def stages(world: World, window: Window) -> dict[str, float]:
    """Return where the time of a batch goes, from being due to being delivered: means in nanoseconds, which add up.

    receive: until its slot is filled, client and network included; ring: until it is parked, or taken up by the attempt
    that orders it; hold: parked; word_or_lock: that attempt, until it has its range; publish: until its guard is
    stored, message headers included; export: until another host may see that; deliver: until the subscriber has it. Of
    first copies that were delivered. Operation by operation no attempt has a beginning: there it is part of ring or
    hold.
    """
    slots = [slot for slot in world.recorder.slots if window.holds(slot.batch.due_ns) and _is_first_delivery(slot)]
    if not slots:
        return {}
    taken = dict.fromkeys(STAGES, 0)
    for slot in slots:
        attempted_ns = slot.attempted_ns if slot.attempted_ns >= 0 else slot.ordered_ns
        edges = (
            slot.batch.due_ns, slot.filled_ns, slot.parked_ns if slot.parked_ns >= 0 else attempted_ns, attempted_ns,
            slot.ordered_ns, slot.published_ns, slot.offered_ns, slot.delivered_ns,
        )  # fmt: skip
        for name, before, after in zip(STAGES, edges[:-1], edges[1:], strict=True):
            taken[name] += after - before
    if all(slot.attempted_ns < 0 for slot in slots):
        del taken["word_or_lock"]
    return {f"stage_{name}_mean_ns": total / len(slots) for name, total in taken.items()}


def _is_first_delivery(slot: Slot) -> bool:
    return slot.delivered_ns >= 0 and slot.batch.first is slot


def _spread(name: str, values: array[int] | IntColumn) -> dict[str, float]:
    """Return mean and percentiles of times in nanoseconds."""
    ordered = np.sort(np.asarray(values, dtype=np.int64))
    if not len(ordered):
        return {}
    figures: dict[str, float] = {f"{name}_mean_ns": int(ordered.sum()) / len(ordered)}
    return figures | {f"{name}_{label}_ns": percentile(ordered, per_mille) for label, per_mille in PERCENTILES}


def _waits(name: str, tally: Tally, window: Window) -> dict[str, float]:
    """Requests a second, those that had to wait, and for how long."""
    values = tally.between(window.begin_ns, window.end_ns)
    if not len(values):
        return {}
    figures = {
        f"{name}_requests_per_s": len(values) / window.seconds,
        f"{name}_contended_per_s": np.count_nonzero(values) / window.seconds,
    }
    return figures | _spread(f"{name}_wait", values)


def _occupancy(world: World, window: Window) -> dict[str, float]:
    """Slots in use, over time and over the rings."""
    means, highest = [], 0
    for tally in world.recorder.occupancy:
        area = value = 0
        since_ns = window.begin_ns
        for at_ns, after in zip(tally.at_ns, tally.values, strict=True):
            if at_ns >= window.end_ns:
                break
            if at_ns > window.begin_ns:
                area += value * (at_ns - since_ns)
                since_ns = at_ns
                highest = max(highest, value, after)
            value = after
        area += value * (window.end_ns - since_ns)
        means.append(area / (window.end_ns - window.begin_ns))
    return {"ring_occupancy_mean_slots": fsum(means) / len(means), "ring_occupancy_max_slots": max(highest, 0)}


def _utilisation(name: str, workers: Sequence[Busy], window: Window) -> dict[str, float]:
    shares = [busy.share(window.begin_ns, window.end_ns) for busy in workers]
    return {
        f"utilisation_{name}_mean_share": fsum(shares) / len(shares),
        f"utilisation_{name}_max_share": max(shares),
    }


def _lock_share(world: World, window: Window) -> float:
    held = Busy()
    for end_ns, length_ns in zip(world.recorder.lock_held.at_ns, world.recorder.lock_held.values, strict=True):
        held.note(end_ns - length_ns, length_ns)
    return held.share(window.begin_ns, window.end_ns)
