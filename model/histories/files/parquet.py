"""Parquet: columns of 64-bit integers in and out, by way of polars."""

import importlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fencepost.model.errors import InputError
from fencepost.model.histories.files.frames import panics_unsaid
from fencepost.model.histories.files.layout import Layout, shown_name
from fencepost.model.histories.records import HIGHEST, IntColumn, expectation

if TYPE_CHECKING:
    import polars

_MAGIC = b"PAR1"  # first and last four bytes of every file
_INTEGERS = ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")


def parse_parquet(data: bytes, layout: Layout) -> dict[str, IntColumn]:
    """Return the columns of a Parquet file's bytes; FormatError names the first column that is wrong."""
    require("polars", layout.path)
    if not data.startswith(_MAGIC):
        raise layout.fault("not a Parquet file: expected it to start with PAR1")
    if not data.endswith(_MAGIC):
        raise layout.fault("truncated Parquet file: expected it to end with PAR1")
    frame = _load_frame(data, layout)
    layout.check_columns(frame.columns, row=None)
    return {name: _exact_column(frame[name], layout) for name in frame.columns}


def _load_frame(data: bytes, layout: Layout) -> "polars.DataFrame":
    import polars

    # From memory: a path would be expanded as a pattern, and mapped while somebody may cut the file.
    try:
        with panics_unsaid():
            return polars.read_parquet(io.BytesIO(data), use_statistics=False)
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise layout.fault(f"damaged Parquet file: {reason}") from None


def _exact_column(series: "polars.Series", layout: Layout) -> IntColumn:
    name = series.name
    if str(series.dtype) not in _INTEGERS:
        raise layout.fault(f"found type {shown_name(str(series.dtype))}, expected Int64", column=name)
    if series.null_count():
        row = series.is_null().arg_max() or 0
        raise layout.fault(f"found null, {expectation(name)}", row=row + 1, column=name)
    values = series.to_numpy()
    if values.size and values.max() > HIGHEST:
        row = int((values > HIGHEST).argmax())
        raise layout.fault(f"found {values[row]}, {expectation(name)}", row=row + 1, column=name)
    return values.astype("int64")


def render_parquet(columns: Mapping[str, IntColumn], layout: Layout) -> bytes:
    """Return the bytes of a Parquet file with these columns as Int64."""
    require("polars", layout.path)
    import polars

    buffer = io.BytesIO()
    polars.DataFrame(dict(columns)).write_parquet(buffer)
    return buffer.getvalue()


def require(module: str, path: Path) -> None:
    """Raise InputError, naming the pip extra, unless the optional `module` can be imported."""
    try:
        importlib.import_module(module)
    except ImportError:
        problem = f"this format needs {module}, which is not installed: pip install 'fencepost[frames]'"
        raise InputError(f"{path}: {problem}") from None
