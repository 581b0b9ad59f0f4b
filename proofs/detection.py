"""Z3 as an engine of the detection matrix: the promises of a spec, searched for a shortest run or proved."""

from __future__ import annotations

from itertools import product

from fencepost.model.contract import Verdict
from fencepost.model.instance import Instance
from fencepost.model.museum.detection import Detection, Exhibit, Outcome, arriving, cannot_express, missed
from fencepost.model.programs.pipeline import Scenario
from fencepost.model.trace import Trace
from fencepost.proofs.bounded import shortest
from fencepost.proofs.verdicts import DEPTH, prove


def searched(exhibit: Exhibit, seconds: float, seed: int) -> Detection:
    """Search the refuted spec for a shortest run that breaks the promise; of a sound one, prove every promise.

    The search is bounded by depth and by Z3's own count of work, so that its answer is the same on every machine;
    `seconds` and `seed` have no say in it.
    """
    if exhibit.spec is None:
        return cannot_express("a spec has neither memory nor programs, and none was written with this fault")
    if exhibit.asked is None:
        proofs = prove(exhibit.spec)
        wrong = next((each for each in proofs if each.trace is not None), None)
        if wrong is not None and wrong.trace is not None:
            return Detection(Outcome.CAUGHT, f"{wrong.property}: {wrong.bound}", len(wrong.trace.steps))
        proved = sum(each.verdict is Verdict.PROVED for each in proofs)
        return missed(f"{proved} of {len(proofs)} promises of {exhibit.spec.name} are proved for any size")
    searched_in = []
    for name, scenario in product(sorted(exhibit.asked), exhibit.scenarios):
        bounds = instance_of(scenario)
        found = shortest(exhibit.spec, exhibit.spec.promises[name], depth=DEPTH, bounds=bounds)
        if found.steps is not None:
            trace = Trace(exhibit.spec, name, found.steps, bounds, "z3")
            return Detection(Outcome.CAUGHT, f"{name}: {exhibit.spec.name}", len(found.steps), steps=trace)
        gave_up = f" ({found.gave_up})" if found.gave_up else ""
        searched_in.append(f"{found.depth} steps of {bounds}{gave_up}")
    return missed("; ".join(searched_in))


def instance_of(scenario: Scenario) -> Instance:
    """Return the instance in which a spec has room for what is sent in a scenario, and for no more."""
    rings = arriving(scenario)
    batches = [batch for ring in rings for batch in ring]
    return Instance(
        clients=max(batch.client for batch in batches) + 1,
        rings=len(rings),
        slots=max(map(len, rings)),
        seqs=max(batch.seq for batch in batches) + 1,
        messages=max(batch.count for batch in batches),
        readers=1,
    )
