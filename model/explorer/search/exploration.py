"""Exploring a subject: every run of it, or drawn ones, within budgets, with a verdict that says its bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from fencepost.model.contract import Verdict
from fencepost.model.errors import Endless, InputError, Interrupted
from fencepost.model.explorer.search.reduction import DEPTH_MOST, Counts
from fencepost.model.explorer.search.schedule import Judge, Schedule
from fencepost.model.explorer.search.strategies import guard
from fencepost.model.explorer.states.monitor import Violation
from fencepost.model.explorer.states.state import State
from fencepost.model.explorer.states.stuck import GRACE_SECONDS, Stuck, interrupted_after
from fencepost.model.explorer.states.system import System
from fencepost.model.memory.lines import Lines

__all__ = ["STRATEGIES", "Counts", "Explored", "Limits", "Progress", "Subject", "Tell", "explore"]

STRATEGIES = ("exhaustive", "random", "pct")
RUNS = 2_000
GUARD_SHARE = 0.25
"""Of the time, at most: running twice from one seed, to see that the programs are functions of what they are sent."""


@dataclass(frozen=True)
class Subject:
    """What is explored: a system, made anew each time it is asked for, and what is wrong at the end of its runs."""

    name: str
    profile: str
    make: Callable[[], System]
    judge: Judge
    size: str = ""  # how large it is, in words: the bound of its verdicts
    scenario: str = ""  # its name in the corpus, where it has one
    goes_on: bool = False  # after a violation, so that all runs are counted
    is_of_user: bool = False  # its programs are a user's, and may yield nothing for ever
    is_guarded: bool = False  # its programs were run twice already: they are functions of what they are sent
    origin: object = None  # what it was made from, so that a trace file can have it made again: see subjects.py

    def violation_at(self, system: System, state: State) -> Violation | None:
        """Return what is wrong with a run that ends in a state: what was seen on the way, else what is wrong there."""
        return state.watch.violation or self.judge(system, state)


@dataclass(frozen=True)
class Limits:
    """Where an exploration gives up. Where a run is longer than `depth` steps, the verdict is never *exhausted*."""

    seconds: float = 60.0
    depth: int = DEPTH_MOST
    runs: int | None = None  # complete ones; None: RUNS of the drawn strategies, all of an exhaustive search

    def __post_init__(self) -> None:
        """Refuse a limit that no clock or count reaches: nothing is later than the time that is no number."""
        if not self.seconds >= 0:
            raise InputError(f"the time is {self.seconds} s, expected a number of seconds of at least 0")


@dataclass(frozen=True)
class Progress:
    """How far an exploration has come: runs ended, and an estimate of the part that is done."""

    ended_count: int
    done: float
    seconds: float


@dataclass(frozen=True)
class Explored:
    """What an exploration came to; `schedule` leads to the violation, its choices said with what `lines` knows.

    `reason` says why runs were left out, where some were.
    """

    subject: Subject
    verdict: Verdict
    bound: str
    counts: Counts
    seconds: float
    violation: Violation | None = None
    schedule: Schedule = ()
    reason: str = ""
    seed: int | None = None
    lines: Lines | None = None


Tell = Callable[[Progress], None]
INTERRUPTED = "interrupted"


class Spent(Exception):
    """A budget was used up."""


def explore(
    subject: Subject,
    *,
    strategy: str = "exhaustive",
    reduction: bool = True,
    seed: int = 0,
    pct_depth: int = 3,
    limits: Limits | None = None,
    jobs: int = 1,
    checkpoint: Path | None = None,
    resume: bool = False,
    tell: Tell = lambda progress: None,
) -> Explored:
    """Explore a subject and return the verdict; a violation comes with a schedule that leads to it, shortened.

    A large search is shared by `jobs` processes, which visit the same runs as one. Where it stands is kept in the file
    `checkpoint` when it is interrupted or its time is spent, and with `resume` it continues from there.

    Raises InputError for an unknown strategy and for a checkpoint that is of another search, NotDeterministic for a
    program that is not a function of what it is sent, and Interrupted with what was seen until then.
    """
    from fencepost.model.explorer.search.drawn import explore_drawn
    from fencepost.model.explorer.search.exhaustive import Exhaustive

    if strategy not in STRATEGIES:
        raise InputError(f"unknown strategy {strategy!r}: expected one of {', '.join(STRATEGIES)}")
    if resume and not (reduction and strategy == "exhaustive"):
        raise InputError("only an exhaustive search with reduction can be resumed: leave `resume` out")
    limits, began = limits or Limits(), time.perf_counter()
    # A search that is shared forks, which a process with threads should not.
    is_watched = subject.is_of_user and jobs == 1
    try:
        with interrupted_after(limits.seconds + GRACE_SECONDS) if is_watched else nullcontext():
            if not subject.is_guarded:
                guard(subject.make, seed, deadline=began + GUARD_SHARE * limits.seconds)
            if strategy == "exhaustive":
                search = Exhaustive(subject, limits, tell, reduction=reduction, began=began)
                explored = search.run(jobs, checkpoint, resume=resume)
            else:
                explored = explore_drawn(subject, strategy, seed, pct_depth, limits, tell, began)
    except Stuck:
        reason = f"{limits.seconds:.3g} s are over, and a thread yields nothing: it has no end that a budget could find"
        return concluded(subject, limits, Counts(), time.perf_counter() - began, None, reason)
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Interrupted(concluded(subject, limits, Counts(), 0.0, None, INTERRUPTED)) from None
    except Endless as endless:
        return concluded(subject, limits, Counts(), time.perf_counter() - began, None, str(endless))
    if explored.reason.startswith(INTERRUPTED):
        raise Interrupted(explored)
    return explored


def concluded(
    subject: Subject,
    limits: Limits,
    counts: Counts,
    seconds: float,
    found: tuple[Schedule, Violation, Lines] | None,
    reason: str,
) -> Explored:
    """Return the verdict on the runs that an exhaustive search visited; `reason` says why it ended before its end."""
    count = f"{counts.complete} complete runs"
    size = f" of {subject.size}" if subject.size else ""
    if found is not None:
        schedule, violation, lines = found
        bound = f"1 of {count}{size}"
        return Explored(subject, Verdict.VIOLATED, bound, counts, seconds, violation, schedule, reason, lines=lines)
    if reason:
        return Explored(subject, Verdict.UNKNOWN, f"{count}{size}", counts, seconds, reason=reason)
    if counts.cut:
        count += f" within {limits.depth} steps, {counts.cut} longer"
    if not counts.complete:
        reason = no_run_ended(counts, limits)
        return Explored(subject, Verdict.UNKNOWN, f"{count}{size}", counts, seconds, reason=reason)
    if counts.cut:
        return Explored(subject, Verdict.NOT_FOUND, f"{count}{size}", counts, seconds)
    return Explored(subject, Verdict.EXHAUSTED, f"all {count}{size}", counts, seconds)


def no_run_ended(counts: Counts, limits: Limits) -> str:
    """Say why nothing is known of the runs of a system: none of them came to its end."""
    if counts.cut:
        return f"no run came to its end within {limits.depth} steps: expected a greater depth"
    return "no run came to its end"
