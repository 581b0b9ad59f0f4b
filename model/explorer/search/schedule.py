"""A schedule: who goes, by which choice, step by step. It is all that is needed to see a run again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from fencepost.model.errors import NotAccepted
from fencepost.model.explorer.search.reduction import stuck
from fencepost.model.explorer.states.monitor import Violation
from fencepost.model.explorer.states.state import Actor, Event, State
from fencepost.model.explorer.states.system import System
from fencepost.model.memory.lazy import Choice
from fencepost.model.memory.lines import LinesChanged

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
