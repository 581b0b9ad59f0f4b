"""Real time of a file in which batches come more than once: ordered means the first copy, with the batch's times."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fencepost.model.errors import FormatError
from fencepost.model.histories.files.frames import new_frame, polars_module
from fencepost.model.histories.passes.file_pieces import FilePieces, Piece
from fencepost.model.histories.passes.one_pass import Breach, Copy, PassMaker
from fencepost.model.histories.records import NEVER, IntColumn
from fencepost.model.histories.rules import Rules

if TYPE_CHECKING:
    import polars

_KEYS = ("client_id", "batch_seq")
_COLUMNS = (*_KEYS, "start_position", "message_count", "sent_ns", "acked_ns")


def real_time_of_firsts(
    pieces: FilePieces, copies: list[Copy], make_pass: PassMaker, rules: Rules
) -> tuple[Breach, str] | None:
    """Return what is broken of real time, and why it has nothing to say or ""; None where a pass cannot tell."""
    listed = _rows_of(pieces, copies)
    batches = listed.group_by(_KEYS, maintain_order=True).agg(
        polars_module().col("row").first(), *(_earliest(name) for name in ("sent_ns", "acked_ns"))
    )
    if ((batches["acked_ns"] < batches["sent_ns"]) & (batches["acked_ns"] != NEVER)).any():
        raise FormatError(pieces.source.path, "a batch was acked before it was sent")
    one_pass = make_pass(["real-time"], rules, False)
    all_rows, batches = listed["row"].sort().to_numpy(), batches.sort("row")
    firsts = {name: batches[name].to_numpy() for name in ("row", "sent_ns", "acked_ns")}
    for piece in pieces.read(_COLUMNS[2:]):
        columns, rows = _of_firsts(piece, all_rows, firsts)
        if len(rows) and not one_pass.add(columns, rows):
            return None
    breach = one_pass.found()["real-time"]
    return replace(breach, rows=_with_times(breach.rows, listed)), one_pass.nothing_in_real_time()


def _earliest(name: str) -> polars.Expr:
    col = polars_module().col(name)
    earliest: polars.Expr = col.filter(col != NEVER).min().fill_null(NEVER)
    return earliest


def _rows_of(pieces: FilePieces, copies: list[Copy]) -> polars.DataFrame:
    """Return all rows of the batches of which there are copies, each batch's first copy before its others."""
    keys = {key: [getattr(each, key) for each in copies] for key in _KEYS}
    wanted = new_frame(keys).unique()
    found = []
    for piece in pieces.read(_COLUMNS):
        rows = np.arange(piece.first_row, piece.first_row + piece.size)
        found.append(new_frame(piece.columns | {"row": rows}).join(wanted, on=_KEYS, how="semi"))
    frame: polars.DataFrame = polars_module().concat(found).sort("start_position", "message_count", "row")
    return frame


def _of_firsts(
    piece: Piece, all_rows: IntColumn, firsts: dict[str, IntColumn]
) -> tuple[dict[str, IntColumn], IntColumn]:
    """Return the columns of a piece and the numbers of its rows, without copies, and with the times of batches."""
    end = piece.first_row + piece.size
    first, last = np.searchsorted(firsts["row"], [piece.first_row, end])
    here = firsts["row"][first:last] - piece.first_row
    columns = dict(piece.columns)
    for name in ("sent_ns", "acked_ns"):
        columns[name] = columns[name].copy()
        columns[name][here] = firsts[name][first:last]
    kept = np.ones(piece.size, dtype=bool)
    begin, after = np.searchsorted(all_rows, [piece.first_row, end])
    kept[all_rows[begin:after] - piece.first_row] = False
    kept[here] = True
    return {name: column[kept] for name, column in columns.items()}, np.flatnonzero(kept) + piece.first_row


def _with_times(rows: tuple[int, ...], listed: polars.DataFrame) -> tuple[int, ...]:
    """Return a breach's rows with those that record the earliest times: of the first an ack, of the second a send."""
    col = polars_module().col
    more: list[int] = []
    for row, time in zip(rows, ("acked_ns", "sent_ns"), strict=False):
        batch = listed.filter(col("row") == row).select(_KEYS)
        same = listed.join(batch, on=_KEYS, how="semi").filter(col(time) != NEVER).sort(time, "row")
        recorded = same.filter(col(time) == same[time][0])["row"].to_list() if same.height else []
        more += [row] if row in recorded or not recorded else recorded[:1]
    return tuple(dict.fromkeys((*rows, *more)))
