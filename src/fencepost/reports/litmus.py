"""What `litmus` found: a row for each test and profile; the text has failures, what nobody expected, and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from fencepost.model.contract import Verdict
from fencepost.model.litmus import ANY_MOMENT, AT_CRASH, Answer, LitmusTest
from fencepost.model.litmus.witness import Run, columns
from fencepost.model.memory import ASSUMPTIONS, PROFILES
from fencepost.model.report import Finding, Report, aligned, table

FEW = 20
"""Of so many tests, or fewer, everything is said."""
ENGINES = ("explorer", "native", "z3")
EXPECT, REACHED, READABLE = "expect", "bad", "readable"
"""What is asked of a test: that its file's expectation is met; of one without, whether `bad` is reached."""


@dataclass(frozen=True)
class Row:
    """One test under one profile. `engines` maps each engine asked to its answer; `expect` is what the file claims of
    this profile, or None where it claims nothing. `crash` says when hosts crash, where they may: `at any moment`, or
    `at its CRASH`. `ok`: all that can answer agree with `expect`. `lints` say what is seldom meant.
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
        """Whether the file's expectation is met. What has none is settled or not, and never ok."""
        return self.expect is not None and self.verdict.passes

    @property
    def under(self) -> str:
        """What a verdict is said of: the profile, narrowed by a CRASH of the file."""
        return f"{self.profile}, {self.crash}" if self.crash == AT_CRASH else self.profile

    @property
    def found(self) -> str:
        """What all engines that can express the test answer, in words."""
        return " and ".join(sorted(self.answers)) or "unsupported"


@dataclass(frozen=True, repr=False)
class LitmusReport(Report):
    """What `litmus` found: a row for each finding, in its order.

    engines        those that were asked
    unread         why files could not be read, a sentence each: they make the verdict *unknown*
    with_runs      the text shows the run into every end that is allowed
    with_reasons   the text says why each test expects what it does
    """

    rows: tuple[Row, ...] = ()
    engines: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    with_runs: bool = False
    with_reasons: bool = False

    def lines(self) -> Iterator[str]:
        """Yield what is not as its file expects, what no file expects anything of, and how many are ok."""
        if not self.rows:
            yield "no test was decided"
            return
        yield from self._notes()
        yield from self._described()
        yield from self._unexpected()
        yield from self._crashes()
        yield from self._counts()
        yield resting([row.profile for row in self.rows])

    def verbose_lines(self) -> Iterator[str]:
        """Yield a row for each test, and what the verdicts rest on, in full."""
        if not self.rows:
            yield "no test was decided"
            return
        yield from self._table()
        yield from self._notes()
        yield from self._described()
        yield from crashing([(row.name, row.profile, row.crash) for row in self.rows])
        yield from assumed([row.profile for row in self.rows])
        yield from self._counts()
        yield f"seconds {sum(row.seconds for row in self.rows):.2f} in the engines"

    def _table(self) -> Iterator[str]:
        cells = [
            [
                row.name,
                row.under,
                str(row.expect or "-"),
                *(str(row.engines.get(engine, "-")) for engine in self.engines),
                _word_of(row),
                "-" if row.states is None else str(row.states),
            ]
            for row in self.rows
        ]
        heads = ["test", "profile", "expect", *self.engines, "verdict", "states"]
        yield from table(f"litmus tests, matrix {self.rows[0].matrix}", heads, cells)

    def _described(self) -> Iterator[str]:
        """Yield what is not as its file expects, and the runs that were asked for."""
        if self.with_reasons:
            yield from (f"{name}: {why}" for name, why in {row.name: row.test.why for row in self.rows}.items())
        for row in self.rows:
            if not row.verdict.passes or (self.with_runs and row.run is not None):
                yield from described(row)

    def _notes(self) -> Iterator[str]:
        for row in self.rows:
            for note in row.notes:
                yield f"{row.name} under {row.under}: {note}"

    def _unexpected(self) -> Iterator[str]:
        """Yield what was found of tests that expect nothing; of those that only a crash moment adds, the count."""
        for row in self.rows:
            is_said = row.crash != ANY_MOMENT or len(self.rows) <= FEW
            if row.expect is None and row.verdict.passes and is_said:
                yield f"{row.name} under {row.under}: {row.found}, no expectation: {row.test.bad.text}"

    def _crashes(self) -> Iterator[str]:
        """Yield when hosts crash: of many tests, the count of those that narrow it."""
        asked = [(row.name, row.profile, row.crash) for row in self.rows]
        if len(asked) <= FEW:
            yield from crashing(asked)
            return
        yield from crashing([each for each in asked if each[2] == ANY_MOMENT])
        if narrowed := sum(crash == AT_CRASH for _, _, crash in asked):
            yield f"{narrowed} tests narrow the crash to the moment of their CRASH; -v says which"

    def _counts(self) -> Iterator[str]:
        expected = [row for row in self.rows if row.expect is not None]
        others = Counter(row.found for row in self.rows if row.expect is None and row.verdict.passes)
        apart = ", ".join(f"{count} {answer}" for answer, count in sorted(others.items()))
        said = f"; {sum(others.values())} without an expectation: {apart}" if others else ""
        yield f"{sum(row.ok for row in expected)} of {len(expected)} ok{said}"

    def summed(self) -> dict[str, object]:
        without = sum(row.expect is None for row in self.rows)
        wrong = next((row.name for row in self.rows if row.verdict is self.verdict), None)
        return {
            **({} if self.verdict.passes else {"test": wrong}),
            "tests": len(self.rows),
            "ok": sum(row.ok for row in self.rows),
            **({"no_expectation": without} if without else {}),
            "states": sum(row.states or 0 for row in self.rows),
            **({"unread": len(self.unread)} if self.unread else {}),
        }


