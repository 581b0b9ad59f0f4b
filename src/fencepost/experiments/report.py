"""The report of a run: its figures as files, and one page with verdicts, figures, claims and counterexamples."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fencepost.arguments import check_arguments, path_of
from fencepost.experiments.figures import Drawn, drawn, write_figures
from fencepost.experiments.figures.trials import FINISHED, VIOLATED
from fencepost.experiments.page import page
from fencepost.experiments.run import Run
from fencepost.experiments.running import resume_line
from fencepost.experiments.spec import Sweep
from fencepost.ledger import ClaimsReport, claims
from fencepost.model.errors import InputError
from fencepost.model.report import Finding, Progress
from fencepost.model.writing import NotWritten, kept, store
from fencepost.reports.experiment import report_of


@dataclass(frozen=True)
class Written:
    """What a report consists of: the page, the files of figures, and why some figures could not be drawn."""

    page: Path | None
    figures: tuple[Drawn, ...]
    files: tuple[Path, ...]
    undrawn: tuple[str, ...]


def write_report(
    run: Run,
    out: str | Path | None = None,
    *,
    partial: bool = False,
    jobs: int = 2,
    on_progress: Progress | None = None,
) -> Written:
    """Write the page of a run, and beside it, in a folder of its name, every figure as PDF, SVG, PNG and CSV.

    >>> written = fencepost.Run.open("fencepost-out/smoke.db").report("smoke.html")
    >>> written.page.name, [path.name for path in written.files][:2]
    ('smoke.html', ['01-latency-load-load.pdf', '01-latency-load-load.svg'])

    out      the page; by default the store's name with .html
    partial  also of a run with missing trials; each figure then says of how many it is
    jobs     processes for the evidence of the claims that the spec names, which is made now (`fencepost.claims`)

    Raises InputError where trials are missing, and where matplotlib is not installed. A figure that cannot be read as
    the spec has it (too many series) is left out with a `NotWritten` warning, and the page says why.
    """
    check_arguments(jobs=jobs)
    tell = on_progress or (lambda message: None)
    place = path_of("out", out) or run.path.with_suffix(".html")
    _refuse_missing(run, partial)
    frame = run.to_frame()
    figures, undrawn = _figures(run, frame, tell)
    settled = _claims(run, jobs, tell)
    folder = place.with_suffix("")
    files = write_figures(figures, folder)
    verdicts = [_verdict(each) for each in report_of(run).findings]
    text = page(
        run.spec.name, _heading(run), verdicts, _wrong(frame), figures, total=frame.height, undrawn=undrawn,
        claims=settled, manifest=run.manifest, where=run.path.parent,
    )  # fmt: skip
    written = kept(place, lambda path: store(path, text))
    return Written(written, tuple(figures), tuple(files), tuple(undrawn))


def _refuse_missing(run: Run, partial: bool) -> None:
    if run.missing and not partial:
        raise InputError(
            f"{run.path}: {run.missing} of {run.total} trials are missing, so means over them would be of other trials "
            f"than the spec's: {resume_line(run.path)}, or ask for what there is with --partial"
        )
    if not run.finished:
        raise InputError(f"{run.path}: no trial is finished: {resume_line(run.path)}")


def _figures(run: Run, frame: Any, tell: Progress) -> tuple[list[Drawn], list[str]]:
    """Draw what can be drawn of the spec's figures; return it, and why the others cannot."""
    figures, undrawn = [], []
    for number, asked in enumerate(run.spec.figures, 1):
        sweep = run.spec.sweep(asked.sweep)
        total, finished = _count(run, sweep), sum(run.statuses(sweep.name).values())
        note = "" if finished == total else f"Partial: {finished}/{total} trials."
        tell(f"figure {number} of {len(run.spec.figures)}: {asked.kind} of {asked.sweep}")
        try:
            figures.append(drawn(asked, frame, number, note=note))
        except InputError as error:
            undrawn.append(str(error))
            warnings.warn(NotWritten(str(error)), stacklevel=3)
    return figures, undrawn


def _claims(run: Run, jobs: int, tell: Progress) -> ClaimsReport | None:
    """Settle the claims that the spec names, by evidence that is made now."""
    names = run.spec.claims
    if not names:
        return None

    def said(message: str) -> None:
        tell(f"claims: {message}")

    return claims(names, quick=True, seed=run.spec.seed, jobs=jobs, on_progress=said)


def _wrong(frame: Any) -> list[dict[str, Any]]:
    """Return the trials that the page names: violated, or without figures."""
    return list(frame.filter((frame["verdict"] == VIOLATED) | (frame["status"] != FINISHED)).to_dicts())


def _count(run: Run, sweep: Sweep) -> int:
    return sweep.combination_count * run.spec.replications


def _heading(run: Run) -> str:
    """Return what the page says first: of how many trials it is."""
    spec, n = run.spec, f"{run.finished}/{run.total} trials"
    partial_note = "" if not run.missing else f" This is a partial report: {run.missing} are missing."
    sweeps = "1 sweep" if len(spec.sweeps) == 1 else f"{len(spec.sweeps)} sweeps"
    return f"{n} of {sweeps}, {spec.replications} replications of each setting, seed {spec.seed}.{partial_note}"


def _verdict(finding: Finding) -> dict[str, Any]:
    return {
        "sweep": finding.target, "engine": finding.engine, "verdict": str(finding.verdict), "bound": finding.bound,
        "why": finding.explanation,
    }  # fmt: skip


def lines(written: Written) -> Iterable[str]:
    """Yield a line a figure and a line a file, for the command."""
    for each in written.figures:
        yield f"{each.name}: {each.caption}"
    if written.files:
        yield f"wrote {written.files[0].parent}: {len(written.files)} files of {len(written.figures)} figures"
    if written.page is not None:
        yield f"wrote {written.page}"


def in_json(written: Written) -> dict[str, Any]:
    """Return what was written, for the command's JSON document."""
    return {
        "page": None if written.page is None else str(written.page),
        "figures": [{"name": each.name, "caption": each.caption} for each in written.figures],
        "files": [str(each) for each in written.files],
        "undrawn": list(written.undrawn),
    }
