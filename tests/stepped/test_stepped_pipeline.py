"""The native pipeline under given schedules: explored with the model's counts and verdicts, in lockstep with it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.explorer.search.exploration import Explored, Limits, Subject
from fencepost.model.explorer.search.exploration import explore as explore_model
from fencepost.model.explorer.subjects import arrivals, sequencer
from fencepost.model.programs import DESIGNS, Arriving, Scenario
from fencepost.model.programs.corpus import runs_on
from fencepost.model.programs.roles.client import Sending
from fencepost.native.running import run_pipeline
from fencepost.native.schedules.exploration import explore
from fencepost.native.schedules.lockstep import lockstep
from fencepost.native.schedules.pipeline import (
    DESIGN_NAMES,
    STEPPED_NAMES,
    Mutant,
    packed,
)

PROFILES = ("sc", "tso", "ncx", "ncx-nospec", "ncx-noevict", "ncx-lfence")


def one(client: int, seq: int, count: int = 1) -> Arriving:
    return Arriving(client, seq, count)


SCENARIOS = {
    "written": Scenario(rings=arrivals(2, 2, 3), slots=2, written=True),
    "received": Scenario(rings=arrivals(2, 2, 3), slots=2, subscribers=True),
    "duplicate": Scenario(rings=((one(0, 0),), (one(0, 0),)), slots=2, written=True, subscribers=True),
    "early": Scenario(rings=((one(0, 1),), (one(0, 0, 2),)), slots=2, written=True),
    "wrap": Scenario(rings=((one(0, 0), one(0, 1), one(0, 2)),), slots=2, subscribers=True),
    "delegated": Scenario(rings=((one(0, 0), one(0, 1)),), slots=2, delegated=True),
    "acknowledged": Scenario(rings=arrivals(2, 2, 2), slots=2, acknowledgers=True),
    "later": Scenario(rings=((one(0, 0),),), slots=1, written=True, later=((one(0, 1),),), subscribers=True),
    "clients": Scenario(plans=((Sending(0, 0, 1),),), ring_count=1, slots=2),
    "times_out": Scenario(rings=((one(0, 0),),), slots=1, timeouts=2),
    "joins": Scenario(rings=((one(0, 0),), (one(1, 0),)), slots=1, late_rings=1),
    "read_by_position": Scenario(rings=((one(0, 0, 2), one(0, 1)),), slots=1, readers=2),
    "stopped": Scenario(rings=((one(0, 1), one(1, 0)), (one(0, 0),)), slots=2, written=True, stops=True),
    "stopped_before_it_joins": Scenario(rings=((one(0, 0),),), slots=1, late_rings=1, stops=True, subscribers=True),
}


FEWER = {
    (name, "received"): Scenario(rings=arrivals(2, 2, 2), slots=1, subscribers=True)
    for name in ("order4.owner", "order4.epoch")
}
"""Instead of scenarios of which a design has more runs than the model can walk through soon."""


def whole(subject: Subject) -> Explored:
    """Explore with the model."""
    return explore_model(subject, limits=Limits())


# --- exploration ---


EVERY_RUN = [
    pytest.param(design, name, marks=pytest.mark.slow if (one + other) % 2 else (), id=f"{design}-{name}")
    for one, design in enumerate(DESIGN_NAMES)
    for other, name in enumerate(SCENARIOS)
]
"""Each design with each scenario; in the quick form every second pair, so that none of either is left out."""


@pytest.mark.parametrize(("design", "name"), EVERY_RUN)
def test_every_run_of_a_scenario_is_walked_through_as_by_the_model(design: str, name: str) -> None:
    scenario = FEWER.get((design, name), SCENARIOS[name])
    if not runs_on(DESIGNS[design], scenario):
        assert scenario.stops
        assert DESIGNS[design].reads_every_ring
        with pytest.raises(InputError, match="which read every ring"):
            explore(sequencer(DESIGNS[design], scenario, "ncx"))
        return
    for under in ("sc", "tso", "ncx"):
        subject = sequencer(DESIGNS[design], scenario, under)
        mine, theirs = explore(subject), whole(subject)
        assert (mine.verdict, mine.bound, mine.counts) == (theirs.verdict, theirs.bound, theirs.counts), under
        assert mine.verdict is Verdict.EXHAUSTED
        assert mine.counts.complete > 0


def test_what_a_scenario_without_order_breaks_is_found_by_both_in_the_same_words() -> None:
    """Three batches into two slots, and nobody who frees one: the receiver waits for ever."""
    scenario = Scenario(rings=((one(0, 0), one(0, 1), one(0, 2)),), slots=2)
    for design in DESIGN_NAMES:
        subject = sequencer(DESIGNS[design], scenario, "ncx")
        mine, theirs = explore(subject), whole(subject)
        assert mine.violation is not None
        assert mine.violation.property == "drained"
        assert (mine.verdict, mine.violation, mine.schedule) == (theirs.verdict, theirs.violation, theirs.schedule)


@pytest.mark.parametrize("under", ["sc", "tso", "ncx"])
def test_a_successor_that_overtakes_its_predecessor_is_found_by_both_in_the_same_words(under: str) -> None:
    scenario = Scenario(rings=((one(0, 0),), (one(0, 1, 2),)), slots=2, written=True)
    subject = sequencer(DESIGNS["order4.cas_then_reserve"], scenario, under)
    mine, theirs = explore(subject), whole(subject)
    assert mine.violation is not None
    assert (mine.verdict, mine.counts, mine.bound) == (theirs.verdict, theirs.counts, theirs.bound)
    assert (mine.violation, mine.schedule) == (theirs.violation, theirs.schedule)
    for strategy in ("random", "pct"):
        drawn = explore(subject, strategy=strategy)
        assert drawn.violation is not None
        assert drawn.violation.property == mine.violation.property


@pytest.mark.parametrize("strategy", ["random", "pct"])
def test_drawn_runs_of_a_sound_pipeline_break_nothing(strategy: str) -> None:
    for design in DESIGN_NAMES:
        subject = sequencer(DESIGNS[design], SCENARIOS["received"], "ncx")
        explored = explore(subject, strategy=strategy, limits=Limits(runs=50))
        assert (explored.verdict, explored.counts.complete, explored.counts.cut) == (Verdict.NOT_FOUND, 50, 0)
        assert explored.bound.startswith(f"50 runs drawn by {strategy}, seed 0")


def test_properties_that_were_not_asked_for_are_not_looked_for() -> None:
    scenario = Scenario(rings=((one(0, 0), one(0, 1), one(0, 2)),), slots=2)
    subject = sequencer(DESIGNS["order5.fetch_add"], scenario, "ncx", asked=frozenset({"unique"}))
    assert explore(subject).verdict is Verdict.EXHAUSTED


# --- lockstep ---


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Draw a scenario: some batches, gaps and duplicates among them, on one or two rings, with some of the roles."""
    batch = st.builds(Arriving, st.integers(0, 2), st.integers(0, 3), st.integers(0, 3), st.integers(0, 5))
    ring = st.lists(batch, max_size=4).map(tuple)
    rings = draw(st.lists(ring, min_size=1, max_size=2).map(tuple))
    roles: dict[str, Any] = {name: draw(st.booleans()) for name in ("delegated", "subscribers", "acknowledgers")}
    roles["timeouts"] = draw(st.sampled_from([0, 0, 1, 2]))
    roles["stops"] = not roles["timeouts"] and draw(st.booleans())
    if draw(st.booleans()):
        roles |= {"subscribers": False, "readers": draw(st.integers(1, 2))}
    slots = draw(st.integers(1, 4))
    written = draw(st.booleans())
    if not written:
        roles["late_rings"] = draw(st.integers(0, len(rings)))
    if written:
        rings = tuple(tuple(replace(each, count=max(1, each.count)) for each in ring[:slots]) for ring in rings)
        later = draw(st.one_of(st.just(()), st.tuples(*[ring] * len(rings)))) if draw(st.booleans()) else ()
        return Scenario(rings=rings, slots=slots, written=True, later=later, **roles)
    return Scenario(rings=rings, slots=slots, **roles)


