"""Quantifiers over a sort: the same on values and on symbols, and proved for every number of members, one included."""

from collections.abc import Callable
from itertools import product
from random import Random
from typing import Annotated, Any

import pytest
import z3

from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError, ProtocolError
from fencepost.model.instance import Instance
from fencepost.model.language import Map, Protocol, Sort, action, all_of, every, implies, invariant, not_, promise
from fencepost.model.trace import counterexample, replay
from fencepost.proofs import prove
from fencepost.proofs.bounded import Finite
from fencepost.proofs.cti import typed
from fencepost.proofs.symbolic import guard, literal

Shard = Annotated[int, Sort("Shard", numeric=False)]
Round = Annotated[int, Sort("Round")]


class Rounds(Protocol):
    """A round ends when all shards reported in it."""

    name = "test.rounds"
    round: Round = 0
    reported: Map[Round, Shard, bool] = every(False)

    @action
    def report(self, shard: Shard) -> None:
        self.reported[self.round, shard] = True

    @action
    def end(self) -> None:
        self.require(self.for_all(Shard, lambda shard: self.reported[self.round, shard]))
        self.round = self.round + 1

    @promise("all-reported")
    def all_reported_in_a_round_that_ended(self, round: Round, shard: Shard) -> bool:
        return implies(round < self.round, self.reported[round, shard])

    @promise("no-round-is-skipped")
    def some_shard_reported_in_every_round_that_ended(self) -> bool:
        reported = self.exists(Shard, lambda shard: self.reported[0, shard])
        return implies(self.round > 0, reported)

    @promise("all-rounds")
    def in_all_rounds_below_the_present_one(self) -> bool:
        return self.for_all(
            Round, lambda round: self.for_all(Shard, lambda s: self.reported[round, s]), below=self.round
        )


class AnyReport(Rounds):
    """Wrong: one report ends a round."""

    name = "test.any_report"

    @action
    def end(self) -> None:
        self.require(self.exists(Shard, lambda shard: self.reported[self.round, shard]))
        self.round = self.round + 1


def test_a_requirement_of_all_members_is_proved_for_any_number_of_them() -> None:
    assert [proof.verdict for proof in prove(Rounds)] == [Verdict.PROVED] * 3


def test_a_requirement_of_one_member_is_refuted_by_a_shortest_run() -> None:
    found = {proof.property: proof for proof in prove(AnyReport)}
    assert found["no-round-is-skipped"].verdict is Verdict.PROVED
    for name in ("all-reported", "all-rounds"):
        trace = found[name].trace
        assert trace is not None
        assert [step.action for step in trace.steps] == ["report", "end"]
        assert replay(trace).violated_at == 2


class Alone(Protocol):
    """That there is another shard than the leader holds for every number of shards but one."""

    name = "test.alone"
    leader: Shard = 0

    @action
    def elect(self, shard: Shard) -> None:
        self.leader = shard

    @promise("another")
    def there_is_another_shard(self) -> bool:
        return self.exists(Shard, lambda shard: shard != self.leader)


def test_what_one_member_alone_breaks_is_not_proved() -> None:
    (proof,) = prove(Alone)
    assert proof.verdict is Verdict.UNKNOWN
    (proof,) = prove(Alone, bounds=Instance(others={"Shard": 1}))
    assert proof.verdict is Verdict.VIOLATED


class Counted(Protocol):
    """Of a counted sort every cell holds a member: what is written is shown to be one."""

    name = "test.counted"
    leader: Shard = 0
    ready: Map[Shard, bool] = every(False)
    leading: bool = False

    @action
    def prepare(self, shard: Shard) -> None:
        self.ready[shard] = True

    @action
    def elect(self, shard: Shard) -> None:
        self.require(self.for_all(Shard, lambda each: self.ready[each]))
        self.leader, self.leading = shard, True

    @promise("ready-leader")
    def the_leader_is_ready(self) -> bool:
        return implies(self.leading, self.ready[self.leader])


def test_a_cell_of_a_counted_sort_holds_a_member() -> None:
    (proof,) = prove(Counted)
    assert proof.verdict is Verdict.PROVED


def test_a_counterexample_to_induction_has_no_cell_beyond_the_members() -> None:
    bounds = Instance(others={"Shard": 2}).of(Counted)
    before, solver = Finite(Counted.fields, bounds, "before"), z3.Solver()
    solver.add(typed(Counted, before, bounds))
    answers = [solver.check(before.cells["leader", ()] == member) for member in (0, 1, 2)]
    assert answers == [z3.sat, z3.sat, z3.unsat]


def test_a_number_below_zero_is_named_where_it_stands_in_the_way() -> None:
    class Sinking(Protocol):
        name = "test.sinking"
        turn: Round = 4

        @action
        def sink(self) -> None:
            self.turn = self.turn - 1

        @promise("low")
        def the_turn_is_low(self) -> bool:
            return self.turn != 9

    (proof,) = prove(Sinking, depth=2)
    assert proof.verdict is Verdict.UNKNOWN
    assert "sink may write what is none of its sort, such as a number below zero" in proof.bound


def reachable(spec: type[Protocol], bounds: Instance, depth: int) -> list[Protocol]:
    """Return the states that runs of up to `depth` steps reach, found by performing the actions on values."""
    states = {spec(bounds).state()}
    border = states
    for _ in range(depth):
        following = set()
        for state, transition in product(border, spec.actions.values()):
            for values in product(*(bounds.domain(sort) for _, sort in transition.parameters)):
                made = spec(bounds)
                made.restore(state)
                names = [name for name, _ in transition.parameters]
                if made.try_fire(transition.name, **dict(zip(names, values, strict=True))):
                    following.add(made.state())
        border = following - states
        states |= border
    found = []
    for state in states:
        made = spec(bounds)
        made.restore(state)
        found.append(made)
    return found


