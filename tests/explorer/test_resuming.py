"""Searches that are interrupted and resumed, or shared by processes: the same runs, each once, and none left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest

from fencepost import native
from fencepost.exploring.run import explore as explore_by_name
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError, Interrupted
from fencepost.model.explorer.litmus import system_of
from fencepost.model.explorer.search import exhaustive
from fencepost.model.explorer.search import partitioned as parts
from fencepost.model.explorer.search.exhaustive import Exhaustive
from fencepost.model.explorer.search.exploration import Counts, Explored, Limits, Progress, Subject
from fencepost.model.explorer.search.exploration import explore as explore_to_its_end
from fencepost.model.explorer.search.identity import Indescribable, digest_of
from fencepost.model.explorer.search.position import Position
from fencepost.model.explorer.states.monitor import Violation
from fencepost.model.explorer.states.system import System
from fencepost.model.explorer.subjects import arrivals, litmus_file, sequencer
from fencepost.model.litmus import parse_test, read_test
from fencepost.model.litmus.generate import Shape, draw
from fencepost.model.memory import MATRICES, PROFILES
from fencepost.model.memory.lines import LinesChanged
from fencepost.model.programs import DESIGNS, Scenario
from fencepost.model.programs.operations import FetchAdd, Load, Store, ThreadOf

SDM = MATRICES["sdmC"]
LITMUS = Path(__file__).parents[1] / "litmus"
MIXED = (
    Shape(hosts=2, threads=3, lines=3, instructions=3),
    Shape(hosts=2, threads=2, lines=2, instructions=5),
)
OWNERS = "line A = x y\nH0: W x 1; FO x; SF; W x 2\nH1: W y 1; FO y\nH2: R a x; R b x\nbad 2:a=2 & 2:b=0"
"""A line that two hosts store to: under ncx what is found depends on which step was tried first."""


def explore(subject: Subject, **given: Any) -> Explored:
    """Return what a search came to, also where it is interrupted."""
    try:
        return explore_to_its_end(subject, **given)
    except Interrupted as interrupt:
        found: Explored = interrupt.found
        return found


def drawn(random: Random) -> Subject:
    """Return a random litmus program as a subject of which all runs are counted."""
    profile = random.choice(("sc", "tso", "ncx", "ncx-nospec", "ncx-noevict"))
    program = draw(random, random.choice(MIXED))
    return Subject(
        "drawn", profile, lambda: system_of(program, PROFILES[profile], SDM), lambda system, state: None, goes_on=True
    )


def pipeline(name: str, slots: int = 1) -> Subject:
    return sequencer(DESIGNS[name], Scenario(rings=arrivals(2, 2, 2), slots=slots, subscribers=True), "ncx")


# --- shared by processes ---


def in_smallest_parts(subject: Subject) -> Counts:
    """Visit all runs in pieces of a single step, several ahead of each other."""
    whole = Exhaustive(subject, Limits(seconds=600))
    while True:
        try:
            whole.position = Position()
            search = whole.restored()
            search.advance()
            whole.keep(search, None)
            if search.has_more:
                parts.search_in_parts(whole, 1)
            assert not whole.position.ahead
            return whole.position.total()
        except LinesChanged:
            continue


@pytest.mark.parametrize(
    "seed", [pytest.param(each, marks=pytest.mark.slow if each > 5 else ()) for each in range(1, 13)]
)
def test_pieces_searched_ahead_of_each_other_come_to_the_runs_of_one_search(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "ROUND_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(parts, "PIECES_PER_JOB", 2 + seed % 4)
    subject = drawn(Random(seed))
    assert in_smallest_parts(subject) == explore(subject).counts


@pytest.mark.parametrize(
    "name",
    ["order5.fetch_add", *(pytest.param(name, marks=pytest.mark.slow) for name in ("order4.claim", "order4.mutex"))],
)
def test_so_they_do_of_a_pipeline(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "ROUND_SECONDS", (0.0, 0.0))
    counts = in_smallest_parts(pipeline(name))
    assert counts == explore(pipeline(name)).counts == native.explore(pipeline(name)).counts
    assert counts.complete > 1


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_both_engines_and_any_number_of_processes_visit_the_same_runs(
    jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exhaustive, "RENEWED_AFTER", 10)
    monkeypatch.setattr(parts, "ROUND_SECONDS", (0.1, 0.1))
    subject = litmus_file(parse_test(OWNERS), "ncx")
    expected = native.explore(subject)
    assert expected.counts.complete > 1_000
    explored = explore(subject, jobs=jobs)
    assert (explored.counts, explored.verdict) == (expected.counts, expected.verdict)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_of_a_large_search_too(jobs: int) -> None:
    subject = litmus_file(read_test(LITMUS / "owner-goes-backwards.litmus"), "ncx")
    explored = explore(subject, jobs=jobs, limits=Limits(seconds=600))
    assert explored.counts == native.explore(subject).counts
    assert explored.counts.complete == 12_939  # a search in branches came to 16,649


def test_a_violation_that_another_process_finds_is_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exhaustive, "RENEWED_AFTER", 1)
    assert explore(replace(adding(4, 3), goes_on=False), jobs=2).verdict is Verdict.VIOLATED


# --- interrupted and resumed ---


def adding(thread_count: int, expected: int, step: Callable[[int], int] = lambda value: value + 1) -> Subject:
    """Return threads that each add to a word by a load and a store."""

    def add() -> Any:
        value = yield Load(("word", "x"))
        yield Store(("word", "x"), step(value))

    def judge(system: System, state: Any) -> Violation | None:
        found = state.cells.words.get(("word", "x"), 0)
        return Violation("drained", f"the sum is {found}") if found < expected else None

    threads = [ThreadOf(f"thread {number}", 0, add) for number in range(thread_count)]
    return Subject("adding", "sc", lambda: System(threads, PROFILES["sc"], SDM), judge, goes_on=True)


class Interrupting:
    """Interrupts a search after some of its steps."""

    def __init__(self, step_count: int) -> None:
        self.left_count = step_count

    def __call__(self, progress: Progress) -> None:
        self.left_count -= 1
        if self.left_count <= 0:
            raise KeyboardInterrupt


@pytest.fixture
def at_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exhaustive, "TOLD_EVERY_SECONDS", -1.0)


@pytest.mark.usefixtures("at_each_step")
@pytest.mark.parametrize("seed", range(12))
def test_interrupted_anywhere_and_resumed_a_search_visits_each_run_once(seed: int, tmp_path: Path) -> None:
    random, checkpoint = Random(seed), tmp_path / "search.json"
    subject = drawn(random)
    whole = explore(subject)
    explored = explore(subject, checkpoint=checkpoint, tell=Interrupting(1 + seed % 3))
    assert explored.reason or not whole.counts.steps
    while explored.reason:
        assert explored.verdict is Verdict.UNKNOWN
        assert explored.reason == f"interrupted; kept in {checkpoint}"
        assert explored.counts.complete <= whole.counts.complete
        interrupting = Interrupting(random.choice((1, 2, 7, 40, 300)))
        explored = explore(subject, checkpoint=checkpoint, resume=True, tell=interrupting)
    assert (explored.counts, explored.verdict, explored.bound) == (whole.counts, whole.verdict, whole.bound)
    assert not checkpoint.exists()


@pytest.mark.usefixtures("at_each_step")
def test_a_violation_that_was_found_before_the_interruption_is_reported_after_it(tmp_path: Path) -> None:
    checkpoint = tmp_path / "search.json"
    first = explore(adding(3, 3), checkpoint=checkpoint, tell=Interrupting(60))
    assert first.verdict is Verdict.VIOLATED
    second = explore(adding(3, 3), checkpoint=checkpoint, resume=True)
    whole = explore(adding(3, 3))
    assert (second.verdict, second.counts, second.schedule) == (whole.verdict, whole.counts, whole.schedule)


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_search_by_several_processes_is_resumed_by_any_number(
    jobs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exhaustive, "RENEWED_AFTER", 10)
    monkeypatch.setattr(exhaustive, "TOLD_EVERY_SECONDS", -1.0)
    monkeypatch.setattr(parts, "ROUND_SECONDS", (0.05, 0.05))
    subject, checkpoint = litmus_file(parse_test(OWNERS), "ncx"), tmp_path / "search.json"
    whole, limits = native.explore(subject), Limits(seconds=3_600)
    explore(subject, jobs=2, checkpoint=checkpoint, tell=Interrupting(45), limits=limits)
    assert json.loads(checkpoint.read_text())["ahead"]
    explored = explore(subject, jobs=jobs, checkpoint=checkpoint, resume=True, limits=limits)
    assert not explored.reason
    assert (explored.counts, explored.verdict) == (whole.counts, whole.verdict)


def test_time_that_is_spent_is_kept_too_and_searching_on_makes_progress(tmp_path: Path) -> None:
    checkpoint, subject = tmp_path / "search.json", litmus_file(parse_test(OWNERS), "ncx")
    seen = [0]
    while True:
        explored = explore(subject, checkpoint=checkpoint, resume=True, limits=Limits(seconds=0.1))
        if not explored.reason:
            break
        assert explored.counts.steps >= seen[-1]
        seen.append(explored.counts.steps)
    assert len(set(seen)) > 2
    assert explored.counts == native.explore(subject).counts


def test_the_time_is_kept_while_the_first_run_is_made(tmp_path: Path) -> None:
    scenario = Scenario(rings=arrivals(2, 2, 64), slots=64)
    (explored,) = explore_by_name("order4.claim", scenario=scenario, timeout=0.5).explored
    assert explored.verdict is Verdict.UNKNOWN
    assert explored.seconds < 2


# --- checkpoints that cannot be used ---


def interrupted(subject: Subject, checkpoint: Path) -> None:
    explore(subject, checkpoint=checkpoint, tell=Interrupting(60))
    assert checkpoint.exists()


@pytest.mark.usefixtures("at_each_step")
@pytest.mark.parametrize(
    "other",
    [
        adding(3, 4),  # something else is wrong
        adding(3, 3, lambda value: value + 2),  # one line of a program is another
        adding(2, 3),
        replace(adding(3, 3), goes_on=False),
    ],
)
def test_of_other_programs_no_run_counts(other: Subject, tmp_path: Path) -> None:
    checkpoint = tmp_path / "search.json"
    interrupted(adding(3, 3), checkpoint)
    with pytest.raises(InputError, match="search.json cannot be used: it is of another search: the programs"):
        explore(other, checkpoint=checkpoint, resume=True)
    explore(adding(3, 3), checkpoint=checkpoint, resume=True)


@pytest.mark.usefixtures("at_each_step")
def test_of_other_sources_of_the_explorer_no_run_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = tmp_path / "search.json"
    interrupted(adding(3, 3), checkpoint)
    monkeypatch.setattr("fencepost.model.explorer.search.checkpoint.source_digest", lambda: "another")
    with pytest.raises(InputError, match="the sources of fencepost.model are others now"):
        explore(adding(3, 3), checkpoint=checkpoint, resume=True)


@pytest.mark.usefixtures("at_each_step")
def test_a_search_to_another_depth_is_another(tmp_path: Path) -> None:
    checkpoint = tmp_path / "search.json"
    interrupted(adding(3, 3), checkpoint)
    with pytest.raises(InputError, match="of runs up to 5000 steps: expected 7"):
        explore(adding(3, 3), checkpoint=checkpoint, resume=True, limits=Limits(depth=7))


def with_digest(kept: dict[str, Any]) -> str:
    """Return a checkpoint as one who knows how its digest is made would write it."""
    text = json.dumps({**kept, "digest": ""}, separators=(",", ":"))
    return json.dumps({**kept, "digest": sha256(text.encode()).hexdigest()}, separators=(",", ":"))


@pytest.mark.usefixtures("at_each_step")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda kept: kept | {"counts": {"complete": 0, "blocked": 0, "cut": 0, "steps": 0}}, "changed since it was"),
        (lambda kept: kept | {"counts": {"complete": "many"}}, "is no checkpoint of fencepost explore"),
        (lambda kept: {key: kept[key] for key in kept if key != "standings"}, "is no checkpoint of fencepost explore"),
        (lambda kept: kept | {"schema": "fencepost/explore-checkpoint/1"}, "its schema is"),
    ],
)
def test_a_file_that_was_changed_is_refused(
    change: Callable[[dict[str, Any]], dict[str, Any]], message: str, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "search.json"
    interrupted(adding(3, 3), checkpoint)
    checkpoint.write_text(json.dumps(change(json.loads(checkpoint.read_text()))))
    with pytest.raises(InputError, match=message):
        explore(adding(3, 3), checkpoint=checkpoint, resume=True)


@pytest.mark.usefixtures("at_each_step")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda kept: kept | {"standings": []}, "it stands nowhere"),
        (lambda kept: kept | {"standings": [[[[7, -1]], 1]]}, "place 1 tries"),
        (lambda kept: kept | {"standings": [[[[0, -1]], 9]]}, "place 1 has 9 transitions tried: there are 1"),
        (lambda kept: kept | {"found": [[0, -1, {"#tup": ["own"]}]]}, "the violation that it says was found is none"),
    ],
)
def test_places_to_which_no_search_comes_are_refused(
    change: Callable[[dict[str, Any]], dict[str, Any]], message: str, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "search.json"
    interrupted(adding(3, 3), checkpoint)
    kept = json.loads(checkpoint.read_text())
    assert with_digest(kept) == checkpoint.read_text()
    checkpoint.write_text(with_digest(change(kept)))
    with pytest.raises(InputError, match=message):
        explore(adding(3, 3), checkpoint=checkpoint, resume=True)


def test_what_is_not_exhaustive_is_not_resumed(tmp_path: Path) -> None:
    for more in ({"strategy": "pct"}, {"reduction": False}):
        with pytest.raises(InputError, match="only an exhaustive search with reduction can be resumed"):
            explore(adding(2, 0), checkpoint=tmp_path / "search.json", resume=True, **more)


# --- what makes two searches the same ---

TOTAL = 3


def uses_a_global() -> int:
    return TOTAL


def module_of(text: str) -> ModuleType:
    made = ModuleType("made")
    exec(text, made.__dict__)
    return made


def test_what_code_leads_to_is_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest_of(uses_a_global)
    assert digest_of(uses_a_global) == before
    monkeypatch.setitem(uses_a_global.__globals__, "TOTAL", 4)
    assert digest_of(uses_a_global) != before


@pytest.mark.parametrize(
    "text",
    [
        "def inner(): return 2\ndef outer(): return inner()",
        "def inner(): return 1\ndef outer(x=1): return inner()",
        "class Held:\n    value = 1\ndef inner(): return 1\ndef outer(): return inner(), Held",
        "def inner(): return 1\ndef outer(): return (lambda: inner())()",
    ],
)
def test_a_changed_line_anywhere_is_another_digest(text: str) -> None:
    plain = "def inner(): return 1\ndef outer(): return inner()"
    assert digest_of(module_of(text).outer) != digest_of(module_of(plain).outer)
    assert digest_of(module_of(plain).outer) == digest_of(module_of(f"# a comment\n\n{plain}").outer)


def test_what_a_closure_holds_is_part_of_it() -> None:
    def step(amount: Any) -> Callable[[], Any]:
        return lambda: FetchAdd(("word", "x"), amount)

    assert digest_of(step(1)) == digest_of(step(1)) != digest_of(step(2))
    assert digest_of(partial(step, 1)) == digest_of(partial(step, 1)) != digest_of(partial(step, 2))
    assert digest_of(step({"b", "a"})) == digest_of(step({"a", "b"}))
    with pytest.raises(Indescribable, match="its programs hold a generator"):
        digest_of(step(each for each in range(3)))
