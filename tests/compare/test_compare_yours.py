"""Sequencers by the answers they give: what the spec accepts, users' own in Python and C++, the stateful test."""

from __future__ import annotations

import sysconfig
from collections.abc import Generator
from pathlib import Path
from random import Random

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from fencepost.comparing.modules import Native
from fencepost.comparing.named_workloads import _rings
from fencepost.comparing.policies.accepted import Acceptor
from fencepost.comparing.policies.attempted import Attempted, AttemptExample, Shipped
from fencepost.comparing.policies.attempts import Attempts
from fencepost.comparing.policies.calls import Broken
from fencepost.comparing.run import compare
from fencepost.model.contract import Level, Verdict
from fencepost.model.programs.corpus import CORPUS
from fencepost.native import SEQUENCERS, Answer, Attempt, AttemptOutcome, include_directory
from fencepost.stateful import machine

ORDERED, LATER, DUPLICATE = AttemptOutcome.ORDERED, AttemptOutcome.LATER, AttemptOutcome.DUPLICATE


class Sound:
    """Level 4 in one step; what is wrong below is one line of it changed."""

    def begin(self, ring_count: int, client_count: int) -> None:
        self.next, self.counter = [0] * client_count, 0

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Answer | Generator[None, None, Answer]:
        if seq != self.next[client]:
            return (DUPLICATE if seq < self.next[client] else LATER), -1
        self.next[client] += 1
        self.counter += count
        return ORDERED, self.counter - count

    def acknowledged(self, client: int) -> int | None:
        return self.next[client]

    def issued(self) -> int:
        return self.counter


class DuplicatesOrdered(Sound):
    def try_order(self, ring: int, client: int, seq: int, count: int) -> Answer:
        if seq > self.next[client]:
            return LATER, -1
        self.next[client] = seq + 1
        self.counter += count
        return ORDERED, self.counter - count


class AckedEarly(Sound):
    def acknowledged(self, client: int) -> int:
        return self.next[client] + 1


class NeverAcked(Sound):
    def acknowledged(self, client: int) -> int:
        return 0


class LeaksPositions(Sound):
    def issued(self) -> int:
        return self.counter + 1


class Overlaps(Sound):
    def try_order(self, ring: int, client: int, seq: int, count: int) -> Answer | Generator[None, None, Answer]:
        self.counter = max(0, self.counter - 1)
        return super().try_order(ring, client, seq, count)


class Torn(Sound):
    """Level 5 by a counter that is read, and then written."""

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Generator[None, None, Answer]:
        start = self.counter
        yield
        self.counter = start + count
        return ORDERED, start

    def acknowledged(self, client: int) -> None:
        return None


# --- what the spec accepts ---


def test_attempts_that_overlap_may_be_ordered_either_way() -> None:
    for first in (0, 1):
        acceptor = Acceptor(5, 2)
        for ring in (0, 1):
            acceptor.arrive(ring, ring, 0, 1)
            acceptor.begin(ring, 0)
        assert acceptor.end(0, Attempt(ORDERED, first)) == ""
        assert acceptor.end(1, Attempt(ORDERED, 1 - first)) == ""


def test_attempts_one_after_the_other_have_one_order() -> None:
    acceptor = Acceptor(5, 2)
    for ring in (0, 1):
        acceptor.arrive(ring, ring, 0, 1)
    acceptor.begin(0, 0)
    assert acceptor.end(0, Attempt(ORDERED, 0)) == ""
    acceptor.begin(1, 0)
    assert acceptor.end(1, Attempt(ORDERED, 0)) == "ordered at 1"


def test_a_successor_may_find_its_predecessor_at_work_or_done_and_nothing_else() -> None:
    for answer, allowed in ((Attempt(LATER, -1), True), (Attempt(ORDERED, 2), True), (Attempt(ORDERED, 0), False)):
        acceptor = Acceptor(4, 2)
        acceptor.arrive(0, 0, 0, 2)
        acceptor.arrive(1, 0, 1, 1)
        acceptor.begin(0, 0)
        acceptor.begin(1, 0)
        assert (acceptor.end(1, answer) == "") == allowed


def test_a_restarted_scanner_reads_its_ring_again_and_drops_what_was_ordered() -> None:
    session = Attempts(Sound, 4, 1, 1)
    session.send(0, 0, 0, 1)
    session.step(0)
    session.stop(0)
    session.step(0)
    assert session.told[-1] == "scanner 0: client 0 batch 0 of 1: duplicate"
    session.finish()


# --- shipped sequencers, and those of users ---


@pytest.mark.parametrize("name", SEQUENCERS)
def test_every_answer_of_a_shipped_sequencer_is_one_that_the_spec_allows(name: str) -> None:
    (row,) = compare(name, policy="attempts", examples=60, seed=2).rows
    assert row.verdict is Verdict.NOT_FOUND
    assert row.never_happened == ()


