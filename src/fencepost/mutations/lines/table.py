"""Every mutation of the native headers. How many there are is the length of this table, wherever it is said."""

from __future__ import annotations

from fencepost.model.errors import unknown_choice
from fencepost.mutations.lines.mutation import Mutation
from fencepost.mutations.lines.of_loops import OF_LOOPS
from fencepost.mutations.lines.of_pipeline import OF_PIPELINE
from fencepost.mutations.lines.of_rings import OF_RINGS
from fencepost.mutations.lines.of_sequencers import OF_SEQUENCERS

MUTATIONS: dict[str, Mutation] = {each.name: each for each in (*OF_SEQUENCERS, *OF_RINGS, *OF_LOOPS, *OF_PIPELINE)}


def mutation(name: str) -> Mutation:
    """Return the mutation of that name; InputError for a name that is none."""
    if name not in MUTATIONS:
        raise unknown_choice("native mutant", name, MUTATIONS)
    return MUTATIONS[name]
