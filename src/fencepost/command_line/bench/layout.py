"""fencepost bench layout: cache lines, their writers, and how long counters last."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import options
from fencepost.command_line.bench.measured import finish, measuring_options, say_if_quick
from fencepost.command_line.output import exit_code, print_summary, print_table, progress
from fencepost.model.writing import kept, store

if TYPE_CHECKING:
    from fencepost.bench.layout import Layout


@click.command("layout")
@click.argument("name", metavar="[fencepost | 09ae22d | FILE]", default="fencepost")
@click.option("--elf", type=click.Path(path_type=Path), metavar="FILE", help="Sizes and offsets from its debug info.")
@click.option(
    "--rate", "messages_per_second", type=options.Between(0), metavar="N",
    help="Messages a second that counters are held against; by default the native pipeline's, measured here.",
)  # fmt: skip
@click.option(
    "--assertions", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Write the layout as static assertions in C++.",
)  # fmt: skip
@measuring_options
@click.pass_context
def layout_command(
    context: click.Context, /, name: str, assertions: Path | None, out: Path | None, as_json: bool, quiet: bool,
    **asked: Any,
) -> None:  # fmt: skip
    """Lay out shared structures: fencepost's own, those of Embarcadero at 09ae22d, or of a description in TOML.

    Lines with their writers and readers, padding, counters with the time to their overflow; and the faults: a guard
    on another line than what it vouches for, a size that is not the stated one, an array of which one line is flushed,
    a line that several hosts write, a counter that ends within ten years. Exit code 1 where something is.

    \b
    fencepost bench layout 09ae22d
    """
    from fencepost.bench.layout import layout

    found = layout(name, progress=progress(quiet), **asked)
    finish("layout", found, out, as_json)
    if assertions is not None:
        _write(assertions, found.assertions())
    if not as_json:
        _print(found)
        if assertions is not None:
            click.echo(f"wrote {assertions}")
        _print_end(found)
    context.exit(exit_code(found.verdict))


def _write(path: Path, text: str) -> None:
    kept(path, partial(store, data=text))


def _print(found: Layout) -> None:
    from fencepost.bench.layouts.findings import duration

    click.echo(f"{found.description.name}: lines of {found.description.line_bytes} bytes, by {found.debug_info}")
    for laid in found.structures:
        structure = laid.structure
        click.echo()
        rows = [
            [str(line.number), ", ".join(line.fields), ", ".join(line.writers) or "-", ", ".join(line.readers) or "-",
             ", ".join(line.writing_hosts) or "-"]
            for line in laid.lines
        ]  # fmt: skip
        click.echo(
            f"{structure.name}: {laid.used_bytes} bytes used of {structure.stride:,}, aligned to {structure.align}, "
            f"{laid.padding_bytes} of padding"
        )
        print_table("", ["line", "fields", "writers", "readers", "writing hosts"], rows)
        if laid.horizons:
            lasting = ", ".join(f"{each.field} {duration(each.seconds)}" for each in laid.horizons)
            click.echo(f"counters last: {lasting}")
        for fault in laid.faults:
            click.echo(f"{fault.kind}: {fault.sentence}")


def _print_end(found: Layout) -> None:
    click.echo()
    click.echo(f"rate: {found.messages_per_second:.3g} messages/s ({found.measured})")
    say_if_quick(found)
    first = found.findings[0] if found.findings else None
    print_summary(
        verdict=found.verdict, property=first and first.property, seed=None, trace=None,
        structures=len(found.structures), findings=len(found.findings),
    )  # fmt: skip