def report_of(
    rows: Sequence[Row], engines: tuple[str, ...], unread: Sequence[str] = (), *, is_interrupted: bool = False
) -> LitmusReport:
    """Put rows together, and why files could not be read."""
    found = (*map(_finding, rows), *map(_unread, unread))
    return LitmusReport("litmus", found, None, is_interrupted, tuple(rows), engines, tuple(unread))


def _unread(why: str) -> Finding:
    return Finding(why.split(":")[0], READABLE, ", ".join(ENGINES), Verdict.UNKNOWN, explanation=why)


def _finding(row: Row) -> Finding:
    how = "by Z3 on timestamps" if row.states is None else f"{row.states} states"
    return Finding(
        row.name,
        EXPECT if row.expect is not None else REACHED,
        ", ".join(row.engines),
        row.verdict,
        f"all runs, {how}" if row.verdict.passes else f"matrix {row.matrix}",
        row.seconds,
        None,
        "\n".join(described(row)) if not row.verdict.passes else f"{row.found}: {row.test.bad.text}",
        {
            "profile": row.profile,
            "matrix": row.matrix,
            "expect": row.expect,
            "engines": dict(row.engines),
            "ok": row.ok,
            "states": row.states,
            "file": row.test.path,
            "crash": row.crash or None,
            "lints": list(row.lints),
            "notes": list(row.notes),
            "run": columns(row.run) if row.run is not None and not row.verdict.passes else None,
        },
    )


def _word_of(row: Row) -> str:
    return "ok" if row.ok else "no expectation" if row.verdict.passes else str(row.verdict)


def described(row: Row) -> Iterator[str]:
    """Yield what a test asks, what was answered, and the run that decides it."""
    said = ", ".join(f"{engine} {answer}" for engine, answer in row.engines.items())
    yield ""
    yield f"{row.name} under {row.under}: expected {row.expect or 'nothing'}, {said}"
    yield f"    asked: {row.test.bad.text}"
    if row.run is not None:
        yield from run_lines(row.run)
    elif Answer.ALLOWED in row.answers:
        yield "    some run ends so, but none was found to show within the budget for that"
    elif row.verdict is not Verdict.UNKNOWN:
        how = "Z3 on timestamps" if row.states is None else f"{row.states} states explored"
        yield f"    no run ends so: {how}"


def run_lines(run: Run) -> Iterator[str]:
    """Yield a run in columns: threads, each host's cache, memory; only what changed."""
    for line in aligned([tuple(row) for row in columns(run)]):
        yield f"    {line}".rstrip()


def crashing(asked: list[tuple[str, str, str]]) -> list[str]:
    """Return what was asked as to crashes, one line each, of tests by (name, profile, when hosts crash)."""
    lines = []
    for profile in dict.fromkeys(profile for _, profile, crash in asked if crash == ANY_MOMENT):
        lines.append(
            f"under {profile} every host may crash at any moment of any run, or none; a register that its thread had"
            " not loaded by then has no value, and no condition on it holds"
        )
    for name, profile, _ in (each for each in asked if each[2] == AT_CRASH):
        also = (
            "the other row asks about every moment" if PROFILES[profile].crashes else "no other moment was asked about"
        )
        lines.append(f"{name} under {profile}, {AT_CRASH}: CRASH narrows the crash to that moment; {also}")
    return lines


def resting(profiles: list[str]) -> str:
    """Return by name the hardware assumptions that verdicts under some profiles rest on."""
    names = sorted({each for name in profiles for each in PROFILES[name].assumptions})
    return f"these verdicts rest on {', '.join(names) or 'no assumption'}; fencepost litmus -v says what these are"


def assumed(profiles: list[str]) -> list[str]:
    """Return the hardware assumptions that verdicts under some profiles rest on, one line each."""
    lines = []
    for name in dict.fromkeys(profiles):
        lines.append(f"under {name} these verdicts rest on {', '.join(PROFILES[name].assumptions)}")
    used = {each for name in profiles for each in PROFILES[name].assumptions}
    return [*lines, *(f"    {key}: {text}" for key, text in ASSUMPTIONS.items() if key in used)]
