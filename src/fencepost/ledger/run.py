"""Settling claims: evidence that is decided side by side, evidence that is timed alone, then the rules."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from fencepost.arguments import check_arguments, path_of
from fencepost.ledger import machine, order4, order5, publication
from fencepost.ledger.claim import Asked, Claim, Evidence, Found, settled
from fencepost.ledger.figures import QUICK_REPETITIONS, REPETITIONS
from fencepost.ledger.report import ClaimsReport, finding_of
from fencepost.model.errors import Interrupted, unknown_choice
from fencepost.model.processes import Ended, as_they_end
from fencepost.model.report import Progress

_ALL = (*order5.CLAIMS, *order4.CLAIMS, *publication.CLAIMS, *machine.CLAIMS)
CLAIMS: dict[str, Claim] = {each.id: each for each in sorted(_ALL, key=lambda each: int(each.id[1:]))}
SECONDS_MOST = 600.0  # of one piece of evidence
LONGER = 4  # times as many repetitions where measured evidence leaves a claim open: an interval half as wide

Key = tuple[str, str]  # claim, evidence


def claims(
    ids: Sequence[str] = (),
    *,
    quick: bool = False,
    seed: int = 0,
    jobs: int = 2,
    out: str | Path | None = None,
    on_progress: Progress | None = None,
) -> ClaimsReport:
    """Settle the claims of these names, by default all fifteen, by evidence that is made now.

        >>> report = fencepost.claims(["C11"], quick=True)
        >>> str(report["C11"].answer), str(report.verdict)
        ('refuted', 'violated')

    `quick` repeats measurements less often; with `out`, violating runs are written there. Evidence that cannot be made
    makes its claim unknown, and only that one. Raises InputError for an unknown claim, Interrupted with a report of the
    claims whose evidence was complete.
    """
    for name in ids:
        if name not in CLAIMS:
            raise unknown_choice("claim", name, CLAIMS)
    check_arguments(seed=seed, jobs=jobs)
    out = path_of("out", out)
    asked = Asked(quick, seed, out, QUICK_REPETITIONS if quick else REPETITIONS)
    chosen = [CLAIMS[name] for name in CLAIMS if not ids or name in ids]
    began = time.perf_counter()
    found: dict[Key, Found] = {}
    try:
        _gather(chosen, asked, jobs, on_progress or (lambda message: None), found)
    except KeyboardInterrupt:
        over = [each for each in chosen if all((each.id, one.name) in found for one in each.evidence)]
        raise Interrupted(_report(over, found, asked, began, is_interrupted=True)) from None
    return _report(chosen, found, asked, began)


def _report(
    chosen: Sequence[Claim], found: dict[Key, Found], asked: Asked, began: float, *, is_interrupted: bool = False
) -> ClaimsReport:
    rows = tuple(
        settled(each, {one.name: found[each.id, one.name] for one in each.evidence if (each.id, one.name) in found})
        for each in chosen
    )
    return ClaimsReport(
        "claims",
        tuple(map(finding_of, rows)),
        asked.seed,
        is_interrupted,
        rows,
        time.perf_counter() - began,
        asked.quick,
    )


def _gather(chosen: Sequence[Claim], asked: Asked, jobs: int, progress: Progress, found: dict[Key, Found]) -> None:
    """Make all evidence: what is timed after everything else, one by one; what is left open once more, for longer.

    What was measured longer stands alone: figures of both times together would be of repetitions that their own outcome
    chose.
    """
    pieces = [((claim.id, each.name), each) for claim in chosen for each in claim.evidence]
    timed = [(key, each) for key, each in pieces if each.is_timed]
    _make([piece for piece in pieces if piece not in timed], asked, jobs, progress, found)
    _make(timed, asked, 1, progress, found)
    rows = [settled(each, {one.name: found[each.id, one.name] for one in each.evidence}) for each in chosen]
    left_open = [row.claim.id for row in rows if row.is_left_open]
    longer = replace(asked, repetitions=LONGER * asked.repetitions)
    _make([(key, each) for key, each in timed if key[0] in left_open], longer, 1, progress, found)


def _make(
    pieces: Sequence[tuple[Key, Evidence]], asked: Asked, jobs: int, progress: Progress, found: dict[Key, Found]
) -> None:
    """Make these pieces of evidence, each in a process of its own."""
    works = [partial(ask, each, asked) for _, each in pieces]
    with closing(as_they_end(works, jobs, SECONDS_MOST)) as results:
        for done_count, (number, result) in enumerate(results, 1):
            key = pieces[number][0]
            found[key] = Found(failed=result.sentence) if isinstance(result, Ended) else result
            progress(f"{done_count} of {len(pieces)}, {asked.repetitions} repetitions: {key[0]}, {key[1]}")


def ask(evidence: Evidence, asked: Asked) -> Found:
    """Make one piece of evidence; what raises is evidence that did not come about."""
    began = time.perf_counter()
    try:
        found = evidence.ask(asked)
    except Exception as error:  # whatever it is, its claim is unknown, and the others are not touched
        found = Found(failed=f"{type(error).__name__}: {error}")
    return replace(found, seconds=time.perf_counter() - began)
