"""fencepost mutants --native: one line of the C++ changed, compiled, and killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fencepost.command_line.output import found_by, progress

if TYPE_CHECKING:
    from fencepost.reports.native_mutants import NativeMutantsReport


def found(
    names: tuple[str, ...], timeout: float | None, seed: int, jobs: int, cluster: str | None, *, quiet: bool
) -> NativeMutantsReport:
    """Hunt the mutants of these names."""
    from fencepost.mutations.killing import TIMEOUT_SECONDS, native_mutants

    seconds, told = timeout or TIMEOUT_SECONDS, progress(quiet)
    return found_by(
        lambda: native_mutants(names, timeout=seconds, seed=seed, jobs=jobs, cluster=cluster, on_progress=told)
    )


def print_diffs(names: tuple[str, ...]) -> None:
    """Print the mutants of these names, by default all, as unified diffs of the headers; no compiler is needed."""
    from fencepost.mutations.building import headers_folder
    from fencepost.mutations.lines.table import MUTATIONS, mutation

    for each in [mutation(name) for name in names] or MUTATIONS.values():
        click.echo(each.diff(headers_folder()), nl=False)


def print_list(names: tuple[str, ...]) -> None:
    """Print what each mutation does and where it comes from, and the changes that nothing can tell."""
    from fencepost.mutations.lines.equivalents import EQUIVALENTS
    from fencepost.mutations.lines.table import MUTATIONS, mutation

    for each in [mutation(name) for name in names] or MUTATIONS.values():
        click.echo(f"{each.name}: breaks {each.breaks}; {each.kind} in {each.file}")
        click.echo(f"    {each.change}")
        click.echo(f"    origin: {each.origin}")
    if names:
        return
    click.echo()
    click.echo("not among them, as nothing can tell them from the line that stands there:")
    for same in EQUIVALENTS:
        click.echo(f"{same.file}: {same.change}")
        click.echo(f"    {same.argument}")
