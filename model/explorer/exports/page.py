"""A run as one HTML page that needs nothing else: every step in a table, and what there is at the step shown.

It opens at the step where the run breaks its property; the steps in conflict are marked, and linked from the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from fencepost.model.explorer.explain.cache_events import cache_events
from fencepost.model.explorer.explain.cause import cause
from fencepost.model.explorer.explain.changes import contents
from fencepost.model.explorer.explain.columns import conclusion, heading
from fencepost.model.explorer.explain.narration import Narration
from fencepost.model.explorer.traces.run_trace import Run
from fencepost.model.page_policy import with_policy
from fencepost.model.trace import Trace, cells_of, replay

_STEP = re.compile(r"\b(?:step (\d+)|the start)\b")
_PLACE = re.compile(r"@[A-Z]+@")
_SECTIONS = {"buffers": "store buffers", "caches": "host caches", "main-memory": "memory"}
_OF_SPEC = {"state": "state"}


@dataclass(frozen=True)
class Lanes:
    """A run as a table of its steps, a column each thread, in HTML; `text` says what is violated and why, as text."""

    title: str
    heading: str
    text: tuple[str, ...]
    heads: str
    rows: tuple[str, ...]
    opened: int  # the step at which it breaks its property

    def table(self) -> str:
        """Return the table, without a page around it."""
        body = "\n".join(self.rows)
        return f"<table><thead><tr><th>step</th>{self.heads}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"


def page(made: Run) -> str:
    """Return the page of a run. Arrow keys, Home and End step through it, as do `#3` in the address and the mouse."""
    telling = Narration(made)
    states = []
    for number, state in enumerate(made.states):
        held, changed = contents(made, state), telling.changed(number)
        buffers = [f"{text} in its store buffer" for text in changed.buffers]
        now = dict(zip(_SECTIONS, held, strict=True))
        states.append({"held": now, "changed": [*buffers, *changed.caches, *changed.memory]})
    return _filled(lanes(made), states, _SECTIONS)


def lanes(made: Run) -> Lanes:
    """Return the steps of a run, those in conflict marked, and what caches did of themselves between them."""
    telling = Narration(made)
    conflict = [step for step, _ in cause(made).steps] if made.violation is not None else []
    heads = ((made.system.threads[thread].name, f"host {made.system.hosts[thread]}") for thread in telling.threads)
    of_caches: dict[int, list[str]] = {}
    for each in cache_events(made):
        text = f"host {each.host}'s cache, of itself, {each.text}"
        of_caches.setdefault(each.before, []).append(_cache_row(text, len(telling.threads)))
    rows = [
        row for step in range(len(made.events)) for row in (*of_caches.get(step, ()), _row(telling, step, conflict))
    ]
    return Lanes(
        made.trace.subject_name,
        " ".join(heading(made)),
        tuple(" ".join(line.split()) for line in conclusion(made)),
        "".join(f"<th>{escape(name)}<br><small>{host}</small></th>" for name, host in heads),
        tuple(rows),
        max(conflict, default=0 if made.violated_at is None else made.violated_at),
    )


def spec_page(trace: Trace) -> str:
    """Return the page of a run of a spec: its steps, and the cells of the state that differ from their defaults."""
    states, before = [], dict[str, str]()
    for state in trace.states():
        cells = cells_of(state)
        changed = [f"{name} = {value}" for name, value in cells.items() if before.get(name) != value]
        changed += [f"{name} is as it was at the start" for name in before if name not in cells]
        held = [f"{name} = {value}" for name, value in cells.items()]
        states.append({"held": {"state": held}, "changed": changed if before else []})
        before = cells
    return _filled(spec_lanes(trace), states, _OF_SPEC)


def spec_lanes(trace: Trace) -> Lanes:
    """Return the steps of a spec's run, in one column."""
    replayed = replay(trace)
    opened = replayed.violated_at or 0
    texts = ["the start", *map(str, trace.steps)]
    rows = [_plain_row(number, text, is_last=number == replayed.violated_at) for number, text in enumerate(texts)]
    where = f"{trace.property} is violated at step {opened}: " if replayed.violated_at is not None else ""
    title = f"{trace.protocol.name}: {trace.property}, {len(trace.steps)} steps, found by {trace.found_by}"
    text = (f"{where}{replayed.explanation}",)
    return Lanes(trace.protocol.name, title, text, "<th>action</th>", tuple(rows), opened)


def _filled(made: Lanes, states: Sequence[Mapping[str, object]], sections: Mapping[str, str]) -> str:
    """Return the template with a run in it, opened at a step."""
    template = (files(__package__) / "page.html").read_text(encoding="utf-8")
    conclusion = escape("\n".join(made.text))
    parts = {
        "@TITLE@": escape(made.title),
        "@HEADING@": escape(made.heading),
        "@CONCLUSION@": _STEP.sub(lambda said: f'<a href="#{said[1] or 0}">{said[0]}</a>', conclusion),
        "@TABLE@": made.table(),
        "@SECTIONS@": "".join(f'<h2>{name}</h2><ul id="{key}"></ul>' for key, name in sections.items()),
        "@OPENED@": str(made.opened),
        "@STATES@": json.dumps(states).replace("<", "\\u003c"),
    }
    parts["@POLICY@"] = "@POLICY@"  # its turn is when the script is whole
    return with_policy(
        _PLACE.sub(lambda place: parts[place[0]], template)
    )  # in one go: a part may hold such a word itself


def _row(telling: Narration, step: int, conflict: list[int]) -> str:
    done = dict(telling.done(step))
    cells = "".join(f"<td>{escape(done.get(thread, ''))}</td>" for thread in telling.threads)
    marks = ["conflict"] if step in conflict else []
    marks += ["violation"] if step == telling.made.violated_at else []
    return f'<tr data-step="{step}"{_classes(marks)}><th>{step}</th>{cells}</tr>'


def _plain_row(number: int, text: str, *, is_last: bool) -> str:
    marks = ["conflict", "violation"] if is_last else []
    return f'<tr data-step="{number}"{_classes(marks)}><th>{number}</th><td>{escape(text)}</td></tr>'


def _cache_row(text: str, width: int) -> str:
    return f'<tr class="cache"><th></th><td colspan="{max(1, width)}">{escape(text)}</td></tr>'


def _classes(marks: list[str]) -> str:
    return f' class="{" ".join(marks)}"' if marks else ""
