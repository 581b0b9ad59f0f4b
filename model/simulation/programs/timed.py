"""The programs on non-coherent memory under SimPy's clock: every thread and every buffer entry takes its time.

A thread waits for the cost of its operation before it does it, an entry of a store buffer for that of its drain; what
memory does of itself is drawn by chance. Delays are drawn from an exponential distribution around the cost, so that any
order of steps may happen and the usual orders happen often.
"""

from __future__ import annotations

from collections.abc import Generator
from random import Random
from typing import TypeAlias

import simpy

from fencepost.model.explorer.search.strategies import LUCK, choose
from fencepost.model.explorer.states.state import THREAD, Actor, Event, State
from fencepost.model.explorer.states.system import System
from fencepost.model.memory.lines import LinesChanged
from fencepost.model.simulation.programs.costs import Costs

Processes: TypeAlias = Generator[simpy.Event, object, None]
WRITE_BACK_NS = 100  # mean; an order of magnitude for a line on its way to another host's memory
STEPS_MOST = 2_000


def timed_run(
    system: System, seed: int, *, costs: Costs | None = None, steps_most: int = STEPS_MOST
) -> tuple[State, list[Event], bool]:
    """Run once; return the last state, the events, and whether the run came to its end.

    It ends where nothing can go on without luck, or where the watch objects. The same seed gives the same run.
    """
    while True:
        try:
            return _Clock(system, Random(seed), costs or Costs(), steps_most).run()
        except LinesChanged:
            continue


class _Clock:
    """One run: a SimPy process for each thread, and one for each entry of a store buffer."""

    def __init__(self, system: System, random: Random, costs: Costs, steps_most: int) -> None:
        self._system, self._random, self._costs, self._steps_most = system, random, costs, steps_most
        self._environment = simpy.Environment()
        self._changed = self._environment.event()
        self._events: list[Event] = []
        self._draining: set[Actor] = set()  # entries that have their process
        self._state, _ = system.start()

    def run(self) -> tuple[State, list[Event], bool]:
        for thread in range(len(self._system.threads)):
            self._environment.process(self._thread(thread))
        self._begin_drains()
        self._environment.run()
        return self._state, self._events, len(self._events) < self._steps_most or self._objected

    @property
    def _objected(self) -> bool:
        return self._state.watch.violation is not None

    def _thread(self, thread: int) -> Processes:
        """The life of a thread."""
        while (operation := self._state.nodes[thread].operation) is not None:
            yield self._after(self._costs.of(operation))
            if not (yield from self._step((thread, THREAD))):
                return

    def _entry(self, actor: Actor) -> Processes:
        """The life of an entry of a store buffer."""
        yield self._after(WRITE_BACK_NS)
        yield from self._step(actor)

    def _step(self, actor: Actor) -> Generator[simpy.Event, object, bool]:
        """Take an actor's next step as soon as it can; return False when the run is over."""
        while True:
            if self._objected or len(self._events) >= self._steps_most:
                return False
            choices = self._system.transitions(self._state).get(actor, [])
            if choices and (not all(lucky for _, lucky in choices) or self._random.random() < LUCK):
                break
            yield self._changed
        self._state, event = self._system.perform(self._state, actor, choose(choices, self._random))
        self._events.append(event)
        self._begin_drains()
        changed, self._changed = self._changed, self._environment.event()
        changed.succeed()
        return True

    def _begin_drains(self) -> None:
        """Begin the life of every entry that has come into a buffer."""
        for thread, buffer in enumerate(self._state.buffers):
            for entry in buffer:
                actor = (thread, entry.number)
                if actor not in self._draining:
                    self._draining.add(actor)
                    self._environment.process(self._entry(actor))

    def _after(self, mean_ns: int) -> simpy.Event:
        return self._environment.timeout(self._random.expovariate(1 / mean_ns) if mean_ns else 0)