def test_a_sound_sequencer_of_a_user_is_not_accused() -> None:
    (row,) = compare(Sound, level=4, examples=80, seed=2).rows
    assert (row.sequencer, row.verdict, row.never_happened) == ("Sound", Verdict.NOT_FOUND, ())


@pytest.mark.parametrize(
    ("wrong", "level", "property", "batches"),
    [
        (DuplicatesOrdered, 4, "spec", 2),
        (AckedEarly, 4, "ack-safe", 0),
        (NeverAcked, 4, "drained", 1),
        (LeaksPositions, 4, "dense", 0),
        (Overlaps, 4, "spec", 2),
        (Torn, 5, "spec", 2),
        (Sound, 5, "spec", 2),  # it drops a copy, which level 5 orders
    ],
)
def test_a_wrong_sequencer_of_a_user_is_shown_with_few_batches(
    wrong: type[Sound], level: Level, property: str, batches: int
) -> None:
    (found,) = compare(wrong, level=level, examples=300, seed=1).counterexamples
    assert (found.property, found.batches) == (property, batches)


class ThirdBatchCountsLess(Sound):
    def try_order(self, ring: int, client: int, seq: int, count: int) -> Answer:
        if seq != self.next[client]:
            return (DUPLICATE if seq < self.next[client] else LATER), -1
        self.next[client] += 1
        start = self.counter
        self.counter += count if self.next[client] < 3 else count - 1
        return ORDERED, start


class CopiesWaitForEver(Sound):
    def try_order(self, ring: int, client: int, seq: int, count: int) -> Answer | Generator[None, None, Answer]:
        if 1 <= seq < self.next[client]:
            return LATER, -1
        return super().try_order(ring, client, seq, count)


@pytest.mark.parametrize(
    ("wrong", "property", "smallest"),
    [
        (Overlaps, "spec", (2, 2)),
        (ThirdBatchCountsLess, "dense", (3, 3)),
        (ThirdBatchCountsLess, "spec", (4, 4)),
        (CopiesWaitForEver, "spec", (3, 3)),
    ],
)
def test_what_fails_on_a_named_scenario_is_made_as_small_as_what_was_drawn(
    wrong: type[Sound], property: str, smallest: tuple[int, int]
) -> None:
    """Batches and steps: whatever the scenario, its rings, clients and order."""
    task, random, seen = Attempted(wrong.__name__, 4, wrong), Random(3), 0
    for each in CORPUS.values():
        rows = [(ring, *batch) for ring, of in enumerate(_rings(each.scenario)) for batch in of]
        picks = tuple((random.randint(0, 2), random.randint(0, 5)) for _ in range(20))
        example = AttemptExample(tuple(rows), picks, random.choice((0, 1)), turns_between_acks=random.choice((0, 1, 2)))
        failed = task.try_out(example).failed
        if failed is not None and failed.property == property:
            found, why = task.smaller(example, failed)
            assert (len(found.rows), why.size[0]) == smallest, each.name
            seen += 1
    assert seen > 1


def test_a_schedule_is_data_and_gives_the_same_session_again() -> None:
    task = Attempted("Torn", 5, Torn)
    example = AttemptExample(((0, 0, 0, 1), (1, 1, 0, 1)), (), turns=((0, "step"), (1, "step"), (0, "step")))
    sessions = [task.drive(example) for _ in range(2)]
    assert sessions[0][0].told == sessions[1][0].told
    assert [str(broken) for _, broken in sessions] == [
        "spec: scanner 1 answered ordered at 0 for client 1 batch 0: order5.fetch_add allows ordered at 1"
    ] * 2


# --- the stateful test ---

QUICK = settings(max_examples=12, stateful_step_count=20, deadline=None, database=None, derandomize=True)


@pytest.mark.parametrize("name", ["order4.claim", "order4.owner", "order5.epoch"])
def test_a_user_who_sends_steps_polls_asks_and_stops_finds_nothing_wrong(name: str) -> None:
    level: Level = 4 if SEQUENCERS[name] == 4 else 5
    run_state_machine_as_test(machine(Shipped(name, Native.of(None)), level), settings=QUICK)


@pytest.mark.parametrize(("wrong", "level"), [(Torn, 5), (DuplicatesOrdered, 4), (AckedEarly, 4)])
def test_the_stateful_test_finds_what_is_wrong(wrong: type[Sound], level: Level) -> None:
    with pytest.raises(Broken):
        run_state_machine_as_test(
            machine(wrong, level), settings=settings(QUICK, max_examples=60, phases=[Phase.generate])
        )


# --- C++ ---


def test_the_adapter_header_is_where_the_compiler_is_told() -> None:
    assert (include_directory() / "fencepost" / "adapter.hpp").is_file()
    assert sysconfig.get_config_var("EXT_SUFFIX")
    assert "FENCEPOST_SEQUENCER" in Path(include_directory() / "fencepost" / "adapter.hpp").read_text()
