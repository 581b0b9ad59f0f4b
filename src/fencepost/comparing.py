"""Model against native code: Hypothesis draws workloads and schedules together and shrinks both together.

stepped    the native build under the drawn schedule, in lockstep with the model; both histories against the
           contract; every step of the native one accepted by the spec
race       the production sequencers, raced by real threads over drawn workloads; what they ordered, what
           subscribers found and what clients were told against the contract
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from random import SystemRandom
from types import ModuleType

from fencepost.compared import raced, stepped
from fencepost.compared.modules import Native
from fencepost.compared.raced import Raced
from fencepost.compared.search import Chunk, Tally, Task, keep_out_of_here, search, user_folder
from fencepost.compared.stepped import Stepped
from fencepost.compared.verdicts import OF_LEVEL, Compared, Comparisons, Counterexample
from fencepost.model.contract import LEVELS, Level, Verdict
from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.explorer.run_itf import write_run
from fencepost.model.memory import PROFILE
from fencepost.model.programs import DESIGNS
from fencepost.native import PUBLICATIONS, SEQUENCERS, Mutant
from fencepost.native.pipeline import DESIGN_NAMES, STEPPED_NAMES

EXAMPLES = 1_000
CHUNK = {stepped.POLICY: 250, raced.POLICY: 25}
"""Examples of a chunk: some two seconds, so that an end of the budget is noticed and two cores are kept busy."""
RACED_SHARE = 10  # a race costs as much as some joint examples
POLICIES = (stepped.POLICY, raced.POLICY, *PUBLICATIONS)

CRASH = "crash"
"""What is reported in the place of a promise when the native code takes its process down."""


def compare(
    sequencers: str | Iterable[str] = (),
    *,
    levels: Iterable[Level] = LEVELS,
    policy: str | None = None,
    examples: int | None = None,
    budget_seconds: float | None = None,
    seed: int | None = None,
    jobs: int = 1,
    native: ModuleType | None = None,
    mutant: Mutant = Mutant.NONE,
    profile: str = PROFILE,
    only_differences: bool = False,
    out: Path | None = None,
    kept_in: Path | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> Comparisons:
    """Compare native sequencers with the model, by default all of them under every policy.

    policy           `stepped`, `race`, or a publication, with which it is then raced
    examples         drawn for each row (a tenth of it for races); by default 1,000
    budget_seconds   or for how long all rows together draw
    seed             with one, and `examples`, all but the races' threads is the same again, and no example that failed
                     earlier is tried first; without, one is drawn
    native           a compiled module with the stepped part of `_core`, the racing part, or both; it is compared as far
                     as it goes. By default the one that ships
    mutant           a fault to build into the stepped part
    only_differences   promises that the model breaks by the same steps are no finding: they are the design's
    out              the folder for traces of counterexamples; none are written without it
    kept_in          the folder of examples that failed, by default the user's; never used with a seed

    Raises InputError for names, numbers and modules that cannot be used.
    """
    names = (sequencers,) if isinstance(sequencers, str) else tuple(dict.fromkeys(sequencers))
    _check(names, policy, examples, budget_seconds, jobs)
    compiled = Native.of(native)
    tasks = tuple(_tasks(names, tuple(levels), policy, compiled, mutant, profile, only_differences))
    if not tasks:
        raise InputError(_nothing(names, tuple(levels), policy, compiled))
    folder = None if seed is not None else kept_in or user_folder()
    drawn = SystemRandom().getrandbits(32) if seed is None else seed
    counts = {raced.POLICY: -(-(examples or EXAMPLES) // RACED_SHARE), stepped.POLICY: examples or EXAMPLES}
    rows = []
    with _Workers(jobs) as workers:
        for task in tasks:
            progress(f"{task.sequencer} {task.policy}")
            share = budget_seconds / len(tasks) if budget_seconds is not None else None
            count = counts[_kind(task)] if budget_seconds is None else None
            rows.append(_compared(task, workers, drawn, count, share, folder, out))
    return Comparisons(drawn, tuple(rows))


def _check(
    names: tuple[str, ...], policy: str | None, examples: int | None, budget_seconds: float | None, jobs: int
) -> None:
    known = sorted({*STEPPED_NAMES, *SEQUENCERS})
    for name in names:
        if name not in known:
            raise unknown_choice("sequencer", name, known)
    if policy is not None and policy not in POLICIES:
        raise unknown_choice("policy", policy, POLICIES)
    if examples is not None and budget_seconds is not None:
        raise InputError("both examples and a budget were given: expected one of them")
    for word, value in (("examples", examples), ("budget_seconds", budget_seconds), ("jobs", jobs)):
        if value is not None and not 0 < value < float("inf"):
            raise InputError(f"{word} is {value}: expected more than 0")


def _tasks(
    names: tuple[str, ...],
    levels: tuple[Level, ...],
    policy: str | None,
    compiled: Native,
    mutant: Mutant,
    profile: str,
    only_differences: bool,
) -> Iterator[Stepped | Raced]:
    """Yield what is compared: each sequencer of the levels under each policy that it has."""
    for name in names or dict.fromkeys((*DESIGN_NAMES, *SEQUENCERS)):
        if _level(name) not in levels:
            continue
        if name in STEPPED_NAMES and compiled.is_stepped and policy in (None, stepped.POLICY):
            yield Stepped(name, compiled, mutant, profile, only_differences)
        if name in SEQUENCERS and compiled.is_raced and mutant is Mutant.NONE and policy != stepped.POLICY:
            yield Raced(name, compiled, policy if policy in PUBLICATIONS else None)


def _level(name: str) -> Level:
    level = DESIGNS[name].level if name in DESIGNS else SEQUENCERS[name]
    return 4 if level == 4 else 5


def _kind(task: Stepped | Raced) -> str:
    return stepped.POLICY if isinstance(task, Stepped) else raced.POLICY


def _nothing(names: tuple[str, ...], levels: tuple[Level, ...], policy: str | None, compiled: Native) -> str:
    asked = f"{', '.join(names) or 'any sequencer'} at level {', '.join(map(str, levels))}"
    under = f" under policy {policy}" if policy else ""
    return (
        f"nothing to compare: {compiled.name} has no native code of {asked}{under}: expected one of"
        f" {', '.join(STEPPED_NAMES)} under stepped, one of {', '.join(SEQUENCERS)} under the others"
    )


class _Workers:
    """Processes that search chunks, or this one if it is alone."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=raised[0] is None, cancel_futures=True)

    def through(
        self, task: Task, seed: int, sizes: Iterable[int], deadline: float, kept_in: Path | None
    ) -> Iterator[Chunk]:
        """Yield the chunks of these sizes in their order. Raises BrokenProcessPool if native code ends a process."""
        numbered = enumerate(sizes)
        if self.jobs == 1:
            yield from (search(task, seed, index, size, deadline, kept_in) for index, size in numbered)
            return
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.jobs, mp_context=get_context("spawn"), initializer=keep_out_of_here)
        pool, waiting = self._pool, list[Future[Chunk]]()
        try:
            while True:
                while len(waiting) < self.jobs and (following := next(numbered, None)) is not None:
                    waiting.append(pool.submit(search, task, seed, *following, deadline, kept_in))
                if not waiting:
                    return
                yield waiting.pop(0).result()
        except BrokenProcessPool:
            self._pool = None
            raise
        finally:
            for each in waiting:
                each.cancel()