@settings(max_examples=sized(120), deadline=None)
@given(
    scenario=scenarios(),
    design=st.sampled_from(STEPPED_NAMES),
    under=st.sampled_from(PROFILES),
    strategy=st.sampled_from(["random", "pct"]),
    seed=st.integers(0, 2**32),
)
def test_model_and_native_do_the_same_operations_on_the_same_states(
    scenario: Scenario, design: str, under: str, strategy: str, seed: int
) -> None:
    if not runs_on(DESIGNS[design], scenario):  # workers are not stopped
        scenario = replace(scenario, stops=False)
    found = lockstep(DESIGNS[design], scenario, under, strategy=strategy, seed=seed, runs=2, steps_most=300)
    assert found.same, str(found.difference)
    assert found.runs == 2
    assert found.states >= 2


@settings(max_examples=sized(30), deadline=None)
@given(
    sendings=st.lists(st.tuples(st.integers(0, 1), st.integers(1, 2)), min_size=1, max_size=3),
    clients=st.integers(1, 2),
    restarts=st.booleans(),
    design=st.sampled_from(DESIGN_NAMES),
    seed=st.integers(0, 2**32),
)
def test_clients_that_send_and_send_again_are_in_lockstep_too(
    sendings: list[tuple[int, int]], clients: int, restarts: bool, design: str, seed: int
) -> None:
    plan = tuple(Sending(ring, seq, count) for seq, (ring, count) in enumerate(sendings))
    scenario = Scenario(plans=(plan,) * clients, ring_count=2, slots=4, subscribers=True, restarts=restarts)
    found = lockstep(DESIGNS[design], scenario, "ncx", seed=seed, runs=2)
    assert found.same, str(found.difference)


