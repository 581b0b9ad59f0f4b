"""The engines that run the programs of an exhibit: explorer, SimPy, and on drawn runs the history checker and the
judge that sees them from outside.

All look for the promise that the bug must break, of a sound design for anything at all, the refinement included.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import count, cycle
from random import Random
from typing import TypeVar

from fencepost.model.contract import Level, Verdict
from fencepost.model.explorer.search.exhaustive import Exhaustive
from fencepost.model.explorer.search.exploration import Limits
from fencepost.model.explorer.search.livelock import livelock
from fencepost.model.explorer.search.reduction import End, Reduction
from fencepost.model.explorer.search.schedule import follow, schedule_of
from fencepost.model.explorer.search.shortest import shortest
from fencepost.model.explorer.search.strategies import Picker, draw, uniform
from fencepost.model.explorer.states.state import Event
from fencepost.model.explorer.states.system import System
from fencepost.model.histories import History, OrderedBatch, Workload, verify
from fencepost.model.histories.drained import invented
from fencepost.model.histories.outside import PROMISES
from fencepost.model.histories.rules import BESIDE_A_HISTORY, BEYOND_A_HISTORY
from fencepost.model.memory.lines import LinesChanged
from fencepost.model.museum.detection import Detection, Exhibit, Outcome, cannot_express, caught, missed
from fencepost.model.museum.outside import Judged, judged, observable, with_roles
from fencepost.model.programs.pipeline import Scenario, written_steps
from fencepost.model.simulation.programs.timed import timed_run
from fencepost.model.trace import Step

Each = TypeVar("Each")
STEPS_MOST = 2_000  # of a drawn run
EVERY_STEPS_MOST = 200  # of a run where there is one of each kind


def explorer(exhibit: Exhibit, seconds: float, seed: int) -> Detection:
    """Visit every run of each scenario; what violates is shortened to a run than which none is shorter."""
    deadline, run_count, unfinished = time.perf_counter() + seconds, 0, 0
    for left, scenario in _shared(exhibit.shown_on, deadline):
        subject = exhibit.subject(scenario)
        walk = Exhaustive(subject, Limits(seconds=left), lambda progress: None)
        explored = walk.run()
        run_count += explored.counts.complete
        unfinished += explored.verdict is not Verdict.EXHAUSTED
        if explored.violation is not None and exhibit.asks(explored.violation):
            schedule = shortest(walk.system, explored.schedule, explored.violation, subject.judge)
            found = follow(walk.system, schedule, subject.judge).violation or explored.violation
            return caught("explorer", subject, walk.system.lines, schedule, found)
    scenarios = f"{len(exhibit.shown_on)} scenario{'s' if len(exhibit.shown_on) > 1 else ''}"
    if unfinished:
        return missed(f"{run_count} runs; {unfinished} of {scenarios} not exhausted in {seconds:g} s")
    return missed(f"all {run_count} runs of {scenarios}")


def simulated(exhibit: Exhibit, seconds: float, seed: int) -> Detection:
    """Run each scenario under SimPy's clock, from one seed after the other."""
    subjects = [exhibit.subject(scenario) for scenario in exhibit.shown_on]
    systems = [(subject, subject.make()) for subject in subjects]
    for run, (subject, system) in _until(seconds, cycle(systems)):
        state, events, ended = timed_run(system, _mixed(seed, run), steps_most=STEPS_MOST)
        found = subject.violation_at(system, state) if ended else livelock(system, state, events)
        if found is not None and exhibit.asks(found):
            return caught("simulation", subject, system.lines, schedule_of(events), found)
    return missed(f"{run} runs, seeds from {seed}")


