"""Model and native code side by side: one schedule, the same operations with the same values, the same states.

The native run is made first, in one go, and written down; then the model takes the same steps, and what it does is
held against that line by line. States are compared every so many steps and at the end; where two differ, the run is
made again and compared after each step, so that the first difference is named with its step.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.explorer.search.schedule import Schedule
from fencepost.model.explorer.states.formatting import act_words, line_words, operation_words
from fencepost.model.explorer.states.state import Event, State
from fencepost.model.explorer.states.system import System
from fencepost.model.memory import MATRIX, PROFILE, matrix, profile
from fencepost.model.memory.lines import Lines, LinesChanged
from fencepost.model.programs.pipeline import Design, Scenario, threads_of, written_words
from fencepost.model.programs.structures import Structure
from fencepost.native import _core
from fencepost.native.schedules.decoded import Decoder, Transitions, first_difference
from fencepost.native.schedules.encoded_run import THREAD_OF, WIDTH, Rows, snapshot
from fencepost.native.schedules.pipeline import Mutant, native_pipeline
from fencepost.native.schedules.stepped import Names, bits_of, learn, masks_of, rows_of, schedule_of
from fencepost.native.schedules.structures import native_structure

__all__ = ["Difference", "Lockstep", "lockstep"]

STRATEGIES = ("random", "pct", "given")
STEPS_MOST = 5_000
INTERVAL = 256  # steps between two comparisons of states


@dataclass(frozen=True)
class Difference:
    """The first thing that is not the same: after which step of the schedule, whose it was, and what each did."""

    run: int
    step: int
    thread: str
    model: str
    native: str

    def __str__(self) -> str:
        return (
            f"run {self.run}, step {self.step}, {self.thread}: the model {self.model}, the native build {self.native}"
        )


@dataclass
class Lockstep:
    """What a comparison came to. A step is a transition of the schedule; it may hold several operations."""

    design: str
    scenario: Scenario | None  # None of a structure, which brings its program with it
    profile: str
    runs: int = 0
    steps: int = 0
    operations: int = 0
    states: int = 0
    native_seconds: float = 0.0
    model_seconds: float = 0.0
    difference: Difference | None = None
    schedule: Schedule = field(default=())  # of the run with the difference

    @property
    def same(self) -> bool:
        """Say whether no difference was found."""
        return self.difference is None


def lockstep(
    design: Design | Structure,
    scenario: Scenario | None = None,
    profile_name: str = PROFILE,
    matrix_name: str = MATRIX,
    *,
    strategy: str = "random",
    schedule: Schedule = (),
    lines: Lines | None = None,
    runs: int = 10,
    seed: int = 0,
    pct_depth: int = 3,
    steps_most: int = STEPS_MOST,
    mutant: Mutant = Mutant.NONE,
    native: Any = _core,
) -> Lockstep:
    """Run the model and the native build under the same schedules and compare all that they do.

    What runs is a design on a scenario, or the small program of a shared structure, which has none.

    Schedules are drawn (`random`, `pct`), or the one `given`, with the `lines` that its choices are said with
    (`Explored.lines`). `mutant` builds a fault into the native side, which must then be found; `native` is a compiled
    module with the stepped part of `_core`, by default that one. Raises InputError for what the stepped build does not
    support, or a schedule that it cannot follow.
    """
    if strategy not in STRATEGIES:
        raise unknown_choice("strategy", strategy, STRATEGIES)
    for name, value, least in (("runs", runs, 1), ("steps_most", steps_most, 1), ("pct_depth", pct_depth, 1)):
        if value < least:
            raise InputError(f"{name} is {value}: expected at least {least}")
    found = Lockstep(design.name, scenario, profile_name)
    side = _side(design, scenario, profile_name, matrix_name, mutant, native)
    if lines is not None:
        side.runs.learn(masks_of(lines, side.names))
    longest = 50
    for run in range(1 if strategy == "given" else runs):
        began = time.perf_counter()
        if strategy == "given":
            fields = side.follow(schedule, INTERVAL)
        else:
            fields = side.draw(strategy, seed, run, pct_depth, longest, steps_most)
        found.native_seconds += time.perf_counter() - began
        longest = max(longest, len(fields["schedule"]))
        with _collecting_at_the_end():
            _compare(side, fields, run, found)
        if found.difference is not None:
            break
    return found


@contextmanager
def _collecting_at_the_end() -> Iterator[None]:
    """Keep the collector from looking through a run while it grows: it takes a fifth of the time and finds nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
            gc.collect(0)  # the run, which is all that is young


