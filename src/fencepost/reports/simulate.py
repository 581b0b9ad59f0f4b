"""What `simulate` found: figures with their intervals, verdicts with what they cannot show, files and plots."""

from __future__ import annotations

import csv
import warnings
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fencepost.model.contract import Level, Verdict, worst
from fencepost.model.errors import InputError
from fencepost.model.histories import History, write_history
from fencepost.model.report import Finding, Report, frame_of, json_text, table
from fencepost.model.simulation.intervals import Figure, rounded
from fencepost.model.simulation.records import Tally
from fencepost.model.simulation.scenario import Scenario, described
from fencepost.model.simulation.soundness import Unsound, unsound
from fencepost.model.writing import NotWritten, kept, store

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

SPREADS = {
    "order": "latency_order", "ack": "latency_ack", "deliver": "latency_deliver", "hold (parked)": "hold",
    "staleness": "staleness", "lock held": "lock_held", "lock wait": "lock_wait", "counter wait": "counter_wait",
    "client word wait": "client_word_wait",
}  # fmt: skip
COLUMNS = ("mean", "p50", "p90", "p99", "p999")
INTERVAL = ("metric", "unit", "value", "low", "high", "n")
LAYERS = {"run": "checked inside the run", "history": "the history of the run"}


@dataclass(frozen=True)
class Detail:
    """More of one replication than its figures: what plots and files are made of."""

    history: History
    latencies_ns: dict[str, array[int]]  # order, ack, deliver: ascending
    occupancy: list[Tally]  # of each ring: slots in use, after each change
    trace: str | None


def nothing() -> Detail:
    """Return the detail of a simulation of which nothing is over."""
    return Detail(History.from_rows([]), {}, [], None)


@dataclass(frozen=True)
class Judged:
    """One property over all runs; `layer` says which looked: the run itself, or the history checker.

    Where the layer cannot judge the property there is no verdict, and `unjudged` is the reason.
    """

    property: str
    layer: str
    verdict: Verdict | None
    bound: str
    sentence: str = ""
    unjudged: str = ""


@dataclass(frozen=True, repr=False)
class Simulation(Report):
    """A simulated scenario: figures with their intervals, verdicts, and on request load sweep and ties.

    >>> simulation = fencepost.simulate(fencepost.parse_scenario('duration = "1 ms"'), seed=1)
    >>> simulation["latency_ack_p99_ns"].unit, simulation.metrics.columns[0]  # all figures as a frame
    ('ns', 'metric')
    >>> figure = simulation.plot("latency")  # of matplotlib
    """

    scenario: Scenario = Scenario()
    level: Level = 4
    figures: tuple[Figure, ...] = ()
    judged: tuple[Judged, ...] = ()
    detail: Detail = field(default_factory=nothing)  # of the first replication; empty where that is not over
    by_load: tuple[tuple[float, dict[str, float]], ...] = ()
    depends_on_ties: tuple[tuple[str, float, float], ...] = ()  # metric, by the rule, in a drawn order
    has_ties: bool = False  # whether it was run with ties in a drawn order
    measured_costs: dict[str, str] = field(default_factory=dict)
    operation_count: int = 0
    files: tuple[Path, ...] = ()  # that were written

    @property
    def verdict(self) -> Verdict:
        """The verdict that decides for all properties; of a scenario that is refuted elsewhere, never a pass."""
        return worst([super().verdict, Verdict.UNKNOWN]) if self.unsound else super().verdict

    @property
    def unsound(self) -> tuple[Unsound, ...]:
        """What of the scenario is refuted elsewhere: no figure of it is one of a correct system."""
        return unsound(self.scenario)

    def __getitem__(self, metric: str) -> Figure:
        """Return the figure of a metric; KeyError: nothing happened that it could measure."""
        return {figure.metric: figure for figure in self.figures}[metric]

    @property
    def metrics(self) -> Any:
        """The figures as a frame, a row each: metric, unit, value, low and high (95 %), n, and what was simulated.

        Raises InputError where neither polars nor pandas is installed.
        """
        rows = [{**interval_of(figure), **self.labels()} for figure in self.figures]
        names = (*INTERVAL, *self.labels())
        return frame_of({name: [row[name] for row in rows] for name in names})

    def plot(self, kind: str = "latency") -> Drawing:
        """Return a matplotlib figure: `latency`, `occupancy`, or `load` where the loads were run.

        Raises InputError for another kind, and for a load sweep that was not asked for.
        """
        from fencepost.simulating.plots import plot

        return plot(self, kind)

    def labels(self) -> dict[str, Any]:
        """Return what was simulated, as it stands beside every figure."""
        scenario = self.scenario
        return {
            "scenario": scenario.name,
            "level": self.level,
            "sequencer": scenario.sequencer,
            "policy": scenario.policy,
            "granularity": scenario.granularity,
            "unsound": "; ".join(map(str, self.unsound)) or None,
        }

    def more(self) -> dict[str, Any]:
        labels = self.labels()
        return {
            "figures": [labels | interval_of(each) | {"samples": list(each.samples)} for each in self.figures],
            "unsound": [each._asdict() for each in self.unsound],
            "unjudged": [
                {"property": each.property, "layer": each.layer, "reason": each.unjudged}
                for each in self.judged
                if each.unjudged
            ],
            "depends_on_ties": [
                {"metric": metric, "by_rule": rule, "drawn": drawn} for metric, rule, drawn in self.depends_on_ties
            ],
        }

    def manifest(self) -> dict[str, Any]:
        """Return what was simulated, and nothing of the machine that did it: the same seed gives the same bytes."""
        from fencepost import __version__

        return {
            "fencepost": __version__,
            "scenario": described(self.scenario),
            "measured_costs": self.measured_costs,
        }

    def lines(self) -> Iterator[str]:
        """Yield the figures, what was judged and what was not."""
        scenario = self.scenario
        yield f"{scenario.name}: {scenario.sequencer}, policy {scenario.policy}, {scenario.granularity} granularity"
        yield from self._figures()
        yield ""
        yield from self._judged()
        if self.has_ties:
            yield from self._ties()
        yield from self._measured()
        yield from (f"wrote {path}" for path in self.files)

    def _figures(self) -> Iterator[str]:
        figures = {figure.metric: figure for figure in self.figures}
        refuted = ["unsound"] if self.unsound else []  # beside every figure
        rows = [
            [name, *(_microseconds(figures.get(f"{prefix}_{column}_ns")) for column in COLUMNS), *refuted]
            for name, prefix in SPREADS.items()
            if f"{prefix}_mean_ns" in figures
        ]
        columns = [""] if refuted else []
        yield from table("", ["us (95 %)", *COLUMNS[:-1], "p99.9", *columns], rows)
        others = [each for each in self.figures if not each.metric.endswith("_ns") or each.metric == "warmup_ns"]
        yield ""
        rows = [[*_cells(figure), *refuted] for figure in others]
        yield from table("", ["figure", "mean", "low", "high", "unit", *columns], rows)

    def _judged(self) -> Iterator[str]:
        """Say what is refuted elsewhere, what the runs showed, and what they cannot show."""
        for part in self.unsound:
            yield f"{part}: {part.reason}"
        for layer, what in LAYERS.items():
            judged = [each for each in self.judged if each.layer == layer]
            for each in judged:
                if each.sentence:
                    yield f"{what}: {each.property} {each.verdict} ({each.bound}): {each.sentence}"
            passed = [each.property for each in judged if each.verdict is Verdict.NOT_FOUND]
            if passed:
                yield f"{what}: {', '.join(passed)} not found ({judged[0].bound})"
            for each in judged:
                if each.unjudged:
                    yield f"{what}: {each.property} - ({each.unjudged})"

    def _measured(self) -> Iterator[str]:
        """Say which costs were measured, and which were not and are what the scenario or the default says."""
        measured = self.measured_costs
        for name, value in measured.items():
            yield f"measured: {name} = {value}"
        if measured:
            machine = self.scenario.machine
            others = [name for name in machine.__struct_fields__ if name not in measured and name != "line"]
            yield f"not measured: {', '.join(others)}"

    def _ties(self) -> Iterator[str]:
        depends = self.depends_on_ties
        yield f"ties: {len(depends)} of {len(self.figures)} figures change when ties are broken otherwise"
        for metric, rule, drawn in depends:
            yield f"    {metric}: {rule:.9g} by the rule, {drawn:.9g} in a drawn order"

    def decisive(self) -> str | None:
        """Return what is violated, else what is unknown, else what an unsound part leaves open."""
        unknown = [each.property for each in self.findings if each.verdict is Verdict.UNKNOWN]
        unknown += [each.property for each in self.judged if each.unjudged and self.unsound]
        return super().decisive() or next(iter(unknown), None)

    def summed(self) -> dict[str, object]:
        return {"scenario": self.scenario.name, "sequencer": self.scenario.sequencer}

    def __repr__(self) -> str:
        scenario = self.scenario
        return f"<Simulation of {scenario.name}, {scenario.sequencer}: {self.verdict}, {len(self.figures)} figures>"


