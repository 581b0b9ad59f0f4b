"""Model against native code: Hypothesis draws workloads and schedules together and shrinks both together.

stepped    the native build under the drawn schedule, in lockstep with the model; both histories against the
           contract; every step of the native one accepted by the spec
attempts   the production sequencers, or one of your own, attempt by attempt under a drawn schedule; every answer is one
           that the spec allows, and the history keeps the contract
race       the production sequencers, raced by real threads over drawn workloads; what they ordered, what
           subscribers found and what clients were told against the contract
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from random import SystemRandom
from types import ModuleType
from typing import Any, TypeAlias

from fencepost.arguments import check_arguments, path_of
from fencepost.cluster import works_on
from fencepost.comparing.ended import counterexample_of_end, not_tried_again
from fencepost.comparing.kept import user_folder
from fencepost.comparing.modules import Native
from fencepost.comparing.own_cpp import compiled
from fencepost.comparing.policies import attempted, raced, stepped
from fencepost.comparing.policies.attempted import Attempted, Shipped
from fencepost.comparing.policies.calls import Make
from fencepost.comparing.policies.raced import Raced
from fencepost.comparing.policies.stepped import Stepped
from fencepost.comparing.search import Chunk, Failed, Tally, Task, search
from fencepost.comparing.verdicts import OF_LEVEL, Compared, Counterexample
from fencepost.model.contract import LEVELS, Level, Verdict
from fencepost.model.errors import InputError, Interrupted, unknown_choice
from fencepost.model.explorer.traces.run_itf import keep_run
from fencepost.model.language import Protocol
from fencepost.model.memory import PROFILE
from fencepost.model.own import SEQUENCER, is_own, object_of
from fencepost.model.processes import SECONDS_MOST, Ended, in_order, is_elsewhere, isolated, run_elsewhere
from fencepost.model.programs import DESIGNS
from fencepost.model.report import Progress
from fencepost.model.simulation.soundness import SEED_POLICY
from fencepost.native import PUBLICATIONS, SEQUENCERS, Mutant
from fencepost.native.schedules.pipeline import DESIGN_NAMES, STEPPED_NAMES
from fencepost.reports.compare import CompareReport, report_of
from fencepost.targets import is_cpp, name_of, several

EXAMPLES = {stepped.POLICY: 1_000, attempted.POLICY: 200, raced.POLICY: 100}
"""Examples of a row by default: of those that take longer, fewer."""
EXAMPLES_OF_YOURS = 1_000
CHUNK = {stepped.POLICY: 250, attempted.POLICY: 100, raced.POLICY: 25}
"""Examples of a chunk: some two seconds, so that an end of the budget is noticed and two cores are kept busy."""
INTERRUPTED = "interrupted"
POLICIES = (stepped.POLICY, attempted.POLICY, raced.POLICY, *PUBLICATIONS)
AnyTask = Stepped | Attempted | Raced
Target: TypeAlias = str | Path | Make | ModuleType | type[Protocol]
EXPECTED = "a sequencer's name, FILE.py[:Class], FILE.cpp, what makes a sequencer, or a module of one"


def compare(
    target: Target | Iterable[Target] | None = None,
    *,
    level: Level | None = None,
    policy: str | None = None,
    examples: int | None = None,
    seed: int | None = None,
    jobs: int = 1,
    timeout: float | None = None,
    cluster: str | Path | None = None,
    native: ModuleType | None = None,
    mutant: Mutant = Mutant.NONE,
    profile: str = PROFILE,
    ignore_shared: bool = False,
    out: str | Path | None = None,
    kept_in: str | Path | None = None,
    on_progress: Progress | None = None,
) -> CompareReport:
    """Compare native sequencers with the model, by default all of them under every policy.

    >>> str(fencepost.compare("order5.fetch_add", policy="stepped", examples=20, seed=1).verdict)
    'not found'

    target           names; or one sequencer of your own: FILE.py[:Class], FILE.cpp, what makes a
                     `fencepost.native.YourSequencer`, or a module made by FENCEPOST_SEQUENCER
                     (`fencepost/adapter.hpp`); `level` then says of which it is
    policy           `stepped`, `attempts`, `race`, or a publication, with which it is then raced
    examples         tried in each row, exactly so many different ones unless one fails; by default 1,000 stepped, 200
                     attempts, 100 races, and 1,000 of yours
    seed             with one, and `examples`, all but the races' threads is the same again, and no example that failed
                     earlier is tried first; without, one is drawn
    timeout          seconds, for which all rows together draw, instead of a number of examples
    cluster          a Dask cluster instead of processes here: tcp://HOST:PORT or the path of its scheduler.json
    native           a compiled module with the stepped part of `_core`, the racing part, or both; by default ours
    mutant           a fault to build into the stepped part
    ignore_shared    promises that the model breaks by the same steps are no finding: they are the design's
    out              the folder for traces of counterexamples; none are written without it
    kept_in          the folder of examples that failed, by default the user's; never used with a seed

    Raises InputError for names, numbers and modules that cannot be used, and Interrupted with the report so far.
    """
    check_arguments(may_be_none=("seed", "timeout"), seed=seed, jobs=jobs, timeout=timeout)
    out, kept_in = path_of("out", out), path_of("kept_in", kept_in)
    names, yours, own = _asked(several(target), level, on_progress)
    levels = LEVELS if level is None else (level,)
    _check(names, policy, examples, timeout)
    module = Native.of(native)
    tasks: tuple[AnyTask, ...] = tuple(_tasks(names, levels, policy, module, mutant, profile, ignore_shared))
    if yours is not None:
        _refuse_beside_yours(policy, mutant, ignore_shared)
        tasks = (attempted.of_user(yours, levels, is_alone=native is None),)
    if not tasks:
        raise InputError(_nothing(names, levels, policy, module))
    folder = None if seed is not None else kept_in or user_folder()
    drawn = SystemRandom().getrandbits(32) if seed is None else seed
    asked: dict[str, Any] = {"own": own, "examples": examples, "is_by_time": timeout is not None}
    rows: list[Compared] = []
    try:
        with works_on(cluster, jobs) as at_work:
            for task in tasks:
                if on_progress is not None:
                    on_progress(f"{task.sequencer} {task.policy}")
                share = None if timeout is None else timeout / len(tasks)
                count = None if timeout is not None else examples or _default(task, is_yours=yours is not None)
                rows.append(_compared(task, at_work, drawn, count, share, folder, out))
                if rows[-1].reason == INTERRUPTED:
                    raise KeyboardInterrupt
    except KeyboardInterrupt:
        raise Interrupted(report_of(rows, drawn, is_interrupted=True, **asked)) from None
    return report_of(rows, drawn, **asked)


def _default(task: AnyTask, *, is_yours: bool) -> int:
    return EXAMPLES_OF_YOURS if is_yours else EXAMPLES[_kind(task)]


def _asked(
    targets: tuple[Target, ...], level: Level | None, on_progress: Progress | None
) -> tuple[tuple[str, ...], Make | ModuleType | Native | None, str | None]:
    """Return the names that are asked for, or what makes a sequencer of one's own and the words of a command for it."""
    given: list[Any] = [
        each.name if isinstance(each, type) and issubclass(each, Protocol) else each for each in targets
    ]
    files = [each for each in given if isinstance(each, str | Path) and (is_own(each) or is_cpp(each))]
    names = tuple(name_of(each, EXPECTED) for each in given if isinstance(each, str | Path) and each not in files)
    if len(names) == len(given):
        return names, None, None
    if len(given) > 1:
        raise InputError("a sequencer of your own is compared alone: expected one target")
    (one,) = given
    if isinstance(one, str | Path):
        loaded = compiled(Path(one), on_progress) if is_cpp(one) else object_of(one, SEQUENCER)
        return (), loaded, f"{one} --level {level}"
    maker: Make | ModuleType = one
    return (), maker, None


