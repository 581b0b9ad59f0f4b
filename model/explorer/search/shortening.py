"""A violating schedule made shorter: parts are left out, and what follows goes on as like the given schedule as it can.

A step that is left out changes what later choices mean: memory has fewer versions of a line, an entry is not there to
drain. So the rest is followed leniently. A step that cannot happen is left out too, a choice that is not there gives
way to the one most like it, and a run whose end is wrong goes on plainly until there. What comes of it replaces the
given run when it is shorter and breaks the same property.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from fencepost.model.errors import Interrupted
from fencepost.model.explorer.search.order import Order
from fencepost.model.explorer.search.reduction import stuck
from fencepost.model.explorer.search.schedule import Judge, Schedule, follow
from fencepost.model.explorer.states.monitor import Violation
from fencepost.model.explorer.states.state import Actor, Event, State, Transition
from fencepost.model.explorer.states.system import System
from fencepost.model.memory.lazy import Choice
from fencepost.model.memory.lines import LinesChanged

SHORTENING_SECONDS = 3.0


class Path(NamedTuple):
    """A run by its schedule: the state before each step, and after the last."""

    schedule: Schedule
    states: tuple[State, ...]


def shortened(
    system: System, schedule: Schedule, violation: Violation, judge: Judge, seconds: float = SHORTENING_SECONDS
) -> Schedule:
    """Return a shorter schedule to a violation of the same property, where leaving out steps leads to one.

    First all that did not happen before the violating step is left out, then parts of half the length, a quarter and
    so on, single steps again and again, until none can be spared or the time is up: then it is as short as it has
    become. Raises Interrupted with what it had become.
    """
    followed = follow(system, schedule, judge)
    taken = len(followed.events) - 1
    best = Path(schedule[:taken], followed.states)
    deadline = time.perf_counter() + seconds
    try:
        if followed.states[-1].watch.violation is not None and taken:
            past = _past(system, followed.events)
            kept = tuple(each for at, each in enumerate(best.schedule) if past >> at & 1 or at == taken - 1)
            best = _shorter(system, best, 0, kept, violation, judge) or best
        size = max(1, len(best.schedule) // 2)
        while time.perf_counter() < deadline:
            before = len(best.schedule)
            best = _without_parts(system, best, size, violation, judge, deadline)
            if size == 1 and len(best.schedule) == before:
                break
            size = max(1, min(size, len(best.schedule)) // 2)
    except KeyboardInterrupt:
        raise Interrupted(best.schedule) from None
    return best.schedule


def _past(system: System, events: tuple[Event, ...]) -> int:
    """Return the steps that happened before the last one, as bits."""
    order = Order(system)
    order.begin(events[0])
    for event in events[1:]:
        order.push(event)
    return order.past[-1]


def _without_parts(system: System, best: Path, size: int, violation: Violation, judge: Judge, deadline: float) -> Path:
    """Leave out parts of so many steps, the last first, where that leads to the violation."""
    end = len(best.schedule)
    while end > 0 and time.perf_counter() < deadline:
        begin = max(0, end - size)
        found = _shorter(system, best, begin, best.schedule[end:], violation, judge)
        best = found or best
        end = min(begin, len(best.schedule))
    return best


def _shorter(system: System, best: Path, begin: int, rest: Schedule, violation: Violation, judge: Judge) -> Path | None:
    """Go on from a state of a run as like `rest` as can be; return the run if it is shorter and violates as well."""
    lines = system.lines
    known = [{line: set(found) for line, found in each.items()} for each in (lines.users, lines.hosts, lines.writers)]
    try:
        found, wrong = _lenient(system, best, begin, rest, judge)
    except LinesChanged:  # the schedule says its choices with what was known of lines: so it stays
        lines.users, lines.hosts, lines.writers = known
        return None
    same = wrong is not None and wrong.property == violation.property
    return found if same and len(found.schedule) < len(best.schedule) else None


def _lenient(system: System, best: Path, begin: int, rest: Schedule, judge: Judge) -> tuple[Path, Violation | None]:
    schedule, states, most = list(best.schedule[:begin]), list(best.states[: begin + 1]), len(best.schedule) - 1
    given = iter(rest)
    while states[-1].watch.violation is None and len(schedule) < most:
        transitions = system.transitions(states[-1])
        step = next((step for each in given if (step := like(transitions, *each)) is not None), None)
        if step is None and best.states[-1].watch.violation is None:  # what is wrong is wrong at the end
            step = _plain(transitions, schedule[-1][0] if schedule else None)
        if step is None:
            break
        actor, transition = step
        state, _ = system.perform(states[-1], actor, transition)
        states.append(state)
        schedule.append((actor, transition[0]))
    path = Path(tuple(schedule), tuple(states))
    wrong = states[-1].watch.violation
    if wrong is None and stuck(system.transitions(states[-1])):
        wrong = judge(system, states[-1])
    return path, wrong


def like(transitions: dict[Actor, list[Transition]], actor: Actor, choice: Choice) -> tuple[Actor, Transition] | None:
    """Return the actor's transition by this choice, or by the one most like it; None if it can do nothing."""
    options = transitions.get(actor, [])
    best = min(options, key=lambda each: (each[0] != choice, _form(each[0]) != _form(choice), each[1]), default=None)
    return None if best is None else (actor, best)


def _form(choice: Choice) -> str:
    """Return a choice without its numbers."""
    return "".join(letter for letter in str(choice) if not letter.isdigit())


def _plain(transitions: dict[Actor, list[Transition]], last: Actor | None) -> tuple[Actor, Transition] | None:
    """Return a transition that needs no luck, the same actor's if it has one; None if there is none."""
    plain = [(actor, each) for actor, options in transitions.items() for each in options if not each[1]]
    return min(plain, key=lambda each: each[0] != last, default=None)
