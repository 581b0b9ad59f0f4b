"""Verdicts of the prover: a promise is proved for any size, or searched for a counterexample."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from fencepost.model.contract import Verdict
from fencepost.model.errors import Interrupted
from fencepost.model.instance import Instance
from fencepost.model.language import Protocol
from fencepost.model.trace import Trace
from fencepost.proofs.bounded import shortest
from fencepost.proofs.induction import Induction, induct, statements
from fencepost.proofs.solving import Solving
from fencepost.proofs.step import BadStep, bad_step

DEPTH = 6  # steps; every refuted protocol breaks its promise within them

_MADE_HERE = object()


class Theorem:
    """A promise that holds in every reachable state of a protocol, of any size. Only `prove` makes one.

    `uses` names the statements that were proved together with it and on which it rests.
    """

    def __init__(self, protocol: str, property: str, uses: frozenset[str], *, made_by: object = None) -> None:
        if made_by is not _MADE_HERE:
            raise TypeError("a Theorem is made by fencepost.proofs.prove, from a proof")
        self.protocol, self.property, self.uses = protocol, property, uses

    def __repr__(self) -> str:
        return f"<Theorem {self.protocol}: {self.property}, with {len(self.uses)} statements>"


@dataclass(frozen=True)
class Proof:
    """What is known of one property of one protocol; `bound` is part of the verdict.

    `theorem` is there when it is proved, `trace` when it is violated. Otherwise `query` is the obligation
    that failed, in SMT-LIB 2, and `bad_step` shows what induction could not exclude, where the small
    instance has such a step.
    """

    protocol: str
    property: str
    verdict: Verdict
    bound: str
    seconds: float
    theorem: Theorem | None = None
    trace: Trace | None = None
    query: str = ""
    bad_step: BadStep | None = None


def prove(
    protocol: type[Protocol],
    *,
    depth: int = DEPTH,
    bounds: Instance | None = None,
    solving: Solving | None = None,
) -> list[Proof]:
    """Return a verdict for each promise of a protocol.

    Induction first; what it does not prove is searched for in a small instance, up to `depth` steps.
    What is neither proved nor violated is unknown: a search that finds nothing is no proof. Raises Interrupted with the
    verdicts that are known.
    """
    proofs: list[Proof] = []
    try:
        induction = induct(protocol, solving=solving)
        for name in protocol.promises:
            proofs.append(_settle(protocol, name, depth, bounds or Instance(), induction))
        return _explained(protocol, proofs, bounds or Instance(), induction)
    except KeyboardInterrupt:
        raise Interrupted(proofs) from None


def _explained(protocol: type[Protocol], proofs: list[Proof], bounds: Instance, induction: Induction) -> list[Proof]:
    if any(proof.verdict is Verdict.VIOLATED for proof in proofs):
        return proofs  # what is wrong is known: no need to ask what induction could not exclude
    return [_with_bad_step(proof, protocol, bounds, induction) for proof in proofs]


def _settle(protocol: type[Protocol], name: str, depth: int, bounds: Instance, induction: Induction) -> Proof:
    if name not in induction.proved:
        return _search(protocol, name, depth, bounds, induction)
    theorem = Theorem(protocol.name, name, frozenset(induction.proved), made_by=_MADE_HERE)
    return Proof(protocol.name, name, Verdict.PROVED, "any size", induction.seconds[name], theorem=theorem)


def _search(protocol: type[Protocol], name: str, depth: int, bounds: Instance, induction: Induction) -> Proof:
    began = time.perf_counter()
    found = shortest(protocol, protocol.promises[name], depth=depth, bounds=bounds)
    seconds = induction.seconds[name] + time.perf_counter() - began
    if found.steps is not None:
        trace = Trace(protocol, name, found.steps, bounds, "z3")
        return Proof(protocol.name, name, Verdict.VIOLATED, f"{len(found.steps)} steps", seconds, trace=trace)
    why = induction.failed[name]
    searched = f"gave up at {found.depth} steps ({found.gave_up})" if found.gave_up else f"none in {depth} steps"
    bound = f"induction: {why.action} may break it ({why.answer}); counterexample: {searched} of {bounds}"
    return Proof(protocol.name, name, Verdict.UNKNOWN, bound, seconds, query=why.query)


def _with_bad_step(proof: Proof, protocol: type[Protocol], bounds: Instance, induction: Induction) -> Proof:
    """Add, to what is unknown, a small step that induction cannot exclude, from what was assumed when it failed."""
    if proof.verdict is not Verdict.UNKNOWN:
        return proof
    failure = induction.failed[proof.property]
    known = statements(protocol)
    assumed = [each for name, each in known.items() if name in failure.assumed]
    if failure.action not in protocol.actions:
        return proof
    return replace(proof, bad_step=bad_step(protocol, assumed, known[proof.property], failure.action, bounds))
