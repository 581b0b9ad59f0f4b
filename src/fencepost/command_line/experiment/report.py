"""fencepost experiment report: the figures of a run, and one page with all of it."""

from __future__ import annotations

from pathlib import Path

import click

from fencepost.command_line import options
from fencepost.command_line.output import exit_code, found_by, print_summary, progress


@click.command("report")
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="The page; by default STORE's name with .html."
)
@click.option("--partial", is_flag=True, help="Also of a run with missing trials; figures then say of how many.")
@options.jobs_option
@options.json_option
@options.quiet_option
@click.pass_context
def report_command(
    context: click.Context, /, store: Path, out: Path | None, partial: bool, jobs: int, as_json: bool, quiet: bool
) -> None:
    """Write the report of STORE: a page that needs nothing else, each figure as PDF, SVG, PNG and CSV.

    The page has verdicts, figures, counterexamples and what made the trials; of the findings' claims that the
    spec names the evidence is made now, which takes minutes. Figures lie in a folder beside it. Exit code:
    that of the run's verdict; 2 where trials are missing, or a figure cannot be drawn of a run that passes.

    \b
    fencepost experiment report fencepost-out/smoke.db
    fencepost experiment report fencepost-out/smoke.db --partial --out now.html
    """
    from fencepost.experiments.report import in_json, lines
    from fencepost.experiments.run import Run
    from fencepost.model.report import json_text
    from fencepost.reports.experiment import report_of

    run = Run.open(store)
    written = found_by(lambda: run.report(out, partial=partial, jobs=jobs, on_progress=progress(quiet)))
    report = report_of(run)
    verdict = report.verdict
    if as_json:
        click.echo(json_text({**report.to_dict(), **in_json(written)}))
        context.exit(exit_code(verdict))
    for line in lines(written):
        click.echo(line)
    print_summary(
        verdict=verdict, property=None, seed=run.spec.seed, trace=None, trials=f"{run.finished}/{run.total}",
        figures=len(written.figures), undrawn=len(written.undrawn), report=written.page,
    )  # fmt: skip
    context.exit(exit_code(verdict))
