"""What is known beside a log: which batches were sent, which were acknowledged, and what readers read.

A batch's outcome is acknowledged, failed, unknown or silent. Unknown is what a time-out leaves: it may have
happened, so that it is neither lost where it is not in the log, nor invented where it is. Silent is where
nothing is said, as of a batch that was never acknowledged: a drained run owes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fencepost.model.errors import FormatError
from fencepost.model.histories.files.columns import Source, Table, words_of
from fencepost.model.histories.files.frames import frame_of, new_frame, polars_module, read_frame
from fencepost.model.histories.log import Log
from fencepost.model.histories.passes.one_pass import Culprit
from fencepost.model.histories.records import NEVER
from fencepost.model.histories.rules import Rules

if TYPE_CHECKING:
    import polars

SENT_COLUMNS = (
    "client_id",
    "batch_seq",
    "epoch",
    "broker_id",
    "log",
    "sent_ns",
    "acked_ns",
    "outcome",
    "message_count",
)
READ_COLUMNS = ("reader_id", "start_position", "client_id", "batch_seq", "message_count", "log")

ACKNOWLEDGED, FAILED, UNKNOWN, SILENT = "acknowledged", "failed", "unknown", "silent"
_OUTCOMES = {
    ACKNOWLEDGED: ("acknowledged", "acked", "ack", "ok", "success", "succeeded", "true", "1"),
    FAILED: ("failed", "fail", "failure", "error", "false", "0"),
}


@dataclass(frozen=True)
class Batches:
    """The batches of a file, a row each: `frame` has client, seq, row and outcome, and epoch and log if any.

    Clients and logs are text, so that two files agree on them whatever their numbers.
    """

    path: Path
    frame: polars.DataFrame
    has_outcomes: bool


@dataclass(frozen=True)
class Culprits:
    """What a check with a file beside the log found: how many of how many, the first with file and row, the worst."""

    count: int
    asked_count: int
    sentence: str = ""
    rows: tuple[tuple[Path | None, int], ...] = ()
    anomaly: str = ""
    worst: tuple[Culprit, ...] = ()


@dataclass(frozen=True)
class Beside:
    """The files beside a log, as `read_batches` and `read_readers` return them; None where there is none.

    >>> fencepost.Beside().sent is None
    True
    """

    sent: Batches | None = None
    acks: Batches | None = None
    readers: Table | None = None


def read_batches(table: Path | str | Any, source: Source | None = None) -> Batches:
    """Return the batches that were sent, or acknowledged: `client_id` and `batch_seq`, and `outcome` or `acked_ns`.

    The table is a file, or a frame as `read_log` takes it. FormatError names the file, row and column that are wrong,
    InputError says where polars, the extra `frames`, is not installed.

    >>> sent = {"client_id": [7, 7], "batch_seq": [0, 1], "outcome": ["ok", "failed"]}
    >>> len(fencepost.read_batches(polars.DataFrame(sent)).frame)
    2
    """
    source = source or Source(Path(table) if isinstance(table, Path | str) else Path("the table"))
    frame = read_frame(Path(table)) if isinstance(table, Path | str) else frame_of(table)
    columns = Table(frame, source, SENT_COLUMNS)
    for name in ("client_id", "batch_seq"):
        if name not in columns:
            raise source.fault(
                f"column is missing, or not mapped: found {', '.join(columns.extra[:20])}", column=name, row=0
            )
    keys: dict[str, Any] = {"client": columns.words("client_id"), "seq": columns.integers("batch_seq", 0)}
    if "epoch" in columns:
        keys["epoch"] = columns.integers("epoch", 0)
    if "broker_id" in columns:
        keys["broker"] = columns.words("broker_id")
    if "log" in columns:
        keys["log"] = columns.words("log")
    outcomes, has_outcomes = _outcomes(columns)
    frame = new_frame({**keys, "row": np.arange(1, len(columns) + 1), "outcome": outcomes})
    return Batches(source.path, frame, has_outcomes)


def read_readers(table: Path | str | Any, source: Source | None = None) -> Table:
    """Return what readers read, in the order in which each did: `reader_id, start_position, client_id, batch_seq`.

    The table is a file, or a frame as `read_log` takes it; errors as in `read_batches`.

    >>> read = {"reader_id": [1, 1], "start_position": [0, 3], "client_id": [7, 7], "batch_seq": [0, 1]}
    >>> len(fencepost.read_readers(polars.DataFrame(read)))
    2
    """
    source = source or Source(Path(table) if isinstance(table, Path | str) else Path("the table"))
    frame = read_frame(Path(table)) if isinstance(table, Path | str) else frame_of(table)
    columns = Table(frame, source, READ_COLUMNS)
    for name in READ_COLUMNS[:4]:
        if name not in columns:
            raise source.fault(
                f"column is missing, or not mapped: found {', '.join(columns.extra[:20])}", column=name, row=0
            )
    return columns


def _outcomes(table: Table) -> tuple[list[str] | polars.Series, bool]:
    """Return the outcome of each row, and whether the file says any."""
    polars = polars_module()
    if "outcome" in table:
        words = table.series("outcome").cast(polars.String).str.strip_chars().str.to_lowercase()
        known = {word: outcome for outcome, words_of in _OUTCOMES.items() for word in words_of}
        return words.replace_strict(known, default=UNKNOWN, return_dtype=polars.String).set(
            words.is_null(), SILENT
        ), True
    if "acked_ns" in table:
        acked = table.times_ns("acked_ns") != NEVER
        return polars.Series(np.where(acked, ACKNOWLEDGED, SILENT)), True
    return [SILENT] * len(table), False


def batches_of(log: Log, rules: Rules, like: Batches) -> tuple[polars.DataFrame, list[str]]:
    """Return the batches of a log as a frame like that of `like`, and the columns that say which is which.

    FormatError where the numbers of the log begin again by a column that the file beside it does not have; a column
    that is the same in all rows begins nothing again.
    """
    history = log.history
    columns: dict[str, Any] = {
        "client": words_of(history.client_id, log.client_names),
        "seq": history.batch_seq,
        "log_row": np.arange(1, len(history) + 1) if log.rows is None else log.rows,
    }
    more: dict[str, Any] = {}
    if log.epoch is not None:
        more["epoch"] = log.epoch
    if rules.numbered_by == "client-broker":
        more["broker"] = words_of(history.broker_id, log.broker_names)
    if log.log_id is not None and not rules.across_logs:
        more["log"] = words_of(log.log_id, log.log_names)
    for name, column in [*more.items()]:
        if name not in like.frame.columns and is_one(column):
            del more[name]
        elif name not in like.frame.columns:
            problem = f"column is missing: numbers of batches begin again with each {name} of the log"
            raise FormatError(like.path, problem, row=0, column={"broker": "broker_id"}.get(name, name))
    return new_frame(columns | more), ["client", "seq", *more]


def is_one(column: Any) -> bool:
    """Say whether all rows of a column are alike."""
    return bool(polars_module().Series(column).n_unique() < 2)
