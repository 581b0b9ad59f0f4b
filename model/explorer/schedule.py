"""A schedule: who goes, by which choice, step by step. It is all that is needed to see a run again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from fencepost.model.errors import NotAccepted
from fencepost.model.explorer.order import Order
from fencepost.model.explorer.reduction import stuck
from fencepost.model.explorer.state import Actor, Event, State
from fencepost.model.explorer.system import System
from fencepost.model.explorer.watch import Violation
from fencepost.model.memory.late import Choice
from fencepost.model.memory.lines import LinesChanged

SHORTENING_SECONDS = 3.0
Schedule: TypeAlias = tuple[tuple[Actor, Choice], ...]
Judge: TypeAlias = Callable[[System, State], Violation | None]
"""Says what is wrong with a run that ends in a state, where nothing can go on without luck."""


class Followed(NamedTuple):
    """A run that followed a schedule: what happened, the state before the first event and after each."""

    events: tuple[Event, ...]
    states: tuple[State, ...]
    violation: Violation | None


def schedule_of(events: Sequence[Event]) -> Schedule:
    """Return the schedule of a run."""
    return tuple((event.actor, event.choice) for event in events)


def follow(system: System, schedule: Schedule, judge: Judge) -> Followed:
    """Run a schedule. Raises NotAccepted, with the number of the step, where it cannot be followed."""
    while True:
        try:
            return _follow(system, schedule, judge)
        except LinesChanged:
            continue


def _follow(system: System, schedule: Schedule, judge: Judge) -> Followed:
    state, event = system.start()
    events, states = [event], [state]
    for number, (actor, choice) in enumerate(schedule, start=1):
        transitions = system.transitions(state)
        chosen = next((each for each in transitions.get(actor, ()) if each[0] == choice), None)
        if chosen is None:
            raise NotAccepted(f"step {number} of the schedule cannot happen: {actor} has no choice {choice} there")
        state, event = system.perform(state, actor, chosen)
        events.append(event)
        states.append(state)
        if state.watch.violation:
            break
    violation = state.watch.violation
    if violation is None and stuck(system.transitions(state)):
        violation = judge(system, state)
    return Followed(tuple(events), tuple(states), violation)


def shortened(
    system: System, schedule: Schedule, violation: Violation, judge: Judge, seconds: float = SHORTENING_SECONDS
) -> Schedule:
    """Return a shorter schedule to a violation of the same property, where leaving out steps leads to one.

    First all that did not happen before the violating step is left out, then one step after the other, until the time
    is up: then it is as short as it has become.
    """
    best, deadline = schedule, time.perf_counter() + seconds
    followed = follow(system, schedule, judge)
    if followed.states[-1].watch.violation is not None and len(followed.events) > 1:
        order = Order(system)
        order.begin(followed.events[0])
        for event in followed.events[1:]:
            order.push(event)
        past = order.past[-1]
        kept = tuple(each for at, each in enumerate(schedule) if past >> at & 1 or at == len(schedule) - 1)
        best = kept if _violates(system, kept, violation, judge) else best
    at = len(best) - 1
    while at >= 0 and time.perf_counter() < deadline:
        without = (*best[:at], *best[at + 1 :])
        if _violates(system, without, violation, judge):
            best = without
        at -= 1
    return best


def _violates(system: System, schedule: Schedule, violation: Violation, judge: Judge) -> bool:
    try:
        found = follow(system, schedule, judge).violation
    except NotAccepted:
        return False
    return found is not None and found.property == violation.property
