"""A run as Chrome trace events, which chrome://tracing and ui.perfetto.dev show: a process a host, a row a thread.

A step lasts `STEP_US` on a clock of its own: what is shown is the order of things, not time. An arrow leads from a
store or flush to the moment at which it left its store buffer.
Format: "Trace Event Format", Chromium project.
"""

from __future__ import annotations

from typing import Any

from fencepost.model.explorer.states.formatting import act_words, choice_words
from fencepost.model.explorer.states.state import Act
from fencepost.model.explorer.traces.run_trace import Run
from fencepost.model.memory.lazy import Entry

STEP_US = 1_000


def chrome_document(made: Run) -> dict[str, Any]:
    """Return a run as a Chrome trace."""
    process = {host: number for number, host in enumerate(sorted(set(made.system.hosts)), start=1)}
    events = _names(made, process)
    for number, event in enumerate(made.events):
        each_us = STEP_US // (len(event.acts) + 1)
        for place, act in enumerate(event.acts):
            tid = 2 * act.thread + 1 + isinstance(act.what, Entry)
            where = {
                "pid": process[made.system.hosts[act.thread]],
                "tid": tid,
                "ts": number * STEP_US + place * each_us,
            }
            events += _act(act, number, each_us, where)
    if made.violation is not None:
        text = f"{made.violation.property}: {made.violation.sentence}"
        when = (made.last + 1) * STEP_US - 1
        events.append({"name": text, "cat": "violation", "ph": "i", "s": "g", "ts": when, "pid": 1, "tid": 1})
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": {"subject": made.trace.subject_name}}


def _act(act: Act, step: int, duration_us: int, where: dict[str, int]) -> list[dict[str, Any]]:
    """Return an act as a span and, where it enters or leaves a store buffer, an end of an arrow."""
    drained = isinstance(act.what, Entry)
    arguments = {"step": step, "choice": choice_words(act.choice), "spec": "" if act.step is None else str(act.step)}
    span = {"name": act_words(act), "cat": "drain" if drained else "operation", "ph": "X", "dur": duration_us}
    entry = act.what if isinstance(act.what, Entry) else act.entry
    events: list[dict[str, Any]] = [{**span, **where, "args": arguments}]
    if entry is not None:
        arrow = {"name": "store buffer", "cat": "buffer", "id": f"{act.thread}.{entry.number}", **where}
        events.append({**arrow, "ph": "f", "bp": "e"} if drained else {**arrow, "ph": "s"})
    return events


def _names(made: Run, process: dict[int, int]) -> list[dict[str, Any]]:
    """Return the events that name processes and threads."""
    found: list[dict[str, Any]] = [
        {"name": "process_name", "ph": "M", "pid": pid, "tid": 0, "args": {"name": _host_name(host)}}
        for host, pid in process.items()
    ]
    for number, thread in enumerate(made.system.threads):
        where = {"name": "thread_name", "ph": "M", "pid": process[made.system.hosts[number]]}
        found.append({**where, "tid": 2 * number + 1, "args": {"name": thread.name}})
        found.append({**where, "tid": 2 * number + 2, "args": {"name": f"store buffer of {thread.name}"}})
    return found


def _host_name(host: int) -> str:
    return f"host {host}" if host >= 0 else f"client {-1 - host}"
