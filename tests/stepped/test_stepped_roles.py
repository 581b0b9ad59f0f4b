"""Roles around the scanners in the stepped build, and fields of headers: with their faults, and beside the model."""

from dataclasses import replace

import pytest

from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.explorer.search.exploration import Limits
from fencepost.model.explorer.search.exploration import explore as explore_model
from fencepost.model.explorer.subjects import sequencer
from fencepost.model.museum import BUGS
from fencepost.model.programs import DESIGNS, Arriving, Scenario
from fencepost.model.programs.corpus import CORPUS, corpus_for, runs_on
from fencepost.native.schedules.exploration import explore
from fencepost.native.schedules.lockstep import lockstep
from fencepost.native.schedules.pipeline import FIELDS_NAMES, STEPPED_NAMES, Mutant, has_stepped_form


def one(client: int, seq: int, count: int = 1) -> Arriving:
    return Arriving(client, seq, count)


OF_ROLES = {
    Mutant.TIME_OUT_ACKNOWLEDGES: "scanner",
    Mutant.TIME_OUT_TAKES_THE_SLOT: "scanner",
    Mutant.ANNOUNCED_BEFORE_WIPED: "receiver",
    Mutant.WIPED_WITH_THE_ANNOUNCEMENT: "receiver",
    Mutant.FRONTIER_JUMPS: "committer",
    Mutant.COPIED_BACKWARDS: "committer",
    Mutant.LOG_AND_FRONTIER_IN_ONE_GO: "committer",
    Mutant.LOG_READ_IN_CACHE: "reader",
    Mutant.SET_ASIDE_FORGOTTEN: "scanner",
    Mutant.STOPPED_IN_HAND: "scanner",
    Mutant.ORDER_BEFORE_PAYLOAD: "receiver",
    Mutant.ZERO_MESSAGE_BLOCKS: "receiver",
    Mutant.ONLY_SLOT_ZERO_PROTECTED: "receiver",
    Mutant.PUBLISHED_WHILE_FILLED: "receiver",
    Mutant.PHANTOM_FIRST_ACK: "acknowledger",
    Mutant.INVALIDATE_EVERY_64: "subscriber",
}
"""Faults of waits and of the roles around the scanners: whose."""


@pytest.mark.parametrize("mutant", OF_ROLES)
def test_a_fault_of_a_role_differs_in_lockstep_where_the_role_takes_part_and_nowhere_else(mutant: Mutant) -> None:
    bug = BUGS[mutant.name.lower()]
    found = lockstep(bug.sound, bug.scenario, mutant=mutant, runs=200)
    assert found.difference is not None
    assert found.difference.thread.split()[0] == OF_ROLES[mutant]
    assert lockstep(bug.sound, bug.scenario, runs=50).same
    without = Scenario(rings=((one(0, 0), one(0, 1)), (one(1, 0),)), slots=2, written=True)
    assert lockstep(bug.sound, without, mutant=mutant, runs=50).same


def test_scanners_on_hosts_of_their_own_differ_in_lockstep() -> None:
    bug = BUGS["counter_spans_hosts"]
    assert lockstep(bug.sound, bug.scenario, mutant=Mutant.COUNTER_SPANS_HOSTS, runs=20).difference is not None
    assert lockstep(bug.sound, bug.scenario, runs=20).same


FIELDS_SCENARIOS = {
    "past-32-bits": CORPUS["past-32-bits"].scenario,
    "first-header": CORPUS["first-header"].scenario,
    "wrap": Scenario(rings=((one(0, 0), one(0, 1), one(0, 2)),), slots=2, subscribers=True),
    "delegated": Scenario(rings=((one(0, 0), one(0, 1)),), slots=2, delegated=True),
    "connections": CORPUS["connections-lap"].scenario,
    "joins": Scenario(rings=((one(0, 0),), (one(1, 0),)), slots=1, late_rings=1),
    "stopped": Scenario(rings=((one(0, 1, 2**32 - 1),), (one(0, 0),)), slots=2, written=True, stops=True),
}


@pytest.mark.parametrize("name", FIELDS_SCENARIOS)
@pytest.mark.parametrize("design", FIELDS_NAMES)
def test_fields_of_headers_as_words_of_their_own_are_walked_through_as_by_the_model(design: str, name: str) -> None:
    """And in lockstep. What has many runs, as where workers read every ring, is held beside the model so alone."""
    scenario = FIELDS_SCENARIOS[name]
    if not runs_on(DESIGNS[design], scenario):
        assert scenario.stops
        return
    subject = sequencer(DESIGNS[design], scenario, "ncx")
    mine = explore(subject, limits=Limits(runs=500))
    assert mine.counts.complete > 0
    assert mine.violation is None
    if mine.verdict is Verdict.EXHAUSTED:
        theirs = explore_model(subject, limits=Limits())
        assert (mine.verdict, mine.bound, mine.counts) == (theirs.verdict, theirs.bound, theirs.counts)
    else:
        assert design not in ("order5.fetch_add.fields", "order4.claim.fields") or name == "past-32-bits", mine.bound
    found = lockstep(DESIGNS[design], scenario, runs=3)
    assert found.same, str(found.difference)


@pytest.mark.parametrize("mutant", [Mutant.COUNT_OF_16_BITS, Mutant.GUARD_AMONG_FIELDS])
def test_a_fault_of_fields_differs_in_lockstep_where_headers_have_them(mutant: Mutant) -> None:
    bug = BUGS[mutant.name.lower()]
    assert lockstep(bug.sound, bug.scenario, mutant=mutant, runs=20).difference is not None
    assert lockstep(bug.sound, bug.scenario, runs=20).same
    assert lockstep(bug.sound, replace(bug.scenario, rings=((one(1, 0, 7),),)), runs=20).same


def test_fields_have_neither_readers_nor_more_than_their_bits() -> None:
    design = DESIGNS["order5.fetch_add.fields"]
    assert has_stepped_form(Scenario(rings=((one(0, 0, 2**32 - 1),),)), design)
    too_large = Scenario(rings=((one(0, 0, 2**32),),), slots=1)
    assert not has_stepped_form(too_large, design)
    with pytest.raises(InputError, match=r"message count is 4294967296: expected 0\.\.4294967295"):
        explore(sequencer(design, too_large, "ncx"))
    with pytest.raises(InputError, match="does not support profile 'ncx-tear'"):
        lockstep(design, FIELDS_SCENARIOS["wrap"], "ncx-tear")


@pytest.mark.parametrize("design", STEPPED_NAMES)
def test_scenarios_of_the_corpus_with_roles_around_the_scanners_are_in_lockstep(design: str) -> None:
    kinds = [each.scenario for each in corpus_for(DESIGNS[design]) if has_stepped_form(each.scenario)]
    with_roles = [each for each in kinds if each.timeouts or each.readers or each.late_rings or each.stops]
    assert len(with_roles) >= 5
    for scenario in with_roles:
        for strategy in ("random", "pct"):
            found = lockstep(DESIGNS[design], scenario, "ncx", strategy=strategy, runs=3)
            assert found.same, str(found.difference)
