"""What was sent and acknowledged against what is in the log: `lost`, `invented` and `drained`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fencepost.model.histories.checks.beside import ACKNOWLEDGED, FAILED, SILENT, Batches, Beside, Culprits, batches_of
from fencepost.model.histories.files.frames import polars_module
from fencepost.model.histories.log import Log
from fencepost.model.histories.passes.one_pass import WORST_COUNT, Culprit
from fencepost.model.histories.rules import Rules

if TYPE_CHECKING:
    import polars


def check_lost(log: Log, rules: Rules, beside: Beside) -> Culprits:
    """Broken when a batch was acknowledged and is not in the log. Counts those batches."""
    acks = acknowledged(beside)
    frame, keys = batches_of(log, rules, acks)
    polars = polars_module()
    rows = acks.frame.filter(polars.col("outcome") == ACKNOWLEDGED)
    missing = rows.join(frame, on=keys, how="anti", maintain_order="left").unique(
        keys, keep="first", maintain_order=True
    )
    if rules.first_seq is None:
        # Older ones may be gone: of a client, only what is behind its first that is there can be missed.
        numbering = [key for key in keys if key != "seq"]
        firsts = frame.group_by(numbering).agg(polars.col("seq").min().alias("first"))
        missing = missing.join(firsts, on=numbering, maintain_order="left").filter(
            polars.col("seq") > polars.col("first")
        )
    return _culprits(missing, acks, rows.height, "was acknowledged and is not in the log")


def check_invented(log: Log, rules: Rules, beside: Beside) -> Culprits:
    """Broken when a batch is in the log that was never sent, or whose sending failed. Counts those batches."""
    assert beside.sent is not None
    frame, keys = batches_of(log, rules, beside.sent)
    col = polars_module().col
    possible = beside.sent.frame.filter(col("outcome") != FAILED)
    strange = frame.join(possible, on=keys, how="anti", maintain_order="left").unique(
        keys, keep="first", maintain_order=True
    )
    if not strange.height:
        return Culprits(0, frame.height)
    first = strange.row(0, named=True)
    failed = beside.sent.frame.join(strange.head(1), on=keys, how="semi")
    said = "though sending it failed" if failed.height else "and was never sent"
    rows = [(log.path, first["log_row"]), *((beside.sent.path, row) for row in failed["row"].to_list()[:1])]
    worst = tuple(Culprit((row,), 1) for row in strange["log_row"].to_list()[:WORST_COUNT])
    return Culprits(strange.height, frame.height, f"{_name(first)} is in the log, {said}", tuple(rows), worst=worst)


def check_drained(log: Log, rules: Rules, beside: Beside) -> Culprits:
    """Broken when a batch was sent that a drained run owes and is not in the log. Counts those batches.

    Of a client whose batches are ordered by number, a batch is owed if all before it are there or owed. A batch
    that was acknowledged is `lost`'s, and one that failed, or may have, is owed to nobody.
    """
    assert beside.sent is not None
    polars = polars_module()
    frame, keys = batches_of(log, rules, beside.sent)
    rows = beside.sent.frame.unique(keys, keep="first", maintain_order=True)
    there = frame.unique(keys).select([*keys, polars.lit(True).alias("there")])
    rows = rows.join(there, on=keys, how="full", coalesce=True, maintain_order="left_right")
    rows = rows.with_columns(polars.col("there").fill_null(False))
    owed = ~polars.col("there") & (polars.col("outcome") == SILENT)
    if rules.in_order:
        numbering = [key for key in keys if key != "seq"]
        behind = polars.col("seq").shift(1).over(numbering, order_by="seq")
        first = polars.col("seq") if rules.first_seq is None else polars.lit(rules.first_seq)
        is_broken = (polars.col("seq") != polars.coalesce(behind + 1, first)) | ~(polars.col("there") | owed)
        rows = rows.sort([*numbering, "seq"]).with_columns(is_broken.alias("broken"))
        owed = owed & ~polars.col("broken").cum_max().over(numbering)
    return _culprits(rows.filter(owed), beside.sent, rows["row"].count(), "was sent and is not in the log")


def acknowledged(beside: Beside) -> Batches:
    """Return the rows that say what was acknowledged: those of a file of acknowledgements, or of what was sent."""
    if beside.acks is None:
        assert beside.sent is not None
        return beside.sent
    if beside.acks.has_outcomes:
        return beside.acks
    polars = polars_module()
    frame = beside.acks.frame.with_columns(polars.lit(ACKNOWLEDGED).alias("outcome"))
    return Batches(beside.acks.path, frame, has_outcomes=True)


def _culprits(missing: polars.DataFrame, of: Batches, asked_count: int, said: str) -> Culprits:
    if not missing.height:
        return Culprits(0, asked_count)
    first = missing.row(0, named=True)
    worst = tuple(Culprit((row,), 1, of.path) for row in missing["row"].to_list()[:WORST_COUNT])
    return Culprits(missing.height, asked_count, f"{_name(first)} {said}", ((of.path, first["row"]),), worst=worst)


def _name(batch: dict[str, object]) -> str:
    said = (("epoch", "in epoch"), ("broker", "at broker"), ("log", "in log"))
    more = [f"{words} {batch[name]}" for name, words in said if name in batch]
    return " ".join([f"client {batch['client']} batch {batch['seq']}", *more])