def _refuse_beside_yours(policy: str | None, mutant: Mutant, ignore_shared: bool) -> None:
    """Raise InputError for what a sequencer of one's own has not: another policy, a model's run, a stepped form."""
    if policy not in (None, attempted.POLICY):
        raise InputError(
            f"policy {policy} of a sequencer of your own: expected {attempted.POLICY}, or none; it has neither a"
            " stepped form nor threads of its own to race"
        )
    for word, is_given in (("a mutant", mutant is not Mutant.NONE), ("ignore_shared", ignore_shared)):
        if is_given:
            raise InputError(f"{word} beside a sequencer of your own: expected none; it is of the stepped form")


def _check(names: tuple[str, ...], policy: str | None, examples: int | None, timeout: float | None) -> None:
    known = sorted({*STEPPED_NAMES, *SEQUENCERS})
    for name in names:
        if name not in known:
            raise unknown_choice("sequencer", name, known)
    if policy is not None and policy not in POLICIES:
        raise unknown_choice("policy", policy, POLICIES)
    if examples is not None and timeout is not None:
        raise InputError("both examples and a timeout were given: expected one of them")
    for word, value in (("examples", examples), ("timeout", timeout)):
        if value is not None and not 0 < value < float("inf"):
            raise InputError(f"{word} is {value}: expected more than 0")


