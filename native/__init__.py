"""Sequencers in C++, called from Python: raced by real threads, replayed under a given schedule, or tried one by one.

    race        one receiver and one scanner thread per broker order a workload
    replay      one thread makes the attempts of a schedule, each exactly once
    Sequencer   one attempt per call

Workloads are columns: one-dimensional arrays or sequences of integers, one entry per row, all of one length. Every
value is checked here and again in C++; what cannot be used is an InputError with the value and what was expected.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from fencepost.model.errors import InputError, unknown_choice
from fencepost.native import _core

__all__ = [
    "BATCH_SEQ_MAX",
    "ISSUED_MAX",
    "MESSAGE_COUNT_MAX",
    "SEQUENCERS",
    "ArrivalOutcome",
    "Attempt",
    "AttemptOutcome",
    "RaceResult",
    "Replay",
    "Sequencer",
    "race",
    "replay",
]

Column: TypeAlias = Sequence[int] | npt.NDArray[np.integer]

SEQUENCERS: dict[str, int] = dict(_core.SEQUENCERS)
"""Name of every native sequencer -> its level."""

BATCH_SEQ_MAX: int = _core.BATCH_SEQ_MAX
MESSAGE_COUNT_MAX: int = _core.MESSAGE_COUNT_MAX
ISSUED_MAX: int = _core.ISSUED_MAX
"""No range of positions ends above this, so that `issued` fits a signed 64-bit integer."""

_INT64 = np.dtype(np.int64)
_BOUNDS: dict[str, tuple[int, int]] = {
    "client_id": (0, _core.CLIENT_ID_MAX),
    "batch_seq": (0, BATCH_SEQ_MAX),
    "broker_id": (0, _core.BROKER_ID_MAX),
    "message_count": (1, MESSAGE_COUNT_MAX),
    "client_capacity": (1, _core.CLIENT_CAPACITY_MAX),
    "first_position": (0, ISSUED_MAX),
    "seed": (0, 2**64 - 1),
}


class AttemptOutcome(IntEnum):
    """What one attempt to order a batch says."""

    ORDERED = 0  # it owns its range now
    LATER = 1  # its predecessor is not ordered, or a claim is in progress: park it and try again
    DUPLICATE = 2  # it was ordered before: drop it


class ArrivalOutcome(IntEnum):
    """What became of an arrival when a race is over."""

    ORDERED = 0
    PARKED = 1  # its predecessor never arrived, or is parked itself
    DUPLICATE = 2


class Attempt(NamedTuple):
    """The answer to one attempt; `start_position` is -1 unless the outcome is `ORDERED`."""

    outcome: AttemptOutcome
    start_position: int


class Replay(NamedTuple):
    """The answers to the attempts of a schedule, one entry per row."""

    outcome: npt.NDArray[np.int8]  # AttemptOutcome codes
    start_position: npt.NDArray[np.int64]  # -1 unless ordered


@dataclass(frozen=True)
class RaceResult:
    """What happened in a race. Arrays have one entry per arrival, in the order of the input rows.

    Times are nanoseconds since the start of the run on a steady clock: `sent_ns` taken just before the slot was
    published to the scanner, `acked_ns` just after the batch's order was final.
    """

    outcome: npt.NDArray[np.int8]
    """ArrivalOutcome codes."""
    start_position: npt.NDArray[np.int64]
    """First position of the batch; -1 unless ordered."""
    sent_ns: npt.NDArray[np.int64]
    acked_ns: npt.NDArray[np.int64]
    """-1 unless ordered."""
    issued: int
    """The next position never handed out, after the run."""
    parked_ever_count: int
    """Arrivals that were parked first and ordered later."""
    claim_lost_count: int
    """Attempts that met a busy bit or lost the compare-exchange (order4.claim; else 0)."""
    duplicate_count: int
    """Arrivals dropped because their batch had been ordered before."""
    seconds: float
    """From the first thread through the starting gate to the last one done."""

    @property
    def ordered_count(self) -> int:
        """Arrivals that were ordered."""
        return int(np.count_nonzero(self.outcome == ArrivalOutcome.ORDERED))

    @property
    def parked_count(self) -> int:
        """Arrivals still parked at the end: nothing that arrived can release them."""
        return int(np.count_nonzero(self.outcome == ArrivalOutcome.PARKED))


class Sequencer:
    """One native sequencer, for single attempts.

    `client_capacity` is how many distinct clients it can remember (64 bytes each); one more is an InputError, at level
    5 none is remembered. `first_position` is the first position to be handed out. A range that would end above
    ISSUED_MAX is an InputError and seals the sequencer: every later range is refused, too.
    """

    def __init__(self, name: str, client_capacity: int, first_position: int = 0) -> None:
        _check_name(name)
        _check_number("client_capacity", client_capacity)
        _check_number("first_position", first_position)
        with _refusals():
            self._core = _core.Sequencer(name, int(client_capacity), int(first_position))
        self.name = name
        self.level = SEQUENCERS[name]

    def __repr__(self) -> str:
        return f"<Sequencer {self.name} issued={self.issued}>"

    def try_order(self, client_id: int, batch_seq: int, message_count: int) -> Attempt:
        """Try once to order a batch; returns at once whatever the outcome."""
        _check_number("client_id", client_id)
        _check_number("batch_seq", batch_seq)
        _check_number("message_count", message_count)
        with _refusals():
            outcome, start_position = self._core.try_order(int(client_id), int(batch_seq), int(message_count))
        return Attempt(AttemptOutcome(outcome), start_position)

    def try_order_all(self, *, client_id: Column, batch_seq: Column, message_count: Column) -> Replay:
        """Try once to order each row, in row order; nothing is parked or retried. The interpreter lock is free.

        For many batches a call: contiguous int64 arrays are neither copied nor looked at in Python. At level 5 the
        rows' ranges follow each other. Not for two threads at a time. Nothing is ordered if a value is out of range;
        if the positions are used up on the way, the rows before are.
        """
        columns = (
            _as_int64("client_id", client_id),
            _as_int64("batch_seq", batch_seq),
            _as_int64("message_count", message_count),
        )
        try:  # not `with _refusals()`, which costs as much as ordering a thousand batches
            return Replay(*self._core.try_order_all(*columns))
        except _core.Refused as error:
            raise InputError(str(error)) from None

    @property
    def issued(self) -> int:
        """The next position never handed out."""
        return self._core.issued


def replay(
    sequencer: str, *, client_id: Column, batch_seq: Column, message_count: Column, first_position: int = 0
) -> Replay:
    """Make one attempt per row, in row order, on a fresh sequencer and in one thread; nothing is parked or retried.

    Raises InputError for a bad argument, or if the positions are used up on the way.
    """
    _check_name(sequencer)
    _check_number("first_position", first_position)
    columns = _columns(client_id=client_id, batch_seq=batch_seq, message_count=message_count)
    with _refusals():
        outcome, start_position = _core.replay(
            sequencer,
            client_id=columns["client_id"],
            batch_seq=columns["batch_seq"],
            message_count=columns["message_count"],
            first_position=int(first_position),
        )
    return Replay(outcome, start_position)


def race(
    sequencer: str,
    *,
    client_id: Column,
    batch_seq: Column,
    broker_id: Column,
    message_count: Column,
    first_position: int = 0,
    seed: int = 0,
) -> RaceResult:
    """Order a workload with real threads: one receiver and one scanner per distinct broker (at most 64).

    The rows of one broker are, in row order, the slots of its ring. Returns when nothing that arrived can be ordered
    any more; a batch whose predecessor never arrived stays parked. `seed` draws what makes runs differ: small delays,
    and how far apart the rings may drift (none to 4,096 rows, by seed % 8); it does not make a run repeatable, as the
    operating system takes part. The global interpreter lock is free meanwhile; Ctrl-C stops the threads within a
    quarter of a second.

    Raises InputError for a bad argument, or if the positions are used up on the way.
    """
    _check_name(sequencer)
    _check_number("first_position", first_position)
    _check_number("seed", seed)
    columns = _columns(client_id=client_id, batch_seq=batch_seq, broker_id=broker_id, message_count=message_count)
    with _refusals():
        fields = _core.race(
            sequencer,
            client_id=columns["client_id"],
            batch_seq=columns["batch_seq"],
            broker_id=columns["broker_id"],
            message_count=columns["message_count"],
            first_position=int(first_position),
            seed=int(seed),
        )
    return RaceResult(**fields)


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what C++ refuses into an InputError with the same words."""
    try:
        yield
    except _core.Refused as error:
        raise InputError(str(error)) from None