def _sizes(count: int | None, chunk: int, deadline: float) -> Iterator[int]:
    """Yield the sizes of chunks until so many examples are drawn, or the deadline has passed."""
    left = count
    while (left is None or left > 0) and time.time() < deadline:
        yield chunk if left is None else min(chunk, left)
        left = None if left is None else left - chunk


def _compared(
    task: Stepped | Raced,
    workers: _Workers,
    seed: int,
    count: int | None,
    share_seconds: float | None,
    kept_in: Path | None,
    out: Path | None,
) -> Compared:
    """Draw the examples of one row."""
    began = time.time()
    deadline = began + share_seconds if share_seconds is not None else float("inf")
    tally, found, reason = Tally(), None, ""
    try:
        for chunk in workers.through(task, seed, _sizes(count, CHUNK[_kind(task)], deadline), deadline, kept_in):
            tally.join(chunk.tally)
            if chunk.failed is not None:
                found = _counterexample(task, chunk, out)
                break
    except BrokenProcessPool:
        found = Counterexample(CRASH, "the native code took its process down", None, (), 0, 0, 0)
    except KeyboardInterrupt:
        reason = "interrupted"
    verdict = Verdict.UNKNOWN if reason or not tally.examples else Verdict.NOT_FOUND
    level = _level(task.sequencer)
    return Compared(
        task.sequencer,
        task.policy,
        level,
        Verdict.VIOLATED if found is not None else verdict,
        tally.examples,
        tally.operations,
        tally.steps,
        time.time() - began,
        tuple(each for each in OF_LEVEL[level] if _kind(task) == stepped.POLICY or each in raced.HAPPENINGS),
        tally.happened,
        found,
        reason or ("" if tally.examples else "the budget was spent before the first example"),
    )


def _counterexample(task: Stepped | Raced, chunk: Chunk, out: Path | None) -> Counterexample:
    failed = chunk.failed
    assert failed is not None
    found_by = f"compare: {chunk.tally.examples} examples"
    made = (
        stepped.counterexample(task, chunk.smallest, found_by)
        if isinstance(task, Stepped)
        else raced.counterexample(chunk.smallest, failed)
    )
    if out is None or made.trace is None:
        return made
    path = out / f"compare-{task.sequencer}-{made.property}.itf.json"
    write_run(made.trace, path)
    return Counterexample(**{**vars(made), "path": path})
