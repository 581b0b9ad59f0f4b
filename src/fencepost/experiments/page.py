"""An experiment as one HTML page that needs nothing else: verdicts, figures, claims, counterexamples, manifest.

No script, nothing from elsewhere (a Content-Security-Policy says so to the browser), every text escaped, no moment of its
making: of the same store it has the same bytes, but for claims, whose evidence is made when the page is.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fencepost.experiments.figures import Drawn
from fencepost.experiments.figures.trials import FINISHED, VIOLATED
from fencepost.model.errors import InputError

if TYPE_CHECKING:
    from fencepost.ledger import ClaimsReport

COUNTEREXAMPLES_MAX, FAILURES_MAX, ROWS_MAX = 6, 20, 200
_PLACE = re.compile(r"@[A-Z]+@")
_SESSION = ("fencepost", "code", "native", "python", "machine", "system", "backend", "jobs")


def page(
    title: str,
    heading: str,
    verdicts: Sequence[dict[str, Any]],
    trials: Sequence[dict[str, Any]],
    figures: Sequence[Drawn],
    *,
    claims: ClaimsReport | None = None,
    manifest: Sequence[dict[str, Any]] = (),
    folder: Path = Path(),
) -> str:
    """Return the page. `verdicts` has a row a sweep, `trials` one a finished trial; traces are looked for in `folder`."""
    template = (files(__package__) / "page.html").read_text(encoding="utf-8")
    parts = {
        "@TITLE@": escape(title),
        "@HEADING@": escape(heading),
        "@VERDICTS@": _table(verdicts),
        "@FIGURES@": "\n".join(map(_figure, figures)),
        "@CLAIMS@": _claims(claims),
        "@COUNTEREXAMPLES@": _counterexamples(trials, folder),
        "@FAILURES@": _failures(trials),
        "@MANIFEST@": _manifest(manifest),
    }
    return _PLACE.sub(lambda place: parts[place[0]], template)


def _figure(drawn: Drawn) -> str:
    image = base64.b64encode(drawn.picture("svg", is_bare=True)).decode("ascii")
    rows = [{name: value for name, value in row.items() if name not in ("rows", "columns")} for row in drawn.rows]
    shown = (
        f"the plotted data, {len(rows)} rows" if len(rows) <= ROWS_MAX else f"the first {ROWS_MAX} of {len(rows)} rows"
    )
    return (
        f'<section><h2>{escape(drawn.title)}</h2>\n<figure><img alt="{escape(f"{drawn.title}. {drawn.caption}")}" '
        f'src="data:image/svg+xml;base64,{image}">\n<figcaption>{escape(drawn.caption)}</figcaption></figure>\n'
        f'<details><summary>{shown} ({escape(drawn.name)}.csv)</summary><div class="wide">{_table(rows[:ROWS_MAX])}'
        "</div></details></section>"
    )


def _table(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows as a table, a column a key; a verdict in its colour."""
    if not rows:
        return "<p>none</p>"
    columns = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "\n".join(f"<tr>{''.join(_cell(name, row.get(name)) for name in columns)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"


def _cell(name: str, value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (
            f'<td class="number">{value:.6g}</td>' if isinstance(value, float) else f'<td class="number">{value}</td>'
        )
    text = "" if value is None else escape(str(value))
    kind = f' class="{text}"' if name == "verdict" and text in (VIOLATED, "unknown") else ""
    return f"<td{kind}>{text}</td>"


def _claims(claims: ClaimsReport | None) -> str:
    if claims is None:
        return ""
    names = " ".join(row.claim.id for row in claims.rows)
    return (
        '<section><h2>Claims</h2>\n<p class="note">Settled when this report was made, by evidence that was made then, not '
        f"from the trials above: <code>fencepost claims {escape(names)} --quick -v</code></p>\n{claims.table()}</section>"
    )


def _counterexamples(trials: Sequence[dict[str, Any]], folder: Path) -> str:
    """Return the violated trials: the first with their lanes, the others by name."""
    violated = [trial for trial in trials if trial["verdict"] == VIOLATED]
    if not violated:
        return ""
    parts = [
        f"<h2>Counterexamples</h2>\n<p>{len(violated)} of {len(trials)} trials violated a promise"
        f"{f'; the first {COUNTEREXAMPLES_MAX}:' if len(violated) > COUNTEREXAMPLES_MAX else '.'}</p>"
    ]
    parts += (_counterexample(trial, folder) for trial in violated[:COUNTEREXAMPLES_MAX])
    return f"<section>{''.join(parts)}</section>"


def _counterexample(trial: dict[str, Any], folder: Path) -> str:
    head = f"<h3>{escape(_name(trial))}</h3>\n<p>{escape(str(trial['explanation'] or ''))}</p>"
    if not trial["trace"]:
        return head
    try:
        from fencepost.exporting import lanes_of
        from fencepost.replaying import read

        made = lanes_of(read(folder / trial["trace"]))
    except InputError as error:
        return f'{head}\n<p class="unknown">its trace cannot be shown: {escape(str(error))}</p>'
    return (
        f"{head}\n<pre>{escape(made.heading)}\n{escape(chr(10).join(made.text))}</pre>\n"
        f"<p><code>fencepost replay {escape(str(trial['trace']))}</code></p>\n"
        f'<details open><summary>its {len(made.rows)} steps</summary><div class="wide lanes">{made.table()}</div></details>'
    )


def _name(trial: dict[str, Any]) -> str:
    """Return a trial by its sweep, what it was asked with, and its replication."""
    names = list(trial)
    asked = [f"{name} {trial[name]}" for name in names[1 : names.index("replication")] if trial[name] is not None]
    return f"{trial['sweep']}: {', '.join(asked)}, replication {trial['replication']}"


def _failures(trials: Sequence[dict[str, Any]]) -> str:
    failed = [trial for trial in trials if trial["status"] != FINISHED]
    if not failed:
        return ""
    rows = [
        {"trial": _name(each), "status": each["status"], "why": each["explanation"]} for each in failed[:FAILURES_MAX]
    ]
    more = f"; the first {FAILURES_MAX}" if len(failed) > FAILURES_MAX else ""
    return (
        f"<section><h2>Trials without figures</h2>\n<p>{len(failed)} of {len(trials)} trials ended without figures"
        f"{more}:</p>\n{_table(rows)}</section>"
    )


def _manifest(sessions: Sequence[dict[str, Any]]) -> str:
    """Return what made the trials: a row a session, and all of it to be opened."""
    rows = [{name: each[name] for name in _SESSION if each.get(name) is not None} for each in sessions]
    whole = escape(json.dumps(list(sessions), indent=1, default=str))
    rest = f"<details><summary>all of it</summary><pre>{whole}</pre></details>"
    return f"{''.join(_listed(rows))}\n{rest}"


def _listed(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    for number, row in enumerate(rows, 1):
        said = ", ".join(f"{name} {value}" for name, value in row.items())
        yield f"<p>session {number}: {escape(said)}</p>"
