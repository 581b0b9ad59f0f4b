"""Bad files: every one is refused with one line that says where and what."""

import gzip
import json
from pathlib import Path

import polars
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from fencepost.model.errors import FormatError
from fencepost.model.histories import History, Workload, read_history, read_workload, write_history

HIGHEST = 2**63 - 1
EXTENSIONS = ("csv", "csv.gz", "csv.zst", "ndjson", "ndjson.gz", "ndjson.zst", "jsonl", "parquet")
HEADER = "client_id,batch_seq,broker_id,ring_index,message_count,start_position"
ROW = "7,0,1,0,3,0"
GZIP = gzip.compress(f"{HEADER}\n{ROW}\n".encode(), mtime=0)
ZSTD = zstandard.ZstdCompressor().compress(f"{HEADER}\n{ROW}\n".encode())
COLUMNS = (
    "expected a history's columns client_id, batch_seq, broker_id, ring_index, message_count, start_position, "
    "optionally sent_ns, acked_ns"
)


def history_line(**changes: object) -> str:
    names = HEADER.split(",")
    return json.dumps(dict(zip(names, map(int, ROW.split(",")), strict=True)) | changes)


def csv_cases() -> list[tuple[str, str]]:
    plain = f"expected an integer from 0 to {HIGHEST}, written in plain digits"
    spelled = ["1.0", "1e3", " 1", "+1", "", "NaN", "007", "1_0", "-", "0x1", "٣"]
    cases = [
        (f"{HEADER}\n{ROW}\n{cell},0,1,1,1,3\n", f", row 2, column client_id: found {cell!r}, {plain}")
        for cell in spelled
    ]
    return cases + [
        ("", ": the file is empty, expected the rows of a history"),
        ("\n\n", ": the file is empty, expected the rows of a history"),
        (f"{HEADER}\n", ": no rows, expected at least one"),
        (f"colour,{HEADER}\n1,{ROW}\n", f", row 0, column colour: unknown column, {COLUMNS}"),
        (f"{ROW}\n", f", row 0, column 7: unknown column, {COLUMNS}"),
        (
            f"{HEADER.replace(',', ';')}\n",
            f", row 0, column {HEADER.replace(',', ';')[:40]!r}... (69 characters): unknown column, {COLUMNS}",
        ),
        (HEADER.replace("client_id,", ""), f", row 0, column client_id: column is missing, {COLUMNS}"),
        (f"{HEADER},client_id\n{ROW},7\n", ", row 0, column client_id: column given twice, expected it once"),
        (f"{HEADER}\n{ROW}\n7,1,1,1,3\n", ", row 2: found 5 values, expected 6 as in the header"),
        (f"{HEADER}\n{ROW},1\n", ", row 1: found 7 values, expected 6 as in the header"),
        (f"{HEADER}\n{ROW}\n\n", ", row 2: found an empty line, expected 6 as in the header"),
        (f'{HEADER}\n{ROW}\n"7,1', ", row 2: not CSV: unexpected end of data"),
        (
            f"{HEADER}\n{ROW}\n-7,1,1,1,1,3\n",
            f", row 2, column client_id: found -7, expected an integer from 0 to {HIGHEST}",
        ),
        (
            f"{HEADER}\n7,0,1,0,0,0\n",
            f", row 1, column message_count: found 0, expected an integer from 1 to {HIGHEST}",
        ),
        (
            f"{HEADER},sent_ns\n{ROW},-2\n",
            f", row 1, column sent_ns: found -2, expected an integer from -1 (never) to {HIGHEST}",
        ),
        (
            f"{HEADER}\n{'9' * 6000},0,1,0,3,0\n",
            f", row 1, column client_id: found {'9' * 40}... (6000 characters), "
            f"expected an integer from 0 to {HIGHEST}",
        ),
        (
            f"{HEADER}\n{'x' * 6000},0,1,0,3,0\n",
            f", row 1, column client_id: found '{'x' * 40}'... (6000 characters), {plain}",
        ),
    ]


