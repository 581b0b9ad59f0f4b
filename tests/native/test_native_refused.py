"""Every argument that the native layer cannot use is refused with its value, in Python and again in C++."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from fencepost.model.errors import InputError
from fencepost.native import (
    BATCH_SEQ_MAX,
    ISSUED_MAX,
    MESSAGE_COUNT_MAX,
    SEQUENCERS,
    RaceOptions,
    Sequencer,
    _core,
    race,
)

CLIENT_ID_MAX = 2**63 - 1
GOOD: dict[str, Any] = {"client_id": [1, 1], "batch_seq": [0, 1], "broker_id": [0, 1], "message_count": [1, 1]}
CHOICES = ", ".join(SEQUENCERS)
BAD_COLUMNS = [
    ({"client_id": [1, -1]}, f"client_id[1] is -1: expected 0..{CLIENT_ID_MAX}"),
    ({"batch_seq": [-5, 0]}, f"batch_seq[0] is -5: expected 0..{BATCH_SEQ_MAX}"),
    ({"batch_seq": [0, BATCH_SEQ_MAX + 1]}, f"batch_seq[1] is {BATCH_SEQ_MAX + 1}: expected 0..{BATCH_SEQ_MAX}"),
    ({"broker_id": [-1, 0]}, f"broker_id[0] is -1: expected 0..{CLIENT_ID_MAX}"),
    ({"message_count": [1, 0]}, f"message_count[1] is 0: expected 1..{MESSAGE_COUNT_MAX}"),
    ({"message_count": [2**32, 1]}, f"message_count[0] is {2**32}: expected 1..{MESSAGE_COUNT_MAX}"),
    ({"batch_seq": [0]}, "column batch_seq has 1 values, client_id has 2: expected equal lengths"),
    ({"broker_id": []}, "column broker_id has 0 values, client_id has 2: expected equal lengths"),
    ({"client_id": [[1, 1]]}, "column client_id has 2 dimensions: expected 1"),
]
BAD_TYPES = [
    ({"client_id": [1, 2**63]}, f"client_id[1] is {2**63}: expected 0..{CLIENT_ID_MAX}"),
    ({"client_id": [1, 2**64]}, f"client_id[1] is {2**64}: expected 0..{CLIENT_ID_MAX}"),
    ({"client_id": np.array([1, 2**63], dtype=np.uint64)}, f"client_id[1] is {2**63}: expected 0..{CLIENT_ID_MAX}"),
    ({"client_id": [1, 1.5]}, "client_id[1] is 1.5: expected an integer"),
    ({"client_id": np.array([2.0, 1.5])}, "client_id[0] is 2.0: expected an integer"),
    ({"client_id": [True, False]}, "client_id[0] is True: expected an integer"),
    ({"client_id": ["1", "2"]}, "client_id[0] is '1': expected an integer"),
]


def made(name: str = "order4.claim", **changed: int) -> _core.Sequencer:
    """A sequencer of the compiled part, without a look from Python at what it is given."""
    given = {
        "client_capacity": 1,
        "first_position": 0,
        "parking_capacity": 4,
        "worker_count": 1,
        "epoch_batch_count": 8,
    }
    return _core.Sequencer(name, **{**given, **changed})


def raced_with(**changed: Any) -> _core.RaceOptions:
    given: dict[str, Any] = {
        "slot_count": 4, "publication": "none", "line_instruction": "none", "guard_batch_count": 4, "stop_row": -1,
        "seed": 0, "poll": "pause", "prefetches": False, "huge_pages": False, "numa_node": -1, "cores": [],
    }  # fmt: skip
    return _core.RaceOptions(**{**given, **changed})


@pytest.mark.parametrize(("changed", "message"), BAD_COLUMNS + BAD_TYPES)
def test_bad_columns_are_refused_with_the_value(changed: Mapping[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refused:
        race("order4.claim", **{**GOOD, **changed})
    assert str(refused.value) == message


@pytest.mark.parametrize(("changed", "message"), BAD_COLUMNS)
def test_the_compiled_part_refuses_the_same_columns_in_the_same_words(changed: Mapping[str, Any], message: str) -> None:
    given = {name: np.array(values, dtype=np.int64) for name, values in {**GOOD, **changed}.items()}
    with pytest.raises(_core.Refused) as refused:
        made("order4.claim").race(**given, options=RaceOptions().checked(0))
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: race("nope", **GOOD), f"unknown sequencer 'nope': expected one of {CHOICES}"),
        (lambda: Sequencer("", 1), f"unknown sequencer '': expected one of {CHOICES}"),
        (lambda: Sequencer("order4.claim", 0), "client_capacity is 0: expected 1..16777216"),
        (lambda: Sequencer("order5.fetch_add", 2**24 + 1), "client_capacity is 16777217: expected 1..16777216"),
        (lambda: Sequencer("order4.claim", 1, -1), f"first_position is -1: expected 0..{ISSUED_MAX}"),
        (lambda: Sequencer("order4.claim", 1).try_order(-1, 0, 1), f"client_id is -1: expected 0..{CLIENT_ID_MAX}"),
        (
            lambda: Sequencer("order4.claim", 1).try_order(0, 0, 0),
            f"message_count is 0: expected 1..{MESSAGE_COUNT_MAX}",
        ),
        (lambda: Sequencer("order4.claim", 1).try_order(0, True, 1), "batch_seq is True: expected an integer"),
        (lambda: race("order4.claim", **GOOD, seed=-1), f"seed is -1: expected 0..{2**64 - 1}"),
        (
            lambda: race("order4.claim", **{**GOOD, **dict.fromkeys(GOOD, range(1, 66))}),
            "broker_id[64] is 65, one distinct broker too many: expected at most 64",
        ),
    ],
)
def test_bad_arguments_are_refused_with_the_value(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as refused:
        call()
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: made("nope"), f"unknown sequencer 'nope': expected one of {CHOICES}"),
        (lambda: made(client_capacity=0), "client_capacity is 0: expected 1..16777216"),
        (lambda: made(first_position=-1), f"first_position is -1: expected 0..{ISSUED_MAX}"),
        (lambda: made(parking_capacity=-1), "parking_capacity is -1: expected 0..33554432"),
        (lambda: made(worker_count=65), "worker_count is 65: expected 1..64"),
        (lambda: made(epoch_batch_count=0), "epoch_batch_count is 0: expected 1..65536"),
        (
            lambda: made().try_order(0, BATCH_SEQ_MAX + 1, 1),
            f"batch_seq is {BATCH_SEQ_MAX + 1}: expected 0..{BATCH_SEQ_MAX}",
        ),
        (lambda: raced_with(slot_count=0), "slot_count is 0: expected 1..16777216"),
        (lambda: raced_with(guard_batch_count=65537), "guard_batch_count is 65537: expected 1..65536"),
        (lambda: raced_with(poll="sleep"), "unknown poll 'sleep': expected one of pause, spin_then_yield"),
        (lambda: raced_with(numa_node=64), "numa_node is 64: expected 0..63"),
        (lambda: raced_with(cores=[0, -1]), "cores[1] is -1: expected 0..1023"),
        (
            lambda: raced_with(publication="eager"),
            "unknown publication 'eager': expected one of none, per_message, per_batch, single_fence, epoch, seed",
        ),
        (
            lambda: raced_with(line_instruction="clflush"),
            "unknown line_instruction 'clflush': expected one of none, clflushopt, clwb",
        ),
        (
            lambda: raced_with(line_instruction="clwb"),
            "publication is 'none' and line_instruction is 'clwb': expected 'none' for both or for neither",
        ),
    ],
)
def test_the_compiled_part_refuses_bad_arguments_in_the_same_words(call: Callable[[], object], message: str) -> None:
    with pytest.raises(_core.Refused) as refused:
        call()
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"slot_count": 0}, "slot_count is 0: expected 1..16777216"),
        ({"slot_count": 1.5}, "slot_count is 1.5: expected an integer"),
        ({"poll": "sleep"}, "unknown poll 'sleep': expected one of pause, spin_then_yield"),
        ({"prefetches": 1}, "prefetches is 1: expected True or False"),
        ({"numa_node": -1}, "numa_node is -1: expected 0..63"),
        ({"cores": (0, 1024)}, "cores[1] is 1024: expected 0..1023"),
        ({"stop_row": -1}, f"stop_row is -1: expected 0..{2**63 - 1}"),
        (
            {"publication": "eager"},
            "unknown publication 'eager': expected one of none, per_message, per_batch, single_fence, epoch, seed",
        ),
        ({"line_instruction": ""}, "unknown line_instruction '': expected one of none, clflushopt, clwb"),
        (
            {"publication": "per_batch", "line_instruction": "none"},
            "publication is 'per_batch' and line_instruction is 'none': expected 'none' for both or for neither",
        ),
    ],
)
def test_bad_options_are_refused_with_the_value(changed: Mapping[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refused:
        race("order4.claim", **GOOD, options=RaceOptions(**changed))
    assert str(refused.value) == message


def test_a_ring_without_a_worker_is_refused() -> None:
    with pytest.raises(InputError) as refused:
        Sequencer("order5.epoch", 1, worker_count=1).race(**GOOD)
    assert str(refused.value) == "worker_count is 1, the workload has 2 rings: expected a worker for each ring"