class _Side:
    """The native side of a comparison, and how a model beside it is made."""

    def __init__(
        self, runs: _core.Pipeline | _core.Structure, names: Names, beside: Callable[[], System], native: Any
    ) -> None:
        self.runs, self.names, self.beside, self.native = runs, names, beside, native

    def follow(self, schedule: Schedule, interval: int) -> _core.RecordFields:
        """Run a schedule in the native build."""
        try:
            return self.runs.follow(rows_of(schedule, self.names.hosts), interval=interval)
        except self.native.Refused as refused:
            raise InputError(str(refused)) from None

    def draw(
        self, strategy: str, seed: int, run: int, pct_depth: int, steps: int, steps_most: int
    ) -> _core.RecordFields:
        """Draw a run in the native build."""
        search = self.native.Search(
            strategy=2 if strategy == "pct" else 1, seed=seed, pct_depth=pct_depth, seconds=0, depth=steps_most, runs=1
        )
        return self.runs.draw(search, run=run, steps=steps, interval=INTERVAL)

    def model(self, lines: list[tuple[int, int, int]]) -> System:
        """Return the model, unwatched, with what the native build learned of lines."""
        system = self.beside()
        learn(system, lines, self.names)
        return system


def _side(
    design: Design | Structure,
    scenario: Scenario | None,
    profile_name: str,
    matrix_name: str,
    mutant: Mutant,
    native: Any,
) -> _Side:
    under, ordering = profile(profile_name), matrix(matrix_name)
    if isinstance(design, Structure):
        if scenario is not None or mutant is not Mutant.NONE:
            raise InputError(
                f"{design.name} has neither a scenario nor a mutant: its variants are programs, leave them out"
            )
        made, names = native_structure(design, under, ordering, native)
        return _Side(made, names, lambda: System(design.threads, under, ordering, words=design.words), native)
    if scenario is None:
        raise InputError(f"{design.name} needs a scenario")
    pipeline, names = native_pipeline(design, scenario, under, ordering, mutant=mutant, native=native)

    def model() -> System:
        threads, words = threads_of(design, scenario), written_words(design, scenario)
        return System(threads, under, ordering, words=words)

    return _Side(pipeline, names, model, native)


def _compare(side: _Side, fields: _core.RecordFields, run: int, found: Lockstep) -> None:
    """Let the model take the steps of a native run; note the first difference."""
    began = time.perf_counter()
    made = Comparison(side.model, side.names, fields, run)
    difference, state_differs = made.through()
    if state_differs:
        fields = side.follow(schedule_of(fields["schedule"], side.names.hosts), 1)
        again, _ = Comparison(side.model, side.names, fields, run).through()
        difference = again or difference
    found.runs += 1
    found.steps += made.step
    found.operations += len(fields["acts"])
    found.states += made.states_count
    found.difference = difference
    if difference is not None:
        found.schedule = schedule_of(fields["schedule"][: difference.step], side.names.hosts)
    found.model_seconds += time.perf_counter() - began


Model = Callable[[list[tuple[int, int, int]]], System]
"""Makes the model, with what the native build learned of lines."""


