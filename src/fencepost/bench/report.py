"""What every verb of the bench returns: the one report, with the machine it was measured on in its manifest.

Rows that are held against something are findings, with a verdict: a bound, a condition, a baseline, a rule, a layout's
fault. Rows that are figures and nothing else are not: nothing was asked of them. Both are items of the document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fencepost.bench.machines.machine import built
from fencepost.model.report import Finding, Report, aligned, in_json, manifest

if TYPE_CHECKING:
    from fencepost.bench.statistics.change import Change
    from fencepost.bench.statistics.figures import Figure


@dataclass(frozen=True, repr=False)
class BenchReport(Report):
    """What was measured, on `hardware`; `quick` sizes decide nothing."""

    verb: str = field(default="bench", init=False)
    findings: tuple[Finding, ...] = field(default=(), init=False)
    seed: int | None = field(default=None, kw_only=True)
    is_interrupted: bool = field(default=False, kw_only=True)
    hardware: dict[str, Any] = field(kw_only=True)
    quick: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "findings", tuple(self.found()))

    @property
    def is_empty(self) -> bool:
        """Never: where nothing was measured, that is what it says."""
        return False

    def found(self) -> Iterator[Finding]:
        """Yield the rows that have a verdict; by default none."""
        yield from ()

    def items(self) -> list[dict[str, Any]]:
        """Return all rows as the document has them; by default the findings."""
        return [each.to_dict() for each in self.findings]

    def to_dict(self) -> dict[str, Any]:
        """Return the one JSON document of the verb, as `--json` prints it."""
        plain: dict[str, Any] = in_json({**super().to_dict(), "results": self.items()})
        return plain

    def manifest(self) -> dict[str, Any]:
        """Return what made these results: also the hardware, the build and the sizes."""
        return {**manifest(), "hardware": self.hardware, "build": built(), "sizes": {"quick": self.quick}}

    def lines(self) -> Iterator[str]:
        """Yield a line an item: name, value with interval, verdict; then what is no pass, and why."""
        rows = [_cells(each) for each in in_json(self.items())]
        yield from aligned((("figure", "value", "low", "high", "unit", "verdict"), *rows))
        for each in self.findings:
            if not each.verdict.passes:
                why = each.explanation or each.bound
                yield f"{each.target}: {each.property}: {each.verdict}{f', {why}' if why else ''}"


def _cells(item: dict[str, Any]) -> tuple[str, ...]:
    name = str(item.get("metric") or item.get("structure") or item.get("target"))
    if "change" in item:
        values, unit = (item["change"], item.get("change_low"), item.get("change_high")), "share"
    else:
        interval = item.get("interval") or (item.get("low"), item.get("high"))
        values, unit = (item.get("value"), *interval), str(item.get("unit") or "-")
    numbers = ("-" if each is None else f"{each:.4g}" for each in values)
    return name, *numbers, unit, str(item.get("verdict") or "-")


def verdict_json(found: Finding) -> dict[str, Any]:
    """Return what an item says beside its figures where something was asked of it."""
    return {key: value for key, value in found.to_dict().items() if key not in ("trace", "seconds")}


def figure_json(figure: Figure) -> dict[str, Any]:
    """Return the keys that every item of a measurement has; numbers are null where `unavailable` says why."""
    return {
        "metric": figure.metric,
        "unit": figure.unit,
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "interval": None if figure.interval is None else list(figure.interval),
        "samples": list(figure.samples),
        "n": figure.n,
        "unavailable": figure.unavailable or None,
    }


def change_json(change: Change | None) -> dict[str, Any]:
    """Return a change of a figure, for an item that has other numbers too."""
    if change is None:
        return {"change": None}
    return {"change": change.change, "change_low": change.low, "change_high": change.high, "differs": change.differs}


def difference_json(change: Change) -> dict[str, Any]:
    """Return the item of a metric's change from one side to the other."""
    return {
        "metric": change.metric, "unit": "share", "value": change.change, "low": change.low, "high": change.high,
        "n": change.n, "first": change.first, "second": change.second, "differs": change.differs,
    }  # fmt: skip
