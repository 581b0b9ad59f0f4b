"""fencepost simulate: what a sequencer costs, with the contract checked while it runs."""

from __future__ import annotations

import csv
import json
import time
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost import __version__
from fencepost.command_line import options
from fencepost.command_line.output import exit_code, found_by, print_summary, print_table
from fencepost.model.contract import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from fencepost.model.contract import Level
    from fencepost.model.simulation.intervals import Figure
    from fencepost.model.simulation.scenario import Scenario
    from fencepost.simulating import Simulation, Told

POLICIES = ("none", "per_message", "per_batch", "single_fence", "epoch", "seed")
SPREADS = {
    "order": "latency_order", "ack": "latency_ack", "deliver": "latency_deliver", "hold (parked)": "hold",
    "staleness": "staleness", "lock held": "lock_held", "lock wait": "lock_wait", "counter wait": "counter_wait",
    "client word wait": "client_word_wait",
}  # fmt: skip
COLUMNS = ("mean", "p50", "p90", "p99", "p999")


@click.command("simulate")
@click.argument("scenario", required=False, type=click.Path(path_type=Path))
@click.option("--level", type=click.Choice(["4", "5"]), help="The level; without --sequencer, its usual sequencer.")
@click.option("--sequencer", metavar="NAME", help="Instead of the scenario's, such as order4.mutex.")
@click.option("--policy", type=click.Choice(POLICIES), help="How positions are published, instead of the scenario's.")
@click.option("--granularity", type=click.Choice(["operation", "batch"]), help="Memory operations, or batches.")
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
    scenario: Path | None,
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
    """Simulate SCENARIO, a TOML file, or the built-in one: throughput, latency, contention, occupancy.

    The contract is checked inside every run and again on its history; 95 % intervals come from
    replications, the warm-up is left out by MSER-5. Files and plots (latency, throughput against load,
    occupancy) go to --out. The same seed gives the same bytes.

    With --against two sides are simulated on the same arrivals and seeds: each difference with its interval, and where
    a batch's time goes on both.
    """
    from fencepost.model.simulation.scenario import Scenario, read_scenario
    from fencepost.simulating import simulate

    if trace and out is None:
        raise click.UsageError("--trace writes a file: say where, with --out DIR")
    asked = Scenario() if scenario is None else read_scenario(scenario)
    if costs:
        _print_costs(asked)
        return
    if against is not None:
        context.exit(_against(asked, against, level, as_json=as_json, quiet=quiet, out=out, **given))
    simulated = partial(
        simulate,
        asked,
        level=_level(level),
        traced=trace,
        with_loads=out is not None,
        shuffle_ties=shuffle_ties,
        tell=_teller(quiet),
        **given,
    )
    simulation = found_by(simulated)
    files = [] if out is None else _write(simulation, out)
    if as_json:
        click.echo(_document(simulation), nl=False)
    else:
        _print(simulation, shuffle_ties)
        for path in files:
            click.echo(f"wrote {path}")
        print_summary(
            verdict=simulation.verdict,
            property=_decisive(simulation),
            seed=simulation.seed,
            trace=out / "trace.json" if out and trace else None,
            scenario=simulation.scenario.name,
            sequencer=simulation.scenario.sequencer,
        )
    context.exit(exit_code(simulation.verdict))


def _against(
    asked: Scenario, word: str, level: str | None, *, as_json: bool, quiet: bool, out: Path | None, **given: Any
) -> int:
    """Simulate two sides and print how they differ; return the exit code."""
    from fencepost.command_line.simulate_against import print_against, side_of
    from fencepost.paired import Side, against
    from fencepost.simulating import DEFAULTS

    if out is not None or given.pop("calibrate") is not None:
        raise click.UsageError("--against has no --out and no --calibrate: leave them out")
    sequencer, number = given.pop("sequencer"), _level(level)
    if sequencer is None and number is not None:
        sequencer = DEFAULTS[number]
    first = Side(asked, sequencer, given["policy"], given["granularity"])
    second = replace(side_of(word, asked), granularity=given["granularity"])
    found = found_by(lambda: against(first, second, seed=given["seed"], jobs=given["jobs"], tell=_teller(quiet)))
    print_against(found, as_json=as_json)
    return exit_code(found.verdict)


