"""Where a batch's time goes: its stages as one stacked bar for each setting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fencepost.experiments.figures.style import (
    COLOURS,
    FAINT,
    WIDTH_INCHES,
    WRONG,
    legend_above,
    number,
    numbered,
    wrapped,
)
from fencepost.experiments.figures.trials import Cell, Row, Trials, name_of
from fencepost.model.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BARS_MAX = 24
BAR_COLUMNS = 34  # of a bar's name; a longer one has more lines, and is never cut: two bars would have one name
PREFIX = "stage_"


def stage_rows(trials: Trials, name: str, x: str, metrics: Sequence[str], by: Sequence[str]) -> list[Row]:
    """Return a row a stage of a setting: the mean time of a batch in it over the replications, with its interval.

    Raises InputError where the trials have no stages, and for more settings than can be read.
    """
    stages = sorted((metric for metric in trials.metrics if metric.startswith(PREFIX)), key=_place)
    if not stages:
        raise InputError(f"figure '{name}': no trial has stages of a batch; those of the engine simulation have")
    cells = trials.cells()
    if len(cells) > BARS_MAX:
        raise InputError(f"figure '{name}' would have {len(cells)} bars: expected at most {BARS_MAX}")
    first = tuple(each for each in (*by, x) if each)
    in_order = list(cells)  # a list is empty while it is sorted
    cells.sort(key=lambda cell: [_rank(in_order, name, cell) for name in first])
    named = (*first, *trials.others(*first)) or ("engine",)
    return [row for cell in cells for row in _bar(name_of(cell.labels, named), cell, stages)]


def _rank(cells: Sequence[Cell], name: str, cell: Cell) -> int:
    """Return where a cell's value of a parameter first stands: bars are grouped by it, in the order of the spec."""
    return list(dict.fromkeys(str(each.labels.get(name)) for each in cells)).index(str(cell.labels.get(name)))


def _name(stage: str) -> str:
    return stage.removeprefix(PREFIX).removesuffix("_us").removesuffix("_mean")


def _place(stage: str) -> int:
    """Return where a stage is on a batch's way; one that is not known comes last."""
    from fencepost.model.simulation.measures import STAGES

    name = _name(stage)
    return STAGES.index(name) if name in STAGES else len(STAGES)


def _bar(label: str, cell: Cell, stages: Sequence[str]) -> list[Row]:
    found = [(stage, cell.estimate(stage)) for stage in stages]
    return [
        {
            "panel": "", "series": label, "stage": _name(stage), "metric": stage, "value": estimate.value,
            "low": estimate.low, "high": estimate.high, "n": estimate.n,
            "failed": cell.failed, "violated": cell.violated,
        }
        for stage, estimate in found if estimate is not None
    ]  # fmt: skip


def stages_size(rows: Sequence[Row]) -> tuple[float, float]:
    """Return the size of the picture, in inches: a bar each 0.34, more where a name has many lines."""
    names = {row["series"] for row in rows}
    return WIDTH_INCHES, 1.7 + sum(max(0.34, 0.17 * (1 + wrapped(name, BAR_COLUMNS).count("\n"))) for name in names)


def draw_stages(figure: Figure, rows: Sequence[Row], x: str) -> None:
    """Draw the bars, the first on top; red names are of trials that violated a promise."""
    axes = figure.add_subplot()
    names = list(dict.fromkeys(row["series"] for row in rows))
    stages = list(dict.fromkeys(row["stage"] for row in rows))
    times = {(row["series"], row["stage"]): row["value"] for row in rows}
    values = [[times.get((name, stage), 0.0) for stage in stages] for name in names]
    stack(figure, axes, names, stages, values)
    wrong = {row["series"] for row in rows if row["violated"]}
    for text, name in zip(axes.get_yticklabels(), names, strict=True):
        text.set_color(WRONG if name in wrong else "black")
    axes.set_xlabel("mean time of a batch, µs")
    numbered(axes, "x")


def stack(
    figure: Figure, axes: Axes, names: Sequence[str], stages: Sequence[str], values: Sequence[Sequence[float]]
) -> None:
    """Stack the values of each name's stages from left to right, with the sum behind the bar."""
    from matplotlib.patches import Patch

    for place, parts in enumerate(values):
        left = 0.0
        for color, value in zip(COLOURS, parts, strict=False):
            axes.barh([place], [value], left=left, height=0.62, color=color, edgecolor="white", linewidth=0.5)
            left += value
        axes.text(left, place, f" {number(left)}", va="center", ha="left", fontsize=9, color=FAINT)
    axes.set_yticks(range(len(names)), [wrapped(name, BAR_COLUMNS) for name in names], fontsize=9)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.1)
    axes.set_xlim(left=0)
    legend_above(figure, [Patch(color=color) for color, _ in zip(COLOURS, stages, strict=False)], stages)
