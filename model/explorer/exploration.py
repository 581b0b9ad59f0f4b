"""Exploring a subject: every run of it, or drawn ones, within budgets, with a verdict that says its bound."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.explorer.livelock import livelock
from fencepost.model.explorer.reduction import DEPTH_MOST, Branch, End, Reduction, stuck
from fencepost.model.explorer.schedule import Judge, Schedule, schedule_of
from fencepost.model.explorer.shortening import shortened
from fencepost.model.explorer.state import Event, State
from fencepost.model.explorer.strategies import Picker, by_priority, draw, guard, uniform
from fencepost.model.explorer.system import System
from fencepost.model.explorer.watch import Violation
from fencepost.model.memory.lines import Lines, LinesChanged

STRATEGIES = ("exhaustive", "random", "pct")
WHOLE_MOST = 4_000  # runs of a walk that is not cut into branches
RUNS = 2_000


@dataclass(frozen=True)
class Subject:
    """What is explored: a system, made anew each time it is asked for, and what is wrong at the end of its runs."""

    name: str
    profile: str
    make: Callable[[], System]
    judge: Judge
    size: str = ""  # how large it is, in words: the bound of its verdicts
    identity: str = ""  # all that its runs and their verdicts depend on: two subjects with the same one are the same
    goes_on: bool = False  # after a violation, so that all runs are counted
    origin: object = None  # what it was made from, so that a trace file can have it made again: see subjects.py


@dataclass(frozen=True)
class Limits:
    """Where an exploration gives up. Where a run is longer than `depth` steps, the verdict is never *exhausted*."""

    seconds: float = 60.0
    depth: int = DEPTH_MOST
    runs: int = RUNS  # of the drawn strategies


@dataclass(frozen=True)
class Progress:
    """How far an exploration has come: runs ended, and an estimate of the part that is done."""

    ended_count: int
    done: float
    seconds: float


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


@dataclass(frozen=True)
class Explored:
    """What an exploration came to; `schedule` leads to the violation, its choices said with what `lines` knows."""

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
Found = tuple[Schedule, Violation]
INTERRUPTED = "interrupted"


class Spent(Exception):
    """A budget was used up."""


class TooMany(Exception):
    """There are more runs than are walked through in one go."""


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

    A large walk is cut into branches, which `jobs` processes walk through; what is done is kept in the file
    `checkpoint`, and with `resume` the walk goes on from there.

    Raises InputError for an unknown strategy and NotDeterministic for a program that is not a function of what it is
    sent.
    """
    if strategy not in STRATEGIES:
        raise InputError(f"unknown strategy {strategy!r}: expected one of {', '.join(STRATEGIES)}")
    limits = limits or Limits()
    guard(subject.make, seed)
    if strategy == "exhaustive":
        return Exhaustive(subject, limits, tell, reduction=reduction).run(jobs, checkpoint, resume=resume)
    return _drawn(subject, strategy, seed, pct_depth, limits, tell)


