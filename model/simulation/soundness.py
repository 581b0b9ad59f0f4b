"""The limits of a scenario: its parts that are refuted elsewhere, and the properties that its runs cannot judge.

A simulation is fast for what it leaves out. Batch by batch a batch shows whole, and its acknowledgement waits for its
guard, because the simulation is made so: a property that holds by construction was not looked at, and no verdict is
given. What is not flushed shows when it is evicted; that every line is, after a while, is an assumption of the scenario
and no promise of any cache.
"""

from __future__ import annotations

from typing import NamedTuple

from fencepost.model.simulation.scenario import Scenario
from fencepost.model.specs import REFUTED, protocol


class Unsound(NamedTuple):
    """A part of a scenario that is refuted elsewhere, why, and the command that refutes it."""

    part: str
    reason: str
    see: str

    def __str__(self) -> str:
        return f"{self.part}: unsound (see {self.see})"


SEED_POLICY = Unsound(
    "policy seed",
    "the guard is stored after the fence and never flushed, so that no reader on another host need see it",
    "fencepost explore export_after_fence",
)


def unsound(scenario: Scenario) -> tuple[Unsound, ...]:
    """Return what of a scenario is refuted elsewhere, whatever its own runs show; empty for a sound one."""
    found = []
    if protocol(scenario.sequencer) in REFUTED:
        broken = ", ".join(REFUTED[protocol(scenario.sequencer)])
        found.append(Unsound(scenario.sequencer, f"breaks {broken}", f"fencepost prove {scenario.sequencer}"))
    if scenario.policy == "seed":
        found.append(SEED_POLICY)
    if scenario.brokers.hosts == "own":
        if scenario.brokers.publish == "evict":
            reason = "a header that is never flushed may show before its payload, or never"
            found.append(Unsound("brokers.publish evict", reason, "fencepost explore seed.order4"))
        if scenario.clients.ack == "assigned":
            reason = "the ack of a batch departs before its position is readable on other hosts"
            found.append(Unsound("clients.ack assigned", reason, "fencepost explore ack_before_export"))
    return tuple(found)


def unjudged(scenario: Scenario) -> dict[str, str]:
    """Return the properties that no run of a scenario can show to hold, each with the reason.

    A violation of one is a violation still; only its absence cannot be shown.
    """
    found = {}
    ask = SEED_POLICY.see if scenario.policy == "seed" else "--granularity operation"
    if scenario.granularity == "batch":
        found["visible"] = f"batch by batch no line is read, and a batch shows whole: ask {ask}"
        if scenario.clients.ack != "assigned":
            found["ack-safe"] = f"batch by batch an ack waits for the guard by construction: ask {ask}"
        found["no-overwrite"] = f"batch by batch a receiver knows at once what was consumed: ask {ask}"
    evicted = [
        what
        for what, is_so in (
            ("policy seed", scenario.policy == "seed"),
            ("brokers.publish evict", scenario.brokers.publish == "evict" and scenario.brokers.hosts == "own"),
        )
        if is_so
    ]
    if evicted:
        found["drained"] = f"{' and '.join(evicted)}: nothing obliges a cache to evict, and here every line is, in time"
    return found
