"""The rows that a user has, as a frame of polars: from a file of some format, or from a table in memory.

    .csv .tsv .ndjson .jsonl    each also with .gz, .zst or .bz2
    .parquet .arrow .feather    compressed inside
    -                           standard input: any of these, compressed or not, by its first bytes

Data rows count from 1 in every format. What is wrong with a file as a whole is said here: that it is
no text, has no header, or another delimiter.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fencepost.model.errors import FormatError, InputError
from fencepost.model.histories.files.compression import FREE_SIZE, RATIO_MOST, SUFFIXES, decompress

if TYPE_CHECKING:
    import polars

STDIN = Path("-")
COLUMNS_MOST = 1_000
HEADER_SIZE_MOST = 100 * COLUMNS_MOST  # bytes
_NAME = re.compile(rb'(?<!\\)"\s*:')  # ends so, in a row of NDJSON
_TEXT = {".csv": ",", ".tsv": "\t", ".ndjson": "", ".jsonl": ""}
_ARROW = (".arrow", ".feather", ".ipc")
NULLS = ["", "null", "NULL", "None", "NaN", "nan"]
_STARTS = {b"PAR1": ".parquet", b"ARRO": ".arrow", b"{": ".ndjson"}
_WRAPPED = {b"\x1f\x8b": ".gz", b"\x28\xb5\x2f\xfd": ".zst", b"BZh": ".bz2"}


def polars_module() -> Any:
    """Return polars; InputError, with the extra to install, where it is not there."""
    try:
        import polars
    except ImportError:
        raise InputError("logs are read by polars, which is not installed: pip install 'fencepost[frames]'") from None
    return polars


def new_frame(columns: Any) -> polars.DataFrame:
    """Return a frame of columns by name, of a structured array's fields, or of what polars knows."""
    frame: polars.DataFrame = polars_module().DataFrame(columns)
    return frame


@contextmanager
def panics_unsaid() -> Iterator[None]:
    """Leave out what the Rust code of polars writes to file descriptor 2 when it panics: a backtrace of its own.

    The panic comes as an exception too, and is said in a line. What Python writes to stderr meanwhile arrives.
    """
    try:
        ours = sys.stderr if sys.stderr.fileno() == 2 else None
    except (AttributeError, OSError, ValueError):
        ours = None  # stderr is none, closed, or no file
    try:
        kept = os.dup(2)
    except OSError:  # closed: nothing can be written there
        yield
        return
    with open(os.devnull, "wb") as nowhere, open(kept, "w", buffering=1, errors="backslashreplace") as through:
        if ours is not None:
            ours.flush()
            sys.stderr = through
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            if ours is not None:
                sys.stderr = ours


def read_frame(path: Path) -> polars.DataFrame:
    """Return the rows of a file; FormatError says what is wrong with it."""
    data, extension = _load(path)
    try:
        with panics_unsaid():
            return _parsed(path, data, extension)
    except FormatError:
        raise
    except (Exception, polars_module().exceptions.PanicException) as error:
        if isinstance(error, MemoryError | InputError):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise FormatError(path, f"damaged {extension.lstrip('.')}: {reason}") from None


def has_sound_start(path: Path) -> bool:
    """Say whether a file is there and, if it is text, begins with a header that can be one."""
    if not path.is_file():
        return False
    separator = _TEXT.get(path.suffix.lower())
    try:
        with path.open("rb") as file:
            start = file.read(HEADER_SIZE_MOST + 1)
        if separator:
            check_header(path, start, separator)
    except (OSError, FormatError):
        return False
    return bool(start.strip()) and not _is_utf16(start)


def _is_utf16(data: bytes) -> bool:
    """Say whether a text has the mark of UTF-16, or zeros in every other byte, as names in ASCII have in it."""
    start = data[:64]
    zeros = (not any(start[index::2]) for index in (0, 1))
    return start.startswith((b"\xff\xfe", b"\xfe\xff")) or (len(start) > 7 and any(start) and any(zeros))


def _parsed(path: Path, data: bytes, extension: str) -> polars.DataFrame:
    polars = polars_module()
    if extension == ".parquet":
        _check_size(path, data)
        return new_frame(polars.read_parquet(io.BytesIO(data), use_statistics=False))
    if extension not in _TEXT:
        return new_frame(polars.read_ipc(io.BytesIO(data)))
    if _is_utf16(data):
        raise FormatError(path, "UTF-16 text: expected UTF-8")
    if not data.strip():
        raise FormatError(path, "the file is empty, expected rows")
    if not _TEXT[extension]:
        if len(_NAME.findall(data[:HEADER_SIZE_MOST].split(b"\n", 1)[0])) > COLUMNS_MOST:
            raise FormatError(path, f"found over {COLUMNS_MOST} columns, expected those of a log", row=1)
        return new_frame(polars.read_ndjson(io.BytesIO(data), infer_schema_length=None))
    check_header(path, data, _TEXT[extension])
    options: dict[str, Any] = {"separator": _TEXT[extension], "null_values": NULLS}
    try:
        return new_frame(polars.read_csv(io.BytesIO(data), **options))
    except polars.exceptions.ComputeError:
        # What the first rows suggest does not hold further down: as text, so that the row can be named.
        return new_frame(polars.read_csv(io.BytesIO(data), infer_schema=False, **options))


