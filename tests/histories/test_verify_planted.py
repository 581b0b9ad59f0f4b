"""Every anomaly, planted in the first, a middle and the last row, at 0 and at 2^63: found. Sound runs: nothing."""

from random import Random

import pytest
from contract_words import sound_rows

from fencepost.model.contract import LEVELS, Verdict
from fencepost.model.histories import History, OrderedBatch, Rules, verify
from fencepost.model.histories.records import HIGHEST

SIZE = 40
PROPERTIES = {
    "hole": "dense",
    "overlap": "unique",
    "duplicate": "once",
    "inversion": "client-order",
    "lost-prefix": "prefix",
    "stale-ack": "real-time",
    "ring-inversion": "ring-order",
}


def neighbour(rows: list[OrderedBatch], place: int, column: str) -> int:
    """Return a place beside, whose row has the same value in a column: the next, or of the last the one before."""
    same = [index for index, row in enumerate(rows) if getattr(row, column) == getattr(rows[place], column)]
    index = same.index(place)
    return same[index + 1] if index + 1 < len(same) else same[index - 1]


def swap(rows: list[OrderedBatch], one: int, other: int, *columns: str) -> None:
    values = [{column: getattr(rows[place], column) for column in columns} for place in (other, one)]
    rows[one], rows[other] = rows[one]._replace(**values[0]), rows[other]._replace(**values[1])


def plant(rows: list[OrderedBatch], anomaly: str, place: int) -> None:
    row = rows[place]
    if anomaly == "hole":
        rows[place] = row._replace(message_count=row.message_count - 1, start_position=row.start_position + 1)
    elif anomaly == "overlap" and place < len(rows) - 1:
        rows[place] = row._replace(message_count=row.message_count + 1)
    elif anomaly == "overlap":
        rows[place] = row._replace(start_position=row.start_position - 1)
    elif anomaly == "duplicate":
        rows[place] = row._replace(batch_seq=rows[neighbour(rows, place, "client_id")].batch_seq)
    elif anomaly == "inversion":
        swap(rows, place, neighbour(rows, place, "client_id"), "batch_seq")
    elif anomaly == "ring-inversion":
        swap(rows, place, neighbour(rows, place, "broker_id"), "ring_index")
    elif anomaly == "lost-prefix":
        for index, other in enumerate(rows):
            if index >= place and other.client_id == row.client_id:
                rows[index] = other._replace(batch_seq=other.batch_seq + 1)
    else:
        earlier, later = sorted((place, place + 1 if place + 1 < len(rows) else place - 1))
        rows[earlier] = rows[earlier]._replace(sent_ns=rows[later].acked_ns + 1, acked_ns=rows[later].acked_ns + 1)


def moved(rows: list[OrderedBatch], by: dict[str, int]) -> list[OrderedBatch]:
    return [row._replace(**{name: getattr(row, name) + more for name, more in by.items()}) for row in rows]


@pytest.mark.parametrize("at", ["0", "2^63"])
@pytest.mark.parametrize("place", [0, SIZE // 2, SIZE - 1])
@pytest.mark.parametrize("anomaly", PROPERTIES)
def test_every_anomaly_is_found_wherever_it_is_planted(anomaly: str, place: int, at: str) -> None:
    rows = sound_rows(Random(place), SIZE)
    rows = [row._replace(message_count=2, start_position=2 * index) for index, row in enumerate(rows)]
    by = dict.fromkeys(("start_position", "batch_seq", "ring_index", "sent_ns"), 0)
    if at == "2^63":
        # The furthest that the last row, and what is planted beside it, can be.
        by = {name: HIGHEST - 2 - max(getattr(row, name) for row in rows) for name in by}
        by["sent_ns"] = HIGHEST - 2 - max(row.acked_ns for row in rows)
    by["acked_ns"] = by["sent_ns"]
    rows = moved(rows, by)
    rules = Rules(from_position=by["start_position"], first_seq=by["batch_seq"])
    for level in LEVELS:
        assert verify(History.from_rows(rows), level, rules=rules).verdict == Verdict.NOT_FOUND
    plant(rows, anomaly, place)
    found = verify(History.from_rows(rows), properties=[PROPERTIES[anomaly]], rules=rules).findings[0]
    assert (found.verdict, found.count) == (Verdict.VIOLATED, 1)
    assert found.witness is not None
    assert len(found.witness.rows) <= 4
    # What is missing behind a client's last row is not; before its first, the first that is there says so.
    assert any(abs(each - (place + 1)) <= 12 for each in found.witness.rows)


def no_false_alarm_on(count: int, seed: int) -> None:
    random = Random(seed)
    for _ in range(count):
        rows = sound_rows(random, random.randint(1, 30))
        if random.random() < 0.3:
            random.shuffle(rows)
        for level in LEVELS:
            assert verify(History.from_rows(rows), level).verdict == Verdict.NOT_FOUND, rows


def test_sound_runs_raise_no_alarm() -> None:
    no_false_alarm_on(500, seed=1)


@pytest.mark.slow
def test_ten_thousand_sound_runs_raise_no_alarm() -> None:
    no_false_alarm_on(10_000, seed=2)
