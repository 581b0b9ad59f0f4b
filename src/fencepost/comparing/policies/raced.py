"""Drawn workloads raced by real threads through the production sequencers; what they ordered must keep the contract.

What threads do is no function of an example, so nothing is shrunk by running it once: a workload is smaller if one of
some races on it still fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fencepost.comparing.modules import Native
from fencepost.comparing.named_workloads import name_of_rows, named_rows
from fencepost.comparing.search import Failed, Tried
from fencepost.comparing.verdicts import NAMED, Counterexample
from fencepost.model.contract import Level
from fencepost.model.errors import InputError
from fencepost.model.histories import History, Workload, verify
from fencepost.model.histories.drained import left_over
from fencepost.model.processes import trying
from fencepost.native import MESSAGE_COUNT_MAX, PUBLICATIONS, SEQUENCERS, ArrivalOutcome, RaceOptions, Sequencer
from fencepost.native.racing import RaceResult

POLICY = "race"
HAPPENINGS = ("parked batch", "duplicate", "wrap", NAMED)
"""What a race says of itself on any machine; whether claims are contended depends on the machine."""
SOUND = tuple(name for name in PUBLICATIONS if name != "seed")
RACES_OF_ONE = 12
"""Races of a smaller workload before it is said to do no harm."""

Row = tuple[int, int, int, int]  # client, seq, broker, count


@dataclass(frozen=True)
class RaceExample:
    """A workload in order of arrival, and how it is raced; `stop_row`: stopped there, and all sent again."""

    rows: tuple[Row, ...]
    slot_count: int
    publication: str
    stop_row: int | None
    seed: int


def race_examples(publications: Sequence[str] = SOUND) -> SearchStrategy[RaceExample]:
    """Return workloads of up to 200 batches with what makes races differ: laps, publication, a stop in the middle.

    Only the size, and how often batches are late, lost or sent again are drawn one by one, the rest by a seed.
    """
    drawn = st.builds(
        _race_example,
        st.sampled_from(publications),
        batch_count=st.integers(1, 200),
        client_count=st.integers(1, 5),
        ring_count=st.integers(1, 4),
        slot_count=st.integers(2, 8),
        window=st.integers(0, 20),
        twice=st.sampled_from((0.0, 0.1, 0.4)),
        lost=st.sampled_from((0.0, 0.0, 0.02)),
        stop=st.one_of(st.none(), st.floats(0, 1)),
        seed=st.integers(0, 2**32 - 1),
    )
    named = st.builds(
        _named_example,
        st.sampled_from(publications),
        rows=named_rows(MESSAGE_COUNT_MAX),
        slot_count=st.integers(2, 8),
        seed=st.integers(0, 2**16 - 1),
    )
    return st.one_of(drawn, drawn, drawn, named)


def _named_example(publication: str, *, rows: tuple[Row, ...], slot_count: int, seed: int) -> RaceExample:
    """Return what comes to the rings in a named scenario, in a ring that has room for what is parked."""
    moved = tuple((client, seq, ring, count) for ring, client, seq, count in rows)
    return RaceExample(moved, slot_count, publication, None, seed)


def _race_example(
    publication: str,
    *,
    batch_count: int,
    client_count: int,
    ring_count: int,
    slot_count: int,
    window: int,
    twice: float,
    lost: float,
    stop: float | None,
    seed: int,
) -> RaceExample:
    random, following = Random(seed), [0] * client_count
    sent: list[tuple[float, Row]] = []
    for place in range(batch_count):
        client = random.randrange(client_count)
        following[client] += 1
        if random.random() >= lost:
            count = random.choice((1, 1, 2, 5, MESSAGE_COUNT_MAX))
            for _ in range(1 + (random.random() < twice)):
                at = place + random.random() * window
                sent.append((at, (client, following[client] - 1, random.randrange(ring_count), count)))
    rows = tuple(row for _, row in sorted(sent))
    stop_row = int(stop * (len(rows) - 1)) if stop is not None and rows else None
    return RaceExample(rows, slot_count, publication, stop_row, seed % 2**16)


@dataclass(frozen=True)
class Raced:
    """A production sequencer, raced."""

    sequencer: str
    native: Native
    publication: str | None = None  # None: each example draws one of the sound ones

    repeatable = False

    @property
    def policy(self) -> str:
        return self.publication or POLICY

    @property
    def key(self) -> str:
        return f"{self.sequencer} {POLICY} {self.publication} {self.native.name}"

    @cached_property
    def level(self) -> Level:
        return 4 if SEQUENCERS[self.sequencer] == 4 else 5

    @property
    def example_type(self) -> type[RaceExample]:
        return RaceExample

    def strategy(self) -> SearchStrategy[RaceExample]:
        return race_examples((self.publication,) if self.publication else SOUND)

    def try_out(self, example: RaceExample) -> Tried:
        """Race once."""
        trying(example)
        if not example.rows:
            return Tried(None, 0, 0, frozenset())
        failed, happened = _race(self.sequencer, self.level, example, self.native.load())
        if name_of_rows((ring, client, seq, count) for client, seq, ring, count in example.rows):
            happened |= {NAMED}
        return Tried(failed, len(example.rows), len(example.rows), happened)

    def smaller(self, example: RaceExample, failed: Failed) -> tuple[RaceExample, Failed]:
        """Leave out rows as long as one of some races still breaks the promise."""
        best, property = example, failed.property
        size = max(1, len(best.rows) // 2)
        while size >= 1:
            at = 0
            while at < len(best.rows):
                rows = (*best.rows[:at], *best.rows[at + size :])
                trial = replace(best, rows=rows, stop_row=None if not rows else best.stop_row)
                found = self._fails(trial, property)
                if found is None:
                    at += size
                else:
                    best, failed = trial, found
            size //= 2
        return best, failed

    def fewer(self, example: RaceExample) -> Iterator[RaceExample]:
        """Yield workloads with rows left out."""
        size = len(example.rows) // 2
        while size > 0:
            for at in range(0, len(example.rows), size):
                rows = (*example.rows[:at], *example.rows[at + size :])
                if rows:
                    yield replace(example, rows=rows)
            size //= 2

    def told(self, example: RaceExample) -> tuple[tuple[str, ...], int]:
        """Return the workload in words."""
        return tuple(_told(example)), len(example.rows)

    def _fails(self, example: RaceExample, property: str) -> Failed | None:
        for number in range(RACES_OF_ONE):
            found = self.try_out(replace(example, seed=example.seed + number)).failed
            if found is not None and found.property == property:
                return found
        return None


def counterexample(example: RaceExample, failed: Failed) -> Counterexample:
    """Return a failing workload in words."""
    threads = 3 * len({row[2] for row in example.rows})
    return Counterexample(
        failed.property, failed.sentence, example, tuple(_told(example)), 0, len(example.rows), threads
    )


def _told(example: RaceExample) -> Iterator[str]:
    stopped = "" if example.stop_row is None else f", stopped at row {example.stop_row} and begun again"
    arrivals = f"{len(example.rows)} arrivals, rings of {example.slot_count} slots"
    yield f"{arrivals}, publication {example.publication}{stopped}"
    yield from (f"ring {ring}: client {client} batch {seq} of {count}" for client, seq, ring, count in example.rows)


Results = list[tuple[tuple[Row, ...], RaceResult]]  # what was sent, and what came of it, race after race


def _race(name: str, level: Level, example: RaceExample, native: Any) -> tuple[Failed | None, frozenset[str]]:
    """Race a workload, and what is left of it again if it was stopped; judge what was ordered in both."""
    rows, size = example.rows, (0, len(example.rows))
    options = RaceOptions(slot_count=example.slot_count, publication=example.publication, stop_row=example.stop_row)
    try:
        sequencer = Sequencer(
            name, 2 * len({row[0] for row in rows}), parking_capacity=2 * len(rows),
            worker_count=len({row[2] for row in rows}), native=native,
        )  # fmt: skip
        results = [(rows, sequencer.race(**_columns(rows), seed=example.seed, options=options))]
        if example.stop_row is not None:
            left = _left(rows, results[0][1], level)
            again = replace(options, stop_row=None)
            if left:
                results.append((left, sequencer.race(**_columns(left), seed=example.seed + 1, options=again)))
    except InputError as refusal:
        return Failed("drained", f"the sequencer refuses: {refusal}", size), frozenset()
    faults = [fault for of, result in results if (fault := _fault(of, result))]
    found = faults or _judged(rows, level, results)
    return (Failed(*found[0], size) if found else None), frozenset(_happened(level, results))


def _columns(rows: Sequence[Row]) -> dict[str, Any]:
    names = ("client_id", "batch_seq", "broker_id", "message_count")
    return {name: np.array([row[at] for row in rows], dtype=np.int64) for at, name in enumerate(names)}


def _left(rows: tuple[Row, ...], result: RaceResult, level: Level) -> tuple[Row, ...]:
    """Return what is sent again after a stop: all at level 4, where it is dropped if it was ordered."""
    if level == 4:
        return rows
    return tuple(row for row, outcome in zip(rows, result.outcome, strict=True) if outcome != ArrivalOutcome.ORDERED)


Broken = tuple[str, str]  # a promise, and how it was broken


def _fault(rows: tuple[Row, ...], result: RaceResult) -> Broken | None:
    """Return what subscribers and clients saw of a race that no history shows."""
    ordered = result.outcome == ArrivalOutcome.ORDERED
    if result.content_fault_count:
        return "visible", f"{result.content_fault_count} exported records led to another batch"
    if result.chain_fault_count:
        return "monotone", f"{result.chain_fault_count} exported records went back in position"
    checks = (
        (result.delivered_position != result.start_position, "visible", "was not delivered as it was ordered"),
        (~ordered & (result.acked_ns != -1), "ack-safe", "was acknowledged, and not ordered"),
        (ordered & (result.acked_ns == -1), "drained", "was ordered, and never acknowledged"),
        (ordered & (result.acked_ns < result.ordered_ns), "ack-safe", "was acknowledged before it was ordered"),
    )
    for wrong, property, words in checks:
        if wrong.any():
            client, seq, *_ = rows[int(np.argmax(wrong))]
            return property, f"client {client} batch {seq} {words}"
    return None


def _judged(rows: tuple[Row, ...], level: Level, results: Results) -> list[Broken]:
    """Hold the history of all races against the contract, and what is missing from it."""
    parts = [_ordered(of, result, number) for number, (of, result) in enumerate(results)]
    history = History.from_columns({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    found = []
    if len(history):
        findings = verify(history, level).findings
        found = [(each.property, each.witness.sentence) for each in findings if each.witness is not None]
    text = left_over(_workload(rows), history, level)
    return [*found, ("drained", text)] if text else found


def _ordered(rows: tuple[Row, ...], result: RaceResult, number: int) -> dict[str, Any]:
    """Return what a race ordered, as columns of a history; the races of one example are an hour apart."""
    at = np.flatnonzero(result.outcome == ArrivalOutcome.ORDERED)
    columns = _columns(rows)
    columns |= {"ring_index": _workload(rows).ring_index + number * 10**6, "start_position": result.start_position}
    for name in ("sent_ns", "acked_ns"):
        times = getattr(result, name)
        columns[name] = np.where(times < 0, -1, times + number * 3_600 * 10**9)
    return {name: column[at] for name, column in columns.items()}


def _workload(rows: tuple[Row, ...]) -> Workload:
    return Workload.from_rows([(*row, 0, 0) for row in rows])


def _happened(level: Level, results: Results) -> set[str]:
    found = set()
    for rows, result in results:
        if result.released_count:
            found.add("parked batch")
        if result.duplicate_count or (level == 5 and len({row[:2] for row in rows}) < len(rows)):
            found.add("duplicate")
        if result.lap_count_max > 1:
            found.add("wrap")
    return found
