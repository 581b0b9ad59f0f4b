"""What several readers of one log read: whether they agree, and whether each reads on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fencepost.model.errors import FormatError
from fencepost.model.histories.checks.beside import Beside, Culprits, is_one
from fencepost.model.histories.files.columns import Table, words_of
from fencepost.model.histories.files.frames import new_frame, polars_module
from fencepost.model.histories.log import Log
from fencepost.model.histories.passes.one_pass import WORST_COUNT, Culprit, worst_of
from fencepost.model.histories.records import IntColumn
from fencepost.model.histories.rules import Rules

if TYPE_CHECKING:
    import polars

ROWS_SHOWN = 4
"""So many rows are named of a place at which readers differ."""


def check_agreement(log: Log, rules: Rules, beside: Beside) -> Culprits:
    """Broken when two readers, or a reader and the log, have different batches at one position.

    Counts those positions, and what was read where the log has nothing.
    """
    polars = polars_module()
    read, table = read_rows(log, beside), beside.readers
    assert table is not None
    place = [name for name in ("log", "position") if name in read.columns]
    every = polars.concat([written_rows(log, read.columns), read], how="vertical_relaxed")
    differing = every.group_by(place, maintain_order=True).agg(
        polars.struct("client", "seq").n_unique().alias("different"),
        polars.col("reader").is_null().any().alias("written"),
    )
    wrong_places = differing.filter((polars.col("different") > 1) | ~polars.col("written"))
    if not wrong_places.height:
        return Culprits(0, differing.height)
    rows = every.join(wrong_places.head(1), on=place, how="semi").unique(
        ["client", "seq"], keep="first", maintain_order=True
    )
    found = [(log.path if row["reader"] is None else table.path, row["row"]) for row in rows.head(4).to_dicts()]
    worst = _worst_places(wrong_places, read, place, table.path)
    return Culprits(wrong_places.height, differing.height, _disagreement(rows), tuple(found), worst=worst)


def _worst_places(
    wrong: polars.DataFrame, read: polars.DataFrame, place: Sequence[str], path: Path
) -> tuple[Culprit, ...]:
    """Return where the most different batches are, with the first rows in which readers read there."""
    most = wrong.sort("different", descending=True, maintain_order=True).head(WORST_COUNT)
    rows = most.join(read, on=place, how="left", maintain_order="left").group_by(place, maintain_order=True)
    listed = rows.agg("different", "row")
    shown = zip(listed["different"].to_list(), listed["row"].to_list(), strict=True)
    return tuple(Culprit(tuple(each[:ROWS_SHOWN]), different[0], path) for different, each in shown)


def _disagreement(rows: polars.DataFrame) -> str:
    first = rows.row(0, named=True)
    where = f"position {first['position']}" + (f" of log {first['log']}" if "log" in first else "")
    said = []
    for row in rows.head(2).to_dicts():
        reader = "the log has" if row["reader"] is None else f"reader {row['reader']} read"
        said.append(f"{reader} client {row['client']} batch {row['seq']}")
    return f"{where}: {' and '.join(said)}" if len(said) > 1 else f"{where}: {said[0]}, and the log has nothing there"


def check_reading(log: Log, rules: Rules, beside: Beside) -> Culprits:
    """Broken when a reader steps back, reads a position again, or passes over one that others have.

    Counts those steps. A reader may begin anywhere.
    """
    polars = polars_module()
    read, table = read_rows(log, beside), beside.readers
    assert table is not None
    group = [name for name in ("log", "reader") if name in read.columns]
    before = polars.col("position").shift(1).over(group)
    steps = read.with_columns(before.alias("before"), polars.col("row").shift(1).over(group).alias("row_before"))
    there = polars.concat([written_rows(log, read.columns), read], how="vertical_relaxed")
    place = [name for name in ("log", "position") if name in read.columns]
    following = there.select(place).unique().sort(place)
    logs = place[:-1]
    shifted = polars.col("position").shift(1)
    following = following.with_columns((shifted.over(logs) if logs else shifted).alias("expected"))
    steps = steps.join(following, on=place, how="left", maintain_order="left")
    wrong = polars.col("before").is_not_null() & (
        (polars.col("position") <= polars.col("before")) | (polars.col("expected") > polars.col("before"))
    )
    found = steps.filter(wrong)
    if not found.height:
        return Culprits(0, steps.height)
    first = found.row(0, named=True)
    anomaly, said = _step(first)
    rows = ((table.path, first["row_before"]), (table.path, first["row"]))
    far = (found["position"] - found["before"]).abs().to_list()
    pairs = list(zip(found["row_before"].to_list(), found["row"].to_list(), strict=True))
    worst = tuple(each._replace(path=table.path) for each in worst_of(far, pairs.__getitem__))
    return Culprits(found.height, steps.height, f"reader {first['reader']} {said}", rows, anomaly, worst)


def _step(step: dict[str, int]) -> tuple[str, str]:
    before, position = step["before"], step["position"]
    if position < before:
        return "regress", f"steps back from position {before} to {position}"
    if position == before:
        return "repeat", f"reads position {position} again"
    return "skip", f"goes on from position {before} to {position}, past {step['expected']}"


def read_rows(log: Log, beside: Beside) -> polars.DataFrame:
    """Return what readers read, a row each: log (if any), position, client, seq, reader and row."""
    table = beside.readers
    assert table is not None
    if log.log_id is not None and "log" not in table and not is_one(log.log_id):
        raise FormatError(table.path, "column is missing: positions begin again in each log", row=0, column="log")
    columns: dict[str, Any] = {"log": table.words("log")} if "log" in table else {}
    columns |= {
        "position": _positions(log, table),
        "client": table.words("client_id"),
        "seq": table.integers("batch_seq", 0),
        "reader": table.words("reader_id"),
        "row": table.rows,
    }
    return new_frame(columns)


def _positions(log: Log, table: Table) -> IntColumn:
    """Return where a reader read, numbered as the log is; behind all of it where the log has no such position."""
    parts, first_parts = table.two_parts("start_position"), log.first_parts
    if parts is None or first_parts is None:
        if len(table) and (parts is None) != (first_parts is None):
            expected = "positions in two parts, as in the log" if parts is None else "one integer, as in the log"
            raise FormatError(table.path, f"expected {expected}", column=table.name_of("start_position"))
        return table.integers("start_position", 0)
    polars = polars_module()
    begins = new_frame(first_parts._asdict() | {"log": words_of(first_parts.log_id, log.log_names)})
    place = ["log", "part"] if "log" in table else ["part"]
    read = new_frame(({"log": table.words("log")} if "log" in table else {}) | {"part": parts[0], "low": parts[1]})
    read = read.join(begins, on=place, how="left", maintain_order="left")
    is_there = (polars.col("low") < polars.col("size")).fill_null(False)
    end = int((first_parts.begin + first_parts.size).max())
    behind = polars.struct("part", "low").rank("dense").cast(polars.Int64) + end
    found = read.select(polars.when(is_there).then(polars.col("begin") + polars.col("low")).otherwise(behind))
    numbers: IntColumn = found.to_series().to_numpy()
    return numbers


def written_rows(log: Log, columns: list[str]) -> polars.DataFrame:
    """Return what the log has at each position, as if a reader without a name had read it."""
    polars = polars_module()
    history = log.history
    rows = np.arange(1, len(history) + 1) if log.rows is None else log.rows
    made = {
        "log": words_of(np.zeros(len(history), dtype=np.int64) if log.log_id is None else log.log_id, log.log_names),
        "position": history.start_position,
        "client": words_of(history.client_id, log.client_names),
        "seq": history.batch_seq,
        "reader": polars.Series([None], dtype=polars.String).new_from_index(0, len(history)),
        "row": rows,
    }
    return new_frame({name: made[name] for name in columns})
