"""Protocols proved for any size: those of a level, of a file of one's own, or one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from fencepost.arguments import check_arguments, path_of
from fencepost.model.contract import LEVELS, Level, Verdict
from fencepost.model.errors import InputError, Interrupted
from fencepost.model.instance import Instance
from fencepost.model.itf import keep_in_file
from fencepost.model.language import Protocol
from fencepost.model.own import protocol_of
from fencepost.model.report import Finding, Progress, Report, of_property
from fencepost.model.specs import sound_at
from fencepost.model.trace import describe
from fencepost.model.writing import kept, store
from fencepost.proofs import Proof, Solving
from fencepost.proofs import prove as proofs_of
from fencepost.proofs.solving import RESOURCE_LIMIT, UNITS_PER_SECOND
from fencepost.proofs.verdicts import DEPTH
from fencepost.targets import refuse_cpp, several

Target: TypeAlias = type[Protocol] | str | Path
ENGINE = "z3"


@dataclass(frozen=True, repr=False)
class ProveReport(Report):
    """What `prove` found: `proofs` has the theorem, trace, or counterexample to induction of each promise."""

    proofs: tuple[Proof, ...] = ()

    def lines(self) -> Iterator[str]:
        """Yield a line for each obligation, with what was found below it."""
        proofs = {(each.protocol, each.property): each for each in self.proofs}
        for each in self.findings:
            proof = proofs.get((each.target, each.property))
            took = f" {each.seconds:.3f} s" if proof else ""
            yield f"{each.target}: {each.property} ... {each.verdict} ({each.bound}){took}"
            if proof is not None:
                yield from _below(proof, each)

    def decisive(self) -> str | None:
        """Return what is violated, else what is unknown."""
        unknown = (each.property for each in self.findings if each.verdict is Verdict.UNKNOWN)
        return super().decisive() or next(unknown, None)

    def summed(self) -> dict[str, object]:
        """Return the file of the query, where what decides is unknown."""
        query = next((each.details["query"] for each in self.findings if each.details.get("query")), None)
        return {} if self.violations() or query is None else {"query": query}


def prove(
    target: Target | Iterable[Target] | None = None,
    *,
    level: Level | None = None,
    property: str | None = None,
    timeout: float | None = None,
    depth: int = DEPTH,
    bounds: Instance | None = None,
    solving: Solving | None = None,
    out: str | Path | None = None,
    on_progress: Progress | None = None,
) -> ProveReport:
    """Prove the promises of a protocol, or of several: each a class, the name of one that ships, or FILE.py[:Name].

    >>> report = fencepost.prove("order5.fetch_add")
    >>> str(report.verdict), report.findings[0].bound
    ('proved', 'any size')

    target    None: all sound ones, of `level` where that is given
    timeout   about so many seconds for each obligation, as a limit of work; None: that of `solving`
    depth     steps of a counterexample, and of what never happens
    bounds    the small instance in which a counterexample is searched for, such as Instance(others={"Shard": 3})
    out       the folder for traces and queries; None: findings hold the traces themselves

    What is neither proved nor violated is unknown, and so is what holds where an action never happens. Raises
    InputError for a target that is no protocol, a level that is another and a property that it does not promise;
    LoadError where a file raises; Interrupted with the report so far.
    """
    check_arguments(may_be_none=("timeout",), timeout=timeout, depth=depth)
    out = path_of("out", out)
    every = [each for one in (LEVELS if level is None else (level,)) for each in sound_at(one)]
    targets = [] if target is None else several(target)
    for one in targets:
        refuse_cpp(one)
    protocols = every if target is None else [protocol_of(each) for each in targets]
    for each in protocols:
        its_level = getattr(each, "level", None)  # a protocol of one's own may have none
        if level not in (None, its_level):
            what = f"a level-{its_level} sequencer" if its_level else "a protocol of no level"
            raise InputError(f"{each.name or each.__name__} is {what}: level {level} was asked for")
    solved = solving or Solving(resource_limit=RESOURCE_LIMIT if timeout is None else int(timeout * UNITS_PER_SECOND))
    proofs: list[Proof] = []
    try:
        for number, each in enumerate(protocols, start=1):
            if on_progress is not None:
                on_progress(f"{number} of {len(protocols)}: {each.name or each.__name__}")
            proofs += proofs_of(each, depth=depth, bounds=bounds, solving=solved)
    except KeyboardInterrupt as interrupt:
        last = interrupt.found if isinstance(interrupt, Interrupted) else []
        raise Interrupted(_report([*proofs, *last], property, out, is_interrupted=True)) from None
    return _report(proofs, property, out)


def _report(
    proofs: list[Proof], property: str | None, out: Path | None, *, is_interrupted: bool = False
) -> ProveReport:
    found = of_property(_findings(proofs, out, property), property)
    kept = tuple(each for each in proofs if property in (None, each.property))
    return ProveReport("prove", found, None, is_interrupted, kept)


def _findings(proofs: list[Proof], out: Path | None, property: str | None) -> Iterator[Finding]:
    """Yield what was found of each promise of a protocol, then of what happens in it."""
    for number, proof in enumerate(proofs):
        is_asked = property in (None, proof.property)
        written = _written(proof, out) if out is not None and is_asked else None
        yield Finding(
            proof.protocol,
            proof.property,
            ENGINE,
            proof.verdict,
            proof.bound,
            proof.seconds,
            written if proof.trace is not None and written else proof.trace,
            describe(proof.trace) if proof.trace is not None else str(proof.cti or ""),
            {"query": written if proof.query else None},
        )
        if number + 1 == len(proofs) or proofs[number + 1].protocol != proof.protocol:
            for each in proof.happenings:
                yield Finding(proof.protocol, each.name, ENGINE, each.verdict, each.bound, details={"query": None})


def _written(proof: Proof, out: Path) -> Path | None:
    """Write the trace of what is violated, or the query of what is unknown; return its path."""
    if proof.trace is not None:
        path = out / f"{proof.protocol}-{proof.property}.itf.json"
        return keep_in_file(path, proof.trace)
    if proof.query:
        path = out / f"{proof.protocol}-{proof.property}.smt2"
        return kept(path, partial(store, data=proof.query))
    return None


def _below(proof: Proof, finding: Finding) -> Iterator[str]:
    """Yield what is said below the line of an obligation: its counterexample, of whichever kind."""
    if proof.cti is not None:
        yield "  counterexample to induction; no invariant excludes this state, which is perhaps never reached:"
        yield from str(proof.cti).splitlines()
    if finding.details["query"]:
        yield f"  query {finding.details['query']}"
    if proof.trace is not None:
        yield from (f"    {step}" for step in finding.explanation.splitlines())
        if isinstance(finding.trace, Path):
            yield f"    trace {finding.trace}, replay it with: fencepost replay {finding.trace}"
