"""Frames of trials made by hand, as `Run.to_frame` makes them: what figures and pages are tested on."""

from __future__ import annotations

from itertools import product
from typing import Any

import polars

from fencepost.experiments.spec import FigureTable

SEQUENCERS = ("order4.claim", "order4.mutex")
RATES = (1_000, 10_000, 50_000)


def figure(kind: str, **given: Any) -> FigureTable:
    """Return a `[[figure]]` of the sweep `load`."""
    return FigureTable(kind, "load", **given)  # type: ignore[arg-type]  # a kind that there is not is tested too


def trial(sequencer: str = "order4.claim", rate: float = 1_000, replication: int = 0, **changed: Any) -> dict[str, Any]:
    """Return one trial; its latency grows with the rate and the replication, so that all values are known."""
    latency_us = 2.0 + rate / 1_000 + replication + (5.0 if sequencer == "order4.mutex" else 0.0)
    row: dict[str, Any] = {
        "sweep": "load", "engine": "simulation", "sequencer": sequencer, "rate_batches_per_s": rate,
        "replication": replication, "seed": replication, "status": "done", "verdict": "not found", "explanation": "",
        "trace": None, "seconds": 0.1, "throughput_batches_per_s": 4.0 * rate + replication,
        "contended_per_s": 0.0 if sequencer == "order4.claim" else rate / 10, "latency_p50_us": latency_us,
        "latency_p99_us": 3 * latency_us, "stage_ring_us": latency_us / 4, "stage_deliver_us": latency_us / 2,
        "latency_quantiles_us": [latency_us * (1 + rank / 50) for rank in range(101)], "warmup_us": 12.0,
    }  # fmt: skip
    row |= changed
    if row["status"] != "done":
        row |= dict.fromkeys(list(row)[list(row).index("seconds") + 1 :]) | {"verdict": None}
    return row


def frame(rows: list[dict[str, Any]] | None = None, replications: int = 3) -> polars.DataFrame:
    """Return the trials as a frame: by default every sequencer at every rate."""
    every = product(SEQUENCERS, RATES, range(replications))
    return polars.DataFrame(rows or [trial(*each) for each in every], strict=False, infer_schema_length=None)


ASKED: dict[str, dict[str, Any]] = {
    "latency-load": {"x": "rate_batches_per_s", "by": "sequencer"},
    "throughput-contention": {"by": "sequencer"},
    "cdf": {"x": "latency_quantiles_us", "by": "sequencer"},
    "paired-difference": {"x": "rate_batches_per_s", "y": "latency_p50_us", "by": "sequencer"},
    "stages": {"by": "sequencer"},
    "heat-map": {"x": "rate_batches_per_s", "y": "sequencer", "by": "latency_p99_us"},
    "detection-matrix": {"x": "rate_batches_per_s", "y": "sequencer"},
}
"""Each kind as a spec asks for it."""
