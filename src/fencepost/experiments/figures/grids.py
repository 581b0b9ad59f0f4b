"""Grids: a heat map of a figure over two parameters, and a matrix of verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fencepost.experiments.figures.panels import PANEL_COLUMNS, PANELS_MAX, panels
from fencepost.experiments.figures.scales import LOGARITHMIC_FROM, Scale, label_of, scale_of
from fencepost.experiments.figures.style import FAINT, WIDTH_INCHES, WRONG, number, numbered, plain
from fencepost.experiments.figures.trials import FINISHED, VIOLATED, Cell, Row, Trials, name_of
from fencepost.model.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NUMBERED_MAX = 12  # of columns: a grid with more has no numbers in its cells
SIDE_MAX = 80  # of values of one parameter
VERDICTS = {"violated": "#e8a06a", "unknown": "#dddddd"}
PASS, MISSING = "#8ec7e8", "white"


def heat_rows(trials: Trials, name: str, x: str, metrics: Sequence[str], by: Sequence[str]) -> list[Row]:
    """Return a row a cell: the figure `by`, its mean over the replications, for each pair of values of x and y.

    Where other parameters vary too, each of their combinations is a panel.
    """
    x, y = _two(trials, name, x, metrics)
    metric = trials.wanted(name, by[0] if by else "throughput_batches_per_s", measured=True)
    rows = []
    for panel, cell in _cells(trials, name, x, y):
        estimate = cell.estimate(metric)
        bounds = (estimate.value, estimate.low, estimate.high, estimate.n) if estimate else (None, None, None, 0)
        rows.append(
            {
                "panel": panel, y: cell.labels[y], x: cell.labels[x], "metric": metric, "rows": y, "columns": x,
                **dict(zip(("value", "low", "high", "n"), bounds, strict=True)), "failed": cell.failed,
                "violated": cell.violated,
            }
        )  # fmt: skip
    return rows


def detection_rows(trials: Trials, name: str, x: str, metrics: Sequence[str], by: Sequence[str]) -> list[Row]:
    """Return a row a cell: which verdict decides for the trials of each pair of values of y and x, and of how many.

    One violated trial decides; a trial that ended without a verdict makes its cell unknown.
    """
    x, y = _two(trials, name, x, metrics or ("sequencer",))
    rows = []
    for panel, cell in _cells(trials, name, x, y):
        verdicts = Counter(str(trial["verdict"]) if trial["status"] == FINISHED else "unknown" for trial in cell.trials)
        decides = VIOLATED if cell.violated else "unknown" if "unknown" in verdicts else min(verdicts)
        rows.append(
            {
                "panel": panel, y: cell.labels[y], x: cell.labels[x], "metric": "verdict", "rows": y, "columns": x,
                "value": decides, "of": verdicts[decides], "n": len(cell.trials), "failed": cell.failed,
                "violated": cell.violated,
            }
        )  # fmt: skip
    return rows


def _two(trials: Trials, name: str, x: str, metrics: Sequence[str]) -> tuple[str, str]:
    """Return the two parameters of a grid. InputError: there are not two, or one of them is measured."""
    if not x or not metrics:
        choices = ", ".join(trials.varying()[:3])
        raise InputError(f"figure '{name}' has no {'y' if x else 'x'}: expected a parameter such as {choices}")
    for each in (x, metrics[0]):
        if each not in trials.parameters:
            trials.wanted(name, each)
            raise InputError(f"figure '{name}': {each} is measured, expected a parameter of the sweep")
        count = len({str(row[each]) for row in trials.rows})
        if count > SIDE_MAX:
            raise InputError(f"figure '{name}': {each} has {count} values, expected at most {SIDE_MAX}")
    return x, metrics[0]


def _cells(trials: Trials, name: str, x: str, y: str) -> list[tuple[str, Cell]]:
    """Return each cell with its panel: a panel for each combination of what varies beside x and y."""
    beside = trials.others(x, y)
    found = [(name_of(cell.labels, beside), cell) for cell in trials.cells()]
    count = len({panel for panel, _ in found})
    if count > PANELS_MAX:
        raise InputError(
            f"figure '{name}' would have {count} panels, one for each {' and '.join(beside)}: expected at most "
            f"{PANELS_MAX}; give it a sweep with fewer values"
        )
    return found


def grid_size(rows: Sequence[Row]) -> tuple[float, float]:
    """Return the size of the picture, in inches: 0.3 a line, so that all can be read."""
    lines = len({row[row["rows"]] for row in rows})
    count = len({row["panel"] for row in rows})
    return WIDTH_INCHES, 1.0 + max(1.6, 0.6 + 0.3 * lines) * -(-count // (1 if count == 1 else PANEL_COLUMNS))


def draw_heat(figure: Figure, rows: Sequence[Row], x: str) -> None:
    """Draw the heat map: a colour and a number a cell, hatched where no trial has the figure."""
    scale = _color_scale([row["value"] for row in rows if row["value"] is not None])
    lines, columns = _sides(rows)
    shown = None
    all_axes = []
    for axes, part in panels(figure, rows):
        all_axes.append(axes)
        shown = _draw_values(axes, part, lines, columns, scale)
        _frame(axes, rows, lines, columns)
    if shown is None:
        return
    bar = figure.colorbar(shown, ax=all_axes)
    bar.set_label(label_of(rows[0]["metric"]))
    bar.outline.set_visible(False)
    numbered(bar.ax, "y")


def _draw_values(axes: Axes, rows: Sequence[Row], lines: Scale, columns: Scale, scale: Any) -> Any:
    """Draw one panel; return its image."""
    import numpy as np

    values = np.full((len(lines.places), len(columns.places)), np.nan)
    for place, row in _placed(rows, lines, columns):
        values[place] = np.nan if row["value"] is None else row["value"]
    for (line, column), row in _placed(rows, lines, columns):
        if row["value"] is None:
            _patch(axes, line, column, MISSING, edge=FAINT, hatch="////")
            continue
        color = "black" if float(scale(row["value"])) > 0.5 else "white"
        if len(columns.places) <= NUMBERED_MAX:
            axes.text(column, line, number(row["value"]), ha="center", va="center", fontsize=8, color=color)
        if row["violated"]:
            _patch(axes, line, column, "none", edge=WRONG, inset=0.06)
    masked = np.ma.masked_invalid(values)
    return axes.imshow(masked, norm=scale, aspect="auto", origin="lower", interpolation="nearest")


def draw_detection(figure: Figure, rows: Sequence[Row], x: str) -> None:
    """Draw the matrix: the word of the verdict in each cell, with how many of its trials had it where not all did."""
    lines, columns = _sides(rows)
    for axes, part in panels(figure, rows):
        for (line, column), row in _placed(part, lines, columns):
            _patch(axes, line, column, VERDICTS.get(row["value"], PASS))
            of = "" if row["of"] == row["n"] else f" {row['of']}/{row['n']}"
            axes.text(column, line, f"{row['value']}{of}", ha="center", va="center", fontsize=8)
        _frame(axes, rows, lines, columns)
        axes.set_ylim(len(lines.places) - 0.5, -0.5)
        axes.xaxis.set_ticks_position("top")
        axes.xaxis.set_label_position("top")
        axes.tick_params(length=0)


def _sides(rows: Sequence[Row]) -> tuple[Scale, Scale]:
    return scale_of([row[row["rows"]] for row in rows]), scale_of([row[row["columns"]] for row in rows])


def _placed(rows: Sequence[Row], lines: Scale, columns: Scale) -> list[tuple[tuple[int, int], Row]]:
    """Return each row with its line and column."""
    down = {value: index for index, value in enumerate(lines.places)}
    across = {value: index for index, value in enumerate(columns.places)}
    return [((down[row[row["rows"]]], across[row[row["columns"]]]), row) for row in rows]


def _color_scale(values: Sequence[float]) -> Any:
    """Return how values become colours: logarithmic where they lie far apart."""
    from matplotlib.colors import LogNorm, Normalize

    low, high = min(values, default=0.0), max(values, default=1.0)
    return LogNorm(low, high) if low > 0 and high / low >= LOGARITHMIC_FROM else Normalize(low, max(high, low + 1e-12))


def _patch(
    axes: Axes, line: int, column: int, color: str, *, edge: str = "white", hatch: str | None = None, inset: float = 0.0
) -> None:
    from matplotlib.patches import Rectangle

    corner, side = (column - 0.5 + inset, line - 0.5 + inset), 1 - 2 * inset
    axes.add_patch(Rectangle(corner, side, side, facecolor=color, edgecolor=edge, linewidth=1.5, hatch=hatch))


def _frame(axes: Axes, rows: Sequence[Row], lines: Scale, columns: Scale) -> None:
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for side in ("left", "right", "top", "bottom"):
        axes.spines[side].set_visible(False)
    texts = [_ticks(scale) for scale in (columns, lines)]
    is_wide = sum(map(len, texts[0])) > 60
    axes.set_xticks(range(len(texts[0])), texts[0])
    if is_wide:
        axes.tick_params(axis="x", rotation=90 if len(texts[0]) > NUMBERED_MAX else 30)
    axes.set_yticks(range(len(texts[1])), texts[1])
    axes.set_xlim(-0.5, len(texts[0]) - 0.5)
    axes.set_xlabel(label_of(rows[0]["columns"], columns.unit))
    axes.set_ylabel(label_of(rows[0]["rows"], lines.unit))


def _ticks(scale: Scale) -> list[str]:
    places: dict[Any, float] = scale.places
    return [plain(value, 32) if scale.is_of_words else number(place) for value, place in places.items()]
