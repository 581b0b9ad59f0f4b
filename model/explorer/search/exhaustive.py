"""Every run of a subject, visited from the beginning or from where an interrupted search stood."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from math import inf
from pathlib import Path

from fencepost.model.errors import InputError, Interrupted, NotAccepted
from fencepost.model.explorer.search.checkpoint import Checkpoint
from fencepost.model.explorer.search.exploration import (
    INTERRUPTED,
    Explored,
    Limits,
    Progress,
    Spent,
    Subject,
    Tell,
    concluded,
)
from fencepost.model.explorer.search.livelock import livelock
from fencepost.model.explorer.search.position import Piece, Position, copied
from fencepost.model.explorer.search.reduction import Counts, End, NoSuchPlace, Reduction, Standing, stuck
from fencepost.model.explorer.search.schedule import Schedule, follow, schedule_of
from fencepost.model.explorer.search.shortening import shortened
from fencepost.model.explorer.states.monitor import Violation
from fencepost.model.explorer.states.state import Event, State
from fencepost.model.memory.lines import LinesChanged

RENEWED_AFTER = 4_000
"""Runs after which the system is made anew, so that memory does not fill with programs at places long left."""
ALONE_SECONDS = 2.0
"""For which one process searches, before others help."""
KEPT_EVERY_SECONDS, SAVED_EVERY_SECONDS, TOLD_EVERY_SECONDS = 0.25, 10.0, 1.0


class Exhaustive:
    """Every run of a subject."""

    def __init__(
        self,
        subject: Subject,
        limits: Limits,
        tell: Tell = lambda progress: None,
        *,
        reduction: bool = True,
        began: float | None = None,
    ) -> None:
        self.subject, self.limits, self.tell, self.reduction = subject, limits, tell, reduction
        self.began = time.perf_counter() if began is None else began
        self.system = subject.make()
        self.position = Position()
        self._checkpoint: Checkpoint | None = None
        self._kept = self._saved = self._told = self.began

    def run(self, jobs: int = 1, checkpoint: Path | None = None, *, resume: bool = False) -> Explored:
        """Visit all runs, or those that are left, and return the verdict on them."""
        reason = ""
        if checkpoint is not None and self.reduction:
            self._checkpoint = Checkpoint(checkpoint, self.subject, self.limits.depth)
            if resume:
                self._resume(self._checkpoint)
        try:
            self._search(jobs)
            if self._checkpoint is not None:
                self._checkpoint.remove()
        except (Spent, KeyboardInterrupt) as stopped:
            reason = (str(stopped) or INTERRUPTED) + self._save()
        except NoSuchPlace as error:  # which only a file can lead to
            raise self._checkpoint.unusable(str(error)) if self._checkpoint else error from None
        return self._conclude(reason)

    def _resume(self, checkpoint: Checkpoint) -> None:
        """Begin where the file says that the search stood, if there is one."""
        position = checkpoint.load()
        if position is None:
            return
        self.system.lines.join(position.lines)
        for found in position.all_found():
            try:
                self._violated(found)
            except NotAccepted as error:
                raise checkpoint.unusable(f"the violation that it says was found is none: {error}") from None
        self.position = position

    def _search(self, jobs: int) -> None:
        from fencepost.model.explorer.search.partitioned import search_in_parts

        while True:
            try:
                if not self.reduction:
                    return self._visit_every_order()
                while not self.position.ahead:
                    if self.visit(self.restored(), RENEWED_AFTER, ALONE_SECONDS if jobs > 1 else inf):
                        return None
                    if jobs > 1:
                        break
                return search_in_parts(self, jobs)
            except LinesChanged:
                self.position = Position(lines=copied(self.system.lines))

    def restored(self) -> Reduction:
        """Return the search at the position where it stands, on a system made anew."""
        if self.position.standings:
            system = self.subject.make()
            system.lines.join(self.system.lines)
            self.system = system
        position = self.position
        return Reduction(
            self.system,
            position.standings,
            depth_most=self.limits.depth,
            counts=replace(position.counts),
            on_step=self._restoring,
        )

    def visit(self, search: Reduction, run_most: float = inf, seconds_most: float = inf) -> bool:
        """Visit the runs of a search, or so many of them, or for so long; say whether there is nothing left to do.

        Raises Spent when the time is up and LinesChanged where all must begin again.
        """
        visited_count, found, began = 0, self.position.found, time.perf_counter()
        while True:
            end = search.advance()
            if end is not None:
                visited_count += 1
                if found is None and self._violation(end) is not None:
                    found = schedule_of(end.events)
                    self.keep(search, found)
                    if not self.subject.goes_on:
                        return True
            if not search.has_more:
                self.keep(search, found)
                return True
            self.look_at_the_clock(search, found)
            if visited_count >= run_most or time.perf_counter() - began > seconds_most:
                self.keep(search, found)
                return False

    def piece(self, standings: tuple[Standing, ...], given_count: int) -> Piece:
        """Search a piece of a search until it is done or the time is up; return what came of it."""
        search = Reduction(self.system, standings, given_count=given_count, depth_most=self.limits.depth)
        with suppress(Spent):
            self.visit(search)
        position = self.position
        return Piece(position.standings[given_count:], position.counts, position.found, tuple(search.requests))

    def keep(self, search: Reduction, found: Schedule | None) -> None:
        """Note where a search stands, between two steps: what comes after may be interrupted at any moment."""
        self.position = replace(
            self.position,
            standings=search.standings(),
            counts=replace(search.counts),
            found=found,
            lines=copied(self.system.lines),
        )
        self._kept = time.perf_counter()

    def _violation(self, end: End) -> Violation | None:
        if end.cut:
            return livelock(self.system, end.state, end.events)
        return self.subject.violation_at(self.system, end.state) if end.complete else None

    def look_at_the_clock(self, search: Reduction, found: Schedule | None) -> None:
        """Between two steps: note, save and report what is due. Raises Spent when the time is up."""
        now = time.perf_counter()
        is_spent, is_told = now - self.began > self.limits.seconds, now - self._told > TOLD_EVERY_SECONDS
        if is_spent or is_told or now - self._kept > KEPT_EVERY_SECONDS:
            self.keep(search, found)
        if is_spent:
            raise self.spent()
        if self.limits.runs is not None and search.counts.complete >= self.limits.runs:
            self.keep(search, found)
            raise Spent(f"the budget of {self.limits.runs} runs was spent")
        if now - self._saved > SAVED_EVERY_SECONDS:
            self._save()
        if is_told:
            self.report(search.progress())

    def _restoring(self) -> None:
        if time.perf_counter() - self.began > self.limits.seconds:
            raise Spent(f"the time of {self.limits.seconds:g} s was spent before the search was back where it stood")

    def spent(self) -> Spent:
        """Return what says that the time is up."""
        return Spent(f"the time of {self.limits.seconds:g} s was spent")

    def report(self, done: float) -> None:
        """Report how far the search has come, in runs and as a part of all."""
        self._told = time.perf_counter()
        counts = self.position.total()
        self.tell(Progress(counts.complete + counts.blocked, done, self._told - self.began))

    def _save(self) -> str:
        """Save the position, if there is something to save and a file for it; say so as the end of a sentence."""
        self._saved = time.perf_counter()
        if self._checkpoint is None or not self.position.standings:
            return ""
        try:
            self._checkpoint.save(self.position)
        except (InputError, OSError) as error:
            return f"; it cannot be resumed: {error}"
        return f"; kept in {self._checkpoint.path}"

    def _visit_every_order(self) -> None:
        """Visit every run, one for each order of steps."""
        self.position = Position()
        counts = self.position.counts
        for end in self._all_ends(counts):
            if self.position.found is None and self._violation(end) is not None:
                self.position = replace(self.position, found=schedule_of(end.events))
                if not self.subject.goes_on:
                    return

    def _all_ends(self, counts: Counts) -> Iterator[End]:
        state, _ = self.system.start()
        stack: list[tuple[State, tuple[Event, ...]]] = [(state, ())]
        while stack:
            state, events = stack.pop()
            transitions = {} if state.watch.violation else self.system.transitions(state)
            now = time.perf_counter()
            if now - self.began > self.limits.seconds:
                raise self.spent()
            if now - self._told > TOLD_EVERY_SECONDS:
                self.report(0.0)
            if stuck(transitions):
                counts.complete += 1
                yield End(state, events, True)
            if len(events) >= self.limits.depth:
                counts.cut += bool(transitions)
                yield End(state, events, False, cut=bool(transitions))
                continue
            for actor, choices in transitions.items():
                for transition in choices:
                    after, event = self.system.perform(state, actor, transition)
                    counts.steps += 1
                    stack.append((after, (*events, event)))

    def _conclude(self, reason: str) -> Explored:
        """Return the verdict; a violation's schedule is shortened, now that nothing depends on what that may learn."""
        found, counts = next(self.position.all_found(), None), self.position.total()
        violation = self._violated(found) if found is not None else None
        if found is not None and violation is not None:
            try:
                schedule = shortened(self.system, found, violation, self.subject.judge)
            except Interrupted as interrupt:
                schedule, reason = interrupt.found, INTERRUPTED
        seconds = time.perf_counter() - self.began
        shown = (schedule, violation, self.system.lines) if violation is not None else None
        return concluded(self.subject, self.limits, counts, seconds, shown, reason)

    def _violated(self, found: Schedule) -> Violation:
        """Return what is wrong with the run of a schedule. Raises NotAccepted where there is nothing."""
        followed = follow(self.system, found, self.subject.judge)
        violation = followed.violation or livelock(self.system, followed.states[-1], followed.events[1:])
        if violation is None:
            raise NotAccepted("nothing is wrong with its run")
        return violation
