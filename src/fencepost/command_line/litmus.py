"""fencepost litmus: litmus tests, in every engine that can express them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import EXIT_BAD_INPUT, exit_code, found_by, print_report, progress, warn

if TYPE_CHECKING:
    from fencepost.litmus_tests.run import Target
    from fencepost.model.errors import InputError

_ENGINES = ("explorer", "native", "z3")


@click.command("litmus")
@click.argument("paths", nargs=-1, metavar="[FILE|DIR]...", type=click.Path(path_type=Path))
@click.option("--profile", metavar="P", help="Decide every test under this profile instead of those it names.")
@click.option("--matrix", default="sdmC", show_default=True, metavar="M", help="The ordering matrix.")
@click.option(
    "--engine",
    "engines",
    type=options.Choice(_ENGINES),
    multiple=True,
    callback=lambda context, parameter, value: value or _ENGINES,
    help="Only this engine; may be given more than once.",
)
@click.option(
    "--states",
    type=click.IntRange(1, 2**31),
    default=2_000_000,
    show_default=True,
    help="The states after which an explorer answers unknown.",
)
@options.timeout_option(20.0, "An engine that has not decided a test by then answers unknown.")
@click.option("--as-defined", is_flag=True, help="Explore the definition's own steps instead of the larger ones.")
@click.option("--outcomes", is_flag=True, help="Every end of one FILE, with how it is reached, instead of its bad one.")
@click.option("--runs", is_flag=True, help="Show a run for every end that is allowed.")
@click.option("--idioms", is_flag=True, help="The sequencer's own idioms, with reasons, instead of the tests.")
@click.option("--herd", is_flag=True, help="Print final states as herd does, of tests in herd's format.")
@click.option("--write", type=options.Choice(("fencepost", "herd")), help="Print a test in this format instead.")
@options.hosts_option
@options.strict_option
@options.json_option
@options.quiet_option
@click.option("-v", "--verbose", is_flag=True, help="Each test, and what the verdicts rest on.")
@click.pass_context
def litmus_command(context: click.Context, /, paths: tuple[Path, ...], **given: Any) -> None:
    """Decide litmus tests: whether a run of each program can end as its file asks.

    Without FILE or DIR, every test that ships with fencepost. The explorers in Python and C++ and Z3 on timestamps must
    agree with each other and with what the file expects; a mismatch exits 1 and shows the run that decides it. Of a
    file that expects nothing it is said what was found. A file that cannot be read is said on stderr, the others are
    decided, and the exit code is 2. Files in herd's format (X86, X86_64) are known by what is in them; `-` is standard
    input, and a file called @NAME lists others.

    \b
    fencepost litmus
    fencepost litmus mine.litmus --profile tso
    fencepost litmus --outcomes mine.litmus
    """
    from fencepost.litmus_tests.run import litmus
    from fencepost.model.litmus.idioms import idiom_folder

    if given["idioms"] and paths:
        raise click.UsageError("--idioms and paths exclude each other")
    if given["herd"] or given["write"]:
        from fencepost.command_line.herd import print_other

        context.exit(print_other(paths, given))
    if given["outcomes"]:
        _print_outcomes(paths, given)
        return
    refused: list[InputError] = []
    target: list[Target] = [idiom_folder()] if given["idioms"] else list(paths)
    decided = partial(
        litmus,
        target,
        engine=given["engines"],
        timeout=given["timeout"],
        states=given["states"],
        profile=given["profile"],
        matrix=given["matrix"],
        as_defined=given["as_defined"],
        strict=given["strict"],
        hosts=given["hosts"],
        on_progress=progress(given["quiet"], every_seconds=1.0),
        refused=refused.append,
    )
    report = found_by(decided)
    for error in refused:
        click.echo(f"fencepost: {error}", err=True)
    warn(lint for row in report.rows for lint in row.lints)
    report = replace(report, with_runs=given["runs"], with_reasons=given["idioms"])
    if report.rows or given["as_json"]:
        print_report(report, as_json=given["as_json"], verbose=given["verbose"] or given["idioms"])
    context.exit(EXIT_BAD_INPUT if refused else exit_code(report.verdict))


def _print_outcomes(paths: tuple[Path, ...], given: dict[str, Any]) -> None:
    from fencepost.litmus_tests.ends import litmus_outcomes
    from fencepost.litmus_tests.run import EXPECTED
    from fencepost.targets import one_of

    path = one_of(paths, EXPECTED)
    report = found_by(lambda: litmus_outcomes(path, profile=given["profile"], matrix=given["matrix"]))
    print_report(report, as_json=given["as_json"], verbose=given["verbose"])
