"""Every argument that the native layer cannot use is refused with its value, in Python and again in C++."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from fencepost.model.errors import InputError
from fencepost.native import BATCH_SEQ_MAX, ISSUED_MAX, MESSAGE_COUNT_MAX, Sequencer, _core, race

CLIENT_ID_MAX = 2**63 - 1
GOOD: dict[str, Any] = {"client_id": [1, 1], "batch_seq": [0, 1], "broker_id": [0, 1], "message_count": [1, 1]}
CHOICES = (
    ", ".join(f"order5.{name}" for name in ("fetch_add", "epoch"))
    + ", "
    + ", ".join(f"order4.{name}" for name in ("mutex", "sharded_mutex", "claim", "owner", "epoch"))
)
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


@pytest.mark.parametrize(("changed", "message"), BAD_COLUMNS + BAD_TYPES)
def test_bad_columns_are_refused_with_the_value(changed: Mapping[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refused:
        race("order4.claim", **{**GOOD, **changed})
    assert str(refused.value) == message


@pytest.mark.parametrize(("changed", "message"), BAD_COLUMNS)
def test_the_compiled_part_refuses_the_same_columns_in_the_same_words(changed: Mapping[str, Any], message: str) -> None:
    given = {name: np.array(values, dtype=np.int64) for name, values in {**GOOD, **changed}.items()}
    with pytest.raises(_core.Refused) as refused:
        _core.race("order4.claim", **given, first_position=0, seed=0)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: race("order4", **GOOD), f"unknown sequencer 'order4': expected one of {CHOICES}"),
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
        (lambda: _core.Sequencer("order4", 1, 0), f"unknown sequencer 'order4': expected one of {CHOICES}"),
        (lambda: _core.Sequencer("order4.claim", 0, 0), "client_capacity is 0: expected 1..16777216"),
        (lambda: _core.Sequencer("order4.claim", 1, -1), f"first_position is -1: expected 0..{ISSUED_MAX}"),
        (
            lambda: _core.Sequencer("order4.claim", 1, 0).try_order(0, BATCH_SEQ_MAX + 1, 1),
            f"batch_seq is {BATCH_SEQ_MAX + 1}: expected 0..{BATCH_SEQ_MAX}",
        ),
    ],
)
def test_the_compiled_part_refuses_bad_arguments_in_the_same_words(call: Callable[[], object], message: str) -> None:
    with pytest.raises(_core.Refused) as refused:
        call()
    assert str(refused.value) == message