@pytest.mark.parametrize(("text", "line"), csv_cases())
def test_a_bad_csv_is_one_line_that_says_where_and_what(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "run.csv"
    path.write_bytes(text.encode())
    with pytest.raises(FormatError) as error:
        read_history(path)
    assert str(error.value) == f"{path}{line}"


def test_a_position_past_the_signed_limit_names_row_and_column(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_text(f"{HEADER}\n{ROW}\n7,1,1,1,1,{2**63}\n")
    with pytest.raises(FormatError) as error:
        read_history(path)
    expected = f"found {2**63}, expected an integer from 0 to {HIGHEST}"
    assert str(error.value) == f"{path}, row 2, column start_position: {expected}"
    assert (error.value.path, error.value.row, error.value.column) == (path, 2, "start_position")


@pytest.mark.parametrize("extension", ["csv", "ndjson", "parquet"])
def test_a_range_past_the_signed_limit_names_row_and_column(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"run.{extension}"
    row = {**dict.fromkeys(HEADER.split(","), 0), "message_count": 3, "start_position": HIGHEST - 2}
    if extension == "csv":
        path.write_text(f"{HEADER}\n0,0,0,0,3,{HIGHEST - 2}\n")
    elif extension == "ndjson":
        path.write_text(json.dumps(row))
    else:
        polars.DataFrame([row]).write_parquet(path)
    with pytest.raises(FormatError) as error:
        read_history(path)
    expected = f"found {HIGHEST - 2}, expected start_position + message_count (3) to be at most {HIGHEST}"
    assert str(error.value) == f"{path}, row 1, column start_position: {expected}"


def test_a_workload_out_of_arrival_order_names_the_row(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_text(",".join(Workload.COLUMNS) + "\n1,0,0,1,0,5\n1,1,7,1,0,3\n1,2,0,1,0,4\n")
    expected = "row 3, column arrival_ns: found 4, expected at least 5 as in its broker's row before"
    with pytest.raises(FormatError, match=expected):
        read_workload(path)


def test_brokers_may_follow_each_other_in_a_workload(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_text(",".join(Workload.COLUMNS) + "\n1,0,0,1,0,5\n1,2,0,1,0,9\n1,1,7,1,0,3\n")
    assert read_workload(path).ring_index.tolist() == [0, 1, 0]


def ndjson_cases() -> list[tuple[str, str]]:
    good = history_line()
    integer = f"expected an integer from 0 to {HIGHEST}"
    values = [(True, "true"), (None, "null"), ([[1]], '[["1"]]'), ({"a": 2.5}, '{"a": "2.5"}')]
    spelled = [(1.5, "1.5"), (float("nan"), "NaN"), ("", ""), ("1.0", "1.0"), (" 1", " 1"), (1e300, "1e+300")]
    plain = "written in plain digits"
    return [
        *((history_line(client_id=it), f", row 1, column client_id: found {text}, {integer}") for it, text in values),
        *(
            (history_line(client_id=it), f", row 1, column client_id: found {text!r}, {integer}, {plain}")
            for it, text in spelled
        ),
        ("", ": the file is empty, expected the rows of a history"),
        (f"{good}\n\n{good}", ", row 2: found an empty line, expected one JSON object"),
        (f"{good}\n[1, 2]", ", row 2: found '[1, 2]', expected one JSON object"),
        (
            f"{good}\n{good[:-1]}",
            f", row 2: found {good[:40]!r}... ({len(good) - 1} characters), expected one JSON object "
            f"(Expecting ',' delimiter: line 1 column {len(good)} (char {len(good) - 1}))",
        ),
        (
            "[" * 100_000,
            f", row 1: found '{'[' * 40}'... (100000 characters), expected one JSON object (nested too deeply)",
        ),
        (history_line(colour=1), f", row 1, column colour: unknown column, {COLUMNS}"),
        ('{"client_id": 1}', f", row 1, column batch_seq: column is missing, {COLUMNS}"),
        (f'{good[:-1]}, "client_id": 7}}', ", row 1, column client_id: column given twice, expected it once"),
        (history_line(client_id=2**63), f", row 1, column client_id: found {2**63}, {integer}"),
        (history_line(client_id=str(2**63)), f", row 1, column client_id: found {2**63}, {integer}"),
        (f"{good}\n{history_line(client_id=-3)}", f", row 2, column client_id: found -3, {integer}"),
    ]


@pytest.mark.parametrize(("text", "line"), ndjson_cases())
def test_a_bad_ndjson_is_one_line_that_says_where_and_what(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "run.ndjson"
    path.write_text(text)
    with pytest.raises(FormatError) as error:
        read_history(path)
    assert str(error.value) == f"{path}{line}"


def parquet_cases() -> list[tuple[dict[str, object], str]]:
    row: dict[str, object] = dict(zip(HEADER.split(","), ([int(cell)] * 3 for cell in ROW.split(",")), strict=True))
    integer = f"expected an integer from 0 to {HIGHEST}"
    return [
        ({**row, "client_id": [1.0, 2.0, 3.0]}, ", column client_id: found type Float64, expected Int64"),
        ({**row, "client_id": ["1", "2", "3"]}, ", column client_id: found type String, expected Int64"),
        ({**row, "client_id": [True] * 3}, ", column client_id: found type Boolean, expected Int64"),
        ({**row, "client_id": [1, None, 3]}, f", row 2, column client_id: found null, {integer}"),
        ({**row, "client_id": [1, 2, -3]}, f", row 3, column client_id: found -3, {integer}"),
        (
            {**row, "client_id": polars.Series([1, 2, 2**63], dtype=polars.UInt64)},
            f", row 3, column client_id: found {2**63}, {integer}",
        ),
        ({**row, "colour": [1, 2, 3]}, f", column colour: unknown column, {COLUMNS}"),
        ({"client_id": [1]}, f", column batch_seq: column is missing, {COLUMNS}"),
        (dict.fromkeys(row, polars.Series([], dtype=polars.Int64)), ": no rows, expected at least one"),
    ]


@pytest.mark.parametrize(("columns", "line"), parquet_cases())
def test_a_bad_parquet_is_one_line_that_says_where_and_what(
    tmp_path: Path, columns: dict[str, object], line: str
) -> None:
    path = tmp_path / "run.parquet"
    polars.DataFrame(columns).write_parquet(path)
    with pytest.raises(FormatError) as error:
        read_history(path)
    assert str(error.value) == f"{path}{line}"


@pytest.mark.parametrize(
    ("name", "data", "line"),
    [
        ("a.csv.gz", b"plain", "not gzip data: Not a gzipped file (b'pl')"),
        ("a.csv.gz", GZIP[:-9], "truncated gzip data: expected an end-of-stream marker"),
        ("a.csv.gz", b"", "the file is empty, expected the rows of a history"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "the file is empty, expected the rows of a history"),
        ("a.csv.zst", b"plain", "not zstd data: zstd decompressor error: Unknown frame descriptor"),
        ("a.csv.zst", ZSTD[:-1], "truncated zstd data: expected the end of a frame"),
        ("a.csv", f"{HEADER}\n7,\xff".encode("latin-1"), "found byte 0xff in line 2, expected UTF-8 text"),
        ("a.csv", GZIP, "found byte 0x8b in line 1, expected UTF-8 text"),
        ("a.parquet", b"plain", "not a Parquet file: expected it to start with PAR1"),
        ("a.parquet", b"PAR1....", "truncated Parquet file: expected it to end with PAR1"),
        (
            "a.txt",
            b"1",
            "unknown format .txt, expected .csv, .ndjson, .jsonl (each also with .gz, .zst or .bz2) or .parquet",
        ),
        (
            "a",
            b"1",
            "unknown format without an extension, "
            "expected .csv, .ndjson, .jsonl (each also with .gz, .zst or .bz2) or .parquet",
        ),
        (
            "a.parquet.gz",
            b"1",
            "unknown format .parquet.gz, expected .parquet alone: it is compressed inside",
        ),
    ],
    ids=lambda value: f"{len(value)} bytes" if isinstance(value, bytes) else None,
)
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str, data: bytes, line: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(FormatError) as error:
        read_history(path)
    assert str(error.value) == f"{path}: {line}"


def test_a_missing_file_and_a_directory_are_said_to_be_that(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"none\.csv: no such file$"):
        read_workload(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(FormatError, match=r"folder\.csv: is a directory, expected a file$"):
        read_workload(str(tmp_path / "folder.csv"))


@settings(max_examples=sized(150), deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_and_never_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damaged") / f"run.{data.draw(st.sampled_from(EXTENSIONS))}"
    write_history(path, History.from_rows([(7, seq, 1, seq, 1, seq) for seq in range(5)]))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        read_history(path)
    except FormatError as error:
        assert str(error).startswith(str(path))  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize("extension", ["csv.gz", "csv.zst", "parquet"])
def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"run.{extension}"
    write_history(path, History.from_rows([(7, seq, 1, seq, 1, seq) for seq in range(5)]))
    content = path.read_bytes()
    for size in range(0, len(content), max(1, len(content) // 100)):
        path.write_bytes(content[:size])
        with pytest.raises(FormatError):
            read_history(path)
