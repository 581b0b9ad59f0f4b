"""The .gz and .zst wrappers around the text formats."""

import gzip
import zlib

from fencepost.model.histories.layout import Layout
from fencepost.model.histories.parquet import require

SUFFIXES = (".gz", ".zst")


def decompress(data: bytes, suffix: str, layout: Layout) -> bytes:
    """Return what `data` holds; `suffix` is one of `SUFFIXES`. FormatError where it is damaged or cut short."""
    return _decompress_gzip(data, layout) if suffix == ".gz" else _decompress_zstd(data, layout)


def compress(data: bytes, suffix: str, layout: Layout) -> bytes:
    """Return `data` compressed; equal data gives equal bytes (no time stamp inside)."""
    if suffix == ".gz":
        return gzip.compress(data, mtime=0)
    require("zstandard", layout)
    import zstandard

    return zstandard.ZstdCompressor().compress(data)


def _decompress_gzip(data: bytes, layout: Layout) -> bytes:
    try:
        return gzip.decompress(data)
    except EOFError:
        raise layout.fault("truncated gzip data: expected an end-of-stream marker") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise layout.fault(f"not gzip data: {error}") from None


def _decompress_zstd(data: bytes, layout: Layout) -> bytes:
    require("zstandard", layout)
    import zstandard

    parts = []
    # Frame by frame: zstandard's stream reader takes a file that ends early for a whole one.
    while data:
        frame = zstandard.ZstdDecompressor().decompressobj()
        try:
            parts.append(frame.decompress(data))
        except zstandard.ZstdError as error:
            raise layout.fault(f"not zstd data: {error}") from None
        if not frame.eof:
            raise layout.fault("truncated zstd data: expected the end of a frame")
        data = frame.unused_data
    return b"".join(parts)
