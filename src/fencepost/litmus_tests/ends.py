"""Every end of a litmus test: what registers and, where the test asks for memory, words hold; and a run to each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fencepost.litmus_tests.run import EXPECTED, Target, read_tests
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.litmus import LitmusTest
from fencepost.model.litmus.condition import AND, Atom, Condition
from fencepost.model.litmus.explore import Budget, Observation, explore, outcomes
from fencepost.model.litmus.witness import Run, columns, replay
from fencepost.model.memory import MATRIX, Matrix, Profile
from fencepost.model.memory import matrix as matrix_named
from fencepost.model.memory import profile as profile_named
from fencepost.model.memory.program import NO_VALUE
from fencepost.model.report import Finding, Report, table
from fencepost.reports.litmus import run_lines
from fencepost.targets import one_of

ENDS = "ends"
NO_RUN = "no run was found to show within the budget for that"


@dataclass(frozen=True)
class End:
    """One end: the values in words, whether it is what the test calls bad, and a run that reaches it, if one is known.

    After a crash a register may have no value; nothing can be asked of such an end, and no run is searched for.
    """

    values: tuple[str, ...]
    is_bad: bool
    run: Run | None


@dataclass(frozen=True, repr=False)
class OutcomesReport(Report):
    """All ends of one test under one profile; `names` are those of the values of each."""

    names: tuple[str, ...] = ()
    ends: tuple[End, ...] = ()

    def lines(self) -> Iterator[str]:
        """Yield a row for each end, with the steps of threads that lead there."""
        yield from self._table()
        yield "-v shows each run in columns, with what caches and memory hold"

    def verbose_lines(self) -> Iterator[str]:
        yield from self._table()
        for each in self.ends:
            yield ""
            yield ", ".join(f"{name}={value}" for name, value in zip(self.names, each.values, strict=True))
            yield from [f"    {NO_RUN}"] if each.run is None else run_lines(each.run)

    def _table(self) -> Iterator[str]:
        finding = self.findings[0]
        rows = [[*each.values, "bad" if each.is_bad else "", _steps(each.run)] for each in self.ends]
        title = f"{finding.target} under {finding.details['profile']}: {finding.bound}"
        yield from table(title, [*self.names, "", "reached by"], rows)


def litmus_outcomes(target: Target, *, profile: str | None = None, matrix: str = MATRIX) -> OutcomesReport:
    """Return every end that some run of a litmus test has, each with a run that reaches it.

    The profile is by default the first that the test names. Raises InputError for what is no single test, and for one
    with more states than the explorer's budget.

    >>> test = parse_test("H0: W x 1; R a x\\nbad 0:a=0")
    >>> [end.values for end in fencepost.litmus_outcomes(test).ends]
    [('1',)]
    """
    tests = read_tests([one_of(target, EXPECTED)])
    if len(tests) != 1:
        raise InputError(f"{target}: {len(tests)} tests; expected the file of one")
    test, name = tests[0], profile or tests[0].profiles[0]
    under, order, memory = profile_named(name), matrix_named(matrix), test.bad.names_memory
    try:
        seen = sorted(outcomes(test.program, under, order, memory_matters=memory))
    except MemoryError as spent:
        raise InputError(f"{test.name} under {name}: {spent}; expected a smaller test") from None
    places, thread_count = _places(test, memory=memory), len(test.program.threads)
    ends = [_end(test, each, [place.value(each, thread_count) for place in places], places, under, order)
            for each in seen]  # fmt: skip
    names = tuple(place.name for place in places)
    details = {
        "profile": name,
        "matrix": matrix,
        "file": test.path,
        "ends": [
            {"values": dict(zip(names, each.values, strict=True)), "bad": each.is_bad, "reached_by": _steps(each.run)}
            for each in ends
        ],
    }
    bound = f"{len(ends)} ends of all runs"
    finding = Finding(test.name, ENDS, "explorer", Verdict.EXHAUSTED, bound, details=details)
    return OutcomesReport("litmus", (finding,), names=names, ends=tuple(ends))


def _end(
    test: LitmusTest, seen: Observation, values: list[int], places: list[_Place], under: Profile, order: Matrix
) -> End:
    condition, run = _condition(places, values), None
    if condition is not None:
        explored = explore(test.program, condition, under, order, Budget())
        run = replay(test.program, condition, under, order, explored.schedule) if explored.schedule else None
    thread_count = len(test.program.threads)

    def atom(each: Atom) -> bool | None:
        return each.holds(seen[each.thread if each.thread >= 0 else thread_count + each.line][each.register])

    said = tuple("-" if value == NO_VALUE else str(value) for value in values)
    return End(said, test.bad.decide(atom) is True, run)


@dataclass(frozen=True)
class _Place:
    """A register of a thread, or a word of memory (thread -1): its name, and where it is in an observation."""

    name: str
    thread: int
    line: int
    index: int  # of the register in its thread, or of the word in its line

    def value(self, end: Observation, thread_count: int) -> int:
        return end[self.thread if self.thread >= 0 else thread_count + self.line][self.index]


def _places(test: LitmusTest, *, memory: bool) -> list[_Place]:
    program = test.program
    found = [
        _Place(f"{number}:{name}", number, -1, index)
        for number, thread in enumerate(program.threads)
        for index, name in enumerate(thread.registers)
    ]
    if memory:
        found += [
            _Place(word, -1, number, index)
            for number, line in enumerate(program.lines)
            for index, word in enumerate(line.words)
        ]
    return found


def _condition(places: list[_Place], values: list[int]) -> Condition | None:
    """Return the condition that an end with these values meets and no other; None where one has no value."""
    if NO_VALUE in values or not places:
        return None
    items: list[Atom | str] = []
    for place, value in zip(places, values, strict=True):
        items.append(Atom(place.thread, place.index, place.line, value, True))
        items += [AND] if len(items) > 1 else []
    said = " & ".join(f"{place.name}={value}" for place, value in zip(places, values, strict=True))
    return Condition(tuple(items), said)


def _steps(run: Run | None) -> str:
    """Return the steps of a run in one line: what threads do, and what caches do of themselves."""
    if run is None:
        return NO_RUN
    threads = len(run.program.threads)
    heads, *rows = columns(run)
    steps = []
    for row in rows:
        at = next(at for at in range(1, len(row)) if row[at])
        steps.append(f"{at - 1}: {row[at]}" if at <= threads else f"{heads[at]}: {row[at]}")
    return "; ".join(steps)
