"""Small multiples: where a figure has more series than can be told apart, a panel for each value of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from fencepost.experiments.figures.style import COLOURS, HEIGHT_INCHES, WIDTH_INCHES, legend_columns, wrapped
from fencepost.experiments.figures.trials import Cell, Row, name_of
from fencepost.model.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SERIES_MAX, PANELS_MAX = len(COLOURS), 12
PANEL_INCHES, PANEL_COLUMNS = 2.1, 2
LEGEND_LINE_INCHES = 0.19

Group = tuple[str, str, list[Cell]]  # panel, series, the cells of it


def groups_of(
    figure: str, cells: Iterable[Cell], by: Sequence[str], others: Sequence[str], together_max: int = SERIES_MAX
) -> list[Group]:
    """Return cells by panel and series: a series for each value of `by` and of the others, where that can be read.

    Where these are more than `together_max`, the others have panels. Raises InputError where that cannot be read, too.
    """
    cells, named = list(cells), (*by, *others)
    together = list(dict.fromkeys(name_of(cell.labels, named) for cell in cells))
    panels: tuple[str, ...] = tuple(others) if len(together) > together_max and by else ()
    series = tuple(by) if panels else named
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((name_of(cell.labels, panels), name_of(cell.labels, series)), []).append(cell)
    counts = [len({key[index] for key in groups}) for index in (0, 1)]
    if counts[0] > PANELS_MAX or counts[1] > SERIES_MAX:
        raise InputError(
            f"figure '{figure}' would have {len(together)} series, one for each {' and '.join(named)}: expected at "
            f"most {SERIES_MAX}, or by = one of them with at most {SERIES_MAX} values and {PANELS_MAX} of the others"
        )
    return [(panel, name, found) for (panel, name), found in groups.items()]


def panels(figure: Figure, rows: Sequence[Row]) -> Iterator[tuple[Axes, list[Row]]]:
    """Yield the axes of each panel with its rows; a title only where there are several."""
    names = list(dict.fromkeys(row["panel"] for row in rows)) or [""]
    columns = 1 if len(names) == 1 else PANEL_COLUMNS
    grid = figure.subplots(-(-len(names) // columns), columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(names) :]:
        axes.set_visible(False)
    for axes, name in zip(grid.flat, names, strict=False):
        if name:
            axes.set_title(wrapped(name, 40), fontsize=9, loc="left")
        yield axes, [row for row in rows if row["panel"] == name]
        if len(names) > 1:
            axes.label_outer()


def panels_size(rows: Sequence[Row]) -> tuple[float, float]:
    """Return the size of a figure of panels, in inches: with room for a legend of many lines."""
    count = len({row["panel"] for row in rows})
    names = list({row["series"] for row in rows})
    lines = -(-len(names) // legend_columns(names)) if names else 0
    legend = LEGEND_LINE_INCHES * max(0, lines - 2)
    height = HEIGHT_INCHES if count <= 1 else 0.9 + PANEL_INCHES * -(-count // PANEL_COLUMNS)
    return WIDTH_INCHES, height + legend
