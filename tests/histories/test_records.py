"""Workloads and histories as tables: what they accept, what they refuse, what they never change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fencepost.model.contract import Level
from fencepost.model.errors import InputError
from fencepost.model.histories import Arrival, History, OrderedBatch, Workload
from fencepost.model.recordings import recorded_workload

HIGHEST = 2**63 - 1
ARRIVAL = Arrival(client_id=7, batch_seq=0, broker_id=1, message_count=3, payload_bytes=300, arrival_ns=10)
BATCH = OrderedBatch(client_id=7, batch_seq=0, broker_id=1, ring_index=0, message_count=3, start_position=0)


def test_rows_come_back_as_plain_integers() -> None:
    history = History.from_rows([BATCH, BATCH._replace(start_position=3, sent_ns=5)])
    assert list(history) == [BATCH, BATCH._replace(start_position=3, sent_ns=5)]
    assert history[1].sent_ns == 5
    assert {type(number) for batch in history for number in (*batch, *history[0])} == {int}
    assert len(history) == 2


def test_a_history_row_without_times_never_happened_to_be_sent_or_acked() -> None:
    history = History.from_rows([(7, 0, 1, 0, 3, 0)])
    assert (history[0].sent_ns, history[0].acked_ns) == (-1, -1)


def test_columns_are_read_only_copies() -> None:
    given_column = np.array([1, 2], dtype=np.int64)
    workload = Workload.from_columns(dict.fromkeys(Workload.COLUMNS, given_column))
    given_column[0] = 99
    assert workload.client_id.tolist() == [1, 2]
    assert workload.client_id.dtype == np.int64
    with pytest.raises(ValueError, match="read-only"):
        workload.client_id[0] = 5
    with pytest.raises(ValueError, match="read-only"):
        workload.ring_index[0] = 5
    with pytest.raises(AttributeError):
        workload.client_id = given_column  # type: ignore[misc]


def test_tables_are_equal_by_kind_and_content() -> None:
    assert Workload.from_rows([ARRIVAL]) == Workload.from_rows([list(ARRIVAL)])
    assert Workload.from_rows([ARRIVAL]) != Workload.from_rows([ARRIVAL, ARRIVAL])
    assert Workload.from_rows([ARRIVAL]) != History.from_rows([BATCH])
    assert repr(Workload.from_rows([ARRIVAL])) == "<workload: 1 rows>"


def test_no_rows_at_all_is_a_table() -> None:
    assert list(Workload.from_rows([])) == []
    assert len(History.from_rows([])) == 0


@given(st.lists(st.integers(0, 4), max_size=30))
def test_a_ring_index_counts_the_rows_above_of_the_same_broker(brokers: list[int]) -> None:
    workload = Workload.from_rows([ARRIVAL._replace(broker_id=broker) for broker in brokers])
    assert workload.ring_index.tolist() == [brokers[:row].count(broker) for row, broker in enumerate(brokers)]


def test_the_last_range_may_end_at_the_last_position() -> None:
    history = History.from_rows([BATCH._replace(start_position=HIGHEST - 3)])
    assert history[0].start_position == HIGHEST - 3


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"message_count": 0},
            f"history, row 2, column message_count: found 0, expected an integer from 1 to {HIGHEST}",
        ),
        ({"client_id": -1}, f"history, row 2, column client_id: found -1, expected an integer from 0 to {HIGHEST}"),
        (
            {"sent_ns": -2},
            f"history, row 2, column sent_ns: found -2, expected an integer from -1 (never) to {HIGHEST}",
        ),
        (
            {"start_position": 2**63},
            f"history, row 2, column start_position: found {2**63}, expected an integer from 0 to {HIGHEST}",
        ),
        (
            {"start_position": HIGHEST, "message_count": HIGHEST},
            f"history, row 2, column start_position: found {HIGHEST}, "
            f"expected start_position + message_count ({HIGHEST}) to be at most {HIGHEST}",
        ),
        ({"batch_seq": 1.0}, f"history, row 2, column batch_seq: found 1.0, expected an integer from 0 to {HIGHEST}"),
        ({"batch_seq": True}, f"history, row 2, column batch_seq: found True, expected an integer from 0 to {HIGHEST}"),
    ],
)
def test_a_number_out_of_range_names_row_and_column(change: dict[str, int], line: str) -> None:
    with pytest.raises(InputError) as error:
        History.from_rows([BATCH, BATCH._replace(**change)])
    assert str(error.value) == line


def test_of_several_faults_the_lowest_row_is_named() -> None:
    with pytest.raises(InputError, match="row 1, column payload_bytes"):
        Workload.from_rows([ARRIVAL._replace(payload_bytes=-1), ARRIVAL._replace(client_id=-1)])


def test_an_arrival_before_the_one_above_is_refused() -> None:
    line = "workload, row 2, column arrival_ns: found 9, expected at least 10 as in its broker's row before"
    with pytest.raises(InputError, match=line):
        Workload.from_rows([ARRIVAL, ARRIVAL._replace(arrival_ns=9)])


def test_arrivals_at_one_instant_are_kept_in_row_order() -> None:
    assert len(Workload.from_rows([ARRIVAL, ARRIVAL])) == 2


def test_columns_that_do_not_fit_are_refused() -> None:
    columns = {name: [1, 2] for name in Workload.COLUMNS}
    with pytest.raises(InputError, match="column broker_id: has 1 rows, expected 2 as in client_id"):
        Workload.from_columns({**columns, "broker_id": [1]})
    with pytest.raises(InputError, match="unknown column 'colour'"):
        Workload.from_columns({**columns, "colour": [1, 2]})
    with pytest.raises(InputError, match="column client_id is missing"):
        Workload.from_columns({"broker_id": [1]})
    with pytest.raises(InputError, match="a row does not fit"):
        Workload.from_rows([(1, 2, 3)])


def test_arrays_are_taken_exactly_or_not_at_all() -> None:
    columns = {name: np.array([1], dtype=np.uint8) for name in Workload.COLUMNS}
    assert Workload.from_columns(columns)[0] == (1, 1, 1, 1, 1, 1)
    with pytest.raises(InputError, match="column client_id: found a 1-dimensional float64 array"):
        Workload.from_columns({**columns, "client_id": np.array([1.0])})
    with pytest.raises(InputError, match=f"row 1, column client_id: found {2**63}, expected"):
        Workload.from_columns({**columns, "client_id": np.array([2**63], dtype=np.uint64)})


@pytest.mark.parametrize(("level", "arrival_count", "repeated_count"), [(5, 4200, 0), (4, 4289, 89)])
def test_the_recorded_workloads_are_as_described(level: Level, arrival_count: int, repeated_count: int) -> None:
    workload = recorded_workload(level)
    batches = {(arrival.client_id, arrival.batch_seq) for arrival in workload}
    assert (len(workload), len(workload) - len(batches)) == (arrival_count, repeated_count)
    assert set(workload.broker_id.tolist()) == {0, 1, 2, 3}


def test_an_unknown_level_has_no_recording() -> None:
    with pytest.raises(InputError, match="unknown level 3: expected one of 4, 5"):
        recorded_workload(3)  # type: ignore[arg-type]
