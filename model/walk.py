"""Random walks: runs that perform every action and reach every `sometimes`: nothing holds for want of events.

They go deeper than a search of all runs, so what is claimed and not proved is held against each state that they reach.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

from fencepost.model.errors import NotAccepted
from fencepost.model.instance import Instance
from fencepost.model.language import Protocol, Statement, Transition
from fencepost.model.language.terms import reads
from fencepost.model.specs.log import Log
from fencepost.model.trace import Step, Trace, counterexample, replay, values_of

WALK_STEPS, WALK_COUNT = 60, 1000
WATCHED_COUNT = 50
"""Walks that are held against what is watched, at least. Holding a state costs more than the step to it."""

FOUND_BY = "random walks"


@dataclass
class Coverage:
    """The first of the walked runs that performed each action, and that reached each `sometimes`.

    `violations` has a run, made shorter, for each watched statement that some state breaks.
    """

    actions: dict[str, tuple[Step, ...]] = field(default_factory=dict)
    witnesses: dict[str, tuple[Step, ...]] = field(default_factory=dict)
    violations: dict[str, Trace] = field(default_factory=dict)


def walk(
    protocol: type[Protocol],
    *,
    seed: int = 0,
    bounds: Instance | None = None,
    watched: Mapping[str, Statement] | None = None,
) -> Coverage:
    """Walk a protocol at random until every action and every `sometimes` was seen, or the walks are used up.

    The walks alternate between small instances; `bounds` is one more. The statements `watched` are held against each
    state; while one of them is not broken, there are at least WATCHED_COUNT walks.
    """
    random, coverage, watched = Random(seed), Coverage(), watched or {}
    # One client gets far with its seqs, two get in each other's way.
    others = bounds.others if bounds is not None else {}
    instances = [Instance(clients=clients, slots=3, seqs=3, others=others) for clients in (1, 2)]
    instances += [bounds] if bounds is not None and bounds != Instance(others=others) else []
    for number in range(WALK_COUNT):
        # Actions are used evenly in every other pair of walks.
        instance = instances[number % len(instances)]
        _walk_once(protocol, random, instance, coverage, watched, evenly=number % 4 < 2)
        is_watched_enough = number + 1 >= WATCHED_COUNT or watched.keys() <= coverage.violations.keys()
        if is_watched_enough and _is_seen(protocol, coverage):
            break
    coverage.violations = {name: shortened(trace) for name, trace in coverage.violations.items()}
    return coverage


def _is_seen(protocol: type[Protocol], coverage: Coverage) -> bool:
    return len(coverage.actions) == len(protocol.actions) and len(coverage.witnesses) == len(protocol.witnesses)


def shortened(trace: Trace) -> Trace:
    """Leave out steps that the violation does not need, last ones first, until each of those left is needed."""
    number = len(trace.steps) - 1
    while number >= 0:
        less = replace(trace, steps=(*trace.steps[:number], *trace.steps[number + 1 :]))
        if (shorter := _to_its_violation(less)) is not None:
            trace, number = shorter, len(shorter.steps)
        number -= 1
    return trace


def _to_its_violation(trace: Trace) -> Trace | None:
    """Return a trace up to where it breaks its property; None where it does not, or a step is refused."""
    try:
        violated_at = replay(trace).violated_at
    except NotAccepted:
        return None
    return None if violated_at is None else replace(trace, steps=trace.steps[:violated_at])


def _walk_once(
    protocol: type[Protocol],
    random: Random,
    bounds: Instance,
    coverage: Coverage,
    watched: Mapping[str, Statement],
    *,
    evenly: bool,
) -> None:
    """Walk from the start; where `evenly`, an action that happened less often so far is likely to be next."""
    state = protocol(bounds)
    steps: list[Step] = []
    performed = Counter[str]()
    for _ in range(WALK_STEPS):
        transitions = random.sample(list(protocol.actions.values()), len(protocol.actions))
        if evenly:
            transitions.sort(key=lambda each: performed[each.name] // random.randint(1, 4))
        step = next((s for each in transitions if (s := _some_step(state, each, random, bounds)) is not None), None)
        if step is None:
            break
        performed[step.action] += 1
        steps.append(step)
        coverage.actions.setdefault(step.action, tuple(steps))
        written = {write.field for write in protocol.actions[step.action].writes}
        for name, statement in protocol.witnesses.items():
            # What did not hold before a step that writes nothing of it does not hold after it.
            if name in coverage.witnesses or (len(steps) > 1 and written.isdisjoint(reads(statement.condition))):
                continue
            if _reached(state, statement, bounds):
                coverage.witnesses[name] = tuple(steps)
        for name, statement in watched.items():
            if name in coverage.violations or written.isdisjoint(reads(statement.condition)):
                continue
            if counterexample(state, statement, bounds) is not None:
                coverage.violations[name] = Trace(protocol, name, tuple(steps), bounds, FOUND_BY)


def _some_step(state: Protocol, transition: Transition, random: Random, bounds: Instance) -> Step | None:
    """Perform an action with arguments drawn at random, if any of a few draws is accepted; rings are not overfilled."""
    for _ in range(6):
        arguments = {name: random.choice(bounds.domain(sort)) for name, sort in transition.parameters}
        if isinstance(state, Log) and transition.name == "arrive" and state.arrived[arguments["ring"]] >= bounds.slots:
            return None
        if state.try_fire(transition.name, **arguments):
            return Step(transition.name, arguments)
    return None


def _reached(state: Protocol, statement: Statement, bounds: Instance) -> bool:
    holds = getattr(state, statement.method)
    return any(holds(**values) for values in values_of(statement, bounds))
