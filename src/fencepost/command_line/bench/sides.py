"""fencepost bench baseline, compare, aa: spread and stability, differences with intervals, and what those are worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import options
from fencepost.command_line.bench.measured import (
    finish,
    machine_name,
    measuring_options,
    repetitions_option,
    say_if_quick,
)
from fencepost.command_line.output import exit_code, print_summary, print_table, progress
from fencepost.model.contract import Verdict

if TYPE_CHECKING:
    from fencepost.bench.baselines import Baselines
    from fencepost.bench.sides import Comparison
    from fencepost.bench.statistics.change import Change

fail_option = click.option(
    "--fail", multiple=True, metavar="'p99>+5%'", help="Exit 1 where a metric has changed by more; again for more."
)


@click.command("baseline")
@click.argument("names", nargs=-1, metavar="[PATH...]")
@repetitions_option(10, 20)
@click.option(
    "--against", type=click.Path(path_type=Path), metavar="FILE", help="The document of an earlier one: what changed?"
)
@click.option("--anyway", is_flag=True, help="Also against a baseline of another machine.")
@fail_option
@measuring_options
@click.pass_context
def baseline_command(
    context: click.Context, /, names: tuple[str, ...], out: Path | None, as_json: bool, quiet: bool, **asked: Any
) -> None:
    """Measure how fast, how steady and how near to the bare machine each PATH is, or the pipeline and both levels.

    Centre, spread and tails of at least 10 repetitions, BCa bootstrap intervals, a verdict on stability by the
    coefficient of variation, the ratio to memcpy (pipeline) or to the same instructions bare, and the 8 to 12 GB/s that
    the findings state of the whole. Exit code 3 where most was disturbed or a condition is not decided.

    \b
    fencepost bench baseline --quick
    """
    from fencepost.bench.baselines import baseline

    found = baseline(names, progress=progress(quiet), **asked)
    finish("baseline", found, out, as_json)
    if not as_json:
        _print_baselines(found, asked["repetitions"])
    context.exit(exit_code(found.verdict))


@click.command("compare")
@click.argument("first", metavar="A", required=False)
@click.argument("second", metavar="B", required=False)
@click.option("--list", "as_list", is_flag=True, help="List the settings and the sides that each times together.")
@click.option("--setting", metavar="NAME", help="What both are timed in; by default the first that has both.")
@repetitions_option(10, 20)
@fail_option
@measuring_options
@click.pass_context
def compare_command(
    context: click.Context, /, first: str | None, second: str | None, as_list: bool, out: Path | None, as_json: bool,
    quiet: bool, **asked: Any,
) -> None:  # fmt: skip
    """Compare side B with side A, timed in turn in one run, such as `bench compare order4.mutex order4.claim`.

    Intervals are exact whatever the distribution of times: of what may have happened had the two been swapped in any of
    the pairs. Exit code 1 where a condition of --fail holds for the whole interval, 3 where one is not decided.

    \b
    fencepost bench compare order4.mutex order4.claim
    """
    from fencepost.bench.paths import SIDES
    from fencepost.bench.sides import compare

    if as_list:
        print_table("settings", ["setting", "sides"], [[name, ", ".join(sides)] for name, sides in SIDES.items()])
        return
    if first is None or second is None:
        raise click.UsageError("compare needs two sides, A and B: `fencepost bench compare --list` has them")
    found = compare(first, second, progress=progress(quiet), **asked)
    finish("compare", found, out, as_json)
    if not as_json:
        _print_comparison(found)
    context.exit(exit_code(found.verdict))


@click.command("aa")
@click.argument("side", metavar="[SIDE]", default="order4.owner")
@click.option("--setting", metavar="NAME", default="messages_cached", show_default=True, help="What it is timed in.")
@click.option("--metric", default="median", show_default=True, help="Of median, mean, min, max, p95, p99.")
@click.option("--pairs", type=click.IntRange(20), default=200, show_default=True, help="How many comparisons.")
@repetitions_option(10, 10)
@options.seed_option
@measuring_options
@click.pass_context
def self_compare_command(
    context: click.Context, /, side: str, out: Path | None, as_json: bool, quiet: bool, **asked: Any
) -> None:
    """Compare a side with itself: how often does `bench compare` call a difference where there is none?

    The test is meant to do so in 5 of 100 cases at most. Exit code 0 up to 7 of 100; 1 where more than 5 are certain, 3
    otherwise.

    \b
    fencepost bench aa order4.claim
    """
    from fencepost.bench.sides import self_compare

    found = self_compare(side, progress=progress(quiet), **asked)
    low, high = found.interval
    finish("aa", found, out, as_json)
    if not as_json:
        click.echo(f"{found.side} compared with itself in {found.setting}, on {machine_name(found)}")
        click.echo(
            f"{found.called_count} of {found.pair_count} comparisons of {found.repetitions} pairs called a difference "
            f"of the {found.metric}: {found.share:.1%} ({low:.1%}..{high:.1%}), meant: at most 5 %"
        )
        say_if_quick(found)
        print_summary(
            verdict=found.verdict, property="aa", seed=asked["seed"], trace=None, called=found.called_count,
            pairs=found.pair_count, disturbed=found.disturbed_count,
        )  # fmt: skip
    context.exit(exit_code(found.verdict))


# --- tables ---


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def _interval(interval: tuple[float, float]) -> str:
    return f"{_number(interval[0])}..{_number(interval[1])}"


def _percent(change: float | None) -> str:
    return "?" if change is None else f"{change:+.1%}"


def _print_baselines(found: Baselines, repetitions: int) -> None:
    measured = [(row, row.spread, row.ratio_spread) for row in found.rows if row.spread and row.ratio_spread]
    columns = ["name", "unit", "median", "mean", "95 %", "deviation", "min", "max", "p95", "p99"]
    rows = [
        [
            row.path.name, row.figure.unit, _number(each.metrics["median"]), _number(each.metrics["mean"]),
            _interval(each.mean_interval), f"{each.deviation:.2g}",
            *(_number(each.metrics[name]) for name in ("min", "max", "p95", "p99")),
        ]
        for row, each, _ in measured
    ]  # fmt: skip
    print_table(f"baseline on {machine_name(found)}, {repetitions} repetitions", columns, rows)
    click.echo()
    columns = ["name", "CV", "95 %", "stability", "ratio to", "mean ratio", "95 %", "8 to 12 GB/s", "disturbed"]
    rows = [
        [
            row.path.name, f"{each.cv:.1%}", f"{each.cv_interval[0]:.1%}..{each.cv_interval[1]:.1%}", row.stability,
            row.ratio_to, f"{ratio.metrics['mean']:.3g}", _interval(ratio.mean_interval), row.band or "-",
            str(row.disturbed_count),
        ]
        for row, each, ratio in measured
    ]  # fmt: skip
    print_table("", columns, rows)
    _print_changes(found)
    say_if_quick(found)
    print_summary(
        verdict=found.verdict, property=_decisive([(name, verdict) for name, _, verdict in found.judged]),
        seed=found.seed,
        trace=None, measured=len(measured), stable=sum(row.stability.is_stable for row in found.rows),
        repetitions=repetitions, disturbed=sum(row.disturbed_count for row in found.rows),
    )  # fmt: skip


def _print_changes(found: Baselines) -> None:
    """Say what was not decided, what changed since a stored baseline, and how each condition was judged."""
    for row in found.rows:
        if row.figure.unavailable or row.undecided:
            click.echo(f"{row.path.name}: {row.figure.unavailable or f'not decided: {row.undecided}'}")
        for change in row.changes:
            click.echo(f"{row.path.name}: {_sentence(change)}, since the stored baseline")
    for name, condition, verdict in found.judged:
        click.echo(_condition(f"{name}: {condition.text}", verdict))


def _sentence(change: Change) -> str:
    from fencepost.bench.statistics.change import in_words

    return f"{change.metric} {in_words(change.change, change.low, change.high)}"


def _condition(text: str, verdict: Verdict) -> str:
    word = {Verdict.VIOLATED: "fails", Verdict.NOT_FOUND: "does not fail"}.get(verdict, "not decided")
    return f"--fail {text}: {word}"


def _decisive(judged: list[tuple[str, Verdict]]) -> str | None:
    """Return the first that failed, else the first that is open."""
    return next(
        (name for wanted in (Verdict.VIOLATED, Verdict.UNKNOWN) for name, each in judged if each is wanted), None
    )


def _print_comparison(found: Comparison) -> None:
    from fencepost.bench.statistics.change import differs

    first, second = found.sides
    rows = [
        [
            change.metric, f"{change.first:.4g}", f"{change.second:.4g}", _percent(change.change),
            f"{_percent(change.low)}..{_percent(change.high)}",
            {True: "different", False: "no difference", None: "not decided"}[differs(change.low, change.high)],
        ]
        for change in found.changes
    ]  # fmt: skip
    columns = [f"{first.unit}", f"A: {first.metric}", f"B: {second.metric}", "B over A", "95 %", ""]
    print_table(f"{found.setting} on {machine_name(found)}, {first.n} pairs", columns, rows)
    for side, see in found.unsound.items():
        click.echo(f"{side}: unsound (see {see}): what it costs is no reason to take it")
    if found.undecided:
        click.echo(f"not decided: {found.undecided}")
    if any(change.low is None or change.high is None for change in found.changes):
        click.echo("?: so few pairs do not bound it")
    for condition, verdict in found.judged:
        click.echo(_condition(condition.text, Verdict.UNKNOWN if found.undecided else verdict))
    say_if_quick(found)
    print_summary(
        verdict=found.verdict, property=_decisive([(condition.metric, verdict) for condition, verdict in found.judged]),
        seed=found.seed, trace=None, setting=found.setting, pairs=first.n, disturbed=found.disturbed_count,
    )  # fmt: skip
