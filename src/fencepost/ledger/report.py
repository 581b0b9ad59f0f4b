"""The ledger as a Report: one row a claim on one screen, the evidence on request, a page in HTML."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fencepost.ledger.claim import Answer, Found, Row
from fencepost.model.contract import Verdict, worst
from fencepost.model.page_policy import NO_SCRIPT
from fencepost.model.report import Finding, Report, summary
from fencepost.model.writing import kept, store

WIDTH = 80
_ORDER = tuple(Answer)
_WHY_LINES = 2  # of a row on the one screen


@dataclass(frozen=True, repr=False)
class ClaimsReport(Report):
    """The claims that were asked about, each settled by what was found now. `report["C2"].answer` is one of them."""

    rows: tuple[Row, ...] = ()
    seconds: float = 0.0
    quick: bool = False

    def __getitem__(self, claim: str) -> Row:
        return next(row for row in self.rows if row.claim.id == claim)

    @property
    def verdict(self) -> Verdict:
        """Unknown where a claim is; else violated where one is refuted, or not so on this machine."""
        answers = {row.answer for row in self.rows}
        if self.is_interrupted or not answers or Answer.UNKNOWN in answers:
            return Verdict.UNKNOWN
        return worst([each.verdict for each in self.findings])

    def more(self) -> dict[str, Any]:
        return {"quick": self.quick, "seconds": round(self.seconds, 3), "counts": self.counts()}

    def counts(self) -> dict[str, int]:
        """Return how many claims came out in each way."""
        return {str(answer): sum(row.answer is answer for row in self.rows) for answer in _ORDER}

    def lines(self) -> Iterator[str]:
        """Yield the one screen: three lines a claim of 80 columns at most, then what came of all."""
        for row in self.rows:
            head = f"{row.claim.id:<4}{row.claim.title}"
            yield f"{head:<{WIDTH - 24}} {row.answer}".rstrip()
            yield from (f"    {line}" for line in _shortened(row.why))
        if not self.rows:
            yield "no claim was settled"
        yield ""
        yield ", ".join(f"{count} {answer}" for answer, count in self.counts().items() if count)
        yield "evidence, commands and traces: -v"

    def verbose_lines(self) -> Iterator[str]:
        """Yield every claim as stated, where it stands, and each piece of its evidence with the command for it."""
        for row in self.rows:
            yield f"{row.claim.id}: {row.claim.statement}"
            yield f"    stated in: {row.claim.where}"
            yield from textwrap.wrap(
                f"{row.answer}: {row.why}", WIDTH, initial_indent="    ", subsequent_indent="      "
            )
            for evidence in row.claim.evidence:
                found = row.found.get(evidence.name, Found(failed="was not asked"))
                yield from textwrap.wrap(
                    f"- {evidence.name} ({evidence.engine}): {said(found)}", WIDTH, initial_indent="    ",
                    subsequent_indent="      ",
                )  # fmt: skip
                if found.trace is not None:
                    yield f"      fencepost replay {found.trace}"
                yield f"      {evidence.command}"
            yield ""
        yield ", ".join(f"{count} {answer}" for answer, count in self.counts().items() if count)

    def summary(self) -> str:
        counts = {str(answer).replace(" ", "_"): count for answer, count in self.counts().items()}
        deciding = [] if self.verdict.passes else [row for row in self.rows if _verdict(row) is self.verdict]
        first = next((row.claim.id for row in sorted(deciding, key=lambda row: row.answer is not Answer.UNKNOWN)), None)
        return summary(
            verdict=self.verdict, property=first, seed=self.seed, trace=None, claims=len(self.rows), **counts
        )

    def page(self) -> str:
        """Return the ledger as a page that needs nothing else: a row a claim, its evidence to be opened."""
        counts = html.escape(", ".join(f"{count} {answer}" for answer, count in self.counts().items() if count))
        return _PAGE.format(policy=NO_SCRIPT, counts=counts, table=self.table())

    def table(self) -> str:
        """Return the table of that page alone."""
        rows = "\n".join(_page_row(row) for row in self.rows)
        return f"<table>{rows}</table>"


def said(found: Found) -> str:
    """Return what came of a piece of evidence, in one sentence."""
    if found.failed:
        return f"did not come about: {found.failed}"
    if found.unavailable:
        return found.unavailable
    undecided = found.figure.undecided if found.figure else ""
    verdict = f"{found.verdict}; " if found.verdict is not None else ""
    return f"{verdict}{found.words}{f' (not decided: {undecided})' if undecided else ''}"


def finding_of(row: Row) -> Finding:
    """Return a row as a finding: its verdict in the contract's words, the evidence in its details."""
    evidence = [
        {
            "obligation": each.name, "engine": each.engine, "command": each.command,
            **_evidence_json(row.found.get(each.name, Found(failed="was not asked"))),
        }
        for each in row.claim.evidence
    ]  # fmt: skip
    trace = next((found.trace for found in row.found.values() if found.trace is not None), None)
    return Finding(
        row.claim.id, row.claim.title, "+".join(dict.fromkeys(each.engine for each in row.claim.evidence)),
        _verdict(row), bound=str(row.answer), seconds=sum(each.seconds for each in row.found.values()), trace=trace,
        explanation=row.why,
        details={
            "claim": row.claim.statement, "stated_in": row.claim.where, "answer": str(row.answer), "evidence": evidence,
        },
    )  # fmt: skip


