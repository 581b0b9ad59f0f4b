"""fencepost bench: what the native code costs, beside the floor of the machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import json_document, print_summary, print_table, progress
from fencepost.model.contract import Verdict

if TYPE_CHECKING:
    from fencepost.bench import Figure, Floor

FLOOR = "floor"


@click.command("bench")
@click.argument("names", nargs=-1, metavar="[floor]")
@click.option(
    "--repetitions", type=click.IntRange(7, 10_000), default=7, show_default=True, help="How often each is timed."
)
@click.option("--quick", is_flag=True, help="Sizes that show only that everything runs: no figure means anything.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Also write the JSON document into this folder."
)
@options.json_option
@options.quiet_option
@click.pass_context
def bench_command(
    context: click.Context,
    names: tuple[str, ...],
    repetitions: int,
    quick: bool,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure the native code on this machine.

    `floor` measures the machine itself: atomics, locks, flushes and fences, header scans, copies, a line between two
    cores; each the median of the repetitions with the lowest and the highest. Every timed loop counts what it did; a
    count that is wrong is exit 70 and no figure.
    """
    from fencepost.bench import floor
    from fencepost.model.errors import unknown_choice

    for name in names:
        if name != FLOOR:
            raise unknown_choice("path", name, [FLOOR])
    measured = floor(repetitions=repetitions, quick=quick, progress=progress(quiet))
    document = json_document(
        "bench", Verdict.NOT_FOUND, None, floor_json(measured), hardware=measured.hardware, sizes=_sizes(quick)
    )
    _write(out, "floor.json", document)
    if as_json:
        click.echo(document)
    else:
        _print_floor(measured, repetitions)


def _sizes(quick: bool) -> dict[str, Any]:
    return {"quick": quick}


def _write(out: Path | None, name: str, document: str) -> None:
    if out is None:
        return
    out.mkdir(parents=True, exist_ok=True)
    (out / name).write_text(f"{document}\n")


def floor_json(floor: Floor) -> list[dict[str, Any]]:
    """Return the items of the floor's document."""
    return [
        {
            **figure_json(row.figure),
            "threads": row.metric.threads,
            "operations": row.operation_count,
            "cpus": list(row.cpus),
            "what": row.metric.what,
        }
        for row in floor.rows
    ]


def figure_json(figure: Figure) -> dict[str, Any]:
    """Return the keys that every item of a measurement has; numbers are null where `unavailable` says why."""
    return {
        "metric": figure.metric,
        "unit": figure.unit,
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "n": figure.n,
        "unavailable": figure.unavailable or None,
    }


def _print_floor(floor: Floor, repetitions: int) -> None:
    rows = [[row.metric.name, *_cells(row.figure), row.figure.unavailable or row.metric.what] for row in floor.rows]
    hardware = floor.hardware
    title = f"floor of {hardware['cpu_model'] or 'an unnamed processor'}, {hardware['core_count']} cores"
    print_table(title, ["metric", "median", "low", "high", "unit", "what"], rows)
    if floor.quick:
        click.echo("quick sizes: no figure above means anything")
    missing = sum(bool(row.figure.unavailable) for row in floor.rows)
    print_summary(
        verdict=Verdict.NOT_FOUND, property=None, seed=None, trace=None,
        metrics=len(floor.rows), unavailable=missing, repetitions=repetitions,
    )  # fmt: skip


def _cells(figure: Figure) -> list[str]:
    """Return median, low, high and unit as a person reads them."""
    scale, unit = (1e9, "GB/s") if figure.unit == "bytes/s" else (1.0, figure.unit)
    numbers = (figure.value, figure.low, figure.high)
    return [*("-" if number is None else f"{number / scale:.3g}" for number in numbers), unit]
