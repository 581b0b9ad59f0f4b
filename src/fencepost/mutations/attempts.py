"""Killer: attempts in one thread, one by one and in bulk, against the words of the contract."""

from __future__ import annotations

from collections import defaultdict
from random import Random
from typing import Any, NamedTuple

import numpy as np

from fencepost.model.errors import InputError
from fencepost.model.processes import Ended, isolated
from fencepost.mutations.kill import TRIAL_SECONDS, Hunt, Kill
from fencepost.native import BATCH_SEQ_MAX, ISSUED_MAX, MESSAGE_COUNT_MAX, AttemptOutcome, Sequencer

CLIENTS = (0, 1, 1024, 2**32, 2**62, 2**63 - 1)
FIRST_POSITIONS = (0, 0, 2**31 - 3, 2**32 - 3, ISSUED_MAX - 4, ISSUED_MAX - 40)
BULK_ROWS = 70_000  # more than one chunk
REFUSED = "refused"

Answer = tuple[str, int]


class Batch(NamedTuple):
    client_id: int
    batch_seq: int
    message_count: int


def attempts(hunt: Hunt) -> Kill | None:
    """Give drawn schedules to every sequencer; the smallest one that is answered otherwise than it should be."""
    random = Random(f"attempts {hunt.seed}")
    for name, level in hunt.native.SEQUENCERS.items():
        if level == 5 and (sentence := _safely(hunt.native, name, BULK_ROWS)):
            count = _fewest(hunt.native, name)
            sentence = _safely(hunt.native, name, count) or sentence
            return Kill("attempts", count, 1, 1, f"{name}: {sentence}")  # one call
    while hunt.goes_on:
        for name in hunt.native.SEQUENCERS:
            first = random.choice(FIRST_POSITIONS)
            batches = _drawn(random)
            hunt.tries(len(batches))
            if _wrong(hunt.native, name, first, batches):
                batches = _smallest(hunt.native, name, first, batches)
                sentence = _wrong(hunt.native, name, first, batches)
                return Kill("attempts", len(batches), len(batches), 1, f"{name}: {sentence}")
    return None


def _fewest(native: Any, name: str) -> int:
    """Return how many rows of a bulk call are needed; more of them are wrong too."""
    most, least = BULK_ROWS, 1
    while least < most:
        middle = (least + most) // 2
        if _safely(native, name, middle):
            most = middle
        else:
            least = middle + 1
    return most


def _safely(native: Any, name: str, row_count: int) -> str:
    found = isolated(lambda: _wrong_in_bulk(native, name, row_count), TRIAL_SECONDS)
    return found.sentence if isinstance(found, Ended) else found


def _drawn(random: Random) -> list[Batch]:
    """Batches of a few clients, nearly in order, with copies and numbers at the ends of their ranges."""
    clients = random.sample(CLIENTS, random.randint(1, len(CLIENTS)))
    sent: dict[int, int] = defaultdict(int)
    batches = []
    for _ in range(random.randint(1, 24)):
        client = random.choice(clients)
        seq = max(0, sent[client] + random.choice((0, 0, 0, 0, -1, 1)))
        sent[client] = max(sent[client], seq + 1) if seq == sent[client] else sent[client]
        if random.random() < 0.08:
            seq = random.choice((BATCH_SEQ_MAX, 2**31, 2**32))
        count = MESSAGE_COUNT_MAX if random.random() < 0.05 else random.randint(1, 5)
        batches.append(Batch(client, seq, count))
    return batches


def _expected(level: int, first: int, batches: list[Batch]) -> list[Answer]:
    """The answers that the contract's words give, up to the first range that does not fit."""
    next_seq: dict[int, int] = defaultdict(int)
    issued, answers = first, list[Answer]()
    for batch in batches:
        expected = next_seq[batch.client_id]
        if level == 4 and batch.batch_seq != expected:
            outcome = AttemptOutcome.LATER if batch.batch_seq > expected else AttemptOutcome.DUPLICATE
            answers.append((outcome.name, -1))
            continue
        if issued + batch.message_count > ISSUED_MAX:
            # The sequencer is sealed: the batch is refused, refused again, and nothing was issued for it.
            return [*answers, (REFUSED, issued), (REFUSED, issued)]
        answers.append((AttemptOutcome.ORDERED.name, issued))
        next_seq[batch.client_id] = expected + 1
        issued += batch.message_count
    return answers


def _wrong(native: Any, name: str, first: int, batches: list[Batch]) -> str:
    """Say what is answered otherwise than expected, or that nothing is; "" if all is well."""
    found = isolated(lambda: _answered_wrong(native, name, first, batches), TRIAL_SECONDS)
    return found.sentence if isinstance(found, Ended) else found


def _answered_wrong(native: Any, name: str, first: int, batches: list[Batch]) -> str:
    level = native.SEQUENCERS[name]
    sequencer = Sequencer(name, len({batch.client_id for batch in batches}), first, native=native)
    expected = _expected(level, first, batches)
    given = batches[: len(expected)]
    if len(given) < len(expected) or (expected and expected[-1][0] == REFUSED):
        given = [*batches[: len(expected) - 1], batches[len(expected) - 2]]
    for number, (batch, answer) in enumerate(zip(given, expected, strict=True), start=1):
        try:
            made = sequencer.try_order(*batch)
            answered = (made.outcome.name, made.start_position)
        except InputError:
            answered = (REFUSED, sequencer.issued)
        if answered != answer:
            return f"attempt {number}, {batch}, from {first}: {_said(answered)}, expected {_said(answer)}"
    return ""


def _said(answer: Answer) -> str:
    outcome, start = answer
    return f"{outcome.lower()}" + (f" at {start}" if start >= 0 else "")


def _smallest(native: Any, name: str, first: int, batches: list[Batch]) -> list[Batch]:
    """Leave out one batch after the other as long as something is still wrong."""
    at = 0
    while at < len(batches):
        without = batches[:at] + batches[at + 1 :]
        if without and _wrong(native, name, first, without):
            batches, at = without, 0
        else:
            at += 1
    return batches


def _wrong_in_bulk(native: Any, name: str, row_count: int) -> str:
    counts = 1 + np.arange(row_count, dtype=np.int64) % 7
    zeros = np.zeros_like(counts)
    answered = Sequencer(name, 1, native=native).try_order_all(client_id=zeros, batch_seq=zeros, message_count=counts)
    expected = np.cumsum(counts) - counts
    row = int(np.argmax(answered.start_position != expected))
    if answered.start_position[row] == expected[row]:
        return ""
    return f"row {row} of a bulk call begins at {answered.start_position[row]}, expected {expected[row]}"
