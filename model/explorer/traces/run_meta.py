"""What a run trace's file says of the whole run: written as plain JSON, read with every part checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from fencepost.model.contract import PROPERTIES
from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.explorer.monitor.run import REFINEMENT
from fencepost.model.explorer.monitor.run_state import decoded, encoded
from fencepost.model.explorer.search.schedule import Schedule
from fencepost.model.explorer.states.monitor import Violation
from fencepost.model.explorer.subjects import LitmusOrigin, ProgramOrigin, SequencerOrigin, SlotId
from fencepost.model.explorer.traces.known import name_of
from fencepost.model.explorer.traces.run_trace import LineUse, RunTrace
from fencepost.model.litmus import parse_test
from fencepost.model.memory import matrix, profile
from fencepost.model.own import PROGRAM, Source, object_from, source_of
from fencepost.model.programs.pipeline import Design, Scenario
from fencepost.model.programs.roles.client import Sending
from fencepost.model.programs.roles.receiver import Arriving
from fencepost.model.programs.users.own import Mark

MOST = 10_000  # slots, rings, clients or batches of a scenario; an explored run has a handful
_KEYS = ("found_by", "lines", "matrix", "profile", "subject", "violation")


def meta_of(trace: RunTrace) -> dict[str, Any]:
    """Return all of a trace but its schedule, as JSON."""
    origin = trace.origin
    violation = None
    if trace.violation is not None:
        violation = {"property": trace.violation.property, "sentence": trace.violation.sentence}
    return {
        "subject": _subject(origin),
        "profile": origin.profile,
        "matrix": origin.matrix,
        "violation": violation,
        "found_by": trace.found_by,
        "lines": [{name: encoded(value) for name, value in use._asdict().items()} for use in trace.lines],
    }


def _subject(origin: SlotId) -> dict[str, Any]:
    if isinstance(origin, LitmusOrigin):
        return {"litmus": origin.test.text, "name": origin.test.name}
    if isinstance(origin, ProgramOrigin):
        source = source_of(origin.program)
        without = [asdict(mark) for mark in sorted(origin.without)]
        return {"program": origin.program.name, "source": source and asdict(source), "without": without}
    asked = None if origin.asked is None else sorted(origin.asked)
    scenario = msgspec.to_builtins(origin.scenario)
    return {"sequencer": name_of(origin.design), "scenario": scenario, "asked": asked}


def trace_from(meta: Mapping[str, Any], schedule: Schedule, designs: Mapping[str, Design]) -> RunTrace:
    """Return the trace that a file's `#meta` and its steps describe. Raises InputError for whatever is malformed."""
    for key in _KEYS:
        if key not in meta:
            raise InputError(f"#meta.{key} is missing: expected {', '.join(_KEYS)}")
    for key in ("profile", "matrix", "found_by"):
        _string(meta[key], f"#meta.{key}")
    profile(meta["profile"])
    matrix(meta["matrix"])
    origin = _origin(meta["subject"], meta["profile"], meta["matrix"], designs)
    return RunTrace(origin, _lines(meta["lines"]), schedule, _violation(meta["violation"]), meta["found_by"])


