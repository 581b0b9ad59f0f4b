"""Killer: the stepped pipeline beside the model, under drawn schedules."""

from __future__ import annotations

from random import Random

from fencepost.model.explorer.subjects import arrivals
from fencepost.model.programs import DESIGNS, Scenario
from fencepost.model.programs.client import Sending
from fencepost.mutations.kill import Hunt, Kill
from fencepost.native.pipeline import DESIGN_NAMES
from fencepost.native.side_by_side import lockstep


def stepping(hunt: Hunt) -> Kill | None:
    """Run model and native pipeline under the same schedules; the first thing that differs, in its shortest run."""
    random = Random(f"stepping {hunt.seed}")
    while hunt.goes_on:
        scenario, name = _drawn(random), random.choice(DESIGN_NAMES)
        hunt.tries(0)
        found = lockstep(DESIGNS[name], scenario, runs=4, seed=random.getrandbits(32))
        if found.difference is not None:
            return Kill("compare", found.difference.step, "steps", f"{name}, {found.difference}")
    return None


def _drawn(random: Random) -> Scenario:
    """A small pipeline with every role, short rings, and clients that send again; small ones come first."""
    slots, rings = random.randint(1, 3), random.randint(1, 2)
    if random.random() < 0.5:
        clients, batches = random.randint(1, 2), random.randint(1, 4)
        rows = arrivals(clients, rings, batches)
        return Scenario(rings=rows, slots=slots, delegated=True, subscribers=True, acknowledgers=True)
    plans = tuple(
        tuple(Sending(random.randrange(rings), seq, 1 + seq % 2) for seq in range(random.randint(1, 3)))
        for _ in range(random.randint(1, 2))
    )
    delegated, subscribers = random.random() < 0.5, True
    return Scenario(
        plans=plans, ring_count=rings, slots=slots, delegated=delegated, subscribers=subscribers,
        acknowledgers=True, restarts=random.random() < 0.5,
    )  # fmt: skip
