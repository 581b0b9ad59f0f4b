"""Native code that ended its process, or never came back: which example it was, made smaller as far as it stays so."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

from fencepost.comparing.kept import keep, kept
from fencepost.comparing.search import Task
from fencepost.comparing.verdicts import CRASH, Counterexample
from fencepost.model.processes import Ended, isolated

ENDLESS = "drained"
"""The promise that native code breaks when it does not come back: finitely many steps, and there is nothing left."""

TRIAL_SECONDS = 2.0
REDUCTION_SECONDS = 30.0
TRIES = 3  # of an example whose outcome depends on threads


def counterexample_of_end(task: Task, ended: Ended, kept_in: Path | None) -> Counterexample | str:
    """Return the smallest example that ends so, or why none can be shown: it came back when it was tried again."""
    if ended.tried is None:
        return Counterexample(CRASH, f"{ended.sentence}, before the first example", None, (), 0, 0, 0, came_back=False)
    example, sentence, is_again = _smallest(task, ended)
    if kept_in is not None:
        keep(kept_in, task, [example, *kept(kept_in, task)])
    if not is_again and ended.is_endless:
        return f"an example {ended.sentence.removeprefix('it ')}, and did when it was tried again"
    if not is_again:
        sentence += ", but not when the example was tried again"
    return _as_it_ended(task, ended, example, sentence)


def not_tried_again(task: Task, ended: Ended) -> Counterexample | str:
    """Return what the end of a process is where there was no time to try its example again: a crash, or not known."""
    if ended.is_endless or ended.tried is None:
        return f"an example {ended.sentence.removeprefix('it ')}, and was not tried again"
    return _as_it_ended(task, ended, ended.tried, f"{ended.sentence}, and the example was not tried again")


def _as_it_ended(task: Task, ended: Ended, example: Any, sentence: str) -> Counterexample:
    lines, batches = task.told(example)
    return Counterexample(
        ENDLESS if ended.is_endless else CRASH, sentence, example, lines, 0, batches, 0, came_back=False
    )


def _smallest(task: Task, ended: Ended) -> tuple[Any, str, bool]:
    """Return an example that ends in the same way, how it ends, and whether it did so again."""
    best, deadline = ended.tried, time.monotonic() + REDUCTION_SECONDS
    if not _ends(task, best, ended):
        return best, ended.sentence, False
    again = True
    while again and time.monotonic() < deadline:
        again = False
        for less in task.fewer(best):
            if _ends(task, less, ended):
                best, again = less, True
            if again or time.monotonic() > deadline:
                break
    return best, ended.sentence, True


def _ends(task: Task, example: Any, like: Ended) -> bool:
    for _ in range(1 if task.repeatable else TRIES):
        made = isolated(partial(task.try_out, example), TRIAL_SECONDS)
        if isinstance(made, Ended) and not made.is_killed and made.is_endless == like.is_endless:
            return True
    return False
