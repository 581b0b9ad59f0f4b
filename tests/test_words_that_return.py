"""A word may come back to what a wait has seen: the wait could have ended before that, and no run may be left out."""

import shutil
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fencepost.model.contract import Verdict
from fencepost.model.explorer.exploration import Limits, explore
from fencepost.model.explorer.reduction import Counts, Reduction, stuck
from fencepost.model.explorer.subjects import returned, sequencer
from fencepost.model.explorer.system import System
from fencepost.model.memory import MATRIX, PROFILES, matrix, profile
from fencepost.model.memory.lines import LinesChanged
from fencepost.model.memory.ordering import Buffered
from fencepost.model.museum import BUGS
from fencepost.model.programs.operations import (
    CompareExchange,
    FetchAdd,
    Flush,
    FullFence,
    Load,
    Operation,
    Poll,
    Program,
    Receive,
    Send,
    Store,
    StoreFence,
    ThreadOf,
    Watched,
)
from fencepost.native.stepped import orders_of, switches_of

WORD, OTHER, APART = ("x", "one"), ("x", "other"), ("y", "one")
Ends = set[tuple[Any, ...]]
Code = tuple[Operation, ...]
ROOT = Path(__file__).parent.parent
COMPILER = shutil.which("c++") or shutil.which("g++")


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


# --- one word ---


def writer(values: tuple[int, ...], *, flushed: bool) -> Program:
    for value in values:
        yield Store(WORD, value)
        if flushed:
            yield Flush(("x",))
            yield FullFence()


Returning = Generator[Operation, Any, Any]


def waiting(count: int, *, invalidate: bool) -> Returning:
    seen = 0
    for _ in range(count):
        _, seen = yield Poll((Watched(WORD, seen, invalidate),))
    return seen


def spinning() -> Returning:
    while (seen := (yield Load(WORD))) == 0:
        pass
    return seen


VALUES = st.lists(st.integers(0, 2), min_size=1, max_size=4).map(tuple)


@settings(max_examples=60, deadline=None)
@given(VALUES, st.integers(1, 2), st.booleans())
def test_a_poll_ends_at_every_value_that_the_word_ever_had(values: tuple[int, ...], count: int, other: bool) -> None:
    """On one host, and between two of which the writer flushes each store and the reader invalidates each look."""
    threads = (
        ThreadOf("writer", 0, lambda: writer(values, flushed=other)),
        ThreadOf("reader", int(other), lambda: waiting(count, invalidate=other)),
    )
    name = "ncx" if other else "sc"
    assert ends_of(system_of(name, *threads)) == all_ends_of(system_of(name, *threads))


@settings(max_examples=30, deadline=None)
@given(VALUES)
def test_a_loop_around_a_load_ends_at_every_value_too(values: tuple[int, ...]) -> None:
    threads = (ThreadOf("writer", 0, lambda: writer(values, flushed=False)), ThreadOf("reader", 0, spinning))
    assert ends_of(system_of("sc", *threads)) == all_ends_of(system_of("sc", *threads))


def test_a_message_may_be_taken_by_whoever_waits_for_one() -> None:
    def sending() -> Program:
        for number in range(3):
            yield Send(("channel", 0), number)

    def receiving() -> Returning:
        return (yield Receive(("channel", 0)))

    threads = (
        ThreadOf("sender", 0, sending),
        *(ThreadOf(f"receiver {number}", 0, receiving) for number in range(2)),
    )
    found = ends_of(system_of("sc", *threads))
    assert found == all_ends_of(system_of("sc", *threads)) == {(None, 0, 1), (None, 1, 0)}


@pytest.mark.parametrize("reduction", [True, False])
def test_a_guard_that_is_wiped_is_seen_before_that(reduction: bool) -> None:
    """Its run was left out: all runs of the scenario were said to be exhausted, and there was one."""
    bug = BUGS["wiped_with_the_announcement"]
    found = explore(sequencer(bug.design, bug.scenario, "ncx"), reduction=reduction, limits=Limits(60.0))
    assert found.verdict is Verdict.VIOLATED


# --- drawn programs, with waits for several words, in both engines ---


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


@settings(max_examples=150, deadline=None)
@given(THREADS, st.sampled_from(SUPPORTED))
def test_no_end_of_a_drawn_program_with_waits_is_left_out(threads: Threads, name: str) -> None:
    try:
        expected = all_ends_of(made(name, threads), most=4_000)
    except TooMany:
        return
    assert ends_of(made(name, threads)) == expected


@pytest.mark.parametrize("what", TAKEN_BACK)
def test_what_is_taken_back_could_have_ended_a_wait(what: str) -> None:
    name, threads = TAKEN_BACK[what]
    assert ends_of(made(name, threads)) == all_ends_of(made(name, threads))


def test_a_search_that_looks_at_nothing_taken_back_leaves_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reduction, "_passed_over", lambda self, thread: [])
    for what in list(TAKEN_BACK)[:2]:
        name, threads = TAKEN_BACK[what]
        assert ends_of(made(name, threads)) < all_ends_of(made(name, threads))


def test_a_search_that_does_not_ask_for_waits_that_sleep_leaves_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reduction, "_reverse_asleep", lambda self, place: None)
    name, threads = TAKEN_BACK["the same, of a thread that is tried first"]
    assert ends_of(made(name, threads)) < all_ends_of(made(name, threads))


# --- the same in C++ ---

