"""A trace for another tool: text, Chrome's trace viewer and Perfetto, ShiViz, a page for any browser, or ITF."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from fencepost.exploring.replay import run_of
from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.explorer.explain.columns import conclusion, heading, table
from fencepost.model.explorer.exports import Lanes, chrome_document, lanes, page, shiviz_log, spec_lanes, spec_page
from fencepost.model.explorer.traces.run_itf import itf_text
from fencepost.model.explorer.traces.run_trace import Run, RunTrace
from fencepost.model.trace import Trace
from fencepost.model.writing import store

EXPORTS: dict[str, Callable[[Run, bool], str]] = {
    "text": lambda made, full: "\n".join([*heading(made), *table(made, full=full), *conclusion(made)]) + "\n",
    "chrome": lambda made, full: json.dumps(chrome_document(made), indent=1) + "\n",
    "shiviz": lambda made, full: shiviz_log(made),
    "html": lambda made, full: page(made),
    "itf": lambda made, full: itf_text(made),
}


def write_export(trace: Trace | RunTrace, kind: str, path: Path | str, *, full: bool = False) -> None:
    """Write a run for another tool, whole or not at all; of a spec's trace, the run of its programs.

    A spec's trace whose steps no programs perform has a page of its own steps. `full` has the text tell of every
    operation. Raises InputError for an unknown kind, and for another kind than a page of such a trace.

    >>> fencepost.write_export(fencepost.read_trace(Path("examples/data/inversion.itf.json")), "html", Path("run.html"))
    """
    store(Path(path), exported(trace, kind, full=full))


def exported(trace: Trace | RunTrace, kind: str, *, full: bool = False) -> str:
    """Return what `write_export` writes; it raises the same."""
    if kind not in EXPORTS:
        raise unknown_choice("export", kind, EXPORTS)
    try:
        made = run_of(trace)
    except InputError:
        if kind != "html" or not isinstance(trace, Trace):
            raise
        return spec_page(trace)
    return EXPORTS[kind](made, full)


def lanes_of(trace: Trace | RunTrace) -> Lanes:
    """Return the steps of a trace as a table in HTML: of its programs where they perform it, else of the spec.

    Raises InputError where neither can be followed.
    """
    try:
        return lanes(run_of(trace))
    except InputError:
        if not isinstance(trace, Trace):
            raise
        return spec_lanes(trace)
