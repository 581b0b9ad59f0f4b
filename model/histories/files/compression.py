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


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


def decompress(data: bytes, suffix: str, path: Path) -> bytes:
    """Return what `data` holds; `suffix` is one of `SUFFIXES`.

    FormatError where it is damaged or cut short, or comes to more than a file of its size can be expected to.
    """
    most = FREE_SIZE + RATIO_MOST * len(data)
    unpack = {".gz": _gzip, ".zst": _zstd, ".bz2": _bz2}[suffix]
    return unpack(data, path, most)


def compress(data: bytes, suffix: str, path: Path) -> bytes:
    """Return `data` compressed; equal data gives equal bytes (no time stamp inside)."""
    if suffix == ".gz":
        return gzip.compress(data, mtime=0)
    if suffix == ".bz2":
        return bz2.compress(data)
    zstandard = _zstandard(path)
    return bytes(zstandard.ZstdCompressor().compress(data))


def _whole(stream: _Stream, path: Path, most: int) -> bytes:
    """Return everything that a stream gives, as long as it is not over `most` bytes."""
    parts, size = [], 0
    while part := stream.read(_CHUNK_SIZE):
        size += len(part)
        if size > most:
            problem = f"unpacks to over {most} bytes, expected at most {RATIO_MOST} times its size"
            raise FormatError(path, f"{problem}: unpack it first if that is right")
        parts.append(part)
    return b"".join(parts)


def _gzip(data: bytes, path: Path, most: int) -> bytes:
    try:
        with gzip.open(io.BytesIO(data)) as stream:
            return _whole(stream, path, most)
    except EOFError:
        raise FormatError(path, "truncated gzip data: expected an end-of-stream marker") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise FormatError(path, f"not gzip data: {error}") from None


def _bz2(data: bytes, path: Path, most: int) -> bytes:
    try:
        with bz2.open(io.BytesIO(data)) as stream:
            return _whole(stream, path, most)
    except EOFError:
        raise FormatError(path, "truncated bzip2 data: expected an end-of-stream marker") from None
    except (OSError, ValueError) as error:
        raise FormatError(path, f"not bzip2 data: {error}") from None


def _zstd(data: bytes, path: Path, most: int) -> bytes:
    zstandard = _zstandard(path)
    try:
        return _whole(_ZstdFrames(zstandard, data, path), path, most)
    except zstandard.ZstdError as error:
        raise FormatError(path, f"not zstd data: {error}") from None


class _ZstdFrames:
    """Reads frame by frame: zstandard's own stream takes a file that ends early for a whole one."""

    def __init__(self, zstandard: Any, data: bytes, path: Path) -> None:
        self._zstandard, self._path = zstandard, path
        self._packed = io.BytesIO(data)
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
