"""An experiment as one HTML page that needs nothing else: verdicts, figures, claims, counterexamples, manifest.

No script, nothing from elsewhere (a Content-Security-Policy says so to the browser), every text escaped, and no moment
of its making: of the same store it has the same bytes, but for claims, whose evidence is made when the page is.
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
_SESSION = ("fencepost", "sources", "native", "python", "machine", "system", "backend", "jobs")


def page(
    title: str,
    heading: str,
    verdicts: Sequence[dict[str, Any]],
    trials: Sequence[dict[str, Any]],
    figures: Sequence[Drawn],
    *,
    total: int,
    undrawn: Sequence[str] = (),
    claims: ClaimsReport | None = None,
    manifest: Sequence[dict[str, Any]] = (),
    where: Path = Path(),
) -> str:
    """Return the page.

    verdicts  a row a sweep
    trials    those that are violated or without figures, of `total`, as `Run.to_frame` has them
    undrawn   why figures could not be drawn
    where     the folder of the store; traces that are not where a trial wrote them are looked for beside it
    """
    template = (files(__package__) / "page.html").read_text(encoding="utf-8")
    parts = {
        "@TITLE@": escape(title),
        "@HEADING@": escape(heading),
        "@VERDICTS@": _verdicts(verdicts),
        "@FIGURES@": "\n".join([*map(_figure, figures), *map(_undrawn, undrawn)]),
        "@CLAIMS@": _claims(claims),
        "@COUNTEREXAMPLES@": _counterexamples(trials, total, where),
        "@FAILURES@": _failures(trials, total),
        "@MANIFEST@": _manifest(manifest),
    }
    return _PLACE.sub(lambda place: parts[place[0]], template)


def _verdicts(verdicts: Sequence[dict[str, Any]]) -> str:
    """Return the table of sweeps, and below it why one did not pass."""
    rows = [{name: value for name, value in row.items() if name != "why"} for row in verdicts]
    reasons = [f"<p><b>{escape(row['sweep'])}</b>: {escape(row['why'])}</p>" for row in verdicts if row["why"]]
    return "\n".join([_table(rows), *reasons])


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


def _undrawn(why: str) -> str:
    return f'<section><h2>A figure that cannot be drawn</h2>\n<p class="unknown">{escape(why)}</p></section>'


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
    note = "Settled when this report was made, by evidence that was made then and not from the trials above"
    command = f"<code>fencepost claims {escape(names)} --quick -v</code>"
    return f'<section><h2>Claims</h2>\n<p class="note">{note}: {command}</p>\n{claims.table()}</section>'


def _counterexamples(trials: Sequence[dict[str, Any]], total: int, where: Path) -> str:
    """Return the violated trials, one of each kind with its lanes."""
    violated = [trial for trial in trials if trial["verdict"] == VIOLATED]
    if not violated:
        return ""
    kinds: dict[tuple[str, str], dict[str, Any]] = {}
    for trial in violated:
        kinds.setdefault((trial["sweep"], str(trial["explanation"])), trial)
    shown = list(kinds.values())[:COUNTEREXAMPLES_MAX]
    of = f"the first trial of each of {len(kinds)} kinds" if len(kinds) > 1 else "the first"
    more = f", {len(shown)} of them" if len(shown) < len(kinds) else ""
    head = f"<h2>Counterexamples</h2>\n<p>{len(violated)} of {total} trials violated a promise; {of}{more}:</p>"
    return f"<section>{''.join([head, *(_counterexample(trial, where) for trial in shown)])}</section>"


def _counterexample(trial: dict[str, Any], where: Path) -> str:
    head = f"<h3>{escape(_name(trial))}</h3>\n<p>{escape(str(trial['explanation'] or ''))}</p>"
    if not trial["trace"]:
        return head
    try:
        from fencepost.exploring.export import lanes_of
        from fencepost.exploring.replay import read

        made = lanes_of(read(_found(Path(trial["trace"]), where)))
    except InputError as error:
        return f'{head}\n<p class="unknown">its trace cannot be shown: {escape(str(error))}</p>'
    return (
        f"{head}\n<pre>{escape(made.heading)}\n{escape(chr(10).join(made.text))}</pre>\n"
        f"<p><code>fencepost replay {escape(str(trial['trace']))}</code></p>\n"
        f"<details open><summary>its {len(made.rows)} steps</summary>"
        f'<div class="wide lanes"><div style="min-width: {9 * made.heads.count("<th>")}rem">{made.table()}</div></div>'
        "</details>"
    )


def _found(trace: Path, where: Path) -> Path:
    """Return a trace's file: as it was written, or where a store that was moved has it, in its folder of traces."""
    moved = where.joinpath(*trace.parts[-3:])
    return moved if not trace.is_file() and moved.is_file() else trace


def _name(trial: dict[str, Any]) -> str:
    """Return a trial by its sweep, what it was asked with, and its replication."""
    names = list(trial)
    asked = [f"{name} {trial[name]}" for name in names[1 : names.index("replication")] if trial[name] is not None]
    return f"{trial['sweep']}: {', '.join(asked)}, replication {trial['replication']}"


def _failures(trials: Sequence[dict[str, Any]], total: int) -> str:
    failed = [trial for trial in trials if trial["status"] != FINISHED]
    if not failed:
        return ""
    rows = [
        {"trial": _name(each), "status": each["status"], "why": each["explanation"]} for each in failed[:FAILURES_MAX]
    ]
    more = f"; the first {FAILURES_MAX}" if len(failed) > FAILURES_MAX else ""
    return (
        f"<section><h2>Trials without figures</h2>\n<p>{len(failed)} of {total} trials ended without figures"
        f"{more}:</p>\n{_table(rows)}</section>"
    )


def _manifest(sessions: Sequence[dict[str, Any]]) -> str:
    """Return what made the trials: a row a session, and all of it to be opened."""
    flat = ({**each, **each["code"]} if isinstance(each.get("code"), dict) else each for each in sessions)
    rows = [{name: each[name] for name in _SESSION if each.get(name) is not None} for each in flat]
    whole = escape(json.dumps(list(sessions), indent=1, default=str))
    rest = f"<details><summary>all of it</summary><pre>{whole}</pre></details>"
    return f"{''.join(_listed(rows))}\n{rest}"


def _listed(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    for number, row in enumerate(rows, 1):
        said = ", ".join(f"{name} {value}" for name, value in row.items())
        yield f"<p>session {number}: {escape(said)}</p>"
