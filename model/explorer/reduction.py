"""Every run of a small system, each once up to the order of steps that have nothing to do with each other.

Dynamic partial-order reduction with source sets and sleep sets (Abdulla, Aronis, Jonsson, Sagonas, POPL 2014; sleep
sets: Godefroid 1996), over threads, buffer entries and the choices of memory. A run is extended in one way; where two
of its events race, the one that came later is tried first, at the place where the earlier one was done (`_reverse`).
What was tried at a place sleeps in the branches tried after it, until an event wakes it that it does not commute with:
so no two complete runs differ only in the order of commuting steps. Runs in which all that could go on sleeps are
`blocked`: they are not complete, and are counted apart.

Where all steps commute both ways, as under `sc`, the number of complete runs is the number of classes. On memory that
is not coherent some runs are also covered by others that can end in all that they can (`Touched.dates`), and how many
are left depends on which came first.

A load that chose an older version commutes with later write-backs, which would only have given it more to choose from:
that is a race (`Touched.widens`), and no order.

A run that could only go on with luck (`system.py`) is complete where it stands, and is also carried on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fencepost.model.explorer.order import Order, Race
from fencepost.model.explorer.state import THREAD, Actor, Event, State, Transition
from fencepost.model.explorer.system import System
from fencepost.model.memory.late import Choice, Key, Touched
from fencepost.model.programs.operations import Load, Lock, Operation, Poll, Receive

Asleep = dict[tuple[Actor, Choice], Touched]
DEPTH_MOST = 5_000


class End(NamedTuple):
    """The end of one run: its state and its events; it is complete, or longer than may be (`cut`), or asleep."""

    state: State
    events: tuple[Event, ...]
    complete: bool
    cut: bool = False


class Branch(NamedTuple):
    """A part of the walk: the events that lead there, each with the state after it, and what sleeps there."""

    path: tuple[tuple[Event, State], ...]
    asleep: Asleep
    state: State


class Place:
    """One state of the run that is being extended, and what has been and is to be tried from it."""

    __slots__ = ("asleep", "current", "done", "pending", "state", "to_try", "transitions", "tried_count")

    def __init__(self, state: State, transitions: dict[Actor, list[Transition]], asleep: Asleep) -> None:
        self.state, self.transitions, self.asleep = state, transitions, asleep
        self.to_try: list[Actor] = []  # every actor that is or was to be tried here
        self.done = 0  # how many of them were
        self.current: Actor | None = None
        self.pending: list[Transition] = []  # what is left to try of the current actor
        self.tried_count = 0  # transitions

    def awake(self, actor: Actor) -> list[Transition]:
        """Return the transitions of an actor that do not sleep."""
        return [each for each in self.transitions[actor] if (actor, each[0]) not in self.asleep]

    def next(self) -> tuple[Actor, Transition] | None:
        """Return the next transition to try, or None when all is done."""
        while not self.pending:
            if self.done == len(self.to_try):
                return None
            self.current = self.to_try[self.done]
            self.done += 1
            self.pending = self.awake(self.current)
        assert self.current is not None
        self.tried_count += 1
        return self.current, self.pending.pop(0)


class Reduction:
    """A walk through the runs of a system. `ends` yields the end of each; it can be left and gone on with."""

    _fresh = True  # the last place was not looked at yet

    def __init__(self, system: System, branch: Branch | None = None, *, depth_most: int = DEPTH_MOST) -> None:
        self.system = system
        self.depth_most = depth_most
        self.complete_count = 0
        self.blocked_count = 0
        self.step_count = 0
        self.cut_count = 0  # runs that were longer than depth_most
        self._order = Order(system)
        self.places: list[Place] = []
        state, self.beginning = system.start()
        self._order.begin(self.beginning)
        self._given_count = 0  # events of the branch; what might be reversed among them is another branch's
        asleep: Asleep = {}
        for event, _ in branch.path if branch else ():
            self._order.push(event)
            self._given_count += 1
        if branch:
            state, asleep = branch.state, dict(branch.asleep)
        self._enter(state, asleep)

    def ends(self) -> Iterator[End]:
        """Yield the end of every run. Raises LinesChanged where the walk must begin again."""
        while self.places:
            if self._fresh:
                self._fresh = False
                end = self._end()
                if end is not None:
                    yield end
            tried = self.places[-1].next()
            if tried is None:
                self._leave()
            else:
                self._step(*tried)

    def _step(self, actor: Actor, transition: Transition) -> None:
        place = self.places[-1]
        after, event = self.system.perform(place.state, actor, transition)
        self.step_count += 1
        for race in self._order.push(event):
            self._reverse(race, event)
        self._enter(after, still_asleep(place.asleep, event))
        place.asleep[actor, event.choice] = event.touched

    def _enter(self, state: State, asleep: Asleep) -> None:
        transitions = {} if state.watch.violation else self.system.transitions(state)
        place = Place(state, transitions, asleep)
        if len(self._order.events) < self.depth_most:
            first = self._first(place)
            if first is not None:
                place.to_try.append(first)
        self.places.append(place)
        self._fresh = True

    def _first(self, place: Place) -> Actor | None:
        """Return who goes on: the one who just went, if it can without luck; else the first who can; else with luck."""
        awake = {actor: each for actor in place.transitions if (each := place.awake(actor))}
        last = self._order.events[-1].actor if self._order.events else None
        ready = [actor for actor, each in awake.items() if not each[0][1]]
        if last in ready:
            return last
        return next(iter(ready or awake), None)

    def _leave(self) -> None:
        self.places.pop()
        if self.places:
            self._order.pop()

    def progress(self) -> float:
        """Return an estimate of how much of the walk is done, 0 to 1: as if all branches of a place were alike."""
        done, share = 0.0, 1.0
        for place in self.places:
            width = max(1, sum(len(place.awake(actor)) for actor in place.to_try) + place.tried_count)
            done += share * max(0, place.tried_count - 1) / width
            share /= width
        return min(done, 1.0)

    # --- ends ---

    def _end(self) -> End | None:
        """Return the end of the run, if it has come to one: nothing more to do, or only with luck."""
        place = self.places[-1]
        events = self._order.events
        if len(events) >= self.depth_most and place.transitions:
            self.cut_count += 1
            return End(place.state, tuple(events), False, cut=True)
        if not stuck(place.transitions):
            if place.to_try:
                return None
            self.blocked_count += 1
            return End(place.state, tuple(events), False)
        self._reverse_waiting(place.state)
        self.complete_count += 1
        return End(place.state, tuple(events), True)

    def _reverse_waiting(self, state: State) -> None:
        """A thread that waits in vain might have been let through earlier: treat what it waits for as a race."""
        for thread, node in enumerate(state.nodes):
            operation = node.operation
            if operation is None or state.watch.violation:
                continue
            for race in self._order.waiting(thread, _waited_for(self.system, thread, operation)):
                self._reverse(race, None, (thread, THREAD))

    # --- races ---

    def _reverse(self, race: Race, event: Event | None, actor: Actor | None = None) -> None:
        """See to it that the later of two racing events is also tried before the earlier one.

        What did not happen after the earlier event, and then the later one, is a run from the earlier one's place. One
        of those that could begin it must be tried there, unless one was, or sleeps.
        """
        if race.earlier < self._given_count:
            return
        order, place = self._order, self.places[race.earlier - self._given_count]
        past = order.past
        length = len(order.events) - (event is not None and order.events[-1] is event)
        others = [at for at in range(race.earlier + 1, length) if not past[at] >> race.earlier & 1]
        beginning: list[Actor] = []
        seen = 0
        for at in others:
            if not past[at] & seen:
                beginning.append(order.events[at].actor)
            seen |= 1 << at
        later = event.actor if event is not None else actor
        if later is not None and not race.before & seen:
            beginning.append(later)
        if any(each in place.to_try for each in beginning):
            return
        possible = [each for each in beginning if each in place.transitions]
        if any(not place.awake(each) for each in possible):
            return
        if possible:
            place.to_try.append(possible[0])


def still_asleep(asleep: Asleep, event: Event) -> Asleep:
    """Return what an event does not wake. Its own actor has gone on, and has nothing that sleeps."""
    return {key: each for key, each in asleep.items() if key[0] != event.actor and not wakes(event.touched, each)}


def branches(system: System, wanted_count: int, *, depth_most: int = 40) -> list[Branch]:
    """Cut the walk into at least so many parts, where it is that large, that can be walked apart.

    Every transition is tried in the places above the branches, so that no race must be reversed there; what was tried
    before sleeps in what is tried after, so that no run is complete in two branches.
    """
    state, _ = system.start()
    found = [Branch((), {}, state)]
    for _ in range(depth_most):
        if len(found) >= wanted_count:
            break
        found = [each for branch in found for each in _split(system, branch)]
    return found


def _split(system: System, branch: Branch) -> list[Branch]:
    transitions = {} if branch.state.watch.violation else system.transitions(branch.state)
    if stuck(transitions):
        return [branch]
    asleep, parts = dict(branch.asleep), []
    for actor, choices in transitions.items():
        for transition in choices:
            if (actor, transition[0]) in asleep:
                continue
            after, event = system.perform(branch.state, actor, transition)
            parts.append(Branch((*branch.path, (event, after)), still_asleep(asleep, event), after))
            asleep[actor, transition[0]] = event.touched
    return parts


def wakes(event: Touched, asleep: Touched) -> bool:
    """Say whether what sleeps, done after this event, may come to something new."""
    return not (
        event.writes.isdisjoint(asleep.writes)
        and event.writes.isdisjoint(asleep.reads)
        and event.reads.isdisjoint(asleep.writes)
        and event.dates.isdisjoint(asleep.writes)
    )


def stuck(transitions: dict[Actor, list[Transition]]) -> bool:
    """Say whether nothing can happen without luck."""
    return all(lucky for each in transitions.values() for _, lucky in each)


def _waited_for(system: System, thread: int, operation: Operation) -> set[Key]:
    """Return the keys whose writes may let a waiting operation through."""
    match operation:
        case Load(address):
            addresses = [address]
        case Poll(watched):
            addresses = [each.address for each in watched]
        case Lock(address):
            addresses = [address]
        case Receive(channel):
            return {("N", channel)}
        case _:
            return set()
    return {key for address in addresses for key in system.memory.keys(address)}
