"""Simulating a scenario: replications, their intervals, what the contract says of them, and load sweeps."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from math import ceil
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec

from fencepost.arguments import check_arguments, path_of
from fencepost.model.contract import Level, Verdict
from fencepost.model.errors import InputError, Interrupted, unknown_choice
from fencepost.model.histories import verify
from fencepost.model.language import Protocol
from fencepost.model.processes import Ended, in_order
from fencepost.model.report import Progress
from fencepost.model.simulation.batches.pipeline import Progress as Advance
from fencepost.model.simulation.batches.pipeline import history_of_run, simulate_once
from fencepost.model.simulation.intervals import figures_of
from fencepost.model.simulation.machine_costs import calibrated
from fencepost.model.simulation.measures import latencies, measure
from fencepost.model.simulation.operations.run import simulate_operations_once
from fencepost.model.simulation.scenario import Granularity, Policy, Scenario, checked, read_scenario
from fencepost.model.simulation.soundness import unjudged
from fencepost.model.specs import PROTOCOLS, protocol
from fencepost.reports.simulate import Detail, Judged, Simulation, findings_of, nothing, write_files
from fencepost.targets import name_of, one_of

DEFAULTS: dict[Level, str] = {4: "order4.claim", 5: "order5.fetch_add"}
"""The sequencer of a level where none is named."""


class Told(NamedTuple):
    """How far a simulation is: which run, its simulated time, and the share of all runs that is done."""

    run: int
    runs: int
    now_ns: int
    end_ns: int
    batches: int  # of this run so far
    share: float


Tell = Callable[[Told], None]
INTERRUPTED = "interrupted"
TOLD_SECONDS = 1.0
Target: TypeAlias = Scenario | str | Path | type[Protocol]
EXPECTED = "a scenario, its TOML file, or a sequencer's name"


@dataclass(frozen=True)
class Task:
    """One replication to run, in this process or another."""

    scenario: Scenario
    level: Level
    seed: int
    replication: int = 0
    load: float = 1.0
    is_of_load: bool = False  # of the sweep
    shuffled: bool = False
    traced: bool = False
    detailed: bool = False


@dataclass(frozen=True)
class Replication:
    """What one replication left behind."""

    figures: dict[str, float]
    ordered: int  # batches
    inside: dict[str, str]  # each property that was checked inside the run: "" or how it was violated
    in_history: dict[str, str]  # each that its history shows
    unfinished: str = ""  # why it is open whether the run drains, where it is
    operation_count: int = 0
    detail: Detail | None = None


def simulate(
    target: Target | None = None,
    *,
    level: Level | None = None,
    sequencer: str | None = None,
    policy: Policy | None = None,
    granularity: Granularity | None = None,
    calibrate: str | Path | None = None,
    seed: int = 0,
    jobs: int = 1,
    shuffle_ties: bool = False,
    traced: bool = False,
    with_loads: bool = False,
    out: str | Path | None = None,
    on_progress: Progress | None = None,
) -> Simulation:
    """Simulate a scenario, a TOML file, or a sequencer in the default scenario; other arguments replace what it says.

    >>> simulation = fencepost.simulate(fencepost.parse_scenario('duration = "1 ms"'), seed=1)
    >>> simulation["latency_ack_p99_ns"].value > 10_000  # ns; .low and .high are its 95 % interval
    True

    `with_loads` also runs it at each of its load factors; `shuffle_ties` runs it again with the events of one
    nanosecond in a drawn order. The same scenario and seed give the same result, whatever `jobs` is. Nothing is
    written without `out`, a folder for figures, history, plots and, if `traced`, what threads did; it runs the loads.
    Raises InputError for what cannot be simulated, and Interrupted with what the replications show that were over. A
    replication whose process was ended from outside is left out, and makes the verdict unknown.
    """
    check_arguments(seed=seed, jobs=jobs)
    out, calibrate = path_of("out", out), path_of("calibrate", calibrate)
    asked, named = _asked(target)
    scenario, level = settled(asked, level, sequencer or named, policy, granularity)
    costs: dict[str, str] = {}
    if calibrate is not None:
        machine, costs = calibrated(scenario.machine, calibrate)
        scenario = msgspec.structs.replace(scenario, machine=machine)
    tasks = _tasks(scenario, level, seed, shuffle_ties=shuffle_ties, traced=traced, with_loads=with_loads or bool(out))
    done: list[Replication | Ended] = []
    try:
        with closing(_run(tasks, jobs, _teller(on_progress))) as runs:
            for each in runs:
                done.append(each)  # one by one: an interrupt may come between two
    except KeyboardInterrupt:
        raise Interrupted(_written(_simulated(tasks, done, shuffle_ties, costs, INTERRUPTED), out)) from None
    return _written(_simulated(tasks, done, shuffle_ties, costs), out)


def _asked(target: Target | None) -> tuple[Scenario, str | None]:
    """Return the scenario that a target stands for, and the sequencer where it is a name."""
    if target is None:
        return Scenario(), None
    one = one_of(target, EXPECTED)
    if isinstance(one, Scenario):
        return one, None
    if isinstance(one, type) and issubclass(one, Protocol):
        return Scenario(), one.name
    name = name_of(one, EXPECTED)
    if isinstance(one, Path) or name.endswith(".toml") or Path(name).exists():
        return read_scenario(Path(name)), None
    if name not in PROTOCOLS:
        raise InputError(f"{unknown_choice('sequencer', name, PROTOCOLS)}; or a scenario's file, or a Scenario")
    return Scenario(), name


def scenario_of(target: Target | None) -> Scenario:
    """Return the scenario that a target stands for. Raises InputError where there is none."""
    scenario, name = _asked(target)
    return scenario if name is None else msgspec.structs.replace(scenario, sequencer=name)


def _tasks(
    scenario: Scenario, level: Level, seed: int, *, shuffle_ties: bool, traced: bool, with_loads: bool
) -> list[Task]:
    """Return the replications: as they are, with ties in a drawn order, and at each load."""
    numbers = range(scenario.replications)
    tasks = [
        Task(scenario, level, seed, number, traced=traced and number == 0, detailed=number == 0) for number in numbers
    ]
    if shuffle_ties:
        tasks += [Task(scenario, level, seed, number, shuffled=True) for number in numbers]
    if with_loads and not scenario.clients.workload:
        tasks += [Task(loaded(scenario, load), level, seed, load=load, is_of_load=True) for load in scenario.loads]
    return tasks


def _written(simulation: Simulation, out: Path | None) -> Simulation:
    """Write the files of a simulation to a folder, if there is one; return the simulation that knows them."""
    return simulation if out is None else replace(simulation, files=write_files(simulation, out))


def _teller(on_progress: Progress | None) -> Tell:
    """Return what says, at most once a second, how much is simulated, how fast, and how long it may still take."""
    began = last = time.monotonic()

    def tell(told: Told) -> None:
        nonlocal last
        now = time.monotonic()
        if on_progress is None or now - last < TOLD_SECONDS:
            return
        last = now
        left = (now - began) * (1 - told.share) / told.share if told.share else 0.0
        done = f"{told.now_ns / 1e6:.1f} of {told.end_ns / 1e6:.1f} ms simulated, {told.batches} batches"
        rate = told.share * told.runs * told.end_ns / 1e6 / (now - began)
        where = f"run {told.run} of {told.runs}: {done}"
        on_progress(f"{where}; {rate:.1f} ms simulated a second, about {left:.0f} s left")

    return tell


def _simulated(
    tasks: list[Task], done: list[Replication | Ended], shuffle_ties: bool, costs: dict[str, str], why: str = ""
) -> Simulation:
    """Return what the runs that are over come to; where not all of them are, the verdict is no pass."""
    scenario, level, seed = tasks[0].scenario, tasks[0].level, tasks[0].seed
    over = [(task, each) for task, each in zip(tasks, done, strict=False) if not isinstance(each, Ended)]
    lost = [each.sentence for each in done if isinstance(each, Ended)]
    plain = [each for task, each in over if not task.shuffled and not task.is_of_load]
    ties = [each for task, each in over if task.shuffled] if shuffle_ties else []
    judged = list(_judged(scenario, [task for task, _ in over], [each for _, each in over]))
    if lost or why:
        bound = f"{len(over)} of {len(tasks)} runs are over"
        judged.append(Judged("all runs", "run", Verdict.UNKNOWN, bound, why or f"a process did not return: {lost[0]}"))
    return Simulation(
        "simulate",
        findings_of(scenario, tuple(judged)),
        seed,
        bool(why),
        scenario=scenario,
        level=level,
        figures=tuple(figures_of([each.figures for each in plain])),
        judged=tuple(judged),
        detail=next((each.detail for each in plain if each.detail), nothing()),
        by_load=tuple((task.load, each.figures) for task, each in over if task.is_of_load),
        depends_on_ties=() if lost or why else tuple(_differences(plain, ties)),
        has_ties=shuffle_ties,
        measured_costs=costs,
        operation_count=sum(each.operation_count for each in plain),
    )


def settled(
    scenario: Scenario,
    level: Level | None,
    sequencer: str | None,
    policy: Policy | None,
    granularity: Granularity | None,
) -> tuple[Scenario, Level]:
    """Return the scenario with what was asked for besides, and its level."""
    name = sequencer or scenario.sequencer
    if level is not None and sequencer is None and protocol(name).level != level:
        name = DEFAULTS[level]
    its_level = protocol(name).level
    if level is not None and its_level != level:
        raise InputError(f"{name} is a level-{its_level} sequencer: level {level} was asked for")
    replaced = msgspec.structs.replace(
        scenario,
        sequencer=name,
        policy=policy or scenario.policy,
        granularity=granularity or scenario.granularity,
    )
    return checked(replaced, scenario.name), its_level


def loaded(scenario: Scenario, factor: float) -> Scenario:
    """Return the scenario at a multiple of its load: of the rate in an open loop, of the window in a closed one."""
    clients = scenario.clients
    if clients.loop == "open":
        rate = type(clients.rate)(clients.rate * Fraction(factor).limit_denominator(10**6))
        changed = msgspec.structs.replace(clients, rate=rate)
    else:
        size = clients.messages_per_batch * clients.message_bytes
        batches = max(1, ceil(clients.window // size * factor))
        changed = msgspec.structs.replace(clients, window=type(clients.window)(batches * size))
    return msgspec.structs.replace(scenario, clients=changed)


def replicate(task: Task, progress: Advance = lambda now_ns, end_ns, slots: None) -> Replication:
    """Run one replication and measure it."""
    run = simulate_once if task.scenario.granularity == "batch" else simulate_operations_once
    world = run(
        task.scenario, task.level, seed=task.seed, replication=task.replication, shuffled=task.shuffled,
        traced=task.traced, progress=progress,
    )  # fmt: skip
    figures, history = measure(world), history_of_run(world)
    latencies_ns = latencies(world) if task.detailed else {}
    world.recorder.forget()
    in_history = {}
    if len(history):
        findings = verify(history, task.level).findings
        in_history = {each.property: each.witness.sentence if each.witness else "" for each in findings}
    inside = {}
    if task.scenario.check:
        broken = world.watch.broken
        inside = {name: broken[name].said() if name in broken else "" for name in world.watch.properties()}
    detail = None
    if task.detailed:
        trace = world.spans.document() if world.spans is not None else None
        detail = Detail(history, latencies_ns, world.recorder.occupancy, trace)
    return Replication(
        figures, len(history), inside, in_history, world.watch.unfinished, world.recorder.operation_count, detail
    )


def _run(tasks: list[Task], jobs: int, tell: Tell) -> Generator[Replication | Ended, None, None]:
    """Run the tasks, in order; each is independent of the others, so it does not matter where it runs."""
    total = len(tasks)
    if jobs == 1:
        for number, task in enumerate(tasks):

            def progress(now_ns: int, end_ns: int, slots: int, number: int = number) -> None:
                tell(Told(number + 1, total, now_ns, end_ns, slots, (number + now_ns / end_ns) / total))

            yield replicate(task, progress)
        return
    works = [partial(replicate, task) for task in tasks]
    with closing(in_order(works, min(jobs, total))) as runs:
        for number, each in enumerate(runs):
            end_ns = int(tasks[number].scenario.duration)
            ordered = 0 if isinstance(each, Ended) else each.ordered
            tell(Told(number + 1, total, end_ns, end_ns, ordered, (number + 1) / total))
            yield each


def _judged(scenario: Scenario, tasks: list[Task], done: list[Replication]) -> Iterable[Judged]:
    """Judge each property by all runs, those of a load sweep too: what one of them violates is violated."""
    bound = f"{len(done)} run{'s' if len(done) > 1 else ''}, {sum(each.ordered for each in done)} batches"
    reasons = unjudged(scenario)
    still_moving = [
        run.unfinished for task, run in zip(tasks, done, strict=True) if run.unfinished and task.load <= 1.0
    ]
    for layer in ("run", "history"):
        found = [each.inside if layer == "run" else each.in_history for each in done]
        for name in dict.fromkeys(name for each in found for name in each):
            sentence = next(filter(None, map(_sentence_of(name), tasks, found)), "")
            if sentence:
                yield Judged(name, layer, Verdict.VIOLATED, bound, sentence)
            elif layer == "run" and name in reasons:
                yield Judged(name, layer, None, bound, unjudged=reasons[name])
            elif name == "drained" and still_moving:
                yield Judged(name, layer, Verdict.UNKNOWN, bound, still_moving[0])
            else:
                yield Judged(name, layer, Verdict.NOT_FOUND, bound)
    if not any(each.ordered for each in done):
        yield Judged("drained", "history", Verdict.UNKNOWN, bound, "no batch was ordered: there is nothing to judge")


def _sentence_of(name: str) -> Callable[[Task, dict[str, str]], str]:
    """Return what says how a run violates a property, and at which load; a higher one need not drain in time."""

    def sentence(task: Task, found: dict[str, str]) -> str:
        if not found.get(name) or (name == "drained" and task.load > 1.0):
            return ""
        return found[name] if task.load == 1.0 else f"at a load of {task.load:g}: {found[name]}"

    return sentence


def _differences(plain: list[Replication], shuffled: list[Replication]) -> Iterable[tuple[str, float, float]]:
    """Return the metrics that come out otherwise when ties are broken otherwise, as means over the replications."""
    if not shuffled:
        return
    by_rule, drawn = (figures_of([each.figures for each in runs]) for runs in (plain, shuffled))
    others = {figure.metric: figure.value for figure in drawn}
    for figure in by_rule:
        if others.get(figure.metric) != figure.value:
            yield figure.metric, figure.value, others.get(figure.metric, 0.0)
