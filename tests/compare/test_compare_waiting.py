"""Sequencers whose attempts wait for each other, and acknowledgements read in the middle of attempts."""

from __future__ import annotations

import re
from collections.abc import Generator

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from fencepost.comparing.policies.accepted import Acceptor
from fencepost.comparing.policies.attempts import Attempts
from fencepost.comparing.policies.calls import Broken, Make
from fencepost.comparing.policies.sentences import described_wait
from fencepost.comparing.run import compare
from fencepost.model.contract import Level, Verdict
from fencepost.native import Answer, Attempt, AttemptOutcome
from fencepost.stateful import machine

ORDERED, LATER, DUPLICATE = AttemptOutcome.ORDERED, AttemptOutcome.LATER, AttemptOutcome.DUPLICATE
Attempting = Generator[None, None, Answer]


class Shared:
    """What the designs below share, and the part of an attempt that one scanner at a time may be in."""

    def begin(self, ring_count: int, client_count: int) -> None:
        self.next, self.acked = [0] * client_count, [0] * client_count
        self.counter = self.ticket_count = self.serving = self.published = 0
        self.locked = [False, False]

    def ordered(self, client: int, seq: int, count: int) -> Attempting:
        if seq != self.next[client]:
            return (DUPLICATE if seq < self.next[client] else LATER), -1
        yield
        start, self.counter = self.counter, self.counter + count
        yield
        self.next[client] += 1
        return ORDERED, start

    def acknowledged(self, client: int) -> int | None:
        return self.next[client]

    def issued(self) -> int:
        return self.counter


# --- correct, and waiting ---


class SpinLock(Shared):
    """It acknowledges before it unlocks: then everything is done but the unlocking."""

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Attempting:
        while self.locked[0]:
            yield
        self.locked[0] = True
        yield
        answer = yield from self.ordered(client, seq, count)
        yield
        self.locked[0] = False
        return answer


class TicketLock(Shared):
    def try_order(self, ring: int, client: int, seq: int, count: int) -> Attempting:
        ticket, self.ticket_count = self.ticket_count, self.ticket_count + 1
        yield
        while self.serving != ticket:
            yield
        answer = yield from self.ordered(client, seq, count)
        yield
        self.serving += 1
        return answer


class AfterPredecessor(Shared):
    """A claim makes successors wait for it; what is too early is answered later."""

    def begin(self, ring_count: int, client_count: int) -> None:
        super().begin(ring_count, client_count)
        self.claimed = [0] * client_count

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Attempting:
        if seq > self.claimed[client]:
            return LATER, -1
        if seq < self.claimed[client]:
            while self.next[client] <= seq:
                yield
            return DUPLICATE, -1
        self.claimed[client] += 1
        yield
        while self.next[client] != seq:
            yield
        return (yield from self.ordered(client, seq, count))


class InPositionOrder(Shared):
    """Level 5: all positions before its own are published first."""

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Attempting:
        start, self.counter = self.counter, self.counter + count
        yield
        while self.published != start:
            yield
        self.published = start + count
        yield
        self.next[client] += 1
        return ORDERED, start


class TryLock(Shared):
    """Instead of waiting it answers later, whoever is at work on the client, and on whichever of its batches."""

    def begin(self, ring_count: int, client_count: int) -> None:
        super().begin(ring_count, client_count)
        self.locked = [False] * client_count

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Attempting:
        if self.locked[client]:
            return LATER, -1
        self.locked[client] = True
        yield
        answer = yield from self.ordered(client, seq, count)
        self.locked[client] = False
        return answer


class Alternating(Shared):
    """Both raise a flag and lower it again when they see the other's: it makes progress while it is left alone."""

    def begin(self, ring_count: int, client_count: int) -> None:
        super().begin(ring_count, client_count)
        self.flags = [False] * ring_count

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Attempting:
        while True:
            self.flags[ring] = True
            yield
            if sum(self.flags) == 1:
                break
            self.flags[ring] = False
            yield
        answer = yield from self.ordered(client, seq, count)
        self.flags[ring] = False
        return answer


