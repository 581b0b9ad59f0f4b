"""Connections that fill a ring together, readers by position, and what is judged of both."""

import re
import time
from dataclasses import replace

import pytest

from fencepost.checking import by_explorer as checking
from fencepost.checking.by_explorer import OF_READERS, by_explorer, by_native_explorer
from fencepost.checking.job import Job
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.explorer.monitor.contract import Contract
from fencepost.model.explorer.monitor.facts import Facts
from fencepost.model.explorer.search.exploration import explore
from fencepost.model.explorer.subjects import sequencer
from fencepost.model.histories import Arrival, Workload
from fencepost.model.programs.corpus import CORPUS, corpus_for
from fencepost.model.programs.designs import SOUND, design
from fencepost.model.programs.pipeline import Design, Scenario, threads_of
from fencepost.model.programs.roles.receiver import Arriving
from fencepost.model.specs import protocol
from fencepost.model.trace import Step
from fencepost.native import explore as explore_native
from fencepost.native import run_pipeline
from fencepost.native.schedules.pipeline import POSITION_MOST, has_stepped_form

CONNECTED = [name for name in CORPUS if CORPUS[name].scenario.connections > 1]
READ = [name for name in CORPUS if CORPUS[name].scenario.readers]
ORDERED = (
    Step("arrive", {"ring": 0, "client": 0, "seq": 0, "count": 2}),
    Step("assign", {"ring": 0, "index": 0, "client": 0, "seq": 0, "count": 2, "start": 0}),
)
PUBLISHED = Step("export", {"ring": 0, "index": 0, "kind": 1, "chain": 0})


def broken(*steps: Step, guard: int = 1) -> list[str]:
    """Return the promises that these steps break, where a chain's guard in memory holds this value."""
    contract = Contract(
        5, 1, lambda ring, place: (("chain", ring, place, "guard"), 1), subscribers=True, acknowledgers=False, readers=2
    )
    facts, found = Facts(), []
    for step in steps:
        answers = tuple(guard for _ in contract.asks(facts, step))
        found += [each.property for each in contract.judge(facts, step, answers)]
    return found


def commit(below: int) -> Step:
    return Step("commit", {"below": below})


def read(reader: int, position: int, found: tuple[int, int, int]) -> Step:
    client, seq, message = found
    given = {"reader": reader, "position": position, "client": client, "seq": seq, "message": message}
    return Step("read", given)


def test_what_is_published_may_be_committed_and_read() -> None:
    assert broken(*ORDERED, PUBLISHED, commit(2), read(0, 0, (0, 0, 0)), read(1, 0, (0, 0, 0))) == []
    assert broken(*ORDERED, PUBLISHED, commit(1), commit(2), read(0, 0, (0, 0, 0)), read(0, 1, (0, 0, 1))) == []


def test_the_frontier_passes_nothing_that_is_not_published_or_not_there() -> None:
    assert broken(*ORDERED, commit(2)) == ["frontier"]
    assert broken(*ORDERED, PUBLISHED, commit(2), guard=0) == ["frontier"]
    assert broken(*ORDERED, PUBLISHED, commit(3)) == ["frontier"]
    assert broken(*ORDERED, PUBLISHED, read(0, 0, (0, 0, 0))) == ["frontier"]
    assert broken(*ORDERED, PUBLISHED, commit(2), commit(1)) == ["monotone"]


@pytest.mark.parametrize("first", [0, 1])
def test_two_readers_who_disagree_are_seen_whichever_comes_first(first: int) -> None:
    right, wrong = (0, 0, 0), (-1, -1, -1)
    found = [read(0, 0, right), read(1, 0, wrong)]
    assert "agreement" in broken(*ORDERED, PUBLISHED, commit(2), *found[first:], *found[:first])


def test_the_messages_of_a_batch_are_in_their_order() -> None:
    assert broken(*ORDERED, PUBLISHED, commit(2), read(0, 0, (0, 0, 1))) == ["contiguous"]
    assert broken(*ORDERED, PUBLISHED, commit(2), read(0, 0, (1, 0, 0))) == ["visible"]


@pytest.mark.parametrize("sound", SOUND, ids=lambda sound: sound.name)
@pytest.mark.parametrize("name", CONNECTED)
def test_connections_are_explored_to_the_end_in_the_native_build_and_deliver_on_threads(
    name: str, sound: Design
) -> None:
    found = explore_native(sequencer(sound, CORPUS[name].scenario, "ncx"))
    assert (found.verdict, found.counts.complete > 1) == (Verdict.EXHAUSTED, True)
    assert run_pipeline(sound, CORPUS[name].scenario).complete


@pytest.mark.parametrize("name", CONNECTED)
def test_both_explorers_visit_as_many_runs_of_connections(name: str) -> None:
    subject = sequencer(design("order4.claim"), CORPUS[name].scenario, "ncx")
    assert explore(subject).counts == explore_native(subject).counts


def test_connections_fill_their_ring_in_every_order() -> None:
    scenario = CORPUS["connections-hole"].scenario
    together = explore_native(sequencer(design("order5.fetch_add"), scenario, "ncx"))
    alone = explore_native(sequencer(design("order5.fetch_add"), replace(scenario, connections=1), "ncx"))
    assert together.counts.complete > alone.counts.complete
    assert [each.name for each in threads_of(design("order5.fetch_add"), scenario)][1:3] == [
        "receiver 0.0",
        "receiver 0.1",
    ]


def test_what_cannot_be_run_is_refused_in_words() -> None:
    batch = ((Arriving(0, 0, 1),),)
    sound = design("order5.fetch_add")
    with pytest.raises(InputError, match="2 connections to a ring: all batches are in it already"):
        threads_of(sound, Scenario(rings=batch, written=True, connections=2))
    with pytest.raises(InputError, match="subscribers and readers by position"):
        threads_of(sound, Scenario(rings=batch, subscribers=True, readers=1))
    with pytest.raises(InputError, match=r"seed\.order5 has no readers"):
        threads_of(design("seed.order5"), Scenario(rings=batch, delegated=True, readers=1))
    too_many = Scenario(rings=((Arriving(0, 0, POSITION_MOST + 1),),), written=True, readers=1)
    assert not has_stepped_form(too_many)
    with pytest.raises(InputError, match=r"messages for readers by position is 257: expected 1\.\.256"):
        explore_native(sequencer(sound, too_many, "ncx"))


def test_what_readers_see_is_said_of_the_scenarios_in_which_they_read(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {*READ, "one-slot", "empty-ring"}
    monkeypatch.setattr(checking, "corpus_for", lambda of: tuple(each for each in corpus_for(of) if each.name in kept))
    sound = protocol("order4.epoch")
    workload = Workload.from_rows([Arrival(0, 0, 0, 1, 64, 0)])
    job = Job(sound, workload, seed=0, deadline=time.time() + 60.0, is_thorough=False, out=None)
    found = {each.property: each for each in by_explorer(job)}
    natively = {each.property: each for each in by_native_explorer(job)}
    for name in OF_READERS:
        for each in (found, natively):
            assert (each[name].verdict, each[name].bound) != (each["visible"].verdict, each["visible"].bound)
            counts = [int(count) for count in re.findall(r"runs of (\d+) scenario", each[name].bound)]
            assert sum(counts) == len(READ)
