"""Points with intervals, joined by lines: latency against load, throughput against contention, paired differences.

Each series has a colour and a marker of its own, each metric a kind of line. Where a trial of a point violated a
promise the marker is hollow and crossed, where one is unknown hollow: no figure of it is one of a correct system.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING

from fencepost.experiments.figures.panels import groups_of, panels
from fencepost.experiments.figures.scales import LOGARITHMIC_FROM, Scale, label_of, scale_of, split_unit
from fencepost.experiments.figures.style import (
    COLOURS,
    FAINT,
    LINES,
    MARKERS,
    WRONG,
    legend_above,
    logarithmic,
    numbered,
)
from fencepost.experiments.figures.trials import Cell, Row, Trials
from fencepost.model.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LATENCIES = ("latency_p50_us", "latency_p99_us")
CORNERS = ((6, 5), (6, -11), (6, 13), (6, -19))  # of a point, in printer's points: a label of each series
SHORT_SHARE = 0.05  # ordered less than offered by more than this: overload
REACH = 2.0  # times the largest value: so far an axis goes for intervals
THROUGHPUT, CONTENTION, OFFERED = "throughput_batches_per_s", "contended_per_s", "offered_batches_per_s"


def latency_rows(trials: Trials, name: str, x: str, metrics: Sequence[str], by: Sequence[str]) -> list[Row]:
    """Return a row a point: latencies of each series against a parameter, or a metric; by default what was offered."""
    return _rows(trials, name, x or OFFERED, metrics or LATENCIES, by)


def contention_rows(trials: Trials, name: str, x: str, metrics: Sequence[str], by: Sequence[str]) -> list[Row]:
    """Return a row a point: the throughput of each series against how often its scanners contended."""
    return _rows(trials, name, x or CONTENTION, metrics or (THROUGHPUT,), by)


def _rows(trials: Trials, name: str, x: str, metrics: Sequence[str], by: Sequence[str]) -> list[Row]:
    trials.wanted(name, x)
    wanted = [trials.wanted(name, metric, measured=True) for metric in metrics]
    rows: list[Row] = []
    for panel, label, cells in groups_of(name, trials.cells(), by, trials.others(*by, *_moving(trials, x))):
        for metric in wanted:
            found = (_row(trials, label, cell, x, metric) for cell in cells)
            rows += ({"panel": panel, **row} for row in found if row is not None)
    return rows


def _moving(trials: Trials, x: str) -> tuple[str, ...]:
    """Return the parameters that move a point along its line: x, or where x is measured, the numbers that vary."""
    if x in trials.parameters:
        return (x,)
    return tuple(
        name for name in trials.varying()
        if not scale_of([row[name] for row in trials.rows if row[name] is not None]).is_of_words
    )  # fmt: skip


def _row(trials: Trials, label: str, cell: Cell, x: str, metric: str) -> Row | None:
    """Return one point; without a value where all trials of a parameter's value failed, None where it has no place."""
    estimate = cell.estimate(metric)
    bounds: Row = {}
    if estimate is None:
        return _lost(label, cell, x, metric) if x in trials.parameters and cell.failed else None
    if x in trials.parameters:
        place = cell.labels[x]
    else:
        measured = cell.estimate(x)
        if measured is None:
            return None
        place, bounds = measured.value, {f"{x}_low": measured.low, f"{x}_high": measured.high}
    return {
        "series": label, x: place, **bounds, "metric": metric, "value": estimate.value, "low": estimate.low,
        "high": estimate.high, "n": estimate.n, "failed": cell.failed, "violated": cell.violated,
        "unknown": cell.unknown, **_load(trials, cell, x),
    }  # fmt: skip


def _load(trials: Trials, cell: Cell, x: str) -> Row:
    """Return whether a point is overloaded, and where x is measured, what was offered: its load.

    Overload is so much less ordered than offered, by the means of the replications, that batches pile up as long as
    the run lasts; a single short run differs by as much from what is under way at its ends.
    """
    offered, ordered = cell.estimate(OFFERED), cell.estimate(THROUGHPUT)
    if offered is None:
        return {}
    is_short = ordered is not None and ordered.value < (1 - SHORT_SHARE) * offered.value
    load: Row = {"overloaded": int(is_short)}
    return load if x in trials.parameters or x == OFFERED else {**load, OFFERED: offered.value}


def _lost(label: str, cell: Cell, x: str, metric: str) -> Row:
    return {
        "series": label, x: cell.labels[x], "metric": metric, "value": None, "low": None, "high": None, "n": 0,
        "failed": cell.failed, "violated": cell.violated, "unknown": cell.unknown,
    }  # fmt: skip


