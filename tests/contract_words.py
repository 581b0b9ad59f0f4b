"""The contract's words about a history taken literally, pair by pair, and histories to take them on."""

from collections.abc import Callable, Sequence
from itertools import combinations, groupby
from random import Random
from typing import NamedTuple, TypeVar

from hypothesis import assume
from hypothesis import strategies as st

from fencepost.model.histories import OrderedBatch

AnyBatch = TypeVar("AnyBatch")


def owned(row: OrderedBatch) -> set[int]:
    return set(range(row.start_position, row.start_position + row.message_count))


def is_before(one: OrderedBatch, other: OrderedBatch) -> bool:
    return max(owned(one)) < min(owned(other))


def count_unique(rows: list[OrderedBatch]) -> int:
    """Try every choice of rows to keep, the largest first."""
    for size in range(len(rows), 0, -1):
        for kept in combinations(rows, size):
            if not any(owned(one) & owned(other) for one, other in combinations(kept, 2)):
                return len(rows) - size
    raise AssertionError("one row alone shares nothing")


def count_dense(rows: list[OrderedBatch]) -> int:
    taken = set().union(*map(owned, rows))
    return sum(runs[0] for runs in groupby(position not in taken for position in range(max(taken))))


def count_prefix(rows: list[OrderedBatch]) -> int:
    gaps = 0
    for client in {row.client_id for row in rows}:
        seqs = {row.batch_seq for row in rows if row.client_id == client}
        gaps += sum(run[0] for run in groupby(seq not in seqs for seq in range(max(seqs))))
    return gaps


def count_once(rows: list[OrderedBatch]) -> int:
    return len(rows) - len({(row.client_id, row.batch_seq) for row in rows})


class Batch(NamedTuple):
    """What a batch's rows say of it: its first copy, and when it was first sent and first acknowledged."""

    first: OrderedBatch
    sent_ns: int
    acked_ns: int


def batches(rows: list[OrderedBatch]) -> list[Batch]:
    """Return the batches in position order; those that begin together by what else is known of them."""
    copies: dict[tuple[int, int], list[OrderedBatch]] = {}
    for row in rows:
        copies.setdefault((row.client_id, row.batch_seq), []).append(row)
    found = []
    for same in copies.values():
        sent, acked = (
            [time for time in times if time != -1] for times in zip(*(row[-2:] for row in same), strict=True)
        )
        first = min(same, key=lambda row: (row.start_position, row.message_count))
        found.append(Batch(first, min(sent, default=-1), min(acked, default=-1)))
    return sorted(
        found, key=lambda each: (each.first.start_position, each.first.message_count, each.sent_ns, each.acked_ns)
    )


def breaks_real_time(one: Batch, other: Batch) -> bool:
    return -1 != one.acked_ns < other.sent_ns and not is_before(one.first, other.first)


def cut_count(batches: Sequence[AnyBatch], breaks: Callable[[AnyBatch, AnyBatch], bool]) -> int:
    """Cut position order wherever the piece so far and one batch more hold two that break it."""
    cuts, piece = 0, list[AnyBatch]()
    for batch in batches:
        if any(breaks(batch, other) or breaks(other, batch) for other in piece):
            cuts, piece = cuts + 1, []
        piece.append(batch)
    return cuts


def count_real_time(rows: list[OrderedBatch]) -> int:
    return cut_count(batches(rows), breaks_real_time)


def grouped(rows: list[OrderedBatch], group: str, number: str) -> list[list[OrderedBatch]]:
    values = {getattr(row, group) for row in rows}
    order = sorted(rows, key=lambda row: (row.start_position, getattr(row, number), row.message_count))
    return [[row for row in order if getattr(row, group) == value] for value in values]


def count_client_order(rows: list[OrderedBatch]) -> int:
    def breaks(one: OrderedBatch, other: OrderedBatch) -> bool:
        return one.batch_seq < other.batch_seq and not is_before(one, other)

    return sum(cut_count(each, breaks) for each in grouped(rows, "client_id", "batch_seq"))


def count_ring_order(rows: list[OrderedBatch]) -> int:
    def breaks(one: OrderedBatch, other: OrderedBatch) -> bool:
        return one.ring_index <= other.ring_index and not is_before(one, other)

    return sum(cut_count(each, breaks) for each in grouped(rows, "broker_id", "ring_index"))


def is_history(rows: list[OrderedBatch]) -> bool:
    """Say whether no batch was acknowledged before it was sent."""
    return all(-1 in (each.sent_ns, each.acked_ns) or each.sent_ns <= each.acked_ns for each in batches(rows))


