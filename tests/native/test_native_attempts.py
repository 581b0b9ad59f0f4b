"""Native attempts one by one: given schedules against an obvious reference, and the limits of counter and table."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fencepost.model.errors import InputError
from fencepost.native import (
    BATCH_SEQ_MAX,
    ISSUED_MAX,
    MESSAGE_COUNT_MAX,
    SEQUENCERS,
    Attempt,
    AttemptOutcome,
    Sequencer,
    replay,
)

LEVEL_4 = [name for name, level in SEQUENCERS.items() if level == 4]
CLIENT_ID_MAX = 2**63 - 1
ORDERED, LATER, DUPLICATE = AttemptOutcome.ORDERED, AttemptOutcome.LATER, AttemptOutcome.DUPLICATE


class Batch(NamedTuple):
    client_id: int
    batch_seq: int
    message_count: int


# --- a given schedule -------------------------------------------------------------------------------


def reference(level: int, batches: list[Batch]) -> list[tuple[int, int]]:
    """One attempt per row: level 4 with a dict of next-expected numbers, level 5 with a running sum."""
    next_seq: dict[int, int] = defaultdict(int)
    issued, answers = 0, []
    for batch in batches:
        expected = next_seq[batch.client_id]
        if level == 4 and batch.batch_seq != expected:
            answers.append((int(LATER if batch.batch_seq > expected else DUPLICATE), -1))
            continue
        answers.append((int(ORDERED), issued))
        next_seq[batch.client_id] = expected + 1
        issued += batch.message_count
    return answers


SCHEDULES = st.lists(
    st.builds(
        Batch,
        client_id=st.sampled_from([0, 1, 1024, 2**32, 2**62, CLIENT_ID_MAX]),
        batch_seq=st.integers(0, 4) | st.just(BATCH_SEQ_MAX),
        message_count=st.integers(1, 5) | st.just(MESSAGE_COUNT_MAX),
    ),
    max_size=60,
)


@pytest.mark.parametrize("name", SEQUENCERS)
@settings(deadline=None)
@given(batches=SCHEDULES)
def test_replay_answers_as_the_reference(name: str, batches: list[Batch]) -> None:
    given: dict[str, Any] = {field: [getattr(each, field) for each in batches] for field in Batch._fields}
    answers = replay(name, **given)
    assert list(zip(answers.outcome.tolist(), answers.start_position.tolist(), strict=True)) == reference(
        SEQUENCERS[name], batches
    )


@pytest.mark.parametrize("name", SEQUENCERS)
@settings(deadline=None)
@given(batches=SCHEDULES)
def test_single_attempts_answer_as_the_reference(name: str, batches: list[Batch]) -> None:
    sequencer = Sequencer(name, client_capacity=6)
    answers = [sequencer.try_order(*each) for each in batches]
    assert answers == reference(SEQUENCERS[name], batches)
    ordered = zip(batches, answers, strict=True)
    assert sequencer.issued == sum(each.message_count for each, answer in ordered if answer.outcome == ORDERED)


# --- limits -----------------------------------------------------------------------------------------

SEALED = f"no range of 3 positions is left below {ISSUED_MAX}: the sequencer is sealed and orders nothing more"


@pytest.mark.parametrize("name", SEQUENCERS)
def test_the_last_positions_are_handed_out_and_no_more(name: str) -> None:
    sequencer = Sequencer(name, 1, first_position=ISSUED_MAX - 5)
    assert sequencer.try_order(0, 0, 5) == Attempt(ORDERED, ISSUED_MAX - 5)
    assert sequencer.issued == ISSUED_MAX
    with pytest.raises(InputError, match="no range of 1 positions is left"):
        sequencer.try_order(0, 1, 1)
    assert sequencer.issued == ISSUED_MAX


@pytest.mark.parametrize("name", SEQUENCERS)
def test_a_range_that_does_not_fit_seals_the_sequencer(name: str) -> None:
    sequencer = Sequencer(name, 2, first_position=ISSUED_MAX - 5)
    assert sequencer.try_order(0, 0, 4) == Attempt(ORDERED, ISSUED_MAX - 5)
    for _ in range(3):  # and gives its claim back: it is refused again, not told to wait for itself
        with pytest.raises(InputError) as refused:
            sequencer.try_order(0, 1, 3)
        assert str(refused.value) == SEALED
    with pytest.raises(InputError, match="no range of 1 positions is left"):
        sequencer.try_order(7, 0, 1)  # it would have fitted
    assert sequencer.issued == ISSUED_MAX - 1


CLIENT_IDS = st.integers(0, CLIENT_ID_MAX) | st.integers(0, 2**40).map(lambda multiple: multiple * 1024)


@pytest.mark.parametrize("name", LEVEL_4)
@settings(deadline=None)
@given(clients=st.lists(CLIENT_IDS, unique=True, min_size=1, max_size=60))
def test_clients_never_share_a_word_and_the_full_table_says_so(name: str, clients: list[int]) -> None:
    *known, stranger = clients
    sequencer = Sequencer(name, client_capacity=max(len(known), 1))
    for start, client in enumerate(known):
        assert sequencer.try_order(client, 0, 1) == Attempt(ORDERED, start)
    assert all(sequencer.try_order(client, 0, 1).outcome == DUPLICATE for client in known)
    if not known:
        return
    with pytest.raises(InputError) as refused:
        sequencer.try_order(stranger, 0, 1)
    assert str(refused.value) == (
        f"client table full: no room for client {stranger} beside {len(known)} others: "
        "make the sequencer with a larger client_capacity"
    )
    assert sequencer.try_order(known[0], 1, 1) == Attempt(ORDERED, len(known))


def test_a_table_by_remainder_shares_words() -> None:
    """The wrong variant, with two clients that the native tables above must tell apart."""
    next_seq = dict.fromkeys(range(1024), 0)
    for client in (5, 5 + 1024):
        is_duplicate = next_seq[client % 1024] > 0
        next_seq[client % 1024] += 1
    assert is_duplicate
    for name in LEVEL_4:
        answers = replay(name, client_id=[5, 5 + 1024], batch_seq=[0, 0], message_count=[1, 1])
        assert answers.outcome.tolist() == [ORDERED, ORDERED]


# --- in bulk ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SEQUENCERS)
@settings(deadline=None)
@given(batches=SCHEDULES, cut=st.integers(0, 60))
def test_attempts_in_bulk_answer_as_the_reference_and_go_on_where_they_left(
    name: str, batches: list[Batch], cut: int
) -> None:
    sequencer = Sequencer(name, client_capacity=6)
    answers: list[tuple[int, int]] = []
    for part in (batches[:cut], batches[cut:]):
        given: dict[str, Any] = {
            field: np.array([getattr(each, field) for each in part], dtype=np.int64) for field in Batch._fields
        }
        answered = sequencer.try_order_all(**given)
        answers += zip(answered.outcome.tolist(), answered.start_position.tolist(), strict=True)
    assert answers == reference(SEQUENCERS[name], batches)


def test_more_rows_than_one_reservation_holds_follow_each_other() -> None:
    counts = np.full(200_000, MESSAGE_COUNT_MAX, dtype=np.int64)
    counts[::3] = 1
    zeros = np.zeros_like(counts)
    sequencer = Sequencer("order5.fetch_add", 1, first_position=7)
    answered = sequencer.try_order_all(client_id=zeros, batch_seq=zeros, message_count=counts)
    assert answered.start_position.tolist() == (7 + np.cumsum(counts) - counts).tolist()
    assert sequencer.issued == 7 + counts.sum()


def test_a_bad_value_behind_the_first_reservation_is_refused_before_it() -> None:
    counts = np.ones(200_000, dtype=np.int64)
    counts[150_000] = 0
    zeros, sequencer = np.zeros_like(counts), Sequencer("order5.fetch_add", 1)
    with pytest.raises(InputError, match=r"^message_count\[150000\] is 0: expected 1\.\."):
        sequencer.try_order_all(client_id=zeros, batch_seq=zeros, message_count=counts)
    assert sequencer.issued == 0


@pytest.mark.parametrize(
    "given",
    [
        list,
        tuple,
        lambda values: np.array(values, dtype=np.int32),
        lambda values: np.array(values, dtype=">i8"),
        lambda values: np.array(values, dtype=np.uint64),
        lambda values: np.repeat(np.array(values), 2)[::2],
        lambda values: np.array(values)[::-1][::-1],
    ],
    ids=["list", "tuple", "int32", "big-endian", "unsigned", "strided", "turned twice"],
)
@pytest.mark.parametrize("name", SEQUENCERS)
def test_columns_of_any_kind_are_ordered_alike(name: str, given: Callable[[list[int]], Any]) -> None:
    answered = Sequencer(name, client_capacity=6).try_order_all(
        client_id=given([5, 3, 5]), batch_seq=given([0, 0, 1]), message_count=given([4, 2, 1])
    )
    assert answered.outcome.tolist() == [ORDERED] * 3
    assert answered.start_position.tolist() == [0, 4, 6]


@pytest.mark.parametrize("name", SEQUENCERS)
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"client_id": [1, -1]}, f"client_id[1] is -1: expected 0..{CLIENT_ID_MAX}"),
        ({"batch_seq": [0, -(2**63)]}, f"batch_seq[1] is {-(2**63)}: expected 0..{BATCH_SEQ_MAX}"),
        ({"batch_seq": [0, BATCH_SEQ_MAX + 1]}, f"batch_seq[1] is {BATCH_SEQ_MAX + 1}: expected 0..{BATCH_SEQ_MAX}"),
        ({"message_count": [1, 0]}, f"message_count[1] is 0: expected 1..{MESSAGE_COUNT_MAX}"),
        ({"message_count": [2**32, 1]}, f"message_count[0] is {2**32}: expected 1..{MESSAGE_COUNT_MAX}"),
        ({"message_count": [1]}, "column message_count has 1 values, client_id has 2: expected equal lengths"),
    ],
)
def test_a_bad_value_in_bulk_is_refused_and_nothing_is_ordered(
    name: str, changed: dict[str, list[int]], message: str
) -> None:
    sequencer = Sequencer(name, client_capacity=6)
    good = {"client_id": [1, 1], "batch_seq": [0, 1], "message_count": [1, 1]}
    given: dict[str, Any] = {field: np.array(values) for field, values in {**good, **changed}.items()}
    with pytest.raises(InputError) as refused:
        sequencer.try_order_all(**given)
    assert str(refused.value) == message
    assert sequencer.issued == 0


@pytest.mark.parametrize("name", SEQUENCERS)
@pytest.mark.parametrize("boundary", [2**31, 2**32, 2**53, 2**63 - 1])
def test_positions_pass_every_boundary_of_a_narrower_word(name: str, boundary: int) -> None:
    counts = [3, 1, 4, 1, 5, 9, 2, 6]
    first = boundary - (sum(counts) if boundary == ISSUED_MAX else 13)
    sequencer = Sequencer(name, 1, first_position=first, epoch_batch_count=3)
    answered = sequencer.try_order_all(client_id=[7] * 8, batch_seq=range(8), message_count=counts)
    assert answered.start_position.tolist() == [first + sum(counts[:index]) for index in range(8)]
    assert sequencer.issued == first + sum(counts)


@pytest.mark.parametrize("name", SEQUENCERS)
def test_message_counts_at_the_limit_of_their_word_are_added_up_exactly(name: str) -> None:
    sequencer = Sequencer(name, 1, epoch_batch_count=65536)
    answered = sequencer.try_order_all(
        client_id=[0] * 5, batch_seq=range(5), message_count=[MESSAGE_COUNT_MAX, 1, 2**31, 2**31 - 1, MESSAGE_COUNT_MAX]
    )
    assert answered.start_position.tolist() == [0, 2**32 - 1, 2**32, 2**32 + 2**31, 2**33 - 1]
    assert sequencer.issued == 3 * 2**32 - 2
