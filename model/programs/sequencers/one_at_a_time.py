"""One attempt at a time: a run of a sequencer's programs whose order any other implementation can be given."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt

from fencepost.model.programs.designs import design
from fencepost.model.programs.machine import Machine
from fencepost.model.programs.operations import DUPLICATE, LATER, ORDERED, Attempted
from fencepost.model.programs.pipeline import Rings
from fencepost.model.programs.threads import machine_of, threads

OUTCOMES = (ORDERED, LATER, DUPLICATE)


class Attempts(Sequence[Attempted]):
    """Attempts in their order, kept as columns: rings and ring indices of the slots, outcomes, and starts."""

    def __init__(self) -> None:
        self.ring, self.ring_index, self.start = array("q"), array("q"), array("q")
        self.outcome = array("b")  # by their place in OUTCOMES

    def __len__(self) -> int:
        return len(self.ring)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        return Attempted(self.ring[at], self.ring_index[at], OUTCOMES[self.outcome[at]], self.start[at])

    def append(self, attempt: Attempted) -> None:
        """Add the next attempt."""
        self.ring.append(attempt.ring)
        self.ring_index.append(attempt.index)
        self.outcome.append(OUTCOMES.index(attempt.outcome))
        self.start.append(attempt.start)

    def in_order(self, order: npt.NDArray[np.int64]) -> Attempts:
        """Return the same attempts in another order."""
        made = Attempts()
        for name in ("ring", "ring_index", "start", "outcome"):
            column = getattr(self, name)
            getattr(made, name).frombytes(np.frombuffer(column, dtype=column.typecode)[order].tobytes())
        return made


def attempts(sequencer: str, rings: Rings, seed: int) -> tuple[Machine, Attempts]:
    """Run one attempt at a time, its scanner drawn by `seed`; return the memory and the attempts in order.

    All batches have arrived at the start. An attempt is not interrupted, so that this order can be
    given to any other implementation. Where an epoch reserves for several batches at once it is that
    of the ranges; at level 4 a copy that was dropped meanwhile comes behind its batch.
    """
    machine = machine_of(sequencer, rings)
    receivers, scanners = threads(sequencer, rings)
    for thread in receivers:
        while thread.pending is not None:
            thread.step(machine)
    random, done = Random(seed), Attempts()
    while runnable := [each for each in scanners if each.ready(machine)]:
        thread = random.choice(runnable)
        while thread.ready(machine):
            operation, _ = thread.step(machine)
            if isinstance(operation, Attempted):
                done.append(operation)
                break
    if design(sequencer).level == 5:
        return machine, done.in_order(np.argsort(np.array(done.start, dtype=np.int64), kind="stable"))
    return machine, _copies_behind(rings, done)


def _copies_behind(rings: Rings, done: Attempts) -> Attempts:
    """Return the attempts with each duplicate behind the one that ordered its batch; the others stay as they are."""

    def identity(place: int) -> tuple[int, int]:
        batch = rings[done.ring[place]][done.ring_index[place]]
        return batch.client, batch.seq

    outcome = np.array(done.outcome)
    copies = {place: identity(place) for place in np.flatnonzero(outcome == OUTCOMES.index(DUPLICATE)).tolist()}
    wanted = set(copies.values())
    places: list[int] = np.flatnonzero(outcome == OUTCOMES.index(ORDERED)).tolist() if wanted else []
    ordered = {batch: place for place in places if (batch := identity(place)) in wanted}
    behind = np.arange(len(done))
    for place, batch in copies.items():
        behind[place] = max(place, ordered[batch])
    return done.in_order(np.lexsort((outcome == OUTCOMES.index(DUPLICATE), behind)))
