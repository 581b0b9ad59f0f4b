"""The shortest run to a violation, breadth first: every state of a small system, those of fewer steps before."""

from __future__ import annotations

from fencepost.model.explorer.search.reduction import stuck
from fencepost.model.explorer.search.schedule import Judge, Schedule
from fencepost.model.explorer.states.monitor import Violation
from fencepost.model.explorer.states.state import State
from fencepost.model.explorer.states.system import System
from fencepost.model.memory.lines import LinesChanged

STATES_MOST = 10_000
STEPS_MOST = 40  # a longer run is not searched for a shorter one


def shortest(
    system: System, schedule: Schedule, violation: Violation, judge: Judge, *, states_most: int = STATES_MOST
) -> Schedule:
    """Return a shortest schedule to a violation of the same property as the one that `schedule` leads to.

    Where that has more than `STEPS_MOST` steps, or there are more than `states_most` states within as many steps, it is
    the given one.

    States beside the given run may show more uses of a line, which then takes more steps: the given schedule means
    nothing to a system that knows of them, so where it is returned the system forgets them again.
    """
    known, steps_most = system.lines.copy(), len(schedule)
    while len(schedule) <= STEPS_MOST:
        try:
            found = _search(system, steps_most, violation.property, judge, states_most)
        except LinesChanged:
            steps_most = STEPS_MOST
            continue
        if found is not None:
            return found
        break
    system.lines.forget(known)
    return schedule


def _search(system: System, steps_most: int, wanted: str, judge: Judge, states_most: int) -> Schedule | None:
    level: list[tuple[State, Schedule]] = [(system.start()[0], ())]
    seen = {level[0][0].frozen()}
    for _ in range(steps_most):
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
    return None
