"""Why a run breaks a promise: each kind of cause with a bug planted for it, and the whole sentence that must come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fencepost.model.explorer.explain.cause import cause
from fencepost.model.explorer.search.exploration import Explored, Limits, explore
from fencepost.model.explorer.search.schedule import follow
from fencepost.model.explorer.subjects import arrivals, plans, sequencer
from fencepost.model.explorer.traces.run_trace import run, trace_of
from fencepost.model.museum import BUGS
from fencepost.model.museum.bug import batch, in_rings
from fencepost.model.museum.detection import of_bug
from fencepost.model.museum.engines import explorer
from fencepost.model.programs import Scenario, design
from fencepost.model.programs.layout import acked, consumed, header
from fencepost.model.programs.operations import Flush, Program, Store, StoreFence, at
from fencepost.model.programs.roles.scanner import Reading, Slot
from fencepost.model.programs.roles.subscriber import Subscriber
from fencepost.model.programs.sequencers.order5 import Order5FetchAdd

ORDER5 = design("order5.fetch_add")
ONE_BATCH = in_rings((batch(0, 0),))


class ScannerMarksHeader(Order5FetchAdd):
    """The scanner notes in the header, which is the receiver's line, that it has read it."""

    def read(self, index: int) -> Reading:
        slot = yield from super().read(index)
        yield Store((*header(self.ring, index % self.slots), "taken"), 1)
        return slot


class StreamingMark(Order5FetchAdd):
    """The same past the cache: no cache ever holds the line dirty for two hosts, and two hosts write it."""

    def read(self, index: int) -> Reading:
        slot = yield from super().read(index)
        yield Store((*header(self.ring, index % self.slots), "taken"), 1, streaming=True)
        return slot


class ConsumesAhead(Subscriber):
    """A slot is given back before its payload was read."""

    def deliver(self, number: int, index: int, start: int) -> Program:
        ahead = at("consumed", ring=self.ring, below=self._consumed_count + 1)
        yield Store((*consumed(self.ring), "count"), self._consumed_count + 1, ahead)
        yield Flush(consumed(self.ring))
        yield StoreFence()
        yield from super().deliver(number, index, start)


class AcksWhenRead(Order5FetchAdd):
    """A batch is acknowledged as soon as its header is read, before it has a position."""

    def read(self, index: int) -> Reading:
        slot = yield from super().read(index)
        line = acked(slot.ring, slot.client)
        yield Store((*line, "below"), slot.seq + 1)
        yield Flush(line)
        yield StoreFence()
        return slot


class AcksOrdered(Order5FetchAdd):
    """A batch is acknowledged when it has its position, before its export has begun."""

    def publish(self, slot: Slot, start: int) -> Program:
        self._ordered_of[slot.client] = self._ordered_of.get(slot.client, 0) + 1
        yield from self.acknowledge(slot)
        yield from super().publish(slot, start)


def explored(changed: Any, scenario: Scenario, broken: str, **given: Any) -> Explored:
    subject = sequencer(changed, scenario, "ncx", asked=frozenset({broken}))
    return explore(subject, limits=Limits(seconds=60), **given)


def why(found: Explored) -> str:
    made = run(trace_of(found))
    assert made.violation is not None
    return cause(made).sentence


def of_museum(name: str) -> str:
    """Return why the shortest run breaks what a bug of the museum breaks."""
    found = explorer(of_bug(BUGS[name]), 60, 0)
    assert found.run is not None
    return cause(run(found.run)).sentence


# --- single-writer: judged at the second store, which is named with the first ---

RECEIVED = Scenario(rings=((batch(0, 0),),))


@pytest.mark.parametrize("scanner", [ScannerMarksHeader, StreamingMark])
def test_the_second_of_two_hosts_that_store_to_a_line_is_where_the_run_ends(scanner: type[Order5FetchAdd]) -> None:
    found = explored(replace(ORDER5, scanner=scanner), RECEIVED, "single-writer")
    made = run(trace_of(found))
    assert made.violation is not None
    assert made.violation.sentence == (
        "hosts 1 and 0 both store to line header 0 0: receiver 0 stored header 0 0 . batch = (0,0,1), then scanner 0"
        " stored header 0 0 . taken = 1"
    )
    before = follow(made.system, found.schedule[:-1], found.subject.judge)
    assert before.violation is None, "the store of the last step is what breaks it"


def test_the_cause_of_two_writers_is_both_stores() -> None:
    found = explored(replace(ORDER5, scanner=ScannerMarksHeader), RECEIVED, "single-writer")
    assert why(found) == (
        "line header 0 0 is host 1's since receiver 0's step 1 [store header 0 0 . batch = (0,0,1)], and scanner 0's"
        " step 5 [store header 0 0 . taken = 1] is host 0's"
    )
    assert cause(run(trace_of(found))).steps == ((1, 1), (5, 0))


def test_runs_that_are_not_asked_for_single_writer_go_on_after_a_second_store() -> None:
    found = explored(replace(ORDER5, scanner=ScannerMarksHeader), RECEIVED, "unique")
    assert found.violation is None


