"""A claim of the findings: its words, the evidence that settles it, and the rule from the one to the other.

    Evidence   one obligation, and the engine that is asked about it when the ledger is made
    Found      what came of it: a verdict in the contract's words, or a figure with its interval
    Claim      statement, evidence, rule; the rule sees what was found by name and nothing else

Rules are pure functions: what they answer changes with what was found, and with nothing else
(tests/verbs/test_claims.py puts other evidence in, for every claim).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from fencepost.bench.statistics.change import differs
from fencepost.model.contract import Verdict


class Answer(StrEnum):
    """How a claim of the findings stands."""

    HOLDS = "holds"
    REFUTED = "refuted"
    CONDITION = "holds under a condition"
    MACHINE = "depends on the machine"  # decided, and on this one it is not as stated
    NOT_DECIDABLE = "not decidable here"  # this machine cannot show it
    UNKNOWN = "unknown"  # evidence did not come about, or was measured and decides nothing


@dataclass(frozen=True)
class Measured:
    """A figure with its 95 % interval; `low` or `high` is None where the repetitions do not bound it.

    `undecided` says why nothing may rest on it: most of its repetitions were disturbed by other work.
    """

    value: float
    low: float | None
    high: float | None
    unit: str
    n: int
    undecided: str = ""

    @property
    def changes(self) -> bool | None:
        """Whether there is a change: False where there is none to speak of, None where the interval does not say."""
        return None if self.undecided else differs(self.low, self.high)

    def compared(self) -> str:
        """Return a change in words: how much, that there is none to speak of, or that the interval does not say."""
        words = {True: "", False: "no difference, ", None: "not decided, "}
        return f"{words[self.changes]}{self}"

    def __str__(self) -> str:
        number = format_percent if self.unit == "%" else format_number
        low, high = ("?" if each is None else number(each) for each in (self.low, self.high))
        return f"{number(self.value)} ({low}..{high}){'' if self.unit in ('%', 'ratio') else ' ' + self.unit}"


def format_percent(share: float) -> str:
    """Return a change as a percentage with its sign."""
    return f"{100 * share:+.1f}%"


def format_number(number: float) -> str:
    """Return a number with three digits."""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


@dataclass(frozen=True)
class Found:
    """What came of one piece of evidence.

    verdict      of an obligation, as the engine said it; None of a figure alone
    words        one sentence: the bound, or what the figure says
    unavailable  why this machine cannot show it
    failed       why it did not come about: then its claim is unknown
    trace        the file of the violating run, where one was written
    """

    words: str = ""
    verdict: Verdict | None = None
    figure: Measured | None = None
    unavailable: str = ""
    failed: str = ""
    trace: Path | None = None
    seconds: float = 0.0
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_violated(self) -> bool:
        return self.verdict is Verdict.VIOLATED

    @property
    def passes(self) -> bool:
        return self.verdict is not None and self.verdict.passes


@dataclass(frozen=True)
class Asked:
    """What the ledger was asked for, as evidence needs it."""

    quick: bool
    seed: int
    out: Path | None
    repetitions: int


@dataclass(frozen=True)
class Evidence:
    """One obligation. `command` makes it again; `is_timed` is what may not run beside anything else."""

    name: str
    engine: str
    command: str
    ask: Callable[[Asked], Found]
    is_timed: bool = False


Ruled = tuple[Answer, str]
Rule = Callable[[Mapping[str, Found]], Ruled]


@dataclass(frozen=True)
class Claim:
    """One claim of the ledger. `where` is its place in the findings; `title` fits a column."""

    id: str
    title: str
    statement: str
    where: str
    evidence: tuple[Evidence, ...]
    rule: Rule


@dataclass(frozen=True)
class Row:
    """A claim with everything that was found about it, and what follows."""

    claim: Claim
    found: Mapping[str, Found]
    answer: Answer
    why: str

    @property
    def is_left_open(self) -> bool:
        """Whether all evidence came about, was not disturbed and decides nothing: measuring longer may."""
        disturbed = any(each.figure is not None and each.figure.undecided for each in self.found.values())
        return (
            self.answer is Answer.UNKNOWN
            and not disturbed
            and not any(why for _, why in _missing(self.claim, self.found))
        )


def settled(claim: Claim, found: Mapping[str, Found]) -> Row:
    """Apply a claim's rule. What did not come about, or came without an answer, makes the claim unknown."""
    missing = {name: why for name, why in _missing(claim, found) if why}
    if missing:
        name, why = next(iter(missing.items()))
        return Row(claim, found, Answer.UNKNOWN, f"{name}: {why}")
    answer, why = claim.rule(found)
    return Row(claim, found, answer, why)


def _missing(claim: Claim, found: Mapping[str, Found]) -> list[tuple[str, str]]:
    missing = []
    for each in claim.evidence:
        one = found.get(each.name, Found(failed="was not asked"))
        why = one.failed or (f"unknown ({one.words})" if one.verdict is Verdict.UNKNOWN else "")
        if not why and one.verdict is None and one.figure is None and not one.unavailable:
            why = "came without a verdict or a figure"
        missing.append((each.name, why))
    return missing