def difference_rows(trials: Trials, name: str, x: str, metrics: Sequence[str], by: Sequence[str]) -> list[Row]:
    """Return a row a point: how far each value of `by` is from its first, pair by pair of equal seeds, in percent.

    The interval is that of `fencepost simulate --against`: Student's t on the logarithm of each pair's ratio.
    """
    (compared,) = by or ("sequencer",)
    trials.wanted(name, compared)
    wanted = [trials.wanted(name, metric, measured=True) for metric in metrics or (THROUGHPUT,)]
    sides = list(dict.fromkeys(row[compared] for row in trials.rows))
    if len(sides) < 2:
        raise InputError(
            f"figure '{name}': {compared} has only the value {sides[0]!r}, expected two or more to compare"
        )
    cells = trials.cells()
    firsts = {_beside(cell, compared): cell for cell in cells if cell.labels[compared] == sides[0]}
    held = [(cell, firsts.get(_beside(cell, compared))) for cell in cells if cell.labels[compared] != sides[0]]
    bases = {id(cell): base for cell, base in held if base is not None}
    rows: list[Row] = []
    for panel, label, group in groups_of(
        name, (cell for cell, base in held if base is not None), (compared,), trials.others(compared, x)
    ):
        for metric in wanted:
            found = (_difference(label, bases[id(cell)], cell, x, metric) for cell in group)
            rows += ({"panel": panel, **row, "against": str(sides[0])} for row in found if row is not None)
    return rows


def _beside(cell: Cell, compared: str) -> tuple[str, ...]:
    """Return the other parameters of a cell: those of a pair are equal."""
    return tuple(str(value) for name, value in cell.labels.items() if name != compared)


def _difference(label: str, base: Cell, cell: Cell, x: str, metric: str) -> Row | None:
    from fencepost.simulating.paired import difference

    bases = {trial["replication"]: trial.get(metric) for trial in base.trials}
    pairs = [(bases.get(trial["replication"]), trial.get(metric)) for trial in cell.trials]
    both = [(first, second) for first, second in pairs if first is not None and second is not None]
    if not both:
        return None
    found = difference(metric, "%", [first for first, _ in both], [second for _, second in both])
    if found.change is None:  # a count of nothing on one side has no ratio
        return None
    percent = [None if each is None else 100 * each for each in (found.change, found.low, found.high)]
    place = {"series": label, x: cell.labels[x]} if x else {"series": "", "side": label}
    return {
        **place, "metric": metric, "value": percent[0],
        "low": percent[1], "high": percent[2], "n": found.n, "failed": cell.failed + base.failed,
        "violated": cell.violated + base.violated,
        "unknown": cell.unknown + base.unknown,
    }  # fmt: skip


def is_cut(figure: Figure) -> bool:
    """Say whether an interval or a band that was drawn reaches beyond its axes, in x or in y."""
    figure.draw_without_rendering()
    for axes in figure.axes:
        for drawn in axes.collections:
            for path in drawn.get_paths():
                places = axes.transAxes.inverted().transform(axes.transData.transform(path.vertices))
                if not ((places >= -0.005) & (places <= 1.005)).all():
                    return True
    return False


def draw_latency(figure: Figure, rows: Sequence[Row], x: str) -> None:
    """Draw latencies on a logarithmic axis."""
    values = [row["value"] for row in rows if row["value"]]
    for axes, _ in _drawn(figure, rows, x or OFFERED):
        logarithmic(axes, "y")
        if values:
            low, high = axes.get_ylim()
            axes.set_ylim(max(low, min(values) / REACH**2), min(high, max(values) * REACH**2))
            logarithmic(axes, "y")
        _label_y(axes, rows, "latency, µs")


def draw_contention(figure: Figure, rows: Sequence[Row], x: str) -> None:
    """Draw throughput from 0 on."""
    for axes, _ in _drawn(figure, rows, x or CONTENTION):
        top = REACH * max((row["value"] for row in rows if row["value"] is not None), default=1.0)
        axes.set_ylim(0, min(axes.get_ylim()[1], top) or 1.0)
        numbered(axes, "y")
        _label_y(axes, rows)


def draw_difference(figure: Figure, rows: Sequence[Row], x: str) -> None:
    """Draw differences around the line of no change."""
    metrics = {split_unit(row["metric"])[0] for row in rows}
    of = f"{metrics.pop()},\n" if len(metrics) == 1 else ""
    for axes, _ in _drawn(figure, rows, x or "side"):
        axes.axhline(0, color=FAINT, linewidth=1.0, zorder=1)
        axes.set_ylabel(f"{of}change against {rows[0]['against']}, %")
        numbered(axes, "y")
        if not x:
            axes.set_xlabel("")


def _label_y(axes: Axes, rows: Sequence[Row], default: str = "") -> None:
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    axes.set_ylabel(label_of(metrics[0]) if len(metrics) == 1 or not default else default)


