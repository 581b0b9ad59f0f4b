"""States of a run as ITF values: all that a later step may depend on, by names that a reader knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from msgspec import Struct

from fencepost.model.explorer.monitor.run import RunMonitor
from fencepost.model.explorer.states.formatting import address_words, entry_words, line_words, operation_words
from fencepost.model.explorer.states.state import State
from fencepost.model.explorer.states.system import System
from fencepost.model.memory.lazy import CERTAIN, IN_DOUBT, NOTHING_SEEN, RULED_OUT, Content

STANDING = {CERTAIN: "certain", IN_DOUBT: "in doubt", RULED_OUT: "ruled out"}


class Record(dict[str, Any]):
    """A value with named parts, which ITF has as a JSON object; any other mapping is a map."""


def encoded(value: Any) -> Any:
    """Return a value in ITF: numbers exact, tuples and sets marked, maps as pairs in a fixed order."""
    if isinstance(value, Record):
        return {name: encoded(part) for name, part in value.items()}
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return {"#bigint": str(int(value))}
    if isinstance(value, tuple):
        return {"#tup": [encoded(each) for each in value]}
    if isinstance(value, frozenset):
        return {"#set": [encoded(each) for each in sorted(value, key=str)]}
    if isinstance(value, Mapping):
        return {"#map": [[encoded(key), encoded(value[key])] for key in sorted(value, key=str)]}
    if is_dataclass(value):
        return {each.name: encoded(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Struct):
        return {name: encoded(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, list):
        return [encoded(each) for each in value]
    return str(value)


def decoded(value: Any) -> Any:
    """Return what `encoded` made of a number, a string or a tuple of such. Raises ValueError for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and value.keys() == {"#bigint"} and isinstance(value["#bigint"], str):
        return int(value["#bigint"])
    if isinstance(value, dict) and value.keys() == {"#tup"} and isinstance(value["#tup"], list):
        return tuple(decoded(each) for each in value["#tup"])
    raise ValueError(f"no ITF number, string or tuple: {value!r}")


def state_document(system: System, state: State) -> dict[str, Any]:
    """Return a state as ITF variables."""
    names = [thread.name for thread in system.threads]
    pending = {
        name: "ended" if node.operation is None else operation_words(node.operation)
        for name, node in zip(names, state.nodes, strict=True)
    }
    buffers = {name: buffer for name, buffer in zip(names, state.buffers, strict=True) if buffer}
    channels = {line_words(channel): waiting for channel, (waiting, _) in state.channels.items()}
    return {
        "threads": encoded(pending),
        "buffers": encoded({name: [_entry(each) for each in buffer] for name, buffer in buffers.items()}),
        "own_words": encoded({address_words(address): value for address, value in state.cells.words.items()}),
        "caches": encoded(_caches(state)),
        "memory": encoded(_memory(state)),
        "network": encoded(channels),
        "facts": _facts(state),
    }


def _entry(entry: Any) -> Any:
    return Record(number=entry.number, entry=entry_words(entry))


def _caches(state: State) -> dict[tuple[int, str], Any]:
    """Return (host, line) -> what the host has of it; `version` -1 stands for no copy."""
    found: dict[tuple[int, str], Any] = {}
    for host, line in {*state.cells.seen, *state.cells.dirty}:
        seen = state.cells.seen.get((host, line), NOTHING_SEEN)
        dirty = state.cells.dirty.get((host, line))
        held = Record(version=seen.kept, fetched_from_version=seen.since)
        found[host, line_words(line)] = held if dirty is None else Record(**held, dirty=_content(dirty))
    return found


def _memory(state: State) -> dict[str, Any]:
    return {
        line_words(line): [Record(standing=STANDING[each.standing], words=_content(each.content)) for each in versions]
        for line, versions in state.cells.versions.items()
    }


def _content(content: Content) -> dict[str, Any]:
    return {str(word): value for word, value in content.items()}


def _facts(state: State) -> dict[str, Any]:
    """Return what the contract is judged by; a litmus file has no such facts."""
    watch = state.watch
    if not isinstance(watch, RunMonitor):
        return {"violation": _violation(state)}
    facts = {name: encoded(value) for name, value in vars(watch.facts).items()}
    return {**facts, "refused": watch.refused, "violation": _violation(state)}


def _violation(state: State) -> str:
    violation = state.watch.violation
    return "" if violation is None else f"{violation.property}: {violation.sentence}"
