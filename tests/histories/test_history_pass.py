"""The pass over rows in C++: against the words pair by pair, against the checks in memory, and against numpy's."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import polars
import pytest
from click.testing import CliRunner
from contract_words import COUNTS, is_history, random_rows, with_copies
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from fencepost import bench
from fencepost.bench.histories import core_time, sound_columns
from fencepost.command_line import cli
from fencepost.model.contract import LEVELS
from fencepost.model.errors import InputError, Miscounted
from fencepost.model.histories import History, OrderedBatch, Rules, verify
from fencepost.model.histories.passes import streaming
from fencepost.model.histories.passes.certifier import Certifier
from fencepost.model.histories.passes.one_pass import Breach, Culprit
from fencepost.model.histories.records import HIGHEST
from fencepost.native.history_pass import HistoryPass
from fencepost.verifying.run import verify_file

NAMES = tuple(COUNTS)


def passed(rows: list[OrderedBatch], piece_size: int, rules: Rules | None = None) -> HistoryPass | None:
    """Return the pass over rows, so many at a time; None where they are in no order."""
    one_pass = HistoryPass(NAMES, rules or Rules(), True)
    columns = History.from_rows(rows).columns
    for first in range(0, len(rows), piece_size):
        piece = {name: column[first : first + piece_size] for name, column in columns.items()}
        size = len(piece["start_position"])
        if not one_pass.add(piece, np.arange(first, first + size)):
            return None
    return one_pass


def hold_against_the_words(rows: list[OrderedBatch], piece_size: int) -> None:
    one_pass = passed(rows, piece_size)
    assert one_pass is not None
    found = one_pass.found()
    for name in COUNTS:
        if name == "real-time" and COUNTS["once"](rows):
            continue  # of copies the times are another pass's
        assert found[name].count == COUNTS[name](rows), (name, rows, piece_size)
        if found[name].count and name not in ("once", "prefix", "dense"):
            assert COUNTS[name]([rows[row] for row in found[name].rows]), (name, rows)
    assert len(one_pass.copies()) == COUNTS["once"](rows)
    numpy_pass = Certifier(NAMES, Rules())
    numpy_pass.add(History.from_rows(rows).columns)
    assert not any(found[name].count for name in numpy_pass.held)


def many_random(count: int, seed: int) -> None:
    random = Random(seed)
    for _ in range(count):
        rows = random_rows(random)
        if rows and is_history(rows) and all(-1 in row[-2:] or row.sent_ns <= row.acked_ns for row in rows):
            rows.sort(key=lambda row: row.start_position)
            hold_against_the_words(rows, random.randint(1, 9))


def test_every_count_is_that_of_the_words_pair_by_pair() -> None:
    many_random(3_000, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_count_is_that_of_the_words_on_a_hundred_thousand() -> None:
    many_random(100_000, seed=2)


crowded = st.lists(
    st.builds(
        OrderedBatch, st.integers(0, 1), st.integers(0, 3), st.integers(0, 1), st.integers(0, 3), st.integers(1, 4),
        st.integers(0, 5), st.integers(0, 4), st.integers(4, 8),
    ),
    min_size=1, max_size=8,
)  # fmt: skip


@settings(max_examples=sized(400), deadline=None)
@given(rows=crowded, piece_size=st.integers(1, 4))
def test_rows_that_meet_and_begin_together_are_counted_as_the_words_say(
    rows: list[OrderedBatch], piece_size: int
) -> None:
    rows.sort(key=lambda row: row.start_position)
    if is_history(rows):
        hold_against_the_words(rows, piece_size)


def write(path: Path, rows: list[OrderedBatch]) -> Path:
    polars.DataFrame([row._asdict() for row in rows]).write_ipc(path)
    return path


def same_as_in_memory(path: Path, rows: list[OrderedBatch], monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, rows)
    with monkeypatch.context() as patch:
        patch.setattr(streaming, "read_log", lambda *arguments: pytest.fail("the file was read whole"))
        for level in LEVELS:
            streamed, whole = verify_file(path, level), verify(History.from_rows(rows), level)
            assert streamed.not_expressible == whole.not_expressible
            for one, other in zip(streamed.findings, whole.findings, strict=True):
                said = [(each.property, each.verdict, each.count, each.bound) for each in (one, other)]
                assert said[0] == said[1], rows
                assert [each.size for each in one.worst] == [each.size for each in other.worst], rows
                if len({row.start_position for row in rows}) == len(rows):
                    assert one.worst == other.worst, rows
                if one.witness is not None:
                    assert len(one.witness.rows) <= 4
                    assert one.witness.batches == tuple(rows[row - 1] for row in one.witness.rows)
                    assert COUNTS[one.property](list(one.witness.batches)), rows


def test_a_violated_file_in_order_is_never_read_whole_and_says_what_memory_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random, wrong = Random(3), 0
    while wrong < 60:
        rows = random_rows(random)
        if not rows or not is_history(rows) or any(-1 not in row[-2:] and row.acked_ns < row.sent_ns for row in rows):
            continue
        rows.sort(key=lambda row: row.start_position)
        same_as_in_memory(tmp_path / "log.arrow", rows, monkeypatch)
        wrong += any(COUNTS[name](rows) for name in COUNTS)


@settings(max_examples=sized(60), deadline=None)
@given(rows=with_copies())
def test_real_time_of_copies_is_that_of_first_copies(
    tmp_path_factory: pytest.TempPathFactory, rows: list[OrderedBatch]
) -> None:
    if any(-1 not in row[-2:] and row.acked_ns < row.sent_ns for row in rows):
        return
    with pytest.MonkeyPatch.context() as patch:
        same_as_in_memory(tmp_path_factory.mktemp("copies") / "log.arrow", rows, patch)


def test_numbers_at_the_signed_limit_are_told_apart() -> None:
    def row(seq: int, start: int) -> OrderedBatch:
        return OrderedBatch(0, seq, 0, seq, 1, start, 0, 1)

    rules = Rules(first_seq=HIGHEST)
    once = passed([row(HIGHEST, 0)], 1, rules)
    assert once is not None
    assert not any(breach.count for breach in once.found().values())
    twice = passed([row(HIGHEST, 0), row(HIGHEST, 1)], 1, rules)
    assert twice is not None
    assert {name for name, breach in twice.found().items() if breach.count} == {"once", "ring-order"}
    gap = passed([row(HIGHEST - 2, 0), row(HIGHEST, 1)], 1, Rules(first_seq=None))
    assert gap is not None
    assert gap.found()["prefix"] == Breach(1, (1,), HIGHEST - 1, (Culprit((1,), 1),))


def test_clients_that_are_words_are_numbered_over_all_pieces(tmp_path: Path) -> None:
    size = 300_000
    frame = polars.DataFrame(
        {
            "client_id": [f"client-{index % 700}" for index in range(size)],
            "batch_seq": [index // 700 for index in range(size)],
            "start_position": list(range(size)),
        }
    )
    frame.write_csv(tmp_path / "log.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "read_log", lambda *arguments: pytest.fail("the file was read whole"))
        assert verify_file(tmp_path / "log.csv", 4).verdict == "not found"
        broken = frame.filter(polars.col("start_position") != 150_000).with_columns(
            start_position=polars.int_range(polars.len())
        )
        broken.write_csv(tmp_path / "log.csv")
        found = verify_file(tmp_path / "log.csv", 4)["prefix"]
        assert found.witness is not None
        assert f"client client-{150_000 % 700}: batch {150_000 // 700 + 1} is ordered" in found.witness.sentence


PEAK = """
import sys, time
from pathlib import Path
from fencepost.verifying.run import verify_file
began_s = time.monotonic()
found = verify_file(sys.argv[1], 4)
assert {each.property for each in found.findings if each.count} == {"dense", "prefix", "once"}, found
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""


