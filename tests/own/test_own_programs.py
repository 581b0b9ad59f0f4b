"""Programs of one's own: explored and ablated by path and as objects, traces kept, bad ones refused with the line."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import run

import fencepost
from fencepost.exploring.export import EXPORTS, write_export
from fencepost.model.contract import Verdict
from fencepost.model.errors import FormatError, InputError
from fencepost.model.explorer.traces.run_itf import read_run, write_run
from fencepost.model.own import PROGRAM, object_of
from fencepost.program import (
    Program,
    compare_exchange,
    ensure,
    exchange,
    fetch_add,
    flush,
    invalidate,
    load,
    lock,
    optional,
    pause,
    store,
    thread,
    unlock,
    wait_until,
)
from fencepost.proofs.timestamps.ablation import Role
from fencepost.templates import marked_line_number, new

X, Y = ("line", "x"), ("other", "y")
Steps = Iterator[Any]


def own(*begins: Callable[..., Any], **parts: Any) -> Program:
    """Return a program of these threads, each on a host of its own."""
    return Program("own", [thread(begin, host=host) for host, begin in enumerate(begins)], **parts)


def verdict(program: Program, profile: str = "ncx") -> tuple[Verdict, str | None]:
    (explored,) = fencepost.explore(program, profile=profile).explored
    return explored.verdict, explored.violation.property if explored.violation else None


def handing(*, flushed: bool = True) -> Any:
    yield store(X, 1)
    if flushed:
        yield flush(X)


def taking() -> Any:
    value = yield wait_until(X, lambda value: value == 1, fresh=True)
    return value


# --- what a program says ---


def test_a_condition_is_judged_where_it_stands_and_what_threads_return_at_the_end() -> None:
    def ensuring() -> Steps:
        value = yield load(X)
        ensure(value == 0, f"{value} was there")

    def judge(nothing: None, taken: int) -> None:
        ensure(taken == 2, f"{taken} was taken")

    (explored,) = fencepost.explore(own(handing, ensuring)).explored
    assert explored.violation is not None
    assert explored.violation.property == "ensured"
    assert "ensuring finds: 1 was there, at test_own_programs.py:" in explored.violation.sentence
    assert verdict(own(ensuring)) == (Verdict.EXHAUSTED, None)
    (judged,) = fencepost.explore(own(handing, taking, judge=judge)).explored
    assert judged.violation is not None
    assert judged.violation.sentence == "at the end of the run: 1 was taken"


def test_a_thread_that_waits_for_ever_is_violated_unless_it_is_a_daemon() -> None:
    unflushed = thread(lambda: handing(flushed=False))
    assert verdict(Program("lost", [unflushed, thread(taking, host=1)])) == (Verdict.VIOLATED, "drained")
    seen: set[Any] = set()
    daemon = Program("lost", [unflushed, thread(taking, host=1, daemon=True)], lambda one, two: seen.add(two))
    assert verdict(daemon)[0] is Verdict.EXHAUSTED
    assert None in seen
    assert verdict(own(handing, taking))[0] is Verdict.EXHAUSTED


def test_atomics_and_locks_hold_on_one_host_and_not_between_two() -> None:
    def adding() -> Any:
        return (yield fetch_add(X, 1))

    def locking() -> Any:
        yield lock(Y)
        value = yield load(X)
        yield store(X, value + 1)
        yield unlock(Y)
        return value

    def spinning() -> Any:
        while (yield compare_exchange(Y, 0, 1)) != 0:
            yield pause()
        value = yield exchange(X, 1)
        yield exchange(Y, 0)
        return value

    def judge(one: int, other: int) -> None:
        ensure(one != other, f"{one} was found twice")

    for begin in (adding, locking, spinning):
        assert verdict(Program("one", [thread(begin), thread(begin)], judge))[0] is Verdict.EXHAUSTED
        apart = Program("two", [thread(begin), thread(begin, host=1)], judge)
        if begin is not locking:
            assert verdict(apart)[0] is Verdict.VIOLATED
            continue
        with pytest.raises(InputError, match="a lock is of one host"):
            fencepost.explore(apart)


def test_initial_words_and_words_of_one_line() -> None:
    def reading() -> Any:
        yield invalidate(("l", 0))
        return (yield load(("l", 0))), (yield load(("l", 1)))

    def judge(found: tuple[int, int]) -> None:
        ensure(found == (3, 4), f"{found} was found")

    assert verdict(own(reading, judge=judge, initial={("l", 0): 3, ("l", 1): 4}))[0] is Verdict.EXHAUSTED
    assert verdict(own(reading, judge=judge, initial={("l", 0): 3}))[0] is Verdict.VIOLATED


def test_single_writers_are_held_to_where_they_are_asked_for() -> None:
    def storing() -> Steps:
        yield store(X, 1)

    assert verdict(own(storing, storing))[0] is Verdict.EXHAUSTED
    assert verdict(own(storing, storing, single_writer=True)) == (Verdict.VIOLATED, "single-writer")


# --- ablation ---


def test_marked_operations_are_required_or_redundant_and_the_run_without_one_is_replayed(tmp_path: Path) -> None:
    path = new("program", "Mailbox", tmp_path)
    ablation = fencepost.ablate(f"{path}:mailbox").of_program
    assert ablation is not None
    assert [each.role for each in ablation.marks] == [Role.REQUIRED] * 4
    assert len(ablation.minimal) == 1
    for each in ablation.marks:
        assert each.explored is not None
        trace = write_run(each.explored, tmp_path / "run.itf.json")
        assert read_run(tmp_path / "run.itf.json") == trace
        assert fencepost.replay(tmp_path / "run.itf.json").verdict is Verdict.VIOLATED

    def twice() -> Steps:
        yield store(X, 1)
        for _ in range(2):
            yield optional(flush(X))  # one operation, however often
        yield optional(flush(X))

    found = fencepost.ablate(own(twice, taking)).of_program
    assert found is not None
    assert [each.role for each in found.marks] == [Role.ALTERNATIVE] * 2
    alone = fencepost.ablate(own(lambda: (yield optional(flush(X))))).of_program
    assert alone is not None
    assert alone.marks[0].role is Role.REDUNDANT
    queue = fencepost.ablate(EXAMPLES / "lamport_queue.py")
    assert "because" in str(queue), "each run without a required operation is explained"
    with pytest.raises(InputError, match="no operation is marked"):
        fencepost.ablate(own(handing))


# --- files ---


def test_a_new_program_holds_and_without_the_marked_line_shows_a_counterexample(tmp_path: Path) -> None:
    assert run("new", "program", "HandOver", cwd=tmp_path).returncode == 0
    path = tmp_path / "hand_over.py"
    explored = run("explore", "hand_over.py", cwd=tmp_path)
    assert (explored.returncode, explored.stdout.splitlines()[-1][:17]) == (0, "verdict=exhausted")
    ablated = run("ablate", "hand_over.py:hand_over", cwd=tmp_path)
    assert ablated.returncode == 0
    assert "all 16 sets of 4 marked operations" in ablated.stdout
    number = marked_line_number(path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[: number - 1] + lines[number:]))
    violated = run("explore", "hand_over.py", cwd=tmp_path)
    assert violated.returncode == 1
    assert "line record was not written back" in violated.stdout


def test_a_trace_is_read_and_exported_while_its_file_is_there_and_unchanged(tmp_path: Path) -> None:
    path = new("program", "Mailbox", tmp_path)
    text = path.read_text()
    path.write_text(text.replace("    yield optional(store_fence())\n", ""))
    (explored,) = fencepost.explore(path).explored
    trace = write_run(explored, tmp_path / "run.itf.json")
    for kind in EXPORTS:
        write_export(trace, kind, tmp_path / kind)
        assert "flag" in (tmp_path / kind).read_text()
    assert explored.subject.name == object_of(path, PROGRAM).name
    path.write_text(text)
    with pytest.raises(FormatError, match="was changed since"):
        read_run(tmp_path / "run.itf.json")
    path.unlink()
    with pytest.raises(FormatError, match="put the file back"):
        read_run(tmp_path / "run.itf.json")


# --- what is no program ---


def bad_address() -> Steps:
    yield load("x")  # type: ignore[arg-type]  # the mistake that is found


def bad_line() -> Steps:
    yield load(("x",))


def bad_value() -> Steps:
    yield store(X, [1])  # type: ignore[arg-type]  # as above


def no_operation() -> Steps:
    yield 3


def within() -> Steps:
    yield from no_operation()


def marked_load() -> Steps:
    yield optional(load(X))


def no_generator() -> Any:
    return 3


@pytest.mark.parametrize(
    ("begin", "said"),
    [
        (bad_address, r"test_own_programs.py:\d+ in bad_address: 'x' is no address: expected a tuple"),
        (bad_line, r"in bad_line: \('x',\) is no address"),
        (bad_value, r"in bad_value: \[1\] cannot be in a word"),
        (no_operation, r"test_own_programs.py:\d+ in no_operation yields 3: expected an operation"),
        (within, r"in no_operation yields 3"),
        (marked_load, r"in marked_load: Load.* cannot be optional"),
        (no_generator, r"no_generator returns 3: expected a generator"),
    ],
)
def test_what_is_no_program_is_refused_with_its_line(begin: Callable[..., Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        fencepost.explore(own(begin))


def test_parts_of_a_program_are_checked_when_it_is_made() -> None:
    with pytest.raises(InputError, match="is no thread"):
        Program("p", [handing])  # type: ignore[list-item]  # the mistake that is found
    with pytest.raises(InputError, match="its judge cannot be called with 1 values"):
        Program("p", [thread(handing)], lambda one, two: None)
    with pytest.raises(InputError, match="is no function"):
        thread(handing())
    with pytest.raises(InputError, match="is no address"):
        Program("p", [thread(handing)], initial={"x": 1})  # type: ignore[dict-item]  # as above
    with pytest.raises(InputError, match="runs none"):
        fencepost.explore(own(handing), engine="native", runs=1)


def test_a_program_that_never_ends_is_unknown() -> None:
    def alone() -> Steps:
        while True:
            yield store(X, 1)

    def counting() -> Steps:
        while True:
            yield fetch_add(X, 1)

    for begin in (alone, counting):
        (explored,) = fencepost.explore(own(begin), timeout=5.0, depth=50).explored
        assert explored.verdict is Verdict.UNKNOWN, begin
        assert explored.reason


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "defines no program"),
        ("import nosuch", "ModuleNotFoundError"),
        (
            "from fencepost.program import Program, thread\ndef f(): yield\na = Program('a', [thread(f)])\n"
            "b = Program('b', [thread(f)])",
            "defines 2 programs: say which one, mine.py:a or mine.py:b",
        ),
    ],
)
def test_a_file_without_the_one_program_exits_2(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(text)
    ran = run("explore", "mine.py", cwd=tmp_path)
    assert ran.returncode == 2
    assert said in ran.stderr


# --- examples ---

EXAMPLES = Path(__file__).parents[2] / "examples" / "own"


@pytest.mark.parametrize(
    ("target", "profile", "expected"),
    [
        ("disruptor.py:flags_side_by_side", "ncx", None),
        ("disruptor.py:cursor", "ncx", "drained"),
        ("seqlock.py:one_look", "ncx", "ensured"),
        ("lamport_queue.py", "ncx", None),
        ("published.py:profiler", "tso", "ensured"),
        ("published.py:profiler_fixed", "tso", None),
        ("published.py:uring", "tso", "drained"),
        ("published.py:uring_fixed", "tso", None),
        ("published.py:aeron", "tso", "ensured"),
        ("published.py:aeron_fixed", "tso", None),
        ("published.py:queueworld", "tso", "ensured"),
        ("published.py:queueworld_fixed", "tso", None),
        ("published.py:jctools", "tso", "drained"),
        ("published.py:jctools_fixed", "tso", None),
    ],
)
def test_published_bugs_are_found_and_their_fixes_accepted(target: str, profile: str, expected: str | None) -> None:
    (explored,) = fencepost.explore(f"{EXAMPLES}/{target}", profile=profile).explored
    found = explored.violation.property if explored.violation else None
    assert (explored.verdict, found) == (Verdict.VIOLATED if expected else Verdict.EXHAUSTED, expected)


def test_all_but_one_of_lamports_marked_operations_are_needed() -> None:
    ablation = fencepost.ablate(EXAMPLES / "lamport_queue.py").of_program
    assert ablation is not None
    roles = [each.role for each in ablation.marks]
    assert (roles.count(Role.REQUIRED), roles.count(Role.REDUNDANT)) == (5, 1)


def test_a_new_sequencer_is_compared_by_path_and_without_the_marked_line_shows_a_counterexample(tmp_path: Path) -> None:
    path = new("sequencer", "Counter", tmp_path)
    for target in (path, f"{path}:Counter"):
        assert fencepost.compare(target, level=4, examples=60, seed=1).verdict is Verdict.NOT_FOUND
    with pytest.raises(InputError, match="is not said: expected --level 4 or --level 5"):
        fencepost.compare(path, examples=10)
    lines = path.read_text().splitlines()
    number = marked_line_number(path)
    path.write_text("\n".join(lines[: number - 1] + lines[number:]))
    compared = run("compare", "counter.py", "--level", "4", "--examples", "100", "--seed", "1", cwd=tmp_path)
    assert compared.returncode == 1
    assert "dense is violated" in compared.stdout
    assert "fencepost compare counter.py --level 4 --seed 1 --examples 100\n" in compared.stdout
    (tmp_path / "none.py").write_text("x = 1")
    with pytest.raises(InputError, match="defines no sequencer"):
        fencepost.compare(tmp_path / "none.py", level=4)
