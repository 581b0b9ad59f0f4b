"""The native sequencers: attempts one by one, in bulk and under a given schedule, and races on what they hold."""

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fencepost.model.errors import InputError
from fencepost.native import _core
from fencepost.native.arguments import (
    SEQUENCERS,
    Column,
    check_name,
    check_number,
    checked_columns,
    refusals,
)
from fencepost.native.racing import RaceOptions, RaceResult

PARKING_CAPACITY = 65_536
EPOCH_BATCH_COUNT = 64


class AttemptOutcome(IntEnum):
    """What one attempt to order a batch says."""

    ORDERED = 0  # it owns its range now
    LATER = 1  # its predecessor is not ordered, or a claim is in progress: park it and try again
    DUPLICATE = 2  # it was ordered before: drop it


class Attempt(NamedTuple):
    """The answer to one attempt; `start_position` is -1 unless the outcome is `ORDERED`."""

    outcome: AttemptOutcome
    start_position: int


class Replay(NamedTuple):
    """The answers to the attempts of a schedule, one entry per row."""

    outcome: npt.NDArray[np.int8]  # AttemptOutcome codes
    start_position: npt.NDArray[np.int64]  # -1 unless ordered


class Sequencer:
    """One native sequencer and what it remembers, for attempts and for races; by one thread at a time.

    client_capacity    distinct clients that it can remember; one more is an InputError. At level 5 none is remembered
    first_position     the first position to be handed out
    parking_capacity   batches that one scanner or worker can park in a race: up to 66 bytes each
    worker_count       order4.owner: over how many workers the clients are divided; order5.epoch: one a ring
    epoch_batch_count  the epoch sequencers: at most so many batches share one reservation
    native             a compiled module with the sequencers of `_core`, by default that one

    A range that would end above ISSUED_MAX is an InputError and seals the sequencer: every later range is refused, too.
    """

    def __init__(
        self,
        name: str,
        client_capacity: int,
        first_position: int = 0,
        *,
        parking_capacity: int = PARKING_CAPACITY,
        worker_count: int = 1,
        epoch_batch_count: int = EPOCH_BATCH_COUNT,
        native: Any = _core,
    ) -> None:
        check_name(name)
        self._native = native
        with refusals(native):
            self._core: _core.Sequencer = native.Sequencer(
                name,
                client_capacity=check_number("client_capacity", client_capacity),
                first_position=check_number("first_position", first_position),
                parking_capacity=check_number("parking_capacity", parking_capacity),
                worker_count=check_number("worker_count", worker_count),
                epoch_batch_count=check_number("epoch_batch_count", epoch_batch_count),
            )
        self.name = name
        self.level = SEQUENCERS[name]

    def __repr__(self) -> str:
        return f"<Sequencer {self.name} issued={self.issued}>"

    def try_order(self, client_id: int, batch_seq: int, message_count: int) -> Attempt:
        """Try once to order a batch; returns at once whatever the outcome."""
        check_number("client_id", client_id)
        check_number("batch_seq", batch_seq)
        check_number("message_count", message_count)
        with refusals(self._native):
            outcome, start_position = self._core.try_order(int(client_id), int(batch_seq), int(message_count))
        return Attempt(AttemptOutcome(outcome), start_position)

    def try_order_all(self, *, client_id: Column, batch_seq: Column, message_count: Column) -> Replay:
        """Try once to order each row, in row order; nothing is parked or retried. The interpreter lock is free.

        For many batches a call: contiguous int64 arrays are neither copied nor looked at in Python. At level 5 the
        rows' ranges follow each other. Nothing is ordered if a value is out of range; if the positions are used up on
        the way, the rows before are (at level 5 whole blocks of 65,536 of them).
        """
        try:  # not `with refusals()`, which costs as much as ordering a thousand batches
            return Replay(*self._core.try_order_all(client_id, batch_seq, message_count))
        except self._native.Refused as error:
            raise InputError(str(error)) from None
        except TypeError:  # no such arrays
            columns = checked_columns(client_id=client_id, batch_seq=batch_seq, message_count=message_count)
        with refusals(self._native):
            return Replay(*self._core.try_order_all(**columns))

    def race(
        self,
        *,
        client_id: Column,
        batch_seq: Column,
        broker_id: Column,
        message_count: Column,
        seed: int = 0,
        options: RaceOptions | None = None,
    ) -> RaceResult:
        """Order a workload with real threads; see `fencepost.native.race`.

        What was ordered before stays ordered, and this run goes on from there: batches that are sent again are
        dropped at level 4. What a stopped run had parked or not read is forgotten, so it has to be sent again.
        """
        columns = checked_columns(
            client_id=client_id, batch_seq=batch_seq, broker_id=broker_id, message_count=message_count
        )
        with refusals(self._native):
            fields = self._core.race(**columns, options=(options or RaceOptions()).checked(seed, self._native))
        return RaceResult.of(fields)

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
    check_name(sequencer)
    check_number("first_position", first_position)
    columns = checked_columns(client_id=client_id, batch_seq=batch_seq, message_count=message_count)
    with refusals():
        return Replay(*_core.replay(sequencer, **columns, first_position=int(first_position)))


def race(
    sequencer: str,
    *,
    client_id: Column,
    batch_seq: Column,
    broker_id: Column,
    message_count: Column,
    first_position: int = 0,
    seed: int = 0,
    parking_capacity: int | None = None,
    options: RaceOptions | None = None,
) -> RaceResult:
    """Order a workload with real threads: a receiver, a scanner and a subscriber per distinct broker (at most 64).

    >>> sent = {"client_id": [7, 7], "batch_seq": [0, 1], "broker_id": [0, 0], "message_count": [2, 3]}
    >>> fencepost.race("order4.claim", **sent).start_position.tolist()
    [0, 2]

    The rows of one broker are, in row order, what arrives in its ring. A receiver waits while its ring is full; a
    scanner orders, parks or drops and exports what it ordered; a subscriber follows each exported identity to the
    batch; clients watch what is acknowledged. order4.owner has as many workers as there are brokers, and
    order4.epoch one for all. Returns when nothing that arrived can be ordered any more.

    `seed` draws what makes runs differ: small delays, and how far apart the rings may drift (none to 4,096 rows, by
    seed % 8); it does not make a run repeatable, as the operating system takes part.
    Without a `parking_capacity` everything can be parked; with one, a ring may be held for good (the result says so).

    The interpreter lock is free meanwhile; Ctrl-C stops the threads within a quarter of a second. Raises InputError
    for a bad argument, or if the positions are used up on the way.
    """
    check_name(sequencer)
    columns = checked_columns(
        client_id=client_id, batch_seq=batch_seq, broker_id=broker_id, message_count=message_count
    )
    row_count = columns["client_id"].size
    fresh = Sequencer(
        sequencer,
        max(2 * np.unique(columns["client_id"]).size, 1),  # at half load searches are short
        first_position,
        parking_capacity=row_count if parking_capacity is None else parking_capacity,
        worker_count=_ring_count(columns["broker_id"]),
    )
    return fresh.race(**columns, seed=seed, options=options)


def _ring_count(broker_id: npt.NDArray[np.int64]) -> int:
    """Return how many distinct brokers there are; too many of them are refused where the rings are made."""
    return min(max(np.unique(broker_id).size, 1), _core.RING_COUNT_MAX)
