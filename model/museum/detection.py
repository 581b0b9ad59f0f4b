"""What it means that an engine catches a bug: exhibits, outcomes, and the cells of the detection matrix.

An engine is a function of an exhibit, a budget in seconds and a seed. It says caught, with the length of the trace that
shows it, missed, with the bound within which it looked, or cannot express, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from fencepost.model.contract import Level
from fencepost.model.explorer.search.exploration import Subject
from fencepost.model.explorer.search.schedule import Schedule
from fencepost.model.explorer.states.monitor import Violation
from fencepost.model.explorer.subjects import SequencerOrigin, sequencer
from fencepost.model.explorer.traces.run_trace import RunTrace, uses_of
from fencepost.model.language import Protocol
from fencepost.model.memory import PROFILE
from fencepost.model.memory.lines import Lines
from fencepost.model.museum.bug import Bug
from fencepost.model.programs.corpus import corpus_for, runs_on
from fencepost.model.programs.pipeline import Design, Rings, Scenario
from fencepost.model.programs.roles.receiver import Arriving
from fencepost.model.trace import Trace


class Oracle(StrEnum):
    """Who says that something is wrong. Engines that share one are several searches, and one judgement."""

    Z3 = "z3"  # the promises of specs
    WATCH = "watch"  # contract and spec, step by step, as programs run
    HISTORY = "history"  # the history checker, on rows of ordered batches
    OUTSIDE = "outside"  # the second judge, on what a run tells the outside
    NATIVE = "native"  # the native code against the sound model, or against answers and memory in words of its own


class Outcome(StrEnum):
    """What an engine says of an exhibit. Of a sound one, *caught* is a false alarm. *Unknown*: it was not heard out."""

    CAUGHT = "caught"
    MISSED = "missed"
    CANNOT_EXPRESS = "cannot_express"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Exhibit:
    """What engines are given: a bug with the promise that it must break, or a sound design and all promises.

    `sound` is the design that a bug deviates from, or the sound design itself. `spec` is what the prover is asked
    about: the refuted protocol with the same fault, or the sound one. `scenarios` are a bug's own, of a sound design
    those of all bugs of its level; `corpus` are named ones, which a sound design is shown on besides.
    """

    name: str
    design: Design
    sound: Design
    scenarios: tuple[Scenario, ...]
    asked: frozenset[str] | None
    spec: type[Protocol] | None
    corpus: tuple[Scenario, ...] = ()

    @property
    def shown_on(self) -> tuple[Scenario, ...]:
        """Every scenario, each once."""
        return tuple(dict.fromkeys((*self.scenarios, *self.corpus)))

    @property
    def is_sound(self) -> bool:
        return self.asked is None

    @property
    def level(self) -> Level:
        return self.design.level

    def asks(self, violation: Violation) -> bool:
        """Say whether it is a violation that is looked for."""
        return self.asked is None or violation.property in self.asked

    def subject(self, scenario: Scenario) -> Subject:
        """Return the exhibit on a scenario as something that can be explored."""
        return sequencer(self.design, scenario, PROFILE, asked=self.asked)

    def unwatched(self, scenario: Scenario) -> Subject:
        """Return the same, with nobody who objects: runs go on to their end."""
        return sequencer(self.design, scenario, PROFILE, asked=frozenset())


@dataclass(frozen=True)
class Detection:
    """What an engine came to. `detail` is the sentence of the violation, the bound, or the reason.

    `oracle` says who judged, where that is not always the same of an engine; `run` is the violating run where the
    engine runs the programs, `steps` where it runs a spec. `prepared_seconds` were spent before anything was looked at.
    """

    outcome: Outcome
    detail: str
    trace_length: int | None = None
    run: RunTrace | None = None
    steps: Trace | None = None
    oracle: Oracle | None = None
    prepared_seconds: float = 0.0


Engine: TypeAlias = Callable[[Exhibit, float, int], Detection]


def caught(found_by: str, subject: Subject, lines: Lines, schedule: Schedule, violation: Violation) -> Detection:
    """Return a detection by a run of the programs."""
    assert isinstance(subject.origin, SequencerOrigin)
    run = RunTrace(subject.origin, uses_of(lines), schedule, violation, f"mutants: {found_by}")
    return Detection(Outcome.CAUGHT, f"{violation.property}: {violation.sentence}", len(schedule), run)


def missed(bound: str) -> Detection:
    return Detection(Outcome.MISSED, bound)


def cannot_express(reason: str) -> Detection:
    return Detection(Outcome.CANNOT_EXPRESS, reason)


def arriving(scenario: Scenario) -> Rings:
    """Return what comes to each ring in a scenario; batches without messages are turned away before that."""
    rings: list[list[Arriving]] = [[] for _ in range(scenario.rings_count)]
    for client, plan in enumerate(scenario.plans):
        for sending in plan:
            rings[sending.ring].append(Arriving(client, sending.seq, sending.count))
    for batches in (scenario.rings, scenario.later):
        for ring, more in zip(rings, batches, strict=False):
            ring += [batch for batch in more if batch.count >= 1]
    return rings


def of_bug(bug: Bug) -> Exhibit:
    """Return a bug as an exhibit."""
    return Exhibit(bug.name, bug.design, bug.sound, (bug.scenario,), frozenset({bug.breaks}), bug.refuted)


def of_sound(design: Design, bugs: Iterable[Bug]) -> Exhibit:
    """Return a sound design as an exhibit: on the scenarios of its level's bugs that it can run, and on the corpus."""
    of_level = (bug.scenario for bug in bugs if bug.level == design.level)
    scenarios = tuple(dict.fromkeys(each for each in of_level if runs_on(design, each)))
    corpus = tuple(each.scenario for each in corpus_for(design))
    return Exhibit(design.name, design, design, scenarios, None, design.spec, corpus)
