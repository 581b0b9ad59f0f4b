"""fencepost check: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import exit_code, print_json, print_summary, print_table, progress
from fencepost.model.contract import Verdict, promised

if TYPE_CHECKING:
    from fencepost.checking import Report, Result
    from fencepost.model.contract import Level

COLUMNS = {
    "spec": "spec (Z3)",
    "program": "program (SimPy)",
    "runs": "runs (explorer)",
    "native": "native (threads)",
    "both": "model = native",
}


@click.command("check")
@click.argument("workload", required=False, type=click.Path(path_type=Path))
@options.level_option
@click.option("--sequencer", metavar="NAME", help="One sequencer, such as order4.claim; also one kept to be refuted.")
@options.seed_option
@options.out_option
@options.json_option
@options.quiet_option
@click.pass_context
def check_command(
    context: click.Context,
    workload: Path | None,
    asked: tuple[Level, ...],
    sequencer: str | None,
    seed: int,
    out: Path,
    as_json: bool,
    quiet: bool,
) -> None:
    """Check the sequencers of a level in every layer, on WORKLOAD or on the recorded ones.

    Spec: Z3 proves each promise for any size. Program: SimPy runs the workload, every step is held
    against the spec, and the history against the contract. Runs: the explorer visits every run of the
    whole pipeline on three batches. Native: real threads order the same workload. Model and native
    must then order the same batches, and give the same ranges under one schedule.
    """
    from fencepost.checking import check, refuse_unfit
    from fencepost.model.histories import read_workload

    given = None if workload is None else read_workload(workload)
    if given is not None:
        refuse_unfit(given, str(workload))
    report = check(given, levels=asked, sequencer=sequencer, seed=seed, out=out, progress=progress(quiet))
    if as_json:
        print_json("check", report.verdict, seed, [_json(each) for each in report.results])
    else:
        _print(report)
    context.exit(exit_code(report.verdict))


def _json(result: Result) -> dict[str, Any]:
    return {
        "level": result.level,
        "sequencer": result.sequencer,
        "property": result.property,
        "layer": result.layer,
        "verdict": result.verdict,
        "bound": result.bound,
        "seconds": round(result.seconds, 6),
        "trace": result.trace,
        "counterexample": result.counterexample or None,
        "note": result.note or None,
    }


def _print(report: Report) -> None:
    for sequencer in dict.fromkeys(each.sequencer for each in report.results):
        results = [each for each in report.results if each.sequencer == sequencer]
        _print_sequencer(sequencer, results)
        for note in dict.fromkeys(each.note for each in results if each.note):
            click.echo(note)
        seen = ", ".join(f"{name} {count}" for name, count in report.witnessed[sequencer].items())
        click.echo(f"happened: {seen or 'nothing was run'}")
        missing = _unasked(results)
        click.echo(f"in no layer: {', '.join(missing)}\n" if missing else "")
    violations = report.violations()
    for violation in violations:
        _print_violation(violation)
    click.echo("`-`: the layer cannot show the property. Every verdict holds within the bound behind it.")
    unknown = [each for each in report.results if each.verdict is Verdict.UNKNOWN]
    first = next(iter([*violations, *unknown]), None)
    print_summary(
        verdict=report.verdict,
        property=first and first.property,
        seed=report.seed,
        trace=first and first.trace,
    )


def _unasked(results: list[Result]) -> list[str]:
    """Return the promises of the level that no layer can be asked about in this version."""
    return [name for name in promised(results[0].level) if all(each.property != name for each in results)]


def _print_sequencer(sequencer: str, results: list[Result]) -> None:
    named = [name for name in promised(results[0].level) if any(each.property == name for each in results)]
    properties = list(dict.fromkeys([*named, *(each.property for each in results)]))
    cells: dict[tuple[str, str], str] = {
        (each.property, each.layer): f"{each.verdict} ({each.bound})" for each in results
    }
    rows = [[name, *(cells.get((name, layer), "-") for layer in COLUMNS)] for name in properties]
    seconds = {layer: sum(_seconds(results, layer)) for layer in COLUMNS}
    rows.append(["seconds", *(f"{seconds[layer]:.2f}" if seconds[layer] else "" for layer in COLUMNS)])
    print_table(f"level {results[0].level}: {sequencer}", ["property", *COLUMNS.values()], rows)


def _seconds(results: list[Result], layer: str) -> list[float]:
    """Return the times of a layer: each proof has its own, the rows of one run share the run's."""
    times = [each.seconds for each in results if each.layer == layer]
    return times if layer in ("spec", "both") else [max(times, default=0.0)]


def _print_violation(result: Result) -> None:
    click.echo(f"{result.sequencer}: {result.property} is violated in the {result.layer} layer ({result.bound})")
    for line in result.counterexample.splitlines():
        click.echo(f"    {line}")
    if result.trace is not None:
        click.echo(f"    trace {result.trace}, replay it with: fencepost replay {result.trace}")
    click.echo()
