"""What the native layer is given: every value checked, with the value and what was expected in the refusal."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from fencepost.model.errors import InputError, unknown_choice
from fencepost.native import _core

Column: TypeAlias = Sequence[int] | npt.NDArray[np.integer]

SEQUENCERS: dict[str, int] = dict(_core.SEQUENCERS)
"""Name of every native sequencer -> its level."""

BATCH_SEQ_MAX: int = _core.BATCH_SEQ_MAX
MESSAGE_COUNT_MAX: int = _core.MESSAGE_COUNT_MAX
RING_COUNT_MAX: int = _core.RING_COUNT_MAX
ISSUED_MAX: int = _core.ISSUED_MAX
"""No range of positions ends above this, so that `issued` fits a signed 64-bit integer."""

_BOUNDS: dict[str, tuple[int, int]] = {
    "client_id": (0, _core.CLIENT_ID_MAX),
    "batch_seq": (0, BATCH_SEQ_MAX),
    "broker_id": (0, _core.BROKER_ID_MAX),
    "message_count": (1, MESSAGE_COUNT_MAX),
    "client_capacity": (1, _core.CLIENT_CAPACITY_MAX),
    "parking_capacity": (0, _core.PARKING_CAPACITY_MAX),
    "worker_count": (1, RING_COUNT_MAX),
    "epoch_batch_count": (1, _core.EPOCH_BATCH_COUNT_MAX),
    "first_position": (0, ISSUED_MAX),
    "slot_count": (1, _core.SLOT_COUNT_MAX),
    "guard_batch_count": (1, _core.EPOCH_BATCH_COUNT_MAX),
    "numa_node": (0, _core.NUMA_NODE_MAX),
    "cores": (0, _core.CORE_MAX),
    "stop_row": (0, 2**63 - 1),
    "seed": (0, 2**64 - 1),
}


@contextmanager
def refusals(native: Any = _core) -> Iterator[None]:
    """Turn what C++ refuses into an InputError with the same words."""
    try:
        yield
    except native.Refused as error:
        raise InputError(str(error)) from None


def check_name(sequencer: str) -> None:
    """Raise InputError for a name that is no native sequencer's."""
    if sequencer not in SEQUENCERS:
        raise unknown_choice("sequencer", sequencer, SEQUENCERS)


def check_number(name: str, value: object, *, index: int | None = None) -> int:
    """Return the value of the argument `name`, or of row `index` of that column, as an int in its bounds."""
    where = name if index is None else f"{name}[{index}]"
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InputError(f"{where} is {value!r}: expected an integer")
    low, high = _BOUNDS[name]
    if not low <= value <= high:
        raise InputError(f"{where} is {value}: expected {low}..{high}")
    return int(value)


def checked_columns(**given: Column) -> dict[str, npt.NDArray[np.int64]]:
    """Return the columns as contiguous int64 arrays, checked value by value and against the length of the first."""
    columns = {name: _column(name, values) for name, values in given.items()}
    row_count = columns["client_id"].size
    for name, column in columns.items():
        if column.size != row_count:
            raise InputError(
                f"column {name} has {column.size} values, client_id has {row_count}: expected equal lengths"
            )
    return columns


def _column(name: str, values: Column) -> npt.NDArray[np.int64]:
    try:
        column = np.asarray(values)
    except (ValueError, OverflowError) as error:
        raise InputError(f"column {name} is no array of numbers: {error}") from None
    if column.ndim != 1:
        raise InputError(f"column {name} has {column.ndim} dimensions: expected 1")
    if column.size == 0:
        return np.zeros(0, dtype=np.int64)
    if column.dtype.kind not in "iu":  # numpy makes floats of [1, 2**63]: look at what was given
        for index, value in enumerate(column.tolist() if isinstance(values, np.ndarray) else values):
            check_number(name, value, index=index)
    low, high = _BOUNDS[name]
    outside = (column < low) | (column > high)
    if outside.any():
        index = int(np.argmax(outside))
        raise InputError(f"{name}[{index}] is {column[index]}: expected {low}..{high}")
    return np.ascontiguousarray(column, dtype=np.int64)
