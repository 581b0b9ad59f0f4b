"""fencepost simulate A --against B: two sides on the same arrivals, and how they differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line.output import json_document, print_summary, print_table

if TYPE_CHECKING:
    from fencepost.model.simulation.scenario import Scenario
    from fencepost.simulating.paired import Difference, Paired, Side


def side_of(word: str, scenario: Scenario) -> Side:
    """Return what --against names: a scenario file, or a sequencer on the same scenario."""
    from fencepost.model.errors import unknown_choice
    from fencepost.model.simulation.scenario import read_scenario
    from fencepost.model.specs import PROTOCOLS
    from fencepost.simulating.paired import Side

    if Path(word).suffix == ".toml" or Path(word).is_file():
        return Side(read_scenario(Path(word)))
    if word not in PROTOCOLS:
        raise unknown_choice("sequencer or scenario file of --against", word, PROTOCOLS)
    return Side(scenario, sequencer=word)


def print_against(found: Paired, *, as_json: bool) -> None:
    """Print both sides, each difference with its interval, and where a batch's time goes; or the document."""
    if as_json:
        items = [_json(each) for each in found.differences]
        more = {"sides": [each.scenario.sequencer for each in (found.first, found.second)]}
        if found.headers is not None:
            items += [{**_json(each), "without_message_headers": True} for each in found.headers.differences]
        click.echo(json_document("simulate", found.verdict, found.first.seed, items, against=more))
        return
    names = [_name(found, 0), _name(found, 1)]
    click.echo(f"{names[0]} beside {names[1]}, {found.first.scenario.replications} pairs with the same arrivals")
    from fencepost.simulating.paired import SHOWN

    shown = [each for name in SHOWN for each in found.differences if each.metric == name]
    columns = ["", names[0], names[1], "change (95 %)"]
    print_table("", ["figure", *columns[1:]], [_row(each, each.metric) for each in shown])
    click.echo()
    stages = [
        _row(each, each.metric.removeprefix("stage_").removesuffix("_mean_ns").replace("_", " "))
        for each in found.stages
    ]
    print_table("where a batch's time goes, us", ["stage", *columns[1:]], stages)
    _print_headers(found)
    for side in (found.first, found.second):
        for part in side.unsound:
            click.echo(f"{side.scenario.sequencer}: {part}: {part.reason}")
    print_summary(
        verdict=found.verdict, property=None, seed=found.first.seed, trace=None, first=names[0], second=names[1],
        pairs=found.first.scenario.replications, different=sum(each.differs for each in shown),
    )  # fmt: skip


def _print_headers(found: Paired) -> None:
    """Say what of a difference between levels is the message headers."""
    if found.headers is None:
        return
    fifth, bare = found.headers.first, found.headers.second
    fourth = found.first if found.first.level == 4 else found.second
    name = "latency_order_mean_ns"
    times = [each[name].value for each in (fifth, bare, fourth)]
    due = (times[2] - times[1]) / (times[2] - times[0]) if times[2] != times[0] else 0.0
    click.echo(
        f"ordering takes {times[2] / times[0]:.3g} times as long in {fourth.scenario.sequencer} as in "
        f"{fifth.scenario.sequencer}; without positions in message headers {times[1] / times[0]:.3g} times: "
        f"{due:.0%} of the difference is the headers"
    )


def _name(found: Paired, side: int) -> str:
    """Return how a side is called: its sequencer, and what else distinguishes it."""
    sides = (found.first.scenario, found.second.scenario)
    if sides[0].sequencer != sides[1].sequencer:
        return sides[side].sequencer
    if sides[0].policy != sides[1].policy:
        return sides[side].policy
    return f"{'AB'[side]}: {sides[side].name}"


def _row(each: Difference, name: str) -> list[str]:
    scale, digits = (1e-3, "{:.4g} us") if each.unit == "ns" else (1.0, "{:.5g}")
    return [
        name.removesuffix("_ns"),
        *(digits.format(value * scale) for value in (each.first, each.second)),
        _change(each),
    ]


def _change(each: Difference) -> str:
    """Return a change in words: no difference is said plainly, and so is an interval that does not say."""
    from fencepost.bench.statistics.change import in_words

    if each.change is None:
        return "not in every pair"
    return in_words(each.change, each.low, each.high)


def _json(each: Difference) -> dict[str, Any]:
    return {
        "metric": each.metric, "unit": each.unit, "value": each.change, "low": each.low, "high": each.high,
        "first": each.first, "second": each.second, "differs": each.differs, "n": each.n,
    }  # fmt: skip
