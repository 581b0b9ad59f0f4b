"""Files of run traces, in ITF (JSON, one state a step): written from a run, and held against a fresh one when read.

`#meta` has what it takes to make the run again (`run_trace.py`). A state has where each thread is, the store buffers,
the caches, what memory had of each line, the words that are one host's own, the network, and the facts that the
contract is judged by; `mbt::actionTaken` and `mbt::nondetPicks` say who went and by which choice, and the state's own
`#meta` says it in words. Integers are `{"#bigint": "7"}`, as everywhere in ITF.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from fencepost.model.errors import FormatError, InputError, NotAccepted
from fencepost.model.explorer.monitor.run_state import decoded, encoded, state_document
from fencepost.model.explorer.search.exploration import Explored
from fencepost.model.explorer.states.formatting import act_words, actor_words, choice_words
from fencepost.model.explorer.states.state import THREAD, Actor
from fencepost.model.explorer.traces.known import known_designs
from fencepost.model.explorer.traces.run_meta import meta_of, trace_from
from fencepost.model.explorer.traces.run_trace import Run, RunTrace, run, trace_of
from fencepost.model.itf import ACTION, FORMAT_DESCRIPTION, PICKS, parsed
from fencepost.model.memory.lazy import Choice
from fencepost.model.programs.operations import Operation
from fencepost.model.programs.pipeline import Design
from fencepost.model.trace_files import keep_trace
from fencepost.model.writing import NotWritten, store

SCHEMA = "fencepost/run/1"


def write_run(explored: Explored | RunTrace, path: Path) -> RunTrace:
    """Write a trace file, whole or not at all, and return the trace. Raises InputError where there is no violation.

    >>> run = fencepost.read_run(Path("examples/data/stale-line.itf.json"))
    >>> fencepost.write_run(run, Path("copy.itf.json")) == run
    True
    """
    trace = trace_of(explored) if isinstance(explored, Explored) else explored
    store(path, itf_text(run(trace)))
    return trace


def keep_run(path: Path, explored: Explored | RunTrace) -> Path | None:
    """Write a result's trace file, beside those of others by this name; return which, None where it cannot be."""
    try:
        trace = trace_of(explored) if isinstance(explored, Explored) else explored
    except InputError as error:
        warnings.warn(NotWritten(str(error)), stacklevel=2)
        return None
    return keep_trace(path, meta_of(trace), partial(write_run, trace))


def itf_text(made: Run) -> str:
    """Return the text of a trace file: one line a state."""
    whole = document(made)
    states = ",\n  ".join(json.dumps(state) for state in whole["states"])
    parts = (f' "{name}": {json.dumps(whole[name])}' for name in ("#meta", "vars"))
    return "{\n" + ",\n".join(parts) + ',\n "states": [\n  ' + states + "\n ]\n}\n"


def document(made: Run) -> dict[str, Any]:
    """Return a run as an ITF document."""
    states = [_state(made, number) for number in range(len(made.states))]
    meta = {
        "format": "ITF",
        "format-description": FORMAT_DESCRIPTION,
        "schema": SCHEMA,
        **meta_of(made.trace),
    }
    return {"#meta": meta, "vars": [name for name in states[0] if name != "#meta"], "states": states}


def _state(made: Run, number: int) -> dict[str, Any]:
    system, event = made.system, made.events[number]
    thread, entry = event.actor
    meta = {
        "index": number,
        "actor": actor_words(system, event.actor),
        "acts": [f"{system.threads[act.thread].name}: {act_words(act)}" for act in event.acts],
        "choice": choice_words(event.choice),
    }
    picks = {"thread": encoded(thread), "entry": encoded(entry), "choice": encoded(event.choice)} if number else {}
    return {"#meta": meta, ACTION: _action(made, number), PICKS: picks, **state_document(system, made.states[number])}


def _action(made: Run, number: int) -> str:
    """Return what kind of step it is: the first operation's name, or the drain of an entry."""
    event = made.events[number]
    if not number:
        return "init"
    what = event.acts[0].what
    return type(what).__name__ if event.actor[1] == THREAD and isinstance(what, Operation) else "Drain"


def is_run(path: Path) -> bool:
    """Say whether a file says of itself that it is a run trace; raises FormatError where it is no JSON object."""
    raw = parsed(path)
    meta = raw.get("#meta")
    return isinstance(meta, dict) and meta.get("schema") == SCHEMA