@pytest.mark.parametrize("members", [1, 2, 3])
@pytest.mark.parametrize("spec", [Rounds, AnyReport, Alone, Counted], ids=lambda each: each.name)
def test_what_is_proved_holds_in_every_state_of_every_small_instance(spec: type[Protocol], members: int) -> None:
    bounds = Instance(others={"Shard": members})
    states = reachable(spec, bounds.of(spec) if "Round" in spec.sorts else bounds, depth=5)
    for proof in prove(spec, bounds=bounds):
        broken = any(counterexample(each, spec.promises[proof.property], bounds) is not None for each in states)
        if broken:
            assert proof.verdict is Verdict.VIOLATED
        else:
            assert proof.verdict is not Verdict.VIOLATED


@pytest.mark.parametrize("spec", [Rounds, AnyReport, Counted], ids=lambda each: each.name)
def test_a_requirement_means_the_same_on_values_and_on_symbols(spec: type[Protocol]) -> None:
    random, bounds = Random(0), Instance(others={"Shard": 3}).of(spec)
    answers = set()
    for _ in range(60):
        state, known = spec(bounds), Finite(spec.fields, bounds, "known")
        facts = []
        for (name, index), cell in known.cells.items():
            sort = spec.fields[name].sort
            value = bool(random.randrange(4)) if sort.name == "truth" else random.choice(bounds.domain(sort))
            facts.append((cell, literal(value, sort)))
            if index:
                getattr(state, name)[index if len(index) > 1 else index[0]] = value
            else:
                setattr(state, name, value)
        for transition in spec.actions.values():
            arguments = {name: random.choice(bounds.domain(sort)) for name, sort in transition.parameters}
            values = {name: z3.IntVal(value) for name, value in arguments.items()}
            counts = [(z3.Int("Shard#"), z3.IntVal(3))]
            symbolic = z3.simplify(z3.substitute(guard(transition, known, values, spec.fields), *facts, *counts))
            assert z3.is_true(symbolic) is state.copy().try_fire(transition.name, **arguments)
            answers.add((transition.name, z3.is_true(symbolic)))
    assert {("elect", False), ("elect", True)} <= answers or {("end", False), ("end", True)} <= answers


def test_a_state_of_no_instance_says_what_is_missing() -> None:
    with pytest.raises(ProtocolError, match=r"how many Shards there are is not said: make the state in an instance"):
        Rounds().fire("end")


def declare(body: Callable[..., Any], **fields: Any) -> None:
    """Define a protocol with one action."""
    annotations = {"round": Round, "reported": Map[Shard, bool], "counted": Map[Shard, bool]}
    space = {"round": 0, "reported": every(False), "counted": every(False), "__annotations__": annotations, **fields}
    type("Wrong", (Protocol,), {**space, "act": action(body)})


def over_numbers(self: Any) -> None:
    self.require(self.for_all(Round, lambda round: self.round == round))


def over_identities_below(self: Any) -> None:
    self.require(self.exists(Shard, lambda shard: self.reported[shard], below=self.round))


def over_truth(self: Any) -> None:
    self.require(self.for_all(bool, lambda truth: truth))


def over_no_sort(self: Any) -> None:
    self.require(self.for_all("Shard", lambda shard: self.reported[shard]))


def of_no_condition(self: Any) -> None:
    self.require(self.for_all(Shard, lambda shard: shard))


def that_writes(self: Any) -> None:
    def write(shard: Any) -> bool:
        self.reported[shard] = True
        return True

    self.require(self.for_all(Shard, write))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (over_numbers, 'say of which, self.for_all(Round, ..., below=count), or declare identities, Sort("Round", num'),
        (over_identities_below, "exists over Shard below a number: a Shard has no order; leave `below` out"),
        (over_truth, "for_all over truth values: write both"),
        (over_no_sort, "is declared as 'Shard': expected bool or a sort"),
        (of_no_condition, "for_all over Shard takes a condition, and is given `shard`"),
        (that_writes, "for_all over Shard takes a condition, and is given `True`"),
    ],
)
def test_a_quantifier_that_says_nothing_is_refused(body: Callable[..., Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        declare(body)
    assert message in str(caught.value)


def test_a_variable_of_a_quantifier_is_not_taken_for_a_parameter_of_its_name() -> None:
    class Captured(Protocol):
        name = "test.captured"
        marked: Map[Shard, bool] = every(False)

        @action
        def mark_first(self, shard: Shard) -> None:
            given = shard
            self.require(self.for_all(Shard, lambda shard: all_of(not_(self.marked[shard]), given == given)))
            self.require(self.exists(Shard, lambda shard: shard == given))
            self.marked[given] = True

        @promise("one")
        def one_is_marked(self, one: Shard, other: Shard) -> bool:
            return implies(all_of(self.marked[one], self.marked[other]), one == other)

    (proof,) = prove(Captured)
    assert proof.verdict is Verdict.PROVED


def test_a_parameter_called_cell_is_not_the_cell_that_is_filled() -> None:
    class Filled(Protocol):
        name = "test.filled"
        value: Map[Round, Round] = every(0)

        @action
        def fill_with(self, cell: Round) -> None:
            self.value.fill(0, 2, lambda index: cell)

        @promise("equal")
        def both_cells_are_equal(self) -> bool:
            return self.value[0] == self.value[1]

        @invariant
        def the_first_cell_is_zero(self) -> bool:
            return self.value[0] == 0

    assert [proof.verdict for proof in prove(Filled)] == [Verdict.PROVED]
