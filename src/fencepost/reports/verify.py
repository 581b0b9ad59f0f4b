"""What `verify` found: of each history, what it shows of what was asked, and which files could not be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fencepost.model.contract import Level, Verdict, worst
from fencepost.model.histories import Finding as Shown
from fencepost.model.histories import Verification
from fencepost.model.histories.checks.verify import MEASURES
from fencepost.model.histories.passes.one_pass import Culprit
from fencepost.model.report import Finding, Report, table

ENGINE = "history"
"""What looks: the history checker, which is none of the engines that run something."""
READABLE = "readable"
"""What is asked of a file before anything else."""


class Checked(NamedTuple):
    """One history: where it is from, what it shows, or why it could not be read."""

    name: str
    path: Path | None
    verification: Verification | None
    error: str = ""


@dataclass(frozen=True, repr=False)
class VerifyReport(Report):
    """What `verify` found: `checked` has a verification for each history, with the rows of every witness."""

    level: Level | None = None
    checked: tuple[Checked, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The verdict of each history is by what it shows; one that could not be read is unknown."""
        each = [Verdict.UNKNOWN if one.verification is None else one.verification.verdict for one in self.checked]
        found = worst(each)
        return Verdict.UNKNOWN if self.is_interrupted and found.passes else found

    @property
    def unread(self) -> tuple[Checked, ...]:
        """The files that could not be read, with the reason."""
        return tuple(each for each in self.checked if each.verification is None)

    def __getitem__(self, name: str) -> Finding:
        """Return the first finding of the property `name`; KeyError where there is none."""
        for each in self.findings:
            if each.property == name:
                return each
        raise KeyError(name)

    def lines(self) -> Iterator[str]:
        """Yield the properties of each history, then how one is broken, with the rows."""
        for each in self.checked:
            if each.verification is None:
                yield f"unknown: {each.error}"
                yield ""
                continue
            at = "" if self.level is None else f" at level {self.level}"
            yield f"{each.verification.verdict}: {each.name}{at}"
            rows = [
                [one.property, f"{one.verdict} ({one.bound})", one.anomaly or "-", str(one.count)]
                for one in each.verification.findings
            ]
            needed = [one for one in each.verification.not_expressible if one.is_needed]
            rows += [[one.property, f"unknown ({one.reason})", "-", "-"] for one in needed]
            yield from table("", ["property", "verdict", "anomaly", "culprits"], rows)
            for one in each.verification.findings:
                if one.witness is not None:
                    yield f"{one.property}: {one.witness.sentence} ({', '.join(_places(each.path, one))})"
                if one.count > 1 and one.worst:
                    worst = "; ".join(_said(each.path, one, culprit) for culprit in one.worst)
                    yield f"  the worst of {one.count}: {worst}"
            yield ""

    def summed(self) -> dict[str, object]:
        return {"files": len(self.checked), "unread": len(self.unread)}


def report_of(checked: Sequence[Checked], level: Level | None, *, is_interrupted: bool = False) -> VerifyReport:
    """Put what was found of each history together."""
    found = tuple(finding for each in checked for finding in _findings(each))
    return VerifyReport("verify", found, None, is_interrupted, level, tuple(checked))


def _findings(each: Checked) -> Iterator[Finding]:
    """Yield what one history shows; what a level asks and it has no columns for is unknown, and not counted."""
    nothing: dict[str, Any] = {"asked": True, "count": None, "anomaly": None, "witness": None, "worst": []}
    if each.verification is None:
        yield Finding(
            each.name,
            READABLE,
            ENGINE,
            Verdict.UNKNOWN,
            explanation=each.error,
            details=nothing | {"error": each.error},
        )
        return
    for one in each.verification.findings:
        witness = one.witness
        found: dict[str, Any] = {"count": one.count, "anomaly": one.anomaly or None, "error": None}
        found["worst"] = [
            {"rows": culprit.rows, "file": culprit.path or each.path, "size": culprit.size,
             "measure": MEASURES.get(one.property)}
            for culprit in one.worst
        ]  # fmt: skip
        if witness is not None:
            found["witness"] = {
                "rows": witness.rows,
                "files": witness.paths or (each.path,) * len(witness.rows),
                "sentence": witness.sentence,
            }
        sentence = witness.sentence if witness is not None else ""
        yield Finding(each.name, one.property, ENGINE, one.verdict, one.bound, explanation=sentence,
                      details=nothing | found)  # fmt: skip
    for absent in each.verification.not_expressible:
        if absent.is_needed:
            yield Finding(each.name, absent.property, ENGINE, Verdict.UNKNOWN, absent.reason,
                          details=nothing | {"asked": False, "error": None})  # fmt: skip


def _places(path: Path | None, finding: Shown) -> list[str]:
    """Return where the rows of a witness are: rows of the history, and of other files with their name."""
    witness = finding.witness
    assert witness is not None
    paths = witness.paths or (path,) * len(witness.rows)
    return [
        f"row {row}" if file in (path, None) else f"{file} row {row}"
        for file, row in zip(paths, witness.rows, strict=True)
    ]


def _said(path: Path | None, finding: Shown, culprit: Culprit) -> str:
    """Return where a culprit is, and by how much it is wrong."""
    file = f"{culprit.path} " if culprit.path not in (path, None) else ""
    rows = f"{file}row{'s' if len(culprit.rows) > 1 else ''} {' and '.join(map(str, culprit.rows))}"
    measure = MEASURES.get(finding.property)
    return f"{rows} ({culprit.size} {measure})" if measure else rows
