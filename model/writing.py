"""Files that results are written to: whole or not at all, and a result is never lost because its file could not be."""

from __future__ import annotations

import os
import secrets
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fencepost.model.errors import FormatError, InputError


class NotWritten(UserWarning):
    """A result's file could not be written; the result itself is there. The command exits with 2 where it is a pass."""


_carried: list[tuple[Path, bytes]] | None = None


@contextmanager
def carried() -> Iterator[list[tuple[Path, bytes]]]:
    """Keep what `store` is given instead of writing it: in a process on whose machine nobody looks for the files."""
    global _carried
    before, _carried = _carried, []
    try:
        yield _carried
    finally:
        _carried = before


def store(path: Path, data: bytes | str) -> None:
    """Write a file whole or not at all; its folder is made where there is none. FormatError says why it cannot be.

    A symbolic link stays, and the file that it leads to is replaced. A device or a pipe is written to: another file put
    in its place would destroy it.
    """
    content = data.encode() if isinstance(data, str) else data
    if _carried is not None:
        _carried.append((path, content))
        return
    try:
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_file() and not target.is_dir():
            target.write_bytes(content)
        else:
            _replace(target, content)
    except IsADirectoryError:
        raise FormatError(path, "cannot be written: is a directory, expected a file") from None
    except (OSError, ValueError, RuntimeError) as error:  # a null character in the name; a loop of symbolic links
        raise FormatError(path, f"cannot be written: {getattr(error, 'strerror', None) or error}") from None


def _replace(target: Path, content: bytes) -> None:
    with _beside(target) as temporary, temporary.open("xb") as file:
        file.write(content)


@contextmanager
def written_in_parts(path: Path) -> Iterator[Path]:
    """Give a new file beside `path` to write to; afterwards it takes its place, or is gone where writing it raised.

    For results that memory does not hold. FormatError says why it cannot be written.
    """
    try:
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_file():
            raise FormatError(path, "cannot be written: is no regular file, expected one or none")
        with _beside(target) as temporary:
            yield temporary
    except OSError as error:
        raise FormatError(path, f"cannot be written: {error.strerror or error}") from None


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        yield temporary
        written = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(written)  # or a crash could leave the new name with half the bytes
        finally:
            os.close(written)
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def kept(path: Path, write: Callable[[Path], object]) -> Path | None:
    """Write a result's file and return its path; where it cannot be written, warn `NotWritten` and return None."""
    try:
        write(path)
    except (InputError, OSError) as error:
        warnings.warn(NotWritten(str(error)), stacklevel=2)
        return None
    return path
