"""Workloads and histories in files: every format exact, every file whole."""

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path

import polars
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from fencepost.model.errors import FormatError, InputError
from fencepost.model.histories import (
    History,
    Workload,
    read_history,
    read_workload,
    write_history,
    write_workload,
)

HIGHEST = 2**63 - 1
EXTENSIONS = ("csv", "csv.gz", "csv.zst", "csv.bz2", "ndjson", "ndjson.gz", "ndjson.zst", "jsonl", "parquet")
HEADER = "client_id,batch_seq,broker_id,ring_index,message_count,start_position"
ROW = "7,0,1,0,3,0"
word = st.one_of(st.integers(0, 20), st.integers(2**53 - 2, 2**53 + 2), st.integers(HIGHEST - 2, HIGHEST))
time_ns = st.one_of(st.just(-1), word)
arrivals = st.lists(st.tuples(word, word, word, word.filter(bool), word, word), min_size=1, max_size=8)


@st.composite
def ordered_batches(draw: st.DrawFn) -> list[tuple[int, ...]]:
    times = st.tuples(time_ns, time_ns).filter(lambda times: times[1] == -1 or times[0] <= times[1])
    numbers = st.lists(st.tuples(word, word, word, word, times), min_size=1, max_size=8)
    rows = [(*row[:4], *row[4]) for row in draw(numbers)]
    starts = [draw(word.filter(lambda start: start < HIGHEST)) for _ in rows]
    counts = [draw(st.integers(1, HIGHEST - start)) for start in starts]
    return [(*row[:4], count, start, *row[4:]) for row, count, start in zip(rows, counts, starts, strict=True)]


@pytest.mark.parametrize("extension", EXTENSIONS)
@settings(max_examples=sized(25), deadline=None)
@given(rows=ordered_batches())
def test_every_history_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, extension: str, rows: list[tuple[int, ...]]
) -> None:
    path = tmp_path_factory.mktemp("history") / f"run.{extension}"
    history = History.from_rows(rows)
    write_history(path, history)
    assert read_history(path) == history
    assert [tuple(batch) for batch in read_history(path)] == rows


@pytest.mark.parametrize("extension", EXTENSIONS)
@settings(max_examples=sized(25), deadline=None)
@given(rows=arrivals)
def test_every_workload_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, extension: str, rows: list[tuple[int, ...]]
) -> None:
    path = tmp_path_factory.mktemp("workload") / f"run.{extension}"
    workload = Workload.from_rows(sorted(rows, key=lambda row: row[-1]))
    write_workload(path, workload)
    assert read_workload(path) == workload


