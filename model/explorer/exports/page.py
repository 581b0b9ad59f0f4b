"""A run as one HTML page that needs nothing else: every step in a table, and what memory holds at the step shown."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files

from fencepost.model.explorer.changes import contents
from fencepost.model.explorer.columns import conclusion, heading
from fencepost.model.explorer.run_trace import Run
from fencepost.model.explorer.telling import Telling


def page(made: Run) -> str:
    """Return the page. The arrow keys, Home and End step through the run, as do `#3` in the address and the mouse."""
    telling = Telling(made)
    states = []
    for number, state in enumerate(made.states):
        held, changed = contents(made, state), telling.changed(number)
        states.append({"held": held._asdict(), "changed": changed._asdict()})
    template = (files(__package__) / "page.html").read_text(encoding="utf-8")
    parts = {
        "@TITLE@": escape(made.trace.subject_name),
        "@HEADING@": escape(" ".join(heading(made))),
        "@CONCLUSION@": escape("\n".join(" ".join(line.split()) for line in conclusion(made))),
        "@HEADS@": "".join(f"<th>{escape(made.system.threads[thread].name)}</th>" for thread in telling.threads),
        "@ROWS@": "\n".join(_row(telling, step) for step in range(len(made.events))),
        "@STATES@": json.dumps(states).replace("<", "\\u003c"),
    }
    for name, part in parts.items():
        template = template.replace(name, part)
    return template


def _row(telling: Telling, step: int) -> str:
    done = dict(telling.done(step))
    cells = "".join(f"<td>{escape(done.get(thread, ''))}</td>" for thread in telling.threads)
    last = ' class="violation"' if step == telling.made.violated_at else ""
    return f'<tr data-step="{step}"{last}><th>{step}</th>{cells}</tr>'
