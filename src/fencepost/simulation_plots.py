"""Plots of a simulated scenario: the same simulation gives the same bytes.

For that, nothing is drawn that depends on the moment or the machine: no date, no version, a fixed salt for the ids of
an SVG, and its text as text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.writing import kept, store
from fencepost.reports.simulate import Simulation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SETTINGS: Any = {"svg.hashsalt": "fencepost", "svg.fonttype": "none", "font.size": 9.0, "figure.dpi": 120}
METADATA: dict[str, dict[str, Any]] = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}
POINTS = 500  # of a curve: more cannot be seen


def write_plots(simulation: Simulation, folder: Path) -> list[Path]:
    """Write each plot as SVG and PNG; return the files. Throughput against load is drawn if the loads were run.

    Raises InputError where matplotlib, the extra `plots`, is not installed.
    """
    written = []
    for name in DRAWINGS:
        if name == "load" and not simulation.by_load:
            continue
        with _drawn(simulation, name) as figure:
            for kind, metadata in METADATA.items():
                drawn = BytesIO()
                figure.savefig(drawn, format=kind, metadata=metadata)
                written.append(kept(folder / f"{name}.{kind}", partial(store, data=drawn.getvalue())))
    return [path for path in written if path is not None]


def plot(simulation: Simulation, kind: str) -> Figure:
    """Return one of the plots. InputError: it is none of them, or the loads were not run."""
    if kind not in DRAWINGS:
        raise unknown_choice("plot", kind, DRAWINGS)
    if kind == "load" and not simulation.by_load:
        raise InputError("plot 'load': the loads were not run; simulate(..., with_loads=True) runs them")
    with _drawn(simulation, kind) as figure:
        return figure


@contextmanager
def _drawn(simulation: Simulation, name: str) -> Iterator[Figure]:
    title = "\n".join([f"{simulation.scenario.name}: {simulation.scenario.sequencer}", *map(str, simulation.unsound)])
    with _axes(title, color="tab:red" if simulation.unsound else "black") as (figure, axes):
        DRAWINGS[name](axes, simulation)
        yield figure


@contextmanager
def _axes(title: str, *, color: str) -> Iterator[tuple[Any, Axes]]:
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("plots need matplotlib, which is not installed: pip install 'fencepost[plots]'") from None

    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(title, fontsize=10, color=color)
        axes.grid(visible=True, linewidth=0.3)
        yield figure, axes


def _latency(axes: Axes, simulation: Simulation) -> None:
    """The share of batches that took longer, both axes logarithmic."""
    for name, values in simulation.detail.latencies_ns.items():
        n = len(values)
        if n < 2:
            continue
        ranks = sorted({n - max(1, round(n ** (1 - k / POINTS))) for k in range(POINTS + 1)} | {0})
        axes.step([values[rank] / 1000 for rank in ranks], [(n - rank) / n for rank in ranks], where="post", label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("latency, us")
    axes.set_ylabel("share of batches that took at least as long")
    if axes.get_legend_handles_labels()[0]:
        axes.legend()


def _occupancy(axes: Axes, simulation: Simulation) -> None:
    """Slots in use over time, the most in each of many intervals."""
    for number, series in enumerate(simulation.detail.occupancy):
        if not series:
            continue
        width_ns = max(1, series[-1][0] // POINTS)
        most: dict[int, int] = {}
        for at_ns, used in series:
            most[at_ns // width_ns] = max(used, most.get(at_ns // width_ns, 0))
        times = [index * width_ns / 1e6 for index in sorted(most)]
        axes.step(times, [most[index] for index in sorted(most)], where="post", linewidth=0.8, label=f"ring {number}")
    axes.set_xlabel("time, ms")
    axes.set_ylabel("slots in use")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7)


def _load(axes: Axes, simulation: Simulation) -> None:
    """What was ordered against what was offered, and the 99th percentile of the acks' latency beside it."""
    runs = [figures for _, figures in simulation.by_load]
    loads = [load for load, _ in simulation.by_load]
    axes.plot(loads, [run["offered_batches_per_s"] for run in runs], "--", linewidth=0.8, label="offered")
    axes.plot(loads, [run["throughput_batches_per_s"] for run in runs], "o-", label="ordered")
    axes.set_xlabel("load, as a multiple of the scenario's")
    axes.set_ylabel("batches/s")
    axes.set_ylim(bottom=0)
    beside = axes.twinx()
    known = [(load, run["latency_ack_p99_ns"]) for load, run in simulation.by_load if "latency_ack_p99_ns" in run]
    beside.plot([load for load, _ in known], [ns / 1000 for _, ns in known], "s:", color="tab:red", label="ack p99")
    beside.set_ylabel("latency of acks, p99, us")
    beside.set_yscale("log")
    axes.legend(loc="upper left")
    beside.legend(loc="lower right")


DRAWINGS: dict[str, Callable[[Axes, Simulation], None]] = {"latency": _latency, "occupancy": _occupancy, "load": _load}
