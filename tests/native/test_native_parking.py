"""What one owner orders, parks, releases and drops, against a dictionary: with one ring, all of it is determined.

The native worker keeps batches that are near their client's next number elsewhere than those that are far, takes runs
in order by another loop than runs out of order, and near the limit of positions goes batch by batch. None of it shows.
"""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from fencepost.native import ISSUED_MAX, ArrivalOutcome, RaceOptions, RaceResult, race

OWNERS = ["order4.owner", "order4.epoch"]
CLIENTS = [0, 5, 2**32 + 5, 2**62]


class Expected(NamedTuple):
    outcome: list[int]
    start: list[int]
    released: int


def reference(sent: list[tuple[int, int]], capacity: int, first_position: int) -> Expected:
    """Take arrivals one by one; the first that finds no room to park ends it."""
    outcome, start = [int(ArrivalOutcome.WAITING)] * len(sent), [-1] * len(sent)
    next_seq: dict[int, int] = {}
    parked: dict[tuple[int, int], int] = {}
    issued, released = first_position, 0
    for row, (client, seq) in enumerate(sent):
        expected = next_seq.get(client, 0)
        if seq < expected or (client, seq) in parked:
            outcome[row] = int(ArrivalOutcome.DUPLICATE)
            continue
        if seq > expected:
            if len(parked) == capacity:
                break
            parked[client, seq] = row
            outcome[row] = int(ArrivalOutcome.PARKED)
            continue
        ready = row
        while True:
            outcome[ready], start[ready] = int(ArrivalOutcome.ORDERED), issued
            issued += count_of(ready)
            expected += 1
            if (client, expected) not in parked:
                break
            ready = parked.pop((client, expected))
            released += 1
        next_seq[client] = expected
    return Expected(outcome, start, released)


def count_of(row: int) -> int:
    return 1 + row % 3


def raced(
    name: str,
    sent: list[tuple[int, int]],
    capacity: int,
    first_position: int = 0,
    options: RaceOptions | None = None,
) -> RaceResult:
    """The same arrivals, all in one ring."""
    return race(
        name,
        client_id=[client for client, _ in sent],
        batch_seq=[seq for _, seq in sent],
        broker_id=[0] * len(sent),
        message_count=[count_of(row) for row in range(len(sent))],
        parking_capacity=capacity,
        first_position=first_position,
        options=options,
    )


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[int, int]]:
    """A few clients' batches, each late by up to `lateness`, some sent twice, some never."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    clients = draw(st.lists(st.sampled_from(CLIENTS), min_size=1, max_size=4, unique=True))
    lateness = draw(st.sampled_from([0, 1, 3, 10, 40, 200]))
    lacking, twice = draw(st.sampled_from([(0.0, 0.0), (0.02, 0.1), (0.2, 0.3)]))
    sent = []
    for seq in range(draw(st.integers(0, 120))):
        for client in clients:
            for _ in range(0 if random.random() < lacking else 1 + (random.random() < twice)):
                sent.append((seq + lateness * random.random(), client, seq))
    return [(client, seq) for _, client, seq in sorted(sent)]


@pytest.mark.parametrize("name", OWNERS)
@settings(max_examples=sized(60), deadline=None)
@given(
    sent=arrivals(),
    capacity=st.sampled_from([0, 1, 5, 40, 4096]),
    slot_count=st.sampled_from([1, 3, 512]),
    first_position=st.sampled_from([0, ISSUED_MAX - 10_000]),
)
def test_an_owner_does_what_a_dictionary_does(
    name: str, sent: list[tuple[int, int]], capacity: int, slot_count: int, first_position: int
) -> None:
    expected = reference(sent, capacity, first_position)
    result = raced(name, sent, capacity, first_position, RaceOptions(slot_count=slot_count))
    assert result.outcome.tolist() == expected.outcome
    assert result.start_position.tolist() == expected.start
    assert result.delivered_position.tolist() == expected.start
    assert result.released_count == expected.released


@pytest.mark.parametrize("name", OWNERS)
@pytest.mark.parametrize("ahead", [1, 2, 3, 15, 16, 17, 31, 32, 33, 500])
def test_however_far_ahead_a_run_is_parked_it_is_released_whole_and_copies_of_it_are_dropped(
    name: str, ahead: int
) -> None:
    # 0, then everything behind 1 from the far end on, each twice; then 1, which releases it all, and copies again.
    seqs = [0, *(seq for seq in range(ahead + 1, 1, -1) for _ in (0, 1)), 1, *range(ahead + 2)]
    sent = [(7, seq) for seq in seqs]
    expected = reference(sent, 4096, 0)
    result = raced(name, sent, 4096)
    assert result.outcome.tolist() == expected.outcome
    assert result.start_position.tolist() == expected.start
    assert result.released_count == ahead
    assert result.duplicate_count == ahead + ahead + 2


@pytest.mark.parametrize("name", OWNERS)
@pytest.mark.parametrize("further", [[5], [9], [5, 9], [9, 17], [5, 9, 17, 40]])
def test_looking_further_ahead_loses_nothing_that_is_parked(name: str, further: list[int]) -> None:
    # Every client has batches 2 and 3 parked behind 1; then one of them has batches further and further on.
    sent = [(client, seq) for seq in (0, 2, 3) for client in CLIENTS]
    sent += [(CLIENTS[1], seq) for seq in further]
    sent += [(client, seq) for seq in (2, 3, 1, 4) for client in CLIENTS]  # two copies, the missing one, the next
    sent += [(CLIENTS[1], seq) for seq in range(5, 42)]
    expected = reference(sent, 4096, 0)
    result = raced(name, sent, 4096)
    assert result.outcome.tolist() == expected.outcome
    assert result.start_position.tolist() == expected.start
    assert result.released_count == 2 * len(CLIENTS) + len(further)
    assert result.duplicate_count == 2 * len(CLIENTS) + len(further)