def _decisive(simulation: Simulation) -> str | None:
    """Return the property that the verdict is about: one that is violated, or one that an unsound part leaves open."""
    bad = sorted((each for each in simulation.judged if each.sentence), key=lambda each: each.verdict != "violated")
    if not bad and simulation.unsound:
        bad = [each for each in simulation.judged if each.unjudged]
    return bad[0].property if bad else None


def _level(word: str | None) -> Level | None:
    return None if word is None else options.levels(word)[0]


def _teller(quiet: bool) -> Callable[[Told], None]:
    """Return what tells a person, at most once a second: simulated time, rate, and how long it may still take."""
    began = last = time.monotonic()

    def tell(told: Told) -> None:
        nonlocal last
        now = time.monotonic()
        if quiet or now - last < 1.0:
            return
        last = now
        left = (now - began) * (1 - told.share) / told.share if told.share else 0.0
        done = f"{told.now_ns / 1e6:.1f} of {told.end_ns / 1e6:.1f} ms simulated, {told.batches} batches"
        rate = told.share * told.runs * told.end_ns / 1e6 / (now - began)
        where = f"run {told.run} of {told.runs}: {done}"
        click.echo(f"... {where}; {rate:.1f} ms simulated a second, about {left:.0f} s left", err=True)

    return tell


def _labels(simulation: Simulation) -> dict[str, Any]:
    scenario = simulation.scenario
    return {
        "scenario": scenario.name,
        "level": simulation.level,
        "sequencer": scenario.sequencer,
        "policy": scenario.policy,
        "granularity": scenario.granularity,
        "unsound": "; ".join(map(str, simulation.unsound)) or None,
    }


def _item(figure: Figure) -> dict[str, Any]:
    return {name: getattr(figure, name) for name in ("metric", "unit", "value", "low", "high", "n")}


def _item_with_samples(figure: Figure) -> dict[str, Any]:
    return _item(figure) | {"samples": list(figure.samples)}


def _document(simulation: Simulation) -> str:
    """Return the JSON document. Its manifest says what was simulated, and nothing of the machine that did it: the
    same scenario and seed give the same bytes everywhere."""
    from fencepost.model.simulation.scenario import described

    labels = _labels(simulation)
    document = {
        "schema": "fencepost/simulate/1",
        "verdict": simulation.verdict,
        "seed": simulation.seed,
        "results": [labels | _item_with_samples(figure) for figure in simulation.figures],
        "unsound": [each._asdict() for each in simulation.unsound],
        "properties": [
            {"property": each.property, "layer": each.layer, "verdict": each.verdict, "bound": each.bound,
             "witness": each.sentence or None, "unjudged": each.unjudged or None}
            for each in simulation.judged
        ],
        "depends_on_ties": [
            {"metric": metric, "by_rule": rule, "drawn": drawn} for metric, rule, drawn in simulation.depends_on_ties
        ],
        "manifest": {
            "fencepost": __version__,
            "scenario": described(simulation.scenario),
            "measured_costs": simulation.measured_costs,
        },
    }  # fmt: skip
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _write(simulation: Simulation, out: Path) -> list[Path]:
    """Write figures, the history of the first run, plots and, if there is one, the trace."""
    from fencepost.model.histories import write_history
    from fencepost.simulation_plots import write_plots

    out.mkdir(parents=True, exist_ok=True)
    texts = {"results.json": _document(simulation)}
    if simulation.figures:
        refuted = {"unsound": "; ".join(map(str, simulation.unsound))} if simulation.unsound else {}
        texts["results.csv"] = _table([_item(figure) | refuted for figure in simulation.figures])
    if simulation.by_load:
        from fencepost.model.simulation.intervals import rounded

        rows = [
            {"load": load, "metric": metric, "value": rounded(value)} | refuted
            for load, figures in simulation.by_load
            for metric, value in figures.items()
        ]
        texts["load.csv"] = _table(rows)
    detail = simulation.detail
    if detail.trace is not None:
        texts["trace.json"] = detail.trace
    for name, text in texts.items():
        (out / name).write_text(text)
    written = [out / name for name in texts]
    if not len(detail.history):  # the first replication is not over: there is nothing to draw
        return written
    write_history(out / "history.csv", detail.history)
    return [*written, out / "history.csv", *write_plots(simulation, out)]


