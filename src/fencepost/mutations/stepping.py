"""Killer: `fencepost compare` on the stepped pipeline of a mutant."""

from __future__ import annotations

from itertools import count, cycle

from fencepost.comparing.run import compare
from fencepost.comparing.search import keep_out_of_here
from fencepost.mutations.kill import Hunt, Kill
from fencepost.native.schedules.pipeline import DESIGN_NAMES

EXAMPLES = 100
"""Of one design, before the next one has its turn."""


def stepping(hunt: Hunt) -> Kill | None:
    """Compare one design after the other with the model until the time is spent; the smallest joint example."""
    keep_out_of_here()
    for number, name in zip(count(), cycle(DESIGN_NAMES)):
        if not hunt.goes_on:
            return None
        hunt.tries(0)
        found = compare(
            name,
            policy="stepped",
            examples=EXAMPLES,
            seed=hunt.seed + number // len(DESIGN_NAMES),
            native=hunt.native,
            ignore_shared=True,
        )
        for row in found.rows:
            if row.counterexample is not None:
                made = row.counterexample
                sentence = f"{name}: {made.property}: {made.sentence}"
                return Kill("compare", made.batches, made.steps, made.threads, sentence)
    return None