def test_a_schedule_of_the_model_can_be_given() -> None:
    scenario = Scenario(rings=((one(0, 0), one(0, 1), one(0, 2)),), slots=2)
    explored = whole(sequencer(DESIGNS["order4.claim"], scenario, "ncx"))
    given = {"strategy": "given", "schedule": explored.schedule, "lines": explored.lines}
    found = lockstep(DESIGNS["order4.claim"], scenario, **given)  # type: ignore[arg-type]
    assert found.same
    assert (found.runs, found.steps) == (1, len(explored.schedule))
    twice = {**given, "schedule": explored.schedule * 2}
    with pytest.raises(InputError, match=r"step \d+ of the schedule cannot happen"):
        lockstep(DESIGNS["order4.claim"], scenario, **twice)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mutant", "model", "native"),
    [
        (Mutant.PAYLOAD_UNFLUSHED, "does flush payload 0 0", "does sfence"),
        (Mutant.GUARD_BEFORE_ENTRY, "does store chain 0 0 . entry = (0,0,1)", "does store chain 0 0 . guard = 1"),
        (Mutant.RESERVE_BEFORE_CLAIM, "does load next 0 . seq -> 0", "does fetch_add counter . issued + 1 -> 0"),
    ],
)
def test_a_fault_that_is_built_in_is_named_at_its_first_step(mutant: Mutant, model: str, native: str) -> None:
    scenario = Scenario(rings=((one(0, 0),),), slots=2, subscribers=True)
    found = lockstep(DESIGNS["order4.claim"], scenario, mutant=mutant)
    assert found.difference is not None
    assert found.difference.model.startswith(model)
    assert found.difference.native.startswith(native)
    assert len(found.schedule) == found.difference.step
    assert f"step {found.difference.step}, {found.difference.thread}" in str(found.difference)


# --- on real threads ---


@pytest.mark.parametrize("flushes", [False, True])
@pytest.mark.parametrize("design", DESIGN_NAMES)
def test_on_real_threads_what_is_delivered_keeps_the_contract_over_many_laps(design: str, flushes: bool) -> None:
    scenario = Scenario(rings=arrivals(4, 2, 300), slots=8, subscribers=True, delegated=True)
    run = run_pipeline(DESIGNS[design], scenario, flushes=flushes)
    counts = {(ring, at): batch for ring, batches in enumerate(scenario.rings) for at, batch in enumerate(batches)}
    assert run.complete
    position = 0
    for each in sorted(run.delivered, key=lambda each: each.start):
        batch = counts.pop((each.ring, each.ring_index))  # once
        assert (each.client, each.seq) == (batch.client, batch.seq)  # the payload is that of the header
        assert each.start == position  # unique and dense
        position += batch.count
    assert (counts, run.issued) == ({}, position)
    by_start = sorted(run.delivered, key=lambda each: each.start)
    if DESIGNS[design].level == 4:
        for client in range(4):
            seqs = [each.seq for each in by_start if each.client == client]
            assert seqs == sorted(seqs)
    else:
        for ring in range(2):
            indices = [each.ring_index for each in by_start if each.ring == ring]
            assert indices == sorted(indices)


