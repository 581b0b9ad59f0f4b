"""The second judge: what a run tells the outside is enough to see eight promises broken, and never more than that."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from fencepost import native
from fencepost.exploring.native_engines import told_by_race
from fencepost.model.contract import Level
from fencepost.model.explorer.search.schedule import follow, schedule_of
from fencepost.model.explorer.subjects import arrivals, plans, sequencer
from fencepost.model.histories import Workload
from fencepost.model.histories.outside import (
    PROMISES,
    Arrived,
    Forgotten,
    Found,
    Given,
    Left,
    LookedThrough,
    Telling,
    Told,
    breaches,
    broken,
)
from fencepost.model.museum import BUGS, DESIGNS
from fencepost.model.museum.detection import Outcome, of_bug
from fencepost.model.museum.engines import drawn_and_judged, every_run_judged, seen_from_outside
from fencepost.model.museum.outside import judged, observable, with_roles
from fencepost.model.programs import Scenario
from fencepost.model.programs.corpus import runs_on
from fencepost.model.programs.designs import SOUND
from fencepost.model.programs.pipeline import Design
from fencepost.model.simulation.programs.timed import timed_run

INSIDE = ("count_of_16_bits", "guard_among_fields")
"""What a scanner reads wrongly no outsider is given: the history checker sees those, beside what arrived."""
WITHIN = tuple(name for name, bug in BUGS.items() if bug.breaks in PROMISES and name not in INSIDE)

SCENARIOS = (
    Scenario(rings=arrivals(2, 2, 4), slots=1, subscribers=True, acknowledgers=True),
    Scenario(plans=plans(2, arrivals(2, 2, 4)), ring_count=2, slots=1, subscribers=True),
    Scenario(plans=plans(1, arrivals(1, 2, 2)), ring_count=2, slots=2, subscribers=True, restarts=True),
    Scenario(rings=arrivals(2, 2, 4), slots=2, subscribers=True, acknowledgers=True, delegated=True),
)

ONE, TWO = Arrived(0, 0, 0, 2), Arrived(0, 0, 1, 1)
SEQ, COUNT = {"counts_seqs": True}, {"counts_seqs": False}


def said(*tellings: Telling, level: Level = 5, ended: bool = False, slots: int = 2) -> list[tuple[str, str]]:
    """Return what is broken, and how, by what was told."""
    sent: Counter[tuple[int, int]] = Counter(
        each.identity for each in tellings if isinstance(each, Arrived) and each.ring == 0
    )
    told = Told(level, slots, tellings, (sent,), ended=ended)
    return [(each.promise, each.sentence) for each in breaches(told)]


# --- each promise, by the words in which it is broken ---


@pytest.mark.parametrize(
    ("tellings", "found"),
    [
        ((Given(0, -1, -1, 0),), "the reader of ring 0 was given position 0 and found no batch there"),
        (
            (Given(0, 0, 0, 0), ONE),
            "the reader of ring 0 was given client 0 batch 0 at 0, which had not arrived at its broker",
        ),
        (
            (ONE, Given(0, 0, 0, 0), Given(0, 0, 0, 2)),
            "the reader of ring 0 was given client 0 batch 0 2 times, and it arrived 1 times",
        ),
        (
            (ONE, TWO, Given(0, 0, 0, 0), Given(0, 0, 1, 1)),
            "client 0 batch 1 was given as 1..1 and client 0 batch 0 as 0..1: not both have their whole range",
        ),
        (
            (ONE, Given(0, 0, 0, -1)),
            "the reader of ring 0 was given client 0 batch 0 at -1, which is no position",
        ),
    ],
)
def test_what_a_reader_is_given_is_a_batch_that_arrived_with_its_whole_range(
    tellings: tuple[Telling, ...], found: str
) -> None:
    assert ("visible", found) in said(*tellings)
    assert said(ONE, TWO, Given(0, 0, 0, 0), Given(0, 0, 1, 2)) == []


def test_a_ring_has_no_more_batches_that_nobody_was_given_than_slots() -> None:
    assert said(ONE, TWO, Given(0, 0, 0, 0), Arrived(0, 0, 2, 1)) == []
    assert said(ONE, TWO, Arrived(0, 0, 2, 1)) == [
        (
            "no-overwrite",
            "client 0 batch 0, client 0 batch 1, client 0 batch 2 are in ring 0, which has 2 slots, and were given to"
            " nobody",
        )
    ]


def test_at_the_end_a_batch_that_nobody_was_given_is_in_a_slot() -> None:
    assert said(ONE, TWO, Given(0, 0, 0, 0), Left(0, frozenset({(0, 1)}))) == []
    assert said(ONE, TWO, Given(0, 0, 1, 2), Left(0, frozenset({(0, 1)}))) == [
        ("no-overwrite", "client 0 batch 0 arrived in ring 0, was given to nobody, and is in no slot of it")
    ]
    assert said(ONE, Given(0, 0, 0, 0), Left(0, frozenset())) == [], "it was given, so its slot may be anything"
    assert said(ONE, ONE, Left(0, frozenset()), level=4) == [], "a copy may have been dropped"


FIRST, SECOND = Found(0, 0, 0, 0, 0), Found(0, 1, 0, 0, 1)


def test_readers_by_position_find_batches_message_after_message() -> None:
    assert said(ONE, TWO, FIRST, SECOND, Found(0, 2, 0, 1, 0)) == []
    assert said(ONE, Found(0, 0, 0, 0, 1)) == [
        ("contiguous", "reader 0 found message 1 of client 0 batch 0 at position 0, behind nothing")
    ]
    assert [promise for promise, _ in said(ONE, TWO, FIRST, Found(0, 1, 0, 1, 0))] == ["contiguous"]


def test_readers_by_position_find_the_same_at_a_position() -> None:
    other = FIRST._replace(reader=1)
    assert said(ONE, FIRST, SECOND, other) == []
    assert [promise for promise, _ in said(ONE, TWO, FIRST, Found(1, 0, 0, 1, 0))] == ["agreement"]
    assert said(ONE, FIRST, Found(1, 0, -1, -1, -1)) == [
        ("agreement", "reader 1 found no message at position 0, and reader 0 message 0 of client 0 batch 0"),
        ("visible", "reader 1 found no message at position 0, which it was let read"),
    ]


def test_no_reader_is_let_read_where_nothing_was_published() -> None:
    assert [promise for promise, _ in said(ONE, Found(0, 0, -1, -1, -1))] == ["visible", "frontier"]
    assert said(ONE, Found(0, 0, 3, 0, 0)) == [
        ("visible", "reader 0 found message 0 of client 3 batch 0 at position 0, and no broker ever had that batch")
    ]


def test_a_copy_may_be_dropped_before_anybody_is_given_its_batch() -> None:
    copies = (Arrived(1, 0, 0, 1), Arrived(0, 0, 0, 1), Arrived(0, 0, 1, 1))
    assert said(*copies, slots=1, level=4) == []


def test_a_batch_of_another_ring_stands_in_the_place_of_one_of_this_ring() -> None:
    there = Arrived(1, 1, 0, 1)
    assert ("no-overwrite", "the reader of ring 1 was given client 0 batch 0 of ring 0, and nobody client 1 batch 0,"
            " which arrived") in said(ONE, there, Given(1, 0, 0, 0))  # fmt: skip


def test_what_a_client_may_forget_is_given_to_readers_that_look_from_then_on() -> None:
    early = Forgotten(0, 0, 1, **COUNT)
    assert said(ONE, early, Given(0, 0, 0, 0), LookedThrough()) == []
    assert said(ONE, early, LookedThrough()) == [
        (
            "ack-safe",
            "client 0 was told to forget client 0 batch 0, and the readers that looked from then on were not given it",
        )
    ]
    assert said(ONE, early) == [], "nobody has looked yet"


def test_nothing_is_forgotten_that_has_not_arrived() -> None:
    assert said(TWO, Forgotten(0, 0, 2, **SEQ), level=4) == [
        ("ack-safe", "client 0 was told to forget below 2, and batch 0 had not arrived")
    ]
    assert said(ONE, Forgotten(0, 0, 2, **COUNT)) == [
        ("ack-safe", "client 0 was told to forget below 2, and a batch number 1 of ring 0 had not arrived")
    ]


def test_a_ring_speaks_of_what_came_to_it() -> None:
    """A batch of another ring must have come, as it is ordered before; that it can be read is that ring's to say."""
    elsewhere = Arrived(1, 0, 0, 1)
    told = (elsewhere, TWO, Given(0, 0, 1, 1), Forgotten(0, 0, 2, **SEQ), LookedThrough())
    assert said(*told, level=4) == []


