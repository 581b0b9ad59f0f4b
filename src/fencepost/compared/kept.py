"""Examples that failed, kept in the user's folder and tried first the next time.

Hypothesis' own database is of no use here: it is not read where a seed is given, and every chunk has one.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

KEPT_MOST = 10  # of one task, the newest


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


def keep(folder: Path, key: str, examples: list[Any]) -> None:
    """Keep the examples of a task, newest first; a folder that cannot be written to keeps none."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        path = _path(folder, key)
        waiting = path.with_suffix(f".{os.getpid()}")
        waiting.write_bytes(pickle.dumps(examples[:KEPT_MOST]))
        waiting.replace(path)


def kept(folder: Path, key: str) -> list[Any]:
    """Return what is kept of a task; nothing where the file is of another version."""
    try:
        read = _OwnTypes(io.BytesIO(_path(folder, key).read_bytes())).load()
    except (OSError, pickle.UnpicklingError, AttributeError, ImportError, EOFError, TypeError):
        return []
    return list(read)


def _path(folder: Path, key: str) -> Path:
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.pickle"


class _OwnTypes(pickle.Unpickler):
    """Reads only what fencepost's examples are made of."""

    def find_class(self, module: str, name: str) -> Any:
        if not module.startswith("fencepost."):
            raise pickle.UnpicklingError(f"{module}.{name} is no part of an example")
        return super().find_class(module, name)
