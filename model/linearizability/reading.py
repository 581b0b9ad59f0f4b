"""Operations from files: tables, the text that Jepsen logs, and EDN.

    tables   columns `operation`, `argument`, `result`, `called_ns`, `returned_ns`; `process`, `key`, `outcome` may be
    .log     lines with `PROCESS :invoke|:ok|:fail|:info :OPERATION VALUE`, as jepsen.util writes them
    .edn     Jepsen's histories: maps with :process :type :f :value, a line each or in a vector

An operation that failed did not take place, but for a `cas` in a .log: there it compared, and found another value.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

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
        yield from _operations(path, call, event, cas_compares)
    for call in open_calls.values():
        yield from _operations(path, call, None, cas_compares)


def _operations(path: Path, call: Event, event: Event | None, cas_compares: bool) -> Iterator[Operation]:
    """Yield what a call and its return were: one operation, several where it drained or was a transaction, or none."""
    is_compare = cas_compares and call.name == "cas"
    if event is not None and event.kind == "fail" and not is_compare:
        return
    came = None if event is None or event.kind == "info" else event
    for name, argument, result, key in _parts(path, call, came):
        if is_compare and event is not None:
            result = UNKNOWN if came is None else event.kind == "ok"
        returned = None if came is None else came.row
        yield Operation(name, argument, result, call.row, returned, call.process, key, call.row)


Part: TypeAlias = tuple[str, Hashable, Hashable, Hashable]  # name, argument, result and key


def _parts(path: Path, call: Event, event: Event | None) -> Iterator[Part]:
    """Yield each part of an operation; `event` is its return, if it has one."""
    asked, came = call.value, None if event is None else event.value
    if call.name in ("txn", "send", "poll") and isinstance(asked, tuple) and all(isinstance(e, tuple) for e in asked):
        yield from _log_parts(path, call, event)
    elif call.name == "drain":
        if event is not None and not isinstance(came, tuple | None):
            raise _unfit(path, event, came, "the values that were drained, in a vector")
        yield from (("dequeue", None, value, None) for value in came or ())
    elif call.name in ("read", "dequeue", "poll", "pop"):
        key = asked[0] if isinstance(asked, tuple) and len(asked) == 2 else None
        value = came[1] if key is not None and isinstance(came, tuple) and len(came) == 2 else came
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


def _log_parts(path: Path, call: Event, event: Event | None) -> Iterator[Part]:
    """Yield the sends and polls of one transaction of the kafka workload: what was asked, then what came back."""
    came = None if event is None else event.value
    if event is not None and (not isinstance(came, tuple) or len(came) != len(call.value)):
        raise _unfit(path, event, came, f"a vector of what came back of each of {len(call.value)} parts")
    for index, part in enumerate(call.value):
        back = None if came is None else came[index]
        match part:
            case ("send", key, value):
                yield "append", value, UNKNOWN if event is None else _sent_at(path, event, back), key
            case ("poll", *_):
                found = () if event is None else polled(path, event, back)  # else nobody knows what came back
                yield from (("read", offset, value, key) for key, offset, value in found)
            case _:
                raise _unfit(path, call, part, "[:send KEY VALUE] or [:poll]")


def _sent_at(path: Path, event: Event, back: Any) -> Hashable:
    """Return the offset of a send, UNKNOWN where none came back."""
    match back:
        case ("send", _, (-1, _)):  # as Kafka says where nobody acknowledges
            return UNKNOWN
        case ("send", _, (int(offset), _)):
            return offset
        case ("send", _, (None, _)):
            return UNKNOWN
        case ("send", _, tuple()):
            raise _unfit(path, event, back, "[:send KEY [OFFSET VALUE]], with an integer")
        case ("send", _, _):
            return UNKNOWN
        case _:
            raise _unfit(path, event, back, "[:send KEY [OFFSET VALUE]]")


def polled(path: Path, event: Event, back: Any) -> Iterator[tuple[Hashable, int, Hashable]]:
    """Yield key, offset and value of whatever a poll found."""
    match back:
        case ("poll",) | ("poll", None):
            return
        case ("poll", Mapping() as found):
            for key, entries in found.items():
                for entry in entries if isinstance(entries, tuple) else (entries,):
                    match entry:
                        case (int(offset), value):
                            yield key, offset, value
                        case _:
                            raise _unfit(path, event, entry, "[OFFSET VALUE], with an integer")
        case _:
            raise _unfit(path, event, back, "[:poll {KEY [[OFFSET VALUE] ...]}]")


def _unfit(path: Path, event: Event, found: Any, expected: str) -> FormatError:
    said = "nothing" if found is None else str(found)
    shortened = said if len(said) <= 60 else f"{said[:60]}..."
    return FormatError(path, f"found {shortened}, expected {expected}", row=event.row, column="value")
