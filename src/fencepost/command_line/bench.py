"""fencepost bench: what the native code costs, beside the floor of the machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import found_by, json_document, print_summary, print_table, progress
from fencepost.model.contract import Verdict

if TYPE_CHECKING:
    from fencepost.bench import Bench, Figure, Floor, Measured
    from fencepost.bench import Path as BenchPath

FLOOR = "floor"


@click.command("bench")
@click.argument("names", nargs=-1, metavar="[floor | PATH...]")
@click.option("--list", "as_list", is_flag=True, help="List the paths.")
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
    as_list: bool,
    repetitions: int,
    quick: bool,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure the native code on this machine: each PATH, or all, beside its own floor in the same run.

    `floor` measures the machine itself: atomics, locks, flushes and fences, header scans, copies, a line between two
    cores. A figure is the median of the repetitions, with the lowest and the highest. Every timed loop counts what it
    did and what was ordered is checked, unique and dense; where that is wrong there is no figure and the exit code is
    70. A bound that is not reached is said and is no failure: figures depend on the machine.
    """
    from fencepost.bench import floor, measure

    if as_list:
        _list()
        return
    if FLOOR in names and len(names) > 1:
        raise click.UsageError("floor is measured alone: name it without paths")
    if names == (FLOOR,):
        machine = found_by(lambda: floor(repetitions=repetitions, quick=quick, progress=progress(quiet)))
        _finish("floor", floor_json(machine), machine, out, as_json)
        if not as_json:
            _print_floor(machine, repetitions)
        return
    bench = found_by(lambda: measure(names, repetitions=repetitions, quick=quick, progress=progress(quiet)))
    _finish("bench", [measured_json(row) for row in bench.rows], bench, out, as_json)
    if not as_json:
        _print_bench(bench, repetitions)


def _list() -> None:
    from fencepost.bench import PATHS

    rows = [[path.name, _reach(path), path.what] for path in PATHS.values()]
    print_table("paths", ["path", "reach", "what"], rows)


def _finish(name: str, items: list[dict[str, Any]], of: Floor | Bench, out: Path | None, as_json: bool) -> None:
    """Write the document where it is asked for."""
    document = json_document("bench", Verdict.NOT_FOUND, None, items, hardware=of.hardware, sizes={"quick": of.quick})
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{name}.json").write_text(f"{document}\n")
    if as_json:
        click.echo(document)


def floor_json(floor: Floor) -> list[dict[str, Any]]:
    """Return the items of the floor's document."""
    return [
        {
            **figure_json(row.figure),
            "threads": row.metric.threads,
            "operations": row.operation_count,
            "disturbed": row.disturbed_count,
            "cpus": list(row.cpus),
            "what": row.metric.what,
        }
        for row in floor.rows
    ]


def measured_json(row: Measured) -> dict[str, Any]:
    """Return one path's item."""
    return {
        **figure_json(row.figure),
        "reach": None if row.path.bound is None else f"{row.path.reach} {row.path.bound:g}",
        "met": row.met,
        "setting": row.path.setting,
        "probe": figure_json(row.probe),
        "floor": None if row.floor is None else figure_json(row.floor),
        "extras": row.extras,
        "disturbed": row.disturbed_count,
        "cpus": list(row.cpus),
        "what": row.path.what,
    }


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
    print_table(f"floor of {_machine(floor)}", ["metric", "median", "low", "high", "unit", "what"], rows)
    _print_end(floor, repetitions, unavailable=sum(bool(row.figure.unavailable) for row in floor.rows))


def _print_bench(bench: Bench, repetitions: int) -> None:
    rows = [
        [
            row.path.name,
            *_cells(row.figure)[:3],
            _reach(row.path),
            {True: "yes", False: "no", None: "-"}[row.met],
            _side(row.probe),
            "-" if row.floor is None else _side(row.floor),
            str(row.disturbed_count),
        ]
        for row in bench.rows
    ]
    columns = ["name", "median", "low", "high", "reach", "met", "path", "floor", "disturbed"]
    print_table(f"paths on {_machine(bench)}", columns, rows)
    for row in bench.rows:
        if row.figure.unavailable:
            click.echo(f"{row.path.name}: {row.figure.unavailable}")
        if row.extras:
            said = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in row.extras.items())
            click.echo(f"{row.path.name}: {said}")
    click.echo("what each path is: fencepost bench --list")
    if any(row.disturbed_count for row in bench.rows):
        click.echo("disturbed: so many repetitions of both sides lost a core to other work; their figures say little")
    met = [row.met for row in bench.rows]
    unavailable = sum(bool(row.figure.unavailable) for row in bench.rows)
    _print_end(bench, repetitions, met=met.count(True), missed=met.count(False), unavailable=unavailable)


def _reach(path: BenchPath) -> str:
    return "-" if path.bound is None else f"{path.reach} {path.bound:g} {path.unit}"


def _machine(of: Floor | Bench) -> str:
    return f"{of.hardware['cpu_model'] or 'an unnamed processor'}, {of.hardware['core_count']} cores"


def _print_end(of: Floor | Bench, repetitions: int, **counts: int) -> None:
    if of.quick:
        click.echo("quick sizes: no figure above means anything")
    print_summary(
        verdict=Verdict.NOT_FOUND, property=None, seed=None, trace=None,
        measured=len(of.rows), **counts, repetitions=repetitions, disturbed=sum(row.disturbed_count for row in of.rows),
    )  # fmt: skip


def _cells(figure: Figure) -> list[str]:
    """Return median, low, high and unit as a person reads them."""
    scale, unit = (1e9, "GB/s") if figure.unit == "bytes/s" else (1.0, figure.unit)
    numbers = (figure.value, figure.low, figure.high)
    return [*("-" if number is None else f"{number / scale:.3g}" for number in numbers), unit]


def _side(figure: Figure) -> str:
    return "-" if figure.value is None else f"{figure.value:.3g} {figure.unit}"
