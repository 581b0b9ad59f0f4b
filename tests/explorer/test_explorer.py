"""The explorer: exact counts, the ends of the definition and of every order of steps, each class of runs once."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError, NotAccepted, NotDeterministic
from fencepost.model.explorer.litmus import outcomes, system_of
from fencepost.model.explorer.search.exploration import Explored, Limits, Subject, explore
from fencepost.model.explorer.search.reduction import End, Reduction, stuck
from fencepost.model.explorer.search.schedule import follow
from fencepost.model.explorer.search.strategies import guard
from fencepost.model.explorer.states.monitor import Violation
from fencepost.model.explorer.states.state import Event, State
from fencepost.model.explorer.states.system import System
from fencepost.model.explorer.states.threads import Node
from fencepost.model.explorer.subjects import litmus_file
from fencepost.model.litmus import Answer, parse_test, read_test
from fencepost.model.litmus.generate import Shape, draw
from fencepost.model.memory import MATRICES, PROFILES, Op, Program
from fencepost.model.memory.lines import LinesChanged
from fencepost.model.programs.operations import FetchAdd, Load, Lock, Store, ThreadOf, Unlock
from fencepost.native.schedules import litmus as native

SDM = MATRICES["sdmC"]
SUPPORTED = ("sc", "tso", "ncx", "ncx-nospec", "ncx-noevict", "ncx-lfence")
FILES = sorted((Path(__file__).parents[1] / "litmus").glob("*.litmus"))


def increments(count: int) -> str:
    return "\n".join(["H0: R a x; W x a+1"] * count)


def fetch_adds(count: int) -> str:
    return "\n".join(["H0: FAA a x 1"] * count)


COUNTED = {
    "SB": ("H0: W x 1; R a y\nH0: W y 1; R b x", 3),
    "MP": ("H0: W x 1; W y 1\nH0: R a y; R b x", 3),
    "LB": ("H0: R a x; W y 1\nH0: R b y; W x 1", 3),
    "fetch_add 2": (fetch_adds(2), 2),
    "fetch_add 3": (fetch_adds(3), 6),
    "fetch_add 4": (fetch_adds(4), 24),
    "increment 2": (increments(2), 4),
    "increment 3": (increments(3), 36),
    "IRIW": ("H0: W x 1\nH0: W y 1\nH0: R a x; R b y\nH0: R c y; R d x", 15),
    "2+2W": ("H0: W x 1; W y 2\nH0: W y 1; W x 2", 3),
    "independent": ("H0: W x 1; R a x\nH0: W y 1; R b y\nH0: W z 1", 1),
    "failing compare-exchanges": ("H0: CAS a x 5 6\nH0: CAS b x 5 7", 1),
}


def subject(text: str, profile: str, bad: str = "x=99") -> Subject:
    return litmus_file(parse_test(f"{text}\nbad {bad}"), profile)


@pytest.mark.parametrize("name", COUNTED)
def test_the_number_of_runs_is_exact(name: str) -> None:
    text, count = COUNTED[name]
    explored = explore(subject(text, "sc"))
    assert (explored.counts.complete, explored.verdict) == (count, Verdict.EXHAUSTED)


@pytest.mark.parametrize("name", ["SB", "MP", "LB", "fetch_add 3", "increment 2"])
def test_without_reduction_every_order_is_a_run_and_the_ends_are_the_same(name: str) -> None:
    program = parse_test(f"{COUNTED[name][0]}\nbad x=99").program
    assert ends(program, "sc") == {end for end, _ in every_order(program, "sc")}
    whole = explore(subject(COUNTED[name][0], "sc"), reduction=False)
    orders = {"SB": 6, "MP": 6, "LB": 6, "fetch_add 3": 6, "increment 2": 6}
    assert whole.counts.complete == orders[name]


def ends(program: Program, profile: str, *, memory: bool = True) -> set[tuple[Any, ...]]:
    """Return what the runs of a reduced walk end with."""
    system = system_of(program, PROFILES[profile], SDM)
    found: set[tuple[Any, ...]] = set()
    for end in complete_runs(system):
        found |= outcomes(program, system, end.state, memory=memory)
    return found


def complete_runs(system: System) -> list[End]:
    while True:
        try:
            return [end for end in Reduction(system).ends() if end.complete]
        except LinesChanged:
            continue


def every_order(program: Program, profile: str) -> list[tuple[tuple[Any, ...], tuple[Event, ...]]]:
    """Return the end and the events of every order of steps of a small program of one host."""
    system = system_of(program, PROFILES[profile], SDM)
    while True:
        try:
            found: list[tuple[tuple[Any, ...], tuple[Event, ...]]] = []
            stack: list[tuple[State, tuple[Event, ...]]] = [(system.start()[0], ())]
            while stack:
                state, events = stack.pop()
                transitions = system.transitions(state)
                if stuck(transitions):
                    found += [(end, events) for end in outcomes(program, system, state, memory=True)]
                for actor, choices in transitions.items():
                    for each in choices:
                        after, event = system.perform(state, actor, each)
                        stack.append((after, (*events, event)))
            return found
        except LinesChanged:
            continue


def classes(runs: list[tuple[tuple[Any, ...], tuple[Event, ...]]]) -> set[Any]:
    """Return the classes of runs that differ only in the order of steps with no word in common, or only read ones."""
    found = set()
    for _, events in runs:
        names = []
        counts: dict[Any, int] = {}
        for event in events:
            counts[event.actor] = counts.get(event.actor, 0) + 1
            names.append((event.actor, counts[event.actor]))
        ordered = {
            (names[one], names[other])
            for one, other in combinations(range(len(events)), 2)
            if events[one].touched.writes & (events[other].touched.writes | events[other].touched.reads)
            or events[one].touched.reads & events[other].touched.writes
        }
        found.add(frozenset(ordered))
    return found


@pytest.mark.parametrize("seed", range(40))
def test_each_class_of_runs_is_complete_once(seed: int) -> None:
    shape = Shape(hosts=1, threads=3, lines=2, instructions=3, ops=(Op.W, Op.W, Op.R, Op.R, Op.FAA, Op.CAS, Op.XCHG))
    program = draw(Random(seed), shape)
    runs = every_order(program, "sc")
    assert len(complete_runs(system_of(program, PROFILES["sc"], SDM))) == len(classes(runs))
    assert ends(program, "sc") == {end for end, _ in runs}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_explorer_agrees_with_every_litmus_file(path: Path) -> None:
    test = read_test(path)
    uncached = any(each.op is Op.UR for thread in test.program.threads for each in thread.instructions)
    for profile in test.profiles:
        if profile not in SUPPORTED or uncached:
            with pytest.raises(InputError, match="does not support profile|has no CRASH|has no UR"):
                explore(litmus_file(test, profile))
        else:
            expected = Verdict.VIOLATED if test.expect is Answer.ALLOWED else Verdict.EXHAUSTED
            assert explore(litmus_file(test, profile)).verdict is expected


@pytest.mark.parametrize("profile", SUPPORTED)
@pytest.mark.parametrize("memory", [False, True])
def test_choosing_late_loses_and_adds_no_end(profile: str, memory: bool) -> None:
    if memory and profile == "ncx-noevict":
        memory = False  # what is left dirty at the end is written back in another order there
    random = Random(f"{profile} {memory}")
    writers = (Op.W, Op.W, Op.FO, Op.FO, Op.SF, Op.R, Op.R, Op.FL, Op.MF)
    shapes = (
        Shape(hosts=2, threads=3, lines=3, instructions=3),
        Shape(hosts=2, threads=2, lines=3, instructions=6, single_writer=True, exact=True, ops=writers),
    )
    for number in range(40):
        program = draw(random, shapes[number % 2])
        reference = native.outcomes(program, PROFILES[profile], SDM, memory_matters=memory)
        assert ends(program, profile, memory=memory) == set(reference)


# --- deadlock, livelock, determinism ---


def of_threads(*programs: Callable[[], Any], judge: Callable[[System, Any], Violation | None] | None = None) -> Subject:
    threads = [ThreadOf(f"thread {number}", 0, program) for number, program in enumerate(programs)]
    return Subject("test", "sc", lambda: System(threads, PROFILES["sc"], SDM), judge or (lambda system, state: None))


def locking(first: str, second: str) -> Callable[[], Any]:
    def program() -> Any:
        yield Lock((first, "held"))
        yield Lock((second, "held"))
        yield Unlock((second, "held"))
        yield Unlock((first, "held"))

    return program


def all_ended(system: System, state: Any) -> Violation | None:
    waiting = [thread.name for thread, node in zip(system.threads, state.nodes, strict=True) if node.operation]
    return Violation("drained", f"{waiting} wait for ever") if waiting else None


def test_locks_taken_in_two_orders_deadlock_and_in_one_order_do_not() -> None:
    assert explore(of_threads(locking("a", "b"), locking("b", "a"), judge=all_ended)).verdict is Verdict.VIOLATED
    assert explore(of_threads(locking("a", "b"), locking("a", "b"), judge=all_ended)).verdict is Verdict.EXHAUSTED


def test_a_spin_that_found_nothing_new_is_not_a_step_to_repeat() -> None:
    def spinning() -> Any:
        while (yield Load(("flag", "set"))) == 0:
            pass

    def raising() -> Any:
        yield Store(("flag", "set"), 1)

    passed = explore(of_threads(spinning, raising, judge=all_ended))
    assert passed.verdict is Verdict.EXHAUSTED
    assert passed.counts.complete <= 2  # the compiler may have made two loads of the loop's one
    alone = explore(of_threads(spinning, judge=all_ended))
    assert alone.violation == Violation("drained", "['thread 0'] wait for ever")


def test_a_program_that_passes_on_what_another_yields_has_not_spun_when_that_one_went_on() -> None:
    def three_times() -> Any:
        for _ in range(3):
            yield Load(("flag", "set"))

    def passing_on() -> Any:
        inner, result = three_times(), None
        while True:
            try:
                operation = inner.send(result)
            except StopIteration:
                return
            result = yield operation

    nodes = [Node.first(ThreadOf("passing on", 0, passing_on))]
    while nodes[-1].operation is not None and len(nodes) < 10:
        nodes.append(nodes[-1].after(0)[0])
    assert len(nodes) == 4


def test_two_threads_that_give_way_to_each_other_for_ever_are_a_livelock() -> None:
    def polite(mine: str, theirs: str) -> Callable[[], Any]:
        def program() -> Any:
            while True:
                yield Store((mine, "wants"), 1)
                if (yield Load((theirs, "wants"))) == 0:
                    return
                yield Store((mine, "wants"), 0)

        return program

    explored = explore(of_threads(polite("a", "b"), polite("b", "a")), limits=Limits(depth=60))
    assert explored.violation is not None
    assert explored.violation.property == "drained"
    assert "are repeated for ever" in explored.violation.sentence


def test_a_run_that_never_ends_and_never_repeats_is_not_called_exhausted() -> None:
    def counting() -> Any:
        while True:
            yield FetchAdd(("word", "x"), 1)

    explored = explore(of_threads(counting), limits=Limits(depth=50))
    assert explored.verdict is Verdict.UNKNOWN
    assert explored.reason == "no run came to its end within 50 steps: expected a greater depth"


def test_a_program_that_is_not_a_function_of_what_it_is_sent_is_found_out() -> None:
    random = Random(0)

    def fickle() -> Any:
        yield Store(("word", "x"), 1)
        yield Store(("word", "x"), random.randrange(10**9))

    with pytest.raises(NotDeterministic, match="step|operation"):
        guard(of_threads(fickle).make, seed=0)

    def steady() -> Any:
        yield Store(("word", "x"), 1)

    assert guard(of_threads(steady, steady).make, seed=0) == 2


# --- strategies ---


def lossy() -> Subject:
    def increment() -> Any:
        value = yield Load(("word", "x"))
        yield Store(("word", "x"), value + 1)

    def judge(system: System, state: Any) -> Violation | None:
        found = state.cells.words.get(("word", "x"), 0)
        return None if found == 2 else Violation("drained", f"two increments came to {found}")

    return of_threads(increment, increment, judge=judge)


def sound() -> Subject:
    def increment() -> Any:
        yield FetchAdd(("word", "x"), 1)

    def judge(system: System, state: Any) -> Violation | None:
        found = state.cells.words.get(("word", "x"), 0)
        return None if found == 2 else Violation("drained", f"two increments came to {found}")

    return of_threads(increment, increment, judge=judge)


@pytest.mark.parametrize("strategy", ["exhaustive", "random", "pct"])
def test_every_strategy_finds_a_lost_increment_and_none_in_a_fetch_add(strategy: str) -> None:
    explored = explore(lossy(), strategy=strategy, seed=1, pct_depth=2)
    assert explored.verdict is Verdict.VIOLATED
    assert len(explored.schedule) == 4
    passed = explore(sound(), strategy=strategy, seed=1, limits=Limits(runs=50))
    assert passed.verdict is (Verdict.EXHAUSTED if strategy == "exhaustive" else Verdict.NOT_FOUND)


@pytest.mark.parametrize("strategy", ["random", "pct"])
def test_the_same_seed_draws_the_same_runs(strategy: str) -> None:
    def found(seed: int) -> Explored:
        return explore(lossy(), strategy=strategy, seed=seed, pct_depth=2)

    assert found(7).counts == found(7).counts
    assert found(7).schedule == found(7).schedule


def test_pct_says_what_its_runs_are_worth() -> None:
    explored = explore(sound(), strategy="pct", seed=3, pct_depth=2, limits=Limits(runs=40))
    assert "with probability >= 0.12" in explored.bound  # 1 / (4 actors x 2 steps)


def test_a_schedule_leads_to_its_violation_again_and_a_changed_one_is_refused_at_its_step() -> None:
    explored = explore(lossy())
    made = lossy()
    assert follow(made.make(), explored.schedule, made.judge).violation == explored.violation
    changed = (*explored.schedule[:2], ((1, 5), ("own",)), *explored.schedule[3:])
    with pytest.raises(NotAccepted, match="step 3 of the schedule"):
        follow(made.make(), changed, made.judge)


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(InputError, match="unknown strategy 'depth-first': expected one of exhaustive, random, pct"):
        explore(sound(), strategy="depth-first")
