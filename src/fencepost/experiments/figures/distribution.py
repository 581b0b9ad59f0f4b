"""The distribution of a time: which share of batches took at most so long, with a band over the replications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fencepost.experiments.figures.panels import groups_of, panels
from fencepost.experiments.figures.points import REACH
from fencepost.experiments.figures.scales import label_of
from fencepost.experiments.figures.style import COLOURS, LINES, WRONG, legend_above, logarithmic
from fencepost.experiments.figures.trials import Cell, Row, Trials, name_of
from fencepost.model.simulation.intervals import interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

QUANTILES = "latency_quantiles_us"
CURVES_MAX = 4  # whose bands can be told apart


def distribution_rows(trials: Trials, name: str, x: str, metrics: Sequence[str], by: Sequence[str]) -> list[Row]:
    """Return a row a quantile: its mean over the replications, and the 95 % interval of that mean.

    Quantiles are 101 values of each trial, 0 to 100 %. Every combination of varying parameters has a curve.
    """
    quantiles = trials.wanted(name, metrics[0] if metrics else x or QUANTILES, measured=True)
    rows: list[Row] = []
    for panel, label, cells in groups_of(name, trials.cells(), by, trials.others(*by), CURVES_MAX):
        for cell in cells:
            curve = _curve(label or name_of(cell.labels, ("engine",)), cell, quantiles)
            rows += ({"panel": panel, **row} for row in curve)
    return rows


def _curve(label: str, cell: Cell, metric: str) -> list[Row]:
    found = [trial[metric] for trial in cell.trials if trial.get(metric)]
    rows = []
    for rank, values in enumerate(zip(*found, strict=True)):
        estimate = interval(metric, values)
        rows.append(
            {
                "series": label, "share": rank / (len(found[0]) - 1), "metric": metric, "value": estimate.value,
                "low": estimate.low, "high": estimate.high, "n": estimate.n, "failed": cell.failed,
                "violated": cell.violated,
            }
        )  # fmt: skip
    return rows


def draw_distribution(figure: Figure, rows: Sequence[Row], x: str) -> None:
    """Draw a curve and its band for each series; the name of one that violated a promise says so."""
    from matplotlib.lines import Line2D

    names = list(dict.fromkeys(row["series"] for row in rows))
    for axes, part in panels(figure, rows):
        for index, name in enumerate(names):
            _draw_curve(axes, [row for row in part if row["series"] == name], index)
        low, high = min(row["value"] for row in rows), max(row["value"] for row in rows)
        if low > 0:
            axes.set_xlim(low / REACH**0.5, high * REACH**0.5)  # a band may reach far beyond all curves
            logarithmic(axes, "x")
        axes.set_xlabel(label_of("latency_us"))
        axes.set_ylabel("share of batches ≤ this latency" if len(part) == len(rows) else "share of batches")
        axes.set_ylim(0, 1.01)
    wrong = {row["series"] for row in rows if row["violated"]}
    labels = [f"{name}{' (violated)' if name in wrong else ''}" for name in names]
    handles = [Line2D([], [], color=COLOURS[index], linestyle=LINES[index % len(LINES)]) for index in range(len(names))]
    legend_above(figure, handles, labels)
    for text, name in zip(figure.legends[0].get_texts() if figure.legends else [], names, strict=False):
        text.set_color(WRONG if name in wrong else "black")


def _draw_curve(axes: Axes, points: Sequence[Row], index: int) -> None:
    """Draw one curve with its band."""
    shares = [row["share"] for row in points]
    axes.plot([row["value"] for row in points], shares, color=COLOURS[index], linestyle=LINES[index % len(LINES)])
    if points and all(row["low"] is not None for row in points):
        low, high = ([row[bound] for row in points] for bound in ("low", "high"))
        axes.fill_betweenx(shares, low, high, color=COLOURS[index], alpha=0.2, linewidth=0)