def test_the_names_of_the_columns_decide_not_their_order(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_text("start_position,message_count,ring_index,broker_id,batch_seq,client_id\n0,3,2,1,0,7\n")
    assert read_history(path)[0] == (7, 0, 1, 2, 3, 0, -1, -1)


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n{ROW}\n",
        f"{HEADER}\n{ROW}",
        f"{HEADER}\r\n{ROW}\r\n",
        f"\ufeff{HEADER}\n{ROW}\n",
        f'"{HEADER.replace(",", chr(34) + "," + chr(34))}"\n"7","0","1","0","3","0"\n',
    ],
    ids=["plain", "no last newline", "CRLF", "byte order mark", "quoted"],
)
def test_the_usual_spellings_of_csv_mean_the_same(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.csv"
    path.write_bytes(text.encode())
    assert list(read_history(path)) == [(7, 0, 1, 0, 3, 0, -1, -1)]


def test_ndjson_takes_integers_as_numbers_or_strings_and_times_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    batch: dict[str, object] = dict(zip(HEADER.split(","), map(int, ROW.split(",")), strict=True))
    as_string, as_number = batch | {"start_position": str(2**60)}, batch | {"start_position": 2**60, "sent_ns": 4}
    path.write_text(json.dumps(as_string) + "\n" + json.dumps(as_number))
    first, second = read_history(path)
    assert first.start_position == second.start_position == 2**60
    assert (first.sent_ns, second.sent_ns) == (-1, 4)


def test_ndjson_writes_integers_above_two_to_the_53_as_strings(tmp_path: Path) -> None:
    path = tmp_path / "run.ndjson"
    write_history(path, History.from_rows([(2**53, 2**53 + 1, 0, 0, 1, 0)]))
    assert '"client_id": 9007199254740992, "batch_seq": "9007199254740993"' in path.read_text()


def test_parquet_of_any_integer_type_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.parquet"
    types = (polars.UInt8, polars.Int16, polars.UInt64, polars.Int8, polars.UInt32, polars.Int64)
    cells = zip(HEADER.split(","), ROW.split(","), types, strict=True)
    polars.DataFrame([polars.Series(name, [int(cell)], kind) for name, cell, kind in cells]).write_parquet(path)
    assert list(read_history(path)) == [(7, 0, 1, 0, 3, 0, -1, -1)]


GZIP = gzip.compress(f"{HEADER}\n{ROW}\n".encode(), mtime=0)
ZSTD = zstandard.ZstdCompressor().compress(f"{HEADER}\n{ROW}\n".encode())


def test_several_compressed_frames_are_one_file(tmp_path: Path) -> None:
    gzipped, zstd = tmp_path / "run.csv.gz", tmp_path / "run.csv.zst"
    gzipped.write_bytes(GZIP + gzip.compress(b"7,1,1,1,1,3\n"))
    zstd.write_bytes(ZSTD + zstandard.ZstdCompressor().compress(b"7,1,1,1,1,3\n"))
    assert len(read_history(gzipped)) == len(read_history(zstd)) == 2


@pytest.mark.parametrize(
    ("extension", "module"), [("parquet", "polars"), ("csv.zst", "zstandard"), ("jsonl.zst", "zstandard")]
)
def test_without_the_extra_the_error_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extension: str, module: str
) -> None:
    path = tmp_path / f"run.{extension}"
    history = History.from_rows([(7, 0, 1, 0, 3, 0)])
    write_history(path, history)
    monkeypatch.setitem(sys.modules, module, None)
    line = f"{path}: this format needs {module}, which is not installed: pip install 'fencepost[frames]'"
    attempts: tuple[Callable[[], object], ...] = (lambda: read_history(path), lambda: write_history(path, history))
    for attempt in attempts:
        with pytest.raises(InputError) as error:
            attempt()
        assert str(error.value) == line


def test_text_formats_need_no_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("polars", "zstandard"):
        monkeypatch.setitem(sys.modules, module, None)
    history = History.from_rows([(7, 0, 1, 0, 3, 0)])
    for extension in ("csv", "csv.gz", "ndjson", "ndjson.gz"):
        write_history(tmp_path / f"run.{extension}", history)
        assert read_history(tmp_path / f"run.{extension}") == history


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_equal_histories_give_equal_bytes(tmp_path: Path, extension: str) -> None:
    first, second = tmp_path / f"a.{extension}", tmp_path / f"b.{extension}"
    for path in (first, second):
        write_history(path, History.from_rows([(7, 0, 1, 0, 3, 0)]))
    assert first.read_bytes() == second.read_bytes()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.csv"
    path.write_text("before")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(FormatError) as error:
        write_history(path, History.from_rows([(7, 0, 1, 0, 3, 0)]))
    assert str(error.value) == f"{path}: cannot be written: No space left on device"
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_goes_through_a_symbolic_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    link.symlink_to(target)
    write_history(link, History.from_rows([(7, 0, 1, 0, 3, 0)]))
    assert link.is_symlink()
    assert len(read_history(target)) == 1


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    history = History.from_rows([(7, 0, 1, 0, 3, 0)])
    with pytest.raises(FormatError, match="cannot be written: Not a directory"):
        write_history(Path("/dev/null/x/run.csv"), history)
    with pytest.raises(FormatError, match=r"unknown format \.xlsx"):
        write_history(tmp_path / "run.xlsx", history)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(FormatError, match="is a directory, expected a file"):
        write_history(tmp_path / "folder.csv", history)
    with pytest.raises(InputError, match="the history has no rows"):
        write_history(tmp_path / "run.csv", History.from_rows([]))
    assert [path.name for path in tmp_path.iterdir()] == ["folder.csv"]
