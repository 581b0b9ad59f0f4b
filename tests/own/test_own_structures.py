"""Structures and programs of one's own in the explorer: what raises, what waits for a lock, what is handed over."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fencepost import native
from fencepost.model.contract import Verdict
from fencepost.model.explorer.search.exploration import Explored, Limits, explore
from fencepost.model.explorer.subjects import arrivals, sequencer, structure
from fencepost.model.explorer.traces.run_itf import read_run, write_run
from fencepost.model.programs import DESIGNS, Scenario
from fencepost.model.programs.operations import (
    CompareExchange,
    Exchange,
    FetchAdd,
    Flush,
    FullFence,
    Load,
    Store,
    ThreadOf,
    Unlock,
)
from fencepost.model.programs.roles.subscriber import Subscriber
from fencepost.model.programs.structures import Structure, ack_frontier, lap_ring
from fencepost.model.programs.structures.structure import PAUSE, PAUSES_MOST, Laid, Returned, Steps, never_ended, thread

X, LOCK = ("x", "word"), ("lock", "word")
STRATEGIES = ("exhaustive", "random", "pct")


def own(*programs: Callable[[], Steps], wrong: Any = None, hosts: tuple[int, ...] = ()) -> Structure:
    """Return a structure of two words around these programs; wrong is a thread that waits for ever."""
    threads = tuple(
        thread(f"thread {number}", hosts[number] if hosts else 0, program) for number, program in enumerate(programs)
    )
    lines = (Laid(("x",), ("word",)), Laid(("lock",), ("word",)))
    judge = wrong or (lambda returned: never_ended(threads, returned))
    return Structure("own", "", (), lines, threads, judge, f"{len(threads)} threads")


def nothing_wrong(returned: Returned) -> None:
    return None


def line_of(program: Callable[[], Any], text: str) -> str:
    """Return where a line of a program is, as it is reported."""
    source = Path(__file__).read_text().splitlines()
    first = program.__code__.co_firstlineno
    number = next(n for n, line in enumerate(source, start=1) if n >= first and text in line)
    return f"test_own_structures.py:{number} in {program.__name__}: {source[number - 1].strip()}"


# --- a program that raises ---


def reading() -> Steps:
    value = yield Load(X)
    assert value == 1, f"value is {value}"
    return (value,)


def misnamed() -> Steps:
    yield Store(X, 1)
    yield Load(undefined)  # type: ignore[name-defined]  # the mistake that is found  # noqa: F821


def leaving() -> Steps:
    yield Store(X, 1)
    sys.exit(0)


def idle() -> Steps:
    yield Load(LOCK)
    return ()


def never_begun() -> Steps:
    raise ValueError("no program")


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    ("program", "said", "at"),
    [
        (reading, "raised AssertionError: value is 0, at ", "assert value"),
        (misnamed, "raised NameError: name 'undefined' is not defined, at ", "yield Load(undefined)"),
        (leaving, "raised SystemExit: 0, at ", "sys.exit"),
        (never_begun, "raised ValueError: no program, at ", "raise ValueError"),
    ],
)
def test_a_thread_that_raises_is_violated_with_its_line(
    program: Callable[[], Steps], said: str, at: str, strategy: str
) -> None:
    for others in ((), (idle,)):
        asked = own(*others, program, wrong=nothing_wrong)
        explored = explore(structure(asked, "ncx"), strategy=strategy, limits=Limits(runs=20))
        assert (explored.verdict, explored.counts.complete) == (Verdict.VIOLATED, 1)
        assert explored.violation is not None
        assert explored.violation.property == "raised"
        assert explored.violation.sentence == f"thread {len(others)} {said}{line_of(program, at)}"


def test_a_thread_that_raises_in_one_run_only_is_found_there() -> None:
    def storing() -> Steps:
        yield Store(X, 2)
        return ()

    def asserting() -> Steps:
        value = yield Load(X)
        assert value == 0
        return ()

    assert explore(structure(own(asserting, wrong=nothing_wrong), "ncx")).verdict is Verdict.EXHAUSTED
    explored = explore(structure(own(asserting, storing, wrong=nothing_wrong), "ncx"))
    assert explored.violation is not None
    assert explored.violation.property == "raised"


def test_what_is_no_operation_is_named() -> None:
    def confused() -> Steps:
        yield Load  # type: ignore[misc]  # the mistake that is found

    explored = explore(structure(own(confused, wrong=nothing_wrong), "ncx"))
    assert explored.violation is not None
    assert "yielded <class" in explored.violation.sentence
    unwrapped = replace(own(), threads=(ThreadOf("thread 0", 0, lambda: iter([PAUSE])),), wrong=nothing_wrong)  # type: ignore[arg-type,return-value]  # as above
    assert explore(structure(unwrapped, "ncx")).verdict is Verdict.VIOLATED


class Failing(Subscriber):
    """Fails where a batch is not the first."""

    def deliver(self, number: int, index: int, start: int) -> Any:
        assert start < 1, f"start is {start}"
        yield from super().deliver(number, index, start)


def failing(value: Any) -> Any:
    return 1 // 0


class Mislabelling(Subscriber):
    """Fails when it says which step of the spec a load is."""

    def deliver(self, number: int, index: int, start: int) -> Any:
        for operation in super().deliver(number, index, start):
            yield Load(operation.address, failing) if isinstance(operation, Load) else operation


@pytest.mark.parametrize("asked", [None, frozenset({"prefix"})])
@pytest.mark.parametrize(("subscriber", "said"), [(Failing, "AssertionError: start is 1"), (Mislabelling, "Zero")])
def test_so_is_a_thread_of_a_pipeline_whatever_is_asked(
    subscriber: type[Subscriber], said: str, asked: frozenset[str] | None, tmp_path: Path
) -> None:
    design = replace(DESIGNS["order4.claim"], subscriber=subscriber)
    scenario = Scenario(rings=arrivals(2, 2, 2), slots=2, subscribers=True)
    explored = explore(sequencer(design, scenario, "ncx", asked=asked))
    assert explored.violation is not None
    assert said in explored.violation.sentence
    assert "test_own_structures.py" in explored.violation.sentence
    write_run(explored, tmp_path / "run.itf.json")
    trace = read_run(tmp_path / "run.itf.json", {**DESIGNS, design.name: design})
    assert trace.violation == explored.violation


# --- a pause after an atomic operation ---


def trying(attempt: Callable[[], Any]) -> Callable[[], Steps]:
    """Return a program that takes a lock by atomic attempts, and adds to a word under it."""

    def program() -> Steps:
        while (yield attempt()) != 0:
            yield PAUSE
        value = yield Load(X)
        yield Store(X, value + 1)
        yield FullFence()
        yield Unlock(LOCK)
        return (value,)

    return program


def once_each(returned: Returned) -> tuple[str, str] | None:
    if None in returned:
        return "drained", f"{returned} waits for ever"
    values = sorted(each[0] for each in returned if each)
    return None if values == list(range(len(values))) else ("exclusion", f"{values} were found")


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("attempt", [lambda: CompareExchange(LOCK, 0, 1), lambda: Exchange(LOCK, 1)])
def test_a_lock_that_is_tried_again_after_a_pause_is_got(attempt: Callable[[], Any], strategy: str) -> None:
    def run(program: Callable[[], Steps], count: int = 3) -> Explored:
        asked = own(*[program] * count, wrong=once_each)
        return explore(structure(asked, "tso"), strategy=strategy, limits=Limits(runs=200))

    passed = run(trying(attempt))
    assert passed.verdict is (Verdict.EXHAUSTED if strategy == "exhaustive" else Verdict.NOT_FOUND), passed.violation
    assert passed.counts.complete > 1
    open_to_all = run(trying(lambda: Exchange(X, 0)))  # no lock at all
    assert open_to_all.verdict is Verdict.VIOLATED


def test_a_lock_that_is_never_given_back_keeps_its_waiter_for_ever() -> None:
    def keeping() -> Steps:
        while (yield CompareExchange(LOCK, 0, 1)) != 0:
            yield PAUSE
        return (0,)

    explored = explore(structure(own(keeping, keeping), "tso"))
    assert explored.violation is not None
    assert explored.violation.property == "drained"


def test_a_counter_that_is_read_by_adding_nothing_is_waited_for() -> None:
    def waiting() -> Steps:
        while (yield FetchAdd(X, 0)) != 2:
            yield PAUSE
        return ()

    def adding() -> Steps:
        yield FetchAdd(X, 1)
        return ()

    assert explore(structure(own(waiting, adding, adding), "ncx")).verdict is Verdict.EXHAUSTED


def test_a_pause_without_a_look_is_no_wait_and_nothing_but_pauses_is_an_error() -> None:
    def backing_off() -> Steps:
        while (yield CompareExchange(LOCK, 0, 1)) != 0:
            yield PAUSE
            yield PAUSE
        yield Unlock(LOCK)
        return ()

    assert explore(structure(own(backing_off, backing_off), "tso")).verdict is Verdict.EXHAUSTED

    def pausing() -> Steps:
        while True:
            yield PAUSE

    explored = explore(structure(own(pausing, wrong=nothing_wrong), "tso"))
    assert explored.violation is not None
    assert f"{PAUSES_MOST} pauses in a row" in explored.violation.sentence


# --- lines that are handed over ---


def handing(first: bool) -> Callable[[], Steps]:
    """Return one of two programs of which the second stores to a line after the first has handed it over."""

    def program() -> Steps:
        if first:
            yield Store(X, 1)
            yield Flush(X[:-1])
            yield FullFence()
            yield Store(LOCK, 1)
            yield Flush(LOCK[:-1])
            return ()
        while True:
            yield Flush(LOCK[:-1])
            yield FullFence()
            if (yield Load(LOCK)) == 1:
                break
            yield PAUSE
        yield Flush(X[:-1])
        yield FullFence()
        value = yield Load(X)
        yield Store(X, value + 1)
        return (value,)

    return program


def test_a_line_may_be_handed_over_unless_single_writers_are_asked_for() -> None:
    asked = own(handing(True), handing(False), hosts=(0, 1), wrong=nothing_wrong)
    assert explore(structure(asked, "ncx")).verdict is Verdict.EXHAUSTED
    explored = explore(structure(replace(asked, single_writer=True), "ncx"))
    assert explored.violation is not None
    assert explored.violation.property == "single-writer"


def test_the_structures_of_sequencers_ask_for_them_in_both_engines() -> None:
    assert lap_ring().single_writer
    assert ack_frontier().single_writer
    for single_writer in (True, False):
        asked = structure(replace(lap_ring(messages=1, values=1), single_writer=single_writer), "ncx")
        assert explore(asked).counts == native.explore(asked).counts
