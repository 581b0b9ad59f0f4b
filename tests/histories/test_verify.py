"""The history checker: recorded runs, how violations are counted and said, and what no history can show."""

import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from fencepost.model.contract import LEVELS, PROPERTIES, Level, Verdict, promised
from fencepost.model.errors import InputError
from fencepost.model.histories import History, OrderedBatch, read_history, verify
from fencepost.model.histories.rules import BEYOND_A_HISTORY, HISTORY_PROPERTIES

DATA = Path(__file__).parents[2] / "examples" / "data"
PASSES, VIOLATED = Verdict.NOT_FOUND, Verdict.VIOLATED


def batch(client: int, seq: int, start: int, *, count: int = 1, ring: tuple[int, int] = (0, 0)) -> OrderedBatch:
    return OrderedBatch(client, seq, *ring, count, start)


def violations(history: History, level: Level) -> dict[str, int]:
    found = verify(history, level).findings
    return {finding.property: finding.count for finding in found if finding.verdict == VIOLATED}


def sentence(rows: Iterable[OrderedBatch], name: str) -> str:
    finding = next(
        finding
        for level in LEVELS
        for finding in verify(History.from_rows(rows), level).findings
        if finding.property == name
    )
    assert finding.witness is not None
    return finding.witness.sentence


# --- recorded runs ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "level", "expected"),
    [
        ("redis-order5-history.csv", 5, {}),
        ("redis-order5-history.csv", 4, {"client-order": 118}),
        ("redis-order4-history.csv", 4, {}),
        ("redis-order4-history.csv", 5, {"ring-order": 197}),
    ],
)
def test_the_recorded_runs_keep_and_break_what_they_are_known_to(
    name: str, level: Level, expected: dict[str, int]
) -> None:
    history = read_history(DATA / name)
    assert violations(history, level) == expected
    assert verify(history, level).verdict == (VIOLATED if expected else PASSES)


def test_a_recorded_violation_is_shown_with_its_rows() -> None:
    history = read_history(DATA / "redis-order5-history.csv")
    finding = verify(history, 4)["client-order"]
    assert finding.bound == "1 run, 4200 batches"
    assert finding.witness is not None
    assert finding.witness.sentence == "client 1037: batch 15 at 1916..1917 comes before batch 3 at 1918..2398"
    assert finding.witness.batches == tuple(history[row - 1] for row in finding.witness.rows)
    assert [(row.client_id, row.batch_seq) for row in finding.witness.batches] == [(1037, 15), (1037, 3)]


# --- how each violation is counted and said ------------------------------------------------------------


def test_one_long_range_over_three_short_ones_is_one_culprit() -> None:
    rows = [batch(1, 0, 0, count=10), batch(2, 0, 2), batch(3, 0, 5), batch(4, 0, 8), batch(5, 0, 10)]
    assert violations(History.from_rows(rows), 4)["unique"] == 1
    assert sentence(rows, "unique") == "client 1 batch 0 at 0..9 and client 2 batch 0 at 2..2 share position 2"


def test_a_long_range_is_found_behind_others_that_are_fine() -> None:
    rows = [batch(1, 0, 0, count=8), batch(2, 0, 8, count=9), batch(3, 0, 9, count=3)]
    assert sentence(rows, "unique") == "client 2 batch 0 at 8..16 and client 3 batch 0 at 9..11 share positions 9..11"


def test_a_hole_is_said_with_its_neighbours() -> None:
    rows = [batch(1, 0, 0, count=4), batch(1, 1, 6), batch(1, 2, 8)]
    assert violations(History.from_rows(rows), 4) == {"dense": 2}
    assert sentence(rows, "dense") == (
        "positions 4..5 belong to no batch, between client 1 batch 0 at 0..3 and client 1 batch 1 at 6..6"
    )
    assert (
        sentence(rows[:1] + rows[2:], "prefix") == "client 1: batch 2 is ordered at 8..8, but batch 1 before it is not"
    )


def test_a_hole_at_the_very_start_is_a_hole() -> None:
    assert (
        sentence([batch(1, 0, 1)], "dense") == "position 0 belongs to no batch: the first is client 1 batch 0 at 1..1"
    )


