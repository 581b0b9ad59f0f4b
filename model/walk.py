"""Random walks: runs that perform every action and reach every `sometimes`: nothing holds for want of events."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from fencepost.model.instance import Instance
from fencepost.model.language import Protocol, Statement, Transition
from fencepost.model.specs.log import Log
from fencepost.model.trace import Step, values_of

WALK_STEPS, WALK_COUNT = 60, 1000


@dataclass
class Coverage:
    """The shortest of the walked runs that performed each action, and that reached each `sometimes`."""

    actions: dict[str, tuple[Step, ...]] = field(default_factory=dict)
    witnesses: dict[str, tuple[Step, ...]] = field(default_factory=dict)


def walk(protocol: type[Protocol], *, seed: int = 0, bounds: Instance | None = None) -> Coverage:
    """Walk a protocol at random until every action and every `sometimes` was seen, or the walks are used up.

    The walks alternate between small instances; `bounds` is one more.
    """
    random, coverage = Random(seed), Coverage()
    # One client gets far with its seqs, two get in each other's way.
    others = bounds.others if bounds is not None else {}
    instances = [Instance(clients=clients, slots=3, seqs=3, others=others) for clients in (1, 2)]
    instances += [bounds] if bounds is not None and bounds != Instance(others=others) else []
    for number in range(WALK_COUNT):
        # Actions are used evenly in every other pair of walks.
        _walk_once(protocol, random, instances[number % len(instances)], coverage, evenly=number % 4 < 2)
        if len(coverage.actions) == len(protocol.actions) and len(coverage.witnesses) == len(protocol.witnesses):
            break
    return coverage


def _walk_once(protocol: type[Protocol], random: Random, bounds: Instance, coverage: Coverage, *, evenly: bool) -> None:
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
        for name, statement in protocol.witnesses.items():
            if name not in coverage.witnesses and _reached(state, statement, bounds):
                coverage.witnesses[name] = tuple(steps)


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
