"""Files that no log can be read from: refused in one line that names the file, within 256 MiB and 2 s of work."""

import bz2
import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars
import pytest
import zstandard
from commands import run

MEMORY_MIB, WORK_SECONDS = 256, 2.0
MEASURED = """
import sys, time
from pathlib import Path
from fencepost.__main__ import main
try:
    main()
finally:
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    print("measured", int(peak) // 1024, time.process_time(), file=sys.stderr)
"""


def refused(path: Path) -> str:
    """Return what is said of a file, by a command that stays within its bounds."""
    command = [sys.executable, "-c", MEASURED, "verify", "--level", "4", "--quiet", str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    lines = ran.stderr.splitlines()
    assert ran.returncode == 2, (ran.stdout, ran.stderr)
    measured = lines[-1].split()
    assert int(measured[1]) <= MEMORY_MIB
    assert float(measured[2]) <= WORK_SECONDS
    assert len(lines) == 2, lines
    assert lines[0].startswith(f"fencepost: {path}")
    return lines[0]


def columns(count: int) -> bytes:
    return b",".join(b"c%d" % number for number in range(count)) + b"\n"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv.gz", lambda: gzip.compress(b"0" * 300_000_000, mtime=0), "unpacks to over"),
        ("a.csv.zst", lambda: zstandard.ZstdCompressor().compress(b"0" * 300_000_000), "unpacks to over"),
        ("a.ndjson.bz2", lambda: bz2.compress(b"0" * 150_000_000), "unpacks to over"),
        ("a.csv", lambda: columns(1_000_000), "found over 1000 columns"),
        ("a.tsv", lambda: columns(1_000_000).replace(b",", b"\t"), "found over 1000 columns"),
        ("a.csv.gz", lambda: gzip.compress(os.urandom(2_000_000) + b"0" * 500_000_000, mtime=0), "unpacks to over"),
        ("a.ndjson", lambda: b"{" + b",".join(b'"c%d":0' % n for n in range(1_000_000)) + b"}\n", "found over 1000"),
        ("a.csv", lambda: b"x" * 50_000_000, "the first line is longer than 100000 bytes"),
        ("a.csv", lambda: b"client_id;start_position\n1;0\n", "columns are separated by semicolons"),
        ("a.csv", lambda: b"client_id\tstart_position\n1\t0\n", "columns are separated by tabs"),
        ("a.tsv", lambda: b"client_id,start_position\n1,0\n", "columns are separated by commas"),
        ("a.csv", lambda: "client_id,start_position\n1,0\n".encode("utf-16"), "UTF-16 text"),
        ("a.csv", lambda: "client_id,start_position\n1,0\n".encode("utf-16-le"), "UTF-16 text"),
        ("a.ndjson", lambda: '{"start_position":0}\n'.encode("utf-16-be"), "UTF-16 text"),
        ("a.csv", lambda: b"1,0\n2,1\n", "expected a header"),
        ("a.csv", lambda: b"", "the file is empty"),
    ],
)
def test_a_file_without_a_log_is_refused_within_bounds(
    tmp_path: Path, name: str, content: Callable[[], bytes], said: str
) -> None:
    (tmp_path / name).write_bytes(content())
    assert said in refused(tmp_path / name)


@pytest.mark.parametrize("name", ["pipe.csv", "pipe.parquet", "pipe.log"])
def test_a_pipe_without_a_writer_is_refused_and_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    arguments = ("--level", "4") if not name.endswith("log") else ("--model", "register")
    ran = run("verify", *arguments, str(tmp_path / name))
    assert ran.returncode == 2
    assert f"{tmp_path / name}: is no file" in ran.stderr


def test_rows_are_counted_alike_in_every_format(tmp_path: Path) -> None:
    frame = polars.DataFrame({"client_id": [1, 1, 1], "batch_seq": ["0", "1", "x"], "start_position": [0, 1, 2]})
    frame.write_csv(tmp_path / "a.csv")
    frame.write_csv(tmp_path / "a.tsv", separator="\t")
    frame.write_ndjson(tmp_path / "a.ndjson")
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_ipc(tmp_path / "a.arrow")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    for extension in ("csv", "tsv", "ndjson", "parquet", "arrow", "csv.gz"):
        assert "row 3, column batch_seq: found 'x'" in refused(tmp_path / f"a.{extension}"), extension


def test_a_parquet_file_that_holds_far_more_than_its_size_is_read_in_pieces_or_refused(tmp_path: Path) -> None:
    zeros = polars.zeros(30_000_000, polars.Int64, eager=True)
    polars.DataFrame({"log": zeros, "start_position": zeros}).write_parquet(tmp_path / "a.parquet")
    assert "unpacks to over 480000000 bytes" in refused(tmp_path / "a.parquet")
    positions = polars.int_range(10_000, eager=True).alias("start_position")  # as large, and not out of proportion
    polars.DataFrame(
        {"log": polars.zeros(10_000, polars.Int64, eager=True), "start_position": positions}
    ).write_parquet(tmp_path / "b.parquet")
    assert run("verify", "--level", "4", str(tmp_path / "b.parquet")).returncode == 0