class Exhaustive:
    """Every run, whole or a branch at a time."""

    def __init__(self, subject: Subject, limits: Limits, tell: Tell, *, reduction: bool = True) -> None:
        self.subject, self.limits, self.tell, self.reduction = subject, limits, tell, reduction
        self.system = subject.make()
        self.counts = Counts()
        self.found: Found | None = None
        self.began = time.perf_counter()
        self._told = self.began

    def run(self, jobs: int = 1, checkpoint: Path | None = None, *, resume: bool = False) -> Explored:
        """Walk through all runs: whole if they are few, else a branch at a time."""
        from fencepost.model.explorer.parts import InParts

        while True:
            found, reason = None, ""
            try:
                self.counts = Counts()
                found = self.walk(None, WHOLE_MOST if self.reduction else None)
            except LinesChanged:
                continue
            except TooMany:
                return InParts(self, jobs, checkpoint, resume=resume).run()
            except (Spent, KeyboardInterrupt) as spent:
                found, reason = self.found, str(spent) or INTERRUPTED
            return self.conclude(found, reason)

    def walk(self, branch: Branch | None, most: int | None = None) -> Found | None:
        """Walk through the runs of a branch; return the first violation, shortened.

        Raises TooMany after `most` runs, Spent when the time is up, and LinesChanged where all must begin again.
        """
        self.found = found = None
        for ended, end in enumerate(self._ends(branch), start=1):
            self._spend()
            if most is not None and ended > most:
                raise TooMany
            if found is None and (end.complete or end.cut):
                violation = self._judge(end)
                if violation is not None:
                    schedule = (
                        schedule_of(end.events)
                        if end.cut
                        else shortened(self.system, schedule_of(end.events), violation, self.subject.judge)
                    )
                    self.found = found = schedule, violation
                    if not self.subject.goes_on:
                        break
        return found

    def _judge(self, end: End) -> Violation | None:
        if end.cut:
            return livelock(self.system, end.state, end.events)
        return self.subject.judge(self.system, end.state)

    def _ends(self, branch: Branch | None) -> Iterator[End]:
        if not self.reduction:
            yield from self._all_ends()
            return
        walk = Reduction(self.system, branch, depth_most=self.limits.depth)
        before = replace(self.counts)
        for end in walk.ends():
            self.counts.complete = before.complete + walk.complete_count
            self.counts.blocked = before.blocked + walk.blocked_count
            self.counts.cut = before.cut + walk.cut_count
            self.counts.steps = before.steps + walk.step_count
            self._report(walk.progress)
            yield end

    def _all_ends(self) -> Iterator[End]:
        """Yield the end of every run, one for each order of steps."""
        state, _ = self.system.start()
        stack: list[tuple[State, tuple[Event, ...]]] = [(state, ())]
        while stack:
            state, events = stack.pop()
            transitions = {} if state.watch.violation else self.system.transitions(state)
            self._report(lambda: 0.0)
            self._spend()
            if stuck(transitions):
                self.counts.complete += 1
                yield End(state, events, True)
            if len(events) >= self.limits.depth:
                self.counts.cut += bool(transitions)
                yield End(state, events, False, cut=bool(transitions))
                continue
            for actor, choices in transitions.items():
                for transition in choices:
                    after, event = self.system.perform(state, actor, transition)
                    self.counts.steps += 1
                    stack.append((after, (*events, event)))

    def _spend(self) -> None:
        if time.perf_counter() - self.began > self.limits.seconds:
            raise Spent(f"the time of {self.limits.seconds:g} s was spent")

    def _report(self, done: Callable[[], float]) -> None:
        now = time.perf_counter()
        if now - self._told > 1.0:
            self._told = now
            ended = self.counts.complete + self.counts.blocked
            self.tell(Progress(ended, done(), now - self.began))

    def conclude(self, found: Found | None, reason: str = "") -> Explored:
        """Return the verdict on what was walked through."""
        seconds = time.perf_counter() - self.began
        count = f"{self.counts.complete} complete runs"
        size = f" of {self.subject.size}" if self.subject.size else ""
        if found is not None:
            schedule, violation = found
            bound = f"1 of {count}{size}"
            lines = self.system.lines
            return Explored(
                self.subject, Verdict.VIOLATED, bound, self.counts, seconds, violation, schedule, lines=lines
            )
        if reason:
            return Explored(self.subject, Verdict.UNKNOWN, f"{count}{size}", self.counts, seconds, reason=reason)
        if self.counts.cut:
            bound = f"{count} within {self.limits.depth} steps, {self.counts.cut} longer{size}"
            return Explored(self.subject, Verdict.NOT_FOUND, bound, self.counts, seconds)
        return Explored(self.subject, Verdict.EXHAUSTED, f"all {count}{size}", self.counts, seconds)


def _drawn(subject: Subject, strategy: str, seed: int, pct_depth: int, limits: Limits, tell: Tell) -> Explored:
    system, counts, began = subject.make(), Counts(), time.perf_counter()
    told, longest, found, reason = began, 0, None, ""
    while found is None and counts.complete + counts.cut < limits.runs:
        random = Random(f"{seed} {counts.complete + counts.cut}")
        state_of_random = random.getstate()

        def picker(
            random: Random = random, state_of_random: object = state_of_random, longest: int = longest
        ) -> Picker:
            random.setstate(state_of_random)  # type: ignore[arg-type]  # what getstate returned
            return uniform(random) if strategy == "random" else by_priority(random, pct_depth, longest or 50)

        try:
            state, events, ended = draw(system, picker, limits.depth, began + limits.seconds)
        except KeyboardInterrupt:
            reason = "interrupted"
            break
        counts.complete += ended
        counts.cut += not ended
        counts.steps += len(events)
        longest = max(longest, len(events))
        violation = state.watch.violation or (subject.judge(system, state) if ended else None)
        if violation is not None:
            found = (shortened(system, schedule_of(events), violation, subject.judge), violation)
        now = time.perf_counter()
        if now - told > 1.0:
            told = now
            ran = counts.complete + counts.cut
            tell(Progress(ran, ran / limits.runs, now - began))
        if now - began > limits.seconds:
            break
    seconds = time.perf_counter() - began
    bound = f"{counts.complete} runs drawn by {strategy}, seed {seed}"
    bound += f", and {counts.cut} cut short" if counts.cut else ""
    if strategy == "pct":
        actors = 2 * len(system.threads)
        chance = 1 / (actors * max(1, longest) ** (pct_depth - 1))
        bound += f"; a run meets a violation of depth {pct_depth} with probability >= {chance:.2g}"
        bound += f", all of them miss one with <= {(1 - chance) ** counts.complete:.2g}"
    bound += f"; {subject.size}" if subject.size else ""
    if found is not None:
        return Explored(
            subject, Verdict.VIOLATED, bound, counts, seconds, found[1], found[0], seed=seed, lines=system.lines
        )
    verdict = Verdict.UNKNOWN if reason else Verdict.NOT_FOUND
    return Explored(subject, verdict, bound, counts, seconds, reason=reason, seed=seed)
