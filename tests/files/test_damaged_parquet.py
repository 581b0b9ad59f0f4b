"""Parquet files with a flipped bit: one clear line each, and the other files of the same `verify` are reported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import polars
import pytest

from fencepost.model.errors import FormatError
from fencepost.model.histories import History, Workload, read_workload, write_workload
from fencepost.model.histories.files.frames import panics_unsaid, read_frame

FOOTER_BYTES = 1_500  # of the metadata at the end, where most flips are noticed


def flipped(sound: bytes, random: Random) -> bytes:
    """Return the bytes with one bit changed, mostly in the metadata; the signs at both ends stay."""
    data = bytearray(sound)
    last = len(data) - 8
    data[
        random.randrange(max(4, last - FOOTER_BYTES), last) if random.random() < 0.8 else random.randrange(4, last)
    ] ^= 1 << random.randrange(8)
    return bytes(data)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sound.parquet"
    rows = [(1, seq, 0, seq, 2, 2 * seq) for seq in range(200)]
    frame = polars.DataFrame(dict(History.from_rows(rows).columns)).with_columns(polars.col("client_id").cast(str))
    frame.write_parquet(path, compression="uncompressed", row_group_size=50)
    return path


def test_damaged_files_are_said_in_a_line_each_and_the_others_are_reported(tmp_path: Path, sound: Path) -> None:
    random, damaged = Random(7), []
    for number in range(150):
        damaged.append(tmp_path / f"damaged{number}.parquet")
        damaged[-1].write_bytes(flipped(sound.read_bytes(), random))
    command = [sys.executable, "-m", "fencepost", "verify", "--level", "4", "--json", "--quiet"]
    command += map(str, (*damaged, sound))
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode in (1, 2), ended.stderr[-2000:]
    said = [line for line in ended.stderr.splitlines() if "columns that say nothing here" not in line]
    assert "panicked" not in ended.stderr
    assert "backtrace" not in ended.stderr
    results = json.loads(ended.stdout)["results"]
    unread = [each["target"] for each in results if each["property"] == "readable"]
    assert len(unread) > 20
    assert len(said) == len(unread)
    assert all(line.startswith("fencepost: ") and len(line) < 400 for line in said)
    assert [each["verdict"] for each in results if each["target"] == str(sound)].count("not found") >= 5


def test_a_panic_is_an_error_of_the_file_and_stderr_is_whole_again(
    sound: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def panic(*given: object, **named: object) -> None:
        os.write(2, b"thread 'main' panicked at metadata.rs\nstack backtrace:\n")
        print("said meanwhile", file=sys.stderr)
        raise polars.exceptions.PanicException("called `Option::unwrap()` on a `None` value")

    monkeypatch.setattr(sys, "stderr", open(2, "w", closefd=False, buffering=1))  # noqa: SIM115  # as a process has it
    monkeypatch.setattr(polars, "read_parquet", panic)
    with pytest.raises(FormatError, match=r"sound\.parquet: damaged parquet: called `Option::unwrap\(\)` on a `None`"):
        read_frame(sound)
    os.write(2, b"said behind it\n")
    assert capfd.readouterr().err == "said meanwhile\nsaid behind it\n"


def test_an_interrupt_while_a_file_is_read_is_no_error_of_the_file() -> None:
    before = sys.stderr
    with pytest.raises(KeyboardInterrupt), panics_unsaid():
        raise KeyboardInterrupt
    assert sys.stderr is before


def test_workloads_with_a_flipped_bit_are_read_or_refused(tmp_path: Path) -> None:
    path, random = tmp_path / "workload.parquet", Random(3)
    write_workload(path, Workload.from_rows([(1, seq, 0, 2, 64, seq) for seq in range(50)]))
    whole, refused = path.read_bytes(), 0
    for _ in range(60):
        path.write_bytes(flipped(whole, random))
        try:
            read_workload(path)
        except FormatError as error:
            refused += "\n" not in str(error)
    assert refused > 5
