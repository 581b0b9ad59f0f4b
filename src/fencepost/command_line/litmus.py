"""fencepost litmus: litmus tests, in every engine that can express them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import (
    EXIT_BAD_INPUT,
    exit_code,
    found_by,
    print_json,
    print_summary,
    print_table,
    progress,
    warn,
)
from fencepost.model.contract import Verdict, worst

if TYPE_CHECKING:
    from fencepost.litmus_tests import Row
    from fencepost.model.errors import InputError
    from fencepost.model.litmus.witness import Run

_ENGINES = ("python", "native", "smt")


@click.command("litmus")
@click.argument("paths", nargs=-1, metavar="[FILE|DIR]...", type=click.Path(path_type=Path))
@click.option("--profile", metavar="P", help="Decide every test under this profile instead of those it names.")
@click.option("--matrix", default="sdmC", show_default=True, metavar="M", help="The ordering matrix.")
@click.option("--engine", type=click.Choice([*_ENGINES, "all"]), default="all", show_default=True)
@click.option(
    "--states",
    type=click.IntRange(1, 2**31),
    default=2_000_000,
    show_default=True,
    help="The states after which an explorer answers unknown.",
)
@click.option(
    "--timeout",
    type=options.Between(0.001, 86_400),
    default=20.0,
    show_default=True,
    help="The seconds after which an engine answers unknown.",
)
@click.option("--as-defined", is_flag=True, help="Explore the definition's own steps instead of the larger ones.")
@click.option("--runs", is_flag=True, help="Show a run for every end that is allowed.")
@click.option("--idioms", is_flag=True, help="The sequencer's own idioms, with reasons, instead of the tests.")
@options.strict_option
@options.json_option
@options.quiet_option
@click.pass_context
def litmus_command(
    context: click.Context,
    paths: tuple[Path, ...],
    profile: str | None,
    matrix: str,
    engine: str,
    states: int,
    timeout: float,
    as_defined: bool,
    runs: bool,
    idioms: bool,
    strict: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Decide litmus tests: whether a run of each program can end as its file asks.

    Without FILE or DIR, every test that ships with fencepost. The explorers in Python and C++ and Z3 on timestamps must
    agree with each other and with what the file expects; a mismatch exits 1 and shows the run that decides it. A file
    that cannot be read is said on stderr, the others are decided, and the exit code is 2.
    """
    from fencepost.litmus_tests import litmus
    from fencepost.model.litmus.explore import Budget
    from fencepost.model.litmus.idioms import idiom_folder

    if idioms and paths:
        raise click.UsageError("--idioms and paths exclude each other")
    refused: list[InputError] = []
    decided = partial(
        litmus,
        [idiom_folder()] if idioms else paths,
        profile=profile,
        matrix=matrix,
        engines=_ENGINES if engine == "all" else (engine,),
        budget=Budget(states, timeout),
        as_defined=as_defined,
        strict=strict,
        progress=progress(quiet),
        refused=refused.append,
    )
    rows = found_by(decided)
    for error in refused:
        click.echo(f"fencepost: {error}", err=True)
    warn(finding for row in rows for finding in row.lints)
    verdict = worst([*(row.verdict for row in rows), *(Verdict.UNKNOWN for _ in refused)])
    if as_json:
        print_json("litmus", verdict, None, [*map(_json, rows), *({"error": str(each)} for each in refused)])
    elif rows:
        _print(rows, verdict, runs=runs, reasons=idioms, refused_count=len(refused))
    context.exit(EXIT_BAD_INPUT if refused else exit_code(verdict))


def _json(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "profile": row.profile,
        "matrix": row.matrix,
        "expect": row.expect,
        "engines": dict(row.engines),
        "ok": row.ok,
        "verdict": row.verdict,
        "states": row.states,
        "seconds": round(row.seconds, 6),
        "file": row.test.path,
        "crash": row.crash or None,
        "lints": list(row.lints),
        "notes": list(row.notes),
        "run": _cells(row.run) if row.run is not None and not row.ok else None,
    }


def _cells(run: Run) -> list[list[str]]:
    from fencepost.model.litmus.witness import columns

    return columns(run)


