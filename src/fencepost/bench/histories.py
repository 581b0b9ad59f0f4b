"""What `verify` takes for a file of many rows, beside polars reading the same file in the same run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from fencepost.model.contract import Verdict
from fencepost.model.histories.files.frames import new_frame, polars_module
from fencepost.model.histories.records import IntColumn
from fencepost.model.histories.rules import Rules
from fencepost.native.history_pass import HistoryPass
from fencepost.verifying.run import verify_file

CORE = "columns"  # the pass alone, on columns in memory
PIECE_SIZE = 65_536  # rows
PROPERTIES = ("unique", "dense", "ring-order", "client-order", "prefix", "once", "real-time")


@dataclass(frozen=True)
class HistoryTime:
    """Seconds for one kind of file, medians of the repetitions; `read_seconds` is polars reading it.

    Of `columns` they are processor time, and what is read is the sum of each column.
    """

    name: str
    row_count: int
    verdict: Verdict
    seconds: float
    read_seconds: float

    @property
    def ratio(self) -> float:
        """How many times as long as reading it takes."""
        return self.seconds / self.read_seconds


def sound_columns(size: int) -> dict[str, IntColumn]:
    """Return the columns of a sound log of 1,000 clients and 4 rings, in position order."""
    index = np.arange(size, dtype=np.int64)
    count = np.random.default_rng(1).integers(2, 100, size)
    return {
        "client_id": index % 1000, "batch_seq": index // 1000, "broker_id": index % 4, "ring_index": index // 4,
        "message_count": count, "start_position": np.cumsum(count) - count, "sent_ns": index * 10,
        "acked_ns": index * 10 + 500,
    }  # fmt: skip


def violated_columns(size: int) -> dict[str, IntColumn]:
    """Return the same with a hole, a batch that is lost and one that is there twice."""
    columns = sound_columns(size)
    columns["batch_seq"][size // 2] -= 1
    columns["start_position"][size // 3 :] += 1
    return columns


def history_times(*, rows: int, repetitions: int, progress: Callable[[str], None] | None = None) -> list[HistoryTime]:
    """Time the pass on columns, and files of so many rows and of a tenth of them: sound ones, and one that is not."""
    told = progress or (lambda text: None)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for size in (rows // 10, rows):
            sound = sound_columns(size)
            told(f"{size} rows: columns")
            found.append(core_time(sound, repetitions))
            for name, columns, extension in (
                ("parquet", sound, "parquet"),
                ("csv", sound, "csv"),
                ("violated parquet", violated_columns(size), "parquet"),
            ):
                told(f"{size} rows: {name}")
                found.append(_file(name, Path(folder) / f"log.{extension}", columns, repetitions))
    return found


def core_time(columns: Mapping[str, IntColumn], repetitions: int) -> HistoryTime:
    """Time the pass over columns in memory, all seven properties, beside summing each of them."""
    size = len(columns["start_position"])
    rows = np.arange(size, dtype=np.int64)

    def go() -> Verdict:
        one_pass = HistoryPass(PROPERTIES, Rules(), True)
        for first in range(0, size, PIECE_SIZE):
            piece = {name: column[first : first + PIECE_SIZE] for name, column in columns.items()}
            assert one_pass.add(piece, rows[first : first + PIECE_SIZE])
        broken = any(breach.count for breach in one_pass.found().values())
        return Verdict.VIOLATED if broken else Verdict.NOT_FOUND

    def read() -> int:
        return sum(int(column.sum()) for column in columns.values())

    # One thread does both, so that its own time leaves out what other work takes of the machine.
    return _timed(CORE, size, go, read, repetitions, clock=time.thread_time)


def _file(name: str, path: Path, columns: Mapping[str, IntColumn], repetitions: int) -> HistoryTime:
    frame = new_frame(dict(columns))
    if path.suffix == ".csv":
        frame.write_csv(path)
        read = partial(polars_module().read_csv, path)
    else:
        frame.write_parquet(path)
        read = partial(polars_module().read_parquet, path)
    size = frame.height
    del frame
    return _timed(name, size, lambda: verify_file(path, properties=PROPERTIES).verdict, read, repetitions)


def _timed(
    name: str,
    size: int,
    go: Callable[[], Verdict],
    read: Callable[[], Any],
    repetitions: int,
    clock: Callable[[], float] = time.perf_counter,
) -> HistoryTime:
    """Time both in turn, so that what else the machine does meets both."""
    times: list[float] = []
    reads: list[float] = []
    verdict = Verdict.UNKNOWN
    for _ in range(repetitions):
        for timed, into in ((read, reads), (go, times)):
            began = clock()
            answer = timed()
            into.append(clock() - began)
        verdict = answer
    return HistoryTime(name, size, verdict, median(times), median(reads))