def _verdict(row: Row) -> Verdict:
    """Return a row's answer in the contract's words.

    What depends on the machine was decided: on this one it is not as stated. Where this machine cannot show it, and
    where evidence did not come about, nothing is.
    """
    if row.answer in (Answer.REFUTED, Answer.MACHINE):
        return Verdict.VIOLATED
    if row.answer in (Answer.UNKNOWN, Answer.NOT_DECIDABLE):
        return Verdict.UNKNOWN
    passing = [found.verdict for found in row.found.values() if found.verdict is not None and found.verdict.passes]
    return worst(passing) if passing else Verdict.NOT_FOUND


def _evidence_json(found: Found) -> dict[str, Any]:
    figure = found.figure
    return {
        "verdict": found.verdict, "words": said(found), "trace": found.trace, "seconds": round(found.seconds, 3),
        "figure": None if figure is None else {
            "value": figure.value, "low": figure.low, "high": figure.high, "unit": figure.unit, "n": figure.n,
            "undecided": figure.undecided or None,
        },
        "unavailable": found.unavailable or None, "failed": found.failed or None,
    }  # fmt: skip


def _shortened(text: str) -> list[str]:
    lines = textwrap.wrap(text, WIDTH - 4)
    if len(lines) <= _WHY_LINES:
        return lines
    return [
        *lines[: _WHY_LINES - 1],
        textwrap.shorten(" ".join(lines[_WHY_LINES - 1 :]), WIDTH - 4, placeholder=" ..."),
    ]


def _page_row(row: Row) -> str:
    items = "".join(
        f"<li><b>{html.escape(each.name)}</b> ({each.engine}): {html.escape(said(row.found[each.name]))}"
        f"<br><code>{html.escape(each.command)}</code></li>"
        for each in row.claim.evidence if each.name in row.found
    )  # fmt: skip
    return (
        f'<tr class="{row.answer.name.lower()}"><td>{row.claim.id}</td><td>{html.escape(row.claim.statement)}'
        f"<br><small>{html.escape(row.claim.where)}</small></td><td><b>{row.answer}</b></td>"
        f"<td>{html.escape(row.why)}<details><summary>evidence</summary><ul>{items}</ul></details></td></tr>"
    )


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">{policy}<title>fencepost claims</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; }}
table {{ border-collapse: collapse; width: 100%; }}
td {{ border-top: 1px solid #ccc; padding: .5em; vertical-align: top; }}
tr.refuted b {{ color: #b00020; }} tr.holds b {{ color: #1b6e20; }} tr.unknown b {{ color: #8a6d00; }}
</style></head><body>
<h1>The claims of 2026-01-26, settled</h1>
<p>{counts}</p>
{table}
</body></html>
"""


def write_page(report: ClaimsReport, path: Path) -> None:
    """Write the ledger's page."""
    kept(path, partial(store, data=report.page()))
