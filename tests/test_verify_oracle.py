"""The history checker against the contract's words taken literally, pair by pair, and against mutants of valid runs."""

from collections.abc import Callable, Sequence
from itertools import combinations, groupby, permutations
from typing import NamedTuple, TypeVar

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fencepost.model.contract import LEVELS, Level, Verdict, promised
from fencepost.model.errors import InputError
from fencepost.model.histories import History, OrderedBatch, Rules, Verification, certifier, verify

VIOLATED = Verdict.VIOLATED
AnyBatch = TypeVar("AnyBatch")


def violations(history: History, level: Level) -> dict[str, int]:
    found = verify(history, level).findings
    return {finding.property: finding.count for finding in found if finding.verdict == VIOLATED}


# --- the contract's words, pair by pair --------------------------------------------------------------


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


def findings_of(rows: list[OrderedBatch], level: Level) -> Verification:
    verification = verify(History.from_rows(rows), level)
    named = [finding.property for finding in verification.findings]
    silent = [each.property for each in verification.not_expressible]
    assert sorted(named + silent) == sorted([*promised(level), "lost", "invented", "reading"])
    return verification


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=250, deadline=None)
@given(rows=st.one_of(any_rows(1), valid_rows(), with_copies(), corrupted_rows()))
def test_every_finding_is_what_the_words_say_pair_by_pair(level: Level, rows: list[OrderedBatch]) -> None:
    for finding in findings_of(rows, level).findings:
        assert finding.count == COUNTS[finding.property](rows), finding
        assert (finding.verdict == VIOLATED) == (finding.count > 0) == (finding.witness is not None)


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=250, deadline=None)
@given(rows=st.one_of(valid_rows(), with_copies(), corrupted_rows()), piece_size=st.integers(1, 4))
def test_rows_in_position_order_are_certified_by_pieces_only_where_the_words_hold(
    level: Level, rows: list[OrderedBatch], piece_size: int
) -> None:
    rows.sort(key=lambda row: row.start_position)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certifier, "PIECE_SIZE", piece_size)
        for finding in findings_of(rows, level).findings:
            assert finding.count == COUNTS[finding.property](rows), finding


@settings(max_examples=250, deadline=None)
@given(rows=st.one_of(valid_rows(), with_copies(), corrupted_rows()), piece_size=st.integers(1, 4))
def test_what_one_pass_certifies_holds_and_of_a_valid_run_that_is_everything(
    rows: list[OrderedBatch], piece_size: int
) -> None:
    rows.sort(key=lambda row: row.start_position)
    history = History.from_rows(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certifier, "PIECE_SIZE", piece_size)
        one_pass = certifier.Certifier(COUNTS, Rules())
        one_pass.add(history.columns)
    wrong = {name for name in COUNTS if COUNTS[name](rows)}
    assert not one_pass.held & wrong
    if not wrong and all(row.sent_ns != -1 for row in rows) and len(rows) == len(batches(rows)):
        assert one_pass.held == COUNTS.keys()


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=250, deadline=None)
@given(rows=st.one_of(any_rows(2), corrupted_rows()))
def test_a_witness_alone_breaks_its_property(level: Level, rows: list[OrderedBatch]) -> None:
    for finding in findings_of(rows, level).findings:
        if finding.witness is None:
            continue
        assert finding.witness.batches == tuple(rows[row - 1] for row in finding.witness.rows)
        assert len(set(finding.witness.rows)) == len(finding.witness.rows)
        assert COUNTS[finding.property](list(finding.witness.batches)), finding


@pytest.mark.parametrize("level", LEVELS)
@given(rows=any_rows(1), data=st.data())
def test_counts_do_not_depend_on_the_order_of_rows(level: Level, rows: list[OrderedBatch], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(rows))
    assert violations(History.from_rows(shuffled), level) == violations(History.from_rows(rows), level)


def test_a_longer_batch_of_the_same_number_and_start_hides_nothing() -> None:
    def row(seq: int, count: int) -> OrderedBatch:
        return OrderedBatch(
            client_id=0, batch_seq=seq, broker_id=0, ring_index=0, message_count=count, start_position=6
        )

    rows = [row(0, 2), row(1, 1), row(1, 2)]
    counts = [violations(History.from_rows(list(order)), 4)["client-order"] for order in permutations(rows)]
    assert counts == [1] * 6


def adjacent_falls(rows: list[OrderedBatch], group: str, number: str) -> int:
    falls, last = 0, dict[int, int]()
    for row in sorted(rows, key=lambda row: row.start_position):
        falls += getattr(row, number) < last.get(getattr(row, group), -1)
        last[getattr(row, group)] = getattr(row, number)
    return falls


