"""Refute a tempting variant: claim a client's next batch with a compare-and-swap, then reserve its range.

Between the two steps another scanner may claim the successor and reserve first. Z3 finds the shortest
such run; the programs follow it, operation by operation, into a history that the checker refuses.
"""

from fencepost import protocol, prove, replay, verify
from fencepost.model.programs import follow
from fencepost.model.simulation import history_of

variant = protocol("order4.cas_then_reserve")
proofs = {proof.property: proof for proof in prove(variant).proofs}
for proof in proofs.values():
    print(f"{proof.property}: {proof.verdict} ({proof.bound})")

trace = proofs["client-order"].trace
assert trace is not None
print(f"\nthe spec, in {len(trace.steps)} steps: {', '.join(step.action for step in trace.steps)}")
print(f"replayed on values: violated at step {replay(trace).violated_at}")

machine, rings = follow(variant.name, trace.steps)
finding = verify(history_of(machine, brokers=[0, 1], rings=rings), level=4)["client-order"]
print(
    f"the programs, the same steps: {finding.property} {finding.verdict}, {finding.details['count']} pair out of order"
)
