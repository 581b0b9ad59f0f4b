"""Faults at their times: what they do to the parts of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fencepost.model.simulation.brokers import Receiver, Subscriber
from fencepost.model.simulation.scanners import Shared
from fencepost.model.simulation.scenario import Fault, Scenario
from fencepost.model.simulation.world import World


def late_brokers(scenario: Scenario) -> dict[int, int]:
    """Return when late brokers begin, by number: until then no client sends to them."""
    return {fault.broker: int(fault.at) for fault in scenario.faults if fault.kind == "late_broker"}


class Pausing(Protocol):
    """A scanner of either granularity: it does nothing before the time that it is paused until."""

    paused_until_ns: int


def schedule_faults(
    world: World,
    receivers: Sequence[Receiver],
    scanners: Sequence[Pausing],
    *,
    subscribers: Sequence[Subscriber] = (),
    shared: Shared | None = None,
) -> None:
    """Arrange for every fault of the scenario; operation granularity has neither `subscribers` nor `shared`.

    A broker that crashes goes with the first batch that it handles from then on, before or after that batch's header
    is published; what it had received and not handled is lost, what it had published stays in the pool (HA8).
    """
    for fault in world.scenario.faults:
        if fault.kind != "late_broker":
            subscriber = subscribers[fault.broker] if subscribers else None
            scanner = scanners[fault.broker % len(scanners)]  # the epoch sequencer is one for all rings
            _schedule(world, fault, receivers[fault.broker], scanner, subscriber, shared)


def _schedule(
    world: World,
    fault: Fault,
    receiver: Receiver,
    scanner: Pausing,
    subscriber: Subscriber | None,
    shared: Shared | None,
) -> None:
    def begin() -> None:
        end_ns = world.clock.now_ns + fault.lasts
        if fault.every and world.clock.now_ns + fault.every < world.sending_ends_ns:
            world.clock.interfere_at(world.clock.now_ns + fault.every, begin)
        world.recorder.count(f"fault_{fault.kind}")
        if world.spans is not None:
            world.spans.instant("faults", f"{fault.kind} {fault.broker}", world.clock.now_ns)
        if fault.kind == "broker_pause":
            receiver.paused_until_ns = end_ns
        elif fault.kind == "slow_subscriber":
            assert subscriber is not None
            subscriber.slow_until_ns, subscriber.factor = end_ns, fault.factor
        elif fault.kind == "scanner_pause":
            scanner.paused_until_ns = end_ns
        elif fault.kind == "sequencer_stop":
            assert shared is not None
            shared.halted = True
            world.clock.call_at(end_ns, restart, shared)
        else:
            receiver.crash = "before" if fault.kind == "broker_crash_before_publish" else "after"

    world.clock.interfere_at(int(fault.at), begin)


def restart(shared: Shared) -> None:
    """The sequencer begins again: its scanners read their rings anew."""
    shared.halted = False
    for scanner in shared.scanners:
        scanner.ring.arrival.give()
