"""The native code as engines of the detection matrix: under given schedules, and raced by real threads.

A bug can be expressed where the native code has a sequencer of the design's name.
"""

from __future__ import annotations

import time
from itertools import count
from random import Random

import numpy as np

from fencepost import native
from fencepost.model.histories import History, Workload, verify
from fencepost.model.histories.drained import left_over
from fencepost.model.museum.detection import Detection, Exhibit, Outcome, arriving, cannot_express, missed
from fencepost.model.programs import Rings, attempts

_COLUMNS = ("client_id", "batch_seq", "broker_id", "message_count")


def lockstep(exhibit: Exhibit, seconds: float, seed: int) -> Detection:
    """Give the native code the attempts of drawn schedules of the sound model; its answers must be the same."""
    if reason := _missing(exhibit):
        return cannot_express(reason)
    deadline = time.perf_counter() + seconds
    for run in count():
        rings = arriving(exhibit.scenarios[run % len(exhibit.scenarios)])
        _, made = attempts(exhibit.sound.name, rings, _mixed(seed, run))
        batches = [rings[each.ring][each.index] for each in made]
        answered = native.replay(
            exhibit.design.name,
            client_id=[batch.client for batch in batches],
            batch_seq=[batch.seq for batch in batches],
            message_count=[batch.count for batch in batches],
        )
        answers = zip(made, answered.outcome, answered.start_position, strict=True)
        for number, (mine, outcome, start) in enumerate(answers, start=1):
            theirs = native.AttemptOutcome(outcome).name.lower()
            if (mine.outcome, mine.start) != (theirs, start):
                text = f"attempt {number}: the model says {mine.outcome} at {mine.start}, native {theirs} at {start}"
                return Detection(Outcome.CAUGHT, text, number)
        if time.perf_counter() > deadline:
            break
    return missed(f"{run + 1} schedules, seeds from {seed}")


def raced(exhibit: Exhibit, seconds: float, seed: int) -> Detection:
    """Race real threads over the scenarios; what they ordered must keep the contract and leave nothing over."""
    if reason := _missing(exhibit):
        return cannot_express(reason)
    deadline = time.perf_counter() + seconds
    for run in count():
        workload = _workload(arriving(exhibit.scenarios[run % len(exhibit.scenarios)]), _mixed(seed, run))
        history = _race(exhibit.design.name, workload, _mixed(seed, run))
        found = [left_over(workload, history, exhibit.level)]
        if len(history):
            findings = verify(history, exhibit.level).findings
            found += [f"{each.property}: {each.witness.sentence}" for each in findings if each.witness is not None]
        if text := next(filter(None, found), ""):
            return Detection(Outcome.CAUGHT, text, len(workload))
        if time.perf_counter() > deadline:
            break
    return missed(f"{run + 1} races, seeds from {seed}")


def _missing(exhibit: Exhibit) -> str:
    """Return why the native code cannot express an exhibit; "" if it can."""
    if exhibit.design.name in native.SEQUENCERS:
        return ""
    return f"the native code has no sequencer with this fault: it has {', '.join(native.SEQUENCERS)}"


def _mixed(seed: int, run: int) -> int:
    return Random(f"{seed} {run}").getrandbits(62)


def _workload(rings: Rings, seed: int) -> Workload:
    """Return the batches of some rings as a workload, the rings mixed by chance."""
    random, left = Random(seed), [list(batches) for batches in rings]
    rows = []
    while any(left):
        ring = random.choice([ring for ring, batches in enumerate(left) if batches])
        batch = left[ring].pop(0)
        rows.append((batch.client, batch.seq, ring, batch.count, 0, 0))
    return Workload.from_rows(rows)


def _race(sequencer: str, workload: Workload, seed: int) -> History:
    """Return what a race of a sequencer ordered."""
    result = native.race(sequencer, seed=seed, **{name: getattr(workload, name) for name in _COLUMNS})
    rows = np.flatnonzero(result.outcome == native.ArrivalOutcome.ORDERED)
    columns = {name: getattr(workload, name) for name in (*_COLUMNS, "ring_index")}
    columns |= {name: getattr(result, name) for name in ("start_position", "sent_ns", "acked_ns")}
    return History.from_columns({name: column[rows] for name, column in columns.items()})
