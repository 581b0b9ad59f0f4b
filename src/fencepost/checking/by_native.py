"""The C++: raced by real threads on the workload, and step by step beside the model."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import numpy as np

from fencepost import native
from fencepost.checking.job import NOTHING_ORDERED, REFINEMENT, SAME_BATCHES, SAME_RANGES, SAME_STEPS, Job, delivered
from fencepost.comparing.modules import Native
from fencepost.comparing.policies.stepped import Stepped, counterexample
from fencepost.comparing.search import Failed
from fencepost.model.contract import Verdict
from fencepost.model.explorer.explain.columns import heading, table
from fencepost.model.explorer.traces.run_itf import keep_run
from fencepost.model.explorer.traces.run_trace import run as run_of
from fencepost.model.histories import History
from fencepost.model.histories.drained import Batches
from fencepost.model.histories.records import IntColumn
from fencepost.model.programs import attempts
from fencepost.model.programs.corpus import corpus_for
from fencepost.model.programs.sequencers.one_at_a_time import Attempts
from fencepost.model.report import Finding
from fencepost.model.simulation import Arrivals, rings_of
from fencepost.native.schedules.differential import LOCKSTEP, SPEC, JointExample, JointRun, Picks, run_joint
from fencepost.native.schedules.pipeline import STEPPED_NAMES, has_stepped_form

LOCKSTEP_COUNT = 12
"""Schedules that are drawn for each scenario of the corpus."""
PICK_COUNT = 24


@dataclass
class Raced:
    """The findings of a race, what it ordered, and how often what a race is for happened."""

    findings: list[Finding] = field(default_factory=list)
    history: History | None = None
    happened: dict[str, int] = field(default_factory=dict)


def by_race(job: Job) -> Raced:
    """Race real threads over the workload; a protocol without native code is left out."""
    if not job.is_native:
        return Raced()
    columns = ("client_id", "batch_seq", "broker_id", "message_count")
    raced = native.race(job.name, seed=job.seed, **{name: getattr(job.workload, name) for name in columns})
    history = delivered(job.workload, raced)
    happened = {
        "native parked and released": raced.released_count,
        "native still parked": int(np.count_nonzero(raced.outcome == native.ArrivalOutcome.PARKED)),
        "native claims lost": raced.claim_lost_count,
    }
    return Raced(list(job.on_history("native", history, raced.seconds, "race")), history, happened)


def same_batches(job: Job, model: History, raced: History) -> Finding:
    """Compare the batches that the simulation and the race ordered."""
    ours, theirs = Batches.of(model), Batches.of(raced)
    only = ours.without(theirs).first() or theirs.without(ours).first()
    text = "" if only is None else f"client {only[0]} batch {only[1]} is ordered by one of them only"
    bound = f"1 run, {len(model)} batches" if len(model) else NOTHING_ORDERED
    verdict = _unless(text) if text or len(model) else Verdict.UNKNOWN
    return job.finding("native", SAME_BATCHES, verdict, bound, 0.0, mode="race", explanation=text)


def same_ranges(job: Job) -> Finding:
    """Compare the ranges that model and native code give under one schedule."""
    began = time.perf_counter()
    _, rings = rings_of(job.workload)
    _, made = attempts(job.name, rings, job.seed)
    client_id, batch_seq, message_count = _attempted(rings, made)
    answered = native.replay(job.name, client_id=client_id, batch_seq=batch_seq, message_count=message_count)
    text = ""
    answers = zip(made, answered.outcome, answered.start_position, strict=True)
    for number, (mine, outcome, start) in enumerate(answers, start=1):
        theirs = native.AttemptOutcome(outcome).name.lower()
        if (mine.outcome, mine.start) != (theirs, start):
            text = f"attempt {number}: the model says {mine.outcome} at {mine.start}, native {theirs} at {start}"
            break
    is_ordered = bool(len(made)) and max(made.start) >= 0
    verdict = _unless(text) if text or is_ordered else Verdict.UNKNOWN
    bound = f"1 schedule, {len(made)} attempts" if is_ordered else NOTHING_ORDERED
    seconds = time.perf_counter() - began
    return job.finding("native", SAME_RANGES, verdict, bound, seconds, mode="lockstep", explanation=text)


def _attempted(rings: list[Arrivals], made: Attempts) -> list[IntColumn]:
    """Return clients, seqs and message counts of the batches that were attempted."""
    ring, index = (np.array(column, dtype=np.int64) for column in (made.ring, made.ring_index))
    columns = [np.empty(len(made), dtype=np.int64) for _ in range(3)]
    for number, arrivals in enumerate(rings):
        at = np.flatnonzero(ring == number)
        for column, values in zip(columns, arrivals.columns(), strict=True):
            column[at] = values[index[at]]
    return columns


def by_lockstep(job: Job) -> Iterator[Finding]:
    """Run the stepped build beside the model on the corpus, by drawn schedules: same operations, same states."""
    if job.design is None or job.name not in STEPPED_NAMES:
        return
    began, run_count, operation_count = time.perf_counter(), 0, 0
    corpus = [(job.design, each) for each in corpus_for(job.design) if has_stepped_form(each.scenario)]
    if job.fields is not None:
        corpus += [(job.fields, each) for each in corpus_for(job.fields) if each.with_fields]
    for design, each in corpus:
        for number in range(LOCKSTEP_COUNT):
            example = JointExample(each.scenario, _picks(Random(f"{job.seed} {each.name} {number}")))
            made = run_joint(design, example)
            run_count, operation_count = run_count + 1, operation_count + made.operations
            if made.failure is not None:
                yield _different(job, design.name, each.name, made, f"1 of {run_count} runs", began)
                return
    bound = f"{run_count} runs of {len(corpus)} scenarios, {operation_count} operations"
    verdict = Verdict.NOT_FOUND if operation_count else Verdict.UNKNOWN
    yield job.finding("native", SAME_STEPS, verdict, bound, time.perf_counter() - began, mode="lockstep")


def _different(job: Job, design: str, scenario: str, made: JointRun, bound: str, began: float) -> Finding:
    """Return the finding of a run that the two do differently, or do wrong, made as small as it gets."""
    failure = made.failure
    assert failure is not None
    task = Stepped(design, Native.of(None))
    failed = Failed(failure.property, failure.sentence, (failure.step, task.batch_count(made.example)))
    found = counterexample(task, task.smaller(made.example, failed)[0], f"check: lockstep on {scenario}")
    name = {LOCKSTEP: SAME_STEPS, SPEC: REFINEMENT}.get(found.property, found.property)
    trace = found.trace
    assert trace is not None  # of a joint example there is always one
    run = run_of(trace)
    text = [f"found on scenario {scenario}, and made smaller", *heading(run), *table(run)]
    text.append(f"{name} is violated at step {found.steps}: {found.sentence}")
    path = job.out and job.out / f"{job.name}-{name}-lockstep.itf.json"
    if path is not None:
        path = keep_run(path, trace)
    seconds = time.perf_counter() - began
    return job.finding(
        "native", name, Verdict.VIOLATED, f"{bound}, on {scenario}", seconds,
        mode="lockstep", trace=path or trace, explanation="\n".join(text),
    )  # fmt: skip


def _picks(random: Random) -> Picks:
    """Return where a run deviates from the plainest one: mostly seldom, now and then at every other step."""
    plain_most = random.choice((1, 2, 4, 10))
    return tuple((random.randint(0, plain_most), random.randint(0, 14)) for _ in range(PICK_COUNT))


def _unless(difference: str) -> Verdict:
    return Verdict.VIOLATED if difference else Verdict.NOT_FOUND
