"""What is asked of which sequencer, shared among processes, and put together as one report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np

from fencepost.arguments import check_arguments, path_of
from fencepost.checking.by_explorer import NOT_OF_RUNS, by_explorer, by_native_explorer
from fencepost.checking.by_model import by_simulation, by_z3
from fencepost.checking.by_native import by_lockstep, by_race, same_batches, same_ranges
from fencepost.checking.job import REFINEMENT, SAME_BATCHES, SAME_RANGES, SAME_STEPS, Job
from fencepost.checking.own import Own, OwnReport, check_own, is_own_work
from fencepost.checking.screen import CheckReport
from fencepost.cluster import works_on
from fencepost.model.contract import LEVELS, Level, Verdict, promised, unknown_property
from fencepost.model.errors import InputError, Interrupted, unknown_choice
from fencepost.model.histories import Workload
from fencepost.model.processes import Ended, as_they_end
from fencepost.model.programs import DESIGNS
from fencepost.model.recordings import recorded_workload
from fencepost.model.report import ENGINES, Finding
from fencepost.model.specs import PROTOCOLS, protocol, sound_at
from fencepost.native.arguments import RING_COUNT_MAX
from fencepost.targets import name_of, one_of

EXPECTED = "a sequencer's name, FILE.py[:name], FILE.cpp, a class, or a fencepost.program.Program"
TIMEOUT_SECONDS = 600.0
"""Where a check gives up; on two cores with nothing else on them all seven sequencers take a minute and a half."""

Part = tuple[list[Finding], dict[str, int]]
CAME_BACK = "came-back"
"""What is asked of a part of the work in a process of its own: that it returns."""


def check(
    target: Own | None = None,
    *,
    workload: Workload | None = None,
    level: Level | None = None,
    property: str | None = None,
    engine: str | Iterable[str] = ENGINES,
    seed: int = 0,
    jobs: int = 2,
    timeout: float = TIMEOUT_SECONDS,
    thorough: bool = False,
    cluster: str | Path | None = None,
    out: str | Path | None = None,
    on_progress: Callable[[str], None] = lambda message: None,
) -> CheckReport | OwnReport:
    """Check the sequencer called `target`, or all sound ones of a level, or of both; or work of one's own.

    target       a sequencer's name; also one that is a spec only, or kept to be refuted. None: all sound ones.
                 A class of a protocol or a sequencer, a `fencepost.program.Program`, FILE.py[:Name] or FILE.cpp
    workload     what is sent in the simulation and the race; None: the recorded one of the level
    timeout      seconds; what a search for schedules has not visited by then is *not found*, never passed over
    thorough     search every scenario to its end, or until the timeout
    cluster      a Dask cluster instead of processes here: tcp://HOST:PORT or the path of its scheduler.json

    >>> str(fencepost.check("order5.fetch_add", engine="z3").verdict)
    'proved'

    Nothing is written unless `out` names a folder for traces. Raises InputError for an unknown sequencer, engine or
    property, and for a sequencer that is not of the level; Interrupted with the report so far.
    """
    check_arguments(seed=seed, jobs=jobs, timeout=timeout)
    out = path_of("out", out)
    engines = _engines(engine)
    target = None if target is None else one_of(target, EXPECTED)
    if is_own_work(target):
        if workload is not None or thorough:
            raise InputError(f"{target} is of your own, which takes no workload and is always searched to its end")
        with works_on(cluster, jobs) as at_work:
            return check_own(
                cast("Own", target), level=level, property=property, engines=engines, seed=seed, jobs=at_work,
                timeout=timeout, out=out, on_progress=on_progress,
            )  # fmt: skip
    names = _asked(None if target is None else name_of(target, EXPECTED), level)
    _refuse_unknown(property, names, engines)
    if workload is not None:
        refuse_unfit(workload, "the workload")
    ask = partial(_job, workload=workload, seed=seed, deadline=time.time() + timeout, is_thorough=thorough, out=out)
    parts = [(name, each, partial(work, ask(name), engines)) for name in names for each, work in _PARTS.items()]
    came: list[tuple[str, Part]] = []
    on_progress(f"0 of {len(parts)}: {', '.join(names)}")
    try:
        with works_on(cluster, jobs) as at_work:
            for done, (name, part, found) in enumerate(_done(parts, at_work), start=1):
                came.append((name, found))
                on_progress(f"{done} of {len(parts)}: {name}, {part}")
    except KeyboardInterrupt:
        raise Interrupted(_report(names, came, property, seed, engines, is_interrupted=True)) from None
    return _report(names, came, property, seed, engines)


def _job(
    name: str, *, workload: Workload | None, seed: int, deadline: float, is_thorough: bool, out: Path | None
) -> Job:
    given = workload or recorded_workload(protocol(name).level)
    return Job(protocol(name), given, seed, deadline, is_thorough, out)


def _report(
    names: list[str],
    came: list[tuple[str, Part]],
    property: str | None,
    seed: int,
    engines: tuple[str, ...],
    *,
    is_interrupted: bool = False,
) -> CheckReport:
    """Put the parts together, by sequencer and engine. Raises InputError where no finding is of the property."""
    found = [
        each for name in names for each in _in_order([one for whose, part in came if whose == name for one in part[0]])
    ]
    kept = tuple(each for each in found if property in (None, each.property))
    if property is not None and not kept and not is_interrupted:
        raise unknown_property(property, dict.fromkeys(each.property for each in found))
    happened: dict[str, dict[str, int]] = {name: {} for name in names}
    for name, (_, seen) in came:
        happened[name] |= seen
    return CheckReport("check", kept, seed, is_interrupted, happened, tuple(names), engines)


def refuse_unfit(workload: Workload, where: str) -> None:
    """Raise InputError, before anything runs, for a workload that native races have no room for; `where` names it."""
    brokers, most = len(np.unique(workload.broker_id)), RING_COUNT_MAX
    if brokers > most:
        raise InputError(
            f"{where} has {brokers} brokers: expected at most {most}, each with a ring and threads of its own"
        )


def _asked(target: str | None, level: Level | None) -> list[str]:
    levels = LEVELS if level is None else (level,)
    if target is None:
        return [each.name for one in levels for each in sound_at(one) if each.name in DESIGNS]
    if target not in PROTOCOLS:
        raise unknown_choice("sequencer", target, PROTOCOLS)
    made = protocol(target).level
    if made not in levels:
        raise InputError(f"{target} is a level-{made} sequencer: level {level} was asked for")
    return [target]


def _refuse_unknown(property: str | None, names: list[str], engines: tuple[str, ...]) -> None:
    """Raise InputError, before anything runs, for a property of which none of these engines has a finding."""
    known: dict[str, None] = {}
    for each in map(protocol, names):
        known |= dict.fromkeys(each.promises if "z3" in engines else ())
        if set(engines) - {"z3"}:
            known |= dict.fromkeys(one for one in promised(each.level) if one not in NOT_OF_RUNS)
            known |= dict.fromkeys((REFINEMENT, CAME_BACK))
    if "native" in engines:
        known |= dict.fromkeys((SAME_BATCHES, SAME_RANGES, SAME_STEPS))
    if property is not None and property not in known:
        raise unknown_property(property, known)


def _engines(engine: str | Iterable[str]) -> tuple[str, ...]:
    engines = (engine,) if isinstance(engine, str) else tuple(engine)
    for each in engines:
        if each not in ENGINES:
            raise unknown_choice("engine", each, ENGINES)
    return engines


def _model_and_race(job: Job, engines: tuple[str, ...]) -> Part:
    """Z3, the simulation and the race, each with what the ones before it found."""
    proved = by_z3(job) if "z3" in engines else None
    findings = list(proved.findings) if proved else []
    simulated = by_simulation(job, proved.violating if proved else []) if "simulation" in engines else None
    raced = by_race(job) if "native" in engines else None
    findings += [*(simulated.findings if simulated else ()), *(raced.findings if raced else ())]
    happened = (simulated.happened if simulated else {}) | (raced.happened if raced else {})
    if simulated and raced and simulated.history is not None and raced.history is not None:
        findings.append(same_batches(job, simulated.history, raced.history))
        simulated = raced = None  # of a long workload they are too large to be kept beside the next run
        findings.append(same_ranges(job))
    return findings, happened


def _explorer(job: Job, engines: tuple[str, ...]) -> Part:
    return (by_explorer(job) if "explorer" in engines else []), {}


def _native_schedules(job: Job, engines: tuple[str, ...]) -> Part:
    return ([*by_native_explorer(job), *by_lockstep(job)] if "native" in engines else []), {}


_PARTS: dict[str, Callable[[Job, tuple[str, ...]], Part]] = {
    "explorer": _explorer,
    "native schedules": _native_schedules,
    "z3, simulation and race": _model_and_race,
}
"""What of a sequencer is done in a process of its own, the longest first."""


def _done(parts: list[tuple[str, str, Callable[[], Part]]], jobs: int) -> Iterator[tuple[str, str, Part]]:
    """Yield each part as it is done, each in a process of its own; one that does not come back is *unknown*."""
    with closing(as_they_end((work for _, _, work in parts), jobs)) as ended:
        for number, came in ended:
            name, part, _ = parts[number]
            yield name, part, _lost(name, part, came) if isinstance(came, Ended) else came


def _lost(name: str, part: str, ended: Ended) -> Part:
    """Return the finding of a part whose process ended without an answer: a crash of native code is a violation."""
    engine = "explorer" if part == "explorer" else "native"
    verdict = Verdict.UNKNOWN if ended.is_killed or ended.is_endless else Verdict.VIOLATED
    details = {"level": protocol(name).level, "mode": None, "note": None}
    return [Finding(name, CAME_BACK, engine, verdict, part, 0.0, None, ended.sentence, details)], {}


def _in_order(findings: list[Finding]) -> list[Finding]:
    """Return findings by engine, and each engine's in the order in which it made them."""
    return sorted(findings, key=lambda each: (ENGINES.index(each.engine), str(each.details.get("mode"))))
