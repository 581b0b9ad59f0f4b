"""Workloads and histories in files: CSV, NDJSON or Parquet, by the file's extension.

    .csv   .ndjson   .jsonl       each also with .gz, .zst or .bz2
    .parquet                      compressed inside

Every integer stays exact up to 2**63 - 1. Whatever is wrong with a file is one FormatError that
names the file, the row (data rows from 1), the column, what was found and what was expected. A file
is written beside its target and moved there when it is whole.
"""

from pathlib import Path
from typing import TypeVar

from fencepost.model.errors import FormatError, InputError
from fencepost.model.histories.files.compression import SUFFIXES, compress, decompress
from fencepost.model.histories.files.layout import Layout
from fencepost.model.histories.files.parquet import parse_parquet, render_parquet
from fencepost.model.histories.files.text_formats import parse_csv, parse_ndjson, render_csv, render_ndjson
from fencepost.model.histories.records import History, IntColumn, Table, Workload, find_fault
from fencepost.model.writing import store

_TEXT = (".csv", ".ndjson", ".jsonl")

AnyTable = TypeVar("AnyTable", bound=Table)


def read_workload(path: Path | str) -> Workload:
    """Return the workload in the file `path`: one arrival per row, each broker's in arrival order.

    FormatError: the file is missing, of an unknown format, damaged, without rows, or a row is wrong.
    InputError: the format needs the extra `frames`.

    >>> fencepost.write_workload("one.csv", fencepost.Workload.from_rows([(7, 0, 0, 3, 3072, 1000)]))
    >>> fencepost.read_workload("one.csv")[0].payload_bytes
    3072
    """
    return _read(Path(path), Workload)


def read_history(path: Path | str) -> History:
    """Return the history in the file `path`: one ordered batch per row; errors as in `read_workload`.

    >>> fencepost.read_history("examples/data/redis-order4-history.csv")
    <history: 4200 rows>
    """
    return _read(Path(path), History)


def write_workload(path: Path | str, workload: Workload) -> None:
    """Write `workload` to the file `path`, whole or not at all.

    FormatError: the extension is unknown, or the file cannot be written. InputError: there are no
    rows, or the format needs the extra `frames`.

    >>> fencepost.write_workload("one.ndjson", fencepost.Workload.from_rows([(7, 0, 0, 3, 3072, 1000)]))
    """
    _write(Path(path), workload)


def write_history(path: Path | str, history: History) -> None:
    """Write `history`, with all eight columns, to the file `path`; errors as in `write_workload`.

    >>> fencepost.write_history("one.csv", fencepost.History.from_rows([(7, 0, 0, 0, 3, 0)]))
    """
    _write(Path(path), history)


def _read(path: Path, table: type[AnyTable]) -> AnyTable:
    extension, wrapper = _format_of(path)
    layout = Layout.of(path, table)
    data = _load(path)
    if data and wrapper:
        data = decompress(data, wrapper, path)
    if not data.strip():
        raise layout.fault(f"the file is empty, expected the rows of a {table.KIND}")
    columns = _parse(data, extension, layout)
    if not len(columns[table.COLUMNS[0]]):
        raise layout.fault("no rows, expected at least one")
    if fault := find_fault(columns):
        raise layout.fault(fault.problem, row=fault.row, column=fault.column)
    return table.from_columns(columns)


def _parse(data: bytes, extension: str, layout: Layout) -> dict[str, IntColumn]:
    if extension == ".parquet":
        return parse_parquet(data, layout)
    parse = parse_csv if extension == ".csv" else parse_ndjson
    return parse(layout.decode(data), layout)


def _format_of(path: Path) -> tuple[str, str]:
    """Return extension and wrapper of `path`, as in (".csv", ".gz"); the wrapper may be ""."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    wrapper = suffixes.pop() if suffixes and suffixes[-1] in SUFFIXES else ""
    extension = suffixes[-1] if suffixes else ""
    if extension == ".parquet" and wrapper:
        raise FormatError(path, f"unknown format .parquet{wrapper}, expected .parquet alone: it is compressed inside")
    if extension not in (*_TEXT, ".parquet"):
        expected = (
            f"expected {', '.join(_TEXT)} (each also with {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}) or .parquet"
        )
        raise FormatError(path, f"unknown format {extension + wrapper or 'without an extension'}, {expected}")
    return extension, wrapper


def _load(path: Path) -> bytes:
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise FormatError(path, "is no file, and may have nothing to read: expected a file")
        return path.read_bytes()
    except FileNotFoundError:
        raise FormatError(path, "no such file") from None
    except IsADirectoryError:
        raise FormatError(path, "is a directory, expected a file") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise FormatError(path, f"cannot be read: {_reason(error)}") from None


def _write(path: Path, table: Table) -> None:
    extension, wrapper = _format_of(path)
    layout = Layout.of(path, type(table))
    if not len(table):
        raise InputError(f"{path}: the {table.KIND} has no rows, and a file without rows cannot be read back")
    if extension == ".parquet":
        data = render_parquet(table.columns, layout)
    else:
        render = render_csv if extension == ".csv" else render_ndjson
        data = render(table.columns).encode()
    store(path, compress(data, wrapper, path) if wrapper else data)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