def _table(rows: list[dict[str, Any]]) -> str:
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _print(simulation: Simulation, shuffled: bool) -> None:
    scenario = simulation.scenario
    figures = {figure.metric: figure for figure in simulation.figures}
    title = f"{scenario.name}: {scenario.sequencer}, policy {scenario.policy}, {scenario.granularity} granularity"
    refuted = ["unsound"] if simulation.unsound else []  # beside every figure
    rows = [
        [name, *(_microseconds(figures.get(f"{prefix}_{column}_ns")) for column in COLUMNS), *refuted]
        for name, prefix in SPREADS.items()
        if f"{prefix}_mean_ns" in figures
    ]
    columns = [""] if refuted else []
    click.echo(title)
    print_table("", ["us (95 %)", *COLUMNS[:-1], "p99.9", *columns], rows)
    others = [f for f in simulation.figures if not f.metric.endswith("_ns") or f.metric == "warmup_ns"]
    click.echo()
    rows = [[*_cells(figure), *refuted] for figure in others]
    print_table("", ["figure", "mean", "low", "high", "unit", *columns], rows)
    click.echo()
    _print_judged(simulation)
    if shuffled:
        _print_ties(simulation)
    _print_measured(simulation)


def _print_judged(simulation: Simulation) -> None:
    """Say what is refuted elsewhere, what the runs showed, and what they cannot show."""
    for part in simulation.unsound:
        click.echo(f"{part}: {part.reason}")
    for layer, what in (("run", "checked inside the run"), ("history", "the history of the run")):
        judged = [each for each in simulation.judged if each.layer == layer]
        for each in judged:
            if each.sentence:
                click.echo(f"{what}: {each.property} {each.verdict} ({each.bound}): {each.sentence}")
        passed = [each.property for each in judged if each.verdict is Verdict.NOT_FOUND]
        if passed:
            click.echo(f"{what}: {', '.join(passed)} not found ({judged[0].bound})")
        for each in judged:
            if each.unjudged:
                click.echo(f"{what}: {each.property} - ({each.unjudged})")


def _print_measured(simulation: Simulation) -> None:
    """Say which costs were measured, and which were not and are what the scenario or the default says."""
    measured = simulation.measured_costs
    for name, value in measured.items():
        click.echo(f"measured: {name} = {value}")
    if measured:
        machine = simulation.scenario.machine
        others = [name for name in machine.__struct_fields__ if name not in measured and name != "line"]
        click.echo(f"not measured: {', '.join(others)}")


def _print_ties(simulation: Simulation) -> None:
    depends = simulation.depends_on_ties
    click.echo(f"ties: {len(depends)} of {len(simulation.figures)} figures change when ties are broken otherwise")
    for metric, rule, drawn in depends:
        click.echo(f"    {metric}: {rule:.9g} by the rule, {drawn:.9g} in a drawn order")


def _microseconds(figure: Figure | None) -> str:
    """Return a time in microseconds with its interval, which lies askew where a plain one would reach below zero."""
    if figure is None:
        return "-"
    value, *bounds = (None if each is None else _short(each / 1000) for each in (figure.value, figure.low, figure.high))
    return f"{value}" if None in bounds else f"{value} ({bounds[0]}..{bounds[1]})"


def _short(number: float) -> str:
    """Return a number with three decimals if it is small, else with four digits, or without decimals."""
    return f"{number:.3f}" if number < 10 else f"{number:.4g}" if number < 1000 else f"{number:.0f}"


def _cells(figure: Figure) -> list[str]:
    bounds = ["-" if bound is None else f"{bound:.6g}" for bound in (figure.low, figure.high)]
    return [figure.metric, f"{figure.value:.6g}", *bounds, figure.unit]


def _print_costs(scenario: Any) -> None:
    from fencepost.model.simulation.machine_costs import SOURCES
    from fencepost.model.simulation.scenario import described

    costs = described(scenario.machine)
    rows = [[name, str(costs[name]), source] for name, source in SOURCES.items()]
    print_table("what operations cost", ["cost", "value", "where the default comes from"], rows)
