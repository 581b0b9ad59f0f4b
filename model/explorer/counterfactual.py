"""What would have been: a run with one thing of it changed, and the rest as like the given run as it can be.

A read may find a newer value, and a thread may act later than it did. What follows goes on leniently: a step that
cannot happen is left out, and a choice that is not there gives way to the one most like it. A run whose end is wrong is
carried on to an end, with the newest value that each load may find: so no fault is added that the run did not have.
"""

from __future__ import annotations

from collections.abc import Iterator

from fencepost.model.errors import InputError, NotAccepted
from fencepost.model.explorer.explain.stale import reading, stores
from fencepost.model.explorer.search.reduction import stuck
from fencepost.model.explorer.search.schedule import Schedule
from fencepost.model.explorer.search.shortening import like
from fencepost.model.explorer.states.monitor import Violation
from fencepost.model.explorer.states.state import THREAD, Actor, State, Transition
from fencepost.model.explorer.traces.run_trace import Run
from fencepost.model.memory.lazy import Choice
from fencepost.model.memory.lines import LinesChanged
from fencepost.model.programs.operations import Address

STEPS_MOST = 400  # by which a run is carried on beyond the given one
ALONE_MOST = 60  # steps of another thread, for which a read is put off


def is_of_the_end(made: Run) -> bool:
    """Say whether it is the end of a run that is wrong, and no step of it."""
    return made.states[-1].watch.violation is None


def decides(made: Run, step: int, newer: object) -> bool:
    """Say whether a run gets to its violation only with the value that a step read, and not with a newer one."""
    read = reading(made.events[step])
    assert read is not None
    address, _, _ = read
    actor, state = made.events[step].actor, made.states[step - 1]
    return _is_mended(made, state, actor, address, newer, made.trace.schedule[step:])


def ends_the_wait(made: Run, thread: int, address: Address, newer: object) -> bool:
    """Say whether a thread that waits for ever would mend the run if it found a newer value."""
    return _is_mended(made, made.states[-1], (thread, THREAD), address, newer, ())


def _is_mended(made: Run, state: State, actor: Actor, address: Address, newer: object, rest: Schedule) -> bool:
    """Say whether nothing is violated when a read finds a newer value, however it comes to that."""
    known = made.system.lines.copy()
    try:
        tried = list(_with_value(made, state, actor, address, newer))
        return not tried or not all(_violates(made, each, rest) for each in tried)
    except (LinesChanged, NotAccepted, InputError):  # threads do what they leave alone here: that is another run
        made.system.lines.forget(known)
        return True


def _with_value(made: Run, state: State, actor: Actor, address: Address, wanted: object) -> Iterator[State]:
    """Yield the states after a read that found a value, others going on until it can be found."""
    system = made.system
    for _ in range(ALONE_MOST):
        found = False
        for transition in system.transitions(state).get(actor, ()):
            after, event = system.perform(state, actor, transition)
            read = reading(event)
            if read is not None and read[:2] == (address, wanted):
                found = True
                yield after
        if found:
            return
        others = {of: each for of, each in system.transitions(state).items() if of[0] != actor[0]}
        step = _onward(others, 0)
        if step is None or state.watch.violation is not None:
            return
        state, _ = system.perform(state, *step)


def stored_later(made: Run, step: int) -> tuple[int, object] | None:
    """Return which thread stores another value than a step read, if it goes on alone before that, and the value."""
    system, actor = made.system, made.events[step].actor
    read = reading(made.events[step])
    assert read is not None
    known = system.lines.copy()
    for thread in range(len(system.threads)):
        state = made.states[step - 1]
        try:
            for _ in range(ALONE_MOST if thread != actor[0] else 0):
                own = {of: each for of, each in system.transitions(state).items() if of[0] == thread}
                chosen = _onward(own, 0)
                if chosen is None:
                    break
                state, event = system.perform(state, *chosen)
                stored = [stores(act) for act in event.acts]
                value = next((each[1] for each in stored if each is not None and each[0] == read[0]), read[1])
                if value != read[1]:
                    return thread, value
        except (LinesChanged, NotAccepted, InputError):
            system.lines.forget(known)
    return None


