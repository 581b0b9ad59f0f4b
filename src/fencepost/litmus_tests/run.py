"""Litmus tests in three engines: the explorer in Python, the one in C++, timestamps in Z3. All must agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TypeAlias

from fencepost.arguments import check_arguments
from fencepost.model.errors import InputError, Interrupted
from fencepost.model.litmus import Answer, LitmusTest, lints, read_test
from fencepost.model.litmus.explore import SECONDS_BUDGET, STATE_BUDGET, Budget, explore, explore_as_defined
from fencepost.model.litmus.idioms import idiom_folder, idiom_names
from fencepost.model.litmus.linting import refuse, same_names
from fencepost.model.litmus.parser import STANDARD_INPUT
from fencepost.model.litmus.witness import Run, complete, replay
from fencepost.model.memory import MATRIX
from fencepost.model.memory import matrix as matrix_named
from fencepost.model.memory import profile as profile_named
from fencepost.model.report import Progress, engines_of
from fencepost.reports.litmus import ENGINES as ENGINES
from fencepost.reports.litmus import LitmusReport, Row, report_of
from fencepost.targets import name_of, several

Target: TypeAlias = str | Path | LitmusTest
EXPECTED = "a litmus file, a folder of them, or a test"
SUFFIX, LIST_SIGN = ".litmus", "@"
TO_SHOW = Budget(200_000, 5.0)
"""What finding a run may cost where no engine that was asked came with one."""


def litmus(
    target: Target | Iterable[Target] | None = None,
    *,
    engine: str | Iterable[str] | None = None,
    timeout: float = SECONDS_BUDGET,
    states: int = STATE_BUDGET,
    profile: str | None = None,
    matrix: str = MATRIX,
    as_defined: bool = False,
    strict: bool = False,
    hosts: str = "",
    on_progress: Progress | None = None,
    refused: Callable[[InputError], None] | None = None,
) -> LitmusReport:
    """Decide litmus tests: files, folders of them, tests, or without a target the ones that ship with fencepost.

    >>> str(fencepost.litmus("examples/herd/SB.litmus", profile="tso").rows[0].engines["native"])
    'allowed'

    engine     `explorer` in Python, `native` in C++, `z3` on timestamps; one or several, by default all
    timeout    seconds after which an engine answers *unknown* to a test, and `states` after which an explorer does
    hosts      P0=0,P1=1 places the threads of tests in herd's format, which otherwise share one host

    Files may be in herd's format too, whatever they are called; `-` is standard input, and a file called @NAME lists
    others.

    A test is decided under each profile that it names, or under `profile` alone; under a crash profile a test with a
    CRASH of its own is asked about twice: at any moment, and there. `as_defined` makes the explorers take the
    definition's own steps, of which there are many more. Every file is read before the first is decided, so that a bad
    one is known at once; `refused` is told of each that cannot be read, and without it the first is raised. With
    `strict`, what is seldom meant is an error. Raises Interrupted with the report so far.
    """
    check_arguments(timeout=timeout, states=states)
    engines = engines_of(engine, ENGINES)
    unread: list[str] = []

    def told(error: InputError) -> None:
        if refused is None:
            raise error
        unread.append(str(error))
        refused(error)

    tests = []
    for test in read_tests(several(target), told, hosts):
        try:
            tests.append(test.asking())
        except InputError as error:
            told(error)
    names = same_names(tests)
    under = {test.path: test.profiles if profile is None else (profile,) for test in tests}
    findings = {
        test.path: (*lints(test, under[test.path]), *([names[test.path]] if test.path in names else ()))
        for test in tests
    }
    if strict:
        refuse([each for test in tests for each in findings[test.path]])
    rows: list[Row] = []
    try:
        for number, test in enumerate(tests, start=1):
            for name in under[test.path]:
                for asked, crash in test.crash_questions(profile_named(name)):
                    if on_progress is not None:
                        on_progress(
                            f"{number} of {len(tests)}: {test.name} under {name}{f', crash {crash}' if crash else ''}"
                        )
                    row = decide_test(asked, name, matrix, engines, Budget(states, timeout), as_defined)
                    rows.append(replace(row, crash=crash, lints=findings[test.path]))
    except KeyboardInterrupt:
        raise Interrupted(report_of(rows, engines, unread, is_interrupted=True)) from None
    return report_of(rows, engines, unread)


def read_tests(
    targets: Sequence[Target], refused: Callable[[InputError], None] | None = None, hosts: str = ""
) -> list[LitmusTest]:
    """Read the litmus files that targets stand for, sorted within each folder; `refused` is told of those that cannot.

    Raises InputError for a target that is neither a path nor a test.
    """
    files: list[Path] = []
    tests: list[LitmusTest] = [each for each in targets if isinstance(each, LitmusTest)]
    paths = [Path(name_of(each, EXPECTED)) for each in targets if not isinstance(each, LitmusTest)]
    for path in paths if targets else [shipped()]:
        with told(refused):
            files += files_of(path)
    for file in dict.fromkeys(files):
        with told(refused):
            tests.append(read_test(file, hosts))
    return tests


@contextmanager
def told(refused: Callable[[InputError], None] | None) -> Iterator[None]:
    """Tell of an error instead of raising it, if there is somebody to be told."""
    try:
        yield
    except InputError as error:
        if refused is None:
            raise
        refused(error)


def files_of(path: Path) -> list[Path]:
    """Return a file, the litmus files of a folder, those that a file called @NAME lists, or an idiom that ships."""
    if str(path) in idiom_names() and not path.exists():
        return [idiom_folder() / f"{path}{SUFFIX}"]
    if str(path) == STANDARD_INPUT:
        return [path]
    if path.is_dir():
        inside = sorted(path.rglob(f"*{SUFFIX}"))
        if not inside:
            raise InputError(f"{path}: no {SUFFIX} file in this folder")
        return inside
    if not path.exists():
        raise InputError(f"{path}: no such file or folder, and no idiom of that name")
    if not path.name.startswith(LIST_SIGN):
        return [path]
    listed = list(_listed(path, ()))
    if not listed:
        raise InputError(f"{path}: a list that names no file")
    return listed


def _listed(path: Path, through: tuple[Path, ...]) -> Iterator[Path]:
    """Yield the files of a list, one a line, found from its folder; `#` begins a comment, and lists may name lists.

    `through` are the lists that led here. Files that are not there are yielded too: reading them says so.
    """
    if path in through:
        raise InputError(f"{path}: a list that names itself: {' names '.join(map(str, (*through, path)))}")
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        named = line.split("#")[0].strip()
        if named and Path(named).name.startswith(LIST_SIGN):
            yield from _listed(path.parent / named, (*through, path))
        elif named:
            yield path.parent / named


def shipped() -> Path:
    """Return the folder of the tests that ship with fencepost."""
    return Path(str(resources.files("fencepost.model.litmus") / "suite"))


def decide_test(
    test: LitmusTest, name: str, matrix_name: str, engines: Sequence[str], budget: Budget, as_defined: bool
) -> Row:
    """Decide one test under one profile in each engine."""
    under, order = profile_named(name), matrix_named(matrix_name)
    answers: dict[str, Answer] = {}
    notes: list[str] = []
    states: int | None = None
    seconds = 0.0
    run: Run | None = None
    for engine in engines:
        if engine == "z3":
            from fencepost.proofs.timestamps.litmus import decide

            decided = decide(test.program, test.bad, under, order, budget.seconds)
            answers[engine], seconds = decided.answer, seconds + decided.seconds
            if decided.answer is Answer.UNKNOWN or (decided.answer is Answer.UNSUPPORTED and len(engines) == 1):
                notes.append(f"z3: {decided.reason}")
            continue
        if engine == "explorer":
            take = explore_as_defined if as_defined else explore
            explored = take(test.program, test.bad, under, order, budget)
            schedule = explored.schedule or None
        else:
            from fencepost.native.schedules import litmus as native

            explored = native.explore(test.program, test.bad, under, order, budget, as_defined=as_defined)
            found = explored.answer is Answer.ALLOWED and run is None and not as_defined
            schedule = complete(test.program, test.bad, under, order, explored.schedule) if found else None
        answers[engine], seconds = explored.answer, seconds + explored.seconds
        if explored.answer is Answer.UNKNOWN:
            notes.append(f"{engine}: {explored.reason}")
        if states not in (None, explored.states) and Answer.UNKNOWN not in answers.values():
            notes.append(f"the explorers count {states} and {explored.states} states")
        states = explored.states if states is None else states
        if run is None and schedule is not None:
            run = replay(test.program, test.bad, under, order, schedule)
    if run is None and Answer.ALLOWED in answers.values():
        explored = explore(test.program, test.bad, under, order, TO_SHOW)
        run = replay(test.program, test.bad, under, order, explored.schedule) if explored.schedule else None
    expect = test.expect if name in test.profiles else None
    return Row(test, name, matrix_name, expect, answers, states, seconds, run, tuple(notes))
