"""What readers read around a witness, as a picture: a lane for the log and for each reader, a bar at each position."""

from collections.abc import Iterator
from html import escape
from typing import Any

from fencepost.model.histories.checks.beside import Beside
from fencepost.model.histories.checks.reader_checks import read_rows, written_rows
from fencepost.model.histories.checks.verify import Witness
from fencepost.model.histories.files.frames import polars_module
from fencepost.model.histories.log import Log

AROUND = 6  # positions before and behind those of the witness
READERS_MOST = 12
WIDTH, LANE_HEIGHT, LEFT = 960, 30, 170


def reader_lanes(log: Log, beside: Beside, witness: Witness) -> str:
    """Return what the log has and readers read around the rows of a witness, which are rows of either's file."""
    assert beside.readers is not None
    col = polars_module().col
    read = read_rows(log, beside)
    written = written_rows(log, read.columns)
    marked = [row for row, path in zip(witness.rows, witness.paths, strict=True) if path == beside.readers.path]
    at = read.filter(col("row").is_in(marked))
    near = (col("position") >= at["position"].min() - AROUND) & (col("position") <= at["position"].max() + AROUND)
    if "log" in read.columns:
        near &= col("log").is_in(at["log"].unique().to_list())
    shown = [*written.filter(near).to_dicts(), *read.filter(near).to_dicts()]
    # Those of the witness first: there may be more readers than a page has room for.
    names = [None, *dict.fromkeys([*at["reader"].to_list(), *(row["reader"] for row in shown if row["reader"])])]
    lanes = {name: lane for lane, name in enumerate(names[: READERS_MOST + 1])}
    bars = _bars([row for row in shown if row["reader"] in lanes], lanes, set(marked))
    head = f'<svg viewBox="0 0 {WIDTH} {len(lanes) * LANE_HEIGHT + 24}">'
    return "\n".join([head, *_names(lanes), *bars, "</svg>"])


def _names(lanes: dict[str | None, int]) -> Iterator[str]:
    for name, lane in lanes.items():
        y = lane * LANE_HEIGHT + 20
        said = "the log" if name is None else f"reader {escape(name)}"
        yield f'<text x="4" y="{y}">{said}</text>'
        yield f'<line class="lane" x1="{LEFT}" x2="{WIDTH}" y1="{y + 6}" y2="{y + 6}"/>'


def _bars(rows: list[dict[str, Any]], lanes: dict[str | None, int], marked: set[int]) -> Iterator[str]:
    """Yield a bar for each row: in the lane of the log or of its reader, at its position."""
    places = {position: place for place, position in enumerate(sorted({row["position"] for row in rows}))}
    step = (WIDTH - LEFT - 20) / max(1, len(places))
    for row in rows:
        x, y = LEFT + places[row["position"]] * step, lanes[row["reader"]] * LANE_HEIGHT + 6
        kind = "witness" if row["reader"] is not None and row["row"] in marked else "bar"
        batch = f"client {row['client']} batch {row['seq']}"
        yield f'<rect class="{kind}" x="{x:.1f}" y="{y}" width="{max(4.0, step - 4):.1f}" height="16" rx="2">'
        yield f"<title>{escape(batch)} at {row['position']}, row {row['row']}</title></rect>"
        yield f'<text x="{x + 3:.1f}" y="{y + 12}">{escape(row["client"])}:{row["seq"]}</text>'
