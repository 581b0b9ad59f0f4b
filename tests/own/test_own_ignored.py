"""What a program of one's own says and would be ignored, so that a wrong one passes, is refused with its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import fencepost
from fencepost.model.errors import InputError, NotDeterministic
from fencepost.model.report import Report

HEAD = """import random
from fencepost.program import *

X, Y = ("x", "word"), ("y", "word")

"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.py"
    path.write_text(HEAD + text + "\n")
    return path


def thread_of(*lines: str) -> str:
    return "\n".join(["def writes():", *(f"    {line}" for line in lines), "mine = Program('mine', [thread(writes)])"])


def judged_by(judge: str) -> str:
    threads = "[thread(writes), thread(writes, host=1)]"
    return f"def writes():\n    yield store(X, 1)\n    return 1\n{judge}\nmine = Program('mine', {threads}, judge)"


@pytest.mark.parametrize(
    ("judge", "value"),
    [
        ("def judge(a, b):\n    return a != b", "False"),
        ("judge = lambda a, b: False", "False"),
        ("judge = lambda a, b: a == b", "True"),
        ("def judge(a, b):\n    yield ensure(a != b, 'equal')", "<generator"),
        ("async def judge(a, b):\n    ensure(a != b, 'equal')", "<coroutine"),
    ],
)
@pytest.mark.filterwarnings("ignore:coroutine")
def test_what_a_judge_returns_is_refused(tmp_path: Path, judge: str, value: str) -> None:
    path = written(tmp_path, judged_by(judge))
    for verb in (fencepost.explore, fencepost.ablate, fencepost.check):
        with pytest.raises(InputError) as refused:
            verb(path)
        assert f"returns {value}" in str(refused.value)
        assert "mine.py:" in str(refused.value)
        assert 'ensure(condition, "sentence")' in str(refused.value)


def test_a_judge_that_ensures_is_heard(tmp_path: Path) -> None:
    wrong = written(tmp_path, judged_by("def judge(a, b):\n    ensure(a != b, 'equal')"))
    assert fencepost.explore(wrong).decisive() == "ensured"
    right = written(tmp_path, judged_by("def judge(a, b):\n    ensure(a == b, 'other')"))
    assert str(fencepost.explore(right).verdict) == "exhausted"


@pytest.mark.parametrize("judge", ["assert a != b, 'equal'", "raise ValueError('equal')", "[][1]", "raise SystemExit"])
def test_a_judge_that_raises_is_violated_with_its_line_and_the_run(tmp_path: Path, judge: str) -> None:
    path = written(tmp_path, judged_by(f"def judge(a, b):\n    {judge}"))
    report = fencepost.explore(path, out=tmp_path / "out")
    assert report.decisive() == "raised"
    assert "mine.py:10 in judge" in report.findings[0].explanation
    trace = report.findings[0].trace
    assert isinstance(trace, Path)
    assert str(fencepost.replay(trace, engine="explorer").verdict) == "violated"
    assert fencepost.check(path).decisive() == "raised"


@pytest.mark.parametrize(
    ("condition", "value"),
    [("print(end='')", "None"), ("'yes'", "'yes'"), ("(v == 1, v == 2)", "(False, False)"), ("print", "<built-in")],
)
def test_a_condition_that_is_no_truth_value_is_refused(tmp_path: Path, condition: str, value: str) -> None:
    path = written(tmp_path, thread_of(f"yield wait_until(X, lambda v: {condition})"))
    with pytest.raises(InputError, match=r"the condition of wait_until, <lambda> \(mine.py:\d+\), returns") as refused:
        fencepost.explore(path)
    assert value in str(refused.value)


@pytest.mark.parametrize(
    "call", ["ensure(True)", "ensure(True, '')", "ensure((False, 'x'), 'y')", "ensure('x', False)", "ensure('x', 'y')"]
)
def test_an_ensure_that_ensures_nothing_is_refused(tmp_path: Path, call: str) -> None:
    with pytest.raises(InputError, match=r"mine.py:\d+ in writes: .*ensure"):
        fencepost.explore(written(tmp_path, thread_of("yield store(X, 1)", call)))