def findings_of(scenario: Scenario, judged: tuple[Judged, ...]) -> tuple[Finding, ...]:
    """Return what was judged as findings; what cannot be judged is none, and said apart."""
    return tuple(
        Finding(
            scenario.sequencer, each.property, "simulation", each.verdict, each.bound,
            explanation=each.sentence, details={"layer": each.layer},
        )
        for each in judged
        if each.verdict is not None
    )  # fmt: skip


def interval_of(figure: Figure) -> dict[str, Any]:
    """Return a figure by the names of its columns."""
    return {name: getattr(figure, name) for name in INTERVAL}


def write_files(simulation: Simulation, out: Path) -> tuple[Path, ...]:
    """Write figures, the history of the first run, plots and, if there is one, the trace; return the files."""
    texts = {"results.json": json_text(simulation.to_dict()) + "\n"}
    refuted = {"unsound": "; ".join(map(str, simulation.unsound))} if simulation.unsound else {}
    if simulation.figures:
        texts["results.csv"] = _table([interval_of(figure) | refuted for figure in simulation.figures])
    if simulation.by_load:
        rows = [
            {"load": load, "metric": metric, "value": rounded(value)} | refuted
            for load, figures in simulation.by_load
            for metric, value in figures.items()
        ]
        texts["load.csv"] = _table(rows)
    detail = simulation.detail
    if detail.trace is not None:
        texts["trace.json"] = detail.trace
    written = [kept(out / name, partial(store, data=text)) for name, text in texts.items()]
    if len(detail.history):  # the first replication is over: there is something to draw
        written.append(kept(out / "history.csv", lambda path: write_history(path, detail.history)))
        written += _plots(simulation, out)
    return tuple(path for path in written if path is not None)


def _plots(simulation: Simulation, out: Path) -> list[Path]:
    """Draw, where matplotlib is there; without it the figures are written all the same, and a warning says so."""
    from fencepost.simulating.plots import write_plots

    try:
        return write_plots(simulation, out)
    except InputError as error:
        warnings.warn(NotWritten(str(error)), stacklevel=2)
        return []


def _table(rows: list[dict[str, Any]]) -> str:
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


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