def test_a_hole_under_a_long_range_is_none() -> None:
    rows = [batch(1, 0, 0, count=10), batch(2, 0, 1), batch(3, 0, 10)]
    assert "dense" not in violations(History.from_rows(rows), 4)


def test_client_order_is_said_with_both_batches() -> None:
    rows = [batch(1, 0, 0, count=64), batch(1037, 0, 129), batch(1037, 2, 64), batch(1037, 1, 65, count=64)]
    assert sentence(rows, "client-order") == "client 1037: batch 2 at 64..64 comes before batch 1 at 65..128"
    assert violations(History.from_rows(rows), 4) == {"client-order": 2}


def test_batches_of_one_client_that_overlap_are_in_no_order() -> None:
    rows = [batch(1, 1, 0, count=9), batch(1, 1, 1), batch(1, 2, 5)]
    assert sentence(rows, "client-order") == "client 1: batch 1 at 0..8 overlaps batch 2 at 5..5"


def test_a_place_in_a_ring_holds_one_batch() -> None:
    rows = [batch(1, 0, 0, ring=(3, 5)), batch(1, 0, 1, ring=(3, 5))]
    assert sentence(rows, "ring-order") == "ring of broker 3: index 5 is ordered at 0..0 and again at 1..1"
    assert sentence(rows, "once") == "client 1: batch 0 is ordered at 0..0 and again at 1..1"
    assert violations(History.from_rows(rows), 4) == {"once": 1}


def test_ring_order_is_said_with_both_places() -> None:
    rows = [batch(1, 0, 0, ring=(3, 5)), batch(1, 1, 1, ring=(3, 4)), batch(2, 0, 2, ring=(0, 0))]
    assert sentence(rows, "ring-order") == "ring of broker 3: index 5 at 0..0 comes before index 4 at 1..1"


def test_a_batch_ordered_three_times_is_two_too_many() -> None:
    rows = [batch(1, 0, position) for position in range(3)]
    assert violations(History.from_rows(rows), 4) == {"once": 2}


def test_a_missing_start_of_a_client_is_one_gap_however_long() -> None:
    rows = [batch(1, 5, 0), batch(2, 0, 1), batch(1, 9, 2)]
    assert violations(History.from_rows(rows), 4) == {"prefix": 2}
    assert sentence(rows, "prefix") == "client 1: batch 5 is ordered at 0..0, but batches 0..4 before it are not"


def test_real_time_is_said_with_both_instants() -> None:
    late, early = batch(1, 0, 4)._replace(sent_ns=0, acked_ns=10), batch(2, 0, 0, count=4)._replace(sent_ns=11)
    assert sentence([late, early], "real-time") == (
        "client 1 batch 0 at 4..4 was acked at 10 ns, before client 2 batch 0 at 0..3 was sent at 11 ns, "
        "but is not ordered before it"
    )
    at_once = [late, early._replace(sent_ns=10), batch(3, 0, 5)._replace(sent_ns=12)]
    assert verify(History.from_rows(at_once), 5)["real-time"].bound == "1 run, 3 batches"


SIZE = 20_000


