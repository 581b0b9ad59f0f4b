"""The shared structures' templates under given schedules: the model's counts and verdicts, in lockstep with it."""

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
from fencepost.model.explorer.subjects import structure
from fencepost.model.programs.operations import Flush, FullFence, Load
from fencepost.model.programs.structures import (
    POLICIES,
    Structure,
    ack_frontier,
    client_table,
    export_chain,
    lap_ring,
)
from fencepost.model.programs.structures import frontier as frontier_programs
from fencepost.model.programs.structures.client_table import first_bucket, word_of
from fencepost.model.programs.structures.structure import Steps
from fencepost.native import Mutant, explore, lockstep
from fencepost.native.schedules.stepped import Disagreement

PROFILES = ("sc", "tso", "ncx", "ncx-nospec", "ncx-noevict", "ncx-lfence")
SOUND = ("per_message", "per_batch", "single_fence", "epoch")
MEETING = ((0, 1), (1, 0))
"""Two threads that look up both clients, whose searches begin at one bucket, each in its own order."""


def whole(subject: Subject) -> Explored:
    """Explore with the model."""
    return explore_model(subject, limits=Limits(seconds=1_000))


def same_by_both(program: Structure, under: str) -> Explored:
    """Explore by both engines, which must say the same; return what they say."""
    subject = structure(program, under)
    mine, theirs = explore(subject), whole(subject)
    assert (mine.verdict, mine.bound, mine.counts) == (theirs.verdict, theirs.bound, theirs.counts)
    assert (mine.violation, mine.schedule) == (theirs.violation, theirs.schedule)
    return mine


# --- sound: exhausted by both with the same counts ---

SMALL: dict[str, tuple[Structure, tuple[str, ...]]] = {
    **{f"{each}, two laps": (lap_ring(each, messages=1), ("sc", "tso")) for each in SOUND},
    **{f"{each}, one value": (lap_ring(each, values=1, messages=1), ("ncx",)) for each in SOUND},
    "three laps": (lap_ring(values=3), ("sc",)),
    "two slots": (lap_ring(slots=2), ("sc", "tso", "ncx")),
    "two readers": (lap_ring(readers=2, values=1), ("sc", "tso")),
    "client table": (client_table(MEETING), ("sc", "tso", "ncx")),
    "three inserters": (client_table(((0,), (0,), (1,))), ("sc", "tso")),
    "export chain": (export_chain(records=1), ("sc", "tso", "ncx")),
    "export chain, two laps": (export_chain("epoch"), ("sc", "tso")),
    "frontier": (ack_frontier(), ("sc", "tso")),
}


@pytest.mark.parametrize("name", SMALL)
def test_every_run_of_a_structure_is_walked_through_as_by_the_model(name: str) -> None:
    program, profiles = SMALL[name]
    for under in profiles:
        explored = same_by_both(program, under)
        assert explored.verdict is Verdict.EXHAUSTED, (under, explored.violation)
        assert explored.counts.complete > 1


LARGER: dict[str, tuple[Structure, str, int]] = {
    "per_message, two laps": (lap_ring("per_message", messages=1), "ncx", 10_180),
    "per_batch, two laps": (lap_ring("per_batch", messages=1), "ncx", 10_180),
    "single_fence, two laps": (lap_ring("single_fence", messages=1), "ncx", 10_180),
    "epoch, two laps": (lap_ring("epoch", messages=1), "ncx", 11_999),
    "two readers": (lap_ring(readers=2, values=1), "ncx", 2_780),
    "export chain, two laps": (export_chain("epoch"), "ncx-noevict", 676),
    "frontier": (ack_frontier(), "ncx-noevict", 1_602),
}
"""With their counts of complete runs."""


@pytest.mark.parametrize("name", LARGER)
def test_between_hosts_every_run_of_more_is_walked_through(name: str) -> None:
    program, under, complete = LARGER[name]
    explored = explore(structure(program, under))
    assert (explored.verdict, explored.counts.complete) == (Verdict.EXHAUSTED, complete)