COUNTS: dict[str, Callable[[list[OrderedBatch]], int]] = {
    "unique": count_unique,
    "dense": count_dense,
    "prefix": count_prefix,
    "once": count_once,
    "real-time": count_real_time,
    "client-order": count_client_order,
    "ring-order": count_ring_order,
}

any_batch = st.builds(
    OrderedBatch,
    client_id=st.integers(0, 1),
    batch_seq=st.integers(0, 3),
    broker_id=st.integers(0, 1),
    ring_index=st.integers(0, 3),
    message_count=st.integers(1, 4),
    start_position=st.integers(0, 12),
    sent_ns=st.integers(-1, 6),
    acked_ns=st.integers(-1, 6),
)


def any_rows(min_size: int) -> st.SearchStrategy[list[OrderedBatch]]:
    return st.lists(any_batch, min_size=min_size, max_size=7).filter(is_history)


@st.composite
def valid_rows(draw: st.DrawFn) -> list[OrderedBatch]:
    """Draw a run that keeps every promise of both levels, in position order."""
    rows: list[OrderedBatch] = []
    for client in draw(st.lists(st.integers(0, 2), min_size=2, max_size=8)):
        broker, sent_ns = draw(st.integers(0, 1)), rows[-1].sent_ns + draw(st.integers(0, 4)) if rows else 0
        rows.append(
            OrderedBatch(
                client_id=client,
                batch_seq=sum(row.client_id == client for row in rows),
                broker_id=broker,
                ring_index=sum(row.broker_id == broker for row in rows),
                message_count=draw(st.integers(1, 5)),
                start_position=rows[-1].start_position + rows[-1].message_count if rows else 0,
                sent_ns=sent_ns,
                acked_ns=sent_ns + draw(st.integers(0, 9)),
            )
        )
    return rows


@st.composite
def with_copies(draw: st.DrawFn) -> list[OrderedBatch]:
    """Draw a run that keeps every promise of level 5, in which some batches were sent and ordered again.

    The row of a copy carries its batch's times, or its own send and its batch's acknowledgement, or none.
    """
    rows = draw(valid_rows())
    for batch in draw(st.lists(st.sampled_from(rows), min_size=1, max_size=3)):
        last = rows[-1]
        own = batch._replace(
            broker_id=(broker := draw(st.integers(0, 1))),
            ring_index=sum(row.broker_id == broker for row in rows),
            start_position=last.start_position + last.message_count,
        )
        times = draw(
            st.sampled_from(
                [{}, {"sent_ns": batch.sent_ns + draw(st.integers(0, 20))}, {"sent_ns": -1, "acked_ns": -1}]
            )
        )
        rows.append(own._replace(**times))
    return rows


@st.composite
def corrupted_rows(draw: st.DrawFn) -> list[OrderedBatch]:
    """Draw a valid run with one cell changed, or one row more or less, in any order of rows."""
    rows = draw(st.one_of(valid_rows(), with_copies()))
    place = draw(st.integers(0, len(rows) - 1))
    column = draw(st.sampled_from(OrderedBatch._fields))
    changed = rows[place]._replace(**{column: draw(st.integers(column == "message_count", 12))})
    kept = draw(st.sampled_from([(changed,), (rows[place], changed), ()]))
    corrupted = [*rows[:place], *kept, *rows[place + 1 :]]
    assume(corrupted and is_history(corrupted))
    return draw(st.permutations(corrupted))


def sound_rows(random: Random, size: int) -> list[OrderedBatch]:
    """Return a run of so many batches that keeps both levels, in position order."""
    rows: list[OrderedBatch] = []
    for _ in range(size):
        client, broker, last = random.randint(0, 2), random.randint(0, 1), rows[-1] if rows else None
        sent_ns = last.sent_ns + random.randint(0, 4) if last else 0
        rows.append(
            OrderedBatch(
                client,
                sum(row.client_id == client for row in rows),
                broker,
                sum(row.broker_id == broker for row in rows),
                random.randint(1, 5),
                last.start_position + last.message_count if last else 0,
                sent_ns,
                sent_ns + random.randint(0, 9),
            )
        )
    return rows


def random_rows(random: Random) -> list[OrderedBatch]:
    """Return a run of both levels, in which one thing in three was changed, in position order or in none."""
    rows = sound_rows(random, random.randint(2, 8))
    if random.random() < 0.7:
        place, column = random.randrange(len(rows)), random.choice(OrderedBatch._fields)
        changed = rows[place]._replace(**{column: random.randint(column == "message_count", 12)})
        rows[place : place + 1] = random.choice([[changed], [rows[place], changed], []])
    rows.sort(key=lambda row: row.start_position)
    if random.random() < 0.3:
        random.shuffle(rows)
    return rows
