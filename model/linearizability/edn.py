"""Jepsen's histories in EDN: a map for each call and return, a line each or all in one vector."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from fencepost.model.errors import FormatError, InputError
from fencepost.model.linearizability.reading import Event, read_text

_TAG = re.compile(r"#([A-Za-z][\w.\-]*(?:/[\w.\-]+)?)")
_KINDS = ("invoke", "ok", "fail", "info")
_OTHER_CALLS = ("assign", "subscribe", "crash", "debug-topic-partitions", "start", "stop")  # of clients, not of a log


def read_events(path: Path) -> Iterator[Event]:
    """Yield the calls and returns in an EDN file; FormatError says what is wrong with it."""
    found = False
    for event, _ in read_entries(path):
        if event.name not in _OTHER_CALLS:
            found = True
            yield event
    if not found:
        raise FormatError(path, "no call of any process: expected maps with :type, :process, :f and :value")


def read_entries(path: Path) -> Iterator[tuple[Event, Mapping[str, Any]]]:
    """Yield each call and return of a process in an EDN file, with the whole entry; errors as in `read_events`."""
    for row, entry in enumerate(_entries(path), 1):
        if not isinstance(entry, Mapping) or not {"type", "process", "f"} <= entry.keys():
            raise FormatError(path, f"found {str(entry)[:60]}, expected a map with :type, :process and :f", row=row)
        if entry["type"] not in _KINDS:
            raise FormatError(
                path, f"found {entry['type']}, expected one of {', '.join(_KINDS)}", row=row, column="type"
            )
        if isinstance(entry["process"], int):  # others are of the nemesis
            yield Event(row, entry["process"], entry["type"], entry["f"], entry.get("value")), entry


def _entries(path: Path) -> list[Any]:
    try:
        import edn_format
    except ImportError:
        problem = "this format needs edn-format, which is not installed: pip install 'fencepost[edn]'"
        raise InputError(f"{path}: {problem}") from None
    text = read_text(path)
    for tag in set(_TAG.findall(text)) - {"inst", "uuid"}:
        edn_format.add_tag(tag, _untagged)  # a record of Jepsen's, or an exception that was printed
    try:
        read = [_plain(each, edn_format.Keyword) for each in edn_format.loads_all(text)]
    except RecursionError:
        raise FormatError(path, "not EDN: nested too deeply") from None
    except Exception as error:  # the library raises what its parser, its lexer and Python's numbers raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise FormatError(path, f"not EDN: {reason[:200]}") from None
    return list(read[0]) if len(read) == 1 and isinstance(read[0], tuple) else read


class _Map(dict[Any, Any]):
    """A map that nobody changes: a value like any other, which a register may hold."""

    def __hash__(self) -> int:  # type: ignore[override]  # dict says None, as it may change
        return hash(frozenset(self.items()))


def _untagged(value: Any) -> Any:
    return value


def _plain(value: Any, keyword: type) -> Any:
    """Return an EDN value as Python's own: keywords as text, vectors as tuples, maps as dictionaries."""
    if isinstance(value, keyword):
        return str(value).removeprefix(":")
    if isinstance(value, Mapping):
        return _Map({_plain(key, keyword): _plain(each, keyword) for key, each in value.items()})
    if isinstance(value, Sequence | Set) and not isinstance(value, str | bytes):
        return tuple(_plain(each, keyword) for each in value)
    return value if isinstance(value, Hashable) else str(value)
