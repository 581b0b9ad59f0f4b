"""fencepost mutants: the museum of bugs, and which engine catches which."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import native_mutants, options
from fencepost.command_line.output import exit_code, found_by, print_report, progress
from fencepost.model.report import ENGINES

if TYPE_CHECKING:
    from fencepost.model.contract import Level

MODES = (
    "explorer-exhaustive", "explorer-corpus", "explorer-drawn", "native-lockstep", "native-race", "explorer-history",
    "explorer-outside",
)  # fmt: skip


@click.command("mutants")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@options.one_level_option
@options.property_option
@click.option(
    "--engine",
    "engines",
    type=options.Choice([*ENGINES, *MODES]),
    multiple=True,
    metavar="ENGINE",
    help=f"Only this engine ({', '.join(ENGINES)}) in all its modes, or one mode ({', '.join(MODES)}); may be given"
    " more than once.",
)
@options.timeout_option(
    None,
    "How long an engine may look, for each cell (5 s, explorer-corpus 30 s); with --native, all killers for a mutant"
    " (60 s).",
)
@click.option("--native", is_flag=True, help="One-line mutants of the C++ instead: compiled, and killed.")
@click.option(
    "--diff", "only_diff", is_flag=True, help="With --native: the changes as unified diffs; nothing is compiled."
)
@click.option("--list", "only_list", is_flag=True, help="The bugs, what they break and where they come from.")
@click.option("--jobs", type=click.IntRange(1, 256), default=None, help="Processes; by default one for each core.")
@options.cluster_option
@options.seed_option
@options.out_option
@options.json_option
@options.quiet_option
@click.pass_context
def mutants_command(context: click.Context, /, names: tuple[str, ...], native: bool, **given: Any) -> None:
    """Show the bugs of the museum, or those named, to every engine: the detection matrix.

    Each bug is a sound sequencer with one place changed. The sound ones are shown too, and nobody may accuse them. Exit
    code 1 when no engine catches a bug or a sound one is accused, 3 when no engine asked can express a bug.

    With --native, each bug is one place of the C++ headers changed in a copy (--diff shows it): it is compiled, which
    needs a C++20 compiler, and hunted. Exit code 1 when one survives or the unchanged code is accused.

    \b
    fencepost mutants no_wrap --engine explorer
    """
    jobs = given["jobs"] or os.cpu_count() or 1
    if native:
        _refuse_beside_native(context)
        if given["only_diff"]:
            native_mutants.print_diffs(names)
            return
        if given["only_list"]:
            native_mutants.print_list(names)
            return
        report = native_mutants.found(
            names, given["timeout"], given["seed"], jobs, given["cluster"], quiet=given["quiet"]
        )
        print_report(report, as_json=given["as_json"])
        context.exit(exit_code(report.verdict))
    if given["only_diff"]:
        raise click.UsageError(
            "--diff shows lines of the C++, which bugs of the museum have not: expected --native beside it"
        )
    if given["only_list"]:
        _print_list(names, given["level"])
        return
    from fencepost.exploring.detection import mutants

    asked_for = partial(
        mutants,
        names,
        level=given["level"],
        property=given["property"],
        engine=given["engines"] or None,
        timeout=given["timeout"],
        seed=given["seed"],
        jobs=jobs,
        cluster=given["cluster"],
        out=given["out"],
        on_progress=progress(given["quiet"]),
    )
    matrix = found_by(asked_for)
    print_report(matrix, as_json=given["as_json"])
    context.exit(exit_code(matrix.verdict))


def _refuse_beside_native(context: click.Context) -> None:
    for name, option in (("engines", "--engine"), ("level", "--level"), ("property", "--property"), ("out", "--out")):
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            raise click.UsageError(f"{option} cannot stand beside --native: native mutants are hunted by all that can")


def _print_list(names: tuple[str, ...], level: Level | None) -> None:
    from fencepost.model.museum import BUGS, bug

    shown = [bug(name) for name in names] or [each for each in BUGS.values() if level in (None, each.level)]
    for each in shown:
        click.echo(f"{each.name}: breaks {each.breaks} of {each.sound.name}")
        click.echo(f"    {each.deviation}")
        click.echo(f"    origin: {each.origin}")
