"""fencepost compare: native code against the model, on drawn workloads and schedules."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import exit_code, found_by, print_report, progress, writable

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600}


def _seconds(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Return the seconds that `60s`, `5m`, `1h` or a number stand for."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h|)", value)
    if found is None or float(found[1]) == 0:
        raise click.BadParameter(f"{value!r} is no time: expected a number of seconds such as 60s, or 5m, or 1h")
    return float(found[1]) * _UNITS[found[2]]


@click.command("compare")
@click.argument("names", nargs=-1, metavar="[SEQUENCER|FILE.py[:CLASS]]...")
@options.one_level_option
@click.option("--sequencer", "more", multiple=True, metavar="S", help="The same as an argument.")
@click.option(
    "--policy",
    metavar="P",
    help="stepped: lockstep under drawn schedules. attempts: attempt by attempt. race: real threads. Or race with one"
    " publication: none, per_message, per_batch, single_fence, epoch, seed. By default the first three.",
)
@click.option(
    "--examples",
    type=click.IntRange(1, 10**9),
    default=None,
    metavar="N",
    help="Tried in each row, unless one fails; by default 1000 stepped, 200 attempts, 100 races.",
)
@click.option("--timeout", callback=_seconds, metavar="TIME", help="Draw for so long instead: 60 (seconds), 5m.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=None,
    help="Same seed, same examples; nothing that failed earlier is tried first. By default one is drawn.",
)
@click.option(
    "--ignore-shared", is_flag=True, help="What the model breaks by the same steps is the design's, and no finding."
)
@click.option("--jobs", type=click.IntRange(1, 256), default=None, help="Processes; by default one for each core.")
@options.out_option
@options.json_option
@options.quiet_option
@click.pass_context
def compare_command(context: click.Context, /, names: tuple[str, ...], **given: Any) -> None:
    """Compare native sequencers with the model on workloads and schedules that Hypothesis draws and shrinks together.

    Under `stepped`, model and native build take the same steps on the same memory; both runs are held against the
    contract, and each native step must be one that the spec accepts. Under `race`, the production sequencers order
    drawn workloads on real threads. What fails is shown as small as it gets.

    FILE.py is a sequencer of your own; its answers are compared, attempt by attempt. Say its --level.

    \b
    fencepost compare order4.claim --examples 100
    """
    from fencepost.compared.search import keep_out_of_here
    from fencepost.comparing import compare

    keep_out_of_here()
    out: Path = given["out"]
    was_there = out.exists()
    writable(out)
    report = found_by(
        lambda: compare(
            (*names, *given["more"]),
            level=given["level"],
            policy=given["policy"],
            examples=given["examples"],
            timeout=given["timeout"],
            seed=given["seed"],
            ignore_shared=given["ignore_shared"],
            jobs=given["jobs"] or os.cpu_count() or 1,
            out=out,
            on_progress=progress(given["quiet"]),
        )
    )
    if not was_there and not any(each.path for each in report.counterexamples):
        with suppress(OSError):
            out.rmdir()  # it was made only to see that it can be written to
    print_report(report, as_json=given["as_json"])
    for warning in report.warnings:
        click.echo(f"warning: {warning}", err=True)
    if not given["quiet"]:
        click.echo(f"... {sum(each.seconds for each in report.findings):.1f} s", err=True)
    context.exit(exit_code(report.verdict))
