"""Traces that people can read: which columns, how long, and the sentence that says why."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fencepost.model.explorer.explain.columns import WIDTH, describe_run
from fencepost.model.explorer.search.exploration import Explored, Limits, explore
from fencepost.model.explorer.subjects import arrivals, litmus_file, plans, sequencer
from fencepost.model.explorer.traces.run_trace import run, trace_of
from fencepost.model.litmus import parse_test
from fencepost.model.programs import Scenario, design
from fencepost.model.programs.layout import header, payload
from fencepost.model.programs.operations import Flush, Program, Store, StoreFence
from fencepost.model.programs.roles.delegation import Delegation
from fencepost.model.programs.roles.receiver import Arriving, Receiver
from fencepost.model.programs.roles.subscriber import Subscriber

LINES_MOST = 40


class NeverInvalidates(Subscriber):
    def invalidate(self, number: int, line: tuple[str | int, ...]) -> Program:
        yield from ()


class WrongLineFlushed(Receiver):
    def write_payload(self, index: int, batch: Arriving) -> Program:
        yield Store((*payload(*self.place(index)), "content"), (batch.client, batch.seq))
        yield Flush(header(*self.place(index)))
        yield StoreFence()


class NeverFlushed(Delegation):
    def publish(self, filled_count: int) -> Program:
        yield from ()


ORDER5 = design("order5.fetch_add")
ONE = Scenario(rings=arrivals(1, 1, 1), slots=2, subscribers=True)
TWO_LAPS = Scenario(rings=arrivals(1, 1, 2), slots=1, subscribers=True)


def violation_of(design_of: Any, scenario: Scenario, profile: str = "ncx", *asked: str) -> Explored:
    subject = sequencer(design_of, scenario, profile, asked=frozenset(asked) if asked else None)
    return explore(subject, limits=Limits(seconds=30))


def inversion(*asked: str) -> Explored:
    return violation_of(
        design("order4.cas_then_reserve"), Scenario(rings=arrivals(2, 2, 2), written=True), "ncx", *asked
    )


def wrong() -> Iterator[Explored]:
    yield violation_of(replace(ORDER5, subscriber=NeverInvalidates), ONE)
    yield violation_of(replace(ORDER5, subscriber=NeverInvalidates), TWO_LAPS, "ncx-nospec")
    yield violation_of(replace(ORDER5, receiver=WrongLineFlushed), ONE)
    yield violation_of(replace(ORDER5, delegation=NeverFlushed), replace(ONE, delegated=True))
    yield inversion("client-order")
    yield inversion("prefix")


def because(explored: Explored) -> str:
    """Return the sentence that says why, on one line."""
    words = " ".join(describe_run(explored).split())
    return words[words.index("because ") : words.index(" in conflict: ")]


@pytest.mark.parametrize("number", range(6))
def test_a_minimal_trace_fits_a_screen(number: int) -> None:
    explored = list(wrong())[number]
    lines = describe_run(explored).splitlines()
    steps = run(trace_of(explored)).last
    assert len(lines) <= LINES_MOST or steps > 14
    assert max(map(len, lines)) <= WIDTH
    assert "reproduced 10/10" in lines[-1]


def test_a_reader_that_kept_its_copy_is_told_since_when() -> None:
    explored = violation_of(replace(ORDER5, subscriber=NeverInvalidates), TWO_LAPS, "ncx-nospec")
    assert because(explored).startswith(
        "because host 2 read payload 0 0 . content = (0,0) from its own copy of line payload 0 0:"
        " no invalidate since the run began, and receiver 0's (0,1) of step "
    )


def test_a_copy_that_the_cache_fetched_of_itself_is_told_from_one_that_was_loaded() -> None:
    assert "from a copy of line payload 0 0 that its cache had fetched of itself: no invalidate since" in because(
        violation_of(replace(ORDER5, subscriber=NeverInvalidates), ONE)
    )


def test_a_store_that_never_left_its_cache_is_named() -> None:
    sentence = because(violation_of(replace(ORDER5, receiver=WrongLineFlushed), ONE))
    assert "was in host 1's cache only, line payload 0 0 was not written back" in sentence


def test_who_waits_for_ever_is_told_what_it_does_not_see() -> None:
    explored = violation_of(replace(ORDER5, delegation=NeverFlushed), replace(ONE, delegated=True))
    assert explored.violation is not None
    assert explored.violation.property == "drained"
    assert "scanner 0 waits for ever: host 0 finds written 0 . count = 0" in because(explored)
    assert "and the end of the run" in describe_run(explored)


def test_a_step_that_came_between_is_named_with_the_two_it_came_between() -> None:
    assert because(inversion("client-order")) == (
        "because scanner 1's step 9 [orders client 0 batch 1 at 0..1] came between scanner 0's step 4"
        " [claim(ring=0, index=0)] and scanner 0's step 10 [orders client 0 batch 0 at 2..2]"
    )
    assert "in conflict: step 9 (scanner 1) and step 10 (scanner 0)" in describe_run(inversion("client-order"))


def test_a_step_that_is_missing_is_named_by_what_came_next() -> None:
    assert because(inversion("prefix")).endswith(
        "came after scanner 0's step 4 [claim(ring=0, index=0)] and before scanner 0 went on to"
        " fetch_add counter . issued + 1"
    )


def test_a_step_is_not_blamed_on_a_thread_that_had_come_to_rest() -> None:
    scenario = Scenario(rings=arrivals(2, 2, 2))  # with receivers, which have long ended
    explored = violation_of(design("order4.cas_then_reserve"), scenario, "ncx", "prefix")
    assert re.search(
        r"came after scanner 0's step \d+ \[claim\(ring=0, index=0\)\] and before scanner 0 went on", because(explored)
    )


def test_a_store_buffer_is_a_cause_on_one_coherent_host() -> None:
    test = parse_test("name SB\nH0: W x 1; R a y\nH0: W y 1; R a x\nbad 0:a=0 & 1:a=0\n")
    explored = explore(litmus_file(test, "tso"))
    assert because(explored) == (
        "because thread 1 loaded x = 0 at step 2 while thread 0's 1 of the start was still in its store buffer"
    )


def test_each_thread_that_takes_part_has_a_column_and_memory_has_three() -> None:
    heads = describe_run(violation_of(replace(ORDER5, subscriber=NeverInvalidates), ONE)).splitlines()[1]
    named = [word.strip() for word in heads.split("  ") if word.strip()]
    assert named == ["scanner 0", "receiver 0", "subscriber 0", "store buffer", "host cache", "memory"]


def test_full_shows_what_the_default_leaves_out() -> None:
    explored = inversion("client-order")
    short, full = describe_run(explored), describe_run(explored, full=True)
    assert "chain 1 0 . entry" not in short
    assert "chain 1 0 . entry" in full
    assert re.search(r"and \d+ more", short)
    assert max(map(len, full.splitlines())) <= WIDTH


def test_many_threads_are_numbered() -> None:
    plans = Scenario(rings=arrivals(2, 3, 3), slots=2, delegated=True, subscribers=True, acknowledgers=True)
    explored = violation_of(replace(ORDER5, subscriber=NeverInvalidates), plans, "ncx", "visible")
    full = describe_run(explored, full=True).splitlines()
    assert any("t0 scanner 0, t1 scanner 1" in line for line in full)
    assert max(map(len, full)) <= WIDTH


class OneSlotForAll(Receiver):
    def place(self, index: int) -> tuple[int, int]:
        return 0, 0


@pytest.mark.parametrize("brokers", [3, 5])
def test_a_run_of_many_threads_is_as_wide_as_any(brokers: int) -> None:
    sent = plans(2, arrivals(2, brokers, 2 * brokers))
    scenario = Scenario(plans=sent, ring_count=brokers, slots=1, subscribers=True)
    subject = sequencer(replace(ORDER5, subscriber=NeverInvalidates), scenario, "ncx", asked=frozenset({"visible"}))
    text = describe_run(explore(subject, strategy="random", limits=Limits(seconds=30)), full=True)
    assert max(map(len, text.splitlines())) <= WIDTH


def test_a_violation_at_once_needs_no_step() -> None:
    explored = violation_of(
        replace(ORDER5, receiver=OneSlotForAll), Scenario(rings=arrivals(2, 2, 2)), "ncx", "no-overwrite"
    )
    assert explored.schedule == ()
    assert "no-overwrite is violated at the start" in describe_run(explored)
    assert len(describe_run(explored).splitlines()) <= LINES_MOST
    assert because(explored).startswith(
        "because receiver 1 at the start [overwrite(ring=0, slot=0, by_ring=1, index=0)] goes by no consumed mark"
        " that it read: none was stored for ring 0"
    )