@given(rows=valid_rows(), data=st.data())
def test_where_ranges_are_disjoint_order_counts_the_adjacent_pairs_that_fall(
    rows: list[OrderedBatch], data: st.DataObject
) -> None:
    names = ("client_id", "batch_seq", "broker_id", "ring_index")
    others = data.draw(st.permutations(rows))
    shuffled = [
        row._replace(**{name: getattr(other, name) for name in names}) for row, other in zip(rows, others, strict=True)
    ]
    history = History.from_rows(shuffled)
    assert verify(history, 4)["client-order"].count == adjacent_falls(shuffled, "client_id", "batch_seq")
    assert verify(history, 5)["ring-order"].count == adjacent_falls(shuffled, "broker_id", "ring_index")


# --- mutants of a valid run --------------------------------------------------------------------------


@given(rows=valid_rows(), data=st.data())
def test_a_valid_run_passes_in_any_order_of_rows(rows: list[OrderedBatch], data: st.DataObject) -> None:
    history = History.from_rows(data.draw(st.permutations(rows)))
    assert [violations(history, level) for level in LEVELS] == [{}, {}]


@given(rows=with_copies(), data=st.data())
def test_copies_keep_level_five_in_any_order_of_rows(rows: list[OrderedBatch], data: st.DataObject) -> None:
    assert violations(History.from_rows(data.draw(st.permutations(rows))), 5) == {}


@given(rows=valid_rows(), data=st.data())
def test_a_batch_acknowledged_before_it_was_sent_is_an_error_of_the_file(
    rows: list[OrderedBatch], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(rows) - 1))
    late_ns = rows[place].acked_ns + data.draw(st.integers(1, 5))
    rows[place] = rows[place]._replace(sent_ns=late_ns)
    with pytest.raises(InputError, match=rf"^history, row {place + 1}, column acked_ns: .* at least {late_ns}, when"):
        History.from_rows(rows)


@given(rows=valid_rows(), data=st.data())
def test_a_row_given_twice_is_found(rows: list[OrderedBatch], data: st.DataObject) -> None:
    history = History.from_rows([*rows, data.draw(st.sampled_from(rows))])
    assert violations(history, 4) == {"unique": 1, "once": 1}
    assert violations(history, 5).keys() >= {"unique", "ring-order"}


@given(rows=valid_rows(), data=st.data())
def test_a_batch_ordered_again_at_a_new_place_is_found(rows: list[OrderedBatch], data: st.DataObject) -> None:
    again = data.draw(st.sampled_from(rows))._replace(start_position=rows[-1].start_position + rows[-1].message_count)
    history = History.from_rows([*rows, again])
    assert violations(history, 4)["once"] == 1
    assert violations(history, 5)["ring-order"] == 1
    assert not {"unique", "dense"} & violations(history, 4).keys()


@given(rows=valid_rows(), data=st.data(), shift=st.integers(1, 3))
def test_a_range_moved_forward_leaves_a_hole(rows: list[OrderedBatch], data: st.DataObject, shift: int) -> None:
    place = data.draw(st.integers(0, len(rows) - 1))
    rows[place] = rows[place]._replace(start_position=rows[place].start_position + shift)
    assert "dense" in violations(History.from_rows(rows), 5)


@given(rows=valid_rows(), data=st.data())
def test_a_range_moved_back_meets_the_one_before(rows: list[OrderedBatch], data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(rows) - 1))
    rows[place] = rows[place]._replace(start_position=rows[place].start_position - 1)
    assert "unique" in violations(History.from_rows(rows), 5)


@given(rows=valid_rows(), data=st.data())
def test_two_batches_swapped_are_found(rows: list[OrderedBatch], data: st.DataObject) -> None:
    one, other = sorted(data.draw(st.permutations(range(len(rows))))[:2])
    swapped = rows.copy()
    for column in ("client_id", "batch_seq", "broker_id", "ring_index", "sent_ns", "acked_ns"):
        swapped[one] = swapped[one]._replace(**{column: getattr(rows[other], column)})
        swapped[other] = swapped[other]._replace(**{column: getattr(rows[one], column)})
    history = History.from_rows(swapped)
    if rows[one].client_id == rows[other].client_id:
        assert "client-order" in violations(history, 4)
    if rows[one].broker_id == rows[other].broker_id:
        assert "ring-order" in violations(history, 5)
    if rows[one].acked_ns < rows[other].sent_ns:
        assert "real-time" in violations(history, 5)


@given(rows=valid_rows(), data=st.data())
def test_a_row_lost_is_found(rows: list[OrderedBatch], data: st.DataObject) -> None:
    lost = rows.pop(data.draw(st.integers(0, len(rows) - 2)))
    found = violations(History.from_rows(rows), 4)
    assert found["dense"] == 1
    assert ("prefix" in found) == any(
        row.client_id == lost.client_id and row.batch_seq > lost.batch_seq for row in rows
    )
