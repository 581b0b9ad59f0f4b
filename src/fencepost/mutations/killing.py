"""Compile mutants of the native code and have them killed; the code without a mutation must survive as long."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from statistics import median
from threading import Lock
from typing import NamedTuple

from fencepost.model.contract import Verdict
from fencepost.model.errors import FencepostError
from fencepost.mutations.building import SOURCES, build, toolchain
from fencepost.mutations.kill import Kill
from fencepost.mutations.mutation import Build, Mutation
from fencepost.mutations.table import MUTATIONS, NUMBERS, mutation, site

BUDGET_SECONDS = 60.0  # of all killers together, for one mutant
GRACE_SECONDS = 60.0  # for making the counterexample smaller
NO_MUTATION = "none"


class KillerFailed(FencepostError):
    """A killer ended otherwise than by killing or giving up: there is a bug in it."""


@dataclass(frozen=True)
class Hunted:
    """What became of one build; `mutation` is None for the one that has none, which must survive.

    kill           what it was caught at; None: it survived all that was tried
    seconds        what the killers took, `build_seconds` what was compiled before, 0 if it was in the cache
    runs           how often each killer tried
    """

    mutation: Mutation | None
    build: Build
    site: str
    kill: Kill | None
    seconds: float
    build_seconds: float
    runs: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The mutation's name."""
        return self.mutation.name if self.mutation else NO_MUTATION


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
        return tuple(each for each in self.mutants if each.kill is None)

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
        return Verdict.VIOLATED if self.survivors or self.false_alarms else Verdict.NOT_FOUND


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
    or a header is missing, and KillerFailed for a bug in what hunts.
    """
    asked = [mutation(name) for name in dict.fromkeys(names)] or list(MUTATIONS.values())
    toolchain()  # what is missing is said before anything is started
    kinds: list[Build] = [kind for kind in SOURCES if any(each.build == kind for each in asked)]
    work = [*((each, each.build) for each in asked), *((None, kind) for kind in kinds)]
    done: dict[tuple[Mutation | None, Build], Hunted] = {}
    pool, children = ThreadPoolExecutor(jobs), Children()
    try:
        hunts = [pool.submit(hunted, each, kind, seed, budget_seconds, children) for each, kind in work]
        for hunt in as_completed(hunts):
            found = hunt.result()
            done[found.mutation, found.build] = found
            outcome = f"killed by {found.kill.killer}" if found.kill else "survived"
            progress(f"{len(done)} of {len(work)}: {found.name}: {outcome} in {found.seconds:.1f} s")
    finally:
        children.end()
        pool.shutdown(wait=True, cancel_futures=True)
    rows = [done[each] for each in work]
    return NativeMatrix(seed, budget_seconds, tuple(rows[: len(asked)]), tuple(rows[len(asked) :]))


class Children:
    """Processes that threads of this one wait for; ended all at once when they are not wanted any more."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._is_over = False

    def run(self, command: list[str], seconds: float) -> subprocess.CompletedProcess[str]:
        """Run a command in the root folder. Raises TimeoutExpired."""
        with self._lock:
            if self._is_over:
                raise KillerFailed("hunting was ended")
            pipe = subprocess.PIPE
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, cwd="/")
            self._running.add(process)
        try:
            stdout, stderr = process.communicate(timeout=seconds)
        finally:
            process.kill()
            process.wait()
            with self._lock:
                self._running.discard(process)
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

    def end(self) -> None:
        """End those that run; no other will."""
        with self._lock:
            self._is_over = True
            for process in self._running:
                process.kill()


def hunted(
    each: Mutation | None, kind: Build, seed: int, seconds: float, children: Children, killers: Iterable[str] = ()
) -> Hunted:
    """Compile one mutant and hunt it in a process of its own, by the killers of these names or by all of its build."""
    built = build(NUMBERS[each.name] if each else 0, kind)
    where = site(each, toolchain().headers) if each else "-"
    command = [
        sys.executable,
        "-m",
        "fencepost.mutations.child",
        str(built.module),
        kind,
        str(seed),
        str(seconds),
        *killers,
    ]
    try:
        ended = children.run(command, seconds + GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        raise KillerFailed(f"the killers of {each.name if each else NO_MUTATION} did not end in time") from None
    said = told(ended)
    return Hunted(each, kind, where, said.kill, said.seconds, built.seconds, said.runs)


class Told(NamedTuple):
    """What a child said of its hunt, or what its end says."""

    kill: Kill | None
    seconds: float
    runs: dict[str, int]


def told(ended: subprocess.CompletedProcess[str]) -> Told:
    """Return what the child said, or what its end says: that it crashed is a kill.

    What may crash or never come back is tried in a process of its own (`alone.py`), whose end the child reports; if it
    crashes itself, it was by loading the mutant. Raises KillerFailed where it ended in an error of the killer's own.
    """
    if ended.returncode == 0:
        said = json.loads(ended.stdout.splitlines()[-1])
        return Told(Kill(**said["kill"]) if said["kill"] else None, said["seconds"], said["runs"])
    killer, size, seconds = _last_try(ended.stderr)
    if ended.returncode > 0:
        last = (ended.stderr.strip().splitlines() or ["no word"])[-1]
        raise KillerFailed(f"a killer ended with {last}")
    sentence = f"it crashed ({signal.Signals(-ended.returncode).name})"
    return Told(Kill(killer, size, None, 1, sentence), seconds, {})


def _last_try(said: str) -> tuple[str, int, float]:
    """Return the killer that was at work last, the size of what it tried, and the time until then."""
    tries = re.findall(r"^trying (\w+), size (\d+), after (\d+\.\d+) s$", said, re.MULTILINE)
    killer, size, seconds = tries[-1] if tries else ("-", "0", "0")
    return killer, int(size), float(seconds)
