"""fencepost compare: native code against the model, on drawn workloads and schedules."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import exit_code, found_by, print_report, progress, writable


@click.command("compare")
@click.argument("names", nargs=-1, metavar="[SEQUENCER|FILE.py[:CLASS]|FILE.cpp]...")
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
@options.timeout_option(None, "Draw for so long, all rows together, instead of a number of examples.")
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
@options.cluster_option
@options.out_option
@options.json_option
@options.quiet_option
@click.pass_context
def compare_command(context: click.Context, /, names: tuple[str, ...], **given: Any) -> None:
    """Compare native sequencers with the model on workloads and schedules that Hypothesis draws and shrinks together.

    Under `stepped`, model and native build take the same steps on the same memory; both runs are held against the
    contract, and each native step must be one that the spec accepts. Under `race`, the production sequencers order
    drawn workloads on real threads. What fails is shown as small as it gets.

    FILE.py and FILE.cpp are sequencers of your own; their answers are compared, attempt by attempt. Say the --level.
    FILE.cpp is compiled with the headers of fencepost, into your cache.

    \b
    fencepost compare order4.claim --examples 100
    """
    from fencepost.comparing.run import compare
    from fencepost.comparing.search import keep_out_of_here

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
            cluster=given["cluster"],
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
