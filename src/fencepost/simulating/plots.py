"""Plots of a simulated scenario: the same simulation gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fencepost.experiments.figures.style import (
    COLOURS,
    FAINT,
    HEIGHT_INCHES,
    LINES,
    MARKERS,
    WIDTH_INCHES,
    caption_below,
    drawing,
    encoded,
    legend_above,
    logarithmic,
    numbered,
    title_above,
)
from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.simulation.scenario import Fault
from fencepost.model.writing import kept, store
from fencepost.reports.simulate import Simulation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = ("svg", "png")
POINTS = 500  # of a curve: more cannot be seen
INTERVALS = 150  # of time, in which an occupancy is one number
RINGS_MAX = 8
STRIP_INCHES = 0.75  # of one ring
Series = Sequence[tuple[int, int]]  # (time in ns, slots in use)


def write_plots(simulation: Simulation, folder: Path) -> list[Path]:
    """Write each plot as SVG and PNG; return the files. Throughput against load is drawn if the loads were run.

    Raises InputError where matplotlib, the extra `plots`, is not installed.
    """
    written = []
    for name in DRAWINGS:
        if name == "load" and not simulation.by_load:
            continue
        with _drawn(simulation, name) as figure:
            for kind in KINDS:
                data = encoded(figure, kind)
                written.append(kept(folder / f"{name}.{kind}", partial(store, data=data)))
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
    strips = len(_fullest(simulation)) if name == "occupancy" else 0
    height = max(HEIGHT_INCHES, 1.3 + STRIP_INCHES * strips)
    with drawing((WIDTH_INCHES, height)) as figure:
        DRAWINGS[name](figure, simulation)
        title_above(figure, title, "tab:red" if simulation.unsound else "black")
        yield figure


def _latency(figure: Figure, simulation: Simulation) -> None:
    """The share of batches that took longer, both axes logarithmic."""
    axes = figure.add_subplot()
    handles = {}
    for color, style, (name, values) in zip(COLOURS, LINES, simulation.detail.latencies_ns.items(), strict=False):
        n = len(values)
        if n < 2:
            continue
        ranks = sorted({n - max(1, round(n ** (1 - k / POINTS))) for k in range(POINTS + 1)} | {0})
        times, shares = [values[rank] / 1000 for rank in ranks], [(n - rank) / n for rank in ranks]
        (handles[name],) = axes.step(times, shares, where="post", color=color, linestyle=style)
    axes.set_yscale("log")
    numbered(axes, "y")
    logarithmic(axes, "x")
    axes.set_xlabel("latency, µs")
    axes.set_ylabel("share of batches ≥ this latency")
    legend_above(figure, list(handles.values()), list(handles))
    _say_what(figure, simulation, f"{max(map(len, simulation.detail.latencies_ns.values()), default=0)} batches")


def _fullest(simulation: Simulation) -> list[int]:
    """Return the rings that are drawn: all, or of many those that were fullest."""
    rings = [index for index, series in enumerate(simulation.detail.occupancy) if series.values]
    by_use = sorted(rings, key=lambda index: -max(simulation.detail.occupancy[index].values))
    return sorted(by_use[:RINGS_MAX])


def _occupancy(figure: Figure, simulation: Simulation) -> None:
    """Slots in use over time, a strip a ring: the mean of each of many intervals filled, the most as a line."""
    shown, occupancy = _fullest(simulation), simulation.detail.occupancy
    end_ns = max((series.at_ns[-1] for series in occupancy if series.values), default=0)
    width_ns = max(1, -(-end_ns // INTERVALS))
    all_axes = figure.subplots(max(1, len(shown)), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, ring in zip(all_axes, shown, strict=False):
        series = list(zip(occupancy[ring].at_ns, occupancy[ring].values, strict=True))
        mean, most = in_intervals(series, width_ns, end_ns)
        edges = [index * width_ns / 1e6 for index in range(len(most) + 1)]
        axes.stairs(mean, edges, fill=True, color=COLOURS[0], alpha=0.55)
        axes.stairs(most, edges, color=COLOURS[1], linewidth=0.8)
        axes.set_ylabel(f"ring {ring}", rotation=0, ha="right", va="center")
        axes.yaxis.get_major_locator().set_params(integer=True, nbins=3)
        _mark(axes, simulation, end_ns)
    all_axes[-1].set_xlabel("time, ms")
    all_axes[0].set_xlim(0, max(end_ns, 1) / 1e6)
    all_axes[0].set_ylim(bottom=0)
    _occupancy_legend(figure, simulation)
    rings = "" if len(shown) == len(occupancy) else f", the {len(shown)} fullest of {len(occupancy)} rings"
    _say_what(figure, simulation, f"slots in use, in intervals of {width_ns / 1000:.3g} µs{rings}")


def in_intervals(series: Series, width_ns: int, end_ns: int) -> tuple[list[float], list[int]]:
    """Return the mean over time and the most of each interval, of values that hold from their time on; 0 before."""
    count = max(1, -(-end_ns // width_ns))
    sums, most = [0] * count, [0] * count
    ends = [*(at_ns for at_ns, _ in series[1:]), end_ns]
    for (begin_ns, used), until_ns in zip(series, ends, strict=True):
        for index in range(begin_ns // width_ns, min(count, -(-max(until_ns, begin_ns + 1) // width_ns))):
            low_ns, high_ns = max(begin_ns, index * width_ns), min(until_ns, (index + 1) * width_ns)
            sums[index] += used * max(0, high_ns - low_ns)
            most[index] = max(most[index], used)
    return [total / width_ns for total in sums], most


def _mark(axes: Axes, simulation: Simulation, end_ns: int) -> None:
    """Shade the warm-up, and mark when something fails."""
    warmup_ns = _warmup_ns(simulation)
    if warmup_ns:
        axes.axvspan(0, warmup_ns / 1e6, color=FAINT, alpha=0.18, linewidth=0)
    for fault in simulation.scenario.faults:
        axes.axvline(fault.at / 1e6, color=COLOURS[6], linewidth=1.0, linestyle=":")
        if fault.lasts and not fault.every:
            axes.axvspan(fault.at / 1e6, (fault.at + fault.lasts) / 1e6, color=COLOURS[4], alpha=0.25, linewidth=0)


def _warmup_ns(simulation: Simulation) -> float:
    """Return the warm-up of the replication that is drawn."""
    found = next((each for each in simulation.figures if each.metric == "warmup_ns"), None)
    return found.samples[0] if found is not None and found.samples else 0.0


def _occupancy_legend(figure: Figure, simulation: Simulation) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = {
        "mean": Patch(color=COLOURS[0], alpha=0.55), "most": Line2D([], [], color=COLOURS[1], linewidth=1.2),
    }  # fmt: skip
    if _warmup_ns(simulation):
        handles["warm-up"] = Patch(color=FAINT, alpha=0.18)
    if simulation.scenario.faults:
        handles["faults"] = Line2D([], [], color=COLOURS[6], linewidth=1.0, linestyle=":")
    legend_above(figure, list(handles.values()), list(handles))


def _say_what(figure: Figure, simulation: Simulation, what: str) -> None:
    """Say below what one replication shows, and when something fails in it."""
    faults = ", ".join(map(_format_fault, simulation.scenario.faults))
    warmup_ns = _warmup_ns(simulation)
    warmup = f"; warm-up of {warmup_ns / 1e6:.3g} ms" if warmup_ns else ""
    caption_below(figure, f"n = 1 replication, the first: {what}{warmup}.{f' Faults: {faults}.' if faults else ''}")


def _format_fault(fault: Fault) -> str:
    again = f", every {fault.every / 1e6:g} ms" if fault.every else ""
    return f"{fault.kind.replace('_', ' ')} at {fault.at / 1e6:g} ms{again}"


def _load(figure: Figure, simulation: Simulation) -> None:
    """What was ordered against what was offered, and below it the 99th percentile of the acks' latency."""
    upper, lower = figure.subplots(2, 1, sharex=True)
    runs, loads = [figures for _, figures in simulation.by_load], [load for load, _ in simulation.by_load]
    (offered,) = upper.plot(loads, [run["offered_batches_per_s"] for run in runs], LINES[1], color=FAINT)
    (ordered,) = upper.plot(
        loads, [run["throughput_batches_per_s"] for run in runs], color=COLOURS[0], marker=MARKERS[0]
    )
    upper.set_ylabel("batches/s")
    upper.set_ylim(bottom=0)
    numbered(upper, "y")
    known = [
        (load, run["latency_ack_p99_ns"] / 1000) for load, run in simulation.by_load if "latency_ack_p99_ns" in run
    ]
    (late,) = lower.plot(*zip(*known, strict=True), color=COLOURS[1], marker=MARKERS[1]) if known else (None,)
    lower.set_ylabel("ack p99, µs")
    if known:
        logarithmic(lower, "y")
    lower.set_xlabel("load, as a multiple of the scenario's")
    handles = {"offered": offered, "ordered": ordered} | ({"ack p99": late} if late is not None else {})
    legend_above(figure, list(handles.values()), list(handles))
    caption_below(figure, "n = 1 run a load, so without intervals.")


DRAWINGS: dict[str, Callable[[Figure, Simulation], None]] = {
    "latency": _latency, "occupancy": _occupancy, "load": _load,
}  # fmt: skip
