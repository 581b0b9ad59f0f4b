"""Simulations operation by operation: faults, policies, loss; and the short cuts change nothing."""

from pathlib import Path
from random import Random
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.histories import verify
from fencepost.model.programs.roles.publication import POLICIES
from fencepost.model.simulation.batches.pipeline import history_of_run, simulate_once
from fencepost.model.simulation.distributions import Distribution
from fencepost.model.simulation.measures import measure
from fencepost.model.simulation.monitor import Monitor
from fencepost.model.simulation.operations.run import simulate_operations_once
from fencepost.model.simulation.quantities import BatchRate, Bytes, Nanoseconds
from fencepost.model.simulation.scenario import Fault, FaultKind, Scenario, read_scenario
from fencepost.model.simulation.world import World
from fencepost.model.specs import protocol

FOLDER = Path(__file__).parents[2] / "examples" / "scenarios"
US = 1000
STOPPED = ("order4.claim", "order4.mutex", "order5.fetch_add")  # those that can be stopped and started again
WORKERS = ("order4.owner", "order4.epoch")  # whose scanners read every ring


def changed(scenario: Scenario, **changes: Any) -> Scenario:
    """Return a scenario with some keys of it and of its sections replaced."""
    made = {
        key: msgspec.structs.replace(getattr(scenario, key), **value) if isinstance(value, dict) else value
        for key, value in changes.items()
    }
    return msgspec.structs.replace(scenario, **made)


SMALL = changed(read_scenario(FOLDER / "operations.toml"), duration=Nanoseconds(300 * US), warmup="10 us")


def run(scenario: Scenario, seed: int = 0, *, runs_ahead: bool = True) -> World:
    level = protocol(scenario.sequencer).level
    return simulate_operations_once(scenario, level, seed=seed, runs_ahead=runs_ahead)


def paused(kind: str, at_us: int, lasts_us: int, broker: int = 0, factor: int = 10) -> Fault:
    """Return a fault of a kind."""
    at, lasts = Nanoseconds(at_us * US), Nanoseconds(lasts_us * US)
    return Fault(kind=kind, at=at, lasts=lasts, broker=broker, factor=factor)  # type: ignore[arg-type]


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Small scenarios of the programs: every policy, fault and network, few and many clients."""
    brokers, hosts = draw(st.integers(2, 4)), draw(st.sampled_from(["own", "own", "shared"]))
    sequencer = draw(st.sampled_from([*STOPPED, *WORKERS, "order5.epoch"]))
    kinds = st.sampled_from([kind for kind in get_args(FaultKind) if sequencer in STOPPED or kind != "sequencer_stop"])
    fault = st.builds(paused, kinds, st.integers(0, 300), st.integers(1, 100), st.integers(1, brokers - 1))
    faults = tuple(draw(st.lists(fault, max_size=3)))
    loss = draw(st.sampled_from([0.0, 0.0, 0.1]))
    policies = [policy for policy in POLICIES if policy != "none" or hosts == "shared"]
    resends = loss or any("crash" in each.kind for each in faults)
    return changed(
        SMALL,
        sequencer=sequencer,
        policy=draw(st.sampled_from(policies)),
        faults=faults,
        brokers={"count": brokers, "ring_slots": 2048, "hosts": hosts, "delegated": draw(st.booleans())},
        network={"loss": loss, "in_order": draw(st.booleans())},
        ordering={"message_headers": draw(st.booleans()), "group": draw(st.integers(1, 5))},
        clients={
            "count": draw(st.integers(1, 4)),
            "rate": BatchRate(draw(st.sampled_from([10_000, 50_000, 100_000]))),
            "burst_batches": draw(st.sampled_from([1, 4])),
            "messages_per_batch": draw(st.sampled_from([1, 4])),
            "window": Bytes(draw(st.sampled_from([4, 64])) * 1024),
            "retransmit_after": Nanoseconds(150 * US if resends else 0),
        },
    )


@settings(max_examples=sized(40), deadline=None)
@given(scenario=scenarios(), seed=st.integers(0, 1000))
def test_the_programs_keep_the_contract_in_any_scenario(scenario: Scenario, seed: int) -> None:
    world = run(scenario, seed)
    assert {name: each.sentence for name, each in world.watch.broken.items()} == {}
    history = history_of_run(world)
    if len(history):
        assert verify(history, world.level).verdict is Verdict.NOT_FOUND


def test_a_range_of_an_epoch_is_no_hole_while_its_batches_are_handed_out() -> None:
    """One fetch_add for two batches, and another scanner's between the first and the second: it was called `dense`."""
    clients = {"count": 1, "burst_batches": 4, "rate": BatchRate(50_000), "messages_per_batch": 1}
    scenario = changed(SMALL, sequencer="order5.epoch", clients=clients, brokers={"count": 2})
    for seed in range(sized(20)):
        assert run(changed(scenario, network={"in_order": False}), seed).watch.broken == {}


