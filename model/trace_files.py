"""Which file a trace is written to: one that is there and is of something else by the same name is not overwritten."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fencepost.model.documents import read_json
from fencepost.model.errors import InputError
from fencepost.model.writing import kept

SAME_NAME_MOST = 1_000


def keep_trace(path: Path, meta: Mapping[str, Any], write: Callable[[Path], object]) -> Path | None:
    """Write a trace with this `#meta` and return its file; None, with a warning, where it cannot be written.

    Where the file is of another object by this name, such as a program of another file, it is NAME-2.itf.json and so
    on; a trace of the same object is replaced.
    """
    wanted, of = path, origin(json.loads(json.dumps(meta)))
    for number in range(2, SAME_NAME_MOST):
        if not wanted.is_file() or _origin_in(wanted) in (None, of):
            break
        wanted = path.with_name(f"{path.name.removesuffix('.itf.json')}-{number}.itf.json")
    return kept(wanted, write)


def origin(meta: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what a trace is of: of a user's work its file and object, else its name, and of a litmus test its text."""
    subject = meta.get("subject")
    if not isinstance(subject, Mapping):
        return "protocol", meta.get("protocol"), *_place(meta.get("source"))
    if "program" in subject:
        return "program", subject["program"], *_place(subject.get("source")), meta.get("profile")
    return "litmus" if "litmus" in subject else "sequencer", subject.get("litmus") or subject.get("sequencer")


def _place(source: Any) -> tuple[Any, Any]:
    return (source.get("file"), source.get("object")) if isinstance(source, Mapping) else (None, None)


def _origin_in(path: Path) -> tuple[Any, ...] | None:
    """Return what the trace in a file is of; None where there is none in it."""
    try:
        found = read_json(path, "trace in ITF JSON")
        return origin(found["#meta"])
    except (InputError, KeyError, TypeError, AttributeError):
        return None