FORGOTTEN = (
    "store(X, 1)", "value = load(X)", "wait_until(X, lambda v: v == 1)", "invalidate(X)", "optional(flush(X))",
    "optional(invalidate(X))", "lock(X)", "fetch_add(X, 1)", "compare_exchange(X, 0, 1)", "device_add(X, 1)",
    "write_back(X)", "store_fence()", "full_fence()", "load_fence()", "exchange(X, 1)", "return load(X)",
)  # fmt: skip


@pytest.mark.parametrize("call", FORGOTTEN)
@pytest.mark.parametrize("is_last", [False, True])
def test_an_operation_that_is_not_yielded_is_refused_with_its_line(tmp_path: Path, call: str, is_last: bool) -> None:
    lines = ("yield store(Y, 1)", call) if is_last else ("yield store(Y, 1)", call, "yield store(Y, 2)")
    path = written(tmp_path, thread_of(*lines))
    with pytest.raises(InputError, match=r"mine.py:8 in writes: .* is made and never yielded"):
        fencepost.explore(path)


def test_an_operation_that_is_not_yielded_for_ever_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, thread_of("while True:", "    store(X, 1)", "    yield wait_until(Y, lambda v: v == 0)"))
    with pytest.raises(InputError, match="never yielded"):
        fencepost.explore(path)


@pytest.mark.parametrize(("prefix", "is_right"), [("", False), ("yield ", True), ("yield from ", True)])
def test_steps_of_ones_own_that_are_called_and_not_yielded_are_refused(
    tmp_path: Path, prefix: str, is_right: bool
) -> None:
    steps = "def steps(value):\n    yield store(X, value)\n"
    path = written(tmp_path, steps + thread_of("yield store(Y, 1)", f"{prefix}steps(2)"))
    if is_right:
        assert str(fencepost.explore(path).verdict) == "exhausted"
        return
    with pytest.raises(InputError, match=r"mine.py:10: steps\(...\) is called and never yielded"):
        fencepost.explore(path)


def test_an_operation_in_a_judge_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="in judge: load.* is made and never yielded"):
        fencepost.explore(written(tmp_path, judged_by("def judge(a, b):\n    load(X)")))


RIGHT = """def steps():
    both = store(Y, 2), flush(Y)
    for each in both:
        yield each
    yield from invalidate(X)
    return (yield from wait_until(Y, lambda value: value & 2))

def writes():
    yield lock(X)
    yield unlock(X)
    for each in [store(Y, 1), optional(flush(Y)), optional(invalidate(Y)), store_fence()]:
        yield each
    yield steps()
    once = load(X)
    yield once
    yield once
    value = yield from steps()
    ensure(value == 2, "another value")
    return value,

mine = Program("mine", [thread(writes)], lambda value: ensure(value == (2,), "another value"))
"""


def test_operations_that_are_made_first_and_yielded_later_are_in_order(tmp_path: Path) -> None:
    path = written(tmp_path, RIGHT)
    assert str(fencepost.explore(path).verdict) == "exhausted"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("yield unlock(X)", "has not locked"),
        ("yield store(X, 'text')", "cannot be in a word"),
        ("yield store(X, 2**70)", "cannot be in a word"),
        ("yield store(X, 0.5)", "cannot be in a word"),
        ("yield store(X, (1, 'text'))", "cannot be in a word"),
        ("yield exchange(X, None)", "cannot be in a word"),
        ("yield device_add(X, 'text')", "cannot be added"),
        ("yield fetch_add(X, 2**64)", "cannot be added"),
        ("yield store_fence", "expected an operation"),
        ("yield Program", "expected an operation"),
        ("yield None", "expected an operation"),
    ],
)
def test_what_a_thread_cannot_do_is_refused_with_its_line(tmp_path: Path, line: str, sentence: str) -> None:
    with pytest.raises(InputError, match=r"mine.py:7 in writes") as refused:
        fencepost.explore(written(tmp_path, thread_of(line)))
    assert sentence in str(refused.value)


