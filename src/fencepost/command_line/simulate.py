"""fencepost simulate: what a sequencer costs, with the contract checked while it runs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import exit_code, found_by, print_report, print_table, progress
from fencepost.command_line.sequencers import list_option

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
    **given: Any,
) -> None:
    """Simulate SCENARIO, a TOML file, or a sequencer in the built-in one: throughput, latency, contention, occupancy.

    The contract is checked inside every run and again on its history; 95 % intervals come from
    replications, the warm-up is left out by MSER-5. Files and plots (latency, throughput against load,
    occupancy) go to --out. The same seed gives the same bytes.

    \b
    fencepost simulate order5.fetch_add
    fencepost simulate scenario.toml --policy per_message --out figures
    """
    from fencepost.simulating import simulate

    if trace and out is None:
        raise click.UsageError("--trace writes a file: say where, with --out DIR")
    if costs:
        _print_costs(scenario)
        return
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


def _print_costs(scenario: str | None) -> None:
    from fencepost.model.simulation.machine_costs import SOURCES
    from fencepost.model.simulation.scenario import described
    from fencepost.simulating import scenario_of

    costs = described(scenario_of(scenario).machine)
    rows = [[name, str(costs[name]), source] for name, source in SOURCES.items()]
    print_table("what operations cost", ["cost", "value", "where the default comes from"], rows)
