"""Simulations operation by operation: the short cuts change nothing."""

from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from fencepost.model.simulation.measures import measure
from fencepost.model.simulation.operations_run import simulate_operations_once
from fencepost.model.simulation.pipeline import history_of_run
from fencepost.model.simulation.quantities import BatchRate, Nanoseconds
from fencepost.model.simulation.scenario import Fault, Scenario, read_scenario
from fencepost.model.simulation.world import World
from fencepost.model.specs import protocol

FOLDER = Path(__file__).parent.parent / "examples" / "scenarios"
US = 1000


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


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Small scenarios of the programs: tiny rings, bursts, few and many clients, pauses at any time."""
    brokers = draw(st.integers(1, 4))
    pause = st.builds(
        Fault,
        kind=st.sampled_from(["broker_pause", "scanner_pause"]),
        at=st.integers(0, 300 * US).map(Nanoseconds),
        broker=st.integers(0, brokers - 1),
        lasts=st.integers(1, 40 * US).map(Nanoseconds),
    )
    return changed(
        SMALL,
        sequencer=draw(st.sampled_from(["order4.claim", "order4.mutex", "order5.fetch_add"])),
        faults=tuple(draw(st.lists(pause, max_size=2))),
        brokers={"count": brokers, "ring_slots": draw(st.sampled_from([4, 16, 512]))},
        clients={
            "count": draw(st.integers(1, 4)),
            "rate": BatchRate(draw(st.sampled_from([10_000, 100_000, 300_000]))),
            "burst_batches": draw(st.sampled_from([1, 4])),
        },
    )


@settings(max_examples=40, deadline=None)
@given(scenario=scenarios(), seed=st.integers(0, 1000))
def test_a_thread_that_runs_ahead_of_the_clock_changes_no_figure_and_no_time(scenario: Scenario, seed: int) -> None:
    ahead, plain = (run(scenario, seed, runs_ahead=runs_ahead) for runs_ahead in (True, False))
    assert measure(ahead) == measure(plain)
    assert history_of_run(ahead) == history_of_run(plain)
    assert ahead.watch.broken == plain.watch.broken
