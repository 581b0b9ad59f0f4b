"""Every mutation of the native headers, numbered as in `native/include/fencepost/memory/mutant.hpp`."""

from __future__ import annotations

from pathlib import Path

from fencepost.model.errors import unknown_choice
from fencepost.mutations.lines.mutation import Mutation
from fencepost.mutations.lines.of_loops import OF_LOOPS
from fencepost.mutations.lines.of_pipeline import OF_PIPELINE
from fencepost.mutations.lines.of_rings import OF_RINGS
from fencepost.mutations.lines.of_sequencers import OF_SEQUENCERS

MUTATIONS: dict[str, Mutation] = {each.name: each for each in (*OF_SEQUENCERS, *OF_RINGS, *OF_LOOPS, *OF_PIPELINE)}

NUMBERS: dict[str, int] = {name: number for number, name in enumerate(MUTATIONS, start=1)}
"""Name -> k of `-DFENCEPOST_MUTANT=k`; 0 is the build without a mutation."""


def mutation(name: str) -> Mutation:
    """Return the mutation of that name; InputError for a name that is none."""
    if name not in MUTATIONS:
        raise unknown_choice("native mutant", name, MUTATIONS)
    return MUTATIONS[name]


def site(each: Mutation, headers: Path) -> str:
    """Return the header and line that ask for a mutation, as `file:line`."""
    for number, line in enumerate((headers / each.file).read_text().splitlines(), start=1):
        if f"Mutation::{each.name})" in line:
            return f"{each.file}:{number}"
    raise LookupError(f"{each.file} has no line that asks for {each.name}")
