"""order4.owner's table of clients: a client is found wherever others pushed it, and is never taken for another."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fencepost.model.errors import InputError
from fencepost.native import AttemptOutcome, Sequencer, race

FACTOR = 0x9E3779B99E3779B9  # of native/include/fencepost/clients/owned_clients.hpp
LARGEST = 2**63 - 1


def first_index(client_id: int, entry_count: int) -> int:
    return (client_id * FACTOR % 2**64) >> (64 - entry_count.bit_length() + 1)


def ids_of_one_entry(count: int, entry_count: int, index: int) -> list[int]:
    """Return ids whose search begins at one entry of a table of that many."""
    found = (each for each in range(10**7) if first_index(each, entry_count) == index)
    return [next(found) for _ in range(count)]


def in_turn(ids: list[int], batches: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    clients = np.tile(np.array(ids, dtype=np.int64), batches)
    return clients, np.repeat(np.arange(batches), len(ids))


ids = st.lists(st.integers(0, LARGEST), min_size=1, max_size=64, unique=True)


@given(ids=ids)
def test_every_client_is_found_again_by_one_attempt_at_a_time_and_in_runs(ids: list[int]) -> None:
    clients, numbers = in_turn(ids, 3)
    ones = np.ones_like(clients)
    sequencer = Sequencer("order4.owner", client_capacity=len(ids))
    outcome, start = sequencer.try_order_all(client_id=clients, batch_seq=numbers, message_count=ones)
    assert (outcome == AttemptOutcome.ORDERED).all()
    assert (start == np.arange(clients.size)).all()
    again = sequencer.try_order_all(client_id=clients, batch_seq=numbers, message_count=ones)
    assert (again.outcome == AttemptOutcome.DUPLICATE).all()
    raced = race("order4.owner", client_id=clients, batch_seq=numbers, broker_id=0 * ones, message_count=ones)
    assert (raced.start_position == np.arange(clients.size)).all()


@pytest.mark.parametrize("index", [0, 1, 14, 15])  # the last pair's search goes on at the first entry
def test_clients_that_all_begin_at_one_entry_are_told_apart(index: int) -> None:
    ids = ids_of_one_entry(8, 16, index)
    clients, numbers = in_turn(ids, 4)
    sequencer = Sequencer("order4.owner", client_capacity=8)
    answers = sequencer.try_order_all(client_id=clients, batch_seq=numbers, message_count=np.ones_like(clients))
    assert (answers.outcome == AttemptOutcome.ORDERED).all()


def test_a_table_that_is_full_refuses_another_client_and_keeps_those_it_has() -> None:
    *ids, other = ids_of_one_entry(9, 16, 15)
    sequencer = Sequencer("order4.owner", client_capacity=8)
    for each in ids:
        assert sequencer.try_order(each, 0, 1).outcome is AttemptOutcome.ORDERED
    with pytest.raises(InputError, match="client"):
        sequencer.try_order(other, 0, 1)
    assert all(sequencer.try_order(each, 1, 1).outcome is AttemptOutcome.ORDERED for each in ids)
