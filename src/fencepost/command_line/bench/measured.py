"""fencepost bench [PATH...], bench floor: what the native code costs, and the machine with nothing around it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fencepost.command_line import options
from fencepost.command_line.output import (
    exit_code,
    found_by,
    print_summary,
    print_table,
    progress,
    writable,
)
from fencepost.model.contract import Verdict
from fencepost.model.report import json_text
from fencepost.model.writing import kept, store

if TYPE_CHECKING:
    from fencepost.bench import Bench, Figure, Floor
    from fencepost.bench.report import BenchReport

Command = Callable[..., None]


def measuring_options(command: Command) -> Command:
    """--quick, --out, --json, --quiet: of every command that measures."""
    quick = "Sizes that show only that everything runs: no figure means anything."
    folder = click.Path(file_okay=False, path_type=Path)
    for option in (
        options.quiet_option,
        options.json_option,
        click.option("--out", type=folder, help="Also write the JSON document into this folder."),
        click.option("--quick", is_flag=True, help=quick),
    ):
        command = option(command)
    return command


def repetitions_option(least: int, default: int) -> Callable[[Command], Command]:
    """--repetitions: how often each side is timed."""
    return click.option(
        "--repetitions", type=click.IntRange(least, 10_000), default=default, show_default=True,
        help="How often each is timed.",
    )  # fmt: skip


@click.command("paths")
@click.argument("names", nargs=-1, metavar="[PATH...]")
@click.option("--list", "as_list", is_flag=True, help="List the paths.")
@repetitions_option(7, 7)
@measuring_options
@click.pass_context
def paths_command(
    context: click.Context,
    names: tuple[str, ...],
    as_list: bool,
    repetitions: int,
    quick: bool,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure each PATH, or all, beside its own floor in the same run.

    A figure is the median of the repetitions, with its 95 % interval. Every timed loop counts what it did and what was
    ordered is checked, unique and dense; where that is wrong there is no figure and the exit code is 70. A bound is met
    when the interval lies on its right side, missed (exit code 1) when it lies on the other, else not decided (exit
    code 3), as is a figure that other work mostly disturbed.

    \b
    fencepost bench paths two-cores
    """
    from fencepost.bench import measure

    if as_list:
        _list()
        return
    bench = found_by(lambda: measure(names, repetitions=repetitions, quick=quick, progress=progress(quiet)))
    finish("bench", bench, out, as_json)
    if not as_json:
        _print_bench(bench, repetitions)
    context.exit(exit_code(bench.verdict))


@click.command("floor")
@repetitions_option(7, 7)
@measuring_options
@click.pass_context
def floor_command(
    context: click.Context, /, repetitions: int, quick: bool, out: Path | None, as_json: bool, quiet: bool
) -> None:
    """Measure the machine: atomics, locks, flushes, fences, header scans, copies, a line between two cores.

    A figure is the median of the repetitions, with the lowest and the highest.

    \b
    fencepost bench floor --out floor
    """
    from fencepost.bench import floor

    machine = found_by(lambda: floor(repetitions=repetitions, quick=quick, progress=progress(quiet)))
    finish("floor", machine, out, as_json)
    if not as_json:
        _print_floor(machine, repetitions)
    context.exit(exit_code(machine.verdict))


def _list() -> None:
    from fencepost.bench import PATHS
    from fencepost.bench.measured_paths import reach_of

    rows = [[path.name, reach_of(path), path.what] for path in PATHS.values()]
    print_table("paths", ["path", "reach", "what"], rows)


def finish(name: str, report: BenchReport, out: Path | None, as_json: bool) -> None:
    """Write and print the document where it is asked for."""
    if out is None and not as_json:
        return
    document = json_text(report.to_dict())
    if out is not None:
        writable(out)
        kept(out / f"{name}.json", partial(store, data=f"{document}\n"))
    if as_json:
        click.echo(document)


