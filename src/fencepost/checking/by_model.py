"""The spec by Z3, for any size; then the programs under SimPy's clock on the workload, held against the spec."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from fencepost import proofs
from fencepost.checking.job import REFINEMENT, Job
from fencepost.model.contract import Verdict
from fencepost.model.errors import NotAccepted
from fencepost.model.histories import History
from fencepost.model.itf import keep_in_file
from fencepost.model.programs import follow
from fencepost.model.report import Finding
from fencepost.model.simulation import history_of, simulate
from fencepost.model.trace import Trace, describe

COHERENT = "coherent memory"
"""On what the simulation of `check` runs: staleness shows in the explorer only, and the bound says so."""


@dataclass
class Proved:
    """The findings of Z3, and the runs of the spec that break a promise."""

    findings: list[Finding] = field(default_factory=list)
    violating: list[Trace] = field(default_factory=list)


def by_z3(job: Job) -> Proved:
    """Prove each promise for any size, or find the shortest run that breaks it."""
    came = Proved()
    for proof in proofs.prove(job.protocol):
        trace, text = proof.trace, ""
        if trace is not None:
            text = describe(trace)
            came.violating.append(trace)
        path = job.out and trace and job.out / f"{proof.protocol}-{proof.property}.itf.json"
        if path and trace is not None:
            path = keep_in_file(path, trace)
        came.findings.append(
            job.finding(
                "z3", proof.property, proof.verdict, proof.bound, proof.seconds, trace=path or trace, explanation=text
            )
        )
    return came


@dataclass
class Simulated:
    """The findings of the simulation, what it ordered, and how often each action happened."""

    findings: list[Finding] = field(default_factory=list)
    history: History | None = None
    happened: dict[str, int] = field(default_factory=dict)


def by_simulation(job: Job, violating: list[Trace]) -> Simulated:
    """Simulate the workload, then drive the programs along each counterexample of the spec.

    A protocol without programs is left out.
    """
    if job.design is None:
        return Simulated()
    began = time.perf_counter()
    try:
        run = simulate(job.name, job.workload, seed=job.seed)
    except NotAccepted as refusal:
        seconds = time.perf_counter() - began
        refused = job.finding("simulation", REFINEMENT, Verdict.VIOLATED, "1 run", seconds, explanation=str(refusal))
        return Simulated([refused])
    seconds = time.perf_counter() - began
    bound = f"1 run, {run.step_count} steps, {COHERENT}"
    findings = [job.finding("simulation", REFINEMENT, Verdict.NOT_FOUND, bound, seconds)]
    replayed = {each.property: each for each in _replayed(job, violating)}
    findings += [replayed.pop(each.property, each) for each in job.on_history("simulation", run.history, seconds)]
    return Simulated([*findings, *replayed.values()], run.history, dict(run.counts))


def _replayed(job: Job, violating: list[Trace]) -> Iterator[Finding]:
    """Make the programs perform each counterexample of the spec; their own history must show the violation."""
    for trace in violating:
        began = time.perf_counter()
        machine, rings = follow(trace.protocol.name, trace.steps)
        history = history_of(machine, list(range(len(rings))), rings)
        for found in job.on_history("simulation", history, time.perf_counter() - began):
            if found.property == trace.property and found.verdict is Verdict.VIOLATED:
                bound = f"replay of {len(trace.steps)} steps"
                yield job.finding(
                    "simulation", found.property, found.verdict, bound, found.seconds, explanation=found.explanation
                )
