"""What a race of a sequencer takes: a batch's time by stage, and its latencies, of one race of a made workload.

    receive        from its receiver taking it up until its slot is published: room in the ring, the payload
    ring           until it is taken in hand first: the ring, scanners busy with others
    hold           from there, if that was too early, until the attempt that ordered it; of others none
    word or lock   that attempt: the lock, or the words of its client and of the counter
    publish        until its guard in the export chain is stored: room in the chain, the record, its policy's fences
    export         until that is written back and fenced, as the policy does: next to nothing without one
    deliver        until a subscriber has read it

Clients and network, which a simulation counts as receiving, are none here: arrivals are there from the start. Times are
what the race's own threads recorded at their clocks. Every batch of a race was ordered, delivered and
acknowledged, or there are no times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fencepost.model.errors import Miscounted
from fencepost.native import RaceOptions, RaceResult, race

BATCH_COUNT, QUICK_BATCH_COUNT = 20_000, 2_000
CLIENT_COUNT = 16
MESSAGE_COUNT = 8
THREADS_OF_A_RING, THREADS_BESIDE = 3, 2  # receiver, scanner, subscriber; acknowledger and clients
STAGES = {
    "receive": "taken up by its receiver, until its slot is published",
    "ring": "until it is taken in hand first",
    "hold": "parked, until the attempt that ordered it",
    "word or lock": "that attempt: the lock, or the words of its client and of the counter",
    "publish": "until its guard in the export chain is stored",
    "export": "until that is written back",
    "deliver": "until a subscriber has read it",
}


@dataclass(frozen=True)
class RaceTimes:
    """One race, in ns: a batch's mean time in each stage, and other times by name."""

    stages: Mapping[str, float]
    times: Mapping[str, float]


def race_times(sequencer: str, *, scanners: int = 1, quick: bool = False, seed: int = 0) -> RaceTimes:
    """Race a sequencer over `scanners` rings, every client's batches by turns in all of them; return what it took.

    The same seed makes the same arrivals, whatever the sequencer. Raises Miscounted where a batch was lost.
    """
    batch_count = QUICK_BATCH_COUNT if quick else BATCH_COUNT
    rows = np.arange(batch_count)
    client, batch_seq = rows % CLIENT_COUNT, rows // CLIENT_COUNT
    result = race(
        sequencer, client_id=client, batch_seq=batch_seq, broker_id=(client + batch_seq) % scanners,
        message_count=np.full_like(rows, MESSAGE_COUNT), seed=seed, options=RaceOptions(),
    )  # fmt: skip
    if result.ordered_count != batch_count or min(result.acked_ns.min(), result.delivered_ns.min()) < 0:
        raise Miscounted(f"{result.ordered_count} of {batch_count} batches were ordered, delivered and acknowledged")
    return times_of(result)


def times_of(result: RaceResult) -> RaceTimes:
    """Return what a race took in which every batch was ordered, delivered and acknowledged."""
    # Whoever reads next may have done so before the one that wrote looked at the clock.
    filled = np.minimum(result.filled_ns, result.first_attempted_ns)
    published, exported = (np.minimum(each, result.delivered_ns) for each in (result.published_ns, result.exported_ns))
    moments = (
        result.received_ns, filled, result.first_attempted_ns, result.attempted_ns, result.ordered_ns, published,
        exported, result.delivered_ns,
    )  # fmt: skip
    stages = {
        name: float(np.mean(after - before))
        for name, before, after in zip(STAGES, moments[:-1], moments[1:], strict=True)
    }
    ordered, acked = result.ordered_ns - result.sent_ns, result.acked_ns - result.sent_ns
    times = {
        "a batch": result.seconds * 1e9 / result.sent_ns.size,
        "ordered, mean": float(np.mean(ordered)),
        "ordered, p99": float(np.percentile(ordered, 99)),
        "delivered, mean": float(np.mean(result.delivered_ns - result.sent_ns)),
        "acknowledged, mean": float(np.mean(acked)),
    }
    return RaceTimes(stages, times)
