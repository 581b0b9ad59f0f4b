"""The native code as engines of the detection matrix: in lockstep with the model, and raced by real threads.

A sound sequencer is shown as it is; a bug by the native code that has the same fault (`native_forms.py`), if there is
any. A compiled mutant needs a C++20 compiler; where there is none, it cannot be expressed.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from itertools import count
from random import Random

import numpy as np

from fencepost import native
from fencepost.exploring.native_forms import NATIVE_FORMS, WITHOUT_FORM, BuiltIn, Compiled, Stepped
from fencepost.model.contract import Level
from fencepost.model.errors import InputError
from fencepost.model.explorer.search.exploration import Limits
from fencepost.model.histories import History, Workload, verify
from fencepost.model.histories.drained import left_over
from fencepost.model.histories.outside import Arrived, Forgotten, Given, LookedThrough, Telling, Told, breaches
from fencepost.model.museum.detection import (
    Detection,
    Exhibit,
    Oracle,
    Outcome,
    arriving,
    cannot_express,
    caught,
    missed,
)
from fencepost.model.museum.outside import with_roles
from fencepost.model.programs import Design, Rings, attempts, design
from fencepost.mutations.killing import hunted
from fencepost.mutations.lines.mutation import Mutation
from fencepost.mutations.lines.table import mutation
from fencepost.native.schedules.differential import JointExample, run_joint

NO_FORM = "no native code has this fault: native_forms.py lists what has"
"""Of what is not in the museum."""
_COLUMNS = ("client_id", "batch_seq", "broker_id", "message_count")


def lockstep(exhibit: Exhibit, seconds: float, seed: int) -> Detection:
    """Show an exhibit's native code to what compares it with the model, or explores it."""
    match NATIVE_FORMS.get(exhibit.name):
        case Stepped():
            return _explored(exhibit, seconds)
        case BuiltIn(design_name, mutant):
            return _joint(exhibit, design(design_name), mutant, seconds, seed)
        case Compiled(name):
            return _hunted(mutation(name), ("compare", "attempts"), seconds, seed)
    return (
        _answers(exhibit, seconds, seed)
        if exhibit.is_sound
        else cannot_express(WITHOUT_FORM.get(exhibit.name, NO_FORM))
    )


def raced(exhibit: Exhibit, seconds: float, seed: int) -> Detection:
    """Race an exhibit's native code, and write down what its hosts tell each other."""
    form = NATIVE_FORMS.get(exhibit.name)
    if isinstance(form, Compiled) and mutation(form.mutant).build != "stepped":
        return _hunted(mutation(form.mutant), ("memory", "race"), seconds, seed)
    if form is not None:
        return cannot_express(f"{form}: the stepped build runs one step at a time and is not raced")
    return (
        _races(exhibit, seconds, seed) if exhibit.is_sound else cannot_express(WITHOUT_FORM.get(exhibit.name, NO_FORM))
    )


def _explored(exhibit: Exhibit, seconds: float) -> Detection:
    """Explore the stepped build's design of the bug; what it finds, the model makes again and judges."""
    for scenario in exhibit.scenarios:
        found = native.explore(exhibit.subject(scenario), limits=Limits(seconds=seconds))
        if found.violation is not None and found.lines is not None:
            made = caught("native", found.subject, found.lines, found.schedule, found.violation)
            return replace(made, oracle=Oracle.WATCH)
    return missed(found.bound)


def _joint(exhibit: Exhibit, sound: Design, mutant: native.Mutant, seconds: float, seed: int) -> Detection:
    """Run a sound design with a fault built in beside the model, under drawn schedules."""
    deadline, scenarios = time.perf_counter() + seconds, [with_roles(each) for each in exhibit.scenarios]
    for run in count():
        random = Random(f"{seed} {run}")
        picks = tuple((random.randrange(12), random.randrange(8)) for _ in range(random.randrange(12)))
        made = run_joint(sound, JointExample(scenarios[run % len(scenarios)], picks), mutant=mutant)
        if made.failure is not None:
            return Detection(Outcome.CAUGHT, str(made.failure), made.failure.step)
        if time.perf_counter() > deadline:
            break
    return missed(f"{run + 1} joint examples, seeds from {seed}")


def _hunted(each: Mutation, killers: tuple[str, ...], seconds: float, seed: int) -> Detection:
    """Compile a native mutant and show it to some of its killers."""
    try:
        found = hunted(each, each.build, seed, seconds, killers)
    except InputError as missing:
        return cannot_express(str(missing))
    made = missed(f"{sum(found.runs.values())} tries of {' and '.join(found.runs) or 'no killer'}, seed {seed}")
    if found.kill is not None:
        oracle = Oracle.HISTORY if found.kill.killer == "race" else Oracle.NATIVE
        made = Detection(Outcome.CAUGHT, f"{each.name}: {found.kill.sentence}", found.kill.size, oracle=oracle)
    return replace(made, prepared_seconds=found.build_seconds)


