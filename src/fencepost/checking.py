"""The main job: one sequencer, or all sound ones, through every layer on one workload.

spec     Z3: the promises of the protocol, for any size
program  SimPy: the programs on the workload, held against the spec at every step; then their history
runs     the explorer: every run of the whole pipeline on a few batches, on memory that is not coherent
native   threads: the C++ sequencer on the same workload; then its history
both     model against native: the same batches ordered, and the same ranges under one given schedule
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from fencepost import native, proofs
from fencepost.model.contract import Level, Verdict, promised, worst
from fencepost.model.errors import InputError, NotAccepted
from fencepost.model.explorer.columns import describe_run
from fencepost.model.explorer.exploration import explore
from fencepost.model.explorer.run_itf import write_run
from fencepost.model.explorer.subjects import arrivals
from fencepost.model.explorer.subjects import sequencer as subject_of
from fencepost.model.histories import History, Workload, verify
from fencepost.model.histories.checks import CHECKS
from fencepost.model.histories.drained import left_over, never_ordered
from fencepost.model.itf import write_trace
from fencepost.model.memory import PROFILE
from fencepost.model.programs import DESIGNS, Scenario, attempts, design, follow
from fencepost.model.recordings import recorded_workload
from fencepost.model.simulation import history_of, rings_of, simulate
from fencepost.model.specs import protocol, sound_at
from fencepost.model.trace import Trace, replay
from fencepost.native.arguments import RING_COUNT_MAX

Layer = Literal["spec", "program", "runs", "native", "both"]
LAYERS: tuple[Layer, ...] = ("spec", "program", "runs", "native", "both")
NOT_OF_RUNS = ("contiguous", "agreement", "frontier", "wait-free")
"""What the explorer's watch has no words for: it sees batches, not messages, and counts no steps."""
NOTHING_ORDERED = "nothing was ordered"
REFINEMENT, SAME_BATCHES, SAME_RANGES = "refinement", "same-batches", "same-ranges"


@dataclass(frozen=True)
class Result:
    """One property of one sequencer in one layer; the verdict holds within `bound`.

    `note` says, of a workload that cannot be ordered whole, what is left and what that waits for.
    """

    level: Level
    sequencer: str
    property: str
    layer: Layer
    verdict: Verdict
    bound: str
    seconds: float
    trace: Path | None = None
    counterexample: str = ""
    note: str = ""


