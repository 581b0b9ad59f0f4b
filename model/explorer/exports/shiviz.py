"""A run as a log for ShiViz: two lines an event, with the vector clock of what it comes after.

A thread and its store buffer are two processes. The clocks say what had to come before what (`explorer/order.py`), and
that each process did one thing after the other; two events whose clocks say nothing of each other could have changed
places.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from fencepost.model.explorer.search.order import Order
from fencepost.model.explorer.states.formatting import act_words
from fencepost.model.explorer.states.state import THREAD, Act
from fencepost.model.explorer.traces.run_trace import Run

SHIVIZ_REGULAR_EXPRESSION = r"(?<host>\S+) (?<clock>\{.*\})\n(?<event>.*)"
"""What ShiViz is to be given as the parser of such a log."""

Clock: TypeAlias = dict[str, int]


def shiviz_log(made: Run) -> str:
    """Return a run as a ShiViz log."""
    lines = (f"{process} {json.dumps(clock, sort_keys=True)}\n{text}\n" for process, clock, text in clocked(made))
    return "".join(lines)


def clocked(made: Run) -> Iterator[tuple[str, Clock, str]]:
    """Yield (process, vector clock, words) of each event; what a thread did at once at the start is its first event."""
    begun: dict[int, Clock] = {}
    last: dict[str, Clock] = {}  # process -> the clock of its last event
    for thread, acts in _starts(made).items():
        name = _name(made, thread, buffer=False)
        begun[thread] = last[name] = {name: 1}
        yield name, last[name], f"start: {_words(acts)}{_end(made, 0)}"
    past, clocks = _past(made), list[Clock]()
    for number, event in enumerate(made.events[1:]):
        thread = event.actor[0]
        name = _name(made, thread, buffer=event.actor[1] != THREAD)
        before = [clocks[at] for at in range(number) if past[number] >> at & 1]
        clock = _joined([*before, begun.get(thread, {}), last.get(name, {})])
        clock[name] = clock.get(name, 0) + 1
        clocks.append(clock)
        last[name] = clock
        yield name, clock, f"step {number + 1}: {_words(event.acts)}{_end(made, number + 1)}"


def _end(made: Run, step: int) -> str:
    if step != made.violated_at or made.violation is None:
        return ""
    return f" -- {made.violation.property} is violated: {made.violation.sentence}"


def _past(made: Run) -> list[int]:
    """Return, for each step from the first on, the set of steps that it comes after."""
    order = Order(made.system)
    order.begin(made.events[0])
    for event in made.events[1:]:
        order.push(event)
    return order.past


def _joined(clocks: Iterable[Clock]) -> Clock:
    joined: Clock = {}
    for clock in clocks:
        for process, count in clock.items():
            joined[process] = max(count, joined.get(process, 0))
    return joined


def _starts(made: Run) -> dict[int, list[Act]]:
    acts: dict[int, list[Act]] = {}
    for act in made.events[0].acts:
        acts.setdefault(act.thread, []).append(act)
    return acts


def _name(made: Run, thread: int, *, buffer: bool) -> str:
    name = made.system.threads[thread].name.replace(" ", "_")
    return f"{name}.buffer" if buffer else name


def _words(acts: list[Act]) -> str:
    return "; ".join(map(act_words, acts))