CORRECT: list[tuple[Make, Level]] = [
    (SpinLock, 4),
    (TicketLock, 4),
    (AfterPredecessor, 4),
    (InPositionOrder, 5),
    (TryLock, 4),
    (Alternating, 4),
]
QUICK = settings(max_examples=20, stateful_step_count=25, deadline=None, database=None, derandomize=True)


@pytest.mark.parametrize(("make", "level"), CORRECT)
def test_a_correct_sequencer_that_waits_is_not_accused(make: Make, level: Level) -> None:
    (row,) = compare(make, level=level, examples=150, seed=3).rows
    assert row.verdict is Verdict.NOT_FOUND, row.counterexample
    run_state_machine_as_test(machine(make, level), settings=QUICK)


@pytest.mark.slow
@pytest.mark.parametrize(("make", "level"), CORRECT)
def test_a_correct_sequencer_that_waits_is_not_accused_in_many_examples(make: Make, level: Level) -> None:
    (row,) = compare(make, level=level, examples=3_000, seed=4, jobs=2).rows
    assert row.verdict is Verdict.NOT_FOUND, row.counterexample


# --- wrong: what they wait for does not come ---


class LeavesLocked(Shared):
    """It does not unlock when a batch is early."""

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Attempting:
        while self.locked[0]:
            yield
        self.locked[0] = True
        yield
        answer = yield from self.ordered(client, seq, count)
        self.locked[0] = answer[0] == LATER
        return answer


class TwoLocks(Shared):
    """Ring 0 takes them in the other order."""

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Attempting:
        for lock in (0, 1) if ring else (1, 0):
            while self.locked[lock]:
                yield
            self.locked[lock] = True
            yield
        answer = yield from self.ordered(client, seq, count)
        self.locked = [False, False]
        return answer


class UntilNext(Shared):
    """It never answers later: a scanner waits for a batch that may stand behind in its own ring."""

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Attempting:
        while self.next[client] < seq:
            yield
        return (yield from self.ordered(client, seq, count))


@pytest.mark.parametrize(
    ("make", "awaited"),
    [
        (LeavesLocked, "what does not come: no other scanner is at work, and none has anything left to do"),
        (TwoLocks, r"scanner [01] at work on client 0 batch 0, which passed its turn 1,9"),
        (UntilNext, "client 0 batch 0, which never arrived"),
    ],
)
def test_a_sequencer_that_waits_for_ever_is_not_drained_and_it_is_said_what_for(make: Make, awaited: str) -> None:
    (found,) = compare(make, level=4, examples=100, seed=1).counterexamples
    assert found.property == "drained"
    assert found.batches <= 2
    assert re.search(f"passed its turn 2,000 times, waiting for {awaited}", found.sentence)
    assert ", at line " in found.sentence
    assert "of test_compare_waiting.py" in found.sentence


@pytest.mark.parametrize(
    ("sent", "awaited"),
    [
        (((0, 0, 1), (0, 0, 0)), "client 0 batch 0, which stands behind it in ring 0"),
        (((0, 0, 1), (1, 1, 1), (1, 0, 0)), "client 0 batch 0, which stands behind client 1 batch 1 in ring 1"),
        (((0, 0, 1),), "client 0 batch 0, which never arrived"),
    ],
)
def test_a_scanner_waits_for_a_predecessor_wherever_that_is(sent: tuple[tuple[int, ...], ...], awaited: str) -> None:
    session = Attempts(UntilNext, 4, 2, 2)
    for ring, client, seq in sent:
        session.send(ring, client, seq, 1)
    with pytest.raises(Broken, match=r"drained: scanner . passed its turn 2,000 times, waiting for"):
        session.finish()
    assert f"waiting for {awaited}" in described_wait(session, 0)


# --- what an attempt may answer ---


def test_an_attempt_in_progress_is_never_taken_for_its_own_answer() -> None:
    """Slot 1 without a range is no `later`, slot 2 no `duplicate`, slot 0 with the range at 0 not ordered yet."""
    for answer, index in ((Attempt(LATER, -1), 1), (Attempt(DUPLICATE, -1), 2)):
        acceptor = Acceptor(4, 1)
        for seq in range(index + 1):
            acceptor.arrive(0, 0, seq, 1)
            acceptor.begin(0, seq)
            if seq < index:
                assert acceptor.end(0, Attempt(ORDERED, seq)) == ""
        assert acceptor.end(0, answer) == f"ordered at {index}"