def test_what_a_ring_tells_a_client_only_grows() -> None:
    told = (ONE, TWO, Given(0, 0, 0, 0), Given(0, 0, 1, 2), Forgotten(0, 0, 2, **COUNT), Forgotten(0, 0, 1, **COUNT))
    assert said(*told) == [("monotone", "client 0 was told by ring 0 to forget below 1, after 2")]


def test_at_the_end_all_that_can_be_ordered_was_given_and_acknowledged() -> None:
    given_and_acked = (Given(0, 0, 0, 0), Forgotten(0, 0, 1, **COUNT))
    assert said(ONE, *given_and_acked, ended=True) == []
    assert said(ONE, ended=True) == [
        ("drained", "client 0 batch 0 arrived once and was given never"),
        ("drained", "client 0 batch 0 arrived and the client was never told to forget it"),
    ]
    assert said(TWO, level=4, ended=True) == [], "its predecessor never came"
    told = Told(5, 2, (), (Counter({(0, 0): 1}),), ended=True)
    assert [each.sentence for each in breaches(told)] == ["client 0 batch 0 was sent to ring 0 and never arrived"]


def test_the_promises_that_are_broken_are_named_once() -> None:
    told = Told(5, 2, (ONE,), None, ended=True)
    assert broken(breaches(told)) == ("drained",)


