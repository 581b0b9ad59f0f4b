"""fencepost claims: what the findings of 2026-01-26 say, each claim settled by evidence that is made now."""

from __future__ import annotations

from pathlib import Path

import click

from fencepost.command_line.options import jobs_option, json_option, quiet_option, seed_option
from fencepost.command_line.output import exit_code, found_by, print_report, progress, writable


@click.command("claims")
@click.argument("names", nargs=-1, metavar="[C1..C15]...")
@click.option("--quick", is_flag=True, help="Fewer repetitions: some minutes instead of many.")
@click.option("-v", "--verbose", is_flag=True, help="Every claim as stated, with all of its evidence and commands.")
@click.option("--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Also write a page.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="The folder for traces of violating runs."
)
@jobs_option
@seed_option
@json_option
@quiet_option
@click.pass_context
def claims_command(
    context: click.Context,
    /,
    names: tuple[str, ...],
    quick: bool,
    verbose: bool,
    page: Path | None,
    out: Path | None,
    jobs: int,
    seed: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Settle the claims of the findings about Embarcadero at 09ae22d: all fifteen, or those named.

    A claim holds, is refuted, holds under a condition, depends on the machine, or is not decidable here; with the
    reason, and under -v the evidence and the command that makes each piece again. Nothing is from stored text.

    What measurements leave open is measured once more, four times as long.

    Exit code 3 where a claim is unknown, as evidence did not come about or decided nothing; else 1 where one is
    refuted or, as it depends on the machine, is not so on this one; else 3 where one is not decidable here; else 0.

    \b
    fencepost claims C2 C8 -v
    """
    from fencepost.ledger import claims, write_page

    if out is not None:
        writable(out)
    report = found_by(lambda: claims(names, quick=quick, seed=seed, jobs=jobs, out=out, on_progress=progress(quiet)))
    if page is not None:
        writable(page.parent)
        write_page(report, page)
    print_report(report, as_json=as_json, verbose=verbose)
    context.exit(exit_code(report.verdict))