def test_later_needs_a_reason_and_another_attempt_on_the_same_client_is_one() -> None:
    for meets, allowed in ((True, ""), (False, "ordered at 0")):
        acceptor = Acceptor(4, 2)
        acceptor.arrive(0, 0, 1, 1)  # too early, and so never claimed
        acceptor.arrive(1, 0, 0, 1)
        acceptor.begin(0, 0)
        acceptor.begin(1, 0)
        assert acceptor.end(1, Attempt(LATER, -1), met_another=meets) == allowed


# --- acknowledgements in the middle of an attempt ---


class AckedBeforeOrdered(Shared):
    """By the end of the attempt it is right: only in the middle may the client forget what has no position."""

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Attempting:
        while self.locked[0]:
            yield
        self.locked[0] = True
        if seq == self.next[client]:
            self.acked[client] += 1
            yield
        answer = yield from self.ordered(client, seq, count)
        self.locked[0] = False
        return answer

    def acknowledged(self, client: int) -> int:
        return self.acked[client]


class AckedBeforeOrderedAtLevel5(Shared):
    def try_order(self, ring: int, client: int, seq: int, count: int) -> Attempting:
        self.next[client] += 1
        yield
        start, self.counter = self.counter, self.counter + count
        return ORDERED, start


class AckTakenBack(AckedBeforeOrdered):
    """It acknowledges the batch in hand, and takes that back when the batch is early."""

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Attempting:
        while self.locked[0]:
            yield
        self.locked[0] = True
        self.acked[client] = max(self.acked[client], seq + 1)
        yield
        answer = yield from self.ordered(client, seq, count)
        self.acked[client] = self.next[client]
        self.locked[0] = False
        return answer


class AckedBeforeNext(Shared):
    """Acknowledged, and a copy that comes then is ordered once more."""

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Attempting:
        if seq != self.next[client]:
            return (DUPLICATE if seq < self.next[client] else LATER), -1
        start, self.counter = self.counter, self.counter + count
        self.acked[client] = max(self.acked[client], seq + 1)
        yield
        self.next[client] = max(self.next[client], seq + 1)
        return ORDERED, start

    def acknowledged(self, client: int) -> int:
        return self.acked[client]


EARLY: list[tuple[Make, Level]] = [
    (AckedBeforeOrdered, 4),
    (AckedBeforeOrderedAtLevel5, 5),
    (AckTakenBack, 4),
]


@pytest.mark.parametrize(("make", "level"), EARLY)
def test_an_acknowledgement_in_the_middle_of_an_attempt_is_judged(make: Make, level: Level) -> None:
    (found,) = compare(make, level=level, examples=100, seed=1).counterexamples
    assert (found.property, found.batches) == ("ack-safe", 1)
    assert found.lines[1:] == (
        "  1  scanner 0 begins with client 0 batch 0",
        "  2  client 0 asks: it may forget 1 of its batches",
    )
    assert found.sentence.endswith("scanner 0 is at work on client 0 batch 0, and 0 positions are issued")


@pytest.mark.parametrize(("make", "level"), EARLY)
def test_the_stateful_test_judges_it_too(make: Make, level: Level) -> None:
    chosen = settings(QUICK, max_examples=100, phases=[Phase.generate])
    with pytest.raises(Broken, match="ack-safe"):
        run_state_machine_as_test(machine(make, level), settings=chosen)


def test_what_an_acknowledgement_said_binds_the_answers_that_come_after_it() -> None:
    """Two scanners at work on one batch: acknowledged in the middle, one of the two must find a duplicate."""
    (found,) = compare(AckedBeforeNext, level=4, examples=300, seed=1).counterexamples
    assert found.property in ("spec", "ack-safe")
    acceptor = Acceptor(4, 2)
    for ring in (0, 1):
        acceptor.arrive(ring, 0, 0, 1)
    acceptor.begin(0, 0)
    assert acceptor.acknowledge(0, 1, 1)
    acceptor.begin(1, 0)
    assert acceptor.end(1, Attempt(ORDERED, 0)) == "duplicate"
    assert not acceptor.acknowledge(0, 2, 1)
