"""fencepost mutants --native: one line of the C++ changed, compiled, and killed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line.output import exit_code, found_by, json_document, print_summary, print_table, progress

if TYPE_CHECKING:
    from fencepost.mutations.killing import Hunted, NativeMatrix


_COLUMNS = ("k", "mutant", "site", "kind", "killed by", "seconds", "batches", "steps", "threads")


def run(
    names: tuple[str, ...], *, budget_seconds: float | None, seed: int, jobs: int, as_json: bool, quiet: bool
) -> int:
    """Hunt the mutants of these names, print the table, and return the exit code."""
    from fencepost.mutations.killing import BUDGET_SECONDS, native_mutants

    budget, told = budget_seconds or BUDGET_SECONDS, progress(quiet)
    matrix = found_by(lambda: native_mutants(names, budget_seconds=budget, seed=seed, jobs=jobs, progress=told))
    if as_json:
        results = [_json(each) for each in (*matrix.mutants, *matrix.sound)]
        click.echo(json_document("mutants", matrix.verdict, seed, results, smallest_examples=_medians(matrix)))
    else:
        _print(matrix)
    return exit_code(matrix.verdict)


def print_list(names: tuple[str, ...]) -> None:
    """Print what each mutation does and where it comes from, and the changes that nothing can tell."""
    from fencepost.mutations.equivalents import EQUIVALENTS
    from fencepost.mutations.table import MUTATIONS, NUMBERS, mutation

    for each in [mutation(name) for name in names] or MUTATIONS.values():
        click.echo(f"{NUMBERS[each.name]} {each.name}: breaks {each.breaks}; {each.kind} in {each.file}")
        click.echo(f"    {each.change}")
        click.echo(f"    origin: {each.origin}")
    if names:
        return
    click.echo()
    click.echo("not among them, as nothing can tell them from the line that stands there:")
    for same in EQUIVALENTS:
        click.echo(f"{same.file}: {same.change}")
        click.echo(f"    {same.argument}")


def _json(each: Hunted) -> dict[str, Any]:
    from fencepost.mutations.table import NUMBERS

    kill, made = each.kill, each.mutation
    return {
        "mutant": each.name,
        "number": NUMBERS[made.name] if made else 0,
        "build": each.build,
        "site": each.site,
        "kind": made.kind if made else None,
        "breaks": made.breaks if made else None,
        "engine": kill.killer if kill else None,
        "outcome": "unknown" if each.unknown else "caught" if kill else "missed",
        "seconds": round(each.seconds, 3),
        "build_seconds": round(each.build_seconds, 3),
        "trace_length": kill.size if kill else None,
        "example_batches": kill.batches if kill else None,
        "example_steps": kill.steps if kill else None,
        "example_threads": kill.threads if kill else None,
        "detail": kill.sentence if kill else each.unknown or _tried(each),
    }


def _print(matrix: NativeMatrix) -> None:
    from fencepost.mutations.table import NUMBERS

    rows = [
        [str(NUMBERS[each.name]), each.name, each.site, each.mutation.kind if each.mutation else "-", *_caught(each)]
        for each in matrix.mutants
    ]
    rows += [["0", f"no mutation, {each.build}", "-", "-", *_caught(each)] for each in matrix.sound]
    print_table("one line changed", _COLUMNS, rows)
    click.echo()
    for each in matrix.mutants:
        if each.kill:
            click.echo(f"{each.name}: {each.kill.sentence}")
    for each in matrix.survivors:
        click.echo(f"SURVIVED: {each.name} after {_tried(each)}")
    for each in matrix.unknown:
        click.echo(each.outcome)
    for each in matrix.sound:
        if each.unknown:
            continue
        words = f"FALSE ALARM: {each.kill.killer}: {each.kill.sentence}" if each.kill else f"survived {_tried(each)}"
        click.echo(f"the code without a mutation, {each.build}: {words}")
    killed = sum(each.kill is not None for each in matrix.mutants)
    click.echo(f"{len(matrix.mutants)} native mutants: {killed} killed; {len(matrix.false_alarms)} false alarms")
    sizes = matrix.sizes
    if sizes:
        click.echo(
            f"the smallest examples, medians: {sizes.batches:g} batches; {sizes.steps:g} steps (batches, where there is"
            f" no schedule); {sizes.threads:g} threads"
        )
    worst = next(iter((*matrix.survivors, *matrix.false_alarms, *matrix.unknown)), None)
    broken = worst.mutation.breaks if worst and worst.mutation else None
    print_summary(
        verdict=matrix.verdict,
        property=broken,
        seed=matrix.seed,
        trace=None,
        mutant=worst.name if worst else None,
        batches=f"{sizes.batches:g}" if sizes else None,
        steps=f"{sizes.steps:g}" if sizes else None,
        threads=f"{sizes.threads:g}" if sizes else None,
    )


def _caught(each: Hunted) -> list[str]:
    if each.kill is None:
        return ["unknown" if each.unknown else "survived", f"{each.seconds:.1f}", "-", "-", "-"]
    kill = each.kill
    steps = "-" if kill.steps is None else str(kill.steps)
    return [kill.killer, f"{each.seconds:.1f}", str(kill.batches), steps, str(kill.threads)]


def _medians(matrix: NativeMatrix) -> dict[str, float]:
    """Return the medians of the smallest examples by their names in documents."""
    sizes = matrix.sizes
    return {f"{name}_median": value for name, value in sizes._asdict().items()} if sizes else {}


def _tried(each: Hunted) -> str:
    runs = ", ".join(f"{count} of {killer}" for killer, count in each.runs.items())
    return f"{runs} in {each.seconds:.0f} s"
