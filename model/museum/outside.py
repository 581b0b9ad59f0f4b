"""Runs of programs for those who stand outside: what each run tells, and the second judge's word on it.

Every batch is followed by another one on its ring, and all roles take part: what nobody reads nobody can see. At each
acknowledgement the readers alone go on for a while, everything else at a standstill, as after a crash at that moment:
what they are given then is what was deliverable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from fencepost.model.contract import Level
from fencepost.model.explorer.search.reduction import stuck
from fencepost.model.explorer.states.state import Event, State
from fencepost.model.explorer.states.system import System
from fencepost.model.histories.outside import (
    Arrived,
    Breach,
    Forgotten,
    Found,
    Given,
    Left,
    LookedThrough,
    Telling,
    Told,
    breaches,
)
from fencepost.model.museum.detection import arriving
from fencepost.model.programs.layout import payload
from fencepost.model.programs.pipeline import Scenario, written_steps
from fencepost.model.programs.roles.client import Sending
from fencepost.model.programs.roles.receiver import Arriving
from fencepost.model.trace import Step

READER_STEPS_MOST = 400
FOLLOWING_COUNT = 7
"""Messages of the batch that follows: more than others have, so that what is left over of a range is not enough."""


def with_roles(scenario: Scenario) -> Scenario:
    """Return a scenario with a reader and an acknowledger for each ring; one with readers by position as it is."""
    if scenario.readers:
        return scenario
    return replace(scenario, subscribers=True, acknowledgers=not scenario.plans)


def observable(scenario: Scenario) -> Scenario:
    """Return a scenario with these roles, and one more batch, of another client, behind those of each ring."""
    client = 1 + max((batch.client for ring in arriving(scenario) for batch in ring), default=-1)
    roles = with_roles(scenario)
    if scenario.readers:
        return scenario
    if scenario.plans:
        more = tuple(Sending(ring, seq, FOLLOWING_COUNT) for seq, ring in enumerate(range(scenario.ring_count)))
        return replace(roles, plans=(*scenario.plans, more))
    rings = scenario.later or tuple(() for _ in scenario.rings) if scenario.written else scenario.rings
    followed = tuple((*ring, Arriving(client, seq, FOLLOWING_COUNT)) for seq, ring in enumerate(rings))
    return replace(roles, later=followed) if scenario.written else replace(roles, rings=followed)


class Judged(NamedTuple):
    """A run, and what it tells the outside breaks."""

    events: tuple[Event, ...]
    breaches: list[Breach]


def judged(
    system: System, scenario: Scenario, level: Level, events: Iterable[Event], *, ended: bool
) -> Iterator[Judged]:
    """Yield a run with what the second judge says of it, after those in which readers go on alone from its middle.

    `events` are those of a run of `system` from its start. Raises LinesChanged where the run must be made again.
    """
    state, first = system.start()
    pending: Pending | None = {} if scenario.connections > 1 else None
    tellings = [*_tellings(level, _alone(written_steps(scenario))), *_tellings(level, _steps(first), pending)]
    made: list[Event] = []
    for event in events:
        options = system.transitions(state)[event.actor]
        state, again = system.perform(state, event.actor, next(each for each in options if each[0] == event.choice))
        made.append(again)
        new = list(_tellings(level, _steps(again), pending))
        tellings += new
        if any(isinstance(each, Forgotten) for each in new) and not scenario.readers:
            alone, looked = _readers_alone(system, state)
            told = (*tellings, *_tellings(level, (step for each in alone for step in _steps(each))), *looked)
            yield Judged((*made, *alone), breaches(_told(scenario, level, told, ended=False)))
    complete = ended and stuck(system.transitions(state))
    left = _left(system, state, scenario) if complete else ()
    yield Judged(tuple(made), breaches(_told(scenario, level, (*tellings, *left), ended=complete)))


def _told(scenario: Scenario, level: Level, tellings: tuple[Telling, ...], *, ended: bool) -> Told:
    sent = tuple(
        Counter((batch.client, batch.seq) for batch in ring if batch.count >= 1) for ring in arriving(scenario)
    )
    acknowledged = scenario.acknowledgers or bool(scenario.plans)
    return Told(
        level,
        scenario.slots,
        tellings,
        None if scenario.restarts else sent,
        ended,
        scenario.subscribers,
        acknowledged,
        scenario.readers,
    )


Stepping = tuple[int, Step]
"""The thread that takes a step, and the step."""


def _steps(event: Event) -> Iterator[Stepping]:
    return ((event.actor[0], act.step) for act in event.acts if act.step is not None)


def _alone(steps: Iterable[Step]) -> Iterator[Stepping]:
    """Return the steps that lie behind a run when it begins, which no thread of it took."""
    return ((-1, step) for step in steps)


Pending = dict[int, Arrived]
"""By thread, the batch that claimed a slot and is in none yet: several connections claim before they may fill."""


def _tellings(level: Level, steps: Iterable[Stepping], pending: Pending | None = None) -> Iterator[Telling]:
    """Yield what the outside hears of some steps; a level-4 broker acknowledges by seq, a level-5 one by count.

    Where several connections fill a ring, a batch is there once its connection writes to a slot, not when it claims
    one: whichever slot that is.
    """
    for thread, step in steps:
        given = step.arguments
        match step.action:
            case "arrive" if pending is not None:
                pending[thread] = Arrived(given["ring"], given["client"], given["seq"], given["count"])
            case "overwrite" if pending is not None:
                if (arrived := pending.pop(thread, None)) is not None:
                    yield arrived
            case "arrive":
                yield Arrived(given["ring"], given["client"], given["seq"], given["count"])
            case "deliver":
                yield Given(given["ring"], given["client"], given["seq"], given["start"])
            case "read":
                yield Found(given["reader"], given["position"], given["client"], given["seq"], given["message"])
            case "acknowledge":
                yield Forgotten(given["ring"], given["client"], given["below"], counts_seqs=level == 4)
            case "acknowledge_first":
                yield Forgotten(given["ring"], given["client"], given["batches"], counts_seqs=False)


def _left(system: System, state: State, scenario: Scenario) -> tuple[Left, ...]:
    """Return what is in the slots of each ring, in some cache or in memory, where nothing goes on any more."""
    left = []
    for ring in range(scenario.rings_count):
        found = set()
        for slot in range(scenario.slots):
            for content in system.memory.finals(state.cells, payload(ring, slot)):
                found.add(content.get("content"))
        left.append(Left(ring, frozenset(each for each in found if isinstance(each, tuple))))
    return tuple(left)


def _readers_alone(system: System, state: State) -> tuple[list[Event], tuple[LookedThrough, ...]]:
    """Let the readers go on from a state, with no luck and nobody else; say whether they came to the end of it."""
    readers = {number for number, thread in enumerate(system.threads) if thread.name.startswith("subscriber")}
    events: list[Event] = []
    for _ in range(READER_STEPS_MOST):
        options = system.transitions(state).items()
        plain = ((actor, each) for actor, choices in options if actor[0] in readers for each in choices if not each[1])
        chosen = next(plain, None)
        if chosen is None:
            return events, (LookedThrough(),)
        state, event = system.perform(state, *chosen)
        events.append(event)
    return events, ()