def long_run() -> list[OrderedBatch]:
    """Return a sound run in which most batches are sent after most others were acknowledged."""
    return [
        OrderedBatch(index % 4, index // 4, index % 2, index // 2, 1, index, 10 * index, 10 * index + 25)
        for index in range(SIZE)
    ]


def moved(rows: list[OrderedBatch], index: int, *, onto: int) -> list[OrderedBatch]:
    return [*rows[:index], rows[index]._replace(start_position=onto), *rows[index + 1 :]]


def again(row: OrderedBatch, *, at: int) -> OrderedBatch:
    return row._replace(start_position=at, ring_index=SIZE)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([*long_run(), long_run()[7]], {"unique": 1, "once": 1}),
        ([*long_run(), again(long_run()[7], at=SIZE)], {"once": 1}),
        ([*long_run(), again(long_run()[SIZE // 2], at=SIZE)], {"once": 1}),
        (moved(long_run(), 7, onto=SIZE), {"dense": 1, "client-order": 1, "real-time": 1}),
        (moved(long_run(), SIZE - 8, onto=0), {"unique": 1, "dense": 1, "client-order": 2, "real-time": 2}),
        ([*long_run()[:-1], long_run()[-1]._replace(message_count=SIZE, start_position=0)], {"unique": 1, "dense": 0}),
    ],
    ids=["row twice", "copy of an early batch", "copy", "early batch last", "late batch first", "one range over all"],
)
def test_one_thing_wrong_in_a_long_run_is_one_finding_and_not_all_that_it_passed(
    rows: list[OrderedBatch], expected: dict[str, int]
) -> None:
    found = violations(History.from_rows(rows), 4)
    assert {name: found.get(name, 0) for name in expected} == expected
    assert sum(found.values()) <= 6


def test_a_copy_acknowledged_with_its_batch_accuses_nobody() -> None:
    rows = [(1, 0, 0, 0, 1, 0, 0, 10), (2, 0, 1, 0, 1, 1, 20, 30), (1, 0, 0, 1, 1, 2, 0, 10)]
    history = History.from_rows(rows)
    assert violations(history, 5) == {}
    assert verify(history, 5)["real-time"].bound == "1 run, 3 batches"
    swapped = [OrderedBatch(*row)._replace(start_position=1 - index) for index, row in enumerate(rows[:2])]
    assert violations(History.from_rows(swapped), 5) == {"real-time": 1}


def test_an_acknowledgement_that_only_a_copy_records_is_shown_with_its_row() -> None:
    rows = [batch(1, 0, 1)._replace(sent_ns=0), batch(2, 0, 0)._replace(sent_ns=9), batch(1, 0, 2)._replace(acked_ns=5)]
    witness = verify(History.from_rows(rows), 5)["real-time"].witness
    assert witness is not None
    assert witness.rows == (1, 3, 2)
    assert "client 1 batch 0 at 1..1 was acked at 5 ns" in witness.sentence


def test_a_batch_acked_before_it_was_sent_is_an_error_with_its_row() -> None:
    row = batch(1, 0, 0)._replace(sent_ns=100, acked_ns=1)
    with pytest.raises(InputError) as error:
        History.from_rows([batch(2, 0, 1), row])
    assert str(error.value) == (
        "history, row 2, column acked_ns: found 1, expected at least 100, when its batch was first sent:"
        " nothing is acked before it is sent"
    )
    copy_of_its_own_send = [row._replace(sent_ns=0), row]
    assert len(History.from_rows(copy_of_its_own_send)) == 2


def test_numbers_at_the_signed_limit_are_compared_exactly() -> None:
    top = 2**63 - 1
    rows = [batch(top, top, top - 3, count=2), batch(top, top - 1, top - 1), batch(top - 1, 0, top - 4)]
    assert violations(History.from_rows(rows), 4) == {"dense": 1, "client-order": 1, "prefix": 1}
    assert sentence(rows, "client-order") == (
        f"client {top}: batch {top} at {top - 3}..{top - 2} comes before batch {top - 1} at {top - 1}..{top - 1}"
    )


# --- what a history cannot show --------------------------------------------------------------------------


def test_what_no_history_can_show_is_listed_with_the_reason() -> None:
    verification = verify(History.from_rows([batch(1, 0, 0)]), 5)
    assert [finding.property for finding in verification.findings] == ["unique", "dense", "ring-order"]
    assert verification["unique"].bound == "1 run, 1 batch"
    reasons = {each.property: each.reason for each in verification.not_expressible}
    assert reasons["real-time"] == "no sent_ns"
    assert reasons["contiguous"] == "a row holds the range of a batch, not the position of each message"
    assert reasons.keys() | {"unique", "dense", "ring-order"} == {*promised(5), "lost", "invented", "reading"}


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ((5, -1), "no acked_ns"),
        ((-1, 5), "no sent_ns"),
        ((5, 5), "no batch was acked before another was sent"),
    ],
)
def test_real_time_does_not_hold_for_want_of_events(times: tuple[int, int], reason: str) -> None:
    row = batch(1, 0, 0)._replace(sent_ns=times[0], acked_ns=times[1])
    reasons = {each.property: each.reason for each in verify(History.from_rows([row]), 4).not_expressible}
    assert reasons["real-time"] == reason


CHOICES = ", ".join(HISTORY_PROPERTIES)


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (["ack-safe"], f"no history can express ack-safe ({BEYOND_A_HISTORY['ack-safe']}): expected some of {CHOICES}"),
        (["fast"], f"unknown property 'fast': expected one of {CHOICES}"),
        ([], f"no property asked for: expected some of {CHOICES}"),
    ],
)
def test_a_property_asked_for_in_vain_is_an_error_that_lists_the_choices(names: list[str], line: str) -> None:
    history = History.from_rows([batch(1, 0, 0)])
    for asked, without in ((names, []), (None, names or list(HISTORY_PROPERTIES))):
        with pytest.raises(InputError) as error:
            verify(history, 4, properties=asked, without=without)
        assert str(error.value) == line


