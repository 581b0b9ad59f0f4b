"""Faults at their times: what they do to the parts of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fencepost.model.simulation.batches.brokers import Receiver
from fencepost.model.simulation.scenario import Fault, Scenario
from fencepost.model.simulation.world import World


def late_brokers(scenario: Scenario) -> dict[int, int]:
    """Return when late brokers begin, by number: until then no client sends to them."""
    return {fault.broker: int(fault.at) for fault in scenario.faults if fault.kind == "late_broker"}


class Pausing(Protocol):
    """A scanner of either granularity."""

    def pause(self, until_ns: int) -> None: ...


class Slowing(Protocol):
    """A subscriber of either granularity."""

    def slow_down(self, until_ns: int, factor: int) -> None: ...


class Stopping(Protocol):
    """The sequencer as a whole, of either granularity."""

    def stop(self) -> None: ...

    def restart(self) -> None: ...


@dataclass(frozen=True)
class Parts:
    """What faults happen to: by ring, and the sequencer."""

    receivers: Sequence[Receiver]
    scanners: Sequence[Pausing]
    subscribers: Sequence[Slowing]
    sequencer: Stopping


def schedule_faults(world: World, parts: Parts) -> None:
    """Arrange for every fault of the scenario.

    A broker that crashes goes with the first batch that it handles from then on, before or after that batch's header
    is published; what it had received and not handled is lost, what it had published stays in the pool (HA8).
    """
    for fault in world.scenario.faults:
        if fault.kind != "late_broker":
            world.clock.interfere_at(int(fault.at), _Beginning(world, fault, parts).begin)


@dataclass(frozen=True)
class _Beginning:
    """One fault, whenever it begins."""

    world: World
    fault: Fault
    parts: Parts

    def begin(self) -> None:
        """Let the fault happen now, and again after `every`."""
        world, fault, parts, clock = self.world, self.fault, self.parts, self.world.clock
        end_ns = clock.now_ns + fault.lasts
        if fault.every and clock.now_ns + fault.every < world.sending_ends_ns:
            clock.interfere_at(clock.now_ns + fault.every, self.begin)
        world.recorder.count(f"fault_{fault.kind}")
        if world.spans is not None:
            world.spans.instant("faults", f"{fault.kind} {fault.broker}", clock.now_ns)
        if fault.kind == "broker_pause":
            parts.receivers[fault.broker].paused_until_ns = end_ns
        elif fault.kind == "slow_subscriber":
            parts.subscribers[fault.broker].slow_down(end_ns, fault.factor)
        elif fault.kind == "scanner_pause":
            parts.scanners[fault.broker % len(parts.scanners)].pause(end_ns)  # one may serve all rings
        elif fault.kind == "sequencer_stop":
            parts.sequencer.stop()
            clock.interfere_at(end_ns, parts.sequencer.restart)
        else:
            parts.receivers[fault.broker].crash = "before" if fault.kind == "broker_crash_before_publish" else "after"