def put_off(made: Run, thread: int, begin: int, end: int) -> bool:
    """Say whether nothing is violated when a thread does after step `end` what it did from step `begin` to it.

    That step must be possible then. A run whose end is wrong must come to an end that is right.
    """
    known = made.system.lines.copy()
    late, schedule = put_off_steps(made, thread, begin, end), made.trace.schedule
    early = tuple(schedule[number - 1] for number in range(begin, end) if number not in late)
    rest = (*(schedule[number - 1] for number in late), *schedule[end:])
    try:
        state = _going_on(made, made.states[begin - 1], early)
        step = like(made.system.transitions(state), *schedule[end - 1])
        if state.watch.violation is not None or step is None:
            return False
        state = _carried_on(made, made.system.perform(state, *step)[0], rest)
        return _violation(made, state) is None and (not is_of_the_end(made) or stuck(made.system.transitions(state)))
    except (LinesChanged, NotAccepted, InputError):
        made.system.lines.forget(known)
        return False


def put_off_steps(made: Run, thread: int, begin: int, end: int) -> list[int]:
    """Return the steps of a thread, from `begin` on and before `end`, that are put off until after that.

    What was in its store buffer before that step leaves it as it did.
    """
    number = made.events[begin].actor[1]
    waiting = {each.number for each in made.states[begin - 1].buffers[thread]}
    if number != THREAD:
        waiting = {each for each in waiting if each < number}
    actors = {step: made.events[step].actor for step in range(begin, end)}
    return [step for step, (of, entry) in actors.items() if of == thread and entry not in waiting]


def _violates(made: Run, state: State, rest: Schedule) -> bool:
    """Say whether a run breaks the same property when it goes on from a state as like `rest` as can be."""
    assert made.violation is not None
    found = _violation(made, _carried_on(made, state, rest))
    return found is not None and found.property == made.violation.property


def _carried_on(made: Run, state: State, rest: Schedule) -> State:
    """Return the state that a run comes to by the rest of its schedule; where the end is what is wrong, at an end."""
    system, state = made.system, _going_on(made, state, rest)
    for turn in range(STEPS_MOST if is_of_the_end(made) else 0):
        step = None if state.watch.violation is not None else _onward(system.transitions(state), turn)
        if step is None:
            break
        state, _ = system.perform(state, *step)
    return state


def _going_on(made: Run, state: State, rest: Schedule) -> State:
    """Return the state after the steps of a schedule, without those that cannot be, up to a violation."""
    for actor, choice in rest:
        if state.watch.violation is not None:
            break
        step = like(made.system.transitions(state), actor, choice)
        if step is not None:
            state, _ = made.system.perform(state, *step)
    return state


def _violation(made: Run, state: State) -> Violation | None:
    """Return what is violated in a state that a run came to."""
    if state.watch.violation is None and stuck(made.system.transitions(state)):
        return made.trace.origin.subject().judge(made.system, state)
    return state.watch.violation


def _onward(transitions: dict[Actor, list[Transition]], turn: int) -> tuple[Actor, Transition] | None:
    """Return the next step of a run that goes on by itself: threads in turn, each finding what is newest."""
    able = sorted(actor for actor, options in transitions.items() if not all(lucky for _, lucky in options))
    if not able:
        return None
    actor = able[turn % len(able)]
    return actor, max(transitions[actor], key=lambda each: _newness(each[0]))


def _newness(choice: Choice) -> int:
    """Return which version of a line a choice finds; what was not evicted of itself stays where it is."""
    match choice:
        case ("copy", int() as place):
            return place + 1
        case (int(), tuple() as inner, *_):
            return _newness(inner)
        case ("evict", owners) if owners:
            return -1
    return 0