def _print(rows: list[Row], verdict: Verdict, *, runs: bool, reasons: bool, refused_count: int) -> None:
    cells = [
        [
            row.name,
            _under(row),
            row.expect or "-",
            *(row.engines.get(engine, "-") for engine in _ENGINES),
            "ok" if row.ok else row.verdict,
            "-" if row.states is None else str(row.states),
        ]
        for row in rows
    ]
    print_table(
        f"litmus tests, matrix {rows[0].matrix}",
        ["test", "profile", "expect", *_ENGINES, "verdict", "states"],
        cells,
    )
    if reasons:
        for name, why in {row.name: row.test.why for row in rows}.items():
            click.echo(f"{name}: {why}")
    for row in rows:
        for note in row.notes:
            click.echo(f"{row.name} under {_under(row)}: {note}")
        if not row.ok or (runs and row.run is not None):
            print_row(row)
    for line in (
        *crashing([(row.name, row.profile, row.crash) for row in rows]),
        *assumed([row.profile for row in rows]),
    ):
        click.echo(line)
    click.echo(f"seconds {sum(row.seconds for row in rows):.2f} in the engines")
    wrong = next((row for row in rows if row.verdict is verdict), None) if not verdict.passes else None
    more = {"unread": refused_count} if refused_count else {}
    print_summary(
        verdict=verdict, property=None if wrong is None else wrong.name, seed=None, trace=None,
        tests=len(rows), ok=sum(row.ok for row in rows), states=sum(row.states or 0 for row in rows),
        **more,
    )  # fmt: skip


def print_row(row: Row) -> None:
    """Print what a test asks, what was answered, and the run that decides it."""
    said = ", ".join(f"{engine} {answer}" for engine, answer in row.engines.items())
    click.echo(f"\n{row.name} under {_under(row)}: expected {row.expect or 'nothing'}, {said}")
    click.echo(f"    asked: {row.test.bad.text}")
    if row.run is not None:
        print_run(row.run)
    elif "allowed" in row.answers:
        click.echo("    some run ends so, but none was found to show within the budget for that")
    elif row.verdict is not Verdict.UNKNOWN:
        how = "Z3 on timestamps" if row.states is None else f"{row.states} states explored"
        click.echo(f"    no run ends so: {how}")


def print_run(run: Run) -> None:
    """Print a run in columns: threads, each host's cache, memory; only what changed."""
    from fencepost.model.litmus.witness import columns

    rows = columns(run)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(f"    {line}".rstrip())


def _under(row: Row) -> str:
    """Return what a row's verdict is said of: the profile, narrowed by a CRASH of the file."""
    from fencepost.model.litmus import AT_CRASH

    return f"{row.profile}, {row.crash}" if row.crash == AT_CRASH else row.profile


def crashing(asked: list[tuple[str, str, str]]) -> list[str]:
    """Return what was asked as to crashes, one line each, of tests by (name, profile, when hosts crash)."""
    from fencepost.model.litmus import ANY_MOMENT, AT_CRASH
    from fencepost.model.memory import PROFILES

    lines = []
    for profile in dict.fromkeys(profile for _, profile, crash in asked if crash == ANY_MOMENT):
        lines.append(
            f"under {profile} every host may crash at any moment of any run, or none; a register that its thread had"
            " not loaded by then has no value, and no condition on it holds"
        )
    for name, profile, _ in (each for each in asked if each[2] == AT_CRASH):
        also = (
            "the other row asks about every moment" if PROFILES[profile].crashes else "no other moment was asked about"
        )
        lines.append(f"{name} under {profile}, {AT_CRASH}: CRASH narrows the crash to that moment; {also}")
    return lines


def assumed(profiles: list[str]) -> list[str]:
    """Return the hardware assumptions that verdicts under some profiles rest on, one line each."""
    from fencepost.model.memory import ASSUMPTIONS, PROFILES

    lines = []
    for name in dict.fromkeys(profiles):
        lines.append(f"under {name} these verdicts rest on {', '.join(PROFILES[name].assumptions)}")
    used = {each for name in profiles for each in PROFILES[name].assumptions}
    return [*lines, *(f"    {key}: {text}" for key, text in ASSUMPTIONS.items() if key in used)]
