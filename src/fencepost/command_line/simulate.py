"""fencepost simulate: what a sequencer costs, with the contract checked while it runs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import exit_code, found_by, print_report, print_table, progress
from fencepost.command_line.sequencers import list_option
from fencepost.command_line.simulate_against import print_against, side_of

if TYPE_CHECKING:
    from fencepost.simulating.paired import Paired

POLICIES = ("per_message", "per_batch", "single_fence", "epoch", "none", "seed")


@click.command("simulate")
@click.argument("scenario", required=False, metavar="[SCENARIO|SEQUENCER]")
@click.option("--level", type=options.Choice(["4", "5"]), help="The level; without --sequencer, its usual sequencer.")
@list_option
@click.option("--sequencer", metavar="NAME", help="Instead of the scenario's, such as order4.mutex.")
@click.option(
    "--policy",
    type=options.Choice(POLICIES),
    help="How positions are published; seed is refuted, none is for one host.",
)
@click.option("--granularity", type=options.Choice(["operation", "batch"]), help="Memory operations, or batches.")
@click.option(
    "--calibrate",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Costs measured by bench floor: its JSON document, or the folder of its --out.",
)
@click.option(
    "--against", metavar="NAME|FILE", help="Another sequencer, or a scenario with the same clients: how do they differ?"
)
@click.option("--shuffle-ties", is_flag=True, help="Run again with ties in time in a drawn order: what depends on it?")
@click.option("--trace", is_flag=True, help="Write what threads did, for Perfetto; needs --out.")
@click.option("--costs", is_flag=True, help="List what operations cost and where each figure comes from, and stop.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes for the runs.")
@options.seed_option
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="A folder for files and plots.")
@options.json_option
@options.quiet_option
@click.pass_context
def simulate_command(
    context: click.Context,
    /,
    scenario: str | None,
    level: str | None,
    trace: bool,
    costs: bool,
    out: Path | None,
    as_json: bool,
    quiet: bool,
    shuffle_ties: bool,
    against: str | None,
    **given: Any,
) -> None:
    """Simulate SCENARIO, a TOML file, or a sequencer in the built-in one: throughput, latency, contention, occupancy.

    The contract is checked inside every run and again on its history; 95 % intervals come from
    replications, the warm-up is left out by MSER-5. Files and plots (latency, throughput against load,
    occupancy) go to --out. The same seed gives the same bytes.

    With --against two sides are simulated on the same arrivals and seeds: each difference with its interval, and where
    a batch's time goes on both.

    \b
    fencepost simulate order5.fetch_add
    fencepost simulate scenario.toml --policy per_message --out figures
    """
    from fencepost.simulating.run import simulate

    if trace and out is None:
        raise click.UsageError("--trace writes a file: say where, with --out DIR")
    if costs:
        _print_costs(scenario)
        return
    if against is not None:
        found = found_by(lambda: _compared(scenario, against, level, out, quiet, **given))
        print_against(found, as_json=as_json)
        context.exit(exit_code(found.verdict))
    simulated = partial(
        simulate,
        scenario,
        level=None if level is None else options.levels(level)[0],
        traced=trace,
        shuffle_ties=shuffle_ties,
        out=out,
        on_progress=progress(quiet),
        **given,
    )
    simulation = found_by(simulated)
    print_report(simulation, as_json=as_json)
    context.exit(exit_code(simulation.verdict))


def _compared(target: str | None, word: str, level: str | None, out: Path | None, quiet: bool, **given: Any) -> Paired:
    """Simulate two sides: the target of the command, and what --against names."""
    from fencepost.simulating.paired import Side, against
    from fencepost.simulating.run import DEFAULTS, scenario_of

    if out is not None or given["calibrate"] is not None:
        raise click.UsageError("--against has no --out and no --calibrate: leave them out")
    scenario, sequencer = scenario_of(target), given["sequencer"]
    if sequencer is None and level is not None:
        sequencer = DEFAULTS[options.levels(level)[0]]
    first = Side(scenario, sequencer, given["policy"], given["granularity"])
    second = replace(side_of(word, scenario), granularity=given["granularity"])
    return against(first, second, seed=given["seed"], jobs=given["jobs"], on_progress=progress(quiet))


def _print_costs(scenario: str | None) -> None:
    from fencepost.model.simulation.machine_costs import SOURCES
    from fencepost.model.simulation.scenario import described
    from fencepost.simulating.run import scenario_of

    costs = described(scenario_of(scenario).machine)
    rows = [[name, str(costs[name]), source] for name, source in SOURCES.items()]
    print_table("what operations cost", ["cost", "value", "where the default comes from"], rows)