def _print_floor(floor: Floor, repetitions: int) -> None:
    rows = [[row.metric.name, *_cells(row.figure), row.figure.unavailable or row.metric.what] for row in floor.rows]
    print_table(f"floor of {machine_name(floor)}", ["metric", "median", "low", "high", "unit", "what"], rows)
    _print_end(
        floor, repetitions, floor.verdict, None, unavailable=sum(bool(row.figure.unavailable) for row in floor.rows)
    )


def _print_bench(bench: Bench, repetitions: int) -> None:
    from fencepost.bench.measured_paths import reach_of

    rows = [
        [
            row.path.name,
            *_with_interval(row.figure),
            reach_of(row.path),
            "not decided" if row.undecided else {True: "yes", False: "no", None: "-"}[row.met],
            _side(row.probe),
            "-" if row.floor is None else _side(row.floor),
            str(row.disturbed_count),
        ]
        for row in bench.rows
    ]
    columns = ["name", "median", "95 %", "reach", "met", "path", "floor", "disturbed"]
    print_table(f"paths on {machine_name(bench)}", columns, rows)
    for row in bench.rows:
        if row.figure.unavailable:
            click.echo(f"{row.path.name}: {row.figure.unavailable}")
        if row.undecided:
            click.echo(f"{row.path.name}: not decided: {row.undecided}")
        if row.path.unsound:
            click.echo(f"{row.path.name}: unsound (see {row.path.unsound})")
        said = [f"{name.replace('_', ' ')} {value:.3g}" for name, value in row.extras.items()]
        # Two cores may share a cache, or lie far apart: such a figure is of its placement.
        said += [f"cores {' and '.join(map(str, row.cpus))}"] if len(row.cpus) > 1 else []
        if said:
            click.echo(f"{row.path.name}: {', '.join(said)}")
    click.echo("what each path is: fencepost bench --list")
    if any(row.disturbed_count for row in bench.rows):
        click.echo("disturbed: so many repetitions of both sides lost a core to other work; their figures say little")
    met = [row.met for row in bench.rows]
    missed = next((row.path.name for row in bench.rows if row.met is False), None)
    open_ = next((row.path.name for row in bench.rows if row.undecided), None)
    _print_end(
        bench, repetitions, bench.verdict, missed or open_, met=met.count(True), missed=met.count(False),
        undecided=sum(bool(row.undecided) for row in bench.rows),
        unavailable=sum(bool(row.figure.unavailable) for row in bench.rows),
    )  # fmt: skip


def machine_name(of: BenchReport) -> str:
    """Return the processor and its cores, as titles have it."""
    return f"{of.hardware['cpu_model'] or 'an unnamed processor'}, {of.hardware['core_count']} cores"


def say_if_quick(of: BenchReport) -> None:
    """Say that figures of quick sizes mean nothing."""
    if of.quick:
        click.echo("quick sizes: no figure above means anything")


def _print_end(of: Floor | Bench, repetitions: int, verdict: Verdict, decisive: str | None, **counts: int) -> None:
    say_if_quick(of)
    print_summary(
        verdict=verdict, property=decisive, seed=None, trace=None,
        measured=len(of.rows), **counts, repetitions=repetitions, disturbed=sum(row.disturbed_count for row in of.rows),
    )  # fmt: skip


def _cells(figure: Figure) -> list[str]:
    """Return median, low, high and unit as a person reads them."""
    scale, unit = (1e9, "GB/s") if figure.unit == "bytes/s" else (1.0, figure.unit)
    numbers = (figure.value, figure.low, figure.high)
    return [*("-" if number is None else f"{number / scale:.3g}" for number in numbers), unit]


def _with_interval(figure: Figure) -> list[str]:
    """Return the median and its interval as a person reads them."""
    if figure.value is None or figure.interval is None:
        return ["-", "-"]
    return [f"{figure.value:.3g}", f"{figure.interval[0]:.3g}..{figure.interval[1]:.3g}"]


def _side(figure: Figure) -> str:
    return "-" if figure.value is None else f"{figure.value:.3g} {figure.unit}"