def _check_size(path: Path, data: bytes) -> None:
    """Raise where the rows of a Parquet file come to more than one of its size can be expected to hold."""
    polars = polars_module()
    lazy = polars.scan_parquet(io.BytesIO(data))
    size = 8 * len(lazy.collect_schema()) * int(lazy.select(polars.len()).collect().item())
    if size > FREE_SIZE + RATIO_MOST * len(data):
        problem = f"unpacks to over {size} bytes, expected at most {RATIO_MOST} times its size"
        raise FormatError(path, f"{problem}: write it without compression first if that is right")


def frame_of(table: Any) -> polars.DataFrame:
    """Return a table in memory as a frame: polars, pandas, Arrow, a structured array of numpy, or a mapping.

    InputError: it is none of these.
    """
    polars = polars_module()
    if isinstance(table, polars.LazyFrame):
        return new_frame(table.collect())
    names = getattr(getattr(table, "dtype", None), "names", None)
    try:
        if names:
            return new_frame({name: table[name] for name in names})
        if not hasattr(table, "__arrow_c_stream__") and hasattr(table, "to_numpy") and hasattr(table, "columns"):
            return new_frame({str(name): table[name].to_numpy() for name in table.columns})
        return new_frame(table)
    except (TypeError, ValueError, polars.exceptions.PolarsError) as error:
        expected = "expected a frame of polars or pandas, an Arrow table, a structured array or a mapping of columns"
        raise InputError(f"a {type(table).__name__} is no table of a log ({error}): {expected}") from None


def _load(path: Path) -> tuple[bytes, str]:
    """Return what a file holds, without its wrapper, and the extension that says how."""
    if path == STDIN:
        return _load_stdin()
    suffixes = [suffix.lower() for suffix in path.suffixes]
    wrapper = suffixes.pop() if suffixes and suffixes[-1] in SUFFIXES else ""
    extension = suffixes[-1] if suffixes else ""
    if extension not in (*_TEXT, ".parquet", *_ARROW):
        expected = (
            f"expected {', '.join(_TEXT)} (each also with {', '.join(SUFFIXES)}), .parquet or {', '.join(_ARROW)}"
        )
        raise FormatError(path, f"unknown format {extension + wrapper or 'without an extension'}, {expected}")
    if not path.exists():
        raise FormatError(path, "no such file")
    if not path.is_file():
        raise FormatError(path, "is no file: expected one, or - for standard input")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(path, f"cannot be read: {error.strerror}") from None
    return (decompress(data, wrapper, path) if data and wrapper else data), extension


def _load_stdin() -> tuple[bytes, str]:
    data = sys.stdin.buffer.read()
    for start, wrapper in _WRAPPED.items():
        if data.startswith(start):
            data = decompress(data, wrapper, STDIN)
            break
    header = data.split(b"\n", 1)[0]
    text = ".tsv" if b"\t" in header and b"," not in header else ".csv"
    return data, next((extension for start, extension in _STARTS.items() if data.lstrip().startswith(start)), text)


def check_header(path: Path, data: bytes, separator: str) -> None:
    """Raise unless the first line can be a header with this separator."""
    line = data[: HEADER_SIZE_MOST + 1].split(b"\n", 1)[0]
    names = line.decode("utf-8", errors="replace").removeprefix("\ufeff").strip("\r").split(separator)
    if len(names) > COLUMNS_MOST:
        raise FormatError(path, f"found over {COLUMNS_MOST} columns, expected those of a log", row=0)
    if len(line) > HEADER_SIZE_MOST:
        raise FormatError(path, f"the first line is longer than {HEADER_SIZE_MOST} bytes, expected a header", row=0)
    for other, said in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars"), (",", "commas")):
        if len(names) == 1 and other != separator and other in names[0]:
            expected = "a .tsv" if separator == "\t" else "commas, or tabs in a .tsv"
            raise FormatError(path, f"columns are separated by {said}, expected {expected}", row=0)
    if all(re.fullmatch(r"-?\d+", name.strip('" ')) for name in names):
        raise FormatError(path, f"the first line is {line[:40].decode(errors='replace')!r}, expected a header", row=0)
