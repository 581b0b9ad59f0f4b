"""The pipeline under the explorer: sound designs hold in every run of small scenarios; the seed programs do not."""

from __future__ import annotations

from random import Random

import pytest

from fencepost.model.contract import Verdict
from fencepost.model.explorer.exploration import Limits, explore
from fencepost.model.explorer.pipeline import system_of
from fencepost.model.explorer.reduction import Reduction, stuck
from fencepost.model.explorer.subjects import arrivals, sequencer
from fencepost.model.explorer.system import System
from fencepost.model.memory import MATRICES, PROFILES
from fencepost.model.memory.lines import LinesChanged
from fencepost.model.programs import Arriving, Scenario, design
from fencepost.model.programs.client import Sending

SOUND = ("order5.fetch_add", "order5.epoch", "order4.mutex", "order4.sharded_mutex", "order4.claim")
TWO_RINGS = arrivals(clients=2, brokers=2, batches=3)
RETRANSMITTED = ((Arriving(0, 0, 1),), (Arriving(0, 1, 1), Arriving(0, 0, 1)))
SCENARIOS = {
    "receivers": Scenario(rings=TWO_RINGS),
    "subscribers": Scenario(rings=TWO_RINGS, subscribers=True),
    "acknowledgers": Scenario(rings=TWO_RINGS, written=True, subscribers=True, acknowledgers=True),
    "a ring of one slot": Scenario(rings=((Arriving(0, 0, 1), Arriving(0, 1, 2)),), slots=1, subscribers=True),
    "a retransmission": Scenario(rings=RETRANSMITTED, written=True),
    "a delegation": Scenario(rings=((Arriving(0, 0, 1), Arriving(0, 1, 2)),), delegated=True),
    "a client": Scenario(plans=((Sending(0, 0, 1), Sending(1, 1, 1)),), ring_count=2),
    "a client that restarts": Scenario(plans=((Sending(0, 0, 1),),), ring_count=2, restarts=True),
}


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_sound_design_holds_in_every_run(name: str, scenario: str) -> None:
    explored = explore(sequencer(design(name), SCENARIOS[scenario], "ncx"))
    assert (explored.verdict, explored.violation) == (Verdict.EXHAUSTED, None)


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("strategy", ["random", "pct"])
def test_a_sound_design_holds_in_drawn_runs_of_more(name: str, strategy: str) -> None:
    scenario = Scenario(rings=arrivals(2, 2, 8), slots=2, subscribers=True, acknowledgers=True)
    explored = explore(sequencer(design(name), scenario, "ncx"), strategy=strategy, limits=Limits(runs=25))
    assert (explored.verdict, explored.violation) == (Verdict.NOT_FOUND, None)


ON_BROKER_1 = ((), (Arriving(0, 0, 1),))  # broker 0 is where the sequencer runs
SEED = {
    "the gate counts changes": ("seed.order5", Scenario(rings=arrivals(1, 1, 2), delegated=True), "sc", "drained"),
    "the tail is never flushed": ("seed.order5", Scenario(rings=ON_BROKER_1, delegated=True), "ncx", "drained"),
    "header before payload": (
        "seed.order5",
        Scenario(rings=arrivals(1, 1, 1), delegated=True, subscribers=True),
        "sc",
        "visible",
    ),
    "acknowledgements count all clients": (
        "seed.order4",
        Scenario(rings=((Arriving(0, 0, 1), Arriving(1, 0, 1)),), acknowledgers=True),
        "sc",
        "ack-safe",
    ),
    "no ring wraps": ("seed.order4", Scenario(rings=arrivals(1, 2, 4), slots=1), "sc", "no-overwrite"),
    "two hosts write a header": ("seed.order4", Scenario(rings=ON_BROKER_1), "ncx", "single-writer"),
}


@pytest.mark.parametrize("finding", SEED)
def test_the_seed_programs_break_what_the_findings_say(finding: str) -> None:
    name, scenario, profile, broken = SEED[finding]
    explored = explore(sequencer(design(name), scenario, profile, asked=frozenset({broken})))
    assert explored.violation is not None
    assert explored.violation.property == broken


def test_on_one_coherent_host_the_seed_mutex_orders_as_its_spec_says() -> None:
    asked = frozenset({"unique", "dense", "client-order", "prefix", "once", "refinement"})
    explored = explore(sequencer(design("seed.order4"), Scenario(rings=arrivals(1, 2, 2)), "tso", asked=asked))
    assert (explored.verdict, explored.violation) == (Verdict.EXHAUSTED, None)


# --- the walk against a search of every state ---


def ends_of_walk(system: System) -> set[tuple[int, ...]]:
    while True:
        try:
            return {tuple(map(id, end.state.nodes)) for end in Reduction(system).ends() if end.complete}
        except LinesChanged:
            continue


def ends_of_search(system: System, most: int) -> set[tuple[int, ...]] | None:
    """Return where every run can end, by a search of all states; None where there are more than `most`."""
    while True:
        try:
            return _search(system, most)
        except LinesChanged:
            continue


def _search(system: System, most: int) -> set[tuple[int, ...]] | None:
    state, _ = system.start()
    seen, stack, found = {state.memory()}, [state], set()
    seen = {(tuple(map(id, state.nodes)), state.memory())}
    while stack:
        state = stack.pop()
        transitions = system.transitions(state)
        if stuck(transitions):
            found.add(tuple(map(id, state.nodes)))
        for actor, choices in transitions.items():
            for each in choices:
                after, _ = system.perform(state, actor, each)
                key = (tuple(map(id, after.nodes)), after.memory())
                if key not in seen:
                    seen.add(key)
                    stack.append(after)
        if len(seen) > most:
            return None
    return found


@pytest.mark.parametrize("seed", range(12))
def test_the_walk_ends_wherever_a_search_of_all_states_does(seed: int) -> None:
    random = Random(seed)
    compared = 0
    while compared < 3:
        name = random.choice([*SOUND, "order4.cas_then_reserve"])
        rings = tuple(
            tuple(
                Arriving(random.randint(0, 1), random.randint(0, 1), random.randint(1, 2))
                for _ in range(random.randint(0, 2))
            )
            for _ in range(random.randint(1, 2))
        )
        scenario = Scenario(
            rings=rings,
            slots=2,
            written=random.random() < 0.5,
            subscribers=random.random() < 0.5,
            acknowledgers=random.random() < 0.3,
        )
        profile = PROFILES[random.choice(["sc", "tso", "ncx", "ncx-nospec"])]
        system = system_of(design(name), scenario, profile, MATRICES["sdmC"], frozenset())
        if ends_of_search(system, 4_000) is not None:
            walked = ends_of_walk(system)
            assert ends_of_search(system, 8_000) == walked == ends_of_walk(system)
            compared += 1
