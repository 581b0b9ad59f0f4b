"""A trace in every engine: the spec, the programs on their memory, the programs under SimPy's clock, the native code.

A trace is of a spec (`fencepost prove` and `check` write those) or of programs (`fencepost explore`). Each engine that
can express it must reach the same violation after the same step; one that cannot says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fencepost import native
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError, Interrupted, NotAccepted, unknown_choice
from fencepost.model.explorer.between_layers import on_programs, on_spec, programs_of
from fencepost.model.explorer.outcome import Outcome, cannot_express, held, violated
from fencepost.model.explorer.run_itf import is_run, read_run
from fencepost.model.explorer.run_trace import Run, RunTrace, run
from fencepost.model.explorer.subjects import LitmusOrigin, ProgramOrigin, SequencerOrigin
from fencepost.model.itf import read_trace
from fencepost.model.simulation.directed import on_simpy
from fencepost.model.trace import Trace
from fencepost.model.trace import replay as replay_on_spec

Engine = Literal["spec", "program", "simpy", "native"]
ENGINES: tuple[Engine, ...] = ("spec", "program", "simpy", "native")


@dataclass(frozen=True)
class Replayed:
    """What became of a trace in each engine that was asked."""

    trace: Trace | RunTrace
    outcomes: dict[Engine, Outcome]

    @property
    def violated_at(self) -> int | None:
        """The step after which the violation was there; None where no engine reached it."""
        return next((each.step for each in self.outcomes.values() if each.kind == "violated"), None)

    @property
    def agree(self) -> bool:
        """Whether all engines that can express the trace come to the same."""
        able = {(each.kind, each.step) for each in self.outcomes.values() if each.kind != "cannot express"}
        return len(able) < 2

    @property
    def verdict(self) -> Verdict:
        """Violated if an engine reached the violation, unknown if none could express the trace."""
        kinds = {each.kind for each in self.outcomes.values()}
        if "violated" in kinds:
            return Verdict.VIOLATED
        return Verdict.NOT_FOUND if "held" in kinds else Verdict.UNKNOWN


def read(path: Path) -> Trace | RunTrace:
    """Read a trace file of either kind. Raises FormatError where it is not what its steps make of it."""
    return read_run(path) if is_run(path) else read_trace(path)


def replay(
    trace: Trace | RunTrace | Path,
    engines: Iterable[Engine] = ENGINES,
    progress: Callable[[str], None] = lambda message: None,
) -> Replayed:
    """Replay a trace, or a trace file, in each of the engines.

    Raises InputError for an unknown engine and a property that a spec's trace cannot be about, and NotAccepted where
    the protocol of a spec's trace refuses one of its steps; Interrupted with what the engines said that were asked.
    """
    given = read(trace) if isinstance(trace, Path) else trace
    asked = tuple(engines)
    for engine in asked:
        if engine not in ENGINES:
            raise unknown_choice("engine", engine, ENGINES)
    outcomes: dict[Engine, Outcome] = {}
    try:
        for engine in asked:
            progress(engine)
            outcomes[engine] = _of_spec(given, engine) if isinstance(given, Trace) else _of_run(run(given), engine)
    except KeyboardInterrupt:
        raise Interrupted(Replayed(given, outcomes)) from None
    return Replayed(given, outcomes)


def run_of(trace: Trace | RunTrace) -> Run:
    """Return the run of a trace; of a spec's trace, the run of its programs.

    Raises InputError where a spec's steps are not those of any programs.
    """
    if isinstance(trace, RunTrace):
        return run(trace)
    try:
        return run(programs_of(trace)[0])
    except (NotAccepted, InputError) as objection:
        raise InputError(f"{trace.protocol.name}: no run of programs to show: {objection}") from None


def _of_spec(trace: Trace, engine: Engine) -> Outcome:
    if engine == "spec":
        found = replay_on_spec(trace)
        return held(found.explanation) if found.violated_at is None else violated(found.violated_at, found.explanation)
    if engine == "program":
        return on_programs(trace)
    try:
        made, places = programs_of(trace)
    except (InputError, NotAccepted) as objection:
        return cannot_express(str(objection))
    outcome = on_simpy(run(made)) if engine == "simpy" else _of_run(run(made), "native")
    return outcome if outcome.step is None else violated(places[outcome.step - 1], outcome.sentence)


def _of_run(made: Run, engine: Engine) -> Outcome:
    if engine == "spec":
        return on_spec(made)
    if engine == "simpy":
        return on_simpy(made)
    if engine == "native":
        if isinstance(made.trace.origin, LitmusOrigin):
            return cannot_express("the native litmus engine explores a file; it follows no schedule")
        if isinstance(made.trace.origin, ProgramOrigin):
            return cannot_express("a program of one's own has no native build")
        return _in_lockstep(made, made.trace.origin)
    if made.violation is None:
        return held(f"nothing is violated in {made.last} steps")
    return violated(made.last, made.violation.sentence)


def _in_lockstep(made: Run, origin: SequencerOrigin) -> Outcome:
    """Let the stepped build follow the schedule beside the model: what both do alike, both do to the same violation."""
    try:
        found = native.lockstep(
            origin.design,
            origin.scenario,
            origin.profile,
            origin.matrix,
            strategy="given",
            schedule=made.trace.schedule,
            lines=made.system.lines,
        )
    except InputError as objection:
        return cannot_express(str(objection))
    if found.difference is not None:
        return held(f"the native build goes another way: {found.difference}")
    alike = f"all {found.operations} operations and their states as in the model"
    if made.violation is None:
        return held(f"nothing is violated in {made.last} steps; {alike}")
    return violated(made.last, f"{made.violation.sentence}; {alike}")
