"""Programs with waits, drawn or given, whose words come back to a value that they had, and all ends that they have."""

from collections.abc import Callable, Generator
from typing import Any

from hypothesis import strategies as st

from fencepost.model.explorer.search.reduction import Counts, Reduction, stuck
from fencepost.model.explorer.states.system import System
from fencepost.model.explorer.subjects import returned
from fencepost.model.memory import MATRIX, matrix, profile
from fencepost.model.memory.lines import LinesChanged
from fencepost.model.memory.ordering import Buffered
from fencepost.model.programs.operations import (
    CompareExchange,
    FetchAdd,
    Flush,
    FullFence,
    Load,
    Operation,
    Poll,
    Receive,
    Send,
    Store,
    StoreFence,
    ThreadOf,
    Watched,
)

WORD, OTHER, APART = ("x", "one"), ("x", "other"), ("y", "one")
Ends = set[tuple[Any, ...]]
Code = tuple[Operation, ...]
Returning = Generator[Operation, Any, Any]


class TooMany(Exception):
    """A program has more states than a test has time for."""


def ends_and_counts(system: System) -> tuple[Ends, Counts]:
    while True:
        try:
            walk = Reduction(system)
            return {returned(end.state) for end in walk.ends() if end.complete}, walk.counts
        except LinesChanged:
            continue


def ends_of(system: System) -> Ends:
    return ends_and_counts(system)[0]


def all_ends_of(system: System, most: int = 20_000) -> Ends:
    """Without any reduction: every order of every step, each state once. Raises TooMany."""

    def walk() -> Ends:
        left, known, found = [system.start()[0]], set(), set()
        while left:
            state = left.pop()
            if state.frozen() in known:
                continue
            known.add(state.frozen())
            if len(known) > most:
                raise TooMany
            transitions = system.transitions(state)
            if stuck(transitions):
                found.add(returned(state))
            left += [system.perform(state, actor, each)[0] for actor, all in transitions.items() for each in all]
        return found

    while True:
        try:
            return walk()
        except LinesChanged:
            continue


def system_of(name: str, *threads: ThreadOf) -> System:
    return System(list(threads), profile(name), matrix(MATRIX))


def doing(code: Code) -> Callable[[], Returning]:
    """Return a program that does this and returns the index and the value of everything that it did."""

    def run() -> Returning:
        found: list[int] = []
        for operation in code:
            result = yield operation
            found += result if isinstance(result, tuple) else (0, result or 0)
        return tuple(found)

    return run


WORDS = st.sampled_from([WORD, OTHER, APART])
WATCHED = st.builds(Watched, WORDS, st.sampled_from([0, 0, 0, 1, 2, 5]), st.booleans())
POLLS = st.lists(WATCHED, min_size=1, max_size=3, unique_by=lambda each: each.address).map(tuple).map(Poll)
STORES = st.builds(Store, WORDS, st.integers(0, 2), streaming=st.sampled_from([False, False, False, True]))
FLUSHES = st.builds(Flush, st.sampled_from([("x",), ("y",)]), st.sampled_from([Buffered.FL, Buffered.FO, Buffered.WB]))
WRITING = st.one_of(
    STORES, STORES, STORES, FLUSHES, FLUSHES,
    st.just(FullFence()), st.just(StoreFence()), st.just(Send(("channel", 0), 7)),
    st.builds(FetchAdd, WORDS, st.integers(1, 2)), POLLS,
)  # fmt: skip
READING = st.one_of(
    POLLS, POLLS, POLLS, st.builds(Load, WORDS), st.just(Receive(("channel", 0))), STORES,
    st.builds(CompareExchange, WORDS, st.integers(0, 1), st.integers(0, 2)),
)  # fmt: skip
THREADS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.one_of(
            st.lists(WRITING, min_size=1, max_size=6).map(tuple), st.lists(READING, min_size=1, max_size=2).map(tuple)
        ),
    ),
    min_size=2,
    max_size=3,
)
Threads = list[tuple[int, Code]]
SUPPORTED = ("sc", "tso", "ncx", "ncx-nospec", "ncx-noevict", "ncx-lfence")

TAKEN_BACK: dict[str, tuple[str, Threads]] = {
    "the one word of a poll": (
        "ncx",
        [
            (0, tuple(each for value in (1, 0, 2) for each in (Store(WORD, value), Flush(("x",)), FullFence()))),
            (1, (Poll((Watched(WORD, 0, invalidate=True),)),)),
        ],
    ),
    "a word of a poll that may end at another one all the time": (
        "sc",
        [(0, (Store(WORD, 1), Store(WORD, 0))), (0, (Poll((Watched(WORD, 0), Watched(APART, 5))),))],
    ),
    "the same, of a thread that is tried first": (
        "sc",
        [(0, (Poll((Watched(WORD, 0), Watched(APART, 5))),)), (0, (Store(WORD, 1), Store(WORD, 0)))],
    ),
    "the only message for two threads": (
        "sc",
        [(0, (Send(("channel", 0), 7),)), *[(0, (Receive(("channel", 0)),))] * 2],
    ),
    "a word that nobody but its writer had to do with": (
        "tso",
        [
            (0, (Poll((Watched(WORD, 1), Watched(APART, 0))),)),
            (0, (Store(WORD, 2), Store(OTHER, 2), FullFence(), Poll((Watched(OTHER, 0),)))),
            (0, (Store(OTHER, 1), FullFence(), Store(APART, 2), FullFence())),
        ],
    ),
}
"""What a wait could have ended at, each by another gap of the search: a wrong search leaves its runs out."""


def made(name: str, threads: Threads) -> System:
    return system_of(name, *(ThreadOf(f"thread {at}", host, doing(code)) for at, (host, code) in enumerate(threads)))
