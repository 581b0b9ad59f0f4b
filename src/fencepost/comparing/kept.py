"""Examples that failed, kept in the user's folder and tried first the next time.

A file holds JSON that is read by a schema, and only what belongs to the task's kind of example is made of it: numbers,
words and truth values. Nothing in a file names code. Hypothesis' own database is of no use here: it is not read where a
seed is given, and every chunk has one.
"""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import msgspec

SCHEMA = "fencepost/examples/1"
KEPT_MOST = 10  # of one task, the newest
BYTES_MOST = 1 << 20  # what is larger was not written here

Example = TypeVar("Example")


class OfExamples(Protocol):
    """What examples are kept of."""

    @property
    def key(self) -> str:
        """A name that no other task has."""

    @property
    def example_type(self) -> type[Any]:
        """Return the dataclass of its examples: the schema by which they are read."""


class _Kept(msgspec.Struct, Generic[Example], frozen=True, forbid_unknown_fields=True):
    """What a file holds."""

    schema: str
    task: str
    examples: list[Example]


def user_folder() -> Path:
    """Return the user's folder for examples that failed: XDG_CACHE_HOME, or what the platform has for caches."""
    named = os.environ.get("XDG_CACHE_HOME")
    if named:
        root = Path(named)
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        root = Path.home() / ".cache"
    return root / "fencepost" / "examples"


def keep(folder: Path, task: OfExamples, examples: list[Any]) -> None:
    """Keep the examples of a task, newest first; a folder that cannot be written to keeps none."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        path = _path(folder, task.key)
        waiting = path.with_suffix(f".{os.getpid()}")
        waiting.write_bytes(msgspec.json.encode(_Kept(SCHEMA, task.key, examples[:KEPT_MOST])))
        waiting.replace(path)


def kept(folder: Path, task: OfExamples) -> list[Any]:
    """Return what is kept of a task; nothing where the file is of another version, another task, or damaged."""
    try:
        with _path(folder, task.key).open("rb") as file:
            read = msgspec.json.decode(file.read(BYTES_MOST + 1), type=_Kept[task.example_type])  # type: ignore[name-defined]  # a type by value
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    return read.examples if (read.schema, read.task) == (SCHEMA, task.key) else []


def _path(folder: Path, key: str) -> Path:
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"
