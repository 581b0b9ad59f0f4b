"""One definition, two meanings: a step on values is the step on symbols, from reachable states and from any other."""

from random import Random
from typing import Any

import pytest
import z3

from fencepost.model.instance import Instance
from fencepost.model.language import TRUTH, Field, Map, Protocol, Sort, Transition
from fencepost.model.specs import PROTOCOLS
from fencepost.proofs.bounded import Finite, inside
from fencepost.proofs.cti import typed
from fencepost.proofs.symbolic import SuccessorState, constants, guard, literal

BOUNDS = Instance(slots=3, seqs=3)


class Known:
    """A concrete state as the prover sees states."""

    def __init__(self, state: Protocol) -> None:
        self._state = state

    def members(self, sort: Sort) -> range:
        return BOUNDS.domain(sort)

    def read(self, field: Field, indices: tuple[z3.ExprRef, ...]) -> z3.ExprRef:
        index = tuple(z3.simplify(each).as_long() for each in indices)
        value = getattr(self._state, field.name)
        if index:
            value = value[index if len(index) > 1 else index[0]]
        return literal(value, field.sort)


def some_value(random: Random, sort: Sort) -> int | bool:
    if sort == TRUTH:
        return random.random() < 0.5
    domain = BOUNDS.domain_or_none(sort)
    return random.randrange(5) if domain is None else random.choice(domain)


def disturbed(random: Random, state: Protocol) -> Protocol:
    """Return a copy of the state with one cell changed to any value of its sort: reachable perhaps, perhaps not."""
    copy = type(state)()
    copy.restore(state.state())
    field = random.choice(list(state.fields.values()))
    value = some_value(random, field.sort)
    if not field.indices:
        setattr(copy, field.name, value)
        return copy
    index = tuple(some_value(random, sort) for sort in field.indices)
    getattr(copy, field.name)[index if len(index) > 1 else index[0]] = value
    return copy


def cells_of(field: Field, state: Protocol, random: Random) -> list[tuple[int, ...]]:
    """Return the cells of a field that differ from its default, and another."""
    known = [key if isinstance(key, tuple) else (key,) for key in getattr(state, field.name).written()]
    return [*known, tuple(int(some_value(random, sort)) for sort in field.indices)]


def plain(value: Any) -> Any:
    return value.written() if isinstance(value, Map) else value


def assert_same_step(state: Protocol, transition: Transition, random: Random) -> bool:
    """Take one step with arguments drawn at random both ways; say whether it was enabled."""
    before = type(state)()
    before.restore(state.state())
    given = {name: int(some_value(random, sort)) for name, sort in transition.parameters}
    arguments = {name: literal(given[name], sort) for name, sort in transition.parameters}
    enabled = state.try_fire(transition.name, **given)
    assert z3.is_true(z3.simplify(guard(transition, Known(before), arguments, state.fields))) == enabled
    if not enabled:
        assert state.state() == before.state()
        return False
    after = SuccessorState(Known(before), transition, arguments, state.fields)
    for field in state.fields.values():
        if not after.changes(field):
            assert plain(getattr(state, field.name)) == plain(getattr(before, field.name)), field.name
            continue
        for index in cells_of(field, state, random) if field.indices else [()]:
            at = tuple(literal(value, sort) for value, sort in zip(index, field.indices, strict=True))
            expected = Known(state).read(field, at)
            assert z3.eq(z3.simplify(after.read(field, at)), z3.simplify(expected)), (field.name, index)
    return True


def take_steps(protocol: type[Protocol], count: int, random: Random) -> set[str]:
    """Take that many enabled steps along random walks, every tenth from a disturbed state; return the actions."""
    state, taken, seen = protocol(), 0, set()
    transitions = list(protocol.actions.values())
    for attempt in range(400 * count):
        if attempt % 400 == 0:
            state = protocol()
        transition = random.choice(transitions)
        if transition.name in ("arrive", "restart") and random.random() < 0.8:
            continue
        origin = disturbed(random, state) if attempt % 10 == 0 else state
        if assert_same_step(origin, transition, random):
            taken += 1
            seen.add(transition.name)
        if taken >= count:
            break
    assert taken == count
    return seen


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_step_on_values_is_the_step_on_symbols(name: str) -> None:
    assert len(take_steps(PROTOCOLS[name], 100, Random(name))) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("name", PROTOCOLS)
def test_ten_thousand_steps_on_values_are_steps_on_symbols(name: str) -> None:
    assert take_steps(PROTOCOLS[name], 10_000, Random(name)) == set(PROTOCOLS[name].actions)


def drawn(protocol: type[Protocol], transition: Transition, random: Random) -> tuple[Protocol, dict[str, int]] | None:
    """Return a state and arguments, from a model that Z3 gives of the relation once a few cells are fixed at random."""
    before, solver = Finite(protocol.fields, BOUNDS, "0"), z3.SolverFor("QF_LIA")
    arguments = constants(transition.parameters)
    solver.add(typed(protocol, before, BOUNDS))
    solver.add(inside(transition.parameters, arguments, BOUNDS))
    solver.add(guard(transition, before, arguments, protocol.fields))
    for (name, _), cell in random.sample(list(before.cells.items()), 12):
        sort = protocol.fields[name].sort
        wish = cell == literal(some_value(random, sort), sort)
        if solver.check(wish) == z3.sat:
            solver.add(wish)
    if solver.check() != z3.sat:
        return None
    model, state = solver.model(), protocol()
    for (name, index), cell in before.cells.items():
        put(state, protocol.fields[name], index, model.eval(cell, model_completion=True))
    return state, {name: model.eval(each, model_completion=True).as_long() for name, each in arguments.items()}


def put(state: Protocol, field: Field, index: tuple[int, ...], value: Any) -> None:
    known = z3.is_true(value) if field.sort == TRUTH else value.as_long()
    if not index:
        setattr(state, field.name, known)
    else:
        getattr(state, field.name)[index if len(index) > 1 else index[0]] = known


def run_models(protocol: type[Protocol], count: int, random: Random) -> None:
    for number in range(count):
        transition = list(protocol.actions.values())[number % len(protocol.actions)]
        model = drawn(protocol, transition, random)
        assert model is not None, f"{transition.name} is never enabled"
        state, arguments = model
        state.fire(transition.name, **arguments)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_thousand_models_of_the_relations_can_be_run_on_values(name: str) -> None:
    run_models(PROTOCOLS[name], 1 + 1000 // len(PROTOCOLS), Random(name))
