"""Files of many rows: read piece by piece where all holds, and the same verdict as in memory where it does not."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest

from fencepost.model.contract import LEVELS, Level
from fencepost.model.histories import Verification, read_log, verify
from fencepost.model.histories.passes import streaming
from fencepost.verifying.run import verify_file

SIZE = 100_000
PLANTS: dict[str, tuple[str, Level]] = {
    "hole": ("dense", 4),
    "overlap": ("unique", 4),
    "duplicate": ("once", 4),
    "inversion": ("client-order", 4),
    "lost-prefix": ("prefix", 4),
    "stale-ack": ("real-time", 4),
    "ring-inversion": ("ring-order", 5),
}


def sound(size: int = SIZE, *, clients: int = 1000, first: int = 0) -> dict[str, np.ndarray[Any, np.dtype[np.int64]]]:
    """Return the columns of a sound log, in order; positions begin at `first`."""
    index = np.arange(size)
    count = np.random.default_rng(1).integers(2, 100, size)
    return {
        "client_id": index % clients,
        "batch_seq": index // clients,
        "broker_id": index % 4,
        "ring_index": index // 4,
        "message_count": count,
        "start_position": first + np.cumsum(count) - count,
        "sent_ns": index * 10,
        "acked_ns": index * 10 + 500,
    }


def planted(anomaly: str, row: int, size: int = SIZE) -> dict[str, np.ndarray[Any, np.dtype[np.int64]]]:
    """Return the columns with one thing wrong at a row, which is not the first nor one of the first clients' last."""
    columns = sound(size)
    if anomaly == "hole":
        columns["start_position"][row:] += 1
    elif anomaly == "overlap":
        columns["start_position"][row:] -= 1
    elif anomaly == "duplicate":
        columns["batch_seq"][row] -= 1
    elif anomaly == "inversion":
        columns["batch_seq"][[row - 1000, row]] = columns["batch_seq"][[row, row - 1000]]
    elif anomaly == "lost-prefix":
        columns["batch_seq"][row::1000] += 1
    elif anomaly == "stale-ack":
        columns["sent_ns"][row - 1000] = columns["acked_ns"][row] + 1
        columns["acked_ns"][row - 1000] = columns["acked_ns"][row] + 2
    else:
        columns["ring_index"][[row - 4, row]] = columns["ring_index"][[row, row - 4]]
    return columns


def verdicts(verification: Verification) -> list[tuple[Any, ...]]:
    return [(each.property, each.verdict, each.count, each.bound) for each in verification.findings]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("extension", ["csv", "tsv", "parquet", "arrow"])
def test_a_sound_file_is_never_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: Level, extension: str
) -> None:
    path, frame = tmp_path / f"log.{extension}", polars.DataFrame(sound())
    if extension == "parquet":
        frame.write_parquet(path)
    elif extension == "arrow":
        frame.write_ipc(path)
    else:
        frame.write_csv(path, separator="\t" if extension == "tsv" else ",")
    in_memory = verdicts(verify(read_log(path), level))
    monkeypatch.setattr(streaming, "read_log", lambda *arguments: pytest.fail("the file was read whole"))
    told: list[int] = []
    assert verdicts(verify_file(path, level, progress=told.append)) == in_memory
    assert told == sorted(told)
    assert told[-1] == SIZE


@pytest.mark.parametrize("row", [1000, 50_000, SIZE - 1])
@pytest.mark.parametrize("anomaly", PLANTS)
def test_what_is_planted_is_found_wherever_it_is(tmp_path: Path, anomaly: str, row: int) -> None:
    property, level = PLANTS[anomaly]
    path = tmp_path / "log.parquet"
    polars.DataFrame(planted(anomaly, row)).write_parquet(path)
    found = verify_file(path, level)[property]
    assert (found.verdict, found.anomaly) == ("violated", anomaly)
    assert found.count == 1
    assert found.witness is not None
    assert any(abs(each - (row + 1)) <= 1000 for each in found.witness.rows)


def test_a_file_that_is_in_no_order_is_read_whole_and_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    polars.DataFrame(sound(10_000)).sample(fraction=1.0, shuffle=True, seed=1).write_parquet(path)
    assert verdicts(verify_file(path, 4)) == verdicts(verify(read_log(sound(10_000)), 4))


def test_positions_at_the_signed_limit_are_compared_exactly(tmp_path: Path) -> None:
    columns = sound(1000)
    first = 2**63 - 1 - int(columns["message_count"].sum())
    columns = sound(1000, first=first)
    path = tmp_path / "log.parquet"
    polars.DataFrame(columns).write_parquet(path)
    assert verify_file(path, 4, without=["dense"]).verdict == "not found"
    assert verify_file(path, 4)["dense"].count == 1
    columns["start_position"][-1] -= 1
    polars.DataFrame(columns).write_parquet(path)
    assert verify_file(path, 4)["unique"].count == 1


BOUNDED = """
import sys
from pathlib import Path
from fencepost.verifying.run import verify_file
assert verify_file(sys.argv[1], 4).verdict == "not found"
# Not ru_maxrss, which is also that of the process that started this one.
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""


def peak_mib(path: Path) -> int:
    ran = subprocess.run([sys.executable, "-c", BOUNDED, str(path)], capture_output=True, text=True, check=True)
    return int(ran.stdout) // 1024


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Ten million rows are 640 MB of integers."""
    peaks = []
    for size in (1_000_000, 10_000_000):
        path = tmp_path / f"{size}.parquet"
        polars.DataFrame(sound(size)).write_parquet(path)
        peaks.append(peak_mib(path))
    assert peaks[1] < 600, peaks


def seconds_of(work: Callable[[], object]) -> float:
    """Return the shortest of three times."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


@pytest.mark.slow
def test_a_large_file_takes_no_longer_than_a_few_times_what_polars_takes_to_read_it(tmp_path: Path) -> None:
    frame = polars.DataFrame(sound(10_000_000))
    frame.write_parquet(tmp_path / "log.parquet")
    frame.write_csv(tmp_path / "log.csv")
    frame.head(1_000_000).write_parquet(tmp_path / "tenth.parquet")
    tenth = seconds_of(lambda: verify_file(tmp_path / "tenth.parquet", 4))
    whole = seconds_of(lambda: verify_file(tmp_path / "log.parquet", 4))
    assert whole <= 3
    assert whole / tenth <= 15
    read = seconds_of(lambda: polars.read_csv(tmp_path / "log.csv"))
    assert seconds_of(lambda: verify_file(tmp_path / "log.csv", 4)) / read <= 2
