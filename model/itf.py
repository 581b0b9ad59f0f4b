"""Trace files in ITF, the Informal Trace Format of Apalache (JSON, one state a step).

Integers are `{"#bigint": "7"}`, maps `{"#map": [[key, value], ...]}` with the cells that differ from the
map's default, keys of several parts `{"#tup": [...]}`. The step that led to a state is in it as
`mbt::actionTaken` and `mbt::nondetPicks`. `#meta` says which protocol and property the trace is of; of a protocol in a
user's file, also which file that is, and the hash of its text.
"""

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from fencepost.model.documents import read_json
from fencepost.model.errors import FormatError, InputError, NotAccepted
from fencepost.model.instance import MOST, Instance
from fencepost.model.language import Map, Protocol
from fencepost.model.own import PROTOCOL, Source, object_from, ships, source_of
from fencepost.model.specs import protocol
from fencepost.model.trace import Step, Trace
from fencepost.model.trace_files import keep_trace
from fencepost.model.writing import store

FORMAT_DESCRIPTION = "https://apalache-mc.org/docs/adr/015adr-trace.html"
ACTION, PICKS = "mbt::actionTaken", "mbt::nondetPicks"


def write_trace(path: Path, trace: Trace) -> None:
    """Write a trace file whole or not at all; its folder is made where there is none.

    >>> fencepost.write_trace(Path("copy.itf.json"), fencepost.read_trace(Path("examples/data/inversion.itf.json")))
    """
    store(path, json.dumps(document(trace), indent=1) + "\n")


def keep_in_file(path: Path, trace: Trace) -> Path | None:
    """Write a result's trace file, beside those of others by this name; return which, None where it cannot be."""
    return keep_trace(path, document(trace)["#meta"], partial(write_trace, trace=trace))


def document(trace: Trace) -> dict[str, Any]:
    """Return a trace as an ITF document."""
    source = source_of(trace.protocol)
    taken = [Step("init", {}), *trace.steps]
    states = [_state(n, step, state) for n, (step, state) in enumerate(zip(taken, trace.states(), strict=True))]
    return {
        "#meta": {
            "format": "ITF",
            "format-description": FORMAT_DESCRIPTION,
            "schema": "fencepost/trace/1",
            "protocol": trace.protocol.name,
            **({} if ships(trace.protocol) else {"source": source and asdict(source)}),
            "property": trace.property,
            "found_by": trace.found_by,
            "bounds": {name: size for name, size in asdict(trace.bounds).items() if size != {}},
        },
        "vars": [ACTION, PICKS, *trace.protocol.fields],
        "states": states,
    }


def read_trace(path: Path) -> Trace:
    """Read a trace file and hold each of its states against what the protocol makes of its steps.

    Raises FormatError, with the number of the state, where the file is not such a trace or says of a
    state what its steps do not lead to.

    >>> trace = fencepost.read_trace(Path("examples/data/inversion.itf.json"))
    >>> trace.property, len(trace.steps)
    ('client-order', 6)
    """
    raw = parsed(path)
    try:
        meta, states = raw["#meta"], raw["states"]
        if not states or not isinstance(states, list) or not all(isinstance(state, dict) for state in states):
            raise InputError(f"states is {_short(states)}: expected a state before the first step and one after each")
        found = Trace(
            protocol=_protocol(meta),
            property=_string(meta, "property"),
            steps=tuple(_step(path, number, state) for number, state in enumerate(states) if number > 0),
            bounds=_bounds(meta["bounds"]),
            found_by=str(meta["found_by"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        problem = f"not a fencepost trace ({type(error).__name__}: {error}): expected #meta, vars and states"
        raise FormatError(path, problem) from None
    except FormatError:
        raise
    except InputError as error:
        raise FormatError(path, str(error)) from None
    _compare(path, found, states)
    return found


def parsed(path: Path) -> dict[str, Any]:
    """Return the JSON object that a trace file holds. Raises FormatError where it holds none."""
    raw = read_json(path, "trace in ITF JSON")
    if not isinstance(raw, dict):
        raise FormatError(path, f"found a JSON {type(raw).__name__}: expected an object with #meta, vars and states")
    return raw


def _string(meta: dict[str, Any], name: str, where: str = "#meta.") -> str:
    if not isinstance(meta[name], str):
        raise InputError(f"{where}{name} is {_short(meta[name])}: expected a string")
    return str(meta[name])


def _protocol(meta: dict[str, Any]) -> type[Protocol]:
    """Return the protocol of a trace: one that ships, by its name, or that of a user's file, as it was."""
    name = _string(meta, "protocol")
    if "source" not in meta:
        return protocol(name)
    given = meta["source"]
    if given is None:
        raise InputError(
            f"its protocol {name} stood in no file that can be loaded (it was typed in, or is defined in a function):"
            " put the class into a file and prove it again"
        )
    if not isinstance(given, dict) or given.keys() != Source.__annotations__.keys():
        raise InputError(f"#meta.source is {_short(given)}: expected module, file, object and sha256")
    found = object_from(Source(**{part: _string(given, part, "#meta.source.") for part in given}), PROTOCOL)
    if found.name != name:
        raise InputError(f"#meta.protocol is {_short(name)}: expected {found.name}, as its source says")
    return found


def _bounds(given: dict[str, Any]) -> Instance:
    """Return the instance that a trace lies in; it is enumerated, so it is small."""
    others = given.get("others", {})
    for name, value in [*given.items(), *others.items()]:
        if value is not others and (type(value) is not int or not 0 <= value <= MOST):
            raise InputError(f"#meta.bounds.{name} is {_short(value)}: expected 0 to {MOST}")
    return Instance(**given)


def _step(path: Path, number: int, state: dict[str, Any]) -> Step:
    picks = state[PICKS]
    try:
        return Step(str(state[ACTION]), {name: int(value["#bigint"]) for name, value in picks.items()})
    except (ValueError, TypeError, KeyError):
        raise FormatError(path, f"state {number}: {PICKS} is {picks!r}: expected numbers as #bigint") from None


def _compare(path: Path, trace: Trace, states: list[dict[str, Any]]) -> None:
    """Refuse a file in which some state is not what the step before it makes."""
    steps = [Step("init", {}), *trace.steps]
    run = trace.states()
    for number, (step, given) in enumerate(zip(steps, states, strict=True)):
        try:
            expected = _state(number, step, next(run))
        except (NotAccepted, TypeError, AttributeError) as error:
            raise FormatError(path, f"state {number}: {error}") from None
        for name, value in expected.items():
            if given.get(name) != value:
                raise FormatError(
                    path, f"state {number}: {name} is {_short(given.get(name))}: expected {_short(value)}"
                )


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _state(number: int, step: Step, state: Protocol) -> dict[str, Any]:
    picks = {name: _value(value) for name, value in step.arguments.items()}
    fields = {name: _value(getattr(state, name)) for name in state.fields}
    return {"#meta": {"index": number}, ACTION: step.action, PICKS: picks, **fields}


def _value(value: Any) -> Any:
    if isinstance(value, Map):
        return {"#map": [[_value(key), _value(each)] for key, each in sorted(value.written().items())]}
    if isinstance(value, bool):
        return value
    return {"#tup": [_value(each) for each in value]} if isinstance(value, tuple) else {"#bigint": str(value)}
