"""What `verify` takes for a file of many rows, beside polars reading the same file in the same run.

A ratio is of one repetition, both timed in turn; the figure is the median of the repetitions' ratios.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fencepost.bench.machines.machine import hardware, load
from fencepost.bench.report import BenchReport, figure_json
from fencepost.bench.statistics.figures import Figure, figure
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError, Interrupted, Miscounted
from fencepost.model.histories.files.frames import new_frame, polars_module
from fencepost.model.histories.records import IntColumn
from fencepost.model.histories.rules import Rules
from fencepost.native.history_pass import HistoryPass
from fencepost.native.measuring import REPETITIONS_MAX
from fencepost.verifying.run import verify_file

CORE = "columns"  # the pass alone, on columns in memory
PIECE_SIZE = 65_536  # rows
ROWS_LEAST, ROWS_DEFAULT, ROWS_MOST = 1_000, 10_000_000, 10**9
QUICK_ROWS = 10_000
REPETITIONS_DEFAULT = 3
PROPERTIES = ("unique", "dense", "ring-order", "client-order", "prefix", "once", "real-time")


@dataclass(frozen=True)
class HistoryTime:
    """Seconds for one kind of file; `read` is polars reading it, `ratio` how many times as long verifying takes.

    Of `columns` they are processor time, and what is read is the sum of each column.
    """

    name: str
    row_count: int
    verdict: Verdict
    seconds: Figure
    read: Figure
    ratio: Figure

    @property
    def rows_per_second(self) -> float:
        """Rows that are verified in a second, by the median."""
        return self.row_count / (self.seconds.value or float("inf"))


@dataclass(frozen=True, repr=False)
class Histories(BenchReport):
    """All kinds of files, at a tenth of the rows and at all; their verdicts are what the files were made to be."""

    rows: tuple[HistoryTime, ...]

    @property
    def verdict(self) -> Verdict:
        """No file was judged otherwise than it was made, or there would be no report; unknown where none was timed."""
        return Verdict.UNKNOWN if self.is_interrupted or not self.rows else Verdict.NOT_FOUND

    def __getitem__(self, name: str) -> HistoryTime:
        """Return the largest file of a kind that was timed."""
        return max((each for each in self.rows if each.name == name), key=lambda each: each.row_count)

    def items(self) -> list[dict[str, Any]]:
        """Return an item a file: the figure of its ratio, and those that it is of. `verdict` is that of the file."""
        return [
            {
                **figure_json(each.ratio), "history": each.name, "rows": each.row_count, "verdict": str(each.verdict),
                "seconds": figure_json(each.seconds), "read_seconds": figure_json(each.read),
                "rows_per_second": each.rows_per_second,
            }
            for each in self.rows
        ]  # fmt: skip


def sound_columns(size: int) -> dict[str, IntColumn]:
    """Return the columns of a sound log of 4 rings and 1,000 clients of ten batches or more, in position order."""
    index, clients = np.arange(size, dtype=np.int64), min(1000, size // 10)
    count = np.random.default_rng(1).integers(2, 100, size)
    return {
        "client_id": index % clients, "batch_seq": index // clients, "broker_id": index % 4, "ring_index": index // 4,
        "message_count": count, "start_position": np.cumsum(count) - count, "sent_ns": index * 10,
        "acked_ns": index * 10 + 500,
    }  # fmt: skip


def violated_columns(size: int) -> dict[str, IntColumn]:
    """Return the same with a hole, a batch that is lost and one that is there twice."""
    columns = sound_columns(size)
    columns["batch_seq"][size // 2] -= 1
    columns["start_position"][size // 3 :] += 1
    return columns


def histories(
    *,
    rows: int = ROWS_DEFAULT,
    repetitions: int = REPETITIONS_DEFAULT,
    quick: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Histories:
    """Time the pass on columns, and files of so many rows and of a tenth of them: sound ones, and one that is not.

        >>> fencepost.bench.histories(quick=True, repetitions=1)["csv"].ratio.unit
        'ratio'

    Raises InputError for rows outside 1,000..10^9 and repetitions outside 1..10,000, Miscounted where a file was judged
    otherwise than it was made to be, Interrupted with the files so far.
    """
    for name, value, least, most in (
        ("rows", rows, ROWS_LEAST, ROWS_MOST), ("repetitions", repetitions, 1, REPETITIONS_MAX),
    ):  # fmt: skip
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise InputError(f"{name} is {value!r}: expected a whole number of {least}..{most}")
    size, load_before, found = min(rows, QUICK_ROWS) if quick else rows, load(), list[HistoryTime]()
    told = progress or (lambda text: None)
    try:
        with tempfile.TemporaryDirectory() as folder:
            found.extend(_timed_of(size // 10, Path(folder), repetitions, told))
            found.extend(_timed_of(size, Path(folder), repetitions, told))
    except KeyboardInterrupt:
        so_far = Histories(tuple(found), hardware=hardware(load_before), quick=quick, is_interrupted=True)
        raise Interrupted(so_far) from None
    return Histories(tuple(found), hardware=hardware(load_before), quick=quick)


def _timed_of(size: int, folder: Path, repetitions: int, told: Callable[[str], None]) -> Iterator[HistoryTime]:
    sound = sound_columns(size)
    told(f"{size} rows: {CORE}")
    yield _as_made(core_time(sound, repetitions))
    for name, columns, extension in (
        ("parquet", sound, "parquet"),
        ("csv", sound, "csv"),
        ("violated parquet", violated_columns(size), "parquet"),
    ):
        told(f"{size} rows: {name}")
        yield _as_made(_file(name, folder / f"log.{extension}", columns, repetitions))


def _as_made(each: HistoryTime) -> HistoryTime:
    """Return a time whose verdict is what the file was made to be; else it is the time of something else."""
    expected = Verdict.VIOLATED if "violated" in each.name else Verdict.NOT_FOUND
    if each.verdict is not expected:
        raise Miscounted(f"{each.name}, {each.row_count} rows: found {each.verdict}, expected {expected}")
    return each


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
    ratios = [time / read for time, read in zip(times, reads, strict=True)]
    return HistoryTime(
        name, size, verdict, figure("seconds", "s", times), figure("read_seconds", "s", reads),
        figure(name, "ratio", ratios),
    )  # fmt: skip
