"""The pipeline under the explorer: sound designs hold in every run of small scenarios; the seed programs do not."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from sizes import sized

from fencepost.model.contract import Verdict
from fencepost.model.explorer.pipeline import system_of
from fencepost.model.explorer.search.exploration import Limits, explore
from fencepost.model.explorer.search.reduction import Reduction, stuck
from fencepost.model.explorer.states.state import State
from fencepost.model.explorer.states.system import System
from fencepost.model.explorer.subjects import arrivals, sequencer
from fencepost.model.memory import MATRICES, PROFILES
from fencepost.model.memory.lines import LinesChanged
from fencepost.model.programs import Arriving, Scenario, design
from fencepost.model.programs.operations import Program
from fencepost.model.programs.roles.client import Sending
from fencepost.model.programs.roles.scanner import Scanner, Slot
from fencepost.model.programs.seed import SeedDelegation, SeedReceiver
from fencepost.model.programs.sequencers.order4 import Order4Claim
from fencepost.native.schedules.exploration import explore as explore_native

SOUND = ("order5.fetch_add", "order5.epoch", "order4.mutex", "order4.sharded_mutex", "order4.claim", "order4.epoch")
MANY_RUNS = {("order4.epoch", "receivers"), ("order4.epoch", "subscribers")}  # which the native build walks through
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
    "a copy before what is acknowledged": Scenario(
        rings=((Arriving(0, 0, 1),), (Arriving(0, 0, 1), Arriving(0, 1, 1))), written=True, acknowledgers=True
    ),
}


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_sound_design_holds_in_every_run(name: str, scenario: str) -> None:
    walk = explore_native if (name, scenario) in MANY_RUNS else explore
    explored = walk(sequencer(design(name), SCENARIOS[scenario], "ncx"))
    assert (explored.verdict, explored.violation) == (Verdict.EXHAUSTED, None)


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("strategy", ["random", "pct"])
def test_a_sound_design_holds_in_drawn_runs_of_more(name: str, strategy: str) -> None:
    scenario = Scenario(rings=arrivals(2, 2, 8), slots=2, subscribers=True, acknowledgers=True)
    explored = explore(sequencer(design(name), scenario, "ncx"), strategy=strategy, limits=Limits(runs=sized(25)))
    assert (explored.verdict, explored.violation) == (Verdict.NOT_FOUND, None)


class AcknowledgesPastCopies(Order4Claim):
    def acknowledge(self, slot: Slot) -> Program:
        yield from Scanner.acknowledge(self, slot)


def test_an_acknowledgement_waits_for_the_batch_of_a_copy_that_was_dropped() -> None:
    of = replace(design("order4.claim"), scanner=AcknowledgesPastCopies)
    explored = explore(sequencer(of, SCENARIOS["a copy before what is acknowledged"], "ncx"))
    assert explored.violation is not None
    assert explored.violation.sentence == "client 0 batch 0 was acknowledged and no reader can find it in memory yet"


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
    "the gate never opens at order 4": ("seed.order4_gate", Scenario(rings=arrivals(1, 1, 1)), "sc", "drained"),
    "two batches are searched for at once": (
        "seed.order4_search",
        Scenario(rings=((Arriving(0, 0, 1), Arriving(0, 1, 1)),), subscribers=True),
        "sc",
        "drained",
    ),
    "the fallback goes back": (
        "seed.order5",
        Scenario(rings=((Arriving(0, 0, 1), Arriving(0, 1, 1)),), delegated=True),
        "sc",
        "monotone",
    ),
    "0 is a count, an offset, and nothing yet": (
        "seed.order4",
        Scenario(rings=arrivals(1, 1, 1), acknowledgers=True, replicas=1),
        "sc",
        "ack-safe",
    ),
    "two hosts write a header": ("seed.order4", Scenario(rings=ON_BROKER_1), "ncx", "single-writer"),
}


@pytest.mark.parametrize("finding", SEED)
def test_the_seed_programs_break_what_the_findings_say(finding: str) -> None:
    name, scenario, profile, broken = SEED[finding]
    explored = explore(sequencer(design(name), scenario, profile, asked=frozenset({broken})))
    assert explored.violation is not None
    assert explored.violation.property == broken


class PayloadFirst(SeedReceiver):
    """So that what a subscriber finds wrong with a payload is not that it has not come."""

    def write_batch_header(self, index: int, batch: Arriving, first: int, offset: int) -> Program:
        yield from self.write_messages(batch, first)
        yield from super().write_batch_header(index, batch, first, offset)


class NoBackReferences(SeedDelegation):
    def refer_back(self, at: int) -> Program:
        yield from ()


BACK_REFERENCES = {"as it was": (SeedDelegation, "found no payload"), "without": (NoBackReferences, None)}


@pytest.mark.parametrize("variant", BACK_REFERENCES)
def test_a_back_reference_is_written_over_the_payload_in_front_of_it(variant: str) -> None:
    delegation, found = BACK_REFERENCES[variant]
    of = replace(design("seed.order5"), receiver=PayloadFirst, delegation=delegation)
    scenario = Scenario(rings=((Arriving(0, 0, 2),),), delegated=True, subscribers=True)
    explored = explore(sequencer(of, scenario, "sc", asked=frozenset({"visible"})))
    sentence = explored.violation.sentence if explored.violation else None
    assert (explored.verdict, sentence and sentence.split(") and ")[1]) == (
        (Verdict.VIOLATED, found) if found else (Verdict.EXHAUSTED, None)
    )


@pytest.mark.parametrize(("replicas", "verdict"), [(1, Verdict.EXHAUSTED), (2, Verdict.VIOLATED)])
def test_a_replica_on_a_broker_that_does_not_exist_is_waited_for_in_vain(replicas: int, verdict: Verdict) -> None:
    scenario = Scenario(rings=((Arriving(0, 0, 2),), ()), acknowledgers=True, replicas=replicas)
    explored = explore(sequencer(design("seed.order4"), scenario, "sc", asked=frozenset({"drained"})))
    assert explored.verdict is verdict


def test_offsets_are_counted_by_the_connections_and_by_the_delegation() -> None:
    scenario = Scenario(rings=((Arriving(0, 0, 2),),), delegated=True)
    system = system_of(design("seed.order5"), scenario, PROFILES["sc"], MATRICES["sdmC"], frozenset())
    offsets = {system.memory.memory(each.cells, ("broker", 0))["logical_offset"] for each in states_at_end(system)}
    assert min(offsets) > 2


def test_the_connections_of_a_client_bring_its_batches_in_any_order() -> None:
    sent = ((Sending(0, 0, 1), Sending(0, 1, 1)),)
    orders = set()
    for connections in (1, 2):
        scenario = Scenario(plans=sent, ring_count=1, connections=connections)
        asked = frozenset({"unique", "dense", "client-order", "prefix", "once"})
        explored = explore(sequencer(design("seed.order4"), scenario, "sc", asked=asked))
        assert explored.verdict is Verdict.EXHAUSTED
        orders.add(explored.counts.complete)
    assert len(orders) == 2


def test_on_one_coherent_host_the_seed_mutex_orders_as_its_spec_says() -> None:
    asked = frozenset({"unique", "dense", "client-order", "prefix", "once", "refinement"})
    explored = explore(sequencer(design("seed.order4"), Scenario(rings=arrivals(1, 2, 2)), "tso", asked=asked))
    assert (explored.verdict, explored.violation) == (Verdict.EXHAUSTED, None)


# --- the walk against a search of every state ---


def states_at_end(system: System) -> list[State]:
    while True:
        try:
            return [end.state for end in Reduction(system).ends() if end.complete]
        except LinesChanged:
            continue


def ends_of_walk(system: System) -> set[tuple[int, ...]]:
    return {tuple(map(id, state.nodes)) for state in states_at_end(system)}


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