KINDS = (
    "Load", "Store", "FetchAdd", "CompareExchange", "Exchange", "DeviceAdd", "Lock", "Unlock", "Flush", "StoreFence",
    "FullFence", "LoadFence", "Prefetch", "Poll", "Send", "Receive",
)  # fmt: skip
"""As in stepped_values.hpp."""
LINES = {("x",): 0, ("y",): 1}
PLACES = {WORD: (0, 0), OTHER: (0, 1), APART: (1, 0)}


def numbers_of(operation: Operation) -> list[int]:
    """Return an operation as waits.cpp reads it."""
    kind, flush, streams, place, value, second = KINDS.index(type(operation).__name__), 0, 0, (0, 0), 0, 0
    watched: tuple[Watched, ...] = ()
    match operation:
        case Load(address):
            place = PLACES[address]
        case Store(address, stored):
            place, value, streams = PLACES[address], stored, int(operation.streaming)
        case FetchAdd(address, amount):
            place, value = PLACES[address], amount
        case CompareExchange(address, expected, desired):
            place, value, second = PLACES[address], expected, desired
        case Flush(line, buffered):
            place, flush = (LINES[line], 0), list(Buffered).index(buffered)
        case Send(_, message):
            value = message
        case Poll(watched):
            pass
    looked = [number for each in watched for number in (*PLACES[each.address], each.seen, int(each.invalidate))]
    return [kind, flush, streams, 0, *place, value, second, len(watched), *looked]


def native_ends(program: Path, name: str, threads: Threads) -> tuple[set[str], Counts]:
    numbers = [1, *switches_of(PROFILES[name]), *orders_of(matrix(MATRIX)), len(threads)]
    for host, code in threads:
        numbers += [host, len(code), *(number for each in code for number in numbers_of(each))]
    told = subprocess.run([program], input=" ".join(map(str, numbers)), capture_output=True, text=True, check=True)
    counts, *ends, last = told.stdout.splitlines()
    assert last == "end"
    complete, blocked, steps = map(int, counts.split())
    return set(ends), Counts(complete, blocked, 0, steps)


def as_native(ends: Ends) -> set[str]:
    return {
        " ".join("|" + "".join(f" {each}" for each in ("-",) if thread is None) + "".join(
            f" {each}" for each in (thread or ())
        ) for thread in end)
        for end in ends
    }  # fmt: skip


def built(folder: Path, headers: Path) -> Path:
    program = folder / "waits"
    source = ROOT / "tests" / "native" / "waits.cpp"
    command = [str(COMPILER), "-O1", "-std=c++20", f"-I{headers}", f"-I{ROOT / 'native' / 'include'}", "-pthread"]
    subprocess.run([*command, str(source), "-o", str(program)], check=True)
    return program


needs_compiler = pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler")


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("waits")
    return built(folder, folder)


@needs_compiler
@settings(max_examples=60, deadline=None)
@given(threads=THREADS, name=st.sampled_from(SUPPORTED))
def test_both_engines_find_the_same_ends_in_as_many_runs(native: Path, threads: Threads, name: str) -> None:
    system = made(name, threads)
    try:
        all_ends_of(made(name, threads), most=4_000)
    except TooMany:
        return
    ends, counts = ends_and_counts(system)
    assert native_ends(native, name, threads) == (as_native(ends), counts)


@needs_compiler
@pytest.mark.parametrize("what", TAKEN_BACK)
def test_the_native_search_leaves_nothing_out_that_was_taken_back(native: Path, what: str) -> None:
    name, threads = TAKEN_BACK[what]
    assert native_ends(native, name, threads)[0] == as_native(all_ends_of(made(name, threads)))


NATIVE_MUTANTS = {
    "waits that end ask for nothing that was taken back": (
        "stepped_reduction.hpp",
        "if (transition.actor.is_thread()) find_passed_over(transition.actor.thread);",
        "",
        "the one word of a poll",
    ),
    "waits that sleep ask for nothing": (
        "stepped_reduction.hpp",
        "        reverse_asleep();\n",
        "",
        "the same, of a thread that is tried first",
    ),
    "answers at one of several words are all the same": (
        "stepped_system.hpp",
        "2 * choice.poll() + (choice.looked() ? 1 : 0)",
        "0",
        "a word of a poll that may end at another one all the time",
    ),
    "a poll has to do with the word alone that it ends at": (
        "stepped_system.hpp",
        "      lines_.use(other.word.line, thread, host, false);\n",
        "",
        "a word that nobody but its writer had to do with",
    ),
}
"""File, the text that is changed, what it is changed to, and the program whose ends this search leaves out."""


@needs_compiler
@pytest.mark.parametrize(
    "mutant",
    [pytest.param(each, marks=[pytest.mark.slow] * (at > 0)) for at, each in enumerate(NATIVE_MUTANTS)],
)
def test_a_native_search_with_a_gap_leaves_ends_out(mutant: str, tmp_path: Path) -> None:
    file, before, after, what = NATIVE_MUTANTS[mutant]
    headers = tmp_path / "fencepost"
    headers.mkdir()
    for each in (ROOT / "native" / "include" / "fencepost").glob("*.hpp"):
        shutil.copy(each, headers)
    text = (headers / file).read_text()
    assert text.count(before) == 1
    (headers / file).write_text(text.replace(before, after))
    name, threads = TAKEN_BACK[what]
    assert native_ends(built(tmp_path, tmp_path), name, threads)[0] < as_native(all_ends_of(made(name, threads)))
