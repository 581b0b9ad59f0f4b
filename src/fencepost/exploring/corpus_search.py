"""A search of several scenarios: drawn runs of each, then all runs of each as far as the budget goes.

The budget is in runs, so that the same search comes to the same on any machine; the time only ends it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from fencepost.model.contract import Verdict
from fencepost.model.errors import Interrupted
from fencepost.model.explorer.search.exploration import Explored, Limits, Subject, concluded
from fencepost.model.explorer.search.reduction import DEPTH_MOST, Counts
from fencepost.model.processes import Ended, in_order, is_elsewhere
from fencepost.model.programs.corpus import weight_of

FIRST_DRAWN_RUNS = 10
"""Runs that are drawn (PCT) of each scenario before the search for all of them: most bugs show in the first few."""

PYTHON_RUNS, NATIVE_RUNS, DRAWN_RUNS = 25, 20_000, 10
"""Complete runs of a scenario that the search for all of them visits, in Python and in C++, times the scenario's
weight; and drawn ones after it."""

Explore = Callable[[Subject, str, Limits], Explored]
Work = Callable[[], Explored]


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
    deadline, names, done = time.time() + budget.seconds, list(subjects), 0
    came: dict[str, Explored] = {}
    drawn: Iterator[Work] = (
        partial(_drawn, explore, subject, budget, Until(deadline, 1 + len(names) - number))
        for number, subject in enumerate(subjects.values())
    )
    whole: Iterator[Work] = (
        partial(_whole, explore, subject, weight_of(name), budget, Until(deadline, len(names) - number))
        for number, (name, subject) in enumerate(subjects.items())
    )
    try:
        for works in (drawn, whole):
            done = 0
            with closing(each_in_turn(works, list(subjects.values()))) as results:
                for found in results:
                    came[names[done]] = found
                    done += 1
                    if works is whole and found.violation is not None:
                        break
            if any(each.violation is not None for each in came.values()):
                break
    except KeyboardInterrupt as interrupt:
        last = {names[done]: interrupt.found} if isinstance(interrupt, Interrupted) else {}
        raise Interrupted(came | last) from None
    return came


class Until(NamedTuple):
    """When all is over, by time.time(), and among how many searches the time until then is shared."""

    deadline: float
    share: int

    def limits(self, depth: int, runs: int | None, part: int = 1) -> Limits:
        """Return the limits of a search that begins now, with so small a part of the share."""
        return Limits(max(self.deadline - time.time(), 0.01) / (self.share * part), depth, runs)


def _drawn(explore: Explore, subject: Subject, budget: Budget, until: Until) -> Explored:
    return explore(subject, "pct", until.limits(budget.depth, FIRST_DRAWN_RUNS))


def _whole(explore: Explore, subject: Subject, weight: int, budget: Budget, until: Until) -> Explored:
    """Search for all runs of a scenario, and draw some where there are more than the budget allows."""
    guarded = replace(subject, is_guarded=True)  # by the first drawn runs
    runs = None if budget.exhaustive_runs is None else budget.exhaustive_runs * weight
    whole = explore(guarded, "exhaustive", until.limits(budget.depth, runs))
    if whole.verdict is not Verdict.UNKNOWN:
        return whole
    more = explore(guarded, "pct", until.limits(budget.depth, budget.drawn_runs, 2))
    return more if more.violation is not None else _joined(whole, more)


def each_in_turn(works: Iterable[Work], subjects: Sequence[Subject]) -> Generator[Explored, None, None]:
    """Yield what comes of each search, in their order: here one after the other, on a cluster many at a time."""
    if not is_elsewhere():
        for work in works:
            yield work()
        return
    with closing(in_order(works, 1)) as results:
        for subject, found in zip(subjects, results, strict=False):  # the last ones may not be searched
            if isinstance(found, Ended):
                yield concluded(subject, Limits(), Counts(), 0.0, None, f"its process was lost: {found.sentence}")
            else:
                yield found


def _joined(visited: Explored, drawn: Explored) -> Explored:
    """Return what runs visited in order and drawn ones came to together: *not found*, if there were any."""
    counts = replace(visited.counts)
    counts.add(drawn.counts)
    bound = f"{visited.counts.complete} runs in order and {drawn.bound}"
    verdict = Verdict.NOT_FOUND if counts.complete else Verdict.UNKNOWN
    seconds = visited.seconds + drawn.seconds
    reason = "" if counts.complete else visited.reason
    return replace(drawn, verdict=verdict, bound=bound, counts=counts, seconds=seconds, reason=reason)
