"""A few examples are large: what breaks only with several clients, or with many batches of one, is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from sizes import sized

from fencepost import compare
from fencepost.comparing.policies.attempted import AttemptExample, attempt_examples
from fencepost.comparing.search import Drawn, drawn
from fencepost.native import AttemptOutcome


class Right:
    """Orders what is next of its client."""

    def begin(self, ring_count: int, client_count: int) -> None:
        self.next_of, self.position, self.seen = [0] * client_count, 0, set[int]()

    def try_order(self, ring: int, client: int, seq: int, count: int) -> tuple[AttemptOutcome, int]:
        self.seen.add(client)
        if seq != self.next_of[client]:
            return (AttemptOutcome.LATER if seq > self.next_of[client] else AttemptOutcome.DUPLICATE), -1
        self.next_of[client] += 1
        self.position += count
        return AttemptOutcome.ORDERED, self.position - count + self.wrong_by(seq)

    def wrong_by(self, seq: int) -> int:
        return 0

    def acknowledged(self, client: int) -> int:
        return self.next_of[client]

    def issued(self) -> int:
        return self.position


class WrongFromFourClients(Right):
    def wrong_by(self, seq: int) -> int:
        return 5 if len(self.seen) >= 4 else 0


class WrongFromTheTenthBatch(Right):
    def wrong_by(self, seq: int) -> int:
        return 5 if seq >= 9 else 0


class WrongFromTheSixteenthBatch(Right):
    def wrong_by(self, seq: int) -> int:
        return 5 if seq >= 15 else 0


@pytest.mark.parametrize("seed", [1, *(pytest.param(each, marks=pytest.mark.slow) for each in (2, 3))])
@pytest.mark.parametrize(
    ("make", "batches"), [(WrongFromFourClients, 4), (WrongFromTheTenthBatch, 10), (WrongFromTheSixteenthBatch, 16)]
)
def test_what_breaks_at_a_size_only_is_found_and_made_small(make: Callable[[], Any], batches: int, seed: int) -> None:
    report = compare(make, level=4, examples=1_000, seed=seed, jobs=1)
    assert [each.batches for each in report.counterexamples] == [batches]


def test_the_bound_says_how_large_the_examples_were() -> None:
    report = compare(Right, level=4, examples=300, seed=1, jobs=1)
    (finding,) = report.findings
    size = report.rows[0].drawn
    assert finding.bound.endswith(
        f" operations, up to {size.clients} clients, {size.batches} batches of one client, {size.rings} rings"
    )
    assert size.clients >= 4
    assert size.batches >= 16


def test_a_size_counts_what_was_sent_and_no_copy_twice() -> None:
    assert drawn([(0, 0, 0), (1, 0, 0), (2, 5, 0), (2, 5, 1)]) == Drawn(clients=2, batches=2, rings=3)


@settings(max_examples=sized(100), deadline=None, database=None)
@given(example=attempt_examples())
def test_no_example_is_without_an_attempt(example: AttemptExample) -> None:
    assert example.rows
