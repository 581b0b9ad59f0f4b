"""Compile mutants of the native code and have them killed; the code without a mutation must survive as long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

from fencepost.model.contract import Verdict
from fencepost.model.errors import FencepostError, Interrupted
from fencepost.model.processes import Ended, as_they_end, isolated
from fencepost.mutations.building import SOURCES, build, toolchain
from fencepost.mutations.kill import Hunt, Kill, Killer, loaded
from fencepost.mutations.mutation import Build, Mutation
from fencepost.mutations.table import MUTATIONS, NUMBERS, mutation, site

BUDGET_SECONDS = 60.0  # of all killers together, for one mutant
GRACE_SECONDS = 60.0  # for making the counterexample smaller
NO_MUTATION = "none"
ATTEMPTS_SHARE = 0.2  # of the time; what a single thread can show, it shows soon


class KillerFailed(FencepostError):
    """A killer ended otherwise than by killing or giving up: there is a bug in it."""


@dataclass(frozen=True)
class Hunted:
    """What became of one build; `mutation` is None for the one that has none, which must survive.

    kill           what it was caught at; None: it survived all that was tried
    seconds        what the killers took, `build_seconds` what was compiled before, 0 if it was in the cache
    runs           how often each killer tried
    unknown        why there is no answer: its process was ended from outside, or all was interrupted
    """

    mutation: Mutation | None
    build: Build
    site: str
    kill: Kill | None
    seconds: float
    build_seconds: float
    runs: dict[str, int] = field(default_factory=dict)
    unknown: str = ""

    @property
    def name(self) -> str:
        """The mutation's name."""
        return self.mutation.name if self.mutation else NO_MUTATION

    @property
    def outcome(self) -> str:
        """What became of it, in words."""
        if self.unknown:
            return f"{self.name}: unknown: {self.unknown}"
        return f"{self.name}: {f'killed by {self.kill.killer}' if self.kill else 'survived'} in {self.seconds:.1f} s"


class Sizes(NamedTuple):
    """Medians of the smallest examples; `steps` are those of the schedule, or batches where there is none."""

    batches: float
    steps: float
    threads: float


@dataclass(frozen=True)
class NativeMatrix:
    """All mutants that were asked for, in the order of the table, and the builds without a mutation."""

    seed: int
    budget_seconds: float
    mutants: tuple[Hunted, ...]
    sound: tuple[Hunted, ...]

    @property
    def survivors(self) -> tuple[Hunted, ...]:
        """Mutants that no killer caught."""
        return tuple(each for each in self.mutants if each.kill is None and not each.unknown)

    @property
    def unknown(self) -> tuple[Hunted, ...]:
        """Builds of which it is not known whether they survive."""
        return tuple(each for each in (*self.mutants, *self.sound) if each.unknown)

    @property
    def false_alarms(self) -> tuple[Hunted, ...]:
        """Builds without a mutation that were caught at something."""
        return tuple(each for each in self.sound if each.kill is not None)

    @property
    def sizes(self) -> Sizes | None:
        """Medians over the smallest examples; None where nothing was killed."""
        kills = [each.kill for each in self.mutants if each.kill is not None]
        if not kills:
            return None
        return Sizes(
            median(kill.batches for kill in kills),
            median(kill.size for kill in kills),
            median(kill.threads for kill in kills),
        )

    @property
    def verdict(self) -> Verdict:
        """Violated when a mutant survived or the code without a mutation was accused."""
        if self.survivors or self.false_alarms:
            return Verdict.VIOLATED
        return Verdict.UNKNOWN if self.unknown else Verdict.NOT_FOUND