def verified(exhibit: Exhibit, seconds: float, seed: int) -> Detection:
    """Give the batches that runs ordered to the history checker, and beside them what arrived.

    Half the time one run of each kind, then drawn ones; of those every other has one more batch behind those of each
    ring: what a bug leaves behind shows in what follows it.
    """
    reasons = {name: why for name, why in (BEYOND_A_HISTORY | BESIDE_A_HISTORY).items() if name != "visible"}
    beyond = [reasons.get(name) for name in exhibit.asked or ()]
    if beyond and all(beyond):
        return cannot_express(f"{', '.join(sorted(exhibit.asked or ()))}: {beyond[0]}")
    judged_count = 0
    for scenario, events in _runs_to_their_end(exhibit, seconds, seed):
        judged_count += 1
        for name, sentence in _objections(history_of(scenario, events, exhibit.level), scenario, events, exhibit.level):
            if exhibit.asked is None or name in exhibit.asked:
                return Detection(Outcome.CAUGHT, f"{name}: {sentence}", len(events))
    return missed(f"{judged_count} histories, seeds from {seed}")


def _runs_to_their_end(exhibit: Exhibit, seconds: float, seed: int) -> Iterator[tuple[Scenario, tuple[Event, ...]]]:
    deadline = time.perf_counter() + seconds / 2
    for left, scenario in _shared(exhibit.shown_on, deadline):
        for end in every_run(exhibit.unwatched(scenario).make(), left):
            if end.complete:
                yield scenario, end.events
    scenarios = [each for scenario in exhibit.shown_on for each in (scenario, observable(scenario))]
    systems = [(scenario, exhibit.unwatched(scenario).make()) for scenario in scenarios]
    for run, (scenario, system) in _until(deadline + seconds / 2 - time.perf_counter(), cycle(systems)):
        random_seed = _mixed(seed, run)

        def picker(random_seed: int = random_seed) -> Picker:
            return uniform(Random(random_seed))

        _, events, ended = draw(system, picker, STEPS_MOST)
        if ended:
            yield scenario, tuple(events)


def _objections(
    history: History, scenario: Scenario, events: tuple[Event, ...], level: Level
) -> Iterator[tuple[str, str]]:
    """Yield (promise, sentence) of what a history shows to be broken, by itself and beside what arrived."""
    if not len(history):
        return
    for finding in verify(history, level).findings:
        if finding.witness is not None:
            yield finding.property, finding.witness.sentence
    if text := invented(_arrived(scenario, events), history):
        yield "visible", text


def seen_from_outside(exhibit: Exhibit, seconds: float, seed: int) -> Detection:
    """Draw runs with readers and acknowledgers and give what they tell the outside to the second judge."""
    asked = frozenset(PROMISES) if exhibit.asked is None else exhibit.asked & frozenset(PROMISES)
    if not asked:
        return cannot_express(f"{', '.join(sorted(exhibit.asked or ()))}: the second judge knows {', '.join(PROMISES)}")
    judged_count = 0
    for run in _judged_runs(exhibit, seconds, seed):
        judged_count += 1
        for breach in run.breaches:
            if breach.promise in asked:
                return Detection(Outcome.CAUGHT, f"{breach.promise}: {breach.sentence}", len(run.events))
    return missed(f"{judged_count} runs seen from outside, seeds from {seed}")


def _judged_runs(exhibit: Exhibit, seconds: float, seed: int) -> Iterator[Judged]:
    """Yield runs and what is said of each: half the time one of each kind of run, then drawn ones."""
    deadline = time.perf_counter() + seconds / 2
    for left, scenario in _shared(exhibit.shown_on, deadline):
        roles = with_roles(scenario)
        system = exhibit.unwatched(roles).make()
        yield from every_run_judged(system, roles, exhibit.level, left)
    scenarios = [observable(scenario) for scenario in exhibit.shown_on]
    systems = [(scenario, exhibit.unwatched(scenario).make()) for scenario in scenarios]
    left = deadline + seconds / 2 - time.perf_counter()
    for run, (scenario, system) in _until(left, cycle(systems)):
        yield from drawn_and_judged(system, scenario, exhibit.level, _mixed(seed, run))


