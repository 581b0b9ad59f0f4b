"""fencepost mutants: the museum of bugs, and which engine catches which."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import native_mutants, options
from fencepost.command_line.output import exit_code, found_by, print_json, print_summary, print_table, progress

if TYPE_CHECKING:
    from fencepost.detection import Cell, Matrix
    from fencepost.model.contract import Level

ENGINES = ("z3", "explorer", "corpus", "simpy", "hypothesis", "native-lockstep", "native-race", "verify", "outside")


@click.command("mutants")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@options.level_option
@click.option("--engine", "engines", type=click.Choice([*ENGINES, "all"]), multiple=True, help="By default all.")
@click.option(
    "--budget",
    type=click.FloatRange(0.01, 86_400),
    default=None,
    metavar="SECONDS",
    help="How long an engine may look, for each cell; by default 5. With --native, all killers for a mutant: 60.",
)
@click.option("--native", is_flag=True, help="One-line mutants of the C++ instead: compiled, and killed.")
@click.option("--list", "only_list", is_flag=True, help="The bugs, what they break and where they come from.")
@click.option("--jobs", type=click.IntRange(1, 256), default=None, help="Processes; by default one for each core.")
@options.seed_option
@options.out_option
@options.json_option
@options.quiet_option
@click.pass_context
def mutants_command(
    context: click.Context,
    names: tuple[str, ...],
    asked: tuple[Level, ...],
    engines: tuple[str, ...],
    budget: float | None,
    native: bool,
    only_list: bool,
    jobs: int | None,
    seed: int,
    out: Path,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show the bugs of the museum, or those named, to every engine: the detection matrix.

    Each bug is a sound sequencer with one place changed. The sound ones are shown too, and nobody may accuse them. Exit
    code 1 when no engine catches a bug or a sound one is accused, 3 when no engine asked can express a bug.

    With --native, each bug is one line of the C++ changed by -DFENCEPOST_MUTANT=k: it is compiled, which needs a C++20
    compiler, and hunted. Exit code 1 when one survives or the unchanged code is accused.
    """
    if native:
        _refuse_beside_native(context)
        if only_list:
            native_mutants.print_list(names)
            return
        jobs = jobs or os.cpu_count() or 1
        context.exit(
            native_mutants.run(names, budget_seconds=budget, seed=seed, jobs=jobs, as_json=as_json, quiet=quiet)
        )
    if only_list:
        _print_list(names, asked)
        return
    from fencepost.detection import BUDGET_SECONDS, mutants

    asked_for = partial(
        mutants,
        names,
        levels=asked,
        engines=ENGINES if not engines or "all" in engines else engines,
        budget_seconds=budget or BUDGET_SECONDS,
        seed=seed,
        jobs=jobs or os.cpu_count() or 1,
        out=out,
        progress=progress(quiet),
    )
    matrix = found_by(asked_for)
    if as_json:
        print_json("mutants", matrix.verdict, seed, [_json(cell) for cell in matrix.cells])
    else:
        _print(matrix)
    context.exit(exit_code(matrix.verdict))


def _refuse_beside_native(context: click.Context) -> None:
    for name, option in (("engines", "--engine"), ("asked", "--level"), ("out", "--out")):
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            raise click.UsageError(f"{option} cannot stand beside --native: native mutants are hunted by all that can")


def _print_list(names: tuple[str, ...], asked: tuple[Level, ...]) -> None:
    from fencepost.model.museum import BUGS, bug

    shown = [bug(name) for name in names] or [each for each in BUGS.values() if each.level in asked]
    for each in shown:
        click.echo(f"{each.name}: breaks {each.breaks} of {each.sound.name}")
        click.echo(f"    {each.deviation}")
        click.echo(f"    origin: {each.origin}")


def _json(cell: Cell) -> dict[str, Any]:
    return {
        "mutant": cell.mutant,
        "engine": cell.engine,
        "outcome": cell.outcome,
        "seconds": round(cell.seconds, 6),
        "trace_length": cell.trace_length,
        "detail": cell.detail,
        "oracle": cell.oracle,
        "trace": cell.trace,
    }


