"""Every reader of files on damaged ones: an answer, or an `InputError` that says what is wrong; never anything else.

A second a reader here; `make fuzz` takes a minute each. What it finds is kept in `tests/corpus/READER/`, in its
smallest form, and is tried first from then on.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from fencepost.bench.layouts.description import read_description
from fencepost.experiments.spec import read_spec
from fencepost.exploring.replay import read as read_a_trace
from fencepost.model.errors import InputError
from fencepost.model.histories import read_batches, read_log, read_readers, read_workload
from fencepost.model.histories.files.presets import PRESETS
from fencepost.model.linearizability import read_operations
from fencepost.model.linearizability.recorded_log import read_recorded_log
from fencepost.model.litmus import read_test
from fencepost.model.simulation.scenario import read_scenario

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus"
SECONDS = float(os.environ.get("FENCEPOST_FUZZ_SECONDS", "1"))
SLOWEST_SECONDS = 5.0
"""The longest that a reader may take over a file of some kilobytes, beside other work."""


@dataclass(frozen=True)
class Reader:
    """One reader: the name of the files that it is given, and sound ones to begin with."""

    read: Callable[[Path], Any]
    name: str
    sound: tuple[bytes, ...]


def _lines(path: str, count: int) -> bytes:
    return b"".join((ROOT / path).read_bytes().splitlines(keepends=True)[:count])


def _frame() -> polars.DataFrame:
    return polars.read_csv(ROOT / "examples/data/redis-order4-history.csv").head(20)


HISTORY, WORKLOAD = (
    _lines("examples/data/redis-order4-history.csv", 20),
    _lines("model/recordings/redis-order4-workload.csv", 20),
)
OBJECTS = _frame().write_ndjson().encode()
EDN = b"""{:type :invoke, :process 0, :f :send, :value [[:send "a" 1]], :time 1}
{:type :ok, :process 0, :f :send, :value [[:send "a" [0 1]]], :time 2}
{:type :invoke, :process 1, :f :poll, :value [[:poll]], :time 3}
{:type :ok, :process 1, :f :poll, :value [[:poll {"a" [[0 1]]}]], :time 4}
"""
OPERATIONS = b"operation,argument,result,called_ns,returned_ns,process\nwrite,1,,0,5,0\nread,,1,6,9,1\n"
KAFKA = (
    b"baseOffset: 0 lastOffset: 1 count: 2 baseSequence: 0 lastSequence: 1 producerId: 7 producerEpoch: 0"
    b" isControl: false CreateTime: 1700000000000\n"
)
READERS: dict[str, Reader] = {
    "workload-csv": Reader(read_workload, "a.csv", (WORKLOAD,)),
    "workload-gz": Reader(read_workload, "a.csv.gz", (gzip.compress(WORKLOAD, mtime=0),)),
    "log-csv": Reader(read_log, "a.csv", (HISTORY,)),
    "log-ndjson": Reader(read_log, "a.ndjson", (OBJECTS,)),
    "log-kafka-dump": Reader(lambda path: read_log(path, preset=PRESETS["kafka-dump"]), "a.log", (KAFKA,)),
    "sent": Reader(read_batches, "a.csv", (b"client_id,batch_seq,outcome\n1,0,ok\n1,1,failed\n",)),
    "readers": Reader(read_readers, "a.csv", (b"reader_id,position,client_id,batch_seq\na,0,1,0\na,1,1,1\n",)),
    "operations-edn": Reader(read_operations, "a.edn", (EDN,)),
    "recorded-log": Reader(read_recorded_log, "a.edn", (EDN,)),
    "operations-log": Reader(read_operations, "a.log", ((ROOT / "examples/data/stale-read.log").read_bytes(),)),
    "operations-csv": Reader(read_operations, "a.csv", (OPERATIONS,)),
    "litmus": Reader(read_test, "a.litmus", tuple(
        (ROOT / f"tests/litmus/{name}.litmus").read_bytes() for name in ("fresh-mailbox", "line-lap-torn")
    )),
    "herd": Reader(read_test, "a.litmus", tuple(
        each.read_bytes() for each in sorted((ROOT / "examples/herd").glob("*.litmus"))
    )),
    "trace": Reader(read_a_trace, "a.itf.json", tuple(
        (ROOT / f"examples/data/{name}.itf.json").read_bytes() for name in ("inversion", "stale-line")
    )),
    "scenario": Reader(read_scenario, "a.toml", tuple(
        each.read_bytes() for each in sorted((ROOT / "examples/scenarios").glob("*.toml"))
    )),
    "experiment": Reader(read_spec, "a.toml", (
        b'[experiment]\nname = "a"\nreplications = 2\n[[sweep]]\nname = "load"\nengine = "simulation"\n'
        b'sequencer = ["order4.claim"]\nrate_batches_per_s = [20_000]\nduration_ms = 0.5\n',
    )),
    "layout": Reader(read_description, "a.toml", tuple(
        each.read_bytes() for each in sorted((ROOT / "src/fencepost/bench/layouts").glob("*.toml"))
    )),
}  # fmt: skip

TOKENS = (
    b"", b"\n", b"\r\n", b"\t", b",", b";", b'"', b"'", b"\\", b"\x00", b"\xff", b"\xef\xbb\xbf", b"-1", b"0",
    b"9" * 30, b"9223372036854775808", b"1e400", b"nan", b"null", b"true", b"[" * 300, b"{", b"}", b"]", b"(", b")",
    b"#inst", b":ok", b"[/]", b"$\\frac", b"<script>", b"\xe2\x80\xa8", b"=", b"#", b"0x", b"\xf0\x9f\x92\xa9",
)  # fmt: skip
Edit = tuple[str, float, int, bytes]
EDITS = st.lists(
    st.tuples(
        st.sampled_from(("put", "cut", "flip", "twice", "end")), st.floats(0, 1), st.integers(0, 200),
        st.sampled_from(TOKENS) | st.binary(max_size=4),
    ),
    min_size=1, max_size=6,
)  # fmt: skip


def edited(data: bytes, edits: list[Edit]) -> bytes:
    """Return a file with some places changed."""
    for kind, where, size, token in edits:
        at = int(where * len(data))
        part = data[at : at + size]
        if kind == "put":
            data = data[:at] + token + data[at:]
        elif kind == "cut":
            data = data[:at] + data[at + size :]
        elif kind == "flip" and at < len(data):
            data = data[:at] + bytes([data[at] ^ (1 << size % 8)]) + data[at + 1 :]
        elif kind == "twice":
            data = data[:at] + part + part + data[at + size :]
        elif kind == "end":
            data = data[:at]
    return data


def try_out(reader: Reader, data: bytes, folder: Path) -> None:
    """Read a file; what is raised that is no InputError is a fault of the reader, and so is a message without words."""
    path = folder / reader.name
    path.write_bytes(data)
    began, said = time.process_time(), "read"
    try:
        reader.read(path)
    except InputError as error:
        said = str(error).strip()
    assert said
    assert len(said) < 3_000
    assert time.process_time() - began < SLOWEST_SECONDS


def hunt(name: str, reader: Reader, folder: Path, until: float) -> None:
    """Draw files until the time is over; a fault is kept in its smallest form, and raised."""
    number = 0
    while time.monotonic() < until:
        last = b""

        @seed(number)
        @settings(
            max_examples=40,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        )
        @given(edits=EDITS, sound=st.sampled_from(reader.sound))
        def drawn(edits: list[Edit], sound: bytes) -> None:
            nonlocal last
            last = edited(sound, edits)
            try_out(reader, last, folder)

        try:
            drawn()
        except BaseException:
            kept = CORPUS / name / hashlib.sha256(last).hexdigest()[:12]
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(last)
            raise
        number += 1


@pytest.mark.parametrize("name", READERS)
@pytest.mark.timeout(60 + 40 * SECONDS)
def test_a_damaged_file_is_read_or_refused_in_words(name: str, tmp_path: Path) -> None:
    reader = READERS[name]
    assert reader.sound
    for sound in reader.sound:
        (tmp_path / reader.name).write_bytes(sound)
        reader.read(tmp_path / reader.name)
    for kept in sorted((CORPUS / name).glob("*")):
        try_out(reader, kept.read_bytes(), tmp_path)
    hunt(name, reader, tmp_path, time.monotonic() + SECONDS)


def test_a_reader_that_raises_something_else_is_found_and_the_file_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def brittle(path: Path) -> None:
        if b"9223372036854775808" in path.read_bytes():
            raise OverflowError("too large")

    monkeypatch.setattr(f"{__name__}.CORPUS", tmp_path / "corpus")
    reader = Reader(brittle, "a.txt", (b"1,2,3\n",))
    with pytest.raises(OverflowError):
        hunt("brittle", reader, tmp_path, time.monotonic() + 60)
    (kept,) = (tmp_path / "corpus" / "brittle").iterdir()
    assert b"9223372036854775808" in kept.read_bytes()
