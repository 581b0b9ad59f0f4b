"""Compile mutants of the native code and have them killed; the code without a mutation must survive as long."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from fencepost.arguments import check_arguments
from fencepost.cluster import works_on
from fencepost.model.errors import FencepostError, Interrupted
from fencepost.model.processes import Ended, as_they_end, isolated
from fencepost.model.report import Progress
from fencepost.mutations.building import SOURCES, build, toolchain
from fencepost.mutations.kill import Hunt, Kill, Killer, loaded
from fencepost.mutations.lines.mutation import Build, Mutation
from fencepost.mutations.lines.table import MUTATIONS, mutation
from fencepost.reports.native_mutants import NO_MUTATION, Hunted, NativeMutantsReport, report_of
from fencepost.targets import name_of, several

TIMEOUT_SECONDS = 60.0  # of all killers together, for one mutant
GRACE_SECONDS = 60.0  # for making the counterexample smaller
ATTEMPTS_SHARE = 0.2  # of the time; what a single thread can show, it shows soon


class KillerFailed(FencepostError):
    """A killer ended otherwise than by killing or giving up: there is a bug in it."""


def native_mutants(
    target: str | Iterable[str] | None = None,
    *,
    timeout: float = TIMEOUT_SECONDS,
    seed: int = 0,
    jobs: int = 1,
    cluster: str | Path | None = None,
    on_progress: Progress | None = None,
) -> NativeMutantsReport:
    """Compile the mutants of these names, by default all, and have each killed within `timeout` seconds.

    `jobs` of them are compiled and hunted at a time, or as many as a Dask cluster has threads: `cluster` is
    tcp://HOST:PORT or the path of its scheduler.json, and its machines need a compiler.

    Raises InputError for an unknown name, where there is no compiler or a header is missing, KillerFailed for a bug in
    what hunts, and Interrupted with the report so far.
    """
    check_arguments(timeout=timeout, seed=seed, jobs=jobs)
    names = [name_of(each, "a native mutant's name") for each in several(target)]
    asked = [mutation(name) for name in names] or list(MUTATIONS.values())
    toolchain()  # what is missing is said before anything is started
    kinds: list[Build] = [kind for kind in SOURCES if any(each.build == kind for each in asked)]
    work = [*((each, each.build) for each in asked), *((None, kind) for kind in kinds)]
    done: dict[int, Hunted] = {}
    works = (partial(hunted, each, kind, seed, timeout) for each, kind in work)

    def matrix(why: str = "") -> NativeMutantsReport:
        rows = [done.get(at) or Hunted(*each, "-", None, 0.0, 0.0, unknown=why) for at, each in enumerate(work)]
        return report_of(rows[: len(asked)], rows[len(asked) :], seed, is_interrupted=bool(why))

    try:
        with works_on(cluster, jobs) as at_work, closing(as_they_end(works, at_work)) as hunts:
            for at, found in hunts:
                if isinstance(found, Ended):
                    found = Hunted(*work[at], "-", None, 0.0, 0.0, unknown=found.sentence)
                done[at] = found
                if on_progress is not None:
                    on_progress(f"{len(done)} of {len(work)}: {done[at].outcome}")
    except KeyboardInterrupt:
        raise Interrupted(matrix("interrupted")) from None
    return matrix()


def hunted(each: Mutation | None, kind: Build, seed: int, seconds: float, killers: Iterable[str] = ()) -> Hunted:
    """Compile one mutant and hunt it in a process of its own, by the killers of these names or by all of its build.

    That it crashes there is a kill.
    """
    built = build(each, kind)
    where = each.site(toolchain().headers) if each else "-"
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
