"""The pipeline on real threads: the same programs as in the stepped build, over atomics and cache-line instructions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from fencepost.model.errors import InputError
from fencepost.model.programs.pipeline import Design, Scenario
from fencepost.native import _core
from fencepost.native.schedules.pipeline import check_design, native_scenario

__all__ = ["Delivered", "PipelineRun", "run_pipeline"]


class Delivered(NamedTuple):
    """What a subscriber was given; client and seq are those of the payload that it found, -1 if it found none."""

    ring: int
    ring_index: int
    start: int
    client: int
    seq: int


@dataclass(frozen=True)
class PipelineRun:
    """What came of a run. `complete`: all was delivered that can be; else nothing came for as long as the patience."""

    delivered: tuple[Delivered, ...]  # ring after ring, each in the order of its export chain
    issued: int
    seconds: float
    complete: bool


def run_pipeline(
    design: Design, scenario: Scenario, *, flushes: bool = False, patience_seconds: float = 2.0
) -> PipelineRun:
    """Run a design on a scenario with one thread for each role, until all that can be delivered is.

    With `flushes`, lines are written back and dropped by `clflushopt` and fences, as between hosts; without, the
    threads rely on the coherence of the one host that they are on. The scenario must have subscribers. The global
    interpreter lock is free meanwhile; Ctrl-C stops the threads within a quarter of a second.

    Raises InputError for what cannot be run, also where the machine has no `clflushopt`.
    """
    check_design(design)
    stepped = {
        "waits that time out": scenario.timeouts,
        "readers by position": scenario.readers,
        "brokers that join late": scenario.late_rings,
        "scanners that are stopped": int(scenario.stops),
    }
    for what, count in stepped.items():
        if count:
            raise InputError(f"{what} are of the stepped build: expected none, not {count}")
    if not isfinite(patience_seconds) or patience_seconds <= 0:
        raise InputError(f"patience_seconds is {patience_seconds}: expected more than 0")
    try:
        fields = _core.run_pipeline(
            design.name,
            native_scenario(scenario),
            expected_count=deliverable_count(design, scenario),
            patience_seconds=patience_seconds,
            flushes=flushes,
        )
    except _core.Refused as refused:
        raise InputError(str(refused)) from None
    delivered = tuple(Delivered(*row) for row in fields["delivered"])
    return PipelineRun(delivered, fields["issued"], fields["seconds"], fields["is_complete"])


def deliverable_count(design: Design, scenario: Scenario) -> int:
    """Return how many batches will be delivered: all at level 5; of each client those before its first gap at level 4.

    A batch without messages is none. A ring that a parked batch keeps full delivers fewer.
    """
    sent = list(_sent(scenario))
    if design.level == 5:
        return len(sent)
    count = 0
    for client in {client for client, _ in sent}:
        seqs = {seq for of, seq in sent if of == client}
        count += next(seq for seq in range(len(seqs) + 1) if seq not in seqs)
    return count


def _sent(scenario: Scenario) -> Iterator[tuple[int, int]]:
    """Yield client and seq of every batch, and of every copy of one."""
    for ring in (*scenario.rings, *scenario.later):
        yield from ((batch.client, batch.seq) for batch in ring if batch.count >= 1)
    for client, plan in enumerate(scenario.plans):
        for sending in plan:
            if sending.count >= 1:
                yield from [(client, sending.seq)] * (2 if scenario.restarts else 1)
