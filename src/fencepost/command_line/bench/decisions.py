"""fencepost bench contention, bench ablate: measurements that decide something."""

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
from fencepost.command_line.options import jobs_option, seed_option
from fencepost.command_line.output import exit_code, print_summary, print_table, progress

if TYPE_CHECKING:
    from fencepost.bench import Ablations, Contention
    from fencepost.bench.decisions.contended_loads import Counts, Gain, Load


@click.command("contention")
@click.option(
    "--rate", "rates", type=click.IntRange(1, 10**8), multiple=True, help="Batches/s of each client, simulated."
)
@click.option(
    "--clients", type=click.IntRange(1, 65_535), multiple=True, help="How many, simulated, at one total rate."
)
@click.option("--scanners", type=click.IntRange(1, 1_024), multiple=True, help="How many, a ring each, simulated.")
@click.option(
    "--skew",
    "skews",
    type=click.FloatRange(0, 8),
    multiple=True,
    help="Client n sends in proportion to 1 / (n + 1)^SKEW, simulated; 0: all alike.",
)
@repetitions_option(10, 20)
@jobs_option
@seed_option
@measuring_options
@click.pass_context
def contention_command(
    context: click.Context,
    /,
    repetitions: int,
    jobs: int,
    seed: int,
    quick: bool,
    out: Path | None,
    as_json: bool,
    quiet: bool,
    **varied: Any,
) -> None:
    """Count how often order 4's lock is contended and how lines move, and measure what it gains to have none.

    On full rings natively, and simulated as a whole at each rate, and at the middle one of them with each number of
    clients and scanners and each skew; beside each load what the findings' rule says (fewer than 100 contentions/s: not
    needed; more than 1,000: recommended, for 2 to 5 %). Where one of --rate, --clients, --scanners, --skew is given, it
    may be so several times, and of the others only the base is simulated: 4 clients, 4 scanners, no skew. Exit code 1
    where the rule says otherwise than was measured, 3 where no load decides.

    \b
    fencepost bench contention --rate 1000000
    """
    from fencepost.bench import contention

    found = contention(repetitions=repetitions, seed=seed, jobs=jobs, quick=quick, progress=progress(quiet), **varied)
    finish("contention", found, out, as_json)
    if not as_json:
        _print_contention(found)
    context.exit(exit_code(found.verdict))


def _print_contention(found: Contention) -> None:
    click.echo(f"order4.mutex beside order4.claim on {machine_name(found)}")
    columns = ["", "load", "contended/s", "a batch", "rule", "throughput (95 %)", "latency (95 %)", "rule is"]
    print_table("", columns, [_load_row(each) for each in found.loads])
    click.echo()
    columns = [
        "with the lock / without",
        "load",
        "contended/s",
        "a batch",
        "line transfers/s",
        "a batch",
    ]
    rows = [_meets(each.source, each) for each in found.loads] + [_meets("counted", each) for each in found.counts]
    print_table("", columns, rows)
    if found.counts:
        click.echo("counted: native, and per second by the clock of the build that counts, which is slower")
    _print_threshold(found)
    for each in found.loads:
        if each.throughput.undecided:
            click.echo(f"{each.setup.name}: not decided: {each.throughput.undecided}")
    say_if_quick(found)
    wrong = [each for each in found.loads if each.rule_holds is False]
    print_summary(
        verdict=found.verdict, property="rule" if wrong else None, seed=found.seed, trace=None, loads=len(found.loads),
        rule_wrong=len(wrong), rule_right=sum(each.rule_holds is True for each in found.loads),
    )  # fmt: skip


def _load_row(each: Load) -> list[str]:
    return [
        each.source, each.setup.name, f"{each.locked.contended_per_s:,.0f}", f"{each.locked.contended_per_batch:.2g}",
        each.advice, _gain(each.throughput), "-" if each.latency is None else _gain(each.latency),
        {True: "as measured", False: "NOT as measured", None: "not decided"}[each.rule_holds],
    ]  # fmt: skip


def _meets(source: str, each: Load | Counts) -> list[str]:
    """Return what both sequencers meet on a load: contention and line transfers, per second and per batch."""
    sides = (each.locked, each.free)
    cells = (
        [f"{side.contended_per_s:,.0f}" for side in sides], [f"{side.contended_per_batch:.2g}" for side in sides],
        [f"{side.transfers_per_s:,.0f}" for side in sides], [f"{side.transfers_per_batch:.2f}" for side in sides],
    )  # fmt: skip
    return [source, each.setup.name, *map(" / ".join, cells)]


def _print_threshold(found: Contention) -> None:
    from fencepost.bench.decisions.contended_loads import WORTH

    threshold, time = found.threshold.per_second, found.threshold.contention
    click.echo("gain <= contentions/s of a scanner x time of a contention")
    if threshold is None:
        click.echo(f"threshold: not decided ({time.unavailable or 'a contention costs nothing that can be told here'})")
        return
    low, high = time.interval or (0.0, 0.0)
    click.echo(
        f"threshold for {WORTH:.0%} here: {threshold[0]:,.0f} ({threshold[1]:,.0f}..{threshold[2]:,.0f}) "
        f"contentions/s of a scanner, as one takes {time.value:.3g} ({low:.3g}..{high:.3g}) ns"
    )


def _gain(gain: Gain) -> str:
    """Return a gain with its interval, that there is no difference, or that it is not decided."""
    from fencepost.bench.statistics.change import in_words

    return in_words(gain.value, gain.low, gain.high)


@click.command("ablate")
@click.argument("names", nargs=-1, metavar="[SETTING]...")
@repetitions_option(10, 20)
@seed_option
@measuring_options
@click.pass_context
def ablate_command(
    context: click.Context,
    /,
    names: tuple[str, ...],
    repetitions: int,
    seed: int,
    quick: bool,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure each SETTING, or all: huge-pages, affinity, numa, prefetch, pause, and all of them together.

    Each repetition races once as it is and once with each setting, in a drawn order. What cannot be had here has no
    figure and a reason; no setting of the system is changed. Exit code 3 where nothing could be measured.

    \b
    fencepost bench ablate huge-pages affinity
    """
    from fencepost.bench import ablate

    found = ablate(names, repetitions=repetitions, seed=seed, quick=quick, progress=progress(quiet))
    finish("ablate", found, out, as_json)
    if not as_json:
        _print_ablations(found, repetitions)
    context.exit(exit_code(found.verdict))


def _print_ablations(found: Ablations, repetitions: int) -> None:
    from fencepost.bench.statistics.change import in_words

    click.echo(f"settings, beside none, on {machine_name(found)}, {repetitions} pairs")
    rows = [["none", f"{found.plain.value:.3g}", "", "as it is"]]
    for row in found.rows:
        if row.change is None:
            rows.append([row.setting.name, "-", "-", row.unavailable])
            continue
        said = in_words(row.change.change, row.change.low, row.change.high)
        rows.append([row.setting.name, f"{row.figure.value:.3g}", said, row.note or row.setting.what])
    print_table("", ["setting", "ns a batch", "change (95 %)", ""], rows)
    say_if_quick(found)
    print_summary(
        verdict=found.verdict, property=None, seed=found.seed, trace=None, settings=len(found.rows),
        unavailable=sum(row.change is None for row in found.rows),
        different=sum(row.change is not None and row.change.differs for row in found.rows),
    )  # fmt: skip
