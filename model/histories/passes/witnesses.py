"""What a pass found as findings, with the rows of each witness read from the file once more.

What those rows say is asked of the check of the property itself, on these rows alone: a witness breaks its property
without any others.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from fencepost.model.contract import Verdict
from fencepost.model.histories.checks.searches import CHECKS
from fencepost.model.histories.checks.verify import Finding, Witness, bound_of, found_broken
from fencepost.model.histories.log import Fillers, Log, Part
from fencepost.model.histories.passes.file_pieces import FilePieces
from fencepost.model.histories.passes.one_pass import Breach, OnePass, numbered_from_one
from fencepost.model.histories.passes.page import AROUND
from fencepost.model.histories.records import History, OrderedBatch
from fencepost.model.histories.rules import Rules


def findings_of(
    pieces: FilePieces, found: Mapping[str, Breach], rules: Rules, one_pass: OnePass, row_count: int
) -> tuple[list[Finding], Log | None]:
    """Return what was found, and the rows around the witnesses as a log; None where nothing is broken."""
    bound = bound_of(row_count)
    broken = {name: breach for name, breach in found.items() if breach.count}
    held = [Finding(name, Verdict.NOT_FOUND, bound, 0, None) for name in found if name not in broken]
    if not broken:
        return held, None
    again = one_pass.copies()[0] if "once" in broken else None
    rows = {row for breach in broken.values() for row in breach.rows} | (set() if again is None else {again.row})
    of = [] if again is None else [(again.client_id, again.batch_seq)]
    batches, firsts = pieces.batches(_around(rows, row_count), of)
    if again is not None:
        broken["once"] = replace(broken["once"], rows=(firsts[of[0]], again.row))
    log = Log(
        History.from_rows([batches[row] for row in sorted(batches)]),
        rows=np.array(sorted(batches), dtype=np.int64) + 1,
        client_names=pieces.client_names,
        path=pieces.source.path,
    )
    return held + [_finding(name, each, batches, rules, log, bound) for name, each in broken.items()], log


def _around(rows: set[int], row_count: int) -> set[int]:
    return {near for row in rows for near in range(max(0, row - AROUND), min(row_count, row + AROUND + 1))}


def _finding(
    name: str, breach: Breach, batches: Mapping[int, OrderedBatch], rules: Rules, log: Log, bound: str
) -> Finding:
    """Return a property as violated; `batches` are by their row in the file, from 0."""
    rows = sorted(breach.rows)
    if name == "prefix":
        rules = replace(rules, first_seq=breach.low)
    if name == "dense" and len(rows) > 1:
        rules = replace(rules, from_position=min(batches[row].start_position for row in rows))
    history = History.from_rows([batches[row] for row in rows])
    part = Part(history, np.arange(len(rows)), rules, Fillers.none(), dict(enumerate(log.client_names)))
    violation = CHECKS[name](part)
    assert violation is not None, f"{name}: rows {rows} break nothing"
    places = [rows[index] for index in violation.indexes]
    witness = Witness(
        tuple(place + 1 for place in places),
        tuple(batches[p] for p in places),
        violation.sentence,
        (log.path,) * len(places),
    )
    return found_broken(name, bound, breach.count, witness, numbered_from_one(breach.worst))
