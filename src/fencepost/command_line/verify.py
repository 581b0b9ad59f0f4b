"""fencepost verify: a recorded history against the contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import EXIT_BAD_INPUT, exit_code, found_by, print_json, print_summary, print_table
from fencepost.model.errors import InputError, Interrupted

if TYPE_CHECKING:
    from fencepost.model.contract import Level
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

    Every file is checked; one that cannot be read is said on stderr and makes the exit code 2. A
    property that a history of batches cannot show is named, and is neither a pass nor a failure.
    """
    from fencepost.model.contract import worst

    (asked,) = options.levels(level)
    checked, refused = found_by(lambda: _checked(histories, asked, names or None))
    if not checked:
        context.exit(EXIT_BAD_INPUT)
    findings = [(path, finding) for path, verification in checked for finding in verification.findings]
    verdict = worst([verification.verdict for _, verification in checked])
    if as_json:
        print_json("verify", verdict, None, [_json(path, finding) for path, finding in findings])
        context.exit(EXIT_BAD_INPUT if refused else exit_code(verdict))
    for path, verification in checked:
        rows = [[each.property, f"{each.verdict} ({each.bound})", str(each.count)] for each in verification.findings]
        print_table(f"{path} at level {level}", ["property", "verdict", "violations"], rows)
        for finding in verification.findings:
            if finding.witness is not None:
                click.echo(f"{finding.property}: {finding.witness.sentence}")
        for each in verification.not_expressible:
            click.echo(f"not shown by a history: {each.property} ({each.reason})")
        click.echo()
    first = next((finding.property for _, finding in findings if finding.count), None)
    print_summary(verdict=verdict, property=first, seed=None, trace=None)
    context.exit(EXIT_BAD_INPUT if refused else exit_code(verdict))


def _checked(
    histories: tuple[Path, ...], asked: Level, names: tuple[str, ...] | None
) -> tuple[list[tuple[Path, Verification]], bool]:
    """Return what was found in each file, and whether one could not be read. Raises Interrupted with both so far."""
    from fencepost.model.histories import read_history, verify

    checked: list[tuple[Path, Verification]] = []
    refused = False
    try:
        for path in histories:
            try:
                checked.append((path, verify(read_history(path), asked, properties=names)))
            except InputError as error:
                click.echo(f"fencepost: {error}", err=True)
                refused = True
    except KeyboardInterrupt:
        raise Interrupted((checked, refused)) from None
    return checked, refused


def _json(path: Path, finding: Finding) -> dict[str, Any]:
    witness = finding.witness
    return {
        "file": path,
        "property": finding.property,
        "verdict": finding.verdict,
        "count": finding.count,
        "bound": finding.bound,
        "witness": None if witness is None else {"rows": witness.rows, "sentence": witness.sentence},
    }
