"""Verdicts of the prover: a promise is proved for any size, or searched for a counterexample."""

from __future__ import annotations

import time
from dataclasses import dataclass

from fencepost.model.contract import Verdict
from fencepost.model.instance import Instance
from fencepost.model.language import Protocol
from fencepost.model.trace import Trace
from fencepost.proofs.bounded import BoundedSearch
from fencepost.proofs.induction import Induction, induct

DEPTH = 8  # steps; every refuted protocol breaks its promise within them


@dataclass(frozen=True)
class Proof:
    """What is known of one property of one protocol; `bound` is part of the verdict."""

    protocol: str
    property: str
    verdict: Verdict
    bound: str
    seconds: float
    trace: Trace | None = None


def prove(protocol: type[Protocol], *, depth: int = DEPTH, bounds: Instance | None = None) -> list[Proof]:
    """Return a verdict for each promise of a protocol.

    Induction first; what it does not prove is searched for in a small instance, up to `depth` steps.
    """
    induction = induct(protocol)
    search = None
    proofs = []
    for name in protocol.promises:
        if name in induction.proved:
            proofs.append(Proof(protocol.name, name, Verdict.PROVED, "any size", induction.seconds[name]))
            continue
        search = search or BoundedSearch(protocol, bounds or Instance())
        proofs.append(_search(search, protocol, name, depth, induction))
    return proofs


def _search(search: BoundedSearch, protocol: type[Protocol], name: str, depth: int, induction: Induction) -> Proof:
    began = time.perf_counter()
    found = search.shortest(protocol.promises[name], depth)
    seconds = induction.seconds[name] + time.perf_counter() - began
    if found.steps is not None:
        trace = Trace(protocol, name, found.steps, search.bounds, "z3")
        return Proof(protocol.name, name, Verdict.VIOLATED, f"{len(found.steps)} steps", seconds, trace)
    why = induction.failed[name]
    if found.gave_up:
        bound = f"not kept by {why.action} in induction; search stopped at {found.depth} steps: {found.gave_up}"
        return Proof(protocol.name, name, Verdict.UNKNOWN, bound, seconds)
    return Proof(protocol.name, name, Verdict.EXHAUSTED, f"{depth} steps of {search.bounds}", seconds)
