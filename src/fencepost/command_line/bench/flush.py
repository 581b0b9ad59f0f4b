"""fencepost bench flush: what publication policies cost, with the verdict beside each figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fencepost.command_line.bench.measured import (
    finish,
    machine_name,
    measuring_options,
    repetitions_option,
    say_if_quick,
)
from fencepost.command_line.output import exit_code, print_summary, print_table, progress

if TYPE_CHECKING:
    from fencepost.bench.flush import Flushed, Flushes


@click.command("flush")
@repetitions_option(10, 20)
@measuring_options
@click.pass_context
def flush_command(
    context: click.Context, /, repetitions: int, quick: bool, out: Path | None, as_json: bool, quiet: bool
) -> None:
    """Time publication policies by each write-back instruction, and say which of them are sound.

    Beside each figure: what the model of non-coherent memory decides of the policy's native code, and how many of its
    flushes and fences ablate finds to be needed. A policy that is not sound is never recommended. Exit code 3 where a
    figure was mostly disturbed.

    \b
    fencepost bench flush --quick
    """
    from fencepost.bench.flush import flush

    found = flush(repetitions=repetitions, quick=quick, progress=progress(quiet))
    finish("flush", found, out, as_json)
    if not as_json:
        _print(found, repetitions)
    context.exit(exit_code(found.verdict))


def _print(found: Flushes, repetitions: int) -> None:
    from fencepost.bench.flush import WHAT

    rows = [
        [
            row.policy.name, row.instruction, WHAT[row.policy.setting], _time(row), "sound" if row.soundness.is_sound
            else "UNSOUND", row.soundness.native, f"{row.policy.idiom}: {row.soundness.ablation}",
            str(row.disturbed_count),
        ]
        for row in found.rows
    ]  # fmt: skip
    click.echo(f"publication policies on {machine_name(found)}, {repetitions} repetitions")
    columns = ["policy", "by", "work", "ns a batch (95 %)", "", "native code", "ablate", "disturbed"]
    print_table("", columns, rows)
    for row in found.rows:
        if row.figure.unavailable or row.undecided:
            why = row.figure.unavailable or f"not decided: {row.undecided}"
            click.echo(f"{row.policy.name}, {row.instruction}: {why}")
    for each in found.recommendations:
        gain = f"{each.gain.change:+.1%} ({_bound(each.gain.low)}..{_bound(each.gain.high)})"
        click.echo(f"{each.instruction}, {WHAT[each.setting]}: of the sound ones {each.policy}, {gain} to {each.over}")
    say_if_quick(found)
    print_summary(
        verdict=found.verdict, property=None, seed=None, trace=None, policies=len(found.rows),
        unsound=sum(not row.soundness.is_sound for row in found.rows), recommended=len(found.recommendations),
        disturbed=sum(row.disturbed_count for row in found.rows),
    )  # fmt: skip


def _time(row: Flushed) -> str:
    if row.figure.value is None or row.figure.interval is None:
        return "-"
    low, high = row.figure.interval
    return f"{_short(row.figure.value)} ({_short(low)}..{_short(high)})"


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 1000 else f"{number:.4g}"


def _bound(change: float | None) -> str:
    return "?" if change is None else f"{change:+.1%}"
