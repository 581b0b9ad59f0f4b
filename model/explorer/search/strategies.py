"""Drawn runs: uniformly at random, or by priorities that change at few moments (PCT).

PCT (Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS 2010): every actor has a priority, the highest that can go
goes, and at d - 1 moments drawn beforehand the one about to go falls to the lowest. A violation that needs d orderings
among n actors in a run of k steps is met with a probability of at least 1 / (n k^(d-1)). Here an actor is a thread or a
thread's store buffer; the choices of memory are drawn apart and are no part of that bound.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from random import Random
from typing import TypeAlias

from fencepost.model.errors import NotDeterministic
from fencepost.model.explorer.search.reduction import stuck
from fencepost.model.explorer.states.state import THREAD, Actor, Event, State, Transition
from fencepost.model.explorer.states.system import System
from fencepost.model.memory.lines import LinesChanged

Transitions: TypeAlias = dict[Actor, list[Transition]]
Picker: TypeAlias = Callable[[Transitions], tuple[Actor, Transition] | None]
"""Draws the next transition; None ends the run, where nothing can go on without luck."""
LUCK = 0.25  # how often a choice that needs luck is taken where there is one without, and a run goes on by luck


def choose(transitions: list[Transition], random: Random) -> Transition:
    """Draw one of an actor's choices."""
    plain = [each for each in transitions if not each[1]]
    lucky = [each for each in transitions if each[1]]
    if not plain or (lucky and random.random() < LUCK):
        return random.choice(lucky)
    return random.choice(plain)


def uniform(random: Random) -> Picker:
    """Return a picker that draws each step apart."""

    def pick(transitions: Transitions) -> tuple[Actor, Transition] | None:
        if stuck(transitions) and (not transitions or random.random() > LUCK):
            return None
        actor = random.choice(list(transitions))
        return actor, choose(transitions[actor], random)

    return pick


def by_priority(random: Random, depth: int, steps: int) -> Picker:
    """Return a picker of PCT for violations of this depth in runs of about so many steps."""
    priorities: dict[tuple[int, bool], float] = {}
    moments = sorted(random.randrange(1, max(2, steps)) for _ in range(depth - 1))
    taken = 0

    def pick(transitions: Transitions) -> tuple[Actor, Transition] | None:
        nonlocal taken
        if stuck(transitions) and (not transitions or random.random() > LUCK):
            return None
        for thread, number in transitions:
            priorities.setdefault((thread, number == THREAD), 1 + random.random())
        taken += 1
        actor = max(transitions, key=lambda each: (priorities[each[0], each[1] == THREAD], -each[1]))
        if moments and taken >= moments[0]:
            moments.pop(0)
            priorities[actor[0], actor[1] == THREAD] = -float(taken)  # below all, and below those that fell before
            actor = max(transitions, key=lambda each: (priorities[each[0], each[1] == THREAD], -each[1]))
        return actor, choose(transitions[actor], random)

    return pick


def draw(
    system: System, picker: Callable[[], Picker], depth_most: int, deadline: float = inf
) -> tuple[State, list[Event], bool]:
    """Run once; return the last state, the events, and whether the run came to its end.

    It is cut short after so many steps, or when the clock (`time.perf_counter`) reaches the deadline.
    """
    while True:
        try:
            return _draw(system, picker(), depth_most, deadline)
        except LinesChanged:
            continue


def _draw(system: System, pick: Picker, depth_most: int, deadline: float) -> tuple[State, list[Event], bool]:
    state, _ = system.start()
    events: list[Event] = []
    while len(events) < depth_most and not state.watch.violation and time.perf_counter() < deadline:
        picked = pick(system.transitions(state))
        if picked is None:
            return state, events, True
        state, event = system.perform(state, *picked)
        events.append(event)
    return state, events, state.watch.violation is not None


def guard(make: Callable[[], System], seed: int, depth_most: int = 2_000, deadline: float = inf) -> int:
    """Run twice from the same seed, from fresh programs; return how many steps were the same, which must be all.

    The two runs end before their end when the clock (`time.perf_counter`) reaches the deadline.

    Raises NotDeterministic, naming the first step that differs.
    """
    systems = (make(), make())
    while True:
        try:
            return _side_by_side(systems, seed, depth_most, deadline)
        except LinesChanged:
            continue


def _side_by_side(systems: tuple[System, System], seed: int, depth_most: int, deadline: float) -> int:
    pickers = [uniform(Random(seed)) for _ in systems]
    states = [state for state, _ in _both(0, [system.start for system in systems])]
    for step in range(depth_most):
        picks = [
            None if state.watch.violation else pick(system.transitions(state))
            for state, system, pick in zip(states, systems, pickers, strict=True)
        ]
        acts = [
            partial(system.perform, state, *picked)
            for state, system, picked in zip(states, systems, picks, strict=True)
            if picked is not None
        ]
        if len(acts) == 1:
            ends = (
                "its end" if picked is None else f"a step of {systems[0].threads[picked[0][0]].name}"
                for picked in picks
            )
            raise NotDeterministic("the run", step + 1, *ends)
        if not acts or time.perf_counter() >= deadline:
            return step
        done = _both(step + 1, acts)
        states = [state for state, _ in done]
        said = [_said(event) for _, event in done]
        if said[0] != said[1]:
            words = [_in_words(systems[0], event) for _, event in done]
            name = systems[0].threads[done[0][1].actor[0]].name
            raise NotDeterministic(name, step + 1, *(words if words[0] != words[1] else said))
    return depth_most


def _both(step: int, acts: Sequence[Callable[[], tuple[State, Event]]]) -> list[tuple[State, Event]]:
    """Do the same in two runs. Raises LinesChanged where both learn more of a line, which one alone must not."""
    done: list[tuple[State, Event]] = []
    for act in acts:
        with suppress(LinesChanged):
            done.append(act())
    if len(done) == 1:
        raise NotDeterministic("the run", step, "the first use of a line", "none")
    if not done:
        raise LinesChanged
    return done


def _said(event: Event) -> str:
    """Return what was done in a step, by which choice."""
    acts = (f"{act.thread}: {_words(act.what)} -> {act.result} {act.step or ''}" for act in event.acts)
    return f"{event.actor} by {event.choice}: {'; '.join(acts)}"


def _in_words(system: System, event: Event) -> str:
    """Return what was done in a step, for a reader."""
    from fencepost.model.explorer.states.formatting import (
        act_words,  # they are asked for only here, where a program is refused
    )

    acts = "; ".join(act_words(act) for act in event.acts)
    return f"`{acts}` of {system.threads[event.actor[0]].name}"


def _words(what: object) -> list[str]:
    """Return what an operation says, but for its label, which is a function and another one each time."""
    names = [name for name in getattr(what, "__struct_fields__", ()) if name != "label"]
    names = names or [name for name in getattr(what, "_fields", ()) if name != "origin"]
    return [type(what).__name__, *(f"{name}={getattr(what, name)}" for name in names)]
