"""fencepost compare: native code against the model, on drawn workloads and schedules."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import (
    exit_code,
    found_by,
    print_json,
    print_summary,
    print_table,
    progress,
    writable,
)

if TYPE_CHECKING:
    from fencepost.compared.verdicts import Compared, Comparisons, Counterexample
    from fencepost.model.contract import Level

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
@click.argument("names", nargs=-1, metavar="[SEQUENCER|FILE.py[:CLASS]|FILE.cpp]...")
@options.level_option
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
@click.option("--budget", callback=_seconds, metavar="TIME", help="Draw for so long instead: 60s, 5m.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=None,
    help="Same seed, same examples; nothing that failed earlier is tried first. By default one is drawn.",
)
@click.option(
    "--only-differences", is_flag=True, help="What the model breaks by the same steps is the design's, and no finding."
)
@click.option("--jobs", type=click.IntRange(1, 256), default=None, help="Processes; by default one for each core.")
@options.out_option
@options.json_option
@options.quiet_option
@click.pass_context
def compare_command(context: click.Context, /, names: tuple[str, ...], asked: tuple[Level, ...], **given: Any) -> None:
    """Compare native sequencers with the model on workloads and schedules that Hypothesis draws and shrinks together.

    Under `stepped`, model and native build take the same steps on the same memory; both runs are held against the
    contract, and each native step must be one that the spec accepts. Under `race`, the production sequencers order
    drawn workloads on real threads. What fails is shown as small as it gets.

    FILE.py and FILE.cpp are sequencers of your own; their answers are compared, attempt by attempt. Say the --level.
    FILE.cpp is compiled with the headers of fencepost, into your cache.
    """
    from fencepost.compared.search import keep_out_of_here
    from fencepost.comparing import compare
    from fencepost.model.own import is_own
    from fencepost.own_cpp import is_cpp

    keep_out_of_here()
    out: Path = given["out"]
    was_there = out.exists()
    writable(out)
    found = found_by(
        lambda: compare(
            (*names, *given["more"]),
            levels=asked,
            policy=given["policy"],
            examples=given["examples"],
            budget_seconds=given["budget"],
            seed=given["seed"],
            only_differences=given["only_differences"],
            jobs=given["jobs"] or os.cpu_count() or 1,
            out=out,
            progress=progress(given["quiet"]),
        )
    )
    if not was_there and not any(each.path for each in found.counterexamples):
        with suppress(OSError):
            out.rmdir()  # it was made only to see that it can be written to
    if given["as_json"]:
        print_json("compare", found.verdict, found.seed, [_json(row) for row in found.rows])
    else:
        own = next(
            (f"{each} --level {asked[0]}" for each in (*names, *given["more"]) if is_own(each) or is_cpp(each)), None
        )
        _print(found, given["examples"], own, is_by_budget=given["budget"] is not None)
    _warn(found)
    if not given["quiet"]:
        click.echo(f"... {sum(row.seconds for row in found.rows):.1f} s", err=True)
    context.exit(exit_code(found.verdict))


def _warn(found: Comparisons) -> None:
    for row in found.rows:
        if row.never_happened and row.counterexample is None:
            missing = ", ".join(f"no {each}" for each in row.never_happened)
            click.echo(
                f"warning: {row.sequencer}, {row.policy}: {missing} in {row.examples} examples: draw more of them",
                err=True,
            )


def _json(row: Compared) -> dict[str, Any]:
    found = row.counterexample
    return {
        "sequencer": row.sequencer,
        "policy": row.policy,
        "verdict": row.verdict,
        "property": found.property if found else None,
        "sentence": found.sentence if found else None,
        "bound": row.bound,
        "reason": row.reason or None,
        "examples": row.examples,
        "examples_asked": row.asked,
        "operations": row.operations,
        "steps": row.steps,
        "examples_with": {each.replace(" ", "_"): row.happened[each] for each in row.counted},
        "seconds": round(row.seconds, 6),
        "trace": found.path if found else None,
        "trace_length": found.steps if found else None,
        "counterexample_batches": found.batches if found else None,
        "counterexample_threads": found.threads if found else None,
    }


def _print(found: Comparisons, examples: int | None, own: str | None, *, is_by_budget: bool) -> None:
    from fencepost.native.joint import HAPPENINGS

    rows = []
    for row in found.rows:
        counts = [str(row.happened[each]) if each in row.counted else "-" for each in HAPPENINGS]
        property = row.counterexample.property if row.counterexample else "-"
        tried = (str(row.asked or "-"), str(row.examples), str(row.operations))
        rows.append((row.sequencer, row.policy, str(row.verdict), property, *tried, *counts))
    heads = [each.split()[0] for each in HAPPENINGS]
    columns = ("sequencer", "policy", "verdict", "property", "asked", "examples", "operations", *heads)
    print_table("model against native: examples asked for and tried, and how many of them held what", columns, rows)
    for row in found.rows:
        if row.reason and row.counterexample is None:
            click.echo(f"{row.sequencer}, {row.policy}: {row.verdict}: {row.reason}")
    for row in found.rows:
        if row.counterexample is not None:
            click.echo("")
            _show(row, row.counterexample, found.seed, row.enough if is_by_budget else examples, own)
    counterexample = next((row.counterexample for row in found.rows if row.counterexample), None)
    print_summary(
        verdict=found.verdict,
        property=counterexample.property if counterexample else None,
        seed=found.seed,
        trace=counterexample.path if counterexample else None,
        examples=sum(row.examples for row in found.rows),
    )


def _show(row: Compared, found: Counterexample, seed: int, examples: int | None, own: str | None) -> None:
    from fencepost.compared.verdicts import CRASH
    from fencepost.model.explorer.columns import conclusion, table
    from fencepost.model.explorer.run_trace import run

    size = f"{found.batches} batches, {found.steps} steps, {found.threads} threads"
    if not found.came_back:
        size = f"{found.batches} batches"
    said = "crash" if found.property == CRASH else f"{found.property} is violated"
    click.echo(f"{row.sequencer}, {row.policy}: {said} by {size}")
    for line in found.lines:
        click.echo(f"    {line}")
    if found.trace is not None:
        made = run(found.trace)
        click.echo("\n".join(table(made)))
        if made.violation is not None:
            click.echo("\n".join(conclusion(made)))
    if not found.came_back:
        click.echo(f"{found.property}: {found.sentence}")
    elif found.trace is None or found.trace.violation is None:
        click.echo(f"{found.property} is violated at step {found.steps}: {found.sentence}")
    if found.is_of_the_design:
        click.echo("the model does the same by the same steps: the fault is the design's")
    for line in found.also:
        click.echo(f"also {line}")
    if found.path is not None:
        click.echo(f"fencepost replay {found.path}")
    count = f" --examples {examples}" if examples else ""
    asked = own or f"{row.sequencer} --policy {row.policy}"  # a file of a user is compared by attempts alone
    click.echo(f"fencepost compare {asked} --seed {seed}{count}")
