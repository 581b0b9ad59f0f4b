"""The rows of a run as a frame, and as files: Parquet, CSV and NDJSON, written row by row.

The types of the columns come of the spec and of the names of the figures, not of the rows: a file is the same kind of
table however many trials are finished.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fencepost.experiments.run import ENDS, LABELS, Run, plain
from fencepost.model.errors import InputError
from fencepost.model.writing import written_in_parts

EXTRA = "pip install 'fencepost[experiments]'"
LISTS = "_quantiles_us"
"""How the names of figures end that are lists."""


def names_of(run: Run, sweep: str | None) -> tuple[str, ...]:
    """Return the columns of the rows of a sweep, or of all."""
    parameters, figures = run.columns(sweep)
    return tuple(dict.fromkeys((*LABELS, *parameters, *ENDS, *figures)))


def frame(run: Run, sweep: str | None = None) -> Any:
    """Return the rows of a sweep, or of all, as a polars frame. Raises InputError where polars is not installed."""
    polars = _polars()
    names = names_of(run, sweep)
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for row in map(plain, run.rows(sweep)):
        for name, column in columns.items():
            column.append(row.get(name))
    return polars.DataFrame(columns, schema=_schema(polars, run, sweep, names), strict=False)


def export(run: Run, path: Path, sweep: str | None = None) -> Path:
    """Write the rows to a file of the kind that its name ends with; InputError: another, or it cannot be written."""
    kinds: dict[str, Callable[[Run, Path, str | None], None]] = {
        ".parquet": _parquet, ".csv": _csv, ".ndjson": _ndjson,
    }  # fmt: skip
    if path.suffix not in kinds:
        raise InputError(f"{path}: expected a file that ends with {', '.join(kinds)}")
    if sweep is not None:
        run.spec.sweep(sweep)
    with written_in_parts(path) as temporary:
        kinds[path.suffix](run, temporary, sweep)
    return path


def _csv(run: Run, path: Path, sweep: str | None) -> None:
    names = names_of(run, sweep)
    with path.open("x", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_cell(row.get(name)) for name in names] for row in map(plain, run.rows(sweep)))


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, list) else value


def _ndjson(run: Run, path: Path, sweep: str | None) -> None:
    names = names_of(run, sweep)
    with path.open("x", encoding="utf-8") as file:
        for row in map(plain, run.rows(sweep)):
            file.write(json.dumps({name: row.get(name) for name in names}, allow_nan=False) + "\n")


def _parquet(run: Run, path: Path, sweep: str | None) -> None:
    """Write lines of JSON beside it and let polars turn them into Parquet, a part at a time."""
    polars = _polars()
    lines = path.with_name(f"{path.name}.ndjson")
    try:
        _ndjson(run, lines, sweep)
        schema = _schema(polars, run, sweep, names_of(run, sweep))
        if lines.stat().st_size == 0:
            polars.DataFrame(schema=schema).write_parquet(path)
            return
        polars.scan_ndjson(lines, schema=schema).sink_parquet(path)
    finally:
        lines.unlink(missing_ok=True)


def _schema(polars: Any, run: Run, sweep: str | None, names: tuple[str, ...]) -> dict[str, Any]:
    kinds: dict[str, Any] = dict.fromkeys((*LABELS, *ENDS), polars.String)
    kinds |= {"replication": polars.Int64, "seed": polars.Int64, "seconds": polars.Float64}
    values = _values(run, sweep)
    return {name: kinds.get(name) or _kind(polars, name, values.get(name)) for name in names}


def _values(run: Run, sweep: str | None) -> dict[str, list[Any]]:
    """Return the values that each parameter takes."""
    found: dict[str, list[Any]] = {}
    for each in run.spec.sweeps if sweep is None else (run.spec.sweep(sweep),):
        for name in each.columns:
            found.setdefault(name, []).extend(each.axes[name] if name in each.axes else [each.fixed[name]])
    return found


def _kind(polars: Any, name: str, values: list[Any] | None) -> Any:
    """Return the type of a parameter by its values, of a figure by its name."""
    if values is None:
        if name.endswith(LISTS):
            return polars.List(polars.Float64)
        return polars.Int64 if name.endswith("_count") else polars.Float64
    types = {type(each) for each in values}
    if types == {bool}:
        return polars.Boolean
    if types <= {int, float}:
        return polars.Int64 if types == {int} else polars.Float64
    return polars.String


def _polars() -> Any:
    try:
        import polars
    except ImportError:
        raise InputError(f"polars is not installed: expected it for frames and Parquet ({EXTRA})") from None
    return polars
