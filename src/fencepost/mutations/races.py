"""Killer: races over drawn workloads, on a memory that keeps clocks; histories against the contract.

The threads of such a race take turns that its seed draws (`race/deterministic_scheduler.hpp`), so what
kills a mutant once kills it again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fencepost.model.errors import InputError
from fencepost.model.processes import Ended, isolated, trying
from fencepost.mutations.judging import judged
from fencepost.mutations.kill import TRIAL_SECONDS, Hunt, Kill
from fencepost.mutations.workloads import Raced, drawn
from fencepost.native import RaceOptions, RaceResult, Sequencer

TRIALS_MOST = 300
"""Smaller workloads that are tried; a count, so that the same seed ends with the same one."""
SHRINK_SECONDS = 20.0  # for what does not end by itself, and takes so long to be ended
TRIES = 6  # of a smaller workload, each with other turns, before it is taken to be innocent


def races(hunt: Hunt) -> Kill | None:
    """Race every sequencer over drawn workloads, small ones first; the first history or clock that is wrong."""
    while hunt.goes_on:
        for name, level in hunt.native.SEQUENCERS.items():
            given = drawn(hunt.seed, hunt.runs, name, level)
            hunt.tries(len(given.rows))
            if sentence := wrong(hunt.native, given):
                given, sentence = smallest(hunt.native, given, sentence)
                scanners = len({row[2] for row in given.rows})
                return Kill("race", len(given.rows), None, scanners, f"{name}: {sentence}")
            if not hunt.goes_on:
                break
    return None


def wrong(native: Any, given: Raced) -> str:
    """Race once, in a process of its own, and say what is wrong with what came of it; "" if nothing is."""
    found = isolated(lambda: _wrong(native, given), TRIAL_SECONDS)
    return found.sentence if isinstance(found, Ended) else found


def _wrong(native: Any, given: Raced) -> str:
    try:
        made = _raced(native, given)
    except InputError as refused:
        return f"refused what it should order: {refused}"
    except RuntimeError as endless:  # DeterministicScheduler::Endless
        return f"{endless}: drained"
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


def _some_wrong(native: Any, trials: list[Raced]) -> tuple[Raced, str] | None:
    """Race these one after the other, in one process; return the first that is wrong, and what is."""

    def work() -> tuple[int, str] | None:
        for number, trial in enumerate(trials):
            trying(number)
            if found := _wrong(native, trial):
                return number, found
        return None

    made = isolated(work, TRIAL_SECONDS)
    if isinstance(made, Ended):
        return trials[made.tried or 0], made.sentence
    return (trials[made[0]], made[1]) if made else None


def smallest(native: Any, given: Raced, sentence: str) -> tuple[Raced, str]:
    """Leave out clients, rings and other circumstances, then halves ... of the rows, as long as some race is wrong."""
    trials_left, deadline = TRIALS_MOST, time.monotonic() + SHRINK_SECONDS

    def fails(less: Raced) -> tuple[Raced, str] | None:
        nonlocal trials_left
        if not less.rows or trials_left <= 0 or time.monotonic() > deadline:
            return None
        trials_left -= 1
        return _some_wrong(native, [replace(less, seed=(less.seed + number) % 2**32) for number in range(TRIES)])

    def leave_out(size: int) -> bool:
        """Leave out so many rows at a time, wherever they can be."""
        nonlocal given, sentence
        at, has_any = 0, False
        while at < len(given.rows):
            if found := fails(replace(given, rows=given.rows[:at] + given.rows[at + size :])):
                (given, sentence), has_any = found, True
            else:
                at += size
        return has_any

    again = True
    while again:
        again = False
        for less in _plainer(given):
            if found := fails(less):
                (given, sentence), again = found, True
                break
        size = len(given.rows) // 2
        while size > 0 and not again:
            if not (leave_out(size) and size == 1):
                size //= 2
    return given, sentence


def _plainer(given: Raced) -> Iterator[Raced]:
    """Yield workloads without one of the clients, with two rings in one, or raced in a plainer way."""
    rows = given.rows
    clients, rings = sorted({row[0] for row in rows}), sorted({row[2] for row in rows})
    for client in clients if len(clients) > 1 else ():
        yield replace(given, rows=tuple(row for row in rows if row[0] != client))
    for ring in rings[1:]:
        merged = ((client, seq, rings[0] if at == ring else at, count) for client, seq, at, count in rows)
        yield replace(given, rows=tuple(merged))
    if given.needs_no_more_room and given.parking_capacity > len(rows):
        yield replace(given, parking_capacity=len(rows))
    if given.stop_rows:
        yield replace(given, stop_rows=given.stop_rows[:-1])
    plain = RaceOptions(slot_count=given.options.slot_count)
    if given.options != plain:
        yield replace(given, options=plain)
