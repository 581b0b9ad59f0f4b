"""A trace in every engine: the spec, the programs on their memory, the programs under SimPy's clock, the native code.

A trace is of a spec (`fencepost prove` and `check` write those) or of programs (`fencepost explore`). Each engine that
can express it must reach the same violation after the same step; one that cannot says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fencepost import native
from fencepost.model.errors import InputError, Interrupted, NotAccepted
from fencepost.model.explorer.subjects import LitmusOrigin, ProgramOrigin, SequencerOrigin
from fencepost.model.explorer.traces.outcome import Outcome, cannot_express, held, violated
from fencepost.model.explorer.traces.run_itf import is_run, read_run
from fencepost.model.explorer.traces.run_trace import Run, RunTrace, run
from fencepost.model.explorer.traces.translation import on_programs, on_spec, programs_of
from fencepost.model.itf import read_trace
from fencepost.model.own import used
from fencepost.model.report import Progress, engines_of
from fencepost.model.simulation.programs.directed import on_simpy
from fencepost.model.trace import Trace
from fencepost.model.trace import replay as replay_on_spec
from fencepost.reports.replay import ReplayReport, report_of
from fencepost.targets import name_of, one_of

ENGINES = ("z3", "explorer", "simulation", "native")
"""The spec that Z3 proves, its steps on values; the programs; the programs under SimPy's clock; the stepped build."""
EXPECTED = "a trace, or the path of its file"


def read(path: Path) -> Trace | RunTrace:
    """Read a trace file of either kind. Raises FormatError where it is not what its steps make of it."""
    return read_run(path) if is_run(path) else read_trace(path)


def replay(
    target: Trace | RunTrace | Path | str,
    *,
    engine: str | Iterable[str] | None = None,
    on_progress: Progress | None = None,
) -> ReplayReport:
    """Replay a trace, or a trace file, in engines that can express it; None: in all four.

    >>> str(fencepost.replay("examples/data/inversion.itf.json").verdict)
    'violated'

    `z3` stands for the spec that Z3 proves, its steps taken on values. Raises InputError for an unknown engine and a
    property that a spec's trace cannot be about, and NotAccepted where the protocol of a spec's trace refuses one of
    its steps; Interrupted with the report so far.
    """
    one = one_of(target, EXPECTED)
    given = one if isinstance(one, Trace | RunTrace) else read(Path(name_of(one, EXPECTED)))
    outcomes: dict[str, Outcome] = {}
    try:
        for each in engines_of(engine, ENGINES):
            if on_progress is not None:
                on_progress(each)
            outcomes[each] = _outcome(given, each)
    except KeyboardInterrupt:
        raise Interrupted(report_of(given, outcomes, is_interrupted=True)) from None
    return report_of(given, outcomes)


def _outcome(given: Trace | RunTrace, engine: str) -> Outcome:
    if isinstance(given, RunTrace):
        return _of_run(run(given), engine)
    with used(given.protocol):
        return _of_spec(given, engine)


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


def _of_spec(trace: Trace, engine: str) -> Outcome:
    if engine == "z3":
        found = replay_on_spec(trace)
        return held(found.explanation) if found.violated_at is None else violated(found.violated_at, found.explanation)
    if engine == "explorer":
        return on_programs(trace)
    try:
        made, places = programs_of(trace)
    except (InputError, NotAccepted) as objection:
        return cannot_express(str(objection))
    outcome = on_simpy(run(made)) if engine == "simulation" else _of_run(run(made), "native")
    return outcome if outcome.step is None else violated(places[outcome.step - 1], outcome.sentence)


def _of_run(made: Run, engine: str) -> Outcome:
    if engine == "z3":
        return on_spec(made)
    if engine == "simulation":
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