def _answers(exhibit: Exhibit, seconds: float, seed: int) -> Detection:
    """Give the native code the attempts of drawn schedules of the sound model; its answers must be the same."""
    deadline = time.perf_counter() + seconds
    for run in count():
        rings = arriving(exhibit.shown_on[run % len(exhibit.shown_on)])
        _, made = attempts(exhibit.sound.name, rings, _mixed(seed, run))
        batches = [rings[each.ring][each.index] for each in made]
        answered = native.replay(
            exhibit.design.name,
            client_id=[batch.client for batch in batches],
            batch_seq=[batch.seq for batch in batches],
            message_count=[batch.count for batch in batches],
        )
        answers = zip(made, answered.outcome, answered.start_position, strict=True)
        for number, (mine, outcome, start) in enumerate(answers, start=1):
            theirs = native.AttemptOutcome(outcome).name.lower()
            if (mine.outcome, mine.start) != (theirs, start):
                text = f"attempt {number}: the model says {mine.outcome} at {mine.start}, native {theirs} at {start}"
                return Detection(Outcome.CAUGHT, text, number)
        if time.perf_counter() > deadline:
            break
    return missed(f"{run + 1} schedules, seeds from {seed}")


def _races(exhibit: Exhibit, seconds: float, seed: int) -> Detection:
    """Race real threads over the scenarios; what they ordered, and what they tell, must keep the contract."""
    deadline = time.perf_counter() + seconds
    for run in count():
        workload = _workload(arriving(exhibit.shown_on[run % len(exhibit.shown_on)]), _mixed(seed, run))
        result = native.race(
            exhibit.design.name, seed=_mixed(seed, run), **{name: getattr(workload, name) for name in _COLUMNS}
        )
        history = _history(workload, result)
        found = [left_over(workload, history, exhibit.level)]
        if len(history):
            findings = verify(history, exhibit.level).findings
            found += [f"{each.property}: {each.witness.sentence}" for each in findings if each.witness is not None]
        if text := next(filter(None, found), ""):
            return Detection(Outcome.CAUGHT, text, len(workload))
        for breach in breaches(told_by_race(workload, result, exhibit.level)):
            text = f"{breach.promise}: {breach.sentence}"
            return Detection(Outcome.CAUGHT, text, len(workload), oracle=Oracle.OUTSIDE)
        if time.perf_counter() > deadline:
            break
    return missed(f"{run + 1} races, seeds from {seed}")


def told_by_race(workload: Workload, result: native.RaceResult, level: Level) -> Told:
    """Return what a race that ran to its end told the outside.

    When readers were given a batch is not written down: all is taken to be given at the end, so that nothing can be
    said of how full a ring was. Nor is how far a client was told to forget, but that it saw a batch acknowledged: what
    it saw last is the furthest that it saw.
    """
    told: list[tuple[int, Telling]] = []
    acked: list[tuple[int, int, int, int]] = []  # when, ring, client, below which number
    given: list[Telling] = []
    counts: Counter[tuple[int, int]] = Counter()
    for row, batch in enumerate(workload):
        ring, client = batch.broker_id, batch.client_id
        counts[ring, client] += 1
        if result.sent_ns[row] >= 0:
            told.append((int(result.sent_ns[row]), Arrived(ring, client, batch.batch_seq, batch.message_count)))
        if result.acked_ns[row] >= 0:
            below = batch.batch_seq + 1 if level == 4 else counts[ring, client]
            acked.append((int(result.acked_ns[row]), ring, client, below))
        if result.delivered_position[row] >= 0:
            given.append(Given(ring, client, batch.batch_seq, int(result.delivered_position[row])))
    given += [Given(-1, -1, -1, -1)] * result.content_fault_count
    furthest: dict[tuple[int, int], int] = {}
    for at, ring, client, below in sorted(acked):
        furthest[ring, client] = max(below, furthest.get((ring, client), 0))
        told.append((at, Forgotten(ring, client, furthest[ring, client], counts_seqs=level == 4)))
    timed = sorted(told, key=lambda each: (each[0], isinstance(each[1], Forgotten)))
    return Told(level, len(workload), (*(each for _, each in timed), *given, LookedThrough()), ended=True)


def _mixed(seed: int, run: int) -> int:
    return Random(f"{seed} {run}").getrandbits(62)


def _workload(rings: Rings, seed: int) -> Workload:
    """Return the batches of some rings as a workload, the rings mixed by chance."""
    random, left = Random(seed), [list(batches) for batches in rings]
    rows = []
    while any(left):
        ring = random.choice([ring for ring, batches in enumerate(left) if batches])
        batch = left[ring].pop(0)
        rows.append((batch.client, batch.seq, ring, batch.count, 0, 0))
    return Workload.from_rows(rows)


def _history(workload: Workload, result: native.RaceResult) -> History:
    """Return what a race ordered."""
    rows = np.flatnonzero(result.outcome == native.ArrivalOutcome.ORDERED)
    columns = {name: getattr(workload, name) for name in (*_COLUMNS, "ring_index")}
    columns |= {name: getattr(result, name) for name in ("start_position", "sent_ns", "acked_ns")}
    return History.from_columns({name: column[rows] for name, column in columns.items()})