def every_run_judged(system: System, scenario: Scenario, level: Level, seconds: float) -> Iterator[Judged]:
    """Yield one run of each kind, as the explorer tells them apart, with what the second judge says of it.

    Runs that have no end within `EVERY_STEPS_MOST` steps are judged as far as that. No more are yielded after so many
    seconds.
    """
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        try:
            for end in every_run(system, deadline - time.perf_counter()):
                yield from judged(system, scenario, level, end.events, ended=end.complete)
            return
        except LinesChanged:  # readers who go on alone used a line as nobody had before
            continue


def every_run(system: System, seconds: float) -> Iterator[End]:
    """Yield one run of each kind, to its end or cut short, as many as there is time for."""
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        try:
            for end in Reduction(system, depth_most=EVERY_STEPS_MOST).ends():
                if end.complete or end.cut:
                    yield end
                if time.perf_counter() > deadline:
                    break
            return
        except LinesChanged:
            continue


def drawn_and_judged(system: System, scenario: Scenario, level: Level, seed: int) -> list[Judged]:
    """Draw a run from a seed; return it, and those of readers alone, with what the second judge says of each."""
    while True:
        _, events, ended = draw(system, lambda: uniform(Random(seed)), STEPS_MOST)
        try:
            return list(judged(system, scenario, level, events, ended=ended))
        except LinesChanged:
            continue


def _shared(scenarios: Sequence[Scenario], deadline: float) -> Iterator[tuple[float, Scenario]]:
    """Yield each scenario with the seconds that it may take: as many as each of those to come."""
    for number, scenario in enumerate(scenarios):
        yield max(deadline - time.perf_counter(), 0.0) / (len(scenarios) - number), scenario


def _until(seconds: float, each: Iterator[Each]) -> Iterator[tuple[int, Each]]:
    """Yield numbered items, from 1, until the time is up; at least one."""
    deadline = time.perf_counter() + seconds
    for number, item in zip(count(1), each, strict=False):
        yield number, item
        if time.perf_counter() > deadline:
            return


def _mixed(seed: int, run: int) -> int:
    """Return the seed of one run."""
    return Random(f"{seed} {run}").getrandbits(62)


def history_of(scenario: Scenario, events: Sequence[Event], level: int) -> History:
    """Return what a run ordered; times are the numbers of its events: when it arrived and when its client was told."""
    arrived: dict[int, list[tuple[int, int, int]]] = {}  # ring -> of each index: client, seq, time
    acked: dict[tuple[int, int], int] = {}
    ordered: list[Step] = []
    for now, step in _steps(scenario, events):
        given = step.arguments
        if step.action == "arrive":
            arrived.setdefault(given["ring"], []).append((given["client"], given["seq"], now))
        elif step.action == "assign":
            ordered.append(step)
        elif step.action == "acknowledge":
            sent = [at for at, each in enumerate(arrived.get(given["ring"], [])) if each[0] == given["client"]]
            if level == 4:
                sent = [at for at in sent if arrived[given["ring"]][at][1] < given["below"]]
            for index in sent if level == 4 else sent[: given["below"]]:
                acked.setdefault((given["ring"], index), now)
    rows = []
    for given in (step.arguments for step in ordered):
        place = given["ring"], given["index"]
        here = arrived.get(given["ring"], [])
        sent_at = here[given["index"]][2] if given["index"] < len(here) else -1
        batch = given["client"], given["seq"], *place, given["count"], given["start"]
        rows.append(OrderedBatch(*batch, sent_at, acked.get(place, -1)))
    return History.from_rows(row for row in rows if row.message_count >= 1)


def _arrived(scenario: Scenario, events: Sequence[Event]) -> Workload:
    """Return what arrived in a run, in the order of arrival."""
    given = (step.arguments for _, step in _steps(scenario, events) if step.action == "arrive")
    return Workload.from_rows((each["client"], each["seq"], each["ring"], each["count"], 0, 0) for each in given)


def _steps(scenario: Scenario, events: Sequence[Event]) -> Iterator[tuple[int, Step]]:
    for step in written_steps(scenario):
        yield 0, step
    for now, event in enumerate(events, start=1):
        for act in event.acts:
            if act.step is not None:
                yield now, act.step
