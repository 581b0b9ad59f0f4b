"""fencepost bench histories: what verify takes, as ratios to reading the same file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fencepost.command_line.bench.measured import (
    finish,
    machine_name,
    measuring_options,
    repetitions_option,
    say_if_quick,
)
from fencepost.command_line.output import exit_code, found_by, print_summary, print_table, progress

if TYPE_CHECKING:
    from fencepost.bench import Histories


@click.command("histories")
@click.option("--rows", type=click.IntRange(1000, 10**9), default=10_000_000, show_default=True, help="Of the files.")
@repetitions_option(1, 3)
@measuring_options
@click.pass_context
def histories_command(
    context: click.Context, /, rows: int, repetitions: int, quick: bool, out: Path | None, as_json: bool, quiet: bool
) -> None:
    """Time verify on made histories, beside polars reading the same file (of columns: beside summing them).

    Medians; a ratio with the lowest and the highest. The verdicts are part of the answer: exit code 70 where one is not
    what the file was made to be.

    \b
    fencepost bench histories --rows 1000000
    """
    from fencepost.bench import histories

    found = found_by(lambda: histories(rows=rows, repetitions=repetitions, quick=quick, progress=progress(quiet)))
    finish("histories", found, out, as_json)
    if not as_json:
        _print(found)
    context.exit(exit_code(found.verdict))


def _print(found: Histories) -> None:
    table = [
        [
            each.name, str(each.row_count), f"{each.seconds.value:.3f}", f"{each.read.value:.3f}",
            f"{each.ratio.value:.2f}", f"{each.ratio.low:.2f}..{each.ratio.high:.2f}",
            f"{each.rows_per_second / 1e6:.1f}",
        ]
        for each in found.rows
    ]  # fmt: skip
    columns = ["history", "rows", "verify (s)", "read (s)", "ratio", "low..high", "M rows/s"]
    print_table(f"verify on {machine_name(found)}", columns, table)
    say_if_quick(found)
    print_summary(
        verdict=found.verdict, property=None, seed=None, trace=None,
        rows=max((each.row_count for each in found.rows), default=0), **_growth(found),
    )  # fmt: skip


def _growth(found: Histories) -> dict[str, str]:
    """Return how many times as long ten times the rows take, by kind of file."""
    times: dict[str, list[float]] = {}
    for each in found.rows:
        times.setdefault(each.name, []).append(each.seconds.value or 0.0)
    return {
        name.replace(" ", "-"): f"{both[1] / both[0]:.1f}" for name, both in times.items() if len(both) == 2 and both[0]
    }
