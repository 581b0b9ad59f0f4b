"""What every command prints the same way: tables, the JSON document, the last line, the exit code."""

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from fencepost import signals
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError, Interrupted
from fencepost.model.report import Report, json_text, manifest, summary, table

EXIT_BAD_INPUT, EXIT_BUG, EXIT_INTERRUPTED = 2, 70, 130
_EXIT_CODES = {Verdict.VIOLATED: 1, Verdict.UNKNOWN: 3}
_STYLES: dict[str, dict[str, Any]] = {"violated": {"fg": "red", "bold": True}, "unknown": {"fg": "yellow"}}
_VERDICT = re.compile(r"\b(violated|unknown)\b")

_CUT_SHORT = "fencepost.cut_short"  # of a click context: the verb was interrupted
Found = TypeVar("Found")


def exit_code(verdict: Verdict) -> int:
    """Return 0 for a pass, 1 for violated, 3 for unknown; the front door has its own for what was interrupted."""
    return _EXIT_CODES.get(_settled(verdict), 0)


def found_by(verb: Callable[[], Found]) -> Found:
    """Return what a verb found; where it is interrupted, what it had found until then, to be printed like any other.

    Raises KeyboardInterrupt where that was nothing.
    """
    try:
        return verb()
    except Interrupted as interrupt:
        found = interrupt.found
        if found.is_empty if isinstance(found, Report) else isinstance(found, list | tuple) and not found:
            raise KeyboardInterrupt from None
        click.get_current_context().meta[_CUT_SHORT] = True
        made: Found = interrupt.found
        return made
    finally:
        signals.hear()


def _settled(verdict: Verdict) -> Verdict:
    """Return the verdict of the command: what was cut short passes nothing."""
    context = click.get_current_context(silent=True)
    is_cut_short = context is not None and context.meta.get(_CUT_SHORT, False)
    return Verdict.UNKNOWN if is_cut_short and verdict.passes else verdict


def progress(quiet: bool, *, every_seconds: float = 0.0) -> Callable[[str], None]:
    """Return what says on stderr what is being done, at most so often; it says nothing under --quiet.

    Of messages that come more often the first is said, and then the next after each interval.
    """
    said_s = float("-inf")

    def say(message: str) -> None:
        nonlocal said_s
        now_s = time.monotonic()
        if not quiet and now_s - said_s >= every_seconds:
            said_s = now_s
            click.echo(f"... {message}", err=True)

    return say


def warn(findings: Iterable[str]) -> None:
    """Say on stderr what is seldom meant, each finding once."""
    for finding in dict.fromkeys(findings):
        click.echo(f"fencepost: warning: {finding}", err=True)


def writable(out: Path) -> None:
    """Make the folder for files now, rather than fail when there is something to write."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out}: {error.strerror}; expected a folder that can be written to") from None


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; verdicts that are no pass are coloured on a terminal."""
    for line in table(title, columns, rows):
        _echo(line)


def _echo(line: str) -> None:
    """Print a line; on a terminal with its verdicts coloured."""
    is_plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
    click.echo(line if is_plain else _VERDICT.sub(lambda word: click.style(word[0], **_STYLES[word[0]]), line))


def print_report(report: Report, *, as_json: bool, verbose: bool = False) -> None:
    """Print a report and the line for machines, or its JSON document."""
    if as_json:
        click.echo(json_text(report.to_dict()))
        return
    for line in report.verbose_lines() if verbose else report.lines():
        _echo(line)
    click.echo(report.summary())


def print_summary(**items: object) -> None:
    """Print the last line: key=value, words with spaces joined by a hyphen, `-` for what there is not."""
    if isinstance(verdict := items.get("verdict"), Verdict):
        items["verdict"] = _settled(verdict)
    click.echo(summary(**items))


def print_json(verb: str, verdict: Verdict, seed: int | None, results: list[dict[str, Any]]) -> None:
    """Print the one JSON document of a command."""
    click.echo(json_document(verb, verdict, seed, results))


def json_document(
    verb: str, verdict: Verdict, seed: int | None, results: list[dict[str, Any]], **more: Mapping[str, Any]
) -> str:
    """Return the one JSON document of a command; `more` is added to its manifest."""
    document = {
        "schema": f"fencepost/{verb}/1",
        "verdict": _settled(verdict),
        "seed": seed,
        "results": results,
        "manifest": {**manifest(), **more},
    }
    return json_text(document)