def test_a_thread_that_is_no_generator_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="writes returns None: expected a generator"):
        fencepost.explore(written(tmp_path, thread_of("store(X, 1)")))


@pytest.mark.parametrize(
    "line",
    [
        "yield store(X, random.getrandbits(60))",
        "for each in [store(X, 1)] * COUNT: yield each",
        "yield store(X, COUNT)",
    ],
)
def test_a_program_that_is_not_deterministic_is_bad_input(tmp_path: Path, line: str) -> None:
    body = thread_of("global COUNT", "COUNT += 1", line, "yield load(Y)").replace(
        "thread(writes)", "thread(writes)," * 2
    )
    path = written(tmp_path, "COUNT = 0\n" + body)
    for verb in (fencepost.explore, fencepost.ablate, fencepost.check):
        with pytest.raises(InputError, match=r"is not deterministic: operation \d+ was .* and is now") as refused:
            verb(path)
        assert isinstance(refused.value, NotDeterministic)
        assert "Store(" not in str(refused.value)
        assert "Struct" not in str(refused.value)


def test_a_thread_that_ends_earlier_when_it_is_run_again_is_bad_input(tmp_path: Path) -> None:
    lines = (
        "global COUNT",
        "COUNT += 1",
        "yield store(X, 1)",
        "if COUNT % 7 == 0:",
        "    return",
        "yield store(Y, 1)",
        "yield load(Y)",
    )
    path = written(
        tmp_path, "COUNT = 0\n" + thread_of(*lines).replace("thread(writes)", "thread(writes), thread(writes, host=1)")
    )
    with pytest.raises(NotDeterministic, match="its end"):
        fencepost.explore(path)


@pytest.mark.parametrize(
    "loop", ["for a in (X, X, X):", "for a in [X] * 3:", "for a in iter([X, X]):", "for a in map(tuple, [X] * 3):"]
)
def test_a_loop_that_loads_the_same_word_again_goes_on_to_its_end(tmp_path: Path, loop: str) -> None:
    lines = ("once = load(X)", loop, "    yield once", "ensure(False, 'reached')")
    path = written(tmp_path, thread_of(*lines).replace("thread(writes)", "thread(writes, daemon=True)"))
    assert fencepost.explore(path).decisive() == "ensured"


def test_a_loop_that_looks_until_a_word_changes_is_still_finite(tmp_path: Path) -> None:
    lines = ("while (yield load(X)) == 0:", "    pass")
    path = written(tmp_path, thread_of(*lines))
    assert fencepost.explore(path).decisive() == "drained"


@pytest.mark.parametrize("profile", ["sc", "tso"])
@pytest.mark.parametrize("verb", [fencepost.explore, fencepost.ablate])
def test_hosts_that_a_profile_makes_one_are_said_and_refused_when_strict(
    tmp_path: Path, verb: Callable[..., Report], profile: str
) -> None:
    threads = "thread(writes), thread(writes, host=1)"
    path = written(
        tmp_path, thread_of("yield store(X, 1)", "yield optional(flush(X))").replace("thread(writes)", threads)
    )
    said = f"mine: under profile {profile} all threads are on one host, and the program has H0, H1"
    assert verb(path, profile=profile).findings[0].details["lints"] == [said]
    assert verb(path).findings[0].details["lints"] == []
    with pytest.raises(InputError, match=said):
        verb(path, profile=profile, strict=True)
    alone = written(tmp_path, thread_of("yield store(X, 1)", "yield optional(flush(X))"))
    assert verb(alone, profile=profile, strict=True).findings[0].details["lints"] == []
