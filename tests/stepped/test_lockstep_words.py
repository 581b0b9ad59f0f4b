"""Where model and native build differ: the thread that differs, and what each of the two does, in words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fencepost.comparing.run import compare
from fencepost.model.museum import BUGS
from fencepost.model.museum.bug import Bug
from fencepost.model.programs import DESIGNS, Scenario
from fencepost.model.programs.operations import ThreadOf
from fencepost.model.programs.pipeline import Design, threads_of, written_words
from fencepost.native.schedules import differential as joint
from fencepost.native.schedules import lockstep as side_by_side
from fencepost.native.schedules.lockstep import Difference, lockstep
from fencepost.native.schedules.pipeline import FIELDS_NAMES, STEPPED_NAMES, has_stepped_form, packed, unpacked

IN_BOTH = [
    bug
    for bug in BUGS.values()
    if bug.sound.name in (*STEPPED_NAMES, *FIELDS_NAMES) and has_stepped_form(bug.scenario, bug.sound)
]
RAW = re.compile(r"\d{10}|Error|indices|\[\d|\[-|object at|does \[\]")
"""What no sentence holds: packed words, exceptions of Python, rows of numbers."""


def difference_of(
    bug: Bug, monkeypatch: pytest.MonkeyPatch, strategy: str = "random", runs: int = 6
) -> Difference | None:
    """Return the first difference between the sound native build and a model that has a bug."""

    def wrong(design: Design, scenario: Scenario) -> list[ThreadOf]:
        return threads_of(bug.design, scenario)

    monkeypatch.setattr(side_by_side, "threads_of", wrong)
    monkeypatch.setattr(side_by_side, "written_words", lambda design, scenario: written_words(bug.design, scenario))
    return lockstep(bug.sound, bug.scenario, "ncx", strategy=strategy, runs=runs, seed=1).difference


@pytest.mark.parametrize("bug", IN_BOTH, ids=lambda bug: bug.name)
def test_whatever_differs_is_said_in_words(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    for strategy in ("random", "pct"):
        found = difference_of(bug, monkeypatch, strategy)
        if found is None:
            continue
        assert not RAW.search(str(found)), str(found)
        assert found.thread in [thread.name for thread in threads_of(bug.design, bug.scenario)]
        assert found.model != found.native
        assert found.model.startswith(("does ", "is at ", "may ", "waits ", "has ", "goes on to "))


def test_almost_every_bug_of_the_museum_differs_from_the_native_build(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(IN_BOTH) > 45
    # A wait that times out at the one wrong moment is drawn in one of many runs.
    assert all(difference_of(bug, monkeypatch, runs=200) is not None for bug in IN_BOTH)


@pytest.mark.parametrize(
    ("name", "thread", "model", "native"),
    [
        # another operation, whose result the other one's choice does not fit
        ("count_read_twice", "scanner 0", "is at load header 0 0 . batch",
         "is at poll until header 0 0 . guard != 0, invalidated"),
        # it waits for another value
        ("stale_lap_flag", "scanner 0", "is at poll until header 0 0 . guard != 0, invalidated",
         "is at poll until header 0 0 . guard != 1, invalidated"),
        # it does not invalidate before it looks
        ("gate_read_in_cache", "scanner 0", "is at poll until header 0 0 . guard != 0",
         "is at poll until header 0 0 . guard != 0, invalidated"),
        # another thread than the one that went last
        ("phantom_first_ack", "acknowledger 0", "is at send (0,1) from 0",
         "is at poll until acked 0 0 . below != 0, invalidated"),
        # packed words
        ("order_before_payload", "receiver 0", "does store header 0 0 . batch = (0,0,1)",
         "does store payload 0 0 . content = (0,0)"),
        # the same words, but of how many
        ("park_never_rechecked", "scanner 0", "does poll header 0 1 . guard -> 2, watching 1 words",
         "does poll header 0 1 . guard -> 2, watching 2"),
        # an address that the native build does not have
        ("broker_wide_ack", "acknowledger 0", "is at poll until acked 0 -1 . below != 0, invalidated or acked 0 -1",
         "is at poll until acked 0 0 . below != 0, invalidated or acked 0 1 . below != 0, invalidated"),
        # a line that others use
        ("no_wrap", "receiver 0", "goes on to payload 1 0", "does not use it like that and does poll consumed 0"),
    ],
)  # fmt: skip
def test_the_sentence_names_the_thread_and_both_operations(
    name: str, thread: str, model: str, native: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = difference_of(BUGS[name], monkeypatch)
    assert found is not None
    assert found.thread == thread
    assert found.model.startswith(model)
    assert found.native.startswith(native)


def test_a_state_that_differs_is_said_word_by_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's memory begins with a word that the native one does not have."""
    monkeypatch.setattr(side_by_side, "written_words", lambda design, scenario: {("header", 0, 0, "batch"): (1, 2, 3)})
    found = lockstep(DESIGNS["order4.claim"], Scenario(rings=((),), slots=2), "ncx", runs=1).difference
    assert found is not None
    assert (found.model, found.native) == ("has header 0 0 . batch: (1,2,3)", "has 0")


def test_compare_says_it_in_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    bug = BUGS["count_read_twice"]
    monkeypatch.setattr(joint, "threads_of", lambda design, scenario: threads_of(bug.design, scenario))
    (found,) = compare(bug.sound.name, policy="stepped", examples=20, seed=1).counterexamples
    assert found.property == "lockstep"
    model, native = "is at load header 0 0 . batch", "is at poll until header 0 0 . guard != 0, invalidated"
    assert found.sentence == f"scanner 0: the model {model}, the native build {native}"


@given(
    st.one_of(
        st.tuples(st.just("content"), st.tuples(st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1))),
        st.tuples(
            st.sampled_from(("batch", "to")),
            st.tuples(st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), st.integers(1, 2**15 - 1)),
        ),
        st.tuples(
            st.just("entry"), st.tuples(st.integers(0, 2**20 - 1), st.integers(-1, 2**42 - 2), st.integers(0, 1))
        ),
        st.tuples(
            st.just("message"),
            st.tuples(st.integers(0, 255), st.integers(0, 2**32 - 1), st.integers(0, 2**15 - 1)),
        ),
        st.tuples(st.just("message"), st.tuples(st.just(-1), st.just(-1), st.integers(0, 2**15 - 1))),
        st.tuples(st.just("from"), st.tuples(st.integers(0, 2**15 - 1), st.integers(0, 2**48 - 1))),
        st.tuples(st.sampled_from(("content", "batch", "entry", "guard")), st.integers(0, 2**62)),
    )
)
def test_a_packed_word_is_read_back(given: tuple[str, object]) -> None:
    word, value = given
    assert unpacked(packed(value, word), word) == value