def violated(path: Path, size: int) -> Path:
    index = np.arange(size)
    columns = {
        "client_id": index % 1000, "batch_seq": index // 1000, "message_count": np.ones(size, dtype=np.int64),
        "start_position": index.copy(), "sent_ns": index * 10, "acked_ns": index * 10 + 500,
    }  # fmt: skip
    columns["batch_seq"][size // 2] -= 1
    columns["start_position"][size // 3 :] += 1
    polars.DataFrame(columns).write_parquet(path)
    return path


@pytest.mark.parametrize("size", [1_000_000, pytest.param(10_000_000, marks=pytest.mark.slow)])
def test_a_violated_file_takes_bounded_memory(tmp_path: Path, size: int) -> None:
    path = violated(tmp_path / "log.parquet", size)
    ran = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) // 1024 < 512


def test_bench_histories_times_each_kind_of_file_and_holds_it_to_its_verdict() -> None:
    answer = CliRunner().invoke(
        cli, ["bench", "histories", "--rows", "20000", "--repetitions", "1", "--json", "--quiet"]
    )
    assert answer.exit_code == 0, answer.stderr
    document = json.loads(answer.stdout)
    rows = document["results"]
    assert {(row["history"], row["verdict"]) for row in rows} == {
        ("columns", "not found"), ("parquet", "not found"), ("csv", "not found"), ("violated parquet", "violated"),
    }  # fmt: skip
    assert all(row["value"] == row["seconds"]["value"] / row["read_seconds"]["value"] for row in rows)
    assert document["schema"] == "fencepost/bench/2"
    assert document["manifest"]["hardware"]["load_before"] is not None


@pytest.mark.parametrize("rows", [1_000, 1_009])
def test_the_smallest_files_are_what_they_were_made_to_be(rows: int) -> None:
    found = bench.histories(rows=rows, repetitions=1)
    assert [each.row_count for each in found.rows] == [rows // 10] * 4 + [rows] * 4


def test_a_file_that_is_judged_otherwise_than_it_was_made_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("fencepost.bench.histories")  # the function has its name
    monkeypatch.setattr(module, "violated_columns", sound_columns)
    with pytest.raises(Miscounted, match="violated parquet, 1000 rows: found not found, expected violated"):
        bench.histories(quick=True, repetitions=1)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"rows": 999}, "rows is 999"), ({"rows": True}, "rows is True"), ({"rows": 1e6}, "rows is 1000000.0"),
        ({"repetitions": 0}, "repetitions is 0"),
    ],
)  # fmt: skip
def test_rows_and_repetitions_that_cannot_be_timed_are_refused(asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        bench.histories(**asked)


@pytest.mark.slow
def test_the_pass_goes_over_columns_in_log_order_at_a_hundred_million_rows_a_second() -> None:
    core = core_time(sound_columns(10_000_000), repetitions=7)
    assert core.rows_per_second > 100e6
