"""The distribution of a time: which share of batches took at most so long, with a band over the replications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fencepost.experiments.figures.scales import label_of
from fencepost.experiments.figures.style import COLOURS, LINES, WRONG, legend_above, logarithmic, plain
from fencepost.experiments.figures.trials import Cell, Row, Trials, name_of, series_of
from fencepost.model.simulation.intervals import interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUANTILES = "latency_quantiles_us"


def distribution_rows(trials: Trials, name: str, x: str, metrics: Sequence[str], by: Sequence[str]) -> list[Row]:
    """Return a row a quantile: its mean over the replications, and the 95 % interval of that mean.

    Quantiles are 101 values of each trial, 0 to 100 %. Every combination of varying parameters has a curve.
    """
    quantiles = trials.wanted(name, metrics[0] if metrics else x or QUANTILES, measured=True)
    named = (*by, *trials.others(*by))
    rows: list[Row] = []
    for label, cells in series_of(name, trials.cells(), named).items():
        rows += (row for cell in cells for row in _curve(label or name_of(cell.labels, ("engine",)), cell, quantiles))
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

    axes = figure.add_subplot()
    names = list(dict.fromkeys(row["series"] for row in rows))
    handles, labels = [], []
    for index, name in enumerate(names):
        points = [row for row in rows if row["series"] == name]
        style, color = LINES[index % len(LINES)], COLOURS[index]
        shares = [row["share"] for row in points]
        axes.plot([row["value"] for row in points], shares, color=color, linestyle=style)
        if all(row["low"] is not None for row in points):
            low, high = ([row[bound] for row in points] for bound in ("low", "high"))
            axes.fill_betweenx(shares, low, high, color=color, alpha=0.2, linewidth=0)
        handles.append(Line2D([], [], color=color, linestyle=style))
        labels.append(f"{plain(name, 36)}{' (violated)' if points[0]['violated'] else ''}")
    if rows and min(row["value"] for row in rows) > 0:
        logarithmic(axes, "x")
    axes.set_xlabel(label_of("latency_us"))
    axes.set_ylabel("share of batches ≤ this latency")
    axes.set_ylim(0, 1.01)
    legend_above(figure, handles, labels)
    for text, row_name in zip(figure.legends[0].get_texts() if figure.legends else [], names, strict=False):
        if any(row["violated"] for row in rows if row["series"] == row_name):
            text.set_color(WRONG)
