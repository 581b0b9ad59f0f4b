"""The history checker against the contract's words taken literally, pair by pair, and against mutants of valid runs."""

from collections.abc import Callable
from itertools import combinations, groupby, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fencepost.model.contract import LEVELS, Level, Verdict, promised
from fencepost.model.histories import History, OrderedBatch, Verification, verify

VIOLATED = Verdict.VIOLATED


def violations(history: History, level: Level) -> dict[str, int]:
    found = verify(history, level).findings
    return {finding.property: finding.count for finding in found if finding.verdict == VIOLATED}


# --- the contract's words, pair by pair --------------------------------------------------------------


def owned(row: OrderedBatch) -> set[int]:
    return set(range(row.start_position, row.start_position + row.message_count))


def is_before(one: OrderedBatch, other: OrderedBatch) -> bool:
    return max(owned(one)) < min(owned(other))


def count_unique(rows: list[OrderedBatch]) -> int:
    return sum(bool(owned(one) & owned(other)) for one, other in combinations(rows, 2))


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


def count_real_time(rows: list[OrderedBatch]) -> int:
    late = {
        index
        for (_, one), (index, other) in permutations(enumerate(rows), 2)
        if one.acked_ns != -1 and other.sent_ns != -1 and one.acked_ns < other.sent_ns and not is_before(one, other)
    }
    return len(late)


def breaks_client_order(rows: list[OrderedBatch]) -> bool:
    return any(
        one.client_id == other.client_id and one.batch_seq < other.batch_seq and not is_before(one, other)
        for one, other in permutations(rows, 2)
    )


def breaks_ring_order(rows: list[OrderedBatch]) -> bool:
    return any(
        one.broker_id == other.broker_id and one.ring_index <= other.ring_index and not is_before(one, other)
        for one, other in permutations(rows, 2)
    )


COUNTS: dict[str, Callable[[list[OrderedBatch]], int]] = {
    "unique": count_unique,
    "dense": count_dense,
    "prefix": count_prefix,
    "once": count_once,
    "real-time": count_real_time,
}
BREAKS: dict[str, Callable[[list[OrderedBatch]], bool]] = {
    "client-order": breaks_client_order,
    "ring-order": breaks_ring_order,
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
def corrupted_rows(draw: st.DrawFn) -> list[OrderedBatch]:
    """Draw a valid run with one cell changed, or one row more or less, in any order of rows."""
    rows = draw(valid_rows())
    place = draw(st.integers(0, len(rows) - 1))
    column = draw(st.sampled_from(OrderedBatch._fields))
    changed = rows[place]._replace(**{column: draw(st.integers(column == "message_count", 12))})
    kept = draw(st.sampled_from([(changed,), (rows[place], changed), ()]))
    return draw(st.permutations([*rows[:place], *kept, *rows[place + 1 :]]))


def findings_of(rows: list[OrderedBatch], level: Level) -> Verification:
    verification = verify(History.from_rows(rows), level)
    named = [finding.property for finding in verification.findings]
    silent = [each.property for each in verification.not_expressible]
    assert sorted(named + silent) == sorted(promised(level))
    return verification


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=250, deadline=None)
@given(rows=st.one_of(st.lists(any_batch, min_size=1, max_size=7), valid_rows(), corrupted_rows()))
def test_every_finding_is_what_the_words_say_pair_by_pair(level: Level, rows: list[OrderedBatch]) -> None:
    for finding in findings_of(rows, level).findings:
        if finding.property in COUNTS:
            assert finding.count == COUNTS[finding.property](rows), finding
        else:
            assert (finding.verdict == VIOLATED) == BREAKS[finding.property](rows), finding
        assert (finding.verdict == VIOLATED) == (finding.count > 0) == (finding.witness is not None)


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=250, deadline=None)
@given(rows=st.one_of(st.lists(any_batch, min_size=2, max_size=7), corrupted_rows()))
def test_a_witness_alone_breaks_its_property(level: Level, rows: list[OrderedBatch]) -> None:
    for finding in findings_of(rows, level).findings:
        if finding.witness is None:
            continue
        assert finding.witness.batches == tuple(rows[row - 1] for row in finding.witness.rows)
        assert len(set(finding.witness.rows)) == len(finding.witness.rows)
        breaks = BREAKS.get(finding.property) or COUNTS[finding.property]
        assert breaks(list(finding.witness.batches)), finding


@pytest.mark.parametrize("level", LEVELS)
@given(rows=st.lists(any_batch, min_size=1, max_size=7), data=st.data())
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
    assert counts == [2] * 6


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


@given(rows=valid_rows(), data=st.data())
def test_a_row_given_twice_is_found(rows: list[OrderedBatch], data: st.DataObject) -> None:
    history = History.from_rows([*rows, data.draw(st.sampled_from(rows))])
    assert violations(history, 4).keys() == {"unique", "once"} | violations(history, 4).keys() & {"real-time"}
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
