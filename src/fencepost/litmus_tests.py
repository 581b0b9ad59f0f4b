"""Litmus tests in three engines: explorer in Python, explorer in C++, timestamps in Z3. All must agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path

from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError, Interrupted, unknown_choice
from fencepost.model.litmus import Answer, LitmusTest, lints, read_test
from fencepost.model.litmus.explore import Budget, explore, explore_as_defined
from fencepost.model.litmus.idioms import idiom_folder, idiom_names
from fencepost.model.litmus.linting import refuse, same_names
from fencepost.model.litmus.witness import Run, complete, replay
from fencepost.model.memory import MATRIX
from fencepost.model.memory import matrix as matrix_named
from fencepost.model.memory import profile as profile_named

ENGINES = ("python", "native", "smt")
SUFFIX = ".litmus"
TO_SHOW = Budget(200_000, 5.0)
"""What finding a run may cost where no engine that was asked came with one."""


@dataclass(frozen=True)
class Row:
    """One test under one profile. `engines` maps each engine asked to its answer; `expect` is what the file claims of
    this profile, or None where it claims nothing. `crash` says when hosts crash, where they may: `at any moment`, or
    `at its CRASH`. `ok`: all that can answer agree, with `expect` too. `lints` say what is seldom meant.
    """

    test: LitmusTest
    profile: str
    matrix: str
    expect: Answer | None
    engines: dict[str, Answer]
    states: int | None  # that the explorers found; None when only Z3 was asked
    seconds: float
    run: Run | None = None  # into the condition, where some run leads there
    notes: tuple[str, ...] = field(default=())
    crash: str = ""
    lints: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.test.name

    @property
    def answers(self) -> set[Answer]:
        """Return what was answered by those engines that can express the test."""
        return set(self.engines.values()) - {Answer.UNSUPPORTED}

    @property
    def verdict(self) -> Verdict:
        decided = self.answers - {Answer.UNKNOWN}
        if len(decided) > 1 or (self.expect is not None and decided - {self.expect}):
            return Verdict.VIOLATED
        return Verdict.EXHAUSTED if decided and Answer.UNKNOWN not in self.answers else Verdict.UNKNOWN

    @property
    def ok(self) -> bool:
        return self.verdict.passes


def litmus(
    paths: Sequence[Path | str] = (),
    *,
    profile: str | None = None,
    matrix: str = MATRIX,
    engines: Sequence[str] = ENGINES,
    budget: Budget | None = None,
    as_defined: bool = False,
    strict: bool = False,
    progress: Callable[[str], None] | None = None,
    refused: Callable[[InputError], None] | None = None,
) -> list[Row]:
    """Decide litmus tests: files, folders of them, or without paths the tests that ship with fencepost.

    A test is decided under each profile that it names, or under `profile` alone; under a crash profile a test with a
    CRASH of its own is asked about twice: at any moment, and there. `as_defined` makes the explorers take the
    definition's own steps, of which there are many more. Every file is read before the first is decided, so that a bad
    one is known at once; `refused` is told of each that cannot be read, and without it the first is raised. With
    `strict`, what is seldom meant is an error. Raises Interrupted with the rows that are decided.
    """
    for engine in engines:
        if engine not in ENGINES:
            raise unknown_choice("engine", engine, ENGINES)
    tests = read_tests(paths, refused)
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
        for test in tests:
            for name in under[test.path]:
                for asked, crash in test.crash_questions(profile_named(name)):
                    if progress is not None:
                        progress(f"{test.name} under {name}{f', crash {crash}' if crash else ''}")
                    row = decide_test(asked, name, matrix, engines, budget or Budget(), as_defined)
                    rows.append(replace(row, crash=crash, lints=findings[test.path]))
    except KeyboardInterrupt:
        raise Interrupted(rows) from None
    return rows


def read_tests(paths: Sequence[Path | str], refused: Callable[[InputError], None] | None = None) -> list[LitmusTest]:
    """Read the litmus files that paths stand for, sorted within each folder; `refused` is told of those that cannot."""
    files: list[Path] = []
    tests: list[LitmusTest] = []
    for path in map(Path, paths) if paths else [shipped()]:
        with told(refused):
            files += files_of(path)
    for file in dict.fromkeys(files):
        with told(refused):
            tests.append(read_test(file))
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
    """Return a file, the litmus files of a folder, or the file of an idiom that ships, by its name."""
    if str(path) in idiom_names() and not path.exists():
        return [idiom_folder() / f"{path}{SUFFIX}"]
    if path.is_dir():
        inside = sorted(path.rglob(f"*{SUFFIX}"))
        if not inside:
            raise InputError(f"{path}: no {SUFFIX} file in this folder")
        return inside
    if not path.exists():
        raise InputError(f"{path}: no such file or folder, and no idiom of that name")
    return [path]


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
        if engine == "smt":
            from fencepost.proofs.litmus import decide

            decided = decide(test.program, test.bad, under, order, budget.seconds)
            answers[engine], seconds = decided.answer, seconds + decided.seconds
            if decided.answer is Answer.UNKNOWN or (decided.answer is Answer.UNSUPPORTED and len(engines) == 1):
                notes.append(f"smt: {decided.reason}")
            continue
        if engine == "python":
            take = explore_as_defined if as_defined else explore
            explored = take(test.program, test.bad, under, order, budget)
            schedule = explored.schedule or None
        else:
            from fencepost.native import litmus as native

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
