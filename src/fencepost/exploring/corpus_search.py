"""A search of several scenarios: drawn runs of each, then all runs of each as far as the budget goes.

The budget is in runs, so that the same search comes to the same on any machine; the time only ends it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from fencepost.model.contract import Verdict
from fencepost.model.errors import Interrupted
from fencepost.model.explorer.search.exploration import Explored, Limits, Subject
from fencepost.model.explorer.search.reduction import DEPTH_MOST
from fencepost.model.programs.corpus import weight_of

FIRST_DRAWN_RUNS = 10
"""Runs that are drawn (PCT) of each scenario before the search for all of them: most bugs show in the first few."""

PYTHON_RUNS, NATIVE_RUNS, DRAWN_RUNS = 25, 20_000, 10
"""Complete runs of a scenario that the search for all of them visits, in Python and in C++, times the scenario's
weight; and drawn ones after it."""

Explore = Callable[[Subject, str, Limits], Explored]


@dataclass(frozen=True)
class Budget:
    """How far a scenario is searched: complete runs of the search for all (None: to its end), drawn runs after it.

    `seconds` are for all scenarios together. A scenario for which there is no time left is *unknown*, with that reason.
    """

    exhaustive_runs: int | None
    drawn_runs: int
    seconds: float
    depth: int = DEPTH_MOST


def search_corpus(subjects: Mapping[str, Subject], budget: Budget, explore: Explore) -> dict[str, Explored]:
    """Search every scenario; return what came of each, by name.

    All runs of a scenario are *exhausted*; some of them, visited in order and drawn, *not found*. Where the first drawn
    runs show violations, the search for all runs is left out; else it ends with the first scenario that shows one.
    Raises Interrupted with what came of scenarios until then.
    """
    deadline = time.perf_counter() + budget.seconds

    def some(subject: Subject, strategy: str, runs: int | None, share: int) -> Explored:
        seconds = max(deadline - time.perf_counter(), 0.01) / share
        return explore(subject, strategy, Limits(seconds, budget.depth, runs))

    came: dict[str, Explored] = {}
    try:
        for name, subject in subjects.items():
            came[name] = some(subject, "pct", FIRST_DRAWN_RUNS, 1 + len(subjects) - len(came))
        for done, (name, subject) in enumerate(subjects.items()):
            if any(each.violation is not None for each in came.values()):
                break
            left = len(subjects) - done
            guarded = replace(subject, is_guarded=True)  # by the first drawn runs
            runs = None if budget.exhaustive_runs is None else budget.exhaustive_runs * weight_of(name)
            whole = some(guarded, "exhaustive", runs, left)
            if whole.verdict is Verdict.UNKNOWN:
                more = some(guarded, "pct", budget.drawn_runs, 2 * left)
                whole = more if more.violation is not None else _joined(whole, more)
            came[name] = whole
    except KeyboardInterrupt as interrupt:
        last = {name: interrupt.found} if isinstance(interrupt, Interrupted) else {}
        raise Interrupted(came | last) from None
    return came


def _joined(visited: Explored, drawn: Explored) -> Explored:
    """Return what runs visited in order and drawn ones came to together: *not found*, if there were any."""
    counts = replace(visited.counts)
    counts.add(drawn.counts)
    bound = f"{visited.counts.complete} runs in order and {drawn.bound}"
    verdict = Verdict.NOT_FOUND if counts.complete else Verdict.UNKNOWN
    seconds = visited.seconds + drawn.seconds
    reason = "" if counts.complete else visited.reason
    return replace(drawn, verdict=verdict, bound=bound, counts=counts, seconds=seconds, reason=reason)
