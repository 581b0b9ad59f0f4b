"""One figure of an experiment: the rows that are plotted, the caption, and the files."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fencepost.experiments.figures.distribution import distribution_rows, draw_distribution
from fencepost.experiments.figures.grids import detection_rows, draw_detection, draw_heat, grid_size, heat_rows
from fencepost.experiments.figures.names import FIGURES, is_figure
from fencepost.experiments.figures.panels import panels_size
from fencepost.experiments.figures.points import (
    OFFERED,
    contention_rows,
    difference_rows,
    draw_contention,
    draw_difference,
    draw_latency,
    is_cut,
    latency_rows,
)
from fencepost.experiments.figures.scales import RATE, split_unit
from fencepost.experiments.figures.stages import draw_stages, stage_rows, stages_size
from fencepost.experiments.figures.style import (
    METADATA,
    caption_below,
    drawing,
    encoded,
    plain,
    title_above,
)
from fencepost.experiments.figures.trials import FINISHED, Row, Trials, caption_of, failed_of, trials_of
from fencepost.model.errors import unknown_choice
from fencepost.model.simulation.scenario import Scenario
from fencepost.model.writing import kept, store

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Rows = Callable[[Trials, str, str, Sequence[str], Sequence[str]], list[Row]]
Draw = Callable[["Figure", Sequence[Row], str], None]
TEXT_INCHES = 0.6  # of title and caption
USUAL = (
    "latency_p50_us", "latency_p99_us", "latency_quantiles_us", "throughput_batches_per_s", "contended_per_s",
    "offered_batches_per_s", "stage_ring_us",
)  # fmt: skip
"""Figures that kinds take by themselves, for a check before there are any."""
_INNER = ("rows", "columns")  # what a grid's rows say of themselves, not plotted


class Asked(Protocol):
    """A `[[figure]]` of a spec; None where it says nothing."""

    @property
    def kind(self) -> str: ...
    @property
    def sweep(self) -> str | None: ...
    @property
    def x(self) -> str | None: ...
    @property
    def y(self) -> str | None: ...
    @property
    def by(self) -> str | None: ...
    @property
    def title(self) -> str | None: ...


@dataclass(frozen=True)
class Kind:
    """A kind of figure: what it plots, how, what its caption calls an interval and a violation."""

    rows: Rows
    draw: Draw
    intervals: str = "as bars"
    marks: str = "hollow and crossed"
    size: Callable[[Sequence[Row]], tuple[float, float]] = panels_size


KINDS: dict[str, Kind] = {
    "latency-load": Kind(latency_rows, draw_latency),
    "throughput-contention": Kind(contention_rows, draw_contention),
    "cdf": Kind(distribution_rows, draw_distribution, "as bands", "named in red"),
    "paired-difference": Kind(difference_rows, draw_difference),
    "stages": Kind(stage_rows, draw_stages, "are in the data file", "named in red", stages_size),
    "heat-map": Kind(heat_rows, draw_heat, "are in the data file", "framed in red", grid_size),
    "detection-matrix": Kind(detection_rows, draw_detection, size=grid_size),
}


@dataclass(frozen=True)
class Drawn:
    """One figure. `rows` are what is plotted, a row a point; `picture` and `table` make its files."""

    name: str  # of its files
    title: str
    caption: str
    rows: tuple[Row, ...]
    kind: str
    x: str

    def picture(self, form: str, *, is_bare: bool = False) -> bytes:
        """Return the figure as pdf, svg or png; a bare one without title and caption, for a page that has them."""
        kind = KINDS[self.kind]
        width, height = kind.size(self.rows)
        with drawing((width, height if is_bare else height + TEXT_INCHES)) as figure:
            if self.rows:
                kind.draw(figure, self.rows, self.x)
            else:
                figure.text(0.5, 0.5, "no finished trial has these figures", ha="center", va="center")
            if not is_bare:
                title_above(figure, self.title)
                caption_below(figure, self.caption)
            return encoded(figure, form)

    def table(self) -> str:
        """Return the plotted rows as CSV."""
        rows = self.plotted()
        text = StringIO()
        writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def plotted(self) -> list[Row]:
        """Return the rows with what is plotted; without panels where there is but one."""
        left_out = (*_INNER, *(() if any(row["panel"] for row in self.rows) else ("panel",)))
        return [{name: value for name, value in row.items() if name not in left_out} for row in self.rows]

    def write(self, folder: Path) -> list[Path]:
        """Write the figure as PDF, SVG and PNG with the CSV of what is plotted; return the files."""
        files: dict[str, bytes | str] = {kind: self.picture(kind) for kind in METADATA}
        files["csv"] = self.table()
        written = (kept(folder / f"{self.name}.{kind}", partial(store, data=data)) for kind, data in files.items())
        return [path for path in written if path is not None]


def drawn(asked: Asked, frame: Any, number: int = 1, *, note: str = "") -> Drawn:
    """Return a figure of a frame of trials (`Run.to_frame`); `number` is its place, `note` the end of its caption.

    Raises InputError for a column that there is not, and where it could not be read: too many series, bars or cells.
    """
    if asked.kind not in KINDS:
        raise unknown_choice("kind of figure", asked.kind, KINDS)
    kind, trials = KINDS[asked.kind], trials_of(frame, asked.sweep)
    named = _named(asked)
    rows = tuple(kind.rows(trials, *named)) if trials.rows else ()
    if asked.kind == "detection-matrix":
        caption = f"Verdicts of {len(trials.rows)} trials; k/n: so many of a cell's. {failed_of(trials)}".strip()
    else:
        caption = caption_of(trials, (row["n"] for row in rows if row["n"]), kind.intervals, kind.marks)
    name = re.sub(r"[^a-z0-9]+", "-", f"{number:02}-{asked.kind}-{asked.sweep or ''}".lower()).strip("-")
    caption = " ".join(filter(None, [caption, *_said(trials, rows, kind, asked.x or "")]))
    return Drawn(name, named[0], " ".join(filter(None, [caption, note])), rows, asked.kind, asked.x or "")


def _said(trials: Trials, rows: Sequence[Row], kind: Kind, x: str) -> Iterator[str]:
    """Yield what the caption says of the picture: intervals cut off, loads, overload, whose the rate is."""
    if rows and kind.draw in (draw_latency, draw_contention, draw_difference, draw_distribution):
        with drawing(kind.size(rows)) as figure:
            kind.draw(figure, rows, x)
            if is_cut(figure):
                yield "Some intervals reach beyond the axes; the data file has them whole."
    if any(OFFERED in row and x != OFFERED for row in rows):
        yield "The number at a point is what was offered to it, batches/s."
    if any(row.get("overloaded") for row in rows):
        yield "Ringed: less was ordered than offered, so its latency is a backlog that grows with the run."
    if x == RATE and "simulation" in {row["engine"] for row in trials.rows}:
        counts = sorted({row.get("clients") or Scenario().clients.count for row in trials.rows})
        yield f"The rate is that of each client, of {' to '.join(map(str, dict.fromkeys([counts[0], counts[-1]])))}."


def check_figure(asked: Asked, parameters: Sequence[dict[str, Any]], engine: str) -> None:
    """Refuse a figure before anything runs that could not be drawn of trials with these parameters, one a setting.

    Raises InputError for a name that is neither a parameter nor a figure of the engine's trials, and where there
    would be too many series, panels, bars or cells.
    """
    names = tuple(dict.fromkeys(name for each in parameters for name in each))
    others = [each for each in (asked.x, asked.y, asked.by) if each is not None and each not in names]
    for each in others:
        if not split_unit(each)[1] and not each.endswith("_count") and each != "engine":
            raise unknown_choice("parameter of the sweep, or figure with a unit,", each, names)
        if each != "engine" and not is_figure(engine, each):
            raise unknown_choice(
                f"figure of engine {engine}, or parameter of the sweep,", each, (*names, *FIGURES[engine])
            )
    metrics = dict.fromkeys((*others, *USUAL), [1.0, 1.0] if asked.kind == "cdf" else 1.0)
    end = {"replication": 0, "status": FINISHED, "verdict": ""}
    rows = tuple({"engine": "", **dict.fromkeys(names), **each, **end, **metrics} for each in parameters)
    KINDS[asked.kind].rows(Trials(rows, ("engine", *names), tuple(metrics)), *_named(asked))


def _named(asked: Asked) -> tuple[str, str, Sequence[str], Sequence[str]]:
    """Return title, x, metrics and `by` as the kinds take them."""
    title = plain(asked.title or " ".join(filter(None, [asked.sweep, asked.kind.replace("-", " ")])))
    return title, asked.x or "", ((asked.y,) if asked.y else ()), ((asked.by,) if asked.by else ())


def write_figures(figures: Sequence[Drawn], folder: Path) -> list[Path]:
    """Write the files of figures to a folder; return them."""
    return [path for each in figures for path in each.write(folder)]
