"""Verdicts of the prover: a promise is proved for any size, or searched for a counterexample."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError, Interrupted
from fencepost.model.instance import Instance
from fencepost.model.language import NATURAL, Protocol
from fencepost.model.own import protocol_of, used
from fencepost.model.trace import Trace, replay
from fencepost.proofs.bounded import shortest
from fencepost.proofs.cti import CounterexampleToInduction, counterexample_to_induction
from fencepost.proofs.happening import Happening, happenings
from fencepost.proofs.induction import Induction, induct, statements
from fencepost.proofs.solving import Disagreement, Solving

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
    that failed, in SMT-LIB 2, and `cti` is the counterexample to induction: a state, perhaps never reached, and the
    step from it that breaks the promise. It says which invariant the proof wants. None where the small instance has no
    such step. `happenings`, the same for all promises of the protocol, say whether its actions happen and each
    `sometimes` is reached: where one does not, nothing is proved.
    """

    protocol: str
    property: str
    verdict: Verdict
    bound: str
    seconds: float
    theorem: Theorem | None = None
    trace: Trace | None = None
    query: str = ""
    cti: CounterexampleToInduction | None = None
    happenings: tuple[Happening, ...] = ()


def prove(
    target: type[Protocol] | str | Path,
    *,
    depth: int = DEPTH,
    bounds: Instance | None = None,
    solving: Solving | None = None,
) -> list[Proof]:
    """Return a verdict for each promise of a protocol: a class, the name of one that ships, or FILE.py or FILE.py:Name.

        fencepost.prove("order5.fetch_add")
        fencepost.prove("mine.py:Cuts", bounds=Instance(others={"Shard": 3}))

    Induction first; what it does not prove is searched for in a small instance, up to `depth` steps.
    Runs that are walked at random to see every action happen go deeper: what they break is violated, too.
    What is neither proved nor violated is unknown: a search that finds nothing is no proof, and what
    holds where an action never happens, or a `sometimes` is never reached, may hold for want of events.

    Raises InputError for a target that is no protocol or promises nothing, a LoadError where its file raises, and
    InputError for a size in `bounds` of a sort that it does not have. Raises Interrupted with the verdicts that are
    known.
    """
    protocol = protocol_of(target)
    if not protocol.promises:
        raise InputError(f"{_named(protocol)} promises nothing, so there is nothing to prove: expected a @promise")
    bounds = (bounds or Instance()).of(protocol)
    proofs: list[Proof] = []
    try:
        with used(protocol):
            return _proved(protocol, depth, bounds, solving, proofs)
    except KeyboardInterrupt:
        raise Interrupted([_unless_vacuous(proof) for proof in proofs]) from None


def _proved(
    protocol: type[Protocol], depth: int, bounds: Instance, solving: Solving | None, proofs: list[Proof]
) -> list[Proof]:
    """Return a verdict for each promise; those that are known are in `proofs` meanwhile."""
    induction = induct(protocol, solving=solving)
    settled = [_settle(protocol, name, depth, bounds, induction) for name in protocol.promises]
    watched = {p.property: protocol.promises[p.property] for p in settled if p.verdict is Verdict.UNKNOWN}
    seen, broken = happenings(protocol, induction, depth=depth, bounds=bounds, watched=watched)
    proofs += [replace(_walked(proof, broken), happenings=seen) for proof in settled]
    return [_unless_vacuous(proof) for proof in _explained(protocol, proofs, bounds, induction)]


def _explained(protocol: type[Protocol], proofs: list[Proof], bounds: Instance, induction: Induction) -> list[Proof]:
    if any(proof.verdict is Verdict.VIOLATED for proof in proofs):
        return proofs  # what is wrong is known: no need to ask what induction could not exclude
    return [_with_cti(proof, protocol, bounds, induction) for proof in proofs]


def _named(protocol: type[Protocol]) -> str:
    return protocol.name or protocol.__name__


def _unless_vacuous(proof: Proof) -> Proof:
    """Return the proof, or unknown where what it says of every run may hold because too little happens."""
    missing = [f"{each.name} ({each.bound})" for each in proof.happenings if not each.verdict.passes]
    if proof.verdict is not Verdict.PROVED or not missing:
        return proof
    bound = f"kept by every action, in any size, but not shown: {'; '.join(missing)}"
    return replace(proof, verdict=Verdict.UNKNOWN, bound=bound, theorem=None)


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
        if replay(trace).violated_at is None:
            raise Disagreement(f"{protocol.name}: Z3 breaks {name} by steps that keep to it on values: {found.steps}")
        return Proof(protocol.name, name, Verdict.VIOLATED, f"{len(found.steps)} steps", seconds, trace=trace)
    why = induction.failed[name]
    searched = f"gave up at {found.depth} steps ({found.gave_up})" if found.gave_up else f"none in {depth} steps"
    bound = f"induction: {why.action} may break it ({why.answer}); counterexample: {searched} of {bounds}"
    if NATURAL in induction.failed:
        bound += f"; {induction.failed[NATURAL].action} may write what is none of its sort, such as a number below zero"
    return Proof(protocol.name, name, Verdict.UNKNOWN, bound, seconds, query=why.query)


def _walked(proof: Proof, broken: dict[str, Trace]) -> Proof:
    """Return the proof, or the violation that a walked run shows; such a run is no shortest one."""
    trace = broken.get(proof.property)
    if trace is None:
        return proof
    bound = f"{len(trace.steps)} steps, {trace.found_by}"
    return replace(proof, verdict=Verdict.VIOLATED, bound=bound, trace=trace, query="")


def _with_cti(proof: Proof, protocol: type[Protocol], bounds: Instance, induction: Induction) -> Proof:
    """Add, to what is unknown, its counterexample to induction, from what was assumed when it failed."""
    if proof.verdict is not Verdict.UNKNOWN:
        return proof
    failure = induction.failed[proof.property]
    known = statements(protocol)
    assumed = [each for name, each in known.items() if name in failure.assumed]
    if failure.action not in protocol.actions:
        return proof
    left_out = tuple(name for name in induction.failed if name not in failure.assumed)
    broken = known[proof.property]
    return replace(proof, cti=counterexample_to_induction(protocol, assumed, broken, failure.action, bounds, left_out))
