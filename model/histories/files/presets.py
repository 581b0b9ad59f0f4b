"""Logs whose columns have names of their own: which is which, and how the log numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fencepost.model.errors import FormatError
from fencepost.model.histories.files.columns import Unit
from fencepost.model.histories.files.frames import new_frame, polars_module, read_frame
from fencepost.model.histories.rules import Rules

if TYPE_CHECKING:
    import polars


@dataclass(frozen=True)
class Preset:
    """How one kind of log is read. `is_dump` where it is the text that a tool prints, whatever the
    extension."""

    says: str
    columns: Mapping[str, str] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    time_unit: Unit = "ns"
    is_dump: bool = False
    is_operations: bool = False  # what clients asked for and what came back, from which the log is put together
    headers: str = ""  # the column of headers, pairs of name and value, which become columns
    log_columns: tuple[str, ...] = ()  # which together say the log
    seq_end: int | None = None


KAFKA_SEQ_END = 2**31  # base sequences are integers of 32 bits with a sign; behind the highest comes 0
_KAFKA = Rules(allow_gaps=True, seq_counts="messages")  # control batches and compaction leave gaps

PRESETS: dict[str, Preset] = {
    "kafka": Preset(
        "columns topic and partition, offset, producer_id, producer_epoch, base_sequence, count, timestamp",
        {
            "start_position": "offset", "client_id": "producer_id", "epoch": "producer_epoch",
            "batch_seq": "base_sequence", "message_count": "count", "sent_ns": "timestamp",
        },
        _KAFKA,
        "ms",
        log_columns=("topic", "partition"),
        seq_end=KAFKA_SEQ_END,
    ),
    "kafka-dump": Preset(
        "what kafka-dump-log.sh prints of a segment",
        {
            "start_position": "baseOffset", "message_count": "count", "client_id": "producerId",
            "epoch": "producerEpoch", "batch_seq": "baseSequence", "kind": "isControl",
        },
        _KAFKA,
        "ms",
        is_dump=True,
        seq_end=KAFKA_SEQ_END,
    ),
    "redis-stream": Preset(
        "entries of a stream with their id (ms-seq), and client_id and batch_seq as fields",
        {"start_position": "id"},
        Rules(allow_gaps=True),
        "ms",
    ),
    "s2-jsonl": Preset(
        "records of an S2 stream as JSON lines: seq_num, and client_id and batch_seq as headers",
        {"start_position": "seq_num"},
        headers="headers",
    ),
    "nats": Preset(
        "messages of JetStream: stream, seq from 1, and client_id and batch_seq from headers",
        {"log": "stream", "start_position": "seq"},
        Rules(from_position=1),
    ),
    "jepsen-edn": Preset(
        "Jepsen's kafka workload: sends and polls of clients; with --model, any of its workloads",
        rules=Rules(allow_gaps=True),
        is_operations=True,
    ),
}  # fmt: skip


def columns_there(preset: Preset, names: list[str], given: Mapping[str, str]) -> dict[str, str]:
    """Return a preset's columns that a table has, and those that are `given`, which go first."""
    there = {name: theirs for name, theirs in preset.columns.items() if theirs in names}
    of_log = [name for name in preset.log_columns if name in names]
    return {**there, **({"log": of_log[-1]} if of_log else {}), **given}


def with_one_log(frame: polars.DataFrame, preset: Preset, given: Mapping[str, str]) -> polars.DataFrame:
    """Return a frame whose last column of a preset's log says the log: with those before it, where they differ."""
    there = [name for name in preset.log_columns if name in frame.columns]
    if "log" in given or len(there) < 2 or all(frame[name].n_unique() < 2 for name in there[:-1]):
        return frame
    whole = polars_module().concat_str(there, separator="-").alias(there[-1])
    return frame.with_columns(whole).drop(there[:-1])


def read_dump(path: Path) -> polars.DataFrame:
    """Return the batches that kafka-dump-log.sh prints, a row each; FormatError where there are none."""
    polars = polars_module()
    try:
        lines = polars.Series("line", path.read_text(errors="replace").splitlines(), dtype=polars.String)
    except OSError as error:
        raise FormatError(path, f"cannot be read: {error.strerror}") from None
    batches = lines.filter(lines.str.starts_with("baseOffset:"))
    if not len(batches):
        raise FormatError(path, "no line begins with baseOffset:, expected what kafka-dump-log.sh prints")
    names = (
        "baseOffset",
        "lastOffset",
        "count",
        "producerId",
        "producerEpoch",
        "baseSequence",
        "isControl",
        "CreateTime",
    )
    frame = new_frame({name: batches.str.extract(rf"\b{name}: (\S+)") for name in names})
    # Compaction takes messages out of a batch, and leaves its offsets and its numbers as they were.
    first, last = (polars.col(name).cast(polars.Int64, strict=False) for name in ("baseOffset", "lastOffset"))
    return frame.with_columns(polars.coalesce((last - first + 1).cast(str), "count").alias("count")).drop("lastOffset")


def frame_for(path: Path, preset: Preset | None) -> polars.DataFrame:
    """Return the rows of a file, read as a preset says."""
    if preset is None:
        return read_frame(path)
    if preset.is_dump:
        return read_dump(path)
    frame = read_frame(path)
    return with_headers(frame, preset.headers) if preset.headers in frame.columns else frame


def with_headers(frame: polars.DataFrame, column: str) -> polars.DataFrame:
    """Return a frame with a column for each header that is none yet, in place of the column of headers.

    A header is a pair of name and value, or an object with these; one that is there more than once counts first.
    """
    rows: list[dict[str, str]] = []
    for headers in frame[column].to_list():
        pairs = [tuple(each.values()) if isinstance(each, dict) else tuple(each) for each in headers or ()]
        rows.append({str(pair[0]): pair[1] for pair in reversed(pairs) if len(pair) == 2})
    names = dict.fromkeys(name for row in rows for name in row if name not in frame.columns)
    return frame.drop(column).with_columns(
        polars_module().Series(name, [row.get(name) for row in rows], dtype=polars_module().String) for name in names
    )
