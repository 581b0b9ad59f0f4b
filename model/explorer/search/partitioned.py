"""One search shared by several processes, which visit the same runs as one.

The transitions that a place is going to try are known before they are tried, and so is what sleeps after each of them:
everything after one of them is a piece that another process can search ahead. What the races of a piece ask to be tried
at places before it is handed back, and asked there when the search itself has come to that piece; so everything is
tried in the order in which one process tries it, and no run is visited twice.

Work is done in rounds of a few seconds, after which a piece that is not done says where it stands.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from fencepost.model.explorer.search.exploration import Spent
from fencepost.model.explorer.search.position import Piece
from fencepost.model.explorer.search.reduction import Reduction, Standing
from fencepost.model.memory.lines import Lines, LinesChanged
from fencepost.model.processes import Ended, in_order

if TYPE_CHECKING:
    from fencepost.model.explorer.search.exhaustive import Exhaustive
    from fencepost.model.explorer.search.exploration import Limits, Subject

ROUND_SECONDS = (0.5, 5.0)  # of the first round, and at most
PIECES_PER_JOB = 2  # so that a process whose piece is soon done has another one


class Task(NamedTuple):
    """A piece to search: from these standings, of which the first `given_count` are of the search that it is of."""

    standings: tuple[Standing, ...]
    given_count: int
    key: tuple[int, int] = (-1, 0)  # of a piece ahead: its place, and the number of its step there


@dataclass(frozen=True)
class Searched:
    """What came of a piece: None where a line turned out to be used by more than was known; `lines` know it now."""

    piece: Piece | None
    lines: Lines


def search_in_parts(whole: Exhaustive, jobs: int) -> None:
    """Visit the runs that are left of a search, whose position says after each round where it stands.

    Raises Spent when the time is up and LinesChanged where all must begin again.
    """
    seconds, most_seconds = ROUND_SECONDS
    search = whole.restored()
    while search.has_more:
        whole.look_at_the_clock(search, whole.position.found)
        tasks = _tasks(search, whole.position.ahead, PIECES_PER_JOB * jobs)
        left = whole.limits.seconds - (time.perf_counter() - whole.began)
        searched = _searched(whole, tasks, jobs, time.time() + min(seconds, left))
        for each in searched:
            whole.system.lines.join(each.lines)
        if any(each.piece is None for each in searched):
            raise LinesChanged
        search = _taken(whole, tasks, [each.piece for each in searched if each.piece is not None])
        if not whole.subject.goes_on and next(whole.position.all_found(), None) is not None:
            return
        seconds = min(most_seconds, 1.5 * seconds)


def _searched(whole: Exhaustive, tasks: Sequence[Task], jobs: int, until: float) -> list[Searched]:
    """Search each task in a process of its own. Raises Spent where one does not come back: what came before is kept."""
    lines, subject, limits = whole.system.lines, whole.subject, whole.limits
    works = [partial(search_piece, subject, lines, limits, task, until) for task in tasks]
    searched = []
    with closing(in_order(works, jobs)) as pieces:
        for each in pieces:
            if isinstance(each, Ended):
                raise Spent(f"a process of the search was lost: {each.sentence}")
            searched.append(each)
    return searched


def search_piece(subject: Subject, lines: Lines, limits: Limits, task: Task, until: float) -> Searched:
    """Search a piece until it is done or the clock on the wall says `until`, and for one step at least."""
    from fencepost.model.explorer.search.exhaustive import Exhaustive

    walker = Exhaustive(subject, replace(limits, seconds=max(0.0, until - time.time())))
    walker.system.lines.join(lines)
    try:
        return Searched(walker.piece(task.standings, task.given_count), walker.system.lines)
    except LinesChanged:
        return Searched(None, walker.system.lines)


def _tasks(search: Reduction, ahead: Mapping[tuple[int, int], Piece], wanted_count: int) -> list[Task]:
    """Return what comes next in the search, up to the first step that was or is searched ahead, and pieces ahead of it.

    Those of the first places come first: they are the largest.
    """
    standings, tasks = search.standings(), list[Task]()
    for at, place in enumerate(search.places[:-1]):
        for number in range(place.tried_count, place.committed_count()):
            piece = ahead.get((at, number))
            if len(tasks) == wanted_count - 1 or (piece is not None and not piece.rest):
                continue
            begun = Standing(standings[at].to_try, number + (piece is not None))
            rest = piece.rest if piece is not None else ()
            tasks.append(Task((*standings[:at], begun, *rest), at + 1, (at, number)))
    given_count = max((at + 1 for at, _ in (*ahead, *(task.key for task in tasks))), default=0)
    return [Task(standings, given_count), *tasks]


def _taken(whole: Exhaustive, tasks: Sequence[Task], pieces: Sequence[Piece]) -> Reduction:
    """Take what came of the tasks, what comes next first, into the position; return the search that stands there."""
    ahead = dict(whole.position.ahead)
    for task, piece in zip(tasks[1:], pieces[1:], strict=True):
        before = ahead.get(task.key)
        ahead[task.key] = piece if before is None else _joined(before, piece)
    first, search = pieces[0], whole.restored()
    found = whole.position.found or first.found
    search = _spliced(search, search.standings()[: tasks[0].given_count], first)
    is_whole = not first.rest
    while search.places and is_whole:
        key = (len(search.places) - 1, search.places[-1].tried_count)
        if key in ahead:
            piece = ahead.pop(key)
            found, is_whole = found or piece.found, not piece.rest
            search.pass_over()
            search = _spliced(search, search.standings(), piece)
        elif key[1] < search.places[-1].committed_count():
            break
        else:
            search.advance()  # leaves the place
    whole.position = replace(whole.position, ahead=ahead)
    whole.keep(search, found)
    return search


def _spliced(search: Reduction, standings: tuple[Standing, ...], piece: Piece) -> Reduction:
    """Return a search that stands at these standings and what is left of a piece, whose runs it has visited."""
    counts = replace(search.counts)
    counts.add(piece.counts)
    whole = (*standings, *piece.rest)
    if not whole:
        search.places.clear()
    elif whole != search.standings():
        search = Reduction(search.system, whole, depth_most=search.depth_most)
    search.counts = counts
    for request in piece.requests:
        search.ask(request)
    return search


def _joined(before: Piece, after: Piece) -> Piece:
    """Return a piece of which a part was searched, and then more of it."""
    counts = replace(before.counts)
    counts.add(after.counts)
    requests = tuple(dict.fromkeys((*before.requests, *after.requests)))
    return Piece(after.rest, counts, before.found or after.found, requests)
