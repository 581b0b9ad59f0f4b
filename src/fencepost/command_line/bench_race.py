"""fencepost bench A --against B: two sequencers raced on the same arrivals, and how they differ."""

from __future__ import annotations

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
from fencepost.command_line.options import seed_option
from fencepost.command_line.output import exit_code, print_summary, print_table, progress

if TYPE_CHECKING:
    from fencepost.bench import Change, Raced
    from fencepost.bench.raced import RaceDifference


@click.command("race")
@click.argument("first", metavar="A")
@click.option("--against", "second", metavar="B", required=True, help="The sequencer that is raced beside it.")
@click.option(
    "--scanners", type=click.IntRange(1, 16), default=2, show_default=True,
    help="Rings with a scanner each; every client's batches are in all of them by turns.",
)  # fmt: skip
@repetitions_option(10, 20)
@seed_option
@measuring_options
@click.pass_context
def race_command(
    context: click.Context, /, first: str, second: str, out: Path | None, as_json: bool, quiet: bool, **asked: Any
) -> None:
    """Race sequencer A and sequencer B on the same arrivals, by turns in one run, and say how far they differ.

    \b
    fencepost bench order4.mutex --against order4.claim

    Differences are of pairs, with 95 % intervals; below them where a batch's time goes on both sides, as the race's
    threads record it; and, where a setting times both, ordering alone. A difference is no failure: exit code 0.
    """
    from fencepost.bench import against

    found = against(first, second, progress=progress(quiet), **asked)
    finish("race", found, out, as_json)
    if not as_json:
        _print(found)
    context.exit(exit_code(found.verdict))


def _print(found: Raced) -> None:
    first, second = found.sequencers
    pairs = found.times[0].first.n
    cores = len(found.hardware["cpus_allowed"])
    click.echo(f"{first} beside {second} on {machine_name(found)}, {pairs} pairs with the same arrivals")
    columns = [first, second, "change (95 %)"]
    print_table("", ["us", *columns], [_row(each) for each in found.times])
    click.echo()
    print_table("where a batch's time goes, us", ["stage", *columns], [_row(each) for each in found.stages])
    if found.alone is not None:
        alone = found.alone["median"]
        click.echo(
            f"ordering alone ({found.alone.setting}): {alone.first:.3g} ns, {alone.second:.3g} ns, {_changed(alone)}"
        )
    if found.thread_count > (cores or found.thread_count):
        click.echo(f"{found.thread_count} threads on {cores} cores: most of a batch's time is waiting for a core")
    say_if_quick(found)
    print_summary(
        verdict=found.verdict, property=None, seed=found.seed, trace=None, first=first, second=second, pairs=pairs,
        scanners=found.scanners,
        different=sum(each.change is not None and each.change.differs for each in (*found.times, *found.stages)),
    )  # fmt: skip


def _row(each: RaceDifference) -> list[str]:
    values = [f"{(side.value or 0.0) / 1e3:.4g}" for side in (each.first, each.second)]
    return [each.name, *values, _changed(each.change)]


def _changed(change: Change | None) -> str:
    """Return a change in words; that there is none is said plainly."""
    from fencepost.bench.statistics.change import in_words

    if change is None:
        return "no time at all on a side"
    return in_words(change.change, change.low, change.high)