@pytest.mark.slow
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("name", LARGER)
def test_the_model_counts_the_same_of_more(name: str) -> None:
    program, under, complete = LARGER[name]
    assert same_by_both(program, under).counts.complete == complete


@pytest.mark.slow
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("policy", SOUND)
def test_a_ring_survives_many_laps_under_every_run_between_hosts(policy: str) -> None:
    for program in (lap_ring(policy, values=3), lap_ring(policy, slots=2, values=3, messages=1)):
        explored = explore(structure(program, "ncx"), limits=Limits(seconds=1_000))
        assert explored.verdict is Verdict.EXHAUSTED


def test_where_there_are_too_many_runs_the_drawn_ones_break_nothing() -> None:
    for program in (ack_frontier(), export_chain(records=3), lap_ring(values=6, slots=2, readers=2, messages=1)):
        for strategy in ("random", "pct"):
            explored = explore(structure(program, "ncx"), strategy=strategy, limits=Limits(runs=300))
            assert (explored.verdict, explored.counts.complete) == (Verdict.NOT_FOUND, 300), explored.violation


# --- wrong: violated in both, in the same words ---

WRONG: dict[str, tuple[Structure, str, str]] = {
    "the guard is raised before the fence": (
        lap_ring("guard_before_fence", values=1, messages=1), "visible", "reader 0 found 0 where 7 was placed",
    ),
    "the guard is not written back": (lap_ring("seed", values=1), "drained", "reader 0 waits for ever"),
    "the writer passes its reader": (lap_ring(fault="room_not_asked"), "drained", "reader 0 waits for ever"),
    "a slot is given back before it is read": (
        lap_ring(fault="given_back_first"), "no-overwrite", "reader 0 found 2 where 1 was placed",
    ),
    "a chain's guard is not written back": (export_chain("seed"), "drained", "scanner waits for ever"),
    "an acknowledgement passes a hole": (
        ack_frontier(is_per_client=False), "ack-safe",
        "1 batches are acknowledged, and the record of batch 0 cannot be read",
    ),
    "a bucket is taken by a store": (
        client_table(MEETING, exchanges=False), "own-word",
        "client 0 is refused a word, and there are as many as clients",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_on_purpose_is_found_by_both_in_the_same_words(name: str) -> None:
    program, property, sentence = WRONG[name]
    explored = same_by_both(program, "ncx")
    assert explored.violation is not None
    assert (explored.violation.property, explored.violation.sentence) == (property, sentence)
    followed = lockstep(program, strategy="given", schedule=explored.schedule, lines=explored.lines)
    assert followed.same, str(followed.difference)


@pytest.mark.parametrize("policy", ["seed", "guard_before_fence"])
def test_on_one_host_no_policy_is_wrong(policy: str) -> None:
    for under in ("sc", "tso"):
        assert same_by_both(lap_ring(policy, messages=1), under).verdict is Verdict.EXHAUSTED


def test_a_client_on_another_host_that_takes_a_bucket_to_look_into_it_waits_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it stored is in its copy of the line, which it then looks at: why ClientTable::find takes none."""

    def acked_count(frontier: Any, key: int) -> Steps:
        line = yield from word_of(key, frontier_programs.CAPACITY)
        yield Flush(line)
        yield FullFence()
        return (yield Load((*line, "word")))

    monkeypatch.setattr(frontier_programs.Frontier, "acked_count", acked_count)
    explored = whole(structure(ack_frontier(), "ncx"))
    assert explored.violation is not None
    assert (explored.violation.property, explored.violation.sentence) == ("drained", "client waits for ever")


# --- lockstep ---

looked_up = st.lists(st.sampled_from([0, 1, 2**63 - 1]), max_size=3).map(tuple)
structures = st.one_of(
    st.builds(
        lap_ring,
        st.sampled_from(list(POLICIES)),
        slots=st.integers(1, 3),
        values=st.integers(1, 5),
        readers=st.integers(1, 2),
        messages=st.integers(0, 2),
        fault=st.sampled_from(["", "", "given_back_first", "room_not_asked"]),
    ),
    st.builds(
        export_chain,
        st.sampled_from([*SOUND, "seed"]),
        slots=st.integers(1, 2),
        records=st.integers(1, 4),
        readers=st.integers(1, 2),
    ),
    st.builds(ack_frontier, st.sampled_from(SOUND), is_per_client=st.booleans()),
    st.builds(
        client_table,
        st.lists(st.lists(st.sampled_from([0, 1, 2**63 - 1]), max_size=3).map(tuple), min_size=1, max_size=3).map(
            tuple
        ),
        capacity=st.integers(3, 5),
        exchanges=st.booleans(),
    ),
)


@settings(max_examples=sized(100), deadline=None)
@given(
    program=structures,
    under=st.sampled_from(PROFILES),
    strategy=st.sampled_from(["random", "pct"]),
    seed=st.integers(0, 2**32),
)
def test_model_and_native_do_the_same_operations_on_the_same_states(
    program: Structure, under: str, strategy: str, seed: int
) -> None:
    found = lockstep(program, profile_name=under, strategy=strategy, seed=seed, runs=2, steps_most=300)
    assert found.same, str(found.difference)
    assert found.runs == 2


@pytest.mark.parametrize(
    ("sound", "wrong", "model", "native"),
    [
        (
            lap_ring(messages=1),
            lap_ring("guard_before_fence", messages=1),
            "does sfence",
            "does store slot 0 . guard = 1",
        ),
        (lap_ring(), lap_ring(fault="given_back_first"), "does nothing more", "does store cursor 0 . consumed"),
        (ack_frontier(), ack_frontier(is_per_client=False), "does compare_exchange", "does compare_exchange"),
        (client_table(MEETING), client_table(MEETING, exchanges=False), "does compare_exchange", "does load"),
    ],
)
def test_a_native_structure_that_does_something_else_is_named_at_its_first_step(
    sound: Structure, wrong: Structure, model: str, native: str
) -> None:
    found = lockstep(replace(sound, numbers=wrong.numbers), seed=1)
    assert found.difference is not None
    assert found.difference.model.startswith(model)
    assert found.difference.native.startswith(native)


def test_a_structure_that_is_laid_out_otherwise_is_a_disagreement() -> None:
    with pytest.raises(Disagreement, match=r"lap_ring is laid out as \[\[0, 0\], .* in the native build"):
        explore(structure(replace(lap_ring(), numbers=lap_ring(slots=2).numbers), "ncx"))


def test_searches_for_both_clients_begin_at_one_bucket() -> None:
    assert {first_bucket(client, 2) for client in (0, 1)} == {first_bucket(0, 2)}


# --- refusals ---


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lap_ring("none"), "policy"),
        (lambda: lap_ring(fault="late"), "fault"),
        (lambda: lap_ring(slots=0), "slots is 0: expected 1..64"),
        (lambda: export_chain("guard_before_fence"), "policy"),
        (lambda: client_table(((0, 1, 2),)), "clients are 3: expected at most the capacity, which is 2"),
        (lambda: client_table(((-1,),)), r"clients are \[-1\]: expected 0..9223372036854775807"),
        (lambda: explore(structure(lap_ring(), "ncx-tear")), "does not support profile 'ncx-tear'"),
        (lambda: explore(structure(replace(lap_ring(), name="queue"), "ncx")), "unknown structure 'queue'"),
        (
            lambda: explore(structure(replace(lap_ring(), numbers=(2,)), "ncx")),
            "the program of a structure lacks slots",
        ),
        (lambda: lockstep(lap_ring(), mutant=Mutant.PAYLOAD_UNFLUSHED), "neither a scenario nor a mutant"),
    ],
)
def test_what_there_is_not_is_refused(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()
