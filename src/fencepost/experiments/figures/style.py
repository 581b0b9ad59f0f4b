"""The one style of fencepost's plots, and their files: what is drawn from the same data has the same bytes.

For that, nothing is drawn that depends on the moment or the machine: no date, no version, a fixed salt for the ids of
an SVG, and its text as text. Colours are those of Okabe and Ito, which people with any colour vision tell apart; each
series has a marker of its own besides. Text of users is text: `$` begins no formula.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from textwrap import fill
from typing import TYPE_CHECKING, Any

from fencepost.model.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES, HEIGHT_INCHES = 5.2, 3.5
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#888888")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES: Any = ("-", "--", ":", "-.")
WRONG, FAINT = "#b00020", "#666666"  # violated or refuted; captions and what is not of the data
LABEL_LENGTH_MAX, CAPTION_COLUMNS, TITLE_COLUMNS = 56, 86, 62

SETTINGS: Any = {
    "svg.hashsalt": "fencepost", "svg.fonttype": "none", "pdf.fonttype": 42, "font.family": "DejaVu Sans",
    "font.size": 10.0, "text.parse_math": False, "axes.formatter.use_mathtext": False, "axes.unicode_minus": False,
    "figure.dpi": 120, "axes.titlesize": 10, "axes.grid": True, "axes.axisbelow": True, "grid.linewidth": 0.4,
    "grid.color": "#cccccc", "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
    "legend.fontsize": 9, "lines.linewidth": 1.5, "lines.markersize": 5.0, "image.cmap": "cividis",
}  # fmt: skip
METADATA: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


@contextmanager
def drawing(size_inches: tuple[float, float] = (WIDTH_INCHES, HEIGHT_INCHES)) -> Iterator[Figure]:
    """Yield an empty matplotlib figure in the style; what is drawn on it and saved has to be so within the context.

    Raises InputError where matplotlib, the extra `plots`, is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("plots need matplotlib, which is not installed: pip install 'fencepost[plots]'") from None

    with matplotlib.rc_context(SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # an SVG has them as text
        yield Figure(figsize=size_inches, layout="constrained")


def encoded(figure: Figure, kind: str) -> bytes:
    """Return a figure as a file of a kind: pdf, svg or png."""
    written = BytesIO()
    figure.savefig(written, format=kind, metadata=METADATA[kind])
    return written.getvalue()


def plain(text: object, length_max: int | None = None) -> str:
    """Return a text as it can stand in any plot: what cannot be printed is replaced, what is too long is shortened."""
    shown = _UNPRINTABLE.sub("\ufffd", str(text))
    return shown if length_max is None or len(shown) <= length_max else f"{shown[: length_max - 1]}…"


def wrapped(text: object, columns: int) -> str:
    """Return a name in lines of so many columns, whole: two names that differ at their ends stay two."""
    return fill(plain(text), columns)


def title_above(figure: Figure, title: str, color: str = "black") -> None:
    """Write a title above everything else, once all is drawn: above the legend, where there is one."""
    text = "\n".join(fill(plain(line), TITLE_COLUMNS) for line in title.splitlines())
    if figure.legends:
        figure.legends[0].set_title(text)
        figure.legends[0].get_title().set(fontsize=10.5, color=color)
    else:
        figure.suptitle(text, fontsize=10.5, color=color, x=0.01, ha="left")


def caption_below(figure: Figure, caption: str) -> None:
    """Write a caption below everything else."""
    figure.supxlabel(fill(plain(caption), CAPTION_COLUMNS), fontsize=8, color=FAINT, x=0.01, ha="left")


def legend_above(figure: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Place a legend above the axes, where it covers no data; of a single series none is needed."""
    if not handles:
        return
    shown = [wrapped(label, LABEL_LENGTH_MAX) for label in labels]
    columns = legend_columns(labels)
    made = figure.legend(handles, ["?"] * len(shown), loc="outside upper left", ncols=columns, alignment="left")
    for text, label in zip(made.get_texts(), shown, strict=True):
        text.set_text(label)  # given at once, a label that begins with an underscore would be left out


def legend_columns(labels: Sequence[str]) -> int:
    """Return in how many columns these labels fit above a figure."""
    longest = max(min(len(label), LABEL_LENGTH_MAX) for label in labels)
    return max(1, min(len(labels), 4, 58 // (longest + 6)))


def number(value: float, _position: int = 0) -> str:
    """Return a number as axes and cells have it: three digits that count, thousands as k, millions as M."""
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size * 0.9995:
            return f"{value / (1e3 if suffix == 'k' else size):.4g}{suffix}"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def numbered(axes: Axes, which: str) -> None:
    """Write the numbers of an axis, `x` or `y`, as `number` does, on any scale."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(number))
    axis.set_minor_formatter(NullFormatter())


def logarithmic(axes: Axes, which: str) -> None:
    """Make an axis logarithmic; where it spans few decades, 2 and 5 are numbered too."""
    from matplotlib.ticker import LogLocator

    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = sorted(axis.get_view_interval())
    if low > 0 and high / low < 500:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    numbered(axes, which)