# --- bugs, and sound designs ---


@pytest.mark.parametrize("name", WITHIN)
def test_every_bug_that_breaks_one_of_these_promises_is_seen_from_outside(name: str) -> None:
    found = seen_from_outside(of_bug(BUGS[name]), 60.0, 0)
    assert found.outcome is Outcome.CAUGHT
    assert found.detail.startswith(BUGS[name].breaks)


def test_what_it_does_not_know_it_does_not_judge() -> None:
    found = seen_from_outside(of_bug(BUGS["count_read_twice"]), 1.0, 0)
    assert (found.outcome, found.detail) == (
        Outcome.CANNOT_EXPRESS,
        "unique: the second judge knows contiguous, agreement, frontier, visible, ack-safe, monotone, no-overwrite,"
        " drained",
    )


def unwatched(design: Design, scenario: Scenario):  # type: ignore[no-untyped-def]
    return sequencer(design, scenario, "ncx", asked=frozenset()).make()


@pytest.mark.parametrize("design", SOUND, ids=lambda design: design.name)
def test_no_drawn_run_of_a_sound_design_is_accused(design: Design) -> None:
    fitting = (bug.scenario for bug in BUGS.values() if bug.level == design.level and runs_on(design, bug.scenario))
    museum = [observable(each) for each in fitting]
    for scenario in dict.fromkeys((*SCENARIOS, *museum)):
        system = unwatched(design, scenario)
        for seed in range(3):
            for run in drawn_and_judged(system, scenario, design.level, seed):
                assert run.breaches == [], (scenario, seed)


@pytest.mark.parametrize("design", SOUND, ids=lambda design: design.name)
def test_no_timed_run_of_a_sound_design_is_accused(design: Design) -> None:
    for scenario in SCENARIOS[:2]:
        system = unwatched(design, scenario)
        for seed in range(3):
            _, events, ended = timed_run(system, seed)
            for run in judged(system, scenario, design.level, events, ended=ended):
                assert run.breaches == []


@pytest.mark.parametrize("design", SOUND, ids=lambda design: design.name)
def test_no_run_at_all_of_a_small_sound_scenario_is_accused(design: Design) -> None:
    """The bound: one ring of one slot, two batches, all roles; the first so many kinds of run."""
    scenario = with_roles(Scenario(rings=arrivals(1, 1, 2), slots=1))
    runs = every_run_judged(unwatched(design, scenario), scenario, design.level, 120.0)
    judged_count = 0
    for _, run in zip(range(400), runs, strict=False):
        judged_count += 1
        assert run.breaches == []
    assert judged_count > 0


@settings(max_examples=sized(40), deadline=None)
@given(st.sampled_from(sorted(DESIGNS)), st.integers(0, 2**20))
def test_what_it_accuses_a_run_of_the_watch_objects_to_as_well(name: str, seed: int) -> None:
    """The other way round it cannot be: the watch sees what no outsider does."""
    design = DESIGNS[name]
    if design.needs or design.replica is not None:  # the seed's, whose rings are not used again
        return
    scenario = observable(BUGS[name].scenario) if name in BUGS else SCENARIOS[seed % 2]
    system = unwatched(design, scenario)
    watched = sequencer(design, scenario, "ncx")
    for run in drawn_and_judged(system, scenario, design.level, seed):
        again = watched.make()
        again.lines.join(system.lines)
        violation = follow(again, schedule_of(run.events), watched.judge).violation
        assert not run.breaches or violation is not None, run.breaches


# --- races ---


def raced(name: str, level: Level, seed: int) -> tuple[Workload, native.RaceResult]:
    rng = np.random.default_rng(seed)
    rows = [(client, seq, int(rng.integers(2)), 1 + seq % 3, 0, 0) for seq in range(6) for client in range(3)]
    rows += [(0, 2, 1, 3, 0, 0)] if level == 4 else []  # a copy
    workload = Workload.from_rows(rows)
    columns = ("client_id", "batch_seq", "broker_id", "message_count")
    return workload, native.race(name, seed=seed, **{each: getattr(workload, each) for each in columns})


@pytest.mark.parametrize(("name", "level"), sorted(native.SEQUENCERS.items()))
def test_no_race_of_a_sound_sequencer_is_accused(name: str, level: Level) -> None:
    for seed in range(5):
        workload, result = raced(name, level, seed)
        assert breaches(told_by_race(workload, result, level)) == []


def test_a_race_whose_reader_lost_a_batch_or_was_given_another_is_accused() -> None:
    workload, result = raced("order5.fetch_add", 5, 1)
    delivered = result.delivered_position.copy()
    delivered[3] = -1
    lost = breaches(told_by_race(workload, replace(result, delivered_position=delivered), 5))
    assert broken(lost) == ("ack-safe", "drained")
    delivered[3] = delivered[4]
    assert "visible" in broken(breaches(told_by_race(workload, replace(result, delivered_position=delivered), 5)))
    assert "visible" in broken(breaches(told_by_race(workload, replace(result, content_fault_count=1), 5)))