def _string(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{where} is {value!r}: expected a string")
    return value


def _origin(subject: Any, profile_name: str, matrix_name: str, designs: Mapping[str, Design]) -> SlotId:
    if isinstance(subject, dict) and subject.keys() == {"litmus", "name"}:
        name = _string(subject["name"], "#meta.subject.name")
        test = parse_test(_string(subject["litmus"], "#meta.subject.litmus"), name)
        return LitmusOrigin(test, profile_name, matrix_name)
    if isinstance(subject, dict) and subject.keys() == {"program", "source", "without"}:
        return _program(subject, profile_name, matrix_name)
    if not isinstance(subject, dict) or subject.keys() != {"sequencer", "scenario", "asked"}:
        raise InputError(
            "#meta.subject: expected `sequencer`, `scenario` and `asked`,"
            " `litmus` and `name`, or `program`, `source` and `without`"
        )
    name = _string(subject["sequencer"], "#meta.subject.sequencer")
    if name not in designs:
        raise unknown_choice("sequencer", name, designs)
    asked = _asked(subject["asked"])
    return SequencerOrigin(designs[name], _scenario(subject["scenario"]), profile_name, matrix_name, asked)


def _program(subject: Mapping[str, Any], profile_name: str, matrix_name: str) -> ProgramOrigin:
    """Return a program of a user's file, as it was."""
    name, given = _string(subject["program"], "#meta.subject.program"), subject["source"]
    if given is None:
        raise InputError(
            f"its program {name} stood in no file that can be loaded (it was typed in, or made in a function):"
            " put it into a variable of a file and explore it again"
        )
    if not isinstance(given, dict) or given.keys() != Source.__annotations__.keys():
        raise InputError(f"#meta.subject.source is {given!r}: expected module, file, object and sha256")
    source = Source(**{part: _string(given[part], f"#meta.subject.source.{part}") for part in given})
    try:
        without = frozenset(msgspec.convert(subject["without"], list[Mark], strict=True))
    except msgspec.ValidationError as error:
        raise InputError(f"#meta.subject.without: {error}") from None
    return ProgramOrigin(object_from(source, PROGRAM), profile_name, matrix_name, without)


def _asked(value: Any) -> frozenset[str] | None:
    if value is None:
        return None
    choices = (*PROPERTIES, REFINEMENT)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InputError(f"#meta.subject.asked is {value!r}: expected null or a list of properties")
    for each in value:
        if each not in choices:
            raise unknown_choice("property", each, choices)
    return frozenset(value)


def _scenario(value: Any) -> Scenario:
    """Return a scenario: its fields have the types of the dataclass, and sizes that can be run."""
    where = "#meta.subject.scenario"
    try:
        scenario = msgspec.convert(value, Scenario, strict=True)
    except msgspec.ValidationError as error:
        raise InputError(f"{where}: {error}") from None
    for name in value.keys() - asdict(scenario).keys():
        raise InputError(f"{where}.{name} is no part of a scenario: expected {', '.join(asdict(scenario))}")
    batches: list[Arriving | Sending] = [batch for ring in (*scenario.rings, *scenario.later) for batch in ring]
    batches += [sending for plan in scenario.plans for sending in plan]
    if not 1 <= scenario.slots <= MOST:
        raise InputError(f"{where}.slots is {scenario.slots}: expected 1 to {MOST}")
    if not 0 <= scenario.ring_count <= MOST or not 1 <= scenario.rings_count <= MOST:
        raise InputError(f"{where} has {scenario.rings_count} rings: expected 1 to {MOST}")
    if len(batches) > MOST or len(scenario.plans) > MOST:
        raise InputError(f"{where} has {len(batches)} batches: expected at most {MOST}")
    for batch in batches:
        for name, number in asdict(batch).items():
            if number < 0:
                raise InputError(f"{where}: {name} {number} of a batch: expected 0 or more")
    for plan in scenario.plans:
        for sending in plan:
            if sending.ring >= scenario.rings_count:
                raise InputError(f"{where}: ring {sending.ring} of a plan: expected less than {scenario.rings_count}")
    return scenario


def _violation(value: Any) -> Violation | None:
    if value is None:
        return None
    if not isinstance(value, dict) or value.keys() != {"property", "sentence"}:
        raise InputError(f"#meta.violation is {value!r}: expected null, or property and sentence")
    name = _string(value["property"], "#meta.violation.property")
    return Violation(name, _string(value["sentence"], "#meta.violation.sentence"))


def _lines(value: Any) -> tuple[LineUse, ...]:
    if not isinstance(value, list):
        raise InputError(f"#meta.lines is {value!r}: expected a list")
    found = []
    for number, each in enumerate(value):
        try:
            use = LineUse(**{name: decoded(part) for name, part in each.items()})
            if not all(isinstance(part, tuple) for part in use):
                raise ValueError("not all tuples")
            if not all(type(which) is int for some in use[1:] for which in some):
                raise ValueError("not all numbers")
        except (TypeError, ValueError, AttributeError):
            raise InputError(
                f"#meta.lines[{number}] is not what it should be: expected line, users and writers, each a #tup"
            ) from None
        found.append(use)
    return tuple(found)