# --- no-overwrite: the mark that the receiver went by ---


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "wrap_without_consumed_check",
            "receiver 0's step 4 [overwrite(ring=0, slot=0, by_ring=0, index=1)] goes by no consumed mark that it read:"
            " none was stored for ring 0",
        ),
        (
            "only_slot_zero_protected",
            "receiver 0's step 13 [overwrite(ring=0, slot=1, by_ring=0, index=3)] goes by consumed 0 . count = 1, which"
            " subscriber 0 stored at step 11 and receiver 0 read at step 13: it says that ring 0 is consumed below"
            " index 1, and index 1 is not",
        ),
        (
            "no_wrap",
            "receiver 0's step 12 [overwrite(ring=1, slot=0, by_ring=0, index=1)] goes by consumed 0 . count = 1, which"
            " subscriber 0 stored at step 10 and receiver 0 read at step 12: it says nothing of ring 1",
        ),
    ],
)
def test_a_slot_that_is_overwritten_is_told_with_the_mark_that_its_receiver_went_by(name: str, sentence: str) -> None:
    assert of_museum(name) == sentence


def test_a_mark_that_says_too_much_is_told_as_one() -> None:
    scenario = in_rings((batch(0, 0),), later=((batch(0, 1),),), slots=1, subscribers=True)
    sentence = why(explored(replace(ORDER5, subscriber=ConsumesAhead), scenario, "no-overwrite"))
    assert sentence == (
        "receiver 0's step 11 [overwrite(ring=0, slot=0, by_ring=0, index=1)] goes by consumed 0 . count = 1, which"
        " subscriber 0 stored at step 9 and receiver 0 read at step 11: it says that index 0 of ring 0 is consumed,"
        " which no reader had read"
    )


# --- ack-safe: the export that is missing ---


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "broker_wide_ack",
            "acknowledger 0's step 10 [acknowledge(ring=0, client=1, below=1)] goes by acked 0 -1 . below = 1, which"
            " scanner 0 stored at step 7; the export of client 1 batch 0 (index 1 of ring 0) is missing: it came at"
            " the start and is not ordered",
        ),
        (
            "ack_before_export",
            "acknowledger 0's step 7 [acknowledge(ring=0, client=0, below=1)] goes by acked 0 0 . below = 1, which"
            " scanner 0 stored at step 4; the export of client 0 batch 0 (index 0 of ring 0) is missing: scanner 0's"
            " chain 0 0 . guard = 1 of step 3 is still in its store buffer",
        ),
        (
            "one_fence_for_export_and_ack",
            "acknowledger 0's step 9 [acknowledge(ring=0, client=0, below=1)] goes by acked 0 0 . below = 1, which"
            " scanner 0 stored at step 6; the export of client 0 batch 0 (index 0 of ring 0) is missing: scanner 0's"
            " chain 0 0 . guard = 1 of step 5 is in host 0's cache only, line chain 0 0 was not written back",
        ),
        (
            "parked_is_acked",
            "acknowledger 0's step 7 [acknowledge(ring=0, client=0, below=2)] goes by acked 0 0 . below = 2, which"
            " scanner 0 stored at step 4; the export of client 0 batch 0 is missing: it has not come",
        ),
        (
            "phantom_first_ack",
            "acknowledger 0's step 1 [acknowledge(ring=0, client=0, below=1)] goes by nothing that it read; the export"
            " of client 0 batch 0 (index 0 of ring 0) is missing: it came at the start and is not ordered",
        ),
        (
            "dropped_is_acked",
            "acknowledger 1's step 13 [acknowledge(ring=1, client=0, below=1)] goes by acked 1 0 . below = 1, which"
            " scanner 1 stored at step 10; the export of client 0 batch 0 (index 0 of ring 1) is missing: scanner 0's"
            " chain 0 0 . guard = 1 of step 5 is still in its store buffer",
        ),
    ],
)
def test_an_acknowledgement_that_comes_too_early_names_the_export_that_is_missing(name: str, sentence: str) -> None:
    assert of_museum(name) == sentence


def test_how_far_a_batch_has_come_is_told() -> None:
    scenario = replace(ONE_BATCH, acknowledgers=True)
    read = why(explored(replace(ORDER5, scanner=AcksWhenRead), scenario, "ack-safe"))
    assert read.endswith("is missing: it came at the start and is not ordered")
    ordered = why(explored(replace(ORDER5, scanner=AcksOrdered), scenario, "ack-safe"))
    assert ordered.endswith("is missing: scanner 0's chain 0 0 . guard = 1 of step 3 is still in its store buffer")


# --- drawn runs are shortened before they are shown ---


@pytest.mark.parametrize("strategy", ["pct", "random"])
@pytest.mark.parametrize(("name", "most"), [("parked_is_acked", 16), ("gate_read_in_cache", 40)])
def test_a_drawn_run_is_about_as_long_as_its_violation_needs(name: str, most: int, strategy: str) -> None:
    bug, rings = BUGS[name], arrivals(2, 2, 6)
    scenario = Scenario(plans=plans(2, rings), ring_count=2, slots=2, subscribers=True)
    found = explored(bug.design, scenario, bug.breaks, strategy=strategy)
    assert found.violation is not None
    assert len(found.schedule) <= most
    again = follow(run(trace_of(found)).system, found.schedule, found.subject.judge)
    assert again.violation is not None
    assert again.violation.property == bug.breaks
