"""A log as its engineers have it, from a file or a table in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fencepost.model.histories.files.columns import Source, Table
from fencepost.model.histories.files.frames import frame_of
from fencepost.model.histories.files.presets import Preset, columns_there, frame_for, with_one_log
from fencepost.model.histories.files.sequence_numbers import number_on
from fencepost.model.histories.log import Fillers, Log
from fencepost.model.histories.records import HIGHEST, NEVER, History, IntColumn, find_fault

COLUMNS = (
    "client_id", "batch_seq", "broker_id", "ring_index", "message_count", "start_position", "sent_ns", "acked_ns",
    "log", "epoch", "batch_id", "kind",
)  # fmt: skip
OF_BATCHES = ("", "batch", "data", "message", "false", "0")
"""What a `kind` says of a row that is a batch; any other word makes it a filler, which holds positions and no batch."""


def read_log(table: Path | str | Any, source: Source | None = None, preset: Preset | None = None) -> Log:
    """Return the log in a file, or in a frame of polars or pandas, an Arrow table or a structured array of numpy.

    Only `start_position` has to be there; what else is absent, `verify` says of the properties that need it. One
    row is a batch, or with a `kind` a filler. A `preset` knows the names of columns; those of `source` go before
    its own. FormatError names the file, row and column that are wrong.

    >>> log = fencepost.read_log("examples/data/redis-order4-history.csv")
    >>> str(fencepost.verify(log, level=4).verdict)
    'not found'
    """
    is_file = isinstance(table, Path | str)
    source = source or Source(Path(table) if is_file else Path("the table"))
    frame = frame_for(Path(table), preset) if is_file else frame_of(table)
    if preset is not None:
        frame = with_one_log(frame, preset, source.columns)
        columns = columns_there(preset, frame.columns, source.columns)
        source = replace(source, columns=columns, seq_end=preset.seq_end)
    return log_of(Table(frame, source, COLUMNS), source)


def log_of(table: Table, source: Source) -> Log:
    """Return the log that a table's columns describe."""
    if "start_position" not in table:
        found = ", ".join(table.extra[:20])
        raise source.fault(f"no column is called start_position or mapped to it: found {found}", row=0)
    if not len(table):
        raise source.fault("no rows, expected at least one")
    counts = table.integers("message_count", 1) if "message_count" in table else np.ones(len(table), dtype=np.int64)
    log_id, log_names = table.identities("log") if "log" in table else (None, tuple[str, ...]())
    starts, first_parts = table.positions("start_position", counts, log_id)
    if (past := np.flatnonzero(starts > HIGHEST - counts)).size:
        row = int(past[0])
        problem = (
            f"found {starts[row]}, expected start_position + message_count ({counts[row]}) to be at most {HIGHEST}"
        )
        raise source.fault(problem, row=row + 1, column="start_position")
    is_batch = _is_batch(table)
    whole = bool(is_batch.all())
    if not is_batch.any():
        raise source.fault("no row is a batch: its kind is one of " + ", ".join(OF_BATCHES[1:]))
    rows = None if whole else np.flatnonzero(is_batch) + 1
    batches = table if whole else table.take(is_batch)
    columns, client_names, broker_names = _columns(batches, starts[is_batch], counts[is_batch], source.seq_end)
    absent = {name for name in History.COLUMNS if name not in table} - {"message_count"}
    gone = ~is_batch
    none = np.zeros(int(gone.sum()), dtype=np.int64)
    fillers = Fillers(starts[gone], (starts + counts)[gone], none if log_id is None else log_id[gone])
    log_id = None if log_id is None else log_id[is_batch]
    epoch = batches.integers("epoch", 0 if source.seq_end is None else NEVER) if "epoch" in table else None
    if source.seq_end is not None and "batch_seq" in table:
        absent |= {"batch_seq"} if (columns["batch_seq"] < 0).all() else set()
        client_names, epoch = number_on(columns, client_names, log_id, epoch, source.seq_end)
    if fault := find_fault(columns):
        row = fault.row if rows is None else int(rows[fault.row - 1])
        raise source.fault(fault.problem, row=row, column=fault.column)
    return Log(
        history=History.of_checked(columns),
        absent=frozenset(absent),
        log_id=log_id,
        epoch=epoch,
        batch_id=batches.identities("batch_id")[0] if "batch_id" in table else None,
        fillers=fillers,
        rows=rows,
        client_names=client_names,
        broker_names=broker_names,
        path=source.path,
        log_names=log_names,
        extra=table.extra,
        first_parts=first_parts,
    )


def _is_batch(table: Table) -> Any:
    if "kind" not in table:
        return np.ones(len(table), dtype=bool)
    words = table.series("kind").cast(str).str.strip_chars().str.to_lowercase().fill_null("")
    return words.is_in(OF_BATCHES).to_numpy()


def _columns(
    table: Table, starts: IntColumn, counts: IntColumn, seq_end: int | None
) -> tuple[dict[str, IntColumn], tuple[str, ...], tuple[str, ...]]:
    """Return the columns of a history, with zeros for what is absent, and the names of its clients and brokers."""
    nothing, never = np.zeros(len(table), dtype=np.int64), np.full(len(table), NEVER, dtype=np.int64)
    clients, client_names = table.identities("client_id") if "client_id" in table else (nothing, tuple[str, ...]())
    brokers, broker_names = table.identities("broker_id") if "broker_id" in table else (nothing, tuple[str, ...]())
    columns = {"client_id": clients, "broker_id": brokers, "message_count": counts, "start_position": starts}
    # Without numbers each row is a batch of its own.
    lowest = 0 if seq_end is None else NEVER
    columns["batch_seq"] = table.integers("batch_seq", lowest) if "batch_seq" in table else np.arange(len(table))
    columns["ring_index"] = table.integers("ring_index", 0) if "ring_index" in table else nothing
    for name in ("sent_ns", "acked_ns"):
        columns[name] = table.times_ns(name) if name in table else never
    return columns, client_names, broker_names
