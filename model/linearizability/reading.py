"""Operations from files: tables, the text that Jepsen logs, and EDN.

    tables   columns `operation`, `argument`, `result`, `called_ns`, `returned_ns`; `process`, `key`, `outcome` may be
    .log     lines with `PROCESS :invoke|:ok|:fail|:info :OPERATION VALUE`, as jepsen.util writes them
    .edn     Jepsen's histories: maps with :process :type :f :value, a line each or in a vector

An operation that failed did not take place, but for a `cas` in a .log: there it compared, and found another value.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from fencepost.model.errors import FormatError
from fencepost.model.linearizability.operations import UNKNOWN, Operation

_LINE = re.compile(r"(\S+)\s+:(invoke|ok|fail|info)\s+:([\w-]+)\s+(.*?)\s*$")
_NUMBER = re.compile(r"-?\d+")


class Event(NamedTuple):
    """A call or a return as Jepsen writes it; `row` is its line or place in the file, from 1."""

    row: int
    process: Hashable
    kind: str  # invoke, ok, fail, info
    name: str
    value: Any


def read_operations(path: Path | str, *, is_edn: bool = False) -> list[Operation]:
    """Return the operations in a file, which is EDN if its name ends so or `is_edn`.

    FormatError says what is wrong with it, and where.

    >>> len(fencepost.read_operations("examples/data/stale-read.log"))
    4
    """
    path = Path(path)
    if is_edn or path.suffix.lower() == ".edn":
        from fencepost.model.linearizability.edn import read_events

        return placed(paired(path, read_events(path), cas_compares=False))
    if path.suffix.lower() in (".log", ".txt"):
        return list(paired(path, _read_lines(path), cas_compares=True))
    from fencepost.model.linearizability.tables import read_table

    return read_table(path)


def read_text(path: Path) -> str:
    """Return a file's text; FormatError where it cannot be read, or is none."""
    if not path.exists():
        raise FormatError(path, "no such file")
    if not path.is_file():
        raise FormatError(path, "is no file: expected one")
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise FormatError(path, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise FormatError(path, "found bytes that are no UTF-8 text") from None


def placed(operations: Iterable[Operation]) -> list[Operation]:
    """Return the operations with the position of an append whose own did not come back, where a read has its value."""
    listed = list(operations)
    seen = {
        (each.key, each.result): each.argument for each in listed if each.name == "read" and each.returned is not None
    }
    return [
        replace(each, result=seen[each.key, each.argument])
        if each.name == "append" and each.result is UNKNOWN and (each.key, each.argument) in seen
        else each
        for each in listed
    ]


def _read_lines(path: Path) -> Iterator[Event]:
    found = False
    for row, line in enumerate(read_text(path).splitlines(), 1):
        matched = _LINE.search(line)
        if matched is None:
            continue
        process, kind, name, value = matched.groups()
        if not _NUMBER.fullmatch(process):
            continue  # the nemesis, whose acts are no operations
        found = True
        yield Event(row, int(process), kind, name, _value(path, row, value))
    if not found:
        raise FormatError(path, "no line has PROCESS :invoke|:ok|:fail|:info :OPERATION VALUE, as Jepsen writes them")


def _value(path: Path, row: int, text: str) -> Any:
    """Return nil, an integer, a keyword or a word as it is; several in brackets as a tuple."""
    if text.startswith("["):
        if not text.endswith("]"):
            raise FormatError(path, f"found {text[:40]!r}, expected values in brackets", row=row)
        return tuple(_value(path, row, each) for each in text[1:-1].replace(",", " ").split())
    if text == "nil":
        return None
    return int(text) if _NUMBER.fullmatch(text) else text.strip('"')


def paired(path: Path, events: Iterable[Event], *, cas_compares: bool) -> Iterator[Operation]:
    """Yield the operations whose calls and returns these are; moments are the places of events.

    `cas_compares`: a compare-and-set that failed did compare. FormatError: a process calls before its last call
    returned, or returns without a call.
    """
    open_calls: dict[Hashable, Event] = {}
    for event in events:
        call = open_calls.pop(event.process, None)
        if event.kind == "invoke":
            if call is not None:
                problem = f"process {event.process} calls {event.name}, before {call.name} of row {call.row} returned"
                raise FormatError(path, problem, row=event.row)
            open_calls[event.process] = event
            continue
        if call is None:
            raise FormatError(path, f"process {event.process} returns from {event.name} without a call", row=event.row)
        if call.name != event.name:
            problem = f"process {event.process} returns from {event.name}, expected {call.name} of row {call.row}"
            raise FormatError(path, problem, row=event.row)
        yield from _operations(call, event, cas_compares)
    for call in open_calls.values():
        yield from _operations(call, None, cas_compares)


def _operations(call: Event, event: Event | None, cas_compares: bool) -> Iterator[Operation]:
    """Yield what a call and its return were: one operation, several where it drained or was a transaction, or none."""
    is_compare = cas_compares and call.name == "cas"
    if event is not None and event.kind == "fail" and not is_compare:
        return
    returned = None if event is None or event.kind == "info" else event.row
    for name, argument, result, key in _parts(call, event if returned is not None else None):
        if is_compare and event is not None:
            result = UNKNOWN if returned is None else event.kind == "ok"
        yield Operation(name, argument, result, call.row, returned, call.process, key, call.row)


def _parts(call: Event, event: Event | None) -> Iterator[tuple[str, Hashable, Hashable, Hashable]]:
    """Yield name, argument, result and key of each part of an operation; `event` is its return, if it has one."""
    asked, came = call.value, None if event is None else event.value
    if call.name in ("txn", "send", "poll") and isinstance(asked, tuple) and all(isinstance(e, tuple) for e in asked):
        yield from _log_parts(asked, came)
    elif call.name == "drain":
        yield from (("dequeue", None, value, None) for value in came or ())
    elif call.name in ("read", "dequeue", "poll", "pop"):
        key = asked[0] if isinstance(asked, tuple) and len(asked) == 2 else None
        value = came[1] if key is not None and isinstance(came, tuple) else came
        yield call.name, None, UNKNOWN if event is None else value, key
    else:
        is_keyed = isinstance(asked, tuple) and len(asked) == 2 and (call.name != "cas" or isinstance(asked[1], tuple))
        key, argument = asked if is_keyed else (None, asked)
        result: Hashable = UNKNOWN
        if call.name == "cas":
            result = UNKNOWN if event is None else True
        elif call.name in ("append", "publish") and event is not None and isinstance(came, int) and came != argument:
            result = came
        yield call.name, argument, result, key


def _log_parts(asked: Iterable[Any], came: Any) -> Iterator[tuple[str, Hashable, Hashable, Hashable]]:
    """Yield the sends and polls of one transaction of the kafka workload."""
    for index, part in enumerate(asked):
        back = came[index] if came is not None and index < len(came) else None
        if part[0] == "send":
            _, key, value = part
            sent = back[2] if back is not None else None  # (offset, value) where the offset came back
            yield "append", value, sent[0] if isinstance(sent, tuple) else UNKNOWN, key
        elif part[0] == "poll" and back is not None and len(back) > 1:
            for key, entries in dict(back[1]).items():
                yield from (("read", offset, value, key) for offset, value in entries)
