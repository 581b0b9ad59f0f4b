"""What stands beside an axis: a column's name with its unit, and where its values lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fencepost.experiments.figures.style import LABEL_LENGTH_MAX, logarithmic, number, numbered, plain
from fencepost.model.simulation.quantities import BatchRate, ByteRate, Bytes, Nanoseconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UNITS = {
    "batches_per_s": "batches/s", "messages_per_s": "messages/s", "bytes_per_s": "bytes/s", "per_s": "1/s",
    "us": "µs", "ns": "ns", "ms": "ms", "seconds": "s", "bytes": "bytes", "share": "share", "slots": "slots",
}  # fmt: skip
"""The unit of a column, by how its name ends."""
QUANTITIES: dict[Any, tuple[str, float]] = {
    Nanoseconds: ("µs", 1e3),
    BatchRate: ("batches/s", 1.0),
    Bytes: ("bytes", 1.0),
    ByteRate: ("B/s", 1.0),
}
RATE = "rate_batches_per_s"  # a parameter: of each client, not of all
LOGARITHMIC_FROM = 20  # the ratio of largest to smallest from which an axis of parameters is logarithmic
TICKS_MAX = 9


def split_unit(column: str) -> tuple[str, str]:
    """Return a column's name in words and its unit; `throughput_batches_per_s` is in batches/s."""
    for ending, unit in UNITS.items():
        if column == ending or column.endswith(f"_{ending}"):
            return column.removesuffix(ending).strip("_").replace("_", " ") or column, unit
    return column.replace("_", " "), ""


def label_of(column: str, unit: str = "") -> str:
    """Return what an axis of a column says: its name, and its unit where it has one."""
    name, own = split_unit(column)
    if column == RATE:
        name = "rate of each client"
    return plain(", ".join(filter(None, [name, unit or own])), LABEL_LENGTH_MAX)


@dataclass(frozen=True)
class Scale:
    """Where the values of a column lie on an axis: numbers at themselves, words beside one another."""

    places: dict[Any, float]
    unit: str = ""
    is_of_words: bool = False

    def __getitem__(self, value: Any) -> float:
        return self.places[value]

    def applied(self, axes: Axes, column: str) -> None:
        """Number the x axis: a tick at each value where they are few, logarithmic where they lie far apart."""
        axes.set_xlabel(label_of(column, self.unit))
        places = list(self.places.values())
        if self.is_of_words:
            axes.set_xticks(places, [plain(value, 24) for value in self.places])
            axes.set_xlim(-0.5, len(places) - 0.5)
            return
        is_logarithmic = min(places) > 0 and max(places) / min(places) >= LOGARITHMIC_FROM
        if is_logarithmic:
            logarithmic(axes, "x")
        if len(places) <= TICKS_MAX:
            axes.set_xticks(places, list(map(number, places)))
            axes.set_xticks([], minor=True)
        else:
            numbered(axes, "x")


def scale_of(values: Sequence[Any]) -> Scale:
    """Return the scale of a column: that of numbers, of texts that are all quantities of one kind, or of words."""
    distinct = list(dict.fromkeys(values))
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in distinct):
        return Scale({value: float(value) for value in sorted(distinct)})
    for quantity, (unit, size) in QUANTITIES.items():
        try:
            places = {value: float(quantity.parse(value)) / size for value in distinct}
        except ValueError:
            continue
        return Scale(dict(sorted(places.items(), key=lambda item: item[1])), unit)
    return Scale({value: float(index) for index, value in enumerate(distinct)}, is_of_words=True)
