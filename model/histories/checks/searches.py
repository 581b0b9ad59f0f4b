"""One search per property that a history of batches can show, each written from the contract's words.

A check takes a part of a history (see `log`) and returns the violation found or None; its rules say
how this log numbers. Position order is the order of `start_position`. The first line of a check says
when the property is broken, the second how violations are counted; the witness is the violation at
the lowest position.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fencepost.model.histories.checks.pieces import Placed, cuts
from fencepost.model.histories.checks.real_time import FirstCopies
from fencepost.model.histories.log import Part
from fencepost.model.histories.passes.one_pass import Culprit, worst_of
from fencepost.model.histories.records import NEVER, History, IntColumn, OrderedBatch

COPIES_SHOWN = 4
"""So many rows are named of a batch that was ordered again."""
Indexes = npt.NDArray[np.intp]  # of rows of a history, from 0


@dataclass(frozen=True)
class Violation:
    """How often a property is broken, and one place where it is: indexes of rows, from 0, and a sentence.

    `worst` are the worst culprits, with such indexes.
    """

    count: int
    indexes: tuple[int, ...]
    sentence: str
    worst: tuple[Culprit, ...] = ()


def check_unique(part: Part) -> Violation | None:
    """Broken when two batches own one position.

    Counts the batches that would have to go so that no two of the rest do: a long range that covers three
    short ones is one, and so is a short one inside a long one. And those at positions that a filler holds.
    """
    history = part.history
    end = _end(history)
    on_fillers = _on_fillers(part)
    order = np.lexsort((end, history.start_position))
    start, end = history.start_position[order], end[order]
    meets = start[1:] < np.maximum.accumulate(end)[:-1]
    if not meets.any():
        return on_fillers
    inside = np.flatnonzero(np.concatenate([[False], meets]) | np.concatenate([meets, [False]]))
    surplus = _surplus(inside.tolist(), start[inside].tolist(), end[inside].tolist())
    pairs = [(int(order[kept]), int(order[place])) for kept, place, _ in surplus]
    first, second = pairs[0]
    shared = _range(int(history.start_position[second]), min(_last(history[first]), _last(history[second])))
    sentence = f"{_name(part, first)} and {_name(part, second)} share {_positions(shared)}"
    worst = worst_of([size for *_, size in surplus], pairs.__getitem__)
    return Violation(len(pairs) + (on_fillers.count if on_fillers else 0), (first, second), sentence, worst)


def _on_fillers(part: Part) -> Violation | None:
    """Return the batches that share positions with a filler, which says that none is there."""
    history, order = part.history, np.argsort(part.fillers.start, kind="stable")
    start, end = part.fillers.start[order], part.fillers.end[order]
    if not len(start):
        return None
    furthest = np.maximum.accumulate(np.where(end == np.maximum.accumulate(end), np.arange(len(end)), 0))
    before = np.searchsorted(start, _end(history)) - 1
    filler = furthest[np.maximum(before, 0)]
    rows = np.flatnonzero((before >= 0) & (end[filler] > history.start_position))
    if not rows.size:
        return None
    rows = rows[np.argsort(history.start_position[rows], kind="stable")]
    low = np.maximum(history.start_position[rows], start[filler[rows]])
    high = np.minimum(_end(history)[rows], end[filler[rows]])
    first = int(rows[0])
    shared = _positions(_range(int(low[0]), int(high[0]) - 1))
    sentence = f"{_name(part, first)} has {shared}, which a filler holds"
    worst = worst_of((high - low).tolist(), lambda place: (int(rows[place]),))
    return Violation(rows.size, (first,), sentence, worst)


def _surplus(places: list[int], starts: list[int], ends: list[int]) -> list[tuple[int, int, int]]:
    """Return each range that must go: the place of one that it meets, its own, and how many positions they share.

    Of two that meet, the one that ends later goes: what is kept leaves the most room.
    """
    found, kept, kept_end = list[tuple[int, int, int]](), -1, 0
    for place, start, end in zip(places, starts, ends, strict=True):
        if start >= kept_end:
            kept, kept_end = place, end
            continue
        found.append((kept, place, min(end, kept_end) - start))
        if end < kept_end:
            kept, kept_end = place, end
    return found


def check_dense(part: Part) -> Violation | None:
    """Broken when a position between the first that is asked for and the last one ordered belongs to no batch.

    Counts the holes: runs of positions without a batch or filler between two ranges, or before the first.
    """
    history, first_position = part.history, part.rules.from_position
    starts = np.concatenate([history.start_position, part.fillers.start])
    order = np.argsort(starts, kind="stable")
    start, end = starts[order], np.concatenate([_end(history), part.fillers.end])[order]
    reached = np.maximum.accumulate(np.concatenate([[first_position], end]))[:-1]
    holes = np.flatnonzero(start > reached)
    if part.rules.allow_gaps or not holes.size:
        return None
    hole = int(holes[0])
    missing = _range(int(reached[hole]), int(start[hole]) - 1)
    what = f"{_positions(missing)} {'belong' if '..' in missing else 'belongs'} to no batch"
    batches = np.flatnonzero(order < len(history))  # as places in position order

    def beside(hole: int) -> tuple[int, ...]:
        """Return the batch that reaches furthest before a hole, and the first behind it."""
        behind, before = batches[batches >= hole], batches[(batches < hole) & (end[batches] <= reached[hole])]
        rows = [int(order[before[np.argmax(end[before])]])] if before.size else []
        return (*rows, *(int(order[place]) for place in behind[:1]))

    rows, is_last = beside(hole), not (batches >= hole).any()
    where = ", between " if len(rows) == 2 else ", behind " if is_last else ": the first is "
    worst = worst_of((start - reached)[holes].tolist(), lambda place: beside(int(holes[place])))
    return Violation(holes.size, rows, what + where + " and ".join(_name(part, row) for row in rows), worst)


def check_ring_order(part: Part) -> Violation | None:
    """Broken when of one ring (a broker's) a batch is ordered before one of a lower ring index, or of its own.

    Counts the cuts of `pieces`: where no two batches of a ring meet, the pairs next to each other in its
    position order whose ring_index does not increase. One place in a ring holds one batch: ordering it
    twice is in no ring order, and level 5 has no `once` to catch it.
    """
    history = part.history
    found = _out_of_order(history, history.broker_id, history.ring_index, repeats=True)
    if found is None:
        return None
    count, (first, second), worst = found
    earlier, later = history[first], history[second]
    ring, one, two = f"ring of broker {earlier.broker_id}", f"index {earlier.ring_index}", f"index {later.ring_index}"
    if one == two:
        sentence = f"{ring}: {one} is ordered at {_owned(earlier)} and again at {_owned(later)}"
    else:
        sentence = f"{ring}: {one} at {_owned(earlier)} {_relation(earlier, later)} {two} at {_owned(later)}"
    return Violation(count, (first, second), sentence, worst)


def check_client_order(part: Part) -> Violation | None:
    """Broken when of one client a position of a batch comes before one of a batch with a lower batch_seq.

    Counts the cuts of `pieces`: where no two batches of a client meet, the pairs next to each other in its
    position order whose batch_seq decreases. Equal ones are `once`'s.
    """
    history = part.history
    found = _out_of_order(history, history.client_id, history.batch_seq, repeats=False)
    if found is None:
        return None
    count, (first, second), worst = found
    earlier, later = history[first], history[second]
    sentence = (
        f"client {part.client(earlier.client_id)}: {part.numbers} {earlier.batch_seq} at {_owned(earlier)} "
        f"{_relation(earlier, later)} {part.numbers} {later.batch_seq} at {_owned(later)}"
    )
    return Violation(count, (first, second), sentence, worst)


def check_prefix(part: Part) -> Violation | None:
    """Broken when a client has an ordered batch but not all batches with a lower batch_seq.

    Counts the gaps: runs of missing batch_seqs of one client, however long.
    """
    history, rules = part.history, part.rules
    order = np.lexsort((history.start_position, history.batch_seq, history.client_id))
    client, seq, count = history.client_id[order], history.batch_seq[order], history.message_count[order]
    same_client = np.concatenate([[False], client[1:] == client[:-1]])
    following = seq + (count if rules.seq_counts == "messages" else 1)
    expected = np.where(same_client, np.roll(following, 1), seq if rules.first_seq is None else rules.first_seq)
    gaps = np.flatnonzero(seq > expected)
    if not gaps.size:
        return None
    gap = _lowest(history, order, gaps)
    batch, low = history[int(order[gap])], int(expected[gap])
    missing = _range(low, batch.batch_seq - 1)
    plural = ("batches", "are") if ".." in missing else ("batch", "is")
    have = f"client {part.client(batch.client_id)}: batch {batch.batch_seq} is ordered at {_owned(batch)}"
    sentence = f"{have}, but {plural[0]} {missing} before it {plural[1]} not"
    gaps = gaps[np.argsort(history.start_position[order[gaps]], kind="stable")]
    worst = worst_of((seq - expected)[gaps].tolist(), lambda place: (int(order[gaps[place]]),))
    return Violation(gaps.size, (int(order[gap]),), sentence, worst)


def check_once(part: Part) -> Violation | None:
    """Broken when a (client_id, batch_seq) is ordered more than once.

    Counts the surplus rows: a batch ordered three times is two.
    """
    history = part.history
    order = np.lexsort((history.start_position, history.batch_seq, history.client_id))
    client, seq = history.client_id[order], history.batch_seq[order]
    again = np.flatnonzero((client[1:] == client[:-1]) & (seq[1:] == seq[:-1])) + 1
    if not again.size:
        return None
    place = _lowest(history, order, again)
    first, second = int(order[place - 1]), int(order[place])
    one, two = history[first], history[second]
    batch = f"client {part.client(one.client_id)}: batch {one.batch_seq}"
    sentence = f"{batch} is ordered at {_owned(one)} and again at {_owned(two)}"
    copies: dict[tuple[int, int], tuple[int, ...]] = {}
    for place in again[np.argsort(history.start_position[order[again]], kind="stable")].tolist():
        batch_of = int(client[place]), int(seq[place])
        copies[batch_of] = (*copies.get(batch_of, ()), int(order[place]))
    return Violation(again.size, (first, second), sentence, worst_copies(copies))


def worst_copies(copies: Mapping[Any, tuple[int, ...]]) -> tuple[Culprit, ...]:
    """Return the batches that were ordered most often: `copies` has the rows of each but its first, by position."""
    rows = list(copies.values())
    return worst_of([len(each) for each in rows], lambda place: rows[place][:COPIES_SHOWN])


def check_real_time(part: Part) -> Violation | None:
    """Broken when a batch was acked before another was sent, but not all its positions come before the other's.

    Counts the cuts of `pieces`, in the position order of first copies.
    """
    history = part.history
    broken = FirstCopies.of(history).cuts()
    if not broken:
        return None
    first, second, _ = broken[0]
    acked, sent = _row_of(history, first, history.acked_ns), _row_of(history, second, history.sent_ns)
    times = (
        f"{_name(part, first)} was acked at {history.acked_ns[acked]} ns, "
        f"before {_name(part, second)} was sent at {history.sent_ns[sent]} ns"
    )
    rows = tuple(dict.fromkeys((first, acked, second, sent)))
    pairs = [tuple(sorted(pair, key=lambda row: int(history.start_position[row]))) for *pair, _ in broken]
    worst = worst_of([late_ns for *_, late_ns in broken], pairs.__getitem__)
    return Violation(len(broken), rows, f"{times}, but is not ordered before it", worst)


def _row_of(history: History, row: int, times: IntColumn) -> int:
    """Return the row that records the earliest of the `times` of a row's batch: itself, or one of another copy."""
    same = (history.client_id == history.client_id[row]) & (history.batch_seq == history.batch_seq[row])
    recorded = np.flatnonzero(same & (times != NEVER))
    earliest = int(recorded[np.argmin(times[recorded])])
    return row if times[row] == times[earliest] else earliest


CHECKS: dict[str, Callable[[Part], Violation | None]] = {
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
) -> tuple[int, tuple[int, int], tuple[Culprit, ...]] | None:
    """Return how often the order of `number` inside each `group` is cut, the pair of rows at the lowest position, and
    the worst ones.

    A batch comes before those of its group with a higher number (with `repeats`: or the same).
    """
    end = _end(history)
    # Equal starts are ordered by number, and those by end: what is counted does not depend on the order of rows.
    order = np.lexsort((end, number, history.start_position, group))
    group, number, start, end = group[order], number[order], history.start_position[order], end[order]
    same_group = group[1:] == group[:-1]
    falls = same_group & ((number[1:] <= number[:-1]) if repeats else (number[1:] < number[:-1]))
    # Where ranges of a group meet, only a look at each batch in turn tells the cuts; elsewhere each fall is one.
    meeting = np.isin(group, group[1:][same_group & (start[1:] < _reached(same_group, end))])
    later = np.flatnonzero(falls & ~meeting[1:]) + 1
    pairs = list(zip((later - 1).tolist(), later.tolist(), strict=True)) if later.size else []
    sizes = (number[later - 1] - number[later] + repeats).tolist()
    firsts = np.flatnonzero(np.concatenate([[True], ~same_group]))
    for first, last in zip(firsts.tolist(), [*firsts[1:].tolist(), len(order)], strict=True):
        if meeting[first]:
            columns = (column[first:last].tolist() for column in (start, end, number))
            batches = (Placed(s, e, n + repeats, n) for s, e, n in zip(*columns, strict=True))
            for due, late in cuts(batches):
                pairs.append((first + min(due, late), first + max(due, late)))
                sizes.append(int(number[first + late] - number[first + due]) + repeats)
    if not pairs:
        return None
    by_position = sorted(range(len(pairs)), key=lambda place: int(start[pairs[place][1]]))
    rows = [(int(order[pairs[place][0]]), int(order[pairs[place][1]])) for place in by_position]
    return len(pairs), rows[0], worst_of([sizes[place] for place in by_position], rows.__getitem__)


def _reached(same_group: npt.NDArray[np.bool_], end: IntColumn) -> IntColumn:
    """Return, for each row but the first, the furthest end among the rows above it in its group (else 0)."""
    # Ranks instead of ends, so that a group's number in front cannot overflow 64 bits.
    by_end = np.argsort(end, kind="stable")
    rank = np.empty_like(by_end)
    rank[by_end] = np.arange(len(end))
    group_number = np.concatenate([[0], np.cumsum(~same_group)])
    furthest = np.maximum.accumulate(group_number * len(end) + rank)[:-1] % len(end)
    reached: IntColumn = np.where(same_group, end[by_end[furthest]], 0)
    return reached


def _lowest(history: History, order: Indexes, places: Indexes) -> int:
    """Return that of the `places` in `order` whose row has the lowest position."""
    return int(places[np.argmin(history.start_position[order[places]])])


def _end(history: History) -> IntColumn:
    return history.start_position + history.message_count


def _last(batch: OrderedBatch) -> int:
    return batch.start_position + batch.message_count - 1


def _owned(batch: OrderedBatch) -> str:
    return f"{batch.start_position}..{_last(batch)}"


def _name(part: Part, row: int) -> str:
    batch = part.history[row]
    return f"client {part.client(batch.client_id)} batch {batch.batch_seq} at {_owned(batch)}"


def _range(low: int, high: int) -> str:
    return f"{low}..{high}" if low < high else f"{low}"


def _positions(text: str) -> str:
    return f"position{'s' if '..' in text else ''} {text}"


def _relation(earlier: OrderedBatch, later: OrderedBatch) -> str:
    return "comes before" if _last(earlier) < later.start_position else "overlaps"
