"""The history checker against the contract's words taken literally, pair by pair, and against mutants of valid runs."""

from itertools import permutations
from random import Random

import pytest
from contract_words import (
    COUNTS,
    any_rows,
    batches,
    corrupted_rows,
    is_history,
    random_rows,
    valid_rows,
    with_copies,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from fencepost.model.contract import LEVELS, Level, Verdict, promised
from fencepost.model.errors import InputError
from fencepost.model.histories import History, OrderedBatch, Rules, Verification, verify
from fencepost.model.histories.passes import certifier

VIOLATED = Verdict.VIOLATED


def violations(history: History, level: Level) -> dict[str, int]:
    found = verify(history, level).findings
    return {finding.property: finding.count for finding in found if finding.verdict == VIOLATED}


def findings_of(rows: list[OrderedBatch], level: Level) -> Verification:
    verification = verify(History.from_rows(rows), level)
    named = [finding.property for finding in verification.findings]
    silent = [each.property for each in verification.not_expressible]
    assert sorted(named + silent) == sorted([*promised(level), "lost", "invented", "reading"])
    return verification


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=sized(250), deadline=None)
@given(rows=st.one_of(any_rows(1), valid_rows(), with_copies(), corrupted_rows()))
def test_every_finding_is_what_the_words_say_pair_by_pair(level: Level, rows: list[OrderedBatch]) -> None:
    for finding in findings_of(rows, level).findings:
        assert finding.count == COUNTS[finding.property](rows), finding
        assert (finding.verdict == VIOLATED) == (finding.count > 0) == (finding.witness is not None)


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=sized(250), deadline=None)
@given(rows=st.one_of(valid_rows(), with_copies(), corrupted_rows()), piece_size=st.integers(1, 4))
def test_rows_in_position_order_are_certified_by_pieces_only_where_the_words_hold(
    level: Level, rows: list[OrderedBatch], piece_size: int
) -> None:
    rows.sort(key=lambda row: row.start_position)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certifier, "PIECE_SIZE", piece_size)
        for finding in findings_of(rows, level).findings:
            assert finding.count == COUNTS[finding.property](rows), finding


@settings(max_examples=sized(250), deadline=None)
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
@settings(max_examples=sized(250), deadline=None)
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


# --- many random histories, without a search for small ones ------------------------------------------------


def agree_on(count: int, seed: int) -> tuple[int, int]:
    """Hold the checker against the words on so many histories; return how many are sound, and how many are not."""
    random, sound, wrong = Random(seed), 0, 0
    while sound + wrong < count:
        rows = random_rows(random)
        if not rows or not is_history(rows):
            continue
        expected = {name: found for name in COUNTS if (found := COUNTS[name](rows))}
        history = History.from_rows(rows)
        said = {name: found for level in LEVELS for name, found in violations(history, level).items()}
        assert said == expected, rows
        sound, wrong = sound + (not expected), wrong + bool(expected)
    return sound, wrong


def test_the_checker_agrees_with_the_words_on_random_histories() -> None:
    sound, wrong = agree_on(2_000, seed=1)
    assert min(sound, wrong) > 500


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_checker_agrees_with_the_words_on_a_hundred_thousand_random_histories() -> None:
    sound, wrong = agree_on(100_000, seed=2)
    assert min(sound, wrong) > 10_000
