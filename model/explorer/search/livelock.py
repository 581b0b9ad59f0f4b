"""Runs that go round for ever: the same steps again and again, everybody who could go on taking part."""

from __future__ import annotations

from collections.abc import Sequence

from fencepost.model.explorer.states.monitor import Violation
from fencepost.model.explorer.states.state import Event, State
from fencepost.model.explorer.states.system import System

ROUNDS = 3  # seen before they are taken for a cycle
ROUND_MOST = 200  # steps


def livelock(system: System, state: State, events: Sequence[Event]) -> Violation | None:
    """Return the livelock that a run cut short is in, if its last steps are rounds of one kind.

    The cycle must be fair: whoever can go on at its end, without luck, has had its turn in it. A round that leaves
    something behind that no step shows, such as a counter in a program, is taken for a cycle too.
    """
    done = [
        (event.actor[0], event.choice, [str((act.what, act.result)) for act in event.acts[:1]])
        for event in events[-ROUNDS * ROUND_MOST :]
    ]
    for length in range(1, len(done) // ROUNDS + 1):
        rounds = [done[len(done) - (at + 1) * length : len(done) - at * length] for at in range(ROUNDS)]
        if any(each != rounds[0] for each in rounds):
            continue
        turns = {thread for thread, _, _ in rounds[0]}
        able = {actor[0] for actor, each in system.transitions(state).items() if not each[0][1]}
        if able <= turns:
            names = ", ".join(system.threads[thread].name for thread in sorted(turns))
            return Violation("drained", f"{names}: the last {length} steps are repeated for ever")
    return None
