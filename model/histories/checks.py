"""One search per property that a history of batches can show, each written from the contract's words.

A check takes a history and returns the violation found or None. Position order is the order of
`start_position`. The first line of a check says when the property is broken, the second how
violations are counted; the witness is the violation at the lowest position.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fencepost.model.histories.records import History, IntColumn, OrderedBatch

Indexes = npt.NDArray[np.intp]  # of rows of a history, from 0


@dataclass(frozen=True)
class Violation:
    """How often a property is broken, and one place where it is: indexes of rows, from 0, and a sentence."""

    count: int
    indexes: tuple[int, ...]
    sentence: str


def check_unique(history: History) -> Violation | None:
    """Broken when two batches own one position.

    Counts the pairs of batches that share a position: a long range that covers three short ones is three.
    """
    order = np.argsort(history.start_position, kind="stable")
    start, end = history.start_position[order], _end(history)[order]
    # Of the batches behind k, those that start before k ends: all between k and the first that does not.
    partners = np.searchsorted(start, end) - np.arange(1, len(order) + 1)
    overlapping = np.flatnonzero(partners)
    if not overlapping.size:
        return None
    first, second = (int(index) for index in order[overlapping[0] :][:2])
    shared = _range(int(history.start_position[second]), min(_last(history[first]), _last(history[second])))
    sentence = f"{_name(history[first])} and {_name(history[second])} share {_positions(shared)}"
    return Violation(int(partners.sum()), (first, second), sentence)


def check_dense(history: History) -> Violation | None:
    """Broken when a position below the last one ordered belongs to no batch.

    Counts the holes: runs of positions without a batch between two ranges, or before the first.
    """
    order = np.argsort(history.start_position, kind="stable")
    start, end = history.start_position[order], _end(history)[order]
    reached = np.concatenate([[0], np.maximum.accumulate(end)[:-1]])
    holes = np.flatnonzero(start > reached)
    if not holes.size:
        return None
    after, missing = int(order[holes[0]]), _range(int(reached[holes[0]]), int(start[holes[0]]) - 1)
    verb = "belong" if ".." in missing else "belongs"
    what = f"{_positions(missing)} {verb} to no batch"
    if holes[0] == 0:
        return Violation(holes.size, (after,), f"{what}: the first is {_name(history[after])}")
    before = int(order[: holes[0]][np.argmax(end[: holes[0]])])
    sentence = f"{what}, between {_name(history[before])} and {_name(history[after])}"
    return Violation(holes.size, (before, after), sentence)


def check_ring_order(history: History) -> Violation | None:
    """Broken when of one ring (a broker's) a batch is ordered before one of a lower ring index, or of its own.

    Counts the pairs next to each other in the position order of their ring whose ring_index does not
    increase, and the batches that begin inside an earlier one of the ring. One place in a ring holds
    one batch: ordering it twice is in no ring order, and level 5 has no `once` to catch it.
    """
    found = _out_of_order(history, history.broker_id, history.ring_index, repeats=True)
    if found is None:
        return None
    count, (first, second) = found
    earlier, later = history[first], history[second]
    ring, one, two = f"ring of broker {earlier.broker_id}", f"index {earlier.ring_index}", f"index {later.ring_index}"
    if one == two:
        sentence = f"{ring}: {one} is ordered at {_owned(earlier)} and again at {_owned(later)}"
    else:
        sentence = f"{ring}: {one} at {_owned(earlier)} {_relation(earlier, later)} {two} at {_owned(later)}"
    return Violation(count, (first, second), sentence)


def check_client_order(history: History) -> Violation | None:
    """Broken when of one client a position of a batch comes before one of a batch with a lower batch_seq.

    Counts the pairs next to each other in the position order of their client whose batch_seq decreases,
    and the batches that begin inside an earlier one with another batch_seq. Equal ones are `once`'s.
    """
    found = _out_of_order(history, history.client_id, history.batch_seq, repeats=False)
    if found is None:
        return None
    count, (first, second) = found
    earlier, later = history[first], history[second]
    sentence = (
        f"client {earlier.client_id}: batch {earlier.batch_seq} at {_owned(earlier)} "
        f"{_relation(earlier, later)} batch {later.batch_seq} at {_owned(later)}"
    )
    return Violation(count, (first, second), sentence)


def check_prefix(history: History) -> Violation | None:
    """Broken when a client has an ordered batch but not all batches with a lower batch_seq.

    Counts the gaps: runs of missing batch_seqs of one client, however long.
    """
    order = np.lexsort((history.start_position, history.batch_seq, history.client_id))
    client, seq = history.client_id[order], history.batch_seq[order]
    same_client = np.concatenate([[False], client[1:] == client[:-1]])
    before = np.where(same_client, np.roll(seq, 1), -1)
    gaps = np.flatnonzero(seq - 1 > before)
    if not gaps.size:
        return None
    gap = _lowest(history, order, gaps)
    batch, low = history[int(order[gap])], int(before[gap]) + 1
    missing = _range(low, batch.batch_seq - 1)
    plural = ("batches", "are") if ".." in missing else ("batch", "is")
    have = f"client {batch.client_id}: batch {batch.batch_seq} is ordered at {_owned(batch)}"
    sentence = f"{have}, but {plural[0]} {missing} before it {plural[1]} not"
    return Violation(gaps.size, (int(order[gap]),), sentence)


def check_once(history: History) -> Violation | None:
    """Broken when a (client_id, batch_seq) is ordered more than once.

    Counts the surplus rows: a batch ordered three times is two.
    """
    order = np.lexsort((history.start_position, history.batch_seq, history.client_id))
    client, seq = history.client_id[order], history.batch_seq[order]
    again = np.flatnonzero((client[1:] == client[:-1]) & (seq[1:] == seq[:-1])) + 1
    if not again.size:
        return None
    place = _lowest(history, order, again)
    first, second = int(order[place - 1]), int(order[place])
    one, two = history[first], history[second]
    batch = f"client {one.client_id}: batch {one.batch_seq}"
    sentence = f"{batch} is ordered at {_owned(one)} and again at {_owned(two)}"
    return Violation(again.size, (first, second), sentence)


def check_real_time(history: History) -> Violation | None:
    """Broken when a batch was acked before another was sent, but not all its positions come before the other's.

    Counts the batches that have at least one such batch acked before they were sent. Batches whose
    times are not recorded take no part.
    """
    end, sent = _end(history), np.flatnonzero(history.sent_ns >= 0)
    acked = _by_ack(history)
    if not (acked.size and sent.size):
        return None
    before = np.searchsorted(history.acked_ns[acked], history.sent_ns[sent])  # how many acks before each was sent
    furthest, runner_up = _running_maxima(end[acked])
    reach = np.where(before > 0, furthest[before - 1], 0)
    # A batch that (by its clocks) was acked before it was sent is no rival of itself.
    own = _acked_before_own_send(history)[sent] & (end[sent] == reach)
    reach[own] = runner_up[before[own] - 1]
    overtaken = np.flatnonzero(reach > history.start_position[sent])
    if not overtaken.size:
        return None
    second = int(sent[_lowest(history, sent, overtaken)])
    rivals = acked[: np.searchsorted(history.acked_ns[acked], history.sent_ns[second])]
    rivals = rivals[(rivals != second) & (end[rivals] > history.start_position[second])]
    first = int(rivals[0])
    one, two = history[first], history[second]
    times = f"{_name(one)} was acked at {one.acked_ns} ns, before {_name(two)} was sent at {two.sent_ns} ns"
    return Violation(overtaken.size, (first, second), f"{times}, but is not ordered before it")


def acked_before_sent_count(history: History) -> int:
    """Return the number of pairs of batches where one was acked before the other was sent: what real-time is about."""
    sent_ns = history.sent_ns[history.sent_ns >= 0]
    pairs = np.searchsorted(history.acked_ns[_by_ack(history)], sent_ns).sum()
    return int(pairs - _acked_before_own_send(history).sum())


CHECKS: dict[str, Callable[[History], Violation | None]] = {
    "unique": check_unique,
    "dense": check_dense,
    "ring-order": check_ring_order,
    "client-order": check_client_order,
    "prefix": check_prefix,
    "once": check_once,
    "real-time": check_real_time,
}


def _out_of_order(
    history: History, group: IntColumn, number: IntColumn, *, repeats: bool
) -> tuple[int, tuple[int, int]] | None:
    """Return how many rows break the order of `number` inside their `group`, and the pair at the lowest position.

    A row does if the one before it in its group has a higher number (with `repeats`: or the same), or
    if the earlier one that reaches furthest has another number and ends behind the row's start. These
    find every group that is out of order: where numbers never fall, the rows before the first of a
    number all have lower ones, so the furthest of them meets it if any of them meets any of that number.
    """
    # Equal starts are ordered by number, and those by end: they overlap and are found as that, whatever the order of
    # rows. Were two batches of one number and start left in their order, the longer one could hide that the shorter
    # one meets a third.
    order = np.lexsort((_end(history), number, history.start_position, group))
    group, number, start = group[order], number[order], history.start_position[order]
    same_group = group[1:] == group[:-1]
    falls = same_group & ((number[1:] <= number[:-1]) if repeats else (number[1:] < number[:-1]))
    end = _end(history)[order]
    furthest = _furthest(same_group, end)[:-1]
    meets = same_group & (end[furthest] > start[1:]) & (number[furthest] != number[1:])
    rows = np.flatnonzero(falls | meets) + 1
    if not rows.size:
        return None
    row = _lowest(history, order, rows)
    other = row - 1 if falls[row - 1] else furthest[row - 1]
    return rows.size, (int(order[other]), int(order[row]))


def _furthest(same_group: npt.NDArray[np.bool_], end: IntColumn) -> Indexes:
    """Return for each row the index of the furthest-reaching row of its group up to and including it."""
    by_end = np.argsort(end, kind="stable")
    rank = np.empty_like(by_end)
    rank[by_end] = np.arange(len(end))
    # Ranks instead of ends, so that a group's number in front cannot overflow 64 bits.
    group_number = np.concatenate([[0], np.cumsum(~same_group)])
    highest = np.maximum.accumulate(group_number * len(end) + rank)
    furthest: Indexes = by_end[highest % len(end)]
    return furthest


def _running_maxima(values: IntColumn) -> tuple[IntColumn, IntColumn]:
    """Return the highest and the second highest (0: none) of the values up to each index."""
    highest = np.maximum.accumulate(values)
    losers = np.concatenate([[0], np.minimum(values[1:], highest[:-1])])  # of each new value against the record
    return highest, np.maximum.accumulate(losers)


def _by_ack(history: History) -> Indexes:
    acked = np.flatnonzero(history.acked_ns >= 0)
    return acked[np.argsort(history.acked_ns[acked], kind="stable")]


def _acked_before_own_send(history: History) -> npt.NDArray[np.bool_]:
    return (history.acked_ns >= 0) & (history.acked_ns < history.sent_ns)


def _lowest(history: History, order: Indexes, places: Indexes) -> int:
    """Return that of the `places` in `order` whose row has the lowest position."""
    return int(places[np.argmin(history.start_position[order[places]])])


def _end(history: History) -> IntColumn:
    return history.start_position + history.message_count


def _last(batch: OrderedBatch) -> int:
    return batch.start_position + batch.message_count - 1


def _owned(batch: OrderedBatch) -> str:
    return f"{batch.start_position}..{_last(batch)}"


def _name(batch: OrderedBatch) -> str:
    return f"client {batch.client_id} batch {batch.batch_seq} at {_owned(batch)}"


def _range(low: int, high: int) -> str:
    return f"{low}..{high}" if low < high else f"{low}"


def _positions(text: str) -> str:
    return f"position{'s' if '..' in text else ''} {text}"


def _relation(earlier: OrderedBatch, later: OrderedBatch) -> str:
    return "comes before" if _last(earlier) < later.start_position else "overlaps"
