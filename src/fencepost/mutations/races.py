"""Killer: races of real threads over drawn workloads, on a memory that keeps clocks; histories against the contract."""

from __future__ import annotations

import faulthandler
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import Any

from fencepost.model.errors import InputError
from fencepost.mutations.judging import judged
from fencepost.mutations.kill import Hunt, Kill
from fencepost.mutations.workloads import Raced, drawn
from fencepost.native import RaceResult, Sequencer

RACE_SECONDS_MOST = 10.0  # one race takes milliseconds
SHRINK_SECONDS = 6.0
TRIES = 8  # of a smaller workload, before it is taken to be innocent


class TooLong(Exception):
    """A race did not end."""


def races(hunt: Hunt) -> Kill | None:
    """Race every sequencer over drawn workloads, small ones first; the first history or clock that is wrong."""
    while hunt.goes_on:
        for name, level in hunt.native.SEQUENCERS.items():
            given = drawn(hunt.seed, hunt.runs, name, level)
            hunt.tries(len(given.rows))
            if sentence := wrong(hunt.native, given):
                given, sentence = _smaller(hunt.native, given, sentence)
                return Kill("race", len(given.rows), "batches", f"{name}: {sentence}")
            if not hunt.goes_on:
                break
    return None


def wrong(native: Any, given: Raced) -> str:
    """Race once and say what is wrong with what came of it; "" if nothing is."""
    try:
        with _at_most(RACE_SECONDS_MOST):
            made = _raced(native, given)
    except TooLong:
        return f"a race did not end within {RACE_SECONDS_MOST:g} s: drained"
    except InputError as refused:
        return f"refused what it should order: {refused}"
    return judged(given, made)


def _raced(native: Any, given: Raced) -> list[tuple[Raced, RaceResult, list[str], int]]:
    """Return the races of one sequencer, one after the other: each sends again what the last one left unordered."""
    sequencer = Sequencer(
        given.sequencer,
        max(1, len({row[0] for row in given.rows})),
        given.first_position,
        parking_capacity=given.parking_capacity,
        worker_count=max(1, len({row[2] for row in given.rows})),
        epoch_batch_count=given.epoch_batch_count,
        native=native,
    )
    made, rows = [], given.rows
    for stop_row in (*given.stop_rows, None):
        part = replace(given, rows=rows)
        columns = dict(zip(("client_id", "batch_seq", "broker_id", "message_count"), part.columns(), strict=True))
        options = replace(given.options, stop_row=None if stop_row is None else min(stop_row, len(rows)))
        result = sequencer.race(**columns, seed=given.seed, options=options)
        made.append((part, result, list(native.clock_faults()), sequencer.issued))
        rows = tuple(row for row, acked in zip(rows, result.acked_ns, strict=True) if acked < 0)
    return made


def _smaller(native: Any, given: Raced, sentence: str) -> tuple[Raced, str]:
    """Leave out halves, quarters ... of the rows as long as some race of what is left is still wrong."""
    deadline = time.monotonic() + SHRINK_SECONDS
    size = len(given.rows) // 2
    while size > 0 and time.monotonic() < deadline and "did not end" not in sentence:
        for at in range(0, len(given.rows), size):
            less = replace(given, rows=given.rows[:at] + given.rows[at + size :])
            tries = (wrong(native, less) for _ in range(TRIES))
            found = next(filter(None, tries), "") if less.rows else ""
            if found:
                given, sentence = less, found
                break
            if time.monotonic() > deadline:
                break
        else:
            size //= 2
        size = min(size, len(given.rows))
    return given, sentence


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise TooLong in whatever runs longer; races ask for signals every 50 ms."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(1.5 * seconds, exit=True)  # if it cannot be stopped either
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
