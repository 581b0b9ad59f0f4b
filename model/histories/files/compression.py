"""The .gz, .zst and .bz2 wrappers around the text formats.

What is unpacked is limited: a file of some kilobytes can stand for gigabytes.
"""

import bz2
import gzip
import io
import zlib
from pathlib import Path
from typing import Any, Protocol

from fencepost.model.errors import FormatError, InputError

SUFFIXES = (".gz", ".zst", ".bz2")

RATIO_MOST = 200  # times the file's own size; rows of digits come to 3 to 30
FREE_SIZE = 64 * 2**20  # bytes that any file may come to
_CHUNK_SIZE = 2**20
_STRETCH_SIZE = 2**18  # of what was read last


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


def decompress(data: bytes, suffix: str, path: Path) -> bytes:
    """Return what `data` holds; `suffix` is one of `SUFFIXES`.

    FormatError where it is damaged or cut short, or comes to more than a file of its size can be expected to.
    """
    unpack = {".gz": _gzip, ".zst": _zstd, ".bz2": _bz2}[suffix]
    return unpack(io.BytesIO(data), path)


def compress(data: bytes, suffix: str, path: Path) -> bytes:
    """Return `data` compressed; equal data gives equal bytes (no time stamp inside)."""
    if suffix == ".gz":
        return gzip.compress(data, mtime=0)
    if suffix == ".bz2":
        return bz2.compress(data)
    zstandard = _zstandard(path)
    return bytes(zstandard.ZstdCompressor().compress(data))


def _whole(stream: _Stream, packed: io.BytesIO, path: Path) -> bytes:
    """Return everything that a stream gives that unpacks `packed`, as long as it is not too much for what it has read.

    What was read counts, and of that what was read last: a large file is refused as early as a small one.
    """
    parts, size = [], 0
    size_before, read_before = 0, 0
    while part := stream.read(_CHUNK_SIZE):
        size += len(part)
        read_size = packed.tell()
        most = min(FREE_SIZE + RATIO_MOST * read_size, size_before + FREE_SIZE + RATIO_MOST * (read_size - read_before))
        if size > most:
            problem = f"unpacks to over {most} bytes, expected at most {RATIO_MOST} times its size"
            raise FormatError(path, f"{problem}: unpack it first if that is right")
        parts.append(part)
        if read_size - read_before > _STRETCH_SIZE:
            size_before, read_before = size, read_size
    return b"".join(parts)


def _gzip(packed: io.BytesIO, path: Path) -> bytes:
    try:
        with gzip.open(packed) as stream:
            return _whole(stream, packed, path)
    except EOFError:
        raise FormatError(path, "truncated gzip data: expected an end-of-stream marker") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise FormatError(path, f"not gzip data: {error}") from None


def _bz2(packed: io.BytesIO, path: Path) -> bytes:
    try:
        with bz2.open(packed) as stream:
            return _whole(stream, packed, path)
    except EOFError:
        raise FormatError(path, "truncated bzip2 data: expected an end-of-stream marker") from None
    except (OSError, ValueError) as error:
        raise FormatError(path, f"not bzip2 data: {error}") from None


def _zstd(packed: io.BytesIO, path: Path) -> bytes:
    zstandard = _zstandard(path)
    try:
        return _whole(_ZstdFrames(zstandard, packed, path), packed, path)
    except zstandard.ZstdError as error:
        raise FormatError(path, f"not zstd data: {error}") from None


class _ZstdFrames:
    """Reads frame by frame: zstandard's own stream takes a file that ends early for a whole one."""

    def __init__(self, zstandard: Any, packed: io.BytesIO, path: Path) -> None:
        self._zstandard, self._path = zstandard, path
        self._packed = packed
        self._frame: Any = None

    def read(self, size: int) -> bytes:
        """Return what the next packed bytes unpack to; b"" at the end of the last frame."""
        unpacked = b""
        # A frame can unpack to 30,000 times its size, so bytes are given to it a few at a time.
        while not unpacked and (packed := self._packed.read(max(1, size // 2**15))):
            while packed:
                self._frame = self._frame or self._zstandard.ZstdDecompressor().decompressobj()
                unpacked += self._frame.decompress(packed)
                packed = self._frame.unused_data if self._frame.eof else b""
                self._frame = None if self._frame.eof else self._frame
        if not unpacked and self._frame is not None:
            raise FormatError(self._path, "truncated zstd data: expected the end of a frame")
        return unpacked


def _zstandard(path: Path) -> Any:
    try:
        import zstandard
    except ImportError:
        problem = "this format needs zstandard, which is not installed: pip install 'fencepost[frames]'"
        raise InputError(f"{path}: {problem}") from None
    return zstandard