@given(counts=st.lists(st.integers(1, 5), min_size=1, max_size=12), seed=st.integers(0, 1000), wrong=st.booleans())
def test_ranges_may_come_in_any_order_and_must_tile_in_the_end(counts: list[int], seed: int, wrong: bool) -> None:
    starts = [sum(counts[:index]) for index in range(len(counts))]
    ranges = list(zip(starts, counts, strict=True))
    Random(seed).shuffle(ranges)
    left_out = ranges.pop(0) if wrong else None
    watch = Monitor(5)
    for start, count in ranges:
        watch.given(start, count, 0)
    assert watch.broken == {}  # whatever is missing may be in flight
    watch.ended("", 1, is_moving=False)
    is_hole = left_out is not None and any(start > left_out[0] for start, _ in ranges)
    assert set(watch.broken) == ({"dense"} if is_hole else set())
    if ranges:
        start, count = ranges[0]
        watch.given(start + count - 1, 1, 2)
        assert "unique" in watch.broken


@settings(max_examples=sized(40), deadline=None)
@given(scenario=scenarios(), slots=st.sampled_from([4, 64]), seed=st.integers(0, 1000))
def test_a_thread_that_runs_ahead_of_the_clock_changes_no_figure_and_no_time(
    scenario: Scenario, slots: int, seed: int
) -> None:
    scenario = changed(scenario, brokers={"ring_slots": slots})
    ahead, plain = (run(scenario, seed, runs_ahead=runs_ahead) for runs_ahead in (True, False))
    assert measure(ahead) == measure(plain)
    assert history_of_run(ahead) == history_of_run(plain)
    assert ahead.watch.broken == plain.watch.broken


# --- faults ---


def test_what_a_crash_takes_is_sent_again_operation_by_operation() -> None:
    for kind, duplicates in (("broker_crash_before_publish", 0), ("broker_crash_after_publish", 1)):
        clients = {"retransmit_after": Nanoseconds(500 * US), "rate": BatchRate(10_000)}
        world = run(changed(SMALL, faults=(paused(kind, 100, 0, broker=1),), clients=clients))
        assert world.watch.broken == {}
        assert world.crashed == {1}
        assert world.recorder.counts["retransmitted"] >= 1
        assert world.recorder.counts.get("duplicates_dropped", 0) >= duplicates
        assert all(batch.acked_ns >= 0 for batch in world.recorder.batches)


def test_a_stopped_sequencer_orders_nothing_and_forgets_nothing_operation_by_operation() -> None:
    stopped = changed(SMALL, faults=(paused("sequencer_stop", 100, 100),))
    for sequencer in STOPPED:
        world = run(changed(stopped, sequencer=sequencer))
        assert world.watch.broken == {}
        assert not any(slot.published_ns in range(110 * US, 200 * US) for slot in world.recorder.slots)
        assert all(slot.published_ns >= 0 for slot in world.recorder.slots)


