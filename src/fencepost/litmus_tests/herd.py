"""Litmus tests as people who work with herd have them: all final states, printed as herd prints them, and conversion.

(test,) = read_tests(["SB.litmus"])
print(as_herd(observe(test)))
print(write(test, "fencepost"))
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.litmus import LitmusTest
from fencepost.model.litmus.explore import Budget
from fencepost.model.litmus.herd import write_herd
from fencepost.model.litmus.herd.final_states import predicate
from fencepost.model.litmus.herd.question import Quantifier, spelled
from fencepost.model.litmus.writing import write_test
from fencepost.model.memory import MATRIX
from fencepost.model.memory import matrix as matrix_named
from fencepost.model.memory import profile as profile_named
from fencepost.native.schedules import litmus as native

FORMATS = ("fencepost", "herd")
_KINDS = {Quantifier.EXISTS: "Allowed", Quantifier.NOT_EXISTS: "Forbidden", Quantifier.FORALL: "Required"}

State = tuple[tuple[str, int | str], ...]
"""What the observed places hold at an end, by their text."""


@dataclass(frozen=True)
class Observed:
    """All final states of a test under a profile. `positive` and `negative` count those where its proposition holds
    and does not; herd counts executions there, of which several may end in one state.
    """

    test: LitmusTest
    profile: str
    states: tuple[State, ...]
    positive: int
    negative: int
    seconds: float
    reason: str = ""  # of unknown: then states are missing

    @property
    def observation(self) -> str:
        """Return Always, Sometimes or Never: in which share of the final states the proposition holds."""
        if self.reason:
            return "Unknown"
        return "Never" if not self.positive else "Sometimes" if self.negative else "Always"

    @property
    def validated(self) -> bool:
        """Say whether the condition holds with its quantifier."""
        assert self.test.herd is not None
        quantifier = self.test.herd.question.quantifier
        if quantifier is Quantifier.FORALL:
            return not self.negative
        return (self.positive > 0) is (quantifier is Quantifier.EXISTS)


def observe(
    test: LitmusTest, *, profile: str | None = None, matrix: str = MATRIX, budget: Budget | None = None
) -> Observed:
    """Return all final states of a test in herd's format, from the native engine.

    Raises InputError for tests in fencepost's own format, and under profiles with crashes or memory at every moment:
    herd's format has no words for either.
    """
    name = profile or test.profiles[0]
    under = profile_named(name)
    if test.herd is None:
        raise InputError(f"{test.path}: not in herd's format, so there is nothing to print as herd does")
    if under.crashes or under.snapshot:
        raise InputError(
            f"{test.path}: herd's output has final states only, and {name} asks about more; leave out --herd"
        )
    herd, began = test.herd, time.perf_counter()
    observed, places = herd.question.observed(), herd.question.places()
    try:
        ends = native.outcomes(
            test.program,
            under,
            matrix_named(matrix),
            memory_matters=any(place.register is None for place in places),
            budget=budget,
        )
    except MemoryError as error:
        return Observed(test, name, (), 0, 0, time.perf_counter() - began, str(error))
    states: dict[State, bool] = {}
    shown = [place.text for place in observed]
    passes, holds = predicate(herd.question.filter), predicate(herd.question.proposition)
    for end in ends:
        held = herd.final_state(end)
        if passes(held):
            state = tuple((text, value) for text in shown if (value := held[text]) is not None)
            states[state] = holds(held)
    positive = sum(states.values())
    ordered = tuple(sorted(states, key=lambda state: [(isinstance(value, str), value) for _, value in state]))
    return Observed(test, name, ordered, positive, len(states) - positive, time.perf_counter() - began)


def as_herd(observed: Observed) -> str:
    """Return what herd prints of a test: `Test`, `States`, the verdict, `Witnesses`, `Condition`, `Observation`."""
    test = observed.test
    assert test.herd is not None
    question = test.herd.question
    pair = observed.positive, observed.negative
    positive, negative = pair if question.quantifier is not Quantifier.NOT_EXISTS else pair[::-1]
    lines = [
        f"Test {test.name} {_KINDS[question.quantifier]}",
        f"States {len(observed.states)}",
        *(" ".join(f"{text}={value};" for text, value in state) for state in observed.states),
        "Ok" if observed.validated else "No",
        "Witnesses",
        f"Positive: {positive} Negative: {negative}",
        f"Condition {question.quantifier} ({spelled(question.proposition)})",
        f"Observation {test.name} {observed.observation} {observed.positive} {observed.negative}",
    ]
    return "\n".join(lines) + "\n"


def write(test: LitmusTest, format: str) -> str:
    """Return a test in `fencepost`'s or in `herd`'s format. Raises InputError for what the format cannot say."""
    if format not in FORMATS:
        raise unknown_choice("format", format, FORMATS)
    return write_test(test) if format == "fencepost" else write_herd(test)
