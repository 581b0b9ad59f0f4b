"""A large walk in parts: branches that are walked through apart, by several processes, and again after a break."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fencepost.model.errors import InputError, Interrupted
from fencepost.model.explorer.reduction import Branch, branches
from fencepost.model.memory.lines import Lines, LinesChanged
from fencepost.model.processes import Ended, as_they_end

if TYPE_CHECKING:
    from fencepost.model.explorer.exploration import Counts, Exhaustive, Explored, Found, Limits, Subject

BRANCH_COUNT = 96  # at least, where a walk is that wide
SCHEMA = "fencepost/explore-checkpoint/1"


@dataclass(frozen=True)
class Part:
    """What came of one branch; `lines` instead, where a line turned out to be used by more than so far."""

    index: int
    counts: Counts
    found: Found | None
    finished: bool
    lines: Lines | None = None
    lost: str = ""  # why nothing came of it, where its process did not return


class Checkpoint(msgspec.Struct, frozen=True):
    """What a checkpoint file holds: which walk it is of, and the counts of each branch that is done."""

    schema: str
    walk: str
    done: dict[str, dict[str, int]]


class InParts:
    """The branches of one walk, done and to do."""

    def __init__(self, whole: Exhaustive, jobs: int, checkpoint: Path | None, *, resume: bool) -> None:
        self.whole, self.jobs, self.checkpoint = whole, jobs, checkpoint
        self._resume = resume
        self._done: dict[int, Counts] = {}
        self._begun = type(whole.counts)()  # counts of a branch that was begun and not finished
        self._count = 0

    def run(self) -> Explored:
        """Walk through all branches that are not done."""
        from fencepost.model.explorer.exploration import INTERRUPTED, Counts

        found, reason = None, ""
        try:
            found, reason = self._walk()
        except KeyboardInterrupt as interrupt:
            reason = INTERRUPTED
            if isinstance(interrupt, Interrupted):
                self._begun.add(interrupt.found.counts)
                found = interrupt.found.found
        self.whole.counts = Counts()
        for counts in (*self._done.values(), self._begun):
            self.whole.counts.add(counts)
        if reason:
            reason += f"; {len(self._done)} of {self._count} branches are done"
            reason += f", kept in {self.checkpoint}" if self.checkpoint else ""
        return self.whole.conclude(found, reason)

    def _walk(self) -> tuple[Found | None, str]:
        while True:
            try:
                every = branches(self.whole.system, BRANCH_COUNT)
                self._count = len(every)
                self._begin(every)
                return self._through([index for index in range(len(every)) if index not in self._done])
            except LinesChanged:
                continue

    def _through(self, to_do: list[int]) -> tuple[Found | None, str]:
        found: Found | None = None
        lost = ""
        for part in self._parts(to_do):
            if part.lost:
                lost = f"the process of a branch did not return: {part.lost}"
                continue
            if part.lines is not None:
                self.whole.system.lines.join(part.lines)
                self._resume = False
                raise LinesChanged
            self._tell()
            found = found or part.found
            if part.found is not None:  # not kept as done: a walk that is resumed must find it again
                self._begun.add(part.counts)
                if not self.whole.subject.goes_on:
                    return found, ""
            elif part.finished:
                self._done[part.index] = part.counts
                self._save()
            else:
                self._begun.add(part.counts)
                return found, f"the time of {self.whole.limits.seconds:g} s was spent"
        if self.checkpoint is not None and not lost:
            self.checkpoint.unlink(missing_ok=True)  # all is done
        return found, lost

    def _parts(self, to_do: list[int]) -> Iterator[Part]:
        """Yield what came of each branch, as it comes."""
        subject, lines = self.whole.subject, self.whole.system.lines
        left = self.whole.limits.seconds - (time.perf_counter() - self.whole.began)
        limits = replace(self.whole.limits, seconds=left)
        if self.jobs == 1:
            for index in to_do:
                left = self.whole.limits.seconds - (time.perf_counter() - self.whole.began)
                yield walk_branch(subject, lines, index, replace(limits, seconds=left))
            return
        deadline = time.time() + left
        works = (partial(walk_branch, subject, lines, index, limits, deadline) for index in to_do)
        with closing(as_they_end(works, self.jobs)) as parts:
            for number, part in parts:
                if isinstance(part, Ended):
                    yield Part(to_do[number], type(self.whole.counts)(), None, False, lost=part.sentence)
                else:
                    yield part

    def _tell(self) -> None:
        from fencepost.model.explorer.exploration import Progress

        ended = sum(counts.complete + counts.blocked for counts in self._done.values())
        seconds = time.perf_counter() - self.whole.began
        self.whole.tell(Progress(ended, len(self._done) / max(1, self._count), seconds))

    # --- the checkpoint ---

    def _begin(self, every: list[Branch]) -> None:
        """Take what is done from the checkpoint. Raises InputError where that is of another walk."""
        from fencepost.model.explorer.exploration import Counts

        subject = self.whole.subject
        shape = [[(event.actor, event.choice) for event, _ in branch.path] for branch in every]
        what = (self.whole.limits.depth, subject.identity, shape)
        self._walk_name = f"{subject.name} {subject.profile} {sha256(repr(what).encode()).hexdigest()[:16]}"
        self._done = {}
        if not self._resume or self.checkpoint is None or not self.checkpoint.exists():
            return
        try:
            kept = msgspec.json.decode(self.checkpoint.read_bytes(), type=Checkpoint)
        except (msgspec.DecodeError, OSError) as error:
            raise InputError(f"{self.checkpoint} is no checkpoint of fencepost explore: {error}") from None
        if kept.schema != SCHEMA or kept.walk != self._walk_name:
            raise InputError(
                f"{self.checkpoint} is of another walk ({kept.walk}): expected {self._walk_name};"
                " leave --resume out to begin anew"
            )
        self._done = {int(index): Counts(**counts) for index, counts in kept.done.items()}

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        done = {str(index): asdict(counts) for index, counts in sorted(self._done.items())}
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        written = self.checkpoint.with_suffix(".tmp")
        written.write_bytes(msgspec.json.encode(Checkpoint(SCHEMA, self._walk_name, done)))
        written.replace(self.checkpoint)  # whole or not at all


def walk_branch(subject: Subject, lines: Lines, index: int, limits: Limits, deadline: float | None = None) -> Part:
    """Walk through one branch of a subject whose lines are known. `deadline` is a time of the clock on the wall."""
    from fencepost.model.explorer.exploration import Exhaustive, Spent

    if deadline is not None:
        limits = replace(limits, seconds=deadline - time.time())
    walker = Exhaustive(subject, limits, lambda progress: None)
    walker.system.lines.join(lines)
    try:
        every: list[Any] = branches(walker.system, BRANCH_COUNT)
        found = walker.walk(every[index])
    except LinesChanged:
        return Part(index, walker.counts, None, False, walker.system.lines)
    except Spent:
        return Part(index, walker.counts, None, False)
    except KeyboardInterrupt:
        raise Interrupted(Part(index, walker.counts, walker.found, False)) from None
    return Part(index, walker.counts, found, True)
