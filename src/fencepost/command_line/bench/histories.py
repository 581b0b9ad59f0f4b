"""fencepost bench histories: what verify takes, as ratios to reading the same file."""

from __future__ import annotations

from typing import Any

import click

from fencepost.command_line import options
from fencepost.command_line.bench.measured import repetitions_option
from fencepost.command_line.output import print_json, print_summary, print_table, progress
from fencepost.model.contract import Verdict


@click.command("histories")
@click.option("--rows", type=click.IntRange(1000, 10**9), default=10_000_000, show_default=True, help="Of the files.")
@repetitions_option(1, 3)
@options.json_option
@options.quiet_option
def histories_command(rows: int, repetitions: int, as_json: bool, quiet: bool) -> None:
    """Time verify on made histories, beside polars reading the same file (of columns: beside summing them).

    Medians; the verdicts are part of the answer. Exit code 70 where one is not what the file was made to be.

    \b
    fencepost bench histories --rows 1000000
    """
    from fencepost.bench.histories import history_times
    from fencepost.model.errors import Miscounted

    found = history_times(rows=rows, repetitions=repetitions, progress=progress(quiet))
    for each in found:
        expected = Verdict.VIOLATED if "violated" in each.name else Verdict.NOT_FOUND
        if each.verdict is not expected:
            raise Miscounted(f"{each.name}, {each.row_count} rows: found {each.verdict}, expected {expected}")
    if as_json:
        print_json("bench histories", Verdict.NOT_FOUND, None, [_json(each) for each in found])
        return
    table = [
        [
            each.name, str(each.row_count), f"{each.seconds:.3f}", f"{each.read_seconds:.3f}", f"{each.ratio:.2f}",
            f"{each.row_count / each.seconds / 1e6:.1f}",
        ]
        for each in found
    ]  # fmt: skip
    print_table("", ["history", "rows", "verify (s)", "read (s)", "ratio", "M rows/s"], table)
    large = {each.name: each.seconds for each in found if each.row_count == rows}
    small = {each.name: each.seconds for each in found if each.row_count != rows}
    growth = {name.replace(" ", "-"): f"{large[name] / small[name]:.1f}" for name in large}
    print_summary(rows=rows, **growth)


def _json(each: Any) -> dict[str, Any]:
    return {
        "history": each.name, "rows": each.row_count, "seconds": each.seconds, "read_seconds": each.read_seconds,
        "ratio": each.ratio, "verdict": each.verdict,
    }  # fmt: skip
