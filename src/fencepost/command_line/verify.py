"""fencepost verify: a recorded history against the contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import EXIT_BAD_INPUT, exit_code, print_json, print_summary, print_table
from fencepost.model.errors import InputError

if TYPE_CHECKING:
    from fencepost.model.contract import Verdict
    from fencepost.model.histories import Finding, Verification


@click.command("verify")
@click.argument("histories", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="HISTORY...")
@click.option("--level", type=click.Choice(["4", "5"]), required=True, help="The level whose promises are asked for.")
@click.option("--property", "names", multiple=True, metavar="NAME", help="Only this property; may be given again.")
@options.json_option
@click.pass_context
def verify_command(
    context: click.Context, histories: tuple[Path, ...], level: str, names: tuple[str, ...], as_json: bool
) -> None:
    """Check the history of a drained run, row by row, against the promises of a level.

    Every file is checked; one that cannot be read is said on stderr. The exit code is the worst: 1 where
    one is violated, else 2 where one cannot be read, else 3 where one is unknown. A property that a
    history of batches cannot show is named, and is neither a pass nor a failure.
    """
    from fencepost.model.contract import Verdict, worst
    from fencepost.model.histories import read_history, verify

    (asked,) = options.levels(level)
    checked: list[tuple[Path, Verification | InputError]] = []
    for path in histories:
        try:
            checked.append((path, verify(read_history(path), asked, properties=names or None)))
        except InputError as error:
            click.echo(f"fencepost: {error}", err=True)
            checked.append((path, error))
    refused = any(isinstance(each, InputError) for _, each in checked)
    verdict = worst([Verdict.UNKNOWN if isinstance(each, InputError) else each.verdict for _, each in checked])
    if as_json:
        print_json("verify", verdict, None, [row for path, each in checked for row in _rows(path, each)])
    else:
        _print(checked, verdict, level)
    context.exit(EXIT_BAD_INPUT if refused and verdict is not Verdict.VIOLATED else exit_code(verdict))


def _print(checked: list[tuple[Path, Verification | InputError]], verdict: Verdict, level: str) -> None:
    first = None
    for path, verification in checked:
        if isinstance(verification, InputError):
            continue
        rows = [[each.property, f"{each.verdict} ({each.bound})", str(each.count)] for each in verification.findings]
        print_table(f"{path} at level {level}", ["property", "verdict", "violations"], rows)
        for finding in verification.findings:
            if finding.witness is not None:
                click.echo(f"{finding.property}: {finding.witness.sentence}")
                first = first or finding.property
        for each in verification.not_expressible:
            click.echo(f"not shown by a history: {each.property} ({each.reason})")
        click.echo()
    print_summary(verdict=verdict, property=first, seed=None, trace=None)


def _rows(path: Path, verification: Verification | InputError) -> list[dict[str, Any]]:
    """Return the JSON rows of one file: of one that could not be read a single one, with the error."""
    if isinstance(verification, InputError):
        nothing = dict.fromkeys(("property", "count", "bound", "witness"))
        return [{"file": path, "verdict": "unknown", **nothing, "error": str(verification)}]
    return [_json(path, finding) for finding in verification.findings]


def _json(path: Path, finding: Finding) -> dict[str, Any]:
    witness = finding.witness
    return {
        "file": path,
        "property": finding.property,
        "verdict": finding.verdict,
        "count": finding.count,
        "bound": finding.bound,
        "error": None,
        "witness": None if witness is None else {"rows": witness.rows, "sentence": witness.sentence},
    }