@dataclass(frozen=True)
class Report:
    """All results of one check, and what was seen to happen on the way (so that nothing holds for want of events)."""

    seed: int
    results: tuple[Result, ...]
    witnessed: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The verdict that decides for all of them."""
        return worst([each.verdict for each in self.results])

    def violations(self) -> list[Result]:
        """Return the results that are violated, the ones with a trace first."""
        return sorted((r for r in self.results if r.verdict is Verdict.VIOLATED), key=lambda r: r.trace is None)


def check(
    workload: Workload | None = None,
    *,
    levels: Iterable[Level] = (4, 5),
    sequencer: str | None = None,
    seed: int = 0,
    out: Path = Path("fencepost-out"),
    progress: Callable[[str], None] = lambda message: None,
) -> Report:
    """Check the sound sequencers of `levels`, or the one called `sequencer`, on a workload.

    Sequencers that are a spec only, without programs, are checked when they are named. Without a
    workload each level runs on its recorded one. Trace files of counterexamples go to the
    folder `out`, which is made when there is one. `progress` is told what is being done.

    Raises InputError for an unknown sequencer, one that does not belong to the levels asked for, and a workload of
    more brokers than can be raced.
    """
    names = _asked(tuple(levels), sequencer)
    if workload is not None:
        refuse_unfit(workload, "the workload")
    results: list[Result] = []
    witnessed = {}
    for name in names:
        job = _Job(name, workload or recorded_workload(protocol(name).level), seed, out)
        for layer in (job.spec, job.program, job.runs, job.native, job.both):
            progress(f"{name}: {layer.__name__}")
            results.extend(layer())
        witnessed[name] = job.witnessed
    return Report(seed, tuple(results), witnessed)


def refuse_unfit(workload: Workload, where: str) -> None:
    """Raise InputError, before anything runs, for a workload that native races have no room for; `where` names it."""
    brokers, most = len(np.unique(workload.broker_id)), RING_COUNT_MAX
    if brokers > most:
        raise InputError(
            f"{where} has {brokers} brokers: expected at most {most}, each with a ring and threads of its own"
        )


def _asked(levels: tuple[Level, ...], sequencer: str | None) -> list[str]:
    if sequencer is None:
        return [each.name for level in levels for each in sound_at(level) if each.name in DESIGNS]
    level = protocol(sequencer).level
    if level not in levels:
        asked = ", ".join(map(str, levels))
        raise InputError(f"{sequencer} is a level-{level} sequencer: level {asked} was asked for")
    return [sequencer]


class _Job:
    """One sequencer on one workload, layer by layer; later layers compare with earlier ones."""

    def __init__(self, name: str, workload: Workload, seed: int, out: Path) -> None:
        self._protocol = protocol(name)
        self._workload = workload
        self._never_ordered = never_ordered(workload, self._protocol.level)
        self._seed = seed
        self._out = out
        self._histories: dict[Layer, History] = {}
        self._violating: list[Trace] = []
        self.witnessed: dict[str, int] = {}

    def _result(
        self, layer: Layer, name: str, verdict: Verdict, bound: str, seconds: float, *,
        trace: Path | None = None, counterexample: str = "", note: str = "",
    ) -> Result:  # fmt: skip
        level, sequencer = self._protocol.level, self._protocol.name
        return Result(level, sequencer, name, layer, verdict, bound, seconds, trace, counterexample, note)

    def spec(self) -> Iterator[Result]:
        """Prove each promise for any size, or find the shortest run that breaks it and write it down."""
        for proof in proofs.prove(self._protocol):
            path, text = None, ""
            if proof.trace is not None:
                path = self._out / f"{proof.protocol}-{proof.property}.itf.json"
                write_trace(path, proof.trace)
                text = describe(proof.trace)
                self._violating.append(proof.trace)
            yield self._result(
                "spec", proof.property, proof.verdict, proof.bound, proof.seconds, trace=path, counterexample=text
            )

    def program(self) -> Iterator[Result]:
        """Simulate the workload, then drive the programs along each counterexample that the spec has.

        A protocol without programs is left out.
        """
        if self._protocol.name not in DESIGNS:
            return
        began = time.perf_counter()
        try:
            run = simulate(self._protocol.name, self._workload, seed=self._seed)
        except NotAccepted as refusal:
            seconds = time.perf_counter() - began
            yield self._result("program", REFINEMENT, Verdict.VIOLATED, "1 run", seconds, counterexample=str(refusal))
            return
        seconds = time.perf_counter() - began
        self.witnessed |= run.counts
        self._histories["program"] = run.history
        bound = f"1 run, {len(run.steps)} steps"
        yield self._result("program", REFINEMENT, Verdict.NOT_FOUND, bound, seconds)
        replayed = {each.property: each for each in self._replay()}
        for result in self._verified("program", run.history, seconds):
            yield replayed.pop(result.property, result)
        yield from replayed.values()
        yield self._drained("program", run.history, seconds)

    def runs(self) -> Iterator[Result]:
        """Visit every run of two clients, two rings of one slot and three batches, with all the pipeline's threads.

        Workers that read every ring have many more runs: of them, those of two batches; where there are several
        workers, of two that are there at the start.
        """
        if self._protocol.name not in DESIGNS:
            return
        chosen = design(self._protocol.name)
        count = 2 if chosen.reads_every_ring else 3
        rings = arrivals(2, 2, count)
        written = chosen.reads_every_ring and chosen.scanner_count(len(rings)) > 1
        scenario = Scenario(rings=rings, slots=1, written=written, subscribers=True, acknowledgers=True)
        found = explore(subject_of(chosen, scenario, PROFILE))
        bound = f"all {found.counts.complete} runs of {count} batches"
        if found.violation is not None:
            path = self._out / f"{self._protocol.name}-{found.violation.property}-run.itf.json"
            write_run(found, path)
            yield self._result(
                "runs", found.violation.property, found.verdict, f"1 of {found.counts.complete} runs", found.seconds,
                trace=path, counterexample=describe_run(found),
            )  # fmt: skip
            return
        for name in (*promised(self._protocol.level), REFINEMENT):
            if name not in NOT_OF_RUNS:
                yield self._result("runs", name, found.verdict, bound, found.seconds)

    def _replay(self) -> Iterator[Result]:
        """Make the programs perform each counterexample of the spec; their own history must show the violation."""
        for trace in self._violating:
            began = time.perf_counter()
            machine, rings = follow(trace.protocol.name, trace.steps)
            history = history_of(machine, list(range(len(rings))), rings)
            for result in self._verified("program", history, 0.0):
                if result.property == trace.property and result.verdict is Verdict.VIOLATED:
                    yield self._result(
                        "program", trace.property, Verdict.VIOLATED, f"replay of {len(trace.steps)} steps",
                        time.perf_counter() - began, counterexample=result.counterexample,
                    )  # fmt: skip

    def _drained(self, layer: Layer, history: History, seconds: float) -> Result:
        """Say whether all that could be ordered was; export and acks are no part of these layers yet.

        The promise is of batches whose predecessors arrived: where nothing can be ordered it asks for nothing.
        """
        text, never = left_over(self._workload, history, self._protocol.level), self._never_ordered
        verdict = _unless(text) if text or len(history) else Verdict.UNKNOWN
        bound = f"1 run, {len(self._workload)} arrivals; ordering only" if len(history) else NOTHING_ORDERED
        return self._result(layer, "drained", verdict, bound, seconds, counterexample=text, note=never)

    def _verified(self, layer: Layer, history: History, seconds: float) -> Iterator[Result]:
        if not len(history):
            for name in promised(self._protocol.level):
                if name in CHECKS:
                    yield self._result(layer, name, Verdict.UNKNOWN, NOTHING_ORDERED, seconds)
            return
        began = time.perf_counter()
        findings = verify(history, self._protocol.level).findings
        seconds += time.perf_counter() - began
        for finding in findings:
            text = "" if finding.witness is None else finding.witness.sentence
            yield self._result(layer, finding.property, finding.verdict, finding.bound, seconds, counterexample=text)

    def native(self) -> Iterator[Result]:
        """Race real threads over the workload; a protocol without native code is left out."""
        if self._protocol.name not in native.SEQUENCERS:
            return
        w = self._workload
        raced = native.race(
            self._protocol.name,
            client_id=w.client_id,
            batch_seq=w.batch_seq,
            broker_id=w.broker_id,
            message_count=w.message_count,
            seed=self._seed,
        )
        self.witnessed |= {
            "native parked and released": raced.released_count,
            "native still parked": int(np.count_nonzero(raced.outcome == native.ArrivalOutcome.PARKED)),
            "native claims lost": raced.claim_lost_count,
        }
        self._histories["native"] = _history(w, raced)
        yield from self._verified("native", self._histories["native"], raced.seconds)
        yield self._drained("native", self._histories["native"], raced.seconds)

    def both(self) -> Iterator[Result]:
        """Compare the batches that both ordered, then the ranges that both give under one schedule."""
        if len(self._histories) < 2:
            return
        model, raced = (Counter(_batches(self._histories[layer])) for layer in ("program", "native"))
        only = next(iter((model - raced) + (raced - model)), None)
        text = "" if only is None else f"client {only[0]} batch {only[1]} is ordered by one of them only"
        verdict = _unless(text) if text or model else Verdict.UNKNOWN
        bound = f"1 run, {model.total()} batches" if model else NOTHING_ORDERED
        yield self._result("both", SAME_BATCHES, verdict, bound, 0.0, counterexample=text)
        yield self._same_ranges()

    def _same_ranges(self) -> Result:
        began = time.perf_counter()
        _, rings = rings_of(self._workload)
        _, made = attempts(self._protocol.name, rings, self._seed)
        batches = [rings[each.ring][each.index] for each in made]
        answered = native.replay(
            self._protocol.name,
            client_id=[batch.client for batch in batches],
            batch_seq=[batch.seq for batch in batches],
            message_count=[batch.count for batch in batches],
        )
        text = ""
        answers = zip(made, answered.outcome, answered.start_position, strict=True)
        for number, (mine, outcome, start) in enumerate(answers, start=1):
            theirs = native.AttemptOutcome(outcome).name.lower()
            if (mine.outcome, mine.start) != (theirs, start):
                text = f"attempt {number}: the model says {mine.outcome} at {mine.start}, native {theirs} at {start}"
                break
        is_ordered = any(each.start >= 0 for each in made)
        verdict = _unless(text) if text or is_ordered else Verdict.UNKNOWN
        bound = f"1 schedule, {len(made)} attempts" if is_ordered else NOTHING_ORDERED
        return self._result("both", SAME_RANGES, verdict, bound, time.perf_counter() - began, counterexample=text)


def _unless(difference: str) -> Verdict:
    return Verdict.VIOLATED if difference else Verdict.NOT_FOUND


def _batches(history: History) -> list[tuple[int, int]]:
    return list(zip(history.client_id.tolist(), history.batch_seq.tolist(), strict=True))


def _history(workload: Workload, raced: native.RaceResult) -> History:
    """Return the batches that a race delivered, as subscribers saw them, in position order."""
    rows = np.flatnonzero(raced.delivered_position >= 0)
    rows = rows[np.argsort(raced.delivered_position[rows], kind="stable")]
    columns = {name: getattr(workload, name) for name in ("client_id", "batch_seq", "broker_id", "ring_index")}
    columns |= {"message_count": workload.message_count, "start_position": raced.delivered_position}
    columns |= {"sent_ns": raced.sent_ns, "acked_ns": raced.acked_ns}
    return History.from_columns({name: column[rows] for name, column in columns.items()})


def describe(trace: Trace) -> str:
    """Return a counterexample as numbered steps and the sentence that says what they contradict."""
    width = len(str(len(trace.steps)))
    steps = [f"{number:>{width}}  {step}" for number, step in enumerate(trace.steps, start=1)]
    return "\n".join([*steps, replay(trace).explanation])