def test_on_real_threads_a_duplicate_is_dropped_and_what_waits_for_a_gap_is_not_delivered() -> None:
    scenario = Scenario(rings=((one(0, 1), one(0, 3)), (one(0, 0), one(0, 1))), slots=4, subscribers=True)
    run = run_pipeline(DESIGNS["order4.claim"], scenario)
    assert run.complete
    assert sorted((each.client, each.seq, each.start) for each in run.delivered) == [(0, 0, 0), (0, 1, 1)]
    assert run.issued == 2


def test_on_real_threads_clients_send_until_all_is_acknowledged() -> None:
    plan = tuple(Sending(seq % 2, seq, 1) for seq in range(20))
    scenario = Scenario(plans=(plan, plan), ring_count=2, slots=4, subscribers=True, restarts=True)
    run = run_pipeline(DESIGNS["order4.mutex"], scenario)
    assert run.complete
    assert len({(each.client, each.seq) for each in run.delivered}) == len(run.delivered) == 40


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("timeouts", "waits that time out"),
        ("readers", "readers by position"),
        ("late_rings", "brokers that join late"),
        ("stops", "scanners that are stopped"),
    ],
)
def test_roles_of_the_stepped_build_alone_are_refused_on_real_threads(role: str, words: str) -> None:
    given: dict[str, Any] = {role: 1}
    with pytest.raises(InputError, match=f"{words} are of the stepped build: expected none, not 1"):
        run_pipeline(DESIGNS["order5.fetch_add"], replace(SCENARIOS["received"], **given))


def test_a_run_that_nobody_reads_is_refused() -> None:
    with pytest.raises(InputError, match="needs subscribers"):
        run_pipeline(DESIGNS["order5.fetch_add"], Scenario(rings=((one(0, 0),),)))
    with pytest.raises(InputError, match="patience_seconds is 0"):
        run_pipeline(DESIGNS["order5.fetch_add"], SCENARIOS["received"], patience_seconds=0)
    with pytest.raises(InputError, match="no pipeline 'order4.cas_then_reserve'"):
        run_pipeline(DESIGNS["order4.cas_then_reserve"], SCENARIOS["received"])


# --- words, refusals ---


@given(st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**15 - 1), st.integers(0, 2**20 - 1))
def test_packed_words_tell_values_apart_and_none_is_that_of_a_word_never_written(
    client: int, seq: int, count: int, index: int
) -> None:
    assert 0 not in (packed((client, seq, count), "batch"), packed((client, seq), "content"))
    assert packed((client, seq, count), "batch") != packed((client, seq, count ^ 1), "batch")
    assert packed((index, seq, 1), "entry") != packed((index, seq, 0), "entry")
    assert packed((index, -1, 0), "entry") != packed((index, 0, 0), "entry")


@pytest.mark.parametrize(
    ("design", "scenario", "message"),
    [
        ("seed.order4", SCENARIOS["early"], "no pipeline 'seed.order4'"),
        ("seed.order5", SCENARIOS["early"], "no pipeline 'seed.order5'"),
        ("order4.claim", Scenario(rings=((one(256, 0),),)), "client is 256: expected 0..255"),
        ("order4.claim", Scenario(rings=((one(0, 2**32),),)), "seq is 4294967296: expected"),
        ("order4.claim", Scenario(rings=((one(0, 0, 2**15),),)), "message count is 32768: expected"),
        ("order4.claim", Scenario(rings=((),) * 16), "rings is 16: expected 1..15"),
        ("order4.claim", Scenario(rings=((one(0, 0),),), slots=0), "slots is 0: expected"),
        ("order4.claim", Scenario(rings=((one(0, 0), one(0, 1)),), slots=1, written=True), "batches of a ring is 2"),
    ],
)
def test_what_the_native_build_does_not_have_is_refused(design: str, scenario: Scenario, message: str) -> None:
    with pytest.raises(InputError, match=message):
        explore(sequencer(DESIGNS[design], scenario, "ncx"))
    with pytest.raises(InputError, match=message):
        lockstep(DESIGNS[design], scenario)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"strategy": "exhaustive"}, "unknown strategy 'exhaustive'"),
        ({"runs": 0}, "runs is 0: expected at least 1"),
        ({"steps_most": 0}, "steps_most is 0"),
        ({"profile_name": "ncx-tear"}, "does not support profile 'ncx-tear'"),
    ],
)
def test_a_lockstep_that_cannot_be_is_refused(how: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        lockstep(DESIGNS["order4.claim"], SCENARIOS["early"], **how)
