"""What one trial does: an engine's own verb with the parameters of the trial, and the figures that it reports.

Times are in the unit of their name. Simulated ones are in microseconds: `latency_p99_us` is of a batch from being due
to being delivered; `latency_order_p99_us` and `latency_ack_p99_us` as `fencepost simulate` has them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from fencepost.experiments.trials import Trial
from fencepost.model.contract import Level
from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.report import Finding, Report
from fencepost.model.simulation.intervals import rounded
from fencepost.model.simulation.scenario import Scenario, checked

Status = Literal["done", "signal", "timeout", "oom", "error"]
STATUSES: tuple[Status, ...] = ("done", "signal", "timeout", "oom", "error")
QUANTILE_COUNT = 101  # 0 to 100 %
Figures = dict[str, float | int | list[float] | None]

_OF_BATCH = {  # parameter of a trial -> key of the section `clients` of a scenario
    "clients": "count", "loop": "loop", "messages_per_batch": "messages_per_batch", "burst_batches": "burst_batches",
}  # fmt: skip


class Outcome(Struct, frozen=True):
    """What came of a trial. Figures are there where it is done; the verdict is the engine's own, in its words."""

    status: Status
    figures: Figures = {}
    verdict: str | None = None
    explanation: str = ""
    trace: str | None = None
    seconds: float = 0.0


def run_trial(trial: Trial, folder: str | None = None) -> Outcome:
    """Run a trial here and now, without limits. Raises InputError for parameters that its engine does not take.

    `folder` is where the traces of violations are written; None: nowhere.
    """
    began = time.perf_counter()
    out = None if folder is None else Path(folder) / trial.key
    figures, report = _RUN[trial.engine](trial.parameters, trial.seed, out)
    trace = next((each.trace for each in report.violations() if isinstance(each.trace, Path)), None)
    return Outcome(
        "done", figures, str(report.verdict), _why(report), None if trace is None else str(trace),
        time.perf_counter() - began,
    )  # fmt: skip


def check_parameters(engine: str, parameters: Mapping[str, Any]) -> None:
    """Raise InputError for parameters that an engine does not take together."""
    _CHECK[engine](parameters)


