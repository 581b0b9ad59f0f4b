"""The shortest run to a violation, breadth first: every state of a small system, those of fewer steps before."""

from __future__ import annotations

from fencepost.model.explorer.reduction import stuck
from fencepost.model.explorer.schedule import Judge, Schedule
from fencepost.model.explorer.state import State
from fencepost.model.explorer.system import System
from fencepost.model.explorer.watch import Violation
from fencepost.model.memory.lines import LinesChanged

STATES_MOST = 10_000
STEPS_MOST = 40  # a longer run is not searched for a shorter one


def shortest(
    system: System, schedule: Schedule, violation: Violation, judge: Judge, *, states_most: int = STATES_MOST
) -> Schedule:
    """Return a shortest schedule to a violation of the same property as the one that `schedule` leads to.

    Where that has more than `STEPS_MOST` steps, or there are more than `states_most` states within as many steps, it is
    the given one.
    """
    while len(schedule) <= STEPS_MOST:
        try:
            return _search(system, schedule, violation.property, judge, states_most)
        except LinesChanged:
            continue
    return schedule


def _search(system: System, schedule: Schedule, wanted: str, judge: Judge, states_most: int) -> Schedule:
    level: list[tuple[State, Schedule]] = [(system.start()[0], ())]
    seen = {level[0][0].frozen()}
    for _ in range(len(schedule)):
        following: list[tuple[State, Schedule]] = []
        for state, path in level:
            transitions = {} if state.watch.violation else system.transitions(state)
            if stuck(transitions):
                found = state.watch.violation or judge(system, state)
                if found is not None and found.property == wanted:
                    return path
            for actor, choices in transitions.items():
                for transition in choices:
                    after, _ = system.perform(state, actor, transition)
                    key = after.frozen()
                    if key not in seen:
                        seen.add(key)
                        following.append((after, (*path, (actor, transition[0]))))
        if len(seen) > states_most:
            break
        level = following
    return schedule
