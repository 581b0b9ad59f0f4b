"""What `fencepost ablate` prints of a program of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line.output import exit_code, print_json, print_summary, print_table, writable
from fencepost.command_line.repair import repair_in_json, repair_lines
from fencepost.model.contract import Verdict

if TYPE_CHECKING:
    from fencepost.model.explorer.exploration import Explored
    from fencepost.proofs.program_ablation import ProgramAblation


def ablate_own(target: str, profile: str | None, matrix: str, out: Path, *, runs: bool, as_json: bool) -> int:
    """Ablate the marked operations of FILE.py[:name], print what came of it, and return the exit code."""
    from fencepost.model.explorer.run_itf import write_run
    from fencepost.model.memory import PROFILE
    from fencepost.proofs.program_ablation import ablate_program

    writable(out)
    found = ablate_program(target, profile or PROFILE, matrix)
    traces = {}
    for number, explored in enumerate(_violated(found)):
        path = out / f"ablate-{found.program.name.replace('/', '_')}-{number}.itf.json"
        write_run(explored, path)
        traces[id(explored)] = path
    if as_json:
        print_json("ablate", found.verdict, None, [_json(found, traces)])
    else:
        _print(found, traces, runs=runs)
        last = found.explored
        property = last.violation.property if last is not None and last.violation else None
        trace = traces.get(id(last))
        print_summary(verdict=found.verdict, property=property, seed=None, trace=trace, program=found.program.name)
    return exit_code(found.verdict)


def _violated(found: ProgramAblation) -> list[Explored]:
    """Return the runs that an ablation shows: with all operations, or without each required one."""
    every = [found.explored, *(each.explored for each in found.marks)]
    return [explored for explored in every if explored is not None]


def _json(found: ProgramAblation, traces: dict[int, Path]) -> dict[str, Any]:
    texts = {each.mark: each.text for each in found.marks}
    return {
        "name": found.program.name,
        "profile": found.profile,
        "matrix": found.matrix,
        "verdict": found.verdict,
        "slots": [
            {"slot": each.text, "role": each.role, "bound": each.bound, "trace": traces.get(id(each.explored))}
            for each in found.marks
        ],
        "minimal": [sorted(texts[mark] for mark in each) for each in found.minimal],
        "trace": traces.get(id(found.explored)),
        "repair": repair_in_json(found.repair),
        "bound": found.bound,
        "reason": found.reason or None,
        "queries": found.queries,
        "seconds": round(found.seconds, 6),
    }


def _print(found: ProgramAblation, traces: dict[int, Path], *, runs: bool) -> None:
    from fencepost.model.explorer.columns import describe_run

    if found.verdict is Verdict.UNKNOWN:
        click.echo(f"{found.program.name} under {found.profile}, matrix {found.matrix}")
        click.echo(f"unknown: {found.reason}")
        return
    if not found.marks:
        _print_repair(found, traces)
        return
    rows = [[each.text, each.role, _without(each.explored), each.bound] for each in found.marks]
    title = f"{found.program.name} under {found.profile}, matrix {found.matrix}"
    print_table(title, ["marked operation", "role", "without it", "bound"], rows)
    texts = {each.mark: each.text for each in found.marks}
    for minimal in found.minimal:
        said = "; ".join(sorted(texts[mark] for mark in minimal)) or "nothing: all holds without any of them"
        click.echo(f"minimal sufficient set: {said}")
    if found.explored is not None:
        click.echo("no set of these suffices: with all of them, this run remains")
        click.echo(describe_run(found.explored, traces[id(found.explored)]))
    for each in found.marks:
        if each.explored is not None and runs:
            click.echo(f"\nwithout {each.text}, all others present:")
            click.echo(describe_run(each.explored, traces[id(each.explored)]))
        elif each.explored is not None:
            click.echo(f"without {each.text}: fencepost replay {traces[id(each.explored)]}")
    click.echo(f"{found.verdict}: {found.bound}")


def _print_repair(found: ProgramAblation, traces: dict[int, Path]) -> None:
    """Print the violating run of a program in which nothing is marked, and what mends it."""
    from fencepost.model.explorer.columns import describe_run

    assert found.explored is not None
    click.echo("nothing is marked, and the program is wrong:")
    click.echo(describe_run(found.explored, traces[id(found.explored)]))
    for line in repair_lines(found.repair):
        click.echo(line)
    if found.reason:
        click.echo(found.reason)


def _without(explored: Explored | None) -> str:
    """Return which promise an operation is needed for."""
    return explored.violation.property if explored is not None and explored.violation is not None else "-"