def _check_name(sequencer: str) -> None:
    if sequencer not in SEQUENCERS:
        raise unknown_choice("sequencer", sequencer, SEQUENCERS)


def _check_number(name: str, value: object, *, index: int | None = None) -> None:
    where = name if index is None else f"{name}[{index}]"
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InputError(f"{where} is {value!r}: expected an integer")
    low, high = _BOUNDS[name]
    if not low <= value <= high:
        raise InputError(f"{where} is {value}: expected {low}..{high}")


def _columns(**given: Column) -> dict[str, npt.NDArray[np.int64]]:
    """Return the columns as contiguous int64 arrays, checked value by value and against the length of the first."""
    columns = {name: _column(name, values) for name, values in given.items()}
    row_count = columns["client_id"].size
    for name, column in columns.items():
        if column.size != row_count:
            raise InputError(
                f"column {name} has {column.size} values, client_id has {row_count}: expected equal lengths"
            )
    return columns


def _as_int64(name: str, values: Column) -> npt.NDArray[np.int64]:
    """Return the column as contiguous int64; the compiled part checks the values of one that is it already."""
    if isinstance(values, np.ndarray) and values.dtype is _INT64 and values.flags.c_contiguous:
        return cast("npt.NDArray[np.int64]", values)
    return _column(name, values)


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
            _check_number(name, value, index=index)
    low, high = _BOUNDS[name]
    outside = (column < low) | (column > high)
    if outside.any():
        index = int(np.argmax(outside))
        raise InputError(f"{name}[{index}] is {column[index]}: expected {low}..{high}")
    return np.ascontiguousarray(column, dtype=np.int64)