class Comparison:
    """One run of the model beside what the native build wrote down. `state` is how far the model came."""

    def __init__(self, model: Model, names: Names, fields: _core.RecordFields, run: int = 0) -> None:
        self.names = names
        self.schedule = schedule_of(fields["schedule"], names.hosts)
        self.acts: list[int] = fields["acts"].ravel().tolist()  # flat: many small lists would keep the collector busy
        self.snapshots = dict(fields["snapshots"])
        self.lines = fields["lines"]
        self.system = model(self.lines)
        self.state: State | None = None
        self.rows = Rows(self.names)
        self.decoder = Decoder(self.names, [thread.name for thread in self.system.threads])
        self.run, self.step, self.at, self.states_count = run, 0, 0, 0

    def through(self) -> tuple[Difference | None, bool]:
        """Take all steps; return the first difference, and whether states may have differed before."""
        try:
            state, event = self.system.start()
            self.state, difference = state, self._acts(event)
            for number, (actor, choice) in enumerate(self.schedule, start=1):
                if difference is not None:
                    return difference, False
                if number - 1 in self.snapshots and (difference := self._state(state)) is not None:
                    return difference, True
                self.step = number
                state, event = self.system.perform(state, actor, (choice, False))
                self.state = state
                difference = self._acts(event)
        except LinesChanged:
            return self._line_changed(), True
        except (StopIteration, LookupError, AssertionError, TypeError, ValueError):
            return self._difference(*self._at_the_step()), True
        if difference is None and (difference := self._state(state)) is not None:
            return difference, True
        return difference, False

    def _difference(self, model: str, native: str, thread: int | None = None) -> Difference:
        if thread is None:
            thread = self.schedule[self.step - 1][0][0] if self.step else 0
        return Difference(self.run, self.step, self.system.threads[thread].name, model, native)

    def _at_the_step(self) -> tuple[str, str]:
        """Return what the model may do where it cannot take the step, and what the native build does in it."""
        assert self.state is not None
        actor, _ = self.schedule[self.step - 1]
        transitions = self.system.transitions(self.state).get(actor, [])
        choices = {bits_of(choice, self.names.hosts): lucky for choice, lucky in transitions}
        return self.decoder.may(self.state, actor, choices), f"does {self._next_act(actor[0])}"

    def _line_changed(self) -> Difference:
        """Return which line the model uses as no thread, host or writer does in the native run."""
        known = dict(zip(self.names.lines, self.lines, strict=True))
        found = masks_of(self.system.lines, self.names)
        changed = [line for line, masks in zip(self.names.lines, found, strict=True) if masks != tuple(known[line])]
        new = [line for line in self.system.lines.users if line not in known]
        thread = self.schedule[self.step - 1][0][0] if self.step else 0
        name = line_words((*changed, *new)[0]) if changed or new else "a line"
        return self._difference(f"goes on to {name}", f"does not use it like that and does {self._next_act(thread)}")

    def _next_act(self, thread: int) -> str:
        """Return what a thread does next in the native run."""
        for at in range(self.at, len(self.acts), WIDTH):
            if self.acts[at + THREAD_OF] == thread:
                return self.decoder.act(self.acts[at : at + WIDTH])
        return "nothing more in this run"

    def _acts(self, event: Event) -> Difference | None:
        """Hold the acts of an event against those written down."""
        number, at, acts = self.step, self.at, self.acts
        for act in event.acts:
            theirs = acts[at : at + WIDTH]
            is_of_the_step = bool(theirs) and theirs[0] == number
            try:
                mine = self.rows.row(number, act)
            except (LookupError, TypeError, ValueError):  # nothing that the native build has numbers for
                native = self.decoder.act(theirs) if is_of_the_step else "nothing more"
                return self._difference(f"does {act_words(act)}", f"does {native}", act.thread)
            if mine != theirs:
                if not is_of_the_step:
                    return self._difference(f"does {self.decoder.act(mine)}", "does nothing more", act.thread)
                model, native = self.decoder.difference(mine, theirs)
                thread = act.thread if theirs[THREAD_OF] == act.thread else None
                return self._difference(f"does {model}", f"does {native}", thread)
            at += WIDTH
        self.at = at
        if at < len(acts) and acts[at] == number:
            native = self.decoder.act(acts[at : at + WIDTH])
            return self._difference("does nothing more", f"does {native}", acts[at + THREAD_OF])
        return None

    def _state(self, state: State) -> Difference | None:
        """Hold a state against the one written down."""
        self.states_count += 1
        theirs = self.snapshots[self.step]
        mine = snapshot(self.system, state, self.rows)
        if mine == theirs:
            return None
        my_facts, my_pending, my_transitions = self.decoder.state(mine)
        their_facts, their_pending, their_transitions = self.decoder.state(theirs)
        if (fact := first_difference(my_facts, their_facts)) is not None:
            name, model, native = fact
            return self._difference(f"has {name}: {model}", f"has {native}")
        for thread, (one, other) in enumerate(zip(my_pending, their_pending, strict=True)):
            if one != other:
                operation = state.nodes[thread].operation
                model = "has ended" if operation is None else f"is at {operation_words(operation)}"
                return self._difference(model, f"is at {other}" if other else "has ended", thread)
        return self._next_differs(state, my_transitions, their_transitions)

    def _next_differs(self, state: State, mine: Transitions, theirs: Transitions) -> Difference:
        """Return that a thread may do something next in one of the two that it may not do in the other."""
        actor = next(
            (each for each in sorted({*mine, *theirs}) if mine.get(each) != theirs.get(each)),
            next(iter(mine), (0, 0)),  # the same, in another order
        )
        model, native = (self.decoder.may(state, actor, each.get(actor, {})) for each in (mine, theirs))
        return self._difference(model, native, actor[0])
