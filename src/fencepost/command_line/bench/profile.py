"""fencepost bench profile, bench kernels: where time goes, and how many instructions that are."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line.bench.measured import (
    finish,
    machine_name,
    measuring_options,
    repetitions_option,
    say_if_quick,
)
from fencepost.command_line.options import json_option, quiet_option, seed_option
from fencepost.command_line.output import exit_code, print_summary, print_table, progress, writable
from fencepost.model.writing import kept, store

if TYPE_CHECKING:
    from fencepost.bench import Kernels, Profile


@click.command("profile")
@click.argument("sequencer", default="order5.fetch_add")
@repetitions_option(10, 20)
@seed_option
@measuring_options
@click.pass_context
def profile_command(
    context: click.Context,
    /,
    sequencer: str,
    repetitions: int,
    seed: int,
    quick: bool,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Race a SEQUENCER and say where its batches' time goes; beside that, counts of kernels.

    Stages are timed by what the race records. Hardware events are counted where the machine has them, else it is said
    why not; instructions, misses and mispredictions of single-threaded kernels come from valgrind and are simulated.
    With --out a picture is written there (stages.html, stages.png).

    \b
    fencepost bench profile order4.claim --out profile
    """
    from fencepost.bench import profile

    found = profile(sequencer, repetitions=repetitions, seed=seed, quick=quick, progress=progress(quiet))
    finish("profile", found, out, as_json)
    if out is not None:
        from fencepost.bench.decisions.stages_picture import write_picture

        for path in write_picture(found, out):
            click.echo(f"wrote {path}", err=True)
    if not as_json:
        _print_profile(found, repetitions)
    context.exit(exit_code(found.verdict))


def _print_profile(found: Profile, repetitions: int) -> None:
    click.echo(f"{found.sequencer} on {machine_name(found)}, {repetitions} races")
    rows = [
        [
            each.name, _with_interval(each.time, 1e-3), _with_interval(each.share, 100), each.what
        ]
        for each in found.stages
    ]  # fmt: skip
    print_table("", ["stage", "us a batch (95 %)", "% of the whole (95 %)", ""], rows)
    reasons = {
        why: [event for event, each in found.uncounted.items() if each == why] for why in found.uncounted.values()
    }
    for why, events in reasons.items():
        click.echo(f"hardware, {', '.join(events)}: {why or 'can be counted here (perf stat)'}")
    _print_kernels(found.simulated)
    say_if_quick(found)
    print_summary(
        verdict=found.verdict, property=None, seed=found.seed, trace=None, stages=len(found.stages),
        kernels=len(found.simulated.rows),
    )  # fmt: skip


def _with_interval(figure: Any, scale: float) -> str:
    low, high = figure.interval
    return f"{figure.value * scale:.3g} ({low * scale:.3g}..{high * scale:.3g})"


@click.command("kernels")
@click.argument("names", nargs=-1, metavar="[KERNEL]...")
@click.option(
    "--against", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another baseline than the one that comes with fencepost.",
)  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the counts, as a baseline.")
@json_option
@quiet_option
@click.pass_context
def kernels_command(
    context: click.Context,
    /,
    names: tuple[str, ...],
    against: Path | None,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Count the instructions of single-threaded kernels under valgrind, beside a baseline: a gate without noise.

    Exit code 1 where a kernel differs by more than 1 %; 3 where there is no valgrind, or the baseline is of another
    compiler, whose counts are others.

    \b
    fencepost bench kernels
    """
    from fencepost.bench import kernels

    found = kernels(names, against=against, progress=progress(quiet))
    if out is not None:
        writable(out.parent)
        kept(out, partial(store, data=json.dumps(found.document(), indent=2) + "\n"))
    finish("kernels", found, None, as_json)
    if not as_json:
        _print_kernels(found)
        wrong = [each.name for each in found.rows if each.change is not None and abs(each.change) > 0.01]
        print_summary(
            verdict=found.verdict, property=wrong[0] if wrong else None, seed=found.seed, trace=None,
            kernels=len(found.rows), different=len(wrong),
        )  # fmt: skip
    context.exit(exit_code(found.verdict))


def _print_kernels(counted: Kernels) -> None:
    if counted.unavailable:
        click.echo(counted.unavailable)
        return
    rows = [
        [
            each.name, f"{each.instructions:.2f}", f"{each.data_misses:.3g}", f"{each.mispredictions:.3g}",
            "-" if each.change is None else f"{each.change:+.2%}",
        ]
        for each in counted.rows
    ]  # fmt: skip
    columns = ["kernel, a batch", "instructions", "cache misses", "mispredictions", "since the baseline"]
    print_table("simulated by valgrind, one thread", columns, rows)
    if counted.ungated:
        click.echo(f"held against nothing: {counted.ungated}")