def _tasks(
    names: tuple[str, ...],
    levels: tuple[Level, ...],
    policy: str | None,
    module: Native,
    mutant: Mutant,
    profile: str,
    ignore_shared: bool,
) -> Iterator[AnyTask]:
    """Yield what is compared: each sequencer of the levels under each policy that it has."""
    for name in names or dict.fromkeys((*DESIGN_NAMES, *SEQUENCERS)):
        if _level(name) not in levels:
            continue
        if name in STEPPED_NAMES and module.is_stepped and policy in (None, stepped.POLICY):
            yield Stepped(name, module, mutant, profile, ignore_shared)
        if name not in SEQUENCERS or not module.is_raced or mutant is not Mutant.NONE:
            continue
        if policy in (None, attempted.POLICY):
            yield Attempted(name, _level(name), Shipped(name, module))
        if policy is None or policy in (raced.POLICY, *PUBLICATIONS):
            yield Raced(name, module, policy if policy in PUBLICATIONS else None)


def _level(name: str) -> Level:
    level = DESIGNS[name].level if name in DESIGNS else SEQUENCERS[name]
    return 4 if level == 4 else 5


def _kind(task: AnyTask) -> str:
    return raced.POLICY if isinstance(task, Raced) else task.policy


def _counted(task: AnyTask) -> tuple[str, ...]:
    """Return which happenings a row counts."""
    of_level = OF_LEVEL[task.level]
    if isinstance(task, Stepped):
        meets = not DESIGNS[task.sequencer].reads_every_ring  # who owns a client meets nobody at work on it
        return tuple(each for each in of_level if meets or each != "contended claim")
    known = raced.HAPPENINGS if isinstance(task, Raced) else attempted.HAPPENINGS
    return tuple(each for each in of_level if each in known)


def _nothing(names: tuple[str, ...], levels: tuple[Level, ...], policy: str | None, module: Native) -> str:
    asked = f"{', '.join(names) or 'any sequencer'} at level {', '.join(map(str, levels))}"
    under = f" under policy {policy}" if policy else ""
    return (
        f"nothing to compare: {module.name} has no native code of {asked}{under}: expected one of"
        f" {', '.join(STEPPED_NAMES)} under stepped, one of {', '.join(SEQUENCERS)} under the others"
    )


def _through(
    task: Task, jobs: int, seed: int, sizes: Iterable[int], deadline: float, kept_in: Path | None
) -> Iterator[Chunk | Ended]:
    """Yield what comes of chunks of these sizes, in their order, each in a process of its own, `jobs` at a time."""
    works = (partial(search, task, seed, *numbered, deadline, kept_in) for numbered in enumerate(sizes))
    if kept_in is not None and is_elsewhere():  # what failed earlier is kept on this machine, and tried again here
        with run_elsewhere(None):
            yield from in_order(islice(works, 1), 1, SECONDS_MOST)
    yield from in_order(works, jobs, SECONDS_MOST)