def quantiles(ordered: Sequence[int], scale: float) -> list[float]:
    """Return the nearest-rank quantiles of ascending values at 0, 1, ... 100 %, each divided by `scale`."""
    last = len(ordered) - 1
    return [
        rounded(ordered[max(0, -(-len(ordered) * percent // (QUANTILE_COUNT - 1)) - 1) if percent else 0] / scale)
        for percent in range(QUANTILE_COUNT)
        if last >= 0
    ]


def _why(report: Report) -> str:
    """Return why a report passes not: its first violation, else its first unknown; one line."""
    from fencepost.model.contract import Verdict

    found: list[Finding] = report.violations() or [each for each in report.findings if each.verdict is Verdict.UNKNOWN]
    if not found:
        return ""
    first = next(iter(found[0].explanation.strip().splitlines()), "")
    return f"{found[0].property}: {first}" if first else found[0].property


def scenario_of(parameters: Mapping[str, Any]) -> Scenario:
    """Return the scenario that a trial simulates. Raises InputError for one that cannot be."""
    scenario = Scenario(name="trial", replications=1)
    if table := parameters.get("scenario"):
        scenario = scenario.with_(**{**table, "replications": 1})
    clients = {key: parameters[name] for name, key in _OF_BATCH.items() if name in parameters}
    if "rate_batches_per_s" in parameters:
        clients["rate"] = f"{parameters['rate_batches_per_s']:.6f} batches/s"
    if "message_bytes" in parameters:
        clients["message_bytes"] = f"{parameters['message_bytes']} B"
    if clients:
        scenario = scenario.with_(clients=clients)
    if "window_batches" in parameters:
        batch_bytes = scenario.clients.messages_per_batch * scenario.clients.message_bytes
        scenario = scenario.with_(window=f"{parameters['window_batches'] * batch_bytes} B")
    changes: dict[str, Any] = {
        "network": _network(parameters, scenario),
        "brokers": _some(parameters, brokers="count", ring_slots="ring_slots", hosts="hosts"),
        "ordering": _some(parameters, group="group", message_headers="message_headers"),
    }
    if "epoch_us" in parameters:
        changes["ordering"]["epoch"] = _ns(parameters["epoch_us"], 1e3)
    if "duration_ms" in parameters:
        changes["duration"] = _ns(parameters["duration_ms"], 1e6)
    if "warmup_ms" in parameters:
        changes["warmup"] = _ns(parameters["warmup_ms"], 1e6)
    if parameters.get("fault", "none") != "none":
        changes["faults"] = [_fault(parameters)]
    # A policy may need hosts that share a cache: both are set at once.
    changes |= {name: parameters[name] for name in ("policy", "granularity", "sequencer") if name in parameters}
    return scenario.with_(**{name: each for name, each in changes.items() if each})


def _network(parameters: Mapping[str, Any], scenario: Scenario) -> dict[str, Any]:
    changes = _some(parameters, in_order="in_order", loss="loss")
    if "delay_us" in parameters or "reorder_us" in parameters:
        usual = scenario.network.delay
        least = parameters.get("delay_us", float(usual.at_least or usual.mean) / 1e3)
        drawn = parameters.get("reorder_us", (usual.mean_ns - float(usual.at_least)) / 1e3 if usual.at_least else 0.0)
        delay: Any = _ns(least, 1e3)
        if drawn:
            delay = {"kind": "exponential", "at_least": delay, "mean": _ns(least + drawn, 1e3)}
        changes["delay"] = delay
    return changes


def _fault(parameters: Mapping[str, Any]) -> dict[str, Any]:
    lasts = {"lasts": _ns(parameters["fault_lasts_ms"], 1e6)} if "fault_lasts_ms" in parameters else {}
    return {"kind": parameters["fault"], "at": _ns(parameters.get("fault_at_ms", 0.0), 1e6), **lasts}


def _some(parameters: Mapping[str, Any], **keys: str) -> dict[str, Any]:
    return {key: parameters[name] for name, key in keys.items() if name in parameters}


def _ns(value: float, scale: float) -> str:
    return f"{round(value * scale)} ns"


def _check_simulation(parameters: Mapping[str, Any]) -> None:
    from fencepost.simulating.run import settled

    settled(scenario_of(parameters), _level(parameters), parameters.get("sequencer"), None, None)


def _level(parameters: Mapping[str, Any]) -> Level | None:
    level: Level | None = parameters.get("level")
    return level


def _simulate(parameters: Mapping[str, Any], seed: int, out: Path | None) -> tuple[Figures, Report]:
    from fencepost.simulating.run import simulate

    scenario = checked(scenario_of(parameters))
    found = simulate(scenario, level=_level(parameters), sequencer=parameters.get("sequencer"), seed=seed)
    figures: Figures = {}
    for each in found.figures:
        name, value = _renamed(each.metric, each.value)
        figures[name] = int(value) if name.endswith("_count") else value
    by_metric = {each.metric: each.value for each in found.figures}
    contended = [by_metric.get(f"{name}_contended_per_s", 0.0) for name in ("lock", "client_word")]
    figures["contended_per_s"] = rounded(sum(contended))
    figures["duration_us"] = scenario.duration / 1e3
    figures["latency_quantiles_us"] = quantiles(found.detail.latencies_ns.get("deliver", ()), 1e3)
    return figures, found


def _renamed(metric: str, value: float) -> tuple[str, float]:
    """Return a simulated metric by its name in microseconds: the delivery's latency and means of stages are short."""
    name = metric.replace("latency_deliver_", "latency_")
    if name.startswith("stage_"):
        name = name.replace("_mean_ns", "_ns")
    return (f"{name[:-3]}_us", rounded(value / 1e3)) if name.endswith("_ns") else (name, value)


def _check_explorer(parameters: Mapping[str, Any]) -> None:
    from fencepost.exploring.run import subjects

    if "sequencer" not in parameters:
        raise InputError("sequencer: expected the name of a sequencer or a bug, got none")
    subjects(
        parameters["sequencer"], profile=parameters.get("profile"), scenario=parameters.get("scenario"),
        property=parameters.get("property"), engine=parameters.get("search", "explorer"),
    )  # fmt: skip


def _explore(parameters: Mapping[str, Any], seed: int, out: Path | None) -> tuple[Figures, Report]:
    from fencepost.exploring.run import explore

    given = {name: each for name, each in parameters.items() if name not in ("sequencer", "search")}
    engine = parameters.get("search", "explorer")
    # The trial has its own limit of time: one of the search would make what is visited depend on the machine.
    found = explore(parameters["sequencer"], engine=engine, seed=seed, timeout=1e6, **given)
    if out is not None and found.violations():
        found = explore(parameters["sequencer"], engine=engine, seed=seed, timeout=1e6, out=out, **given)
    counts = [each.counts for each in found.explored]
    return {
        "runs_count": sum(each.complete for each in counts),
        "blocked_count": sum(each.blocked for each in counts),
    }, found


def _check_compare(parameters: Mapping[str, Any]) -> None:
    from fencepost.comparing.run import POLICIES
    from fencepost.native import SEQUENCERS
    from fencepost.native.schedules.pipeline import STEPPED_NAMES

    known = sorted({*STEPPED_NAMES, *SEQUENCERS})
    if parameters.get("sequencer") not in known:
        raise unknown_choice("sequencer", parameters.get("sequencer"), known)
    if parameters.get("policy") not in (None, *POLICIES):
        raise unknown_choice("policy", parameters["policy"], POLICIES)


def _compare(parameters: Mapping[str, Any], seed: int, out: Path | None) -> tuple[Figures, Report]:
    from fencepost.comparing.run import compare

    given = {name: each for name, each in parameters.items() if name != "sequencer"}
    found = compare(parameters["sequencer"], seed=seed % 2**32, out=out, **given)
    return {"examples_count": sum(row.examples for row in found.rows)}, found


def _check_native(parameters: Mapping[str, Any]) -> None:
    from fencepost.experiments.native_engine import check_native

    check_native(parameters)


def _native(parameters: Mapping[str, Any], seed: int, out: Path | None) -> tuple[Figures, Report]:
    from fencepost.experiments.native_engine import measured

    return measured(parameters, seed)


_CHECK = {
    "simulation": _check_simulation, "native": _check_native, "explorer": _check_explorer, "compare": _check_compare,
}  # fmt: skip
_RUN = {"simulation": _simulate, "native": _native, "explorer": _explore, "compare": _compare}
