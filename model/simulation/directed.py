"""A run again under SimPy's clock: one coherent memory, each thread waiting for its turn.

A store happens here when it left its store buffer there, or when its thread goes on to something that others notice. A
trace in which a thread reads what coherent memory does not hold at that moment cannot be expressed.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import simpy

from fencepost.model.explorer.outcome import Outcome, cannot_express, held, violated
from fencepost.model.explorer.run_trace import Run
from fencepost.model.explorer.state import Act
from fencepost.model.explorer.subjects import SequencerOrigin
from fencepost.model.explorer.watch import Watch
from fencepost.model.explorer.words import act_words, operation_words, value_words
from fencepost.model.memory.late import Entry
from fencepost.model.programs.machine import Machine
from fencepost.model.programs.operations import (
    Attempted,
    Flush,
    LoadFence,
    Operation,
    Prefetch,
    Sleep,
    StoreFence,
    Witness,
)
from fencepost.model.programs.pipeline import written_words
from fencepost.model.programs.threads import Thread
from fencepost.model.simulation.costs import Costs
from fencepost.model.trace import Step

_UNNOTICED = (Attempted, Flush, LoadFence, Prefetch, Sleep, StoreFence, Witness)
"""What others do not notice: it waits with the stores before it for these to happen."""


class Unheld(Machine):
    """The coherent machine, held against no spec: whoever looks on judges."""

    def perform(self, operation: Operation) -> tuple[Any, Step | None]:
        result = self._execute(operation)
        return result, operation.label(result) if operation.label is not None else None


@dataclass
class Turn:
    """One operation that a thread is to perform, in which step of the trace, and what came of it there."""

    thread: int
    step: int
    act: Act
    told_at_start: bool  # its step of the spec was told of before the first step


def turns_of(made: Run) -> list[Turn]:
    """Return the operations of a run in the order in which they happen on coherent memory."""
    waiting: list[list[Turn]] = [[] for _ in made.system.threads]
    found: list[Turn] = []

    def happen(mine: list[Turn], count: int, step: int) -> None:
        while count < len(mine) and isinstance(mine[count].act.what, _UNNOTICED):
            count += 1
        for turn in mine[:count]:
            turn.step = step
        found.extend(mine[:count])
        del mine[:count]

    for number, event in enumerate(made.events):
        for act in event.acts:
            mine = waiting[act.thread]
            if isinstance(act.what, Entry):
                places = [at for at, turn in enumerate(mine) if turn.act.entry == act.what]
                happen(mine, places[0] + 1 if places else 0, number)
                continue
            mine.append(Turn(act.thread, number, act, number == 0 and act.step is not None))
            noticed = act.entry is None and not isinstance(act.what, _UNNOTICED)
            happen(mine, len(mine) if noticed else 0, number)
    return found


class Director:
    """Threads under a clock, each of which goes when it is its turn."""

    def __init__(self, made: Run, origin: SequencerOrigin) -> None:
        self.made, self.origin = made, origin
        self.machine = Unheld(origin.design.spec())
        self.machine.words.update(written_words(origin.design, origin.scenario))
        self.threads = [Thread(each.name, each.begin()) for each in made.system.threads]
        self.watch: Watch = made.states[0].watch
        self.outcome: Outcome | None = None
        self._environment = simpy.Environment()
        self._costs = Costs()

    def run(self) -> Outcome:
        """Let all turns be taken; return what became of the trace."""
        self._environment.run(self._environment.process(self._direct()))
        return self.outcome or self._end()

    def _direct(self) -> Generator[simpy.Event, Any, None]:
        for turn in turns_of(self.made):
            yield self._environment.process(self._take(turn))
            if self.outcome is not None:
                return

    def _take(self, turn: Turn) -> Generator[simpy.Event, Any, None]:
        thread, operation = self.threads[turn.thread], self.threads[turn.thread].pending
        assert operation is not None
        yield self._environment.timeout(self._costs.of(operation))
        said = f"step {turn.step}, {thread.name}: {act_words(turn.act)}"
        if self.machine.blocked(operation):
            self.outcome = cannot_express(f"{said}; on coherent memory it waits there")
            return
        found = self._peek(operation)
        if found != turn.act.result:
            self.outcome = cannot_express(f"{said}; coherent memory has {value_words(found)} there")
            return
        _, step = thread.step(self.machine)
        if step is None or turn.told_at_start:
            return
        self.watch = self.watch.after(step, tuple(self._inspect(each) for each in self.watch.asks(step)))
        if self.watch.violation is not None and turn.step:
            self.outcome = self._reached(turn.step)

    def _peek(self, operation: Operation) -> Any:
        """Return the result that an operation would have, without performing it."""
        words, channels = self.machine.words.copy(), {key: list(each) for key, each in self.machine.channels.items()}
        result, _ = self.machine.perform(operation)
        self.machine.words, self.machine.channels = words, channels
        return result

    def _inspect(self, address: tuple[str | int, ...]) -> Any:
        return self.machine.words.get(address, 0)

    def _reached(self, step: int) -> Outcome:
        violation, wanted = self.watch.violation, self.made.violation
        assert violation is not None
        if wanted is not None and violation.property == wanted.property:
            return violated(step, violation.sentence)
        return cannot_express(f"step {step}: {violation.property} is violated before: {violation.sentence}")

    def _end(self) -> Outcome:
        """Judge a run that has taken all its turns; one whose violation is of its end must be unable to go on."""
        wanted, last = self.made.violation, self.made.last
        if wanted is None or self.made.states[-1].watch.violation is not None:
            return held(f"all {last} steps happen, and {wanted.property if wanted else 'the contract'} holds")
        for thread in self.threads:
            if thread.ready(self.machine):
                assert thread.pending is not None
                return cannot_express(f"on coherent memory {thread.name} goes on: {operation_words(thread.pending)}")
        violation = self.watch.at_end(self._inspect)
        if violation is not None and violation.property == wanted.property:
            return violated(last, violation.sentence)
        return held(f"all {last} steps happen, and {wanted.property} holds at the end")


def on_simpy(made: Run) -> Outcome:
    """Return what becomes of a run under SimPy's clock, on one coherent memory."""
    origin = made.trace.origin
    if not isinstance(origin, SequencerOrigin):
        return cannot_express("SimPy runs the programs of sequencers, and a litmus file is none")
    return Director(made, origin).run()
