"""A compare-exchange that fails writes what it found, in every engine; and stores past the caches in one line."""

from collections.abc import Generator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from fencepost.litmus_tests.run import decide_test
from fencepost.model.contract import Verdict
from fencepost.model.explorer.search.exploration import explore as explore_model
from fencepost.model.explorer.subjects import litmus_file
from fencepost.model.litmus import Answer, LitmusTest, parse_test
from fencepost.model.litmus.effects import Effects, Scratch
from fencepost.model.litmus.explore import Budget, outcomes
from fencepost.model.litmus.generate import Shape, draw
from fencepost.model.memory import MATRICES, PROFILES, Instruction, Op
from fencepost.model.programs.operations import CompareExchange, Flush, Load, Operation, Sleep, Store, line_of
from fencepost.model.simulation.clock import Clock
from fencepost.model.simulation.machine_costs import MachineCosts
from fencepost.model.simulation.operations.machine import TimedMachine
from fencepost.model.simulation.operations.memory import TimedMemory
from fencepost.model.simulation.operations.threads import TimedThread
from fencepost.model.simulation.records import Tally
from fencepost.native import explore as explore_natively

SDM = MATRICES["sdmC"]
ENGINES = ("python", "native", "smt")
load = Effects.load
NEIGHBOUR = "line L = x y\nH0: W x 5; FO x; SF\nH1: {}\nbad x=0"
TWO_WORDS = "line L = d f\nH0: NT d 1; NT f 1\nH1: R a f; R b d\nbad 1:a=1 & 1:b=0"


def answers(test: LitmusTest, under: str, order: str = "sdmC") -> set[Answer]:
    """Return what the engines say, as defined and in larger steps, and the sequencers' explorers in both languages."""
    row = decide_test(test, under, order, ENGINES, Budget(), False)
    defined = decide_test(test, under, order, ENGINES[:2], Budget(), True)
    found = row.answers | defined.answers
    if under != "ncx-tear":
        for explore in (explore_model, explore_natively):
            violated = explore(litmus_file(test, under, order)).verdict is Verdict.VIOLATED
            found |= {Answer.ALLOWED if violated else Answer.FORBIDDEN}
    return found


@pytest.mark.parametrize("atomic", ["CAS r y 9 1", "CAS r x 9 1", "FAA r y 0", "XCHG r y 0", "CAS r y 0 1"])
def test_an_atomic_that_changes_nothing_may_still_write_its_stale_line_back(atomic: str) -> None:
    assert answers(parse_test(NEIGHBOUR.format(atomic)), "ncx") == {Answer.ALLOWED}
    assert answers(parse_test(NEIGHBOUR.format("R r y")), "ncx") == {Answer.FORBIDDEN}


def test_a_failed_exchange_writes_no_neighbour_back_where_a_write_back_carries_only_dirty_words() -> None:
    test = parse_test(NEIGHBOUR.format("CAS r y 9 1"))
    assert decide_test(test, "ncx-bytemask", "sdmC", ENGINES, Budget(), False).answers == {Answer.FORBIDDEN}


def left_clean(self: Effects, s: Scratch, thread: int, instruction: Instruction, words: tuple[int, ...]) -> None:
    """The variant that is wrong: a compare-exchange that fails is only a load."""
    fails = instruction.op is Op.CAS and words[instruction.word] != instruction.value.value(s.registers[thread])
    load(self, s, thread, replace(instruction, op=Op.R) if fails else instruction, words)


def test_random_programs_tell_a_failed_exchange_that_leaves_its_line_clean_from_the_right_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random, shape = Random(5), Shape(ops=(*Shape().ops, Op.CAS, Op.CAS), instructions=3)
    programs = [draw(random, shape) for _ in range(60)]

    def differ() -> int:
        exact, larger = (
            [outcomes(each, PROFILES["ncx"], SDM, memory_matters=True, as_defined=exactly) for each in programs]
            for exactly in (True, False)
        )
        return sum(one != other for one, other in zip(exact, larger, strict=True))

    assert differ() == 0
    monkeypatch.setattr(Effects, "load", left_clean)
    assert differ() > 0


@pytest.mark.parametrize(("order", "expected"), [("sdmC", Answer.ALLOWED), ("amdweak", Answer.ALLOWED),
                                                 ("px86", Answer.FORBIDDEN), ("sdmA", Answer.FORBIDDEN)])  # fmt: skip
def test_stores_past_the_caches_to_two_words_of_a_line_keep_the_order_that_the_matrix_says(
    order: str, expected: Answer
) -> None:
    for under in ("ncx", "ncx-tear"):
        assert answers(parse_test(TWO_WORDS), under, order) == {expected}
    crash = parse_test("line L = d f\nH0: NT d 1; NT f 1\nbad f=1 & d=0")
    assert decide_test(crash, "px86", order, ENGINES, Budget(), False).answers == {expected}


@pytest.mark.parametrize("order", MATRICES)
@pytest.mark.parametrize("code", ["NT d 1; SF; NT f 1", "NT d 1; W f 1", "W d 1; NT f 1"])
def test_a_fence_and_an_ordinary_store_keep_it_under_every_matrix(order: str, code: str) -> None:
    assert answers(parse_test(TWO_WORDS.replace("NT d 1; NT f 1", code)), "ncx", order) == {Answer.FORBIDDEN}


@pytest.mark.parametrize("order", MATRICES)
def test_stores_past_the_caches_to_one_word_stay_in_order(order: str) -> None:
    test = parse_test("line L = d f\nH0: NT d 1; NT f 1; NT d 2\nbad d!=2")
    assert answers(test, "ncx", order) == {Answer.FORBIDDEN}


def test_under_the_clock_too_one_that_fails_writes_its_stale_line_back_over_a_neighbour() -> None:
    clock = Clock()
    memory = TimedMemory(
        clock,
        MachineCosts(),
        lambda name: lambda: 10_000,
        line_of=line_of,
        is_pooled=lambda line: True,
        staleness=Tally(),
    )
    machine = TimedMachine(clock, MachineCosts(), memory, observers={})
    tried, neighbour = ("line", "tried"), ("line", "written")

    def tries(expected: int) -> Generator[Operation, Any, None]:
        yield Load(tried)
        yield Sleep(1_000)
        yield CompareExchange(tried, expected, 1)

    def writes() -> Generator[Operation, Any, None]:
        yield Sleep(500)
        yield Store(neighbour, 5)
        yield Flush(("line",))

    TimedThread(machine, "tries", tries(9), 0)
    TimedThread(machine, "writes", writes(), 1)
    for _ in clock.run_slices(2_000):
        pass
    assert (memory.place(1, neighbour).home.words["written"], memory.place(0, tried).dirty_since_ns >= 0) == (5, True)
    for _ in clock.run_slices(10**6):
        pass
    assert "written" not in memory.place(1, neighbour).home.words