def test_a_slow_subscriber_holds_up_its_ring_and_no_other_operation_by_operation() -> None:
    slow = paused("slow_subscriber", 0, 300, broker=1, factor=50)
    world = run(changed(SMALL, faults=(slow,), clients={"rate": BatchRate(100_000)}))
    most = [max(ring.values) for ring in world.recorder.occupancy]
    assert world.watch.broken == {}
    assert most[1] > 2 * max(most[0], most[2], most[3])


def test_a_broker_that_never_flushes_lets_a_header_show_before_its_payload() -> None:
    """Each line is evicted in its own time, so nothing says that the payload is there when the header is."""
    eviction = Distribution(kind="exponential", mean=Nanoseconds(20 * US))
    world = run(changed(SMALL, brokers={"publish": "evict"}, machine={"eviction": eviction}))
    assert "visible" in world.watch.broken
    assert run(changed(SMALL, machine={"eviction": eviction})).watch.broken == {}


def test_what_a_crashed_broker_had_not_flushed_is_lost() -> None:
    crash = paused("broker_crash_after_publish", 200, 0, broker=1)
    clients = {"retransmit_after": Nanoseconds(500 * US)}
    lost = {}
    for publish in ("flush", "evict"):
        world = run(changed(SMALL, faults=(crash,), clients=clients, brokers={"publish": publish}))
        lost[publish] = world.recorder.counts["lost_in_a_cache"]
    assert lost["flush"] == 0 < lost["evict"]


# --- policies and roles ---


def test_a_delegation_costs_what_its_count_takes_to_be_seen() -> None:
    latency = {}
    for delegated in (False, True):
        figures = measure(run(changed(SMALL, brokers={"delegated": delegated})))
        latency[delegated] = figures["latency_order_p50_ns"]
    write_back = SMALL.machine.cxl_write_back
    assert latency[True] > latency[False] + write_back


def test_policies_cost_what_they_flush_and_fence_operation_by_operation() -> None:
    """One fence less gains little: the flush of the entry drops the line, which the guard's store fetches again."""
    costs = {}
    for policy in POLICIES:
        clients = {"messages_per_batch": 32, "rate": BatchRate(5_000), "burst_batches": 32}
        hosts = "shared" if policy == "none" else "own"
        scenario = changed(SMALL, policy=policy, clients=clients, brokers={"hosts": hosts})
        scenario = changed(scenario, ordering={"message_headers": True})
        costs[policy] = measure(run(scenario))["utilisation_scanner_mean_share"]
    assert costs["none"] < costs["epoch"] < costs["per_message"]
    assert costs["none"] < costs["per_batch"] < costs["per_message"]
    assert costs["single_fence"] == pytest.approx(costs["per_batch"], rel=0.2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policy": "seed"}, r"policy is seed, expected one of none, per_message"),
        ({"policy": "none"}, r"policy is none and brokers\.hosts is own"),
        (
            {"ordering": {"inside_lock": Nanoseconds(5)}},
            r"ordering\.inside_lock is 5 ns, expected 0 .* --granularity batch",
        ),
        ({"clients": {"ack": "assigned"}}, r"clients\.ack is assigned, expected deliverable .* --granularity batch"),
        ({"ordering": {"service": Distribution(mean=Nanoseconds(US))}}, r"ordering\.service is 1 us, expected 0 "),
        ({"ordering": {"scan": "walk"}}, r"ordering\.scan is walk, expected head .* --granularity batch"),
    ],
)
def test_what_the_programs_cannot_show_is_refused_with_what_can(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(changed(SMALL, **changes))


def test_what_only_the_programs_show_is_refused_at_batch_granularity() -> None:
    with pytest.raises(InputError, match=r"brokers\.delegated is true.* use --granularity operation"):
        simulate_once(changed(SMALL, brokers={"delegated": True}), 4, seed=0)
