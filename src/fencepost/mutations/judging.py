"""What came of a race, against the words of the contract: what subscribers and clients saw, and what clocks say."""

from __future__ import annotations

from collections import defaultdict
from typing import cast

import numpy as np

from fencepost.model.contract import Level
from fencepost.model.histories import History, Workload, verify
from fencepost.model.histories.drained import left_over
from fencepost.mutations.workloads import Raced
from fencepost.native import ArrivalOutcome, RaceResult

HOUR_NS = 3_600 * 10**9
Part = tuple[Raced, RaceResult, list[str], int]


def judged(given: Raced, parts: list[Part]) -> str:
    """Say what is wrong with the races of one sequencer, one after the other; "" if nothing is."""
    for number, (part, result, faults, _) in enumerate(parts):
        if faults:
            return faults[0]
        if sentence := _seen(result) or _counted(part, result, is_stopped=number < len(parts) - 1):
            return sentence
    issued, expected = parts[-1][-1], given.first_position + _messages(parts)
    if issued != expected:
        return f"the next position is {issued}, and batches end at {expected}: dense"
    return _contract(given, parts)


def _messages(parts: list[Part]) -> int:
    return sum(
        row[3]
        for part, result, _, _ in parts
        for row, outcome in zip(part.rows, result.outcome, strict=True)
        if outcome == ArrivalOutcome.ORDERED
    )


def _seen(result: RaceResult) -> str:
    """Subscriber and client against scanner: nothing is made up, lost on the way, or acknowledged too early."""
    is_ordered = result.outcome == ArrivalOutcome.ORDERED
    if result.content_fault_count:
        return f"{result.content_fault_count} records led to another batch: visible"
    if result.chain_fault_count:
        return f"{result.chain_fault_count} records were exported out of order: monotone"
    differing = np.flatnonzero(result.delivered_position != result.start_position)
    if differing.size:
        row = int(differing[0])
        return (
            f"row {row} was ordered at {result.start_position[row]} and delivered at"
            f" {result.delivered_position[row]}: visible"
        )
    is_acked = result.acked_ns >= 0
    if (is_acked & ~is_ordered).any() or (is_acked & (result.acked_ns < result.ordered_ns)).any():
        return "a batch was acknowledged before it was ordered: ack-safe"
    if (is_ordered & ~is_acked).any():
        return "an ordered batch is never acknowledged: drained"
    return ""


def _counted(part: Raced, result: RaceResult, *, is_stopped: bool) -> str:
    """What the outcomes must come to, by level."""
    outcomes = result.outcome
    if part.needs_no_more_room and result.held_ring_count:
        return f"{result.held_ring_count} rings are held for want of room, and there is room: drained"
    if int(np.count_nonzero(outcomes == ArrivalOutcome.DUPLICATE)) != result.duplicate_count:
        return f"{result.duplicate_count} duplicates were dropped, more than came: once"
    parked = int(np.count_nonzero(outcomes == ArrivalOutcome.PARKED))
    if part.level == 5:
        if parked or (not is_stopped and (outcomes != ArrivalOutcome.ORDERED).any()):
            return "a batch of level 5 was read and not ordered: drained"
        return ""
    scanners = len({row[2] for row in part.rows})
    if parked > part.parking_capacity * scanners:
        return f"{parked} batches are neither ordered nor could be parked: prefix"
    ordered: dict[int, int] = defaultdict(int)
    for row, outcome in zip(part.rows, outcomes, strict=True):
        if outcome == ArrivalOutcome.ORDERED:
            ordered[row[0]] = max(ordered[row[0]], row[1] + 1)
    for row, outcome in zip(part.rows, outcomes, strict=True):
        if not is_stopped and outcome == ArrivalOutcome.PARKED and row[1] < ordered[row[0]]:
            return f"batch {row[1]} of client {row[0]} is parked for ever behind a later one: drained"
    return ""


def _contract(given: Raced, parts: list[Part]) -> str:
    """Verify what was delivered in all races together."""
    rows = [each for number, part in enumerate(parts) for each in _history(given, part, number)]
    level = cast(Level, given.level)
    history = History.from_rows(rows)
    if rows:
        findings = verify(history, level).findings
        for each in findings:
            if each.witness is not None:
                return f"{each.property}: {each.witness.sentence}"
    workload = Workload.from_rows([(*row, 0, 0) for row in given.rows])
    if any(result.held_ring_count for _, result, _, _ in parts):
        return ""
    sentence = left_over(workload, history, level)
    return f"drained: {sentence}" if sentence else ""


def _history(given: Raced, part: Part, number: int) -> list[tuple[int, ...]]:
    """What one race delivered, as rows of a history on one clock for all races; positions from 0 on."""
    raced, result, _, _ = part
    index_of: dict[int, int] = defaultdict(int)
    rows: list[tuple[int, ...]] = []
    for at, (client, seq, ring, count) in enumerate(raced.rows):
        index, index_of[ring] = index_of[ring], index_of[ring] + 1
        start = int(result.delivered_position[at])
        if start >= 0:
            times = (int(result.sent_ns[at]), int(result.acked_ns[at]))
            sent, acked = (-1 if each < 0 else each + number * HOUR_NS for each in times)
            rows.append((client, seq, ring, index + number * 10**6, count, start - given.first_position, sent, acked))
    return rows