def _print(matrix: Matrix) -> None:
    from fencepost.model.museum import BUGS
    from fencepost.model.museum.detection import Outcome

    engines = list(dict.fromkeys(cell.engine for cell in matrix.cells))
    bugs = [name for name in matrix.rows if name not in matrix.sound]
    headers = [engine.replace("-", "\n") for engine in engines]
    rows = [
        [
            f"{name}\n{BUGS[name].breaks}",
            *(_words(matrix.rows[name][each]) for each in engines),
            f"{len(matrix.oracles(name))}\n{' '.join(matrix.oracles(name))}",
        ]
        for name in bugs
    ]
    heads = ["bug and\nwhat it breaks", *headers, "independent\noracles"]
    print_table(
        "who catches what: seconds, and length L of the trace; - is cannot express, missed is within bound", heads, rows
    )
    rows = [[name, *(_words(matrix.rows[name][each], sound=True) for each in engines)] for name in matrix.sound]
    click.echo()
    print_table("sound sequencers, which nobody may accuse", ["sequencer\n", *headers], rows)
    click.echo()
    for line in _reasons(matrix):
        click.echo(line)
    for line in _scenarios(matrix):
        click.echo(line)
    for cell in matrix.false_alarms:
        click.echo(f"FALSE ALARM: {cell.engine} accuses {cell.mutant}: {cell.detail}; trace {cell.trace or '-'}")
    for name in matrix.escaped:
        click.echo(f"ESCAPED: no engine caught {name}")
    caught = sum(any(cell.outcome is Outcome.CAUGHT for cell in matrix.rows[name].values()) for name in bugs)
    alarms = len(matrix.false_alarms)
    click.echo(f"{len(bugs)} bugs: {caught} caught; {len(matrix.sound)} sound sequencers: {alarms} false alarms")
    accused, unheard = ([cell.mutant for cell in cells] for cells in (matrix.false_alarms, matrix.unknown))
    worst = next(iter((*matrix.escaped, *accused, *matrix.unasked, *unheard)), None)
    broken = BUGS[worst].breaks if worst in BUGS else None
    print_summary(verdict=matrix.verdict, property=broken, seed=matrix.seed, trace=None, mutant=worst)


def _words(cell: Cell, *, sound: bool = False) -> str:
    from fencepost.model.museum.detection import Outcome

    if cell.outcome is Outcome.CAUGHT:
        seconds = f"{cell.seconds:.{2 if cell.seconds < 10 else 1}f} s"
        return f"{'ACCUSED' if sound else seconds}\nL {cell.trace_length}"
    if cell.outcome is Outcome.CANNOT_EXPRESS:
        return "-"
    if cell.outcome is Outcome.UNKNOWN:
        return "unknown"
    return "silent" if sound else "missed"


def _scenarios(matrix: Matrix) -> list[str]:
    """Return, of each named scenario, the bugs of which it showed the shortest run."""
    from fencepost.model.museum.detection import Outcome

    shown: dict[str, list[str]] = {}
    for cell in matrix.cells:
        if cell.engine == "corpus" and cell.outcome is Outcome.CAUGHT:
            shown.setdefault(cell.detail.partition(":")[0].removeprefix("scenario "), []).append(cell.mutant)
    return [f"scenario {name} shows {', '.join(bugs)}" for name, bugs in shown.items()]


def _reasons(matrix: Matrix) -> list[str]:
    """Return, once each, why what cannot be expressed cannot, and within which bound something was missed."""
    from fencepost.model.museum.detection import Outcome

    lines: dict[str, None] = {}
    for cell in matrix.cells:
        if cell.outcome is Outcome.CANNOT_EXPRESS:
            lines[f"cannot express: {cell.engine}: {cell.detail}"] = None
    for cell in matrix.cells:
        if cell.outcome is Outcome.MISSED:
            word = "silent" if cell.mutant in matrix.sound else "missed"
            lines[f"{word}: {cell.mutant}: {cell.engine}: {cell.detail}"] = None
    for cell in matrix.unknown:
        lines[f"unknown: {cell.mutant}: {cell.engine}: {cell.detail}"] = None
    return list(lines)