def test_what_is_named_and_cannot_be_shown_is_unknown_and_of_a_level_it_is_said() -> None:
    history = History.from_rows([batch(1, 0, 0)])
    named = verify(history, properties=["unique", "real-time"])
    assert [(each.property, each.verdict, each.bound) for each in named.findings] == [
        ("unique", PASSES, "1 run, 1 batch"),
        ("real-time", Verdict.UNKNOWN, "no sent_ns"),
    ]
    assert named.verdict is Verdict.UNKNOWN
    assert verify(history, 4).verdict is PASSES


def test_properties_of_both_levels_can_be_asked_for_and_left_out() -> None:
    history = History.from_rows([batch(1, 1, 0, ring=(0, 1)), batch(1, 0, 1, ring=(0, 0))])
    mixed = verify(history, properties=["ring-order", "client-order"])
    assert [each.property for each in mixed.findings] == ["ring-order", "client-order"]
    left = verify(history, 4, without=["client-order"])
    assert [each.property for each in left.findings] == ["unique", "dense", "prefix", "once"]
    with pytest.raises(InputError, match="nothing is asked: expected a level"):
        verify(history)


def test_only_what_is_asked_for_is_answered_in_contract_order() -> None:
    history = History.from_rows([batch(1, 0, 0)])
    asked = verify(history, 4, properties=["once", "unique", "once"])
    assert [finding.property for finding in asked.findings] == ["unique", "once"]
    assert asked.not_expressible == ()
    assert [finding.property for finding in verify(history, 4, properties="dense").findings] == ["dense"]


def test_an_unknown_level_and_an_empty_history_are_refused() -> None:
    with pytest.raises(InputError, match="unknown level 3: expected one of 4, 5"):
        verify(History.from_rows([batch(1, 0, 0)]), 3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="the history has no batches"):
        verify(History.from_rows([]), 4)


def test_every_property_of_the_contract_is_checked_or_said_to_be_out_of_reach() -> None:
    row = batch(1, 0, 0)._replace(sent_ns=0, acked_ns=1)
    history = History.from_rows([row, batch(1, 1, 1, ring=(0, 1))._replace(sent_ns=2)])
    settled = [verify(history, level) for level in LEVELS]
    named = {finding.property for each in settled for finding in each.findings}
    silent = {every.property for each in settled for every in each.not_expressible}
    assert named | silent == PROPERTIES.keys() | HISTORY_PROPERTIES.keys()
    assert not named & silent


@pytest.mark.parametrize("level", LEVELS)
def test_a_million_batches_are_verified_in_seconds(level: Level) -> None:
    size, clients, brokers = 1_000_000, 1000, 4
    index, rng = np.arange(size), np.random.default_rng(1)
    count = rng.integers(1, 100, size)
    columns = {
        "client_id": index % clients,
        "batch_seq": index // clients,
        "broker_id": index % brokers,
        "ring_index": index // brokers,
        "message_count": count,
        "start_position": np.cumsum(count) - count,
        "sent_ns": index * 10,
        "acked_ns": index * 10 + 500,
    }
    rows = rng.permutation(size)
    history = History.from_columns({name: column[rows] for name, column in columns.items()})
    before = time.perf_counter()
    verification = verify(history, level)
    assert verification.verdict == PASSES
    assert time.perf_counter() - before < 20


def test_a_send_of_a_copy_is_no_event_that_real_time_is_about() -> None:
    rows = [(0, 0, 0, 0, 1, 0, 0, 0), (0, 1, 0, 1, 1, 1, 0, 1), (0, 1, 0, 2, 1, 2, 1, 1)]
    found = verify(History.from_rows(rows), 5)
    reasons = {each.property: each.reason for each in found.not_expressible}
    assert reasons["real-time"] == "no batch was acked before another was sent"
