"""The figures that a trial of each engine can have, by name: a spec that asks for another is refused before it runs.

A test holds these lists against what the engines return. Counts of events of a simulation, `..._count`, are as many as
there are kinds of event, and are not listed.
"""

from __future__ import annotations

from fencepost.model.simulation.measures import STAGES

_SPREAD = ("mean_us", "p50_us", "p90_us", "p99_us", "p999_us")


def _spreads(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}_{each}" for name in names for each in _SPREAD)


_ALL = ("throughput_batches_per_s", "contended_per_s", "duration_us", "latency_quantiles_us")
_SIMULATION = (
    *_ALL, *_spreads("latency", "latency_order", "latency_ack", "hold", "staleness", "lock_held"),
    *(
        figure for name in ("lock", "counter", "client_word")
        for figure in (f"{name}_requests_per_s", f"{name}_contended_per_s", *_spreads(f"{name}_wait"))
    ),
    *(f"stage_{name}_us" for name in STAGES),
    "line_transfers_per_s",
    *(f"throughput_{name}_per_s" for name in ("messages", "bytes", "counting_warmup")),
    *(f"utilisation_{name}_{of}_share" for name in ("scanner", "receiver", "subscriber") for of in ("mean", "max")),
    "utilisation_lock_share", "offered_batches_per_s", "completed_share", "parked_share", "warmup_us",
    "ring_occupancy_mean_slots", "ring_occupancy_max_slots",
)  # fmt: skip
_NATIVE = (
    *_ALL, *_spreads("latency", "latency_order"), "time_ns", "time_low_ns", "time_high_ns", "contended_per_batch",
    "claim_lost_count", "parked_count", "disturbed_count", "repetitions_count",
)  # fmt: skip
FIGURES: dict[str, tuple[str, ...]] = {
    "simulation": _SIMULATION,
    "native": _NATIVE,
    "explorer": ("runs_count", "blocked_count"),
    "compare": ("examples_count",),
}


def is_figure(engine: str, name: str) -> bool:
    """Say whether a trial of an engine can have a figure of this name."""
    return name in FIGURES[engine] or (engine == "simulation" and name.endswith("_count"))
