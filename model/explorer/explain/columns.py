"""A run as text: a column for each thread that takes part, then what changed in store buffers, caches and memory.

One thread goes at a time, so what it does starts in its own column and may run on through those to the right.
"""

from __future__ import annotations

import textwrap
from itertools import zip_longest
from pathlib import Path

from fencepost.model.explorer.explain.cause import cause
from fencepost.model.explorer.explain.narration import Narration
from fencepost.model.explorer.explain.order_cause import who
from fencepost.model.explorer.explain.stale import step_name
from fencepost.model.explorer.search.exploration import Explored
from fencepost.model.explorer.subjects import SequencerOrigin
from fencepost.model.explorer.traces.run_trace import REPRODUCTIONS, Run, RunTrace, reproduced_count, run, trace_of

WIDTH = 132
_GAP = "  "
_HEADS = ("store buffer", "host cache", "memory")
_LANES_MOST = 60  # of the threads' columns but the last
_LANE_LEAST = 4
_TEXT_LEAST, _CELL_LEAST, _CELL_NARROW = 36, 24, 14


def describe_run(given: Explored | RunTrace, path: Path | None = None, *, full: bool = False) -> str:
    """Return a run as text: its steps, and what they break and why; `path` is the file that replays it.

    Raises InputError for an exploration that found no violation.

    >>> print(fencepost.describe_run(fencepost.read_run(Path("examples/data/stale-line.itf.json"))).splitlines()[0])
    mp-W01-R03 under ncx (sdmC)
    """
    made = run(trace_of(given) if isinstance(given, Explored) else given)
    return "\n".join([*heading(made), *table(made, full=full), *conclusion(made, path)])


def heading(made: Run) -> list[str]:
    """Return what the run is of."""
    trace = made.trace
    size = f", {trace.origin.scenario}" if isinstance(trace.origin, SequencerOrigin) else ""
    return _wrapped(f"{trace.subject_name} under {trace.origin.profile} ({trace.origin.matrix}){size}")


def conclusion(made: Run, path: Path | None = None) -> list[str]:
    """Return what is violated, why, by which steps, how often it came again, and how to see it again."""
    if made.violation is None:
        return [f"nothing is violated in {made.last} steps"]
    why = cause(made)
    ends = [f"{step_name(step)} ({who(made, thread)})" for step, thread in why.steps]
    is_at_end = made.states[-1].watch.violation is None
    ends += [] if len(ends) == 2 else ["the end of the run"] if is_at_end else ["no other"]
    lines = [
        *_wrapped(f"{made.violation.property} is violated at {step_name(made.last)}: {made.violation.sentence}"),
        *_wrapped(f"because {why.sentence}"),
        *_wrapped(f"in conflict: {' and '.join(ends)}; reproduced {reproduced_count(made.trace)}/{REPRODUCTIONS}"),
    ]
    return [*lines, f"fencepost replay {path}"] if path is not None else lines


def table(made: Run, *, full: bool = False) -> list[str]:
    """Return the columns of all steps, at most `WIDTH` wide, their heads first."""
    layout = Layout(Narration(made, full=full))
    return [*layout.heads(), *(row for step in layout.telling.steps() for row in layout.step(step))]


class Layout:
    """Where the columns are."""

    def __init__(self, telling: Narration) -> None:
        self.telling = telling
        made = telling.made
        self._names = [made.system.threads[thread].name for thread in telling.threads]
        self._number_width = len(str(made.last)) + 1
        longest = max(map(len, self._names), default=0) + 2
        others = max(1, len(self._names) - 1)  # each has a lane; what the last one does is as wide as is left
        room = WIDTH - self._number_width - 4 * len(_GAP)
        lane = max(_LANE_LEAST, min(longest, _LANES_MOST // others))
        self._memory = self._cells_within(room - lane * others - _TEXT_LEAST, room - _LANE_LEAST * others - _TEXT_LEAST)
        self._width = room - sum(self._memory)
        fitting = (self._width - _TEXT_LEAST) // others
        self._lane = min(lane, fitting) if fitting >= _LANE_LEAST else 0  # too many for lanes: each says its number

    def _cells_within(self, wished: int, most: int) -> list[int]:
        """Return the widths of the memory columns: as wide as what they hold, as far as there is room.

        They give way to wide lanes (`wished`) only so far, to narrow ones (`most`) farther.
        """
        widths = [len(head) for head in _HEADS]
        for step in self.telling.steps():
            for place, cell in enumerate(self.telling.changed(step)):
                widths[place] = max(widths[place], *map(len, cell), 0)
        for room, least in ((wished, _CELL_LEAST), (most, _CELL_NARROW)):
            while sum(widths) > room and max(widths) > least:
                widths[widths.index(max(widths))] -= 1
        return widths

    def heads(self) -> list[str]:
        """Return the names of the columns; where they are too long for that, numbers and what these stand for."""
        names = self._names
        legend = []
        if self._lane == 0 or any(len(name) + 1 > self._lane for name in names[:-1]):
            names = [f"t{number}" for number in range(len(names))]
            legend = _wrapped(", ".join(f"{name} {full}" for name, full in zip(names, self._names, strict=True)))
        lanes = "".join(f"{name:<{self._lane}}" for name in names) if self._lane else "thread and step"
        return [*legend, self._row("", lanes, *_HEADS)]

    def _row(self, number: str, lanes: str, *memory: str) -> str:
        cells = [f"{number:>{self._number_width}}", f"{lanes:<{self._width}}"]
        cells += [f"{cell:<{width}}" for cell, width in zip(memory, self._memory, strict=True)]
        return _GAP.join(cells).rstrip()

    def step(self, step: int) -> list[str]:
        """Return the rows of one step."""
        lanes: list[str] = []
        for thread, said in self.telling.done(step):
            number = self.telling.threads.index(thread)
            begin = self._lane * number
            said = said if self._lane else f"t{number} {said}"
            lanes += [" " * begin + line for line in _wrapped(said, self._width - begin, "")]
        cells = [
            [line for each in cell for line in _wrapped(each, width, " ")]
            for cell, width in zip(self.telling.changed(step), self._memory, strict=True)
        ]
        rows = zip_longest([str(step)], lanes, *cells, fillvalue="")
        return [self._row(*row) for row in rows]


def _wrapped(text: str, width: int = WIDTH, indent: str = "    ") -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)