def native_mutants(
    names: Iterable[str] = (),
    *,
    budget_seconds: float = BUDGET_SECONDS,
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[str], None] = lambda message: None,
) -> NativeMatrix:
    """Compile the mutants of these names, by default all, and have each killed within the budget.

    `jobs` of them are compiled and hunted at a time. Raises InputError for an unknown name, where there is no compiler
    or a header is missing, KillerFailed for a bug in what hunts, and Interrupted with what was hunted until then.
    """
    asked = [mutation(name) for name in dict.fromkeys(names)] or list(MUTATIONS.values())
    toolchain()  # what is missing is said before anything is started
    kinds: list[Build] = [kind for kind in SOURCES if any(each.build == kind for each in asked)]
    work = [*((each, each.build) for each in asked), *((None, kind) for kind in kinds)]
    done: dict[int, Hunted] = {}
    works = (partial(hunted, each, kind, seed, budget_seconds) for each, kind in work)

    def matrix(why: str = "") -> NativeMatrix:
        rows = [done.get(at) or Hunted(*each, "-", None, 0.0, 0.0, unknown=why) for at, each in enumerate(work)]
        return NativeMatrix(seed, budget_seconds, tuple(rows[: len(asked)]), tuple(rows[len(asked) :]))

    try:
        with closing(as_they_end(works, jobs)) as hunts:
            for at, found in hunts:
                if isinstance(found, Ended):
                    found = Hunted(*work[at], "-", None, 0.0, 0.0, unknown=found.sentence)
                done[at] = found
                progress(f"{len(done)} of {len(work)}: {done[at].outcome}")
    except KeyboardInterrupt:
        raise Interrupted(matrix("interrupted")) from None
    return matrix()


def hunted(each: Mutation | None, kind: Build, seed: int, seconds: float, killers: Iterable[str] = ()) -> Hunted:
    """Compile one mutant and hunt it in a process of its own, by the killers of these names or by all of its build.

    That it crashes there is a kill.
    """
    built = build(NUMBERS[each.name] if each else 0, kind)
    where = site(each, toolchain().headers) if each else "-"
    began = time.monotonic()
    try:
        said = isolated(partial(hunt, built.module, kind, seed, seconds, tuple(killers)), seconds + GRACE_SECONDS)
    except Exception as error:
        raise KillerFailed(f"a killer ended with {type(error).__name__}: {error}") from error
    if not isinstance(said, Ended):
        return Hunted(each, kind, where, said.kill, said.seconds, built.seconds, said.runs)
    took = time.monotonic() - began
    if said.is_endless:
        raise KillerFailed(f"the killers of {each.name if each else NO_MUTATION} did not end in time")
    if said.is_killed:
        return Hunted(each, kind, where, None, took, built.seconds, unknown=said.sentence)
    killer, size, tried = said.tried if isinstance(said.tried, tuple) else ("-", 0, took)
    return Hunted(each, kind, where, Kill(killer, size, None, 1, said.sentence), tried, built.seconds)


class Told(NamedTuple):
    """What came of a hunt: the kill, if there is one, and how often each killer tried."""

    kill: Kill | None
    seconds: float
    runs: dict[str, int]


def hunt(module: Path, kind: Build, seed: int, seconds: float, named: tuple[str, ...] = ()) -> Told:
    """Show a compiled mutant to the killers of its build, or to those named, in turn, until one kills it."""
    native = loaded(module)
    began = time.monotonic()
    runs: dict[str, int] = {}
    kill = None
    for name, killer, share in _killers(kind):
        if named and name not in named:
            continue
        given = Hunt(native, name, seed, began, min(time.monotonic() + share * seconds, began + seconds))
        kill = killer(given)
        runs[name] = given.runs
        if kill is not None:
            break
    return Told(kill, time.monotonic() - began, runs)


def _killers(kind: Build) -> list[tuple[str, Killer, float]]:
    if kind == "stepped":
        from fencepost.mutations.stepping import stepping

        return [("compare", stepping, 1.0)]
    from fencepost.mutations.attempts import attempts
    from fencepost.mutations.races import races
    from fencepost.mutations.recordings import recordings

    return [("attempts", attempts, ATTEMPTS_SHARE), ("memory", recordings, 1.0), ("race", races, 1.0)]
