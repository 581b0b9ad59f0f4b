"""A run again under SimPy's clock: one coherent memory, each thread waiting for its turn.

A store takes effect when it leaves its thread's store buffer, as in the trace; flushes and fences have nothing to do. A
trace in which a thread reads what coherent memory does not hold at that moment cannot be expressed.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from fencepost.model.explorer.pipeline import watch_of
from fencepost.model.explorer.states.formatting import act_words, operation_words, value_words, word_is
from fencepost.model.explorer.states.state import FORWARDED, Act
from fencepost.model.explorer.subjects import SequencerOrigin
from fencepost.model.explorer.traces.outcome import Outcome, cannot_express, held, violated
from fencepost.model.explorer.traces.run_trace import Run
from fencepost.model.memory.lazy import Entry
from fencepost.model.programs.machine import Machine
from fencepost.model.programs.operations import Address, Load, Operation, ThreadOf, line_of
from fencepost.model.programs.pipeline import written_words
from fencepost.model.simulation.programs.costs import Costs
from fencepost.model.trace import Step


class Unheld(Machine):
    """The coherent machine, held against no spec: whoever looks on judges."""

    def perform(self, operation: Operation) -> tuple[Any, Step | None]:
        result = self._execute(operation)
        return result, operation.label(result) if operation.label is not None else None


class Thread:
    """A program and its store buffer; `pending` is None once the program has ended."""

    def __init__(self, thread: ThreadOf) -> None:
        self.name = thread.name
        self.buffer: dict[int, Operation] = {}
        self._program = thread.begin()
        self.pending: Operation | None = next(self._program, None)

    def go_on(self, result: Any) -> None:
        """Send the program the result of its pending operation."""
        try:
            self.pending = self._program.send(result)
        except StopIteration:
            self.pending = None


class Director:
    """Threads under a clock, each of which goes when it is its turn."""

    def __init__(self, made: Run, origin: SequencerOrigin) -> None:
        self.made = made
        self.machine = Unheld(origin.design.spec())
        self.machine.words.update(written_words(origin.design, origin.scenario))
        self.threads = [Thread(each) for each in made.system.threads]
        self.watch = watch_of(origin.design, origin.scenario, origin.asked)
        self.outcome: Outcome | None = None
        self._other = ""  # where the contract was told otherwise of memory than in the trace
        self._environment = simpy.Environment()
        self._costs = Costs()

    def run(self) -> Outcome:
        """Let all turns be taken; return what became of the trace."""
        self._environment.run(self._environment.process(self._direct()))
        return self.outcome or self._end()

    def _direct(self) -> Generator[simpy.Event, Any, None]:
        for number, event in enumerate(self.made.events):
            for act in event.acts:
                yield self._environment.process(self._take(number, act))
                if self.outcome is not None:
                    return

    def _take(self, number: int, act: Act) -> Generator[simpy.Event, Any, None]:
        """Let a thread do what the trace says that it did."""
        thread = self.threads[act.thread]
        if isinstance(act.what, Entry):
            operation = thread.buffer.pop(act.what.number)
            yield self._environment.timeout(self._costs.of(operation))
            self._tell(number, self.machine.perform(operation)[1])
            return
        assert thread.pending is not None
        if act.entry is not None:
            thread.buffer[act.entry.number] = thread.pending
            thread.go_on(0)
            return
        yield self._environment.timeout(self._costs.of(thread.pending))
        step = self._perform(number, thread, act)
        if self.outcome is None:
            self._tell(number, step)

    def _perform(self, number: int, thread: Thread, act: Act) -> Step | None:
        """Perform a thread's pending operation, which must come out as it did in the trace; return its step."""
        operation, said = thread.pending, f"step {number}, {thread.name}: {act_words(act)}"
        assert operation is not None
        if isinstance(operation, Load) and act.choice == FORWARDED:
            thread.go_on(act.result)
            return operation.label(act.result) if operation.label is not None else None
        if self.machine.blocked(operation):
            self.outcome = cannot_express(f"{said}; on coherent memory it waits there")
            return None
        found, step = self.machine.perform(operation)
        if found != act.result:
            self.outcome = cannot_express(f"{said}; coherent memory has {value_words(found)} there")
            return None
        thread.go_on(found)
        return step

    def _tell(self, number: int, step: Step | None) -> None:
        """Tell whoever looks on of a step; judge when there is an objection."""
        if step is None:
            return
        asked = self.watch.asks(step)
        for address in asked:
            self._note_other(number, address)
        self.watch = self.watch.after(step, tuple(self._inspect(each) for each in asked))
        violation, wanted = self.watch.violation, self.made.violation
        if violation is None:
            return
        if wanted is not None and violation.property == wanted.property:
            self.outcome = violated(number, violation.sentence)
        else:
            self.outcome = cannot_express(f"step {number}: {violation.property} is violated: {violation.sentence}")

    def _note_other(self, number: int, address: Address) -> None:
        """Note where the contract asks for a word that the memory of the trace has otherwise."""
        cells, memory = self.made.states[number].cells, self.made.system.memory
        there, here = memory.memory(cells, line_of(address)).get(address[-1], 0), self._inspect(address)
        if there != here and not self._other:
            self._other = f"step {number}: memory has {word_is(address, there)}, coherent memory {value_words(here)}"

    def _inspect(self, address: Address) -> Any:
        return self.machine.words.get(address, 0)

    def _end(self) -> Outcome:
        """Judge a run that has taken all its turns; one whose violation is of its end must be unable to go on."""
        wanted, last = self.made.violation, self.made.last
        if wanted is None or self.made.states[-1].watch.violation is not None:
            if self._other:
                return cannot_express(self._other)
            return held(f"all {last} steps happen, and {wanted.property if wanted else 'the contract'} holds")
        for thread in self.threads:
            if thread.pending is not None and not self.machine.blocked(thread.pending):
                return cannot_express(f"on coherent memory {thread.name} goes on: {operation_words(thread.pending)}")
        violation = self.watch.at_end(self._inspect)
        if violation is not None and violation.property == wanted.property:
            return violated(last, violation.sentence)
        return held(f"all {last} steps happen, and {wanted.property} holds at the end")


def on_simpy(made: Run) -> Outcome:
    """Return what becomes of a run under SimPy's clock, on one coherent memory."""
    origin = made.trace.origin
    if not isinstance(origin, SequencerOrigin):
        return cannot_express("SimPy runs the programs of sequencers alone")
    return Director(made, origin).run()