def _drawn(figure: Figure, rows: Sequence[Row], x: str) -> Iterator[tuple[Axes, list[Row]]]:
    """Draw every series and metric in its panel, yield the panels, then add the legend."""
    scale = scale_of([row[x] for row in rows])
    is_measured = any(f"{x}_low" in row for row in rows)
    names = list(dict.fromkeys(row["series"] for row in rows))
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    for axes, part in panels(figure, rows):
        for (index, name), (style, metric) in product(
            enumerate(names), zip(LINES * len(metrics), metrics, strict=False)
        ):
            points = [
                row for row in part if (row["series"], row["metric"], row["value"] is None) == (name, metric, False)
            ]
            if not is_measured:
                points.sort(key=lambda row: scale[row[x]])
            _line(
                axes,
                points,
                [scale[row[x]] for row in points],
                x,
                (index, len(names)),
                "none" if scale.is_of_words else style,
            )
        lost = sorted({scale[row[x]] for row in part if row["value"] is None})
        _mark_loads(axes, part, scale, x)
        axes.plot(lost, [0.03] * len(lost), "x", color=FAINT, markersize=8, transform=axes.get_xaxis_transform())
        if is_measured:
            _measured_axis(axes, rows, x)
        else:
            scale.applied(axes, x)
        yield axes, part
    _legend(figure, names, metrics)


def _mark_loads(axes: Axes, rows: Sequence[Row], scale: Scale, x: str) -> None:
    """Ring the points of overload; where x is measured, write each point's load beside it."""
    names = list(dict.fromkeys(row["series"] for row in rows))
    for row in rows:
        if row["value"] is None:
            continue
        place = (scale[row[x]], row["value"])
        if row.get("overloaded"):
            axes.plot(*place, "o", color=FAINT, markerfacecolor="none", markersize=13, markeredgewidth=0.9, zorder=6)
        if OFFERED in row and x != OFFERED:
            index = names.index(row["series"])
            axes.annotate(
                f"{float(f'{row[OFFERED]:.3g}') / 1e3:g}k", place, CORNERS[index % len(CORNERS)],
                textcoords="offset points", fontsize=7, color=COLOURS[index],
            )  # fmt: skip


def _measured_axis(axes: Axes, rows: Sequence[Row], x: str) -> None:
    """Number an axis of a metric, logarithmic where its values lie far apart; of one with a 0, linear up to 1."""
    values = [row[x] for row in rows]
    least, most = min(values), max(values)
    reach = max(row.get(f"{x}_high") or row[x] for row in rows)
    low = min(row.get(f"{x}_low") or row[x] for row in rows)
    axes.set_xlabel(label_of(x))
    if least > 0 and most / least >= LOGARITHMIC_FROM:
        axes.set_xlim(max(low, least / REACH) / 1.3, 1.3 * min(reach, REACH * most))
        logarithmic(axes, "x")
        return
    if most >= LOGARITHMIC_FROM and least == 0:
        axes.set_xscale("symlog", linthresh=1.0)
        axes.set_xlim(-0.3, 1.6 * min(reach, REACH * most))
    else:
        axes.set_xlim(right=min(axes.get_xlim()[1], REACH * most or 1.0))
    numbered(axes, "x")


def _line(
    axes: Axes, points: Sequence[Row], places: Sequence[float], x: str, series: tuple[int, int], style: str
) -> None:
    """Draw one of so many series: an earlier one is wider, so that it shows below a later one on the same points."""
    index, count = series
    wider = (count - 1 - index) / max(1, count - 1)
    color, marker = COLOURS[index], MARKERS[index]
    values = [row["value"] for row in points]
    axes.errorbar(
        places, values, yerr=_arms(points, "value", "low", "high"), xerr=_arms(points, x, f"{x}_low", f"{x}_high"),
        color=color, marker=marker, linestyle=style, elinewidth=1.0, capsize=2.5 + 2.5 * wider,
        linewidth=1.3 + 2.7 * wider, markersize=4.5 + 4.5 * wider,
    )  # fmt: skip
    for row, place, value in zip(points, places, values, strict=True):
        if row["violated"] or row["unknown"]:
            axes.plot([place], [value], marker=marker, color=color, markerfacecolor="white", zorder=4)
        if row["violated"]:
            axes.plot([place], [value], marker="x", color=WRONG, markersize=9, zorder=5)


def _arms(points: Iterable[Row], value: str, low: str, high: str) -> list[list[float]] | None:
    """Return how far intervals reach below and above; None where there are none."""
    found = [(row[value], row.get(low), row.get(high)) for row in points]
    if all(below is None for _, below, _ in found):
        return None
    return [
        [0.0 if below is None else max(0.0, middle - below) for middle, below, _ in found],
        [0.0 if above is None else max(0.0, above - middle) for middle, _, above in found],
    ]


def _legend(figure: Figure, names: Sequence[str], metrics: Sequence[str]) -> None:
    """Name the series by colour and marker, and where there are several metrics, those by their line."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=COLOURS[index], marker=MARKERS[index]) for index in range(len(names))]
    labels = list(names)
    if len(metrics) > 1:
        handles += [Line2D([], [], color=FAINT, linestyle=style) for style, _ in zip(LINES, metrics, strict=False)]
        labels += [split_unit(metric)[0] for metric in metrics]
    if labels != [""]:
        legend_above(figure, handles, labels)
