"""A run trace: a run of programs by its schedule, with all it takes to make the run again from nothing.

    origin      the sequencer or litmus file, its scenario, profile and matrix, and the properties that were asked for
    lines       who has to do with which line: the choices of the schedule are said with it
    schedule    who goes, by which choice, step by step
    violation   what the last step breaks, or what is wrong with the end; None of a run that breaks nothing

A spec's run is another thing, with steps of the spec only: `model/trace.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from fencepost.model.errors import InputError, NotAccepted
from fencepost.model.explorer.search.exploration import Explored
from fencepost.model.explorer.search.schedule import Followed, Schedule, follow
from fencepost.model.explorer.states.monitor import Violation
from fencepost.model.explorer.states.state import Event, State
from fencepost.model.explorer.states.system import System
from fencepost.model.explorer.subjects import LitmusOrigin, ProgramOrigin, SequencerOrigin, SlotId
from fencepost.model.memory.lines import Line, Lines

REPRODUCTIONS = 10


class LineUse(NamedTuple):
    """Which threads use a line, and which hosts store to it."""

    line: Line
    users: tuple[int, ...]
    writers: tuple[int, ...]


@dataclass(frozen=True)
class RunTrace:
    """A run that can be made again; see the top of this file.

    >>> run = fencepost.read_run(Path("examples/data/stale-line.itf.json"))
    >>> run.violation.property
    'bad'
    """

    origin: SlotId
    lines: tuple[LineUse, ...]
    schedule: Schedule
    violation: Violation | None
    found_by: str

    @property
    def subject_name(self) -> str:
        match self.origin:
            case SequencerOrigin() as origin:
                return origin.design.name
            case ProgramOrigin() as origin:
                return origin.program.name
            case origin:
                return origin.test.name

    @property
    def property(self) -> str | None:
        return self.violation.property if self.violation else None


@dataclass(frozen=True)
class Run:
    """A run trace that was run: step 0 is what happens at once, before the first step of the schedule."""

    trace: RunTrace
    system: System
    followed: Followed

    @property
    def events(self) -> tuple[Event, ...]:
        return self.followed.events

    @property
    def states(self) -> tuple[State, ...]:
        return self.followed.states

    @property
    def violation(self) -> Violation | None:
        return self.followed.violation

    @property
    def last(self) -> int:
        """The number of the last step."""
        return len(self.events) - 1

    @property
    def violated_at(self) -> int | None:
        """The number of the step after which the violation is there."""
        return self.last if self.violation else None


def trace_of(explored: Explored) -> RunTrace:
    """Return the trace of an exploration's violation.

    Raises InputError where there is no violation, and where the subject cannot be made again from a file.
    """
    if explored.violation is None:
        raise InputError(f"{explored.subject.name}: {explored.verdict}: there is no run to show without a violation")
    origin = explored.subject.origin
    if not isinstance(origin, SequencerOrigin | LitmusOrigin | ProgramOrigin):
        raise InputError(
            f"{explored.subject.name} has no origin: make the subject by `sequencer`, `litmus_file` or `program`"
        )
    if isinstance(origin, LitmusOrigin):  # a trace carries the text; where it lay is of no concern to who replays it
        origin = replace(origin, test=replace(origin.test, path=origin.test.name))
    found_by = f"explore: {explored.bound}"
    trace = RunTrace(origin, uses_of(explored.lines), explored.schedule, explored.violation, found_by)
    return replace(trace, violation=run(trace).violation)  # a shortened run may break the property in other words


def run(trace: RunTrace) -> Run:
    """Make the run again, from fresh programs.

    Raises NotAccepted with the step that cannot happen, and InputError for threads or hosts that there are not.
    """
    subject = trace.origin.subject()
    system = subject.make()
    for use in trace.lines:
        if not set(use.users) <= set(range(len(system.threads))):
            raise InputError(f"line {use.line} is used by threads {use.users}: expected some of {len(system.threads)}")
        hosts = {system.hosts[thread] for thread in use.users}
        if not set(use.writers) <= hosts:
            raise InputError(
                f"hosts {use.writers} store to line {use.line}: expected some of those that use it, {hosts}"
            )
        system.lines.users[use.line] = set(use.users)
        system.lines.hosts[use.line] = hosts
        system.lines.writers[use.line] = set(use.writers)
    return Run(trace, system, follow(system, trace.schedule, subject.judge))


def reproduced_count(trace: RunTrace) -> int:
    """Return in how many of `REPRODUCTIONS` fresh runs the violation is there again, after the same step."""
    count = 0
    for _ in range(REPRODUCTIONS):
        try:
            again = run(trace)
        except NotAccepted:
            continue
        count += again.violation == trace.violation and again.last == len(trace.schedule)
    return count


def uses_of(lines: Lines | None) -> tuple[LineUse, ...]:
    """Return what is known of lines as a value."""
    if lines is None:
        return ()
    uses = (
        LineUse(line, tuple(sorted(users)), tuple(sorted(lines.writers.get(line, ()))))
        for line, users in lines.users.items()
    )
    return tuple(sorted(uses, key=str))