def read_run(path: Path, designs: Mapping[str, Design] | None = None) -> RunTrace:
    """Read a trace file, make the run again and hold every recorded state against the fresh one.

    Raises FormatError, with the number of the step, where the file is not such a trace or records what the programs do
    not do; `designs` are those that it may be of, by default all sequencers and mutants.

    >>> run = fencepost.read_run(Path("examples/data/stale-line.itf.json"))
    >>> run.property, len(run.schedule)
    ('bad', 8)
    """
    raw = parsed(path)
    meta, states = raw.get("#meta"), raw.get("states")
    if not isinstance(meta, dict) or meta.get("schema") != SCHEMA:
        found = meta.get("schema") if isinstance(meta, dict) else None
        raise FormatError(path, f"#meta.schema is {_short(found)}: expected {SCHEMA!r}, a trace of programs")
    if not isinstance(states, list) or not states:
        raise FormatError(path, f"states is {_short(states)}: expected a list with one state a step")
    try:
        schedule = tuple(_step(number, state) for number, state in enumerate(states) if number)
        trace = trace_from(meta, schedule, known_designs() if designs is None else designs)
        made, objection = _as_far_as_it_goes(trace)
    except InputError as error:
        raise FormatError(path, str(error)) from None
    expected = document(made)
    for number, (want, given) in enumerate(zip(expected["states"], states, strict=False)):
        _same(path, f"step {number}", want, given)
    if objection:
        raise FormatError(path, objection)
    _compare(path, expected, raw, made)
    return trace


def _as_far_as_it_goes(trace: RunTrace) -> tuple[Run, str]:
    """Run a trace, or its longest beginning that can happen; return that and the objection to the step after it."""
    try:
        return run(trace), ""
    except NotAccepted as error:
        objection = str(error)
    possible, impossible = 0, len(trace.schedule)
    while impossible - possible > 1:
        middle = (possible + impossible) // 2
        try:
            run(replace(trace, schedule=trace.schedule[:middle]))
            possible = middle
        except NotAccepted:
            impossible = middle
    return run(replace(trace, schedule=trace.schedule[:possible])), objection


def _step(number: int, state: Any) -> tuple[Actor, Choice]:
    picks: Any = state.get(PICKS) if isinstance(state, dict) else None
    try:
        thread, entry, choice = (decoded(picks[name]) for name in ("thread", "entry", "choice"))
    except (KeyError, TypeError, ValueError):
        thread = entry = choice = None
    if type(thread) is not int or type(entry) is not int or not isinstance(choice, tuple):
        raise InputError(
            f"step {number}: {PICKS} is {_short(picks)}: expected thread and entry as #bigint, choice as #tup"
        )
    return (thread, entry), choice


def _compare(path: Path, expected: dict[str, Any], raw: dict[str, Any], made: Run) -> None:
    """Refuse a file whose states are right and in which something else is not."""
    last, violation = made.last, made.violation
    if len(raw["states"]) > last + 1:
        what = "breaks a property" if violation else "ends"
        raise FormatError(path, f"step {last + 1}: there is none: the run {what} after step {last}")
    if violation != made.trace.violation:
        recorded, found = (
            _short(each and f"{each.property}: {each.sentence}") for each in (made.trace.violation, violation)
        )
        raise FormatError(path, f"step {last}: the violation is {recorded}: expected {found}")
    _same(path, "the file", expected, raw)


def _same(path: Path, where: str, want: Any, given: Any, name: str = "") -> None:
    """Raise FormatError with the first part that differs."""
    if _equal(want, given):
        return
    if isinstance(want, dict) and isinstance(given, dict):
        for key in [*want, *given]:
            inner = f"{name}.{key}" if name else str(key)
            if key not in want:
                raise FormatError(path, f"{where}: {inner} is {_short(given[key])}: expected nothing of that name")
            if key not in given:
                raise FormatError(path, f"{where}: {inner} is missing: expected {_short(want[key])}")
            _same(path, where, want[key], given[key], inner)
    if isinstance(want, list) and isinstance(given, list) and len(want) == len(given):
        for place, (one, other) in enumerate(zip(want, given, strict=True)):
            _same(path, where, one, other, f"{name}[{place}]")
    raise FormatError(path, f"{where}: {name or 'it'} is {_short(given)}: expected {_short(want)}")


def _equal(want: Any, given: Any) -> bool:
    """Say whether two JSON values are the same; 1, 1.0 and true are three values."""
    return json.dumps(want, sort_keys=True) == json.dumps(given, sort_keys=True)


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."