def _sizes(count: int | None, chunk: int, deadline: float) -> Iterator[int]:
    """Yield the sizes of chunks until so many examples are drawn, or the deadline has passed."""
    left = count
    while (left is None or left > 0) and time.time() < deadline:
        yield chunk if left is None else min(chunk, left)
        left = None if left is None else left - chunk


def _compared(
    task: AnyTask,
    jobs: int,
    seed: int,
    count: int | None,
    share_seconds: float | None,
    kept_in: Path | None,
    out: Path | None,
) -> Compared:
    """Draw the examples of one row."""
    began = time.time()
    deadline = began + share_seconds if share_seconds is not None else float("inf")
    tally, reason, size, enough = Tally(), "", CHUNK[_kind(task)], 0
    killed_count = 0
    found: Counterexample | None = None
    ended: Ended | None = None
    try:
        for chunk in _through(task, jobs, seed, _sizes(count, size, deadline), deadline, kept_in):
            enough += size
            if isinstance(chunk, Ended) and chunk.is_killed:
                killed_count += 1
                reason = f"{killed_count} processes without a result, the last because {chunk.sentence}"
                continue
            if isinstance(chunk, Ended):
                ended = chunk
                tally.examples += chunk.tried_count
                made = counterexample_of_end(task, chunk, kept_in)
                found, reason = (None, made) if isinstance(made, str) else (made, "")
                break
            tally.join(chunk.tally)
            if chunk.failed is not None:
                found, reason = _counterexample(task, chunk, out), ""
                break
    except KeyboardInterrupt:
        reason = INTERRUPTED
        if ended is not None and not isinstance(made := not_tried_again(task, ended), str):
            found = made
    if found is None and not reason and task.policy == SEED_POLICY.part.split()[-1]:
        reason = f"{SEED_POLICY}: {SEED_POLICY.reason}"  # one host's threads share a cache: a race cannot show it
    verdict = Verdict.UNKNOWN if reason or not tally.examples else Verdict.NOT_FOUND
    if found is None and not reason:
        reason = _short(tally.examples, count, share_seconds)
    return Compared(
        task.sequencer,
        task.policy,
        task.level,
        Verdict.VIOLATED if found is not None else verdict,
        tally.examples,
        tally.operations,
        tally.steps,
        time.time() - began,
        _counted(task),
        tally.happened,
        found,
        reason,
        enough,
        count,
        tally.drawn,
    )


def _short(tried_count: int, asked_count: int | None, share_seconds: float | None) -> str:
    """Return why no more examples were tried, where it is not that all were."""
    if share_seconds is not None:
        spent = f"its {share_seconds:.3g} s of the budget were spent"
        return f"{spent} after {tried_count} examples" if tried_count else f"{spent} before the first example"
    if asked_count is not None and tried_count < asked_count:
        return f"{tried_count} of {asked_count} examples: no others were drawn"
    return ""


def _counterexample(task: AnyTask, chunk: Chunk, out: Path | None) -> Counterexample:
    failed = chunk.failed
    assert failed is not None
    found_by = f"compare: {chunk.tally.examples} examples"
    if isinstance(task, Stepped):
        made = stepped.counterexample(task, chunk.smallest, found_by)
    elif isinstance(task, Attempted):
        shown = isolated(partial(attempted.counterexample, task, chunk.smallest, failed))
        made = _untold(task, chunk.smallest, failed) if isinstance(shown, Ended) else shown
    else:
        made = raced.counterexample(chunk.smallest, failed)
    if out is None or made.trace is None:
        return made
    path = out / f"compare-{task.sequencer}-{made.property}.itf.json"
    return Counterexample(**{**vars(made), "path": keep_run(path, made.trace)})


def _untold(task: Attempted, example: Any, failed: Failed) -> Counterexample:
    """Return a failing example without what happens in it: its process ended when that was to be told."""
    lines, batches = task.told(example)
    return Counterexample(failed.property, failed.sentence, example, lines, failed.size[0], batches, 0)
