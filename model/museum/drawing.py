"""Hypothesis: what is sent, how long the rings are and who goes when are drawn together, and shrunk together.

A schedule is data: numbers that pick among the transitions of each state, in a fixed order in which to go on with the
same thread and to do without luck comes first. So 0 is the plainest choice, and a schedule that has come to its end
goes on with it.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from itertools import zip_longest
from random import Random
from typing import Any

from fencepost.model.explorer.search.exploration import Subject
from fencepost.model.explorer.search.reduction import stuck
from fencepost.model.explorer.search.schedule import Schedule, schedule_of
from fencepost.model.explorer.states.monitor import Violation
from fencepost.model.explorer.states.state import Actor, Event, Transition
from fencepost.model.explorer.states.system import System
from fencepost.model.memory.lines import Lines, LinesChanged
from fencepost.model.museum.detection import Detection, Exhibit, caught, missed
from fencepost.model.programs.pipeline import Scenario
from fencepost.model.programs.roles.client import Sending
from fencepost.model.programs.roles.receiver import Arriving

STEPS_MOST = 400
EXAMPLES_MOST = 1_000_000  # the time is what ends it


class TimeIsUp(BaseException):
    """Stops Hypothesis, which takes an Exception for a finding."""


def drawn(exhibit: Exhibit, seconds: float, seed: int) -> Detection:
    """Draw scenarios and schedules until one violates, then let Hypothesis shrink it."""
    from hypothesis import HealthCheck, Phase, find, settings
    from hypothesis import strategies as st
    from hypothesis.errors import NoSuchExample

    deadline = time.perf_counter() + seconds
    known: dict[Any, Detection] = {}
    lines: dict[tuple[str, ...], Lines] = {}  # the names of a run's threads -> what was learned of its lines
    run_count = 0

    def violates(example: tuple[Scenario, list[int]]) -> bool:
        nonlocal run_count
        key = (example[0], tuple(example[1]))
        if key in known:
            return True
        if time.perf_counter() > deadline:
            raise TimeIsUp
        run_count += 1
        found = _run(exhibit.subject(example[0]), example[1], lines)
        if found is not None:
            known[key] = found  # of what Hypothesis tries after it, only what is simpler counts
        return found is not None

    scenarios = st.sampled_from(exhibit.scenarios).flatmap(alike)
    if exhibit.corpus:
        scenarios |= st.sampled_from(exhibit.corpus)
    examples = st.tuples(scenarios, st.lists(st.integers(0, 63), max_size=60))
    chosen = settings(
        max_examples=EXAMPLES_MOST,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    with suppress(TimeIsUp, NoSuchExample):
        find(examples, violates, settings=chosen, random=Random(seed))
    if not known:
        return missed(f"{run_count} drawn scenarios with schedules, seed {seed}")
    return list(known.values())[-1]


def alike(scenario: Scenario) -> Any:
    """Return a strategy for scenarios with the same roles, in which a sound design keeps all its promises.

    Without subscribers nothing is consumed, so rings then have a slot for every batch. Batches are of any two of three
    clients, with gaps and duplicates, early and late; where receivers take part, some have no messages.
    """
    return _by_clients(scenario) if scenario.plans else _in_rings(scenario)


def _in_rings(scenario: Scenario) -> Any:
    from hypothesis import strategies as st

    counts = st.integers(1, 2) if scenario.written else st.integers(0, 2)
    batches = st.builds(Arriving, st.integers(0, 2), st.integers(0, 2), counts)

    @st.composite
    def draw_scenario(draw: st.DrawFn) -> Scenario:
        drawn = draw(st.lists(st.lists(batches, max_size=3), min_size=1, max_size=2))
        rings = tuple(map(tuple, drawn))
        later = tuple(tuple(draw(st.lists(batches, max_size=2))) for _ in rings) if scenario.later else ()
        in_each = [len(ring) for ring in rings]
        if not scenario.subscribers:
            in_each = [len(ring) + len(more) for ring, more in zip_longest(rings, later, fillvalue=())]
        slots = max(1, *in_each) if scenario.written or not scenario.subscribers else draw(st.integers(1, 2))
        return replace(scenario, rings=rings, later=later, slots=slots)

    return draw_scenario()


def _by_clients(scenario: Scenario) -> Any:
    from hypothesis import strategies as st

    sendings = st.tuples(st.integers(0, scenario.ring_count - 1), st.integers(1, 2))

    @st.composite
    def draw_scenario(draw: st.DrawFn) -> Scenario:
        drawn = draw(st.lists(st.lists(sendings, min_size=1, max_size=3), min_size=1, max_size=2))
        plans = tuple(tuple(Sending(ring, seq, count) for seq, (ring, count) in enumerate(plan)) for plan in drawn)
        slots = draw(st.integers(1, 2)) if scenario.subscribers else sum(map(len, plans))
        return replace(scenario, plans=plans, slots=slots)

    return draw_scenario()


def _run(subject: Subject, picks: list[int], lines: dict[tuple[str, ...], Lines]) -> Detection | None:
    """Run by these picks; return what is wrong, if anything."""
    system = subject.make()
    known = lines.setdefault(tuple(thread.name for thread in system.threads), system.lines)
    system.lines.join(known)
    while True:
        try:
            found = _picked(subject, system, picks)
        except LinesChanged:
            continue
        known.join(system.lines)
        return None if found is None else caught("explorer-drawn", subject, system.lines, found[1], found[0])


def _picked(subject: Subject, system: System, picks: list[int]) -> tuple[Violation, Schedule] | None:
    state, _ = system.start()
    events: list[Event] = []
    last: Actor | None = None
    while len(events) < STEPS_MOST and state.watch.violation is None:
        transitions = system.transitions(state)
        pick = picks[len(events)] if len(events) < len(picks) else 0
        if not transitions or (stuck(transitions) and pick == 0):
            break
        options = [(actor, each) for actor, choices in transitions.items() for each in choices]
        options.sort(key=lambda option: _plainness(option, last))
        last, transition = options[pick % len(options)]
        state, event = system.perform(state, last, transition)
        events.append(event)
    if len(events) == STEPS_MOST:
        return None
    violation = subject.violation_at(system, state)
    return None if violation is None else (violation, schedule_of(events))


def _plainness(option: tuple[Actor, Transition], last: Actor | None) -> tuple[bool, bool]:
    actor, (_, lucky) = option
    return lucky, actor != last
