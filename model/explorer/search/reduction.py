"""Every run of a small system, each once up to the order of steps that have nothing to do with each other.

Dynamic partial-order reduction with source sets and sleep sets (Abdulla, Aronis, Jonsson, Sagonas, POPL 2014; sleep
sets: Godefroid 1996), over threads, buffer entries and the choices of memory. A run is extended in one way; where two
of its events race, the one that came later is tried first, at the place where the earlier one was done (`_reverse`).
What was tried at a place sleeps in the branches tried after it, until an event wakes it that it does not commute with:
so no two complete runs differ only in the order of commuting steps. Runs in which all that could go on sleeps are
`blocked`: they are not complete, and are counted apart.

Where all steps commute both ways, as under `sc`, the number of complete runs is the number of classes. On memory that
is not coherent some runs are also covered by others that can end in all that they can (`Footprint.dates`), and how many
are left depends on which came first.

A load that chose an older version commutes with later write-backs, which would only have given it more to choose from:
that is a race (`Footprint.widens`), and no order.

A run that could only go on with luck (`system.py`) is complete where it stands, and is also carried on.

How far a search has come is its `Standing` at each place of the run that it is extending: the rest follows from the
programs. So a search can be interrupted and restored, and a part of it, all that comes after one step, can be searched
by another process: that hands back, as `Request`s, what its races ask to be tried at places that are not its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from fencepost.model.errors import InputError
from fencepost.model.explorer.search.order import Order, Race
from fencepost.model.explorer.states.state import THREAD, Actor, Event, State, Transition
from fencepost.model.explorer.states.system import System
from fencepost.model.memory.lazy import Choice, Footprint, Key
from fencepost.model.programs.operations import Load, Lock, Operation, Poll, Receive

SleepSet = dict[tuple[Actor, Choice], Footprint]
DEPTH_MOST = 5_000


@dataclass
class Counts:
    """What was seen."""

    complete: int = 0
    blocked: int = 0  # cut short by a sleep set
    cut: int = 0  # longer than the depth
    steps: int = 0

    def add(self, other: Counts) -> None:
        self.complete += other.complete
        self.blocked += other.blocked
        self.cut += other.cut
        self.steps += other.steps


class End(NamedTuple):
    """The end of one run: its state and its events; it is complete, or longer than may be (`cut`), or asleep."""

    state: State
    events: tuple[Event, ...]
    complete: bool
    cut: bool = False


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """How far the search of one place has come: the actors tried there, in order, and how many transitions were."""

    to_try: tuple[Actor, ...]
    tried_count: int


class Request(msgspec.Struct, frozen=True, array_like=True):
    """What a race asks of a place, given by its number in the run: to try one of these actors."""

    place: int
    beginning: tuple[Actor, ...]


class NoSuchPlace(InputError):
    """A standing is not one that a search of this system can come to."""


class Place:
    """One state of the run that is being extended, and what has been and is to be tried from it."""

    __slots__ = ("asleep", "current", "done", "pending", "state", "to_try", "transitions", "tried_count")

    def __init__(self, state: State, transitions: dict[Actor, list[Transition]], asleep: SleepSet) -> None:
        self.state, self.transitions, self.asleep = state, transitions, asleep
        self.to_try: list[Actor] = []  # every actor that is or was to be tried here
        self.done = 0  # how many of them were
        self.current: Actor | None = None
        self.pending: list[Transition] = []  # what is left to try of the current actor
        self.tried_count = 0  # transitions

    def awake(self, actor: Actor) -> list[Transition]:
        """Return the transitions of an actor that do not sleep."""
        return [each for each in self.transitions[actor] if (actor, each[0]) not in self.asleep]

    def committed_count(self) -> int:
        """Return how many transitions were tried or are going to be."""
        following = sum(len(self.awake(actor)) for actor in self.to_try[self.done :])
        return self.tried_count + len(self.pending) + following

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
    """A search through the runs of a system, from its beginning or from where it stood.

    The first `given_count` places are those of another search, of which this one is a part: all runs that take the next
    transition of the last of them, or what is left of those.
    """

    def __init__(
        self,
        system: System,
        standings: Sequence[Standing] = (),
        *,
        given_count: int = 0,
        depth_most: int = DEPTH_MOST,
        counts: Counts | None = None,
        on_step: Callable[[], None] = lambda: None,
    ) -> None:
        """Restore a search; `on_step` is called for each step that this takes, and may raise.

        Raises NoSuchPlace for standings that are not of this system.
        """
        self.system, self.depth_most, self.given_count = system, depth_most, given_count
        self.counts = counts or Counts()
        self.requests: dict[Request, None] = {}  # in the order of the races that they are from
        self._order = Order(system)
        self.places: list[Place] = []
        state, beginning = system.start()
        self._order.begin(beginning)
        self._enter(state, {})
        self._fresh = not standings  # the first state was not looked at yet
        for number, standing in enumerate(standings, start=1):
            self._restore(standing, on_step, is_last=number == len(standings))

    def ends(self) -> Iterator[End]:
        """Yield the end of every run. Raises LinesChanged where the search must begin again."""
        while True:
            end = self.advance()
            if end is not None:
                yield end
            if not self.has_more:
                return

    @property
    def has_more(self) -> bool:
        """Say whether there is something left to do at this search's own places, once it has begun."""
        return len(self.places) > self.given_count

    def standings(self) -> tuple[Standing, ...]:
        """Return where the search stands; nothing where it has not begun."""
        return () if self._fresh else tuple(Standing(tuple(each.to_try), each.tried_count) for each in self.places)

    def advance(self) -> End | None:
        """Take one step, or leave a place where all was tried; return the end of a run, if that is one."""
        if self._fresh:
            self._fresh = False
            return self._end()
        tried = self.places[-1].next()
        if tried is None:
            self._leave()
            return None
        self._step(*tried)
        return self._end()

    def pass_over(self) -> None:
        """Take the next transition of the last place as tried: its runs were visited by another search."""
        place = self.places[-1]
        tried = place.next()
        assert tried is not None
        _, event = self.system.perform(place.state, *tried)
        place.asleep[event.actor, event.choice] = event.touched

    def _restore(self, standing: Standing, on_step: Callable[[], None], *, is_last: bool) -> None:
        """Bring the last place to where it stood and, unless it is to be the last one, enter the next."""
        place = self.places[-1]
        expected, actors = place.to_try, standing.to_try
        if list(actors[:1]) != expected or len(set(actors)) != len(actors) or not place.transitions.keys() >= {*actors}:
            raise NoSuchPlace(f"place {len(self.places)} tries {list(actors)}: expected first {expected}")
        place.to_try = list(actors)
        if not (0 if is_last else 1) <= standing.tried_count <= place.committed_count():
            raise NoSuchPlace(
                f"place {len(self.places)} has {standing.tried_count} transitions tried: there are"
                f" {place.committed_count()}"
            )
        for number in range(1, standing.tried_count + 1):
            on_step()
            tried = place.next()
            assert tried is not None
            after, event = self.system.perform(place.state, *tried)
            if number == standing.tried_count and not is_last:
                self._order.push(event)
                self._enter(after, still_asleep(place.asleep, event))
            place.asleep[event.actor, event.choice] = event.touched

    def _step(self, actor: Actor, transition: Transition) -> None:
        place = self.places[-1]
        after, event = self.system.perform(place.state, actor, transition)
        self.counts.steps += 1
        passed_over = self._passed_over(actor[0]) if actor[1] == THREAD else []
        for race in (*self._order.push(event), *passed_over):
            self._reverse(race, event)
        self._enter(after, still_asleep(place.asleep, event))
        place.asleep[actor, event.choice] = event.touched

    def _enter(self, state: State, asleep: SleepSet) -> None:
        transitions = {} if state.watch.violation else self.system.transitions(state)
        place = Place(state, transitions, asleep)
        if len(self._order.events) < self.depth_most:
            first = self._first(place)
            if first is not None:
                place.to_try.append(first)
        self.places.append(place)

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
            self.counts.cut += 1
            return End(place.state, tuple(events), False, cut=True)
        if not stuck(place.transitions):
            if place.to_try:
                return None
            self._reverse_asleep(place)
            self.counts.blocked += 1
            return End(place.state, tuple(events), False)
        self._reverse_waiting(place.state)
        self.counts.complete += 1
        return End(place.state, tuple(events), True)

    def _reverse_waiting(self, state: State) -> None:
        """A thread that waits in vain might have been let through earlier: treat what it waits for as a race."""
        for thread, node in enumerate(state.nodes):
            operation = node.operation
            if operation is None or state.watch.violation:
                continue
            for race in self._order.waiting(thread, _waited_for(self.system, thread, operation)):
                self._reverse(race, None, (thread, THREAD))

    def _reverse_asleep(self, place: Place) -> None:
        """A wait that sleeps has an answer that was tried before: it might have been let through by another one."""
        for thread, number in place.transitions:
            for race in self._passed_over(thread) if number == THREAD else ():
                self._reverse(race, None, (thread, THREAD))

    # --- races ---

    def _passed_over(self, thread: int) -> list[Race]:
        """Return the races of a wait with earlier events that took back what would have ended it.

        A poll for a word that is 1, then 0 again, then 2 may end at the 1 and at the 2. In a run in which it ends at
        the 2 its nearest event is the store of the 2, before which it cannot go on at all: that it could before the
        store of the 0, no chain of nearest events would show. Nor would one show it of a poll for two words that ends
        at the other one, which has nothing to do with this. To be asked before the wait's own event is in the order.
        """
        now = self.places[-1].state
        operation = now.nodes[thread].operation
        if not isinstance(operation, Load | Poll | Receive):
            return []
        return [
            race
            for race in self._order.waiting(thread, _waited_for(self.system, thread, operation))
            if self._order.events[race.earlier].actor[0] != thread
            and self.system.answers(self.places[race.earlier].state, now, thread)
            - self.system.answers(self.places[race.earlier + 1].state, now, thread)
        ]

    def _reverse(self, race: Race, event: Event | None, actor: Actor | None = None) -> None:
        """See to it that the later of two racing events is also tried before the earlier one.

        What did not happen after the earlier event, and then the later one, is a run from the earlier one's place. One
        of those that could begin it must be tried there, unless one was, or sleeps.
        """
        order = self._order
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
        self.ask(Request(race.earlier, tuple(beginning)))

    def ask(self, request: Request) -> None:
        """Try one of the actors of a request at its place, unless one is, or sleeps; pass it on for a given place."""
        place, beginning = self.places[request.place], request.beginning
        if any(each in place.to_try for each in beginning):
            return
        possible = [each for each in beginning if each in place.transitions]
        if not possible or any(not place.awake(each) for each in possible):
            return
        if request.place < self.given_count:
            self.requests[request] = None
        else:
            place.to_try.append(possible[0])


def still_asleep(asleep: SleepSet, event: Event) -> SleepSet:
    """Return what an event does not wake. Its own actor has gone on, and has nothing that sleeps."""
    return {key: each for key, each in asleep.items() if key[0] != event.actor and not wakes(event.touched, each)}


def wakes(event: Footprint, asleep: Footprint) -> bool:
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
    """Return the keys whose writes may let a waiting operation through, or take back what would have."""
    match operation:
        case Load(address):
            addresses = [address]
        case Poll(watched):
            addresses = [each.address for each in watched]
        case Lock(address):
            addresses = [address]
        case Receive(channel):
            return {("N", channel), ("T", channel)}
        case _:
            return set()
    return {key for address in addresses for key in system.memory.keys(address)}
