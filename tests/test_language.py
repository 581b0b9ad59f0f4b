"""The protocol language: its rules are kept, and an action means the same on values and on symbols."""

from typing import Any

import pytest
import z3

from fencepost.model.errors import NotAccepted, ProtocolError
from fencepost.model.language import (
    Map,
    Protocol,
    action,
    all_of,
    any_of,
    choose,
    every,
    implies,
    invariant,
    not_,
)
from fencepost.model.specs.vocabulary import Client, Count, Position, Ring, Row, Seq
from fencepost.proofs.symbolic import After, Initial


class Counter(Protocol):
    name = "test.counter"
    issued: Position = 0
    start: Map[Client, Position] = every(0)
    told: Map[Client, bool] = every(False)

    @action
    def reserve(self, client: Client, count: Count) -> None:
        self.require(count >= 1)
        self.require(not_(self.told[client]))
        self.start[client] = self.issued
        self.told[client] = True
        self.issued = self.issued + count

    @invariant
    def starts_were_issued(self, client: Client) -> bool:
        return self.start[client] <= self.issued


def test_an_action_runs_on_values() -> None:
    state = Counter()
    state.fire("reserve", client=7, count=3)
    assert (state.issued, state.start[7], state.told[8]) == (3, 0, False)


def test_a_refused_action_names_the_requirement_and_changes_nothing() -> None:
    state = Counter()
    state.fire("reserve", client=7, count=3)
    before = state.state()
    with pytest.raises(NotAccepted, match=r"reserve\(client=7, count=1\): it requires `not told\[client\]`"):
        state.fire("reserve", client=7, count=1)
    assert state.state() == before


def test_a_state_is_restored_and_equal_states_have_equal_values() -> None:
    state, other = Counter(), Counter()
    state.fire("reserve", client=7, count=3)
    other.restore(state.state())
    assert other.state() == state.state()
    other.told[7] = False
    other.told[7] = True
    assert hash(other.state()) == hash(state.state())


def test_reading_after_writing_gives_what_was_written() -> None:
    class Twice(Protocol):
        name = "test.twice"
        issued: Position = 0
        start: Map[Client, Position] = every(0)
        message_at: Map[Position, Count] = every(0)

        @action
        def twice(self, client: Client, other: Client) -> None:
            self.message_at.fill(self.issued, 4, lambda position: position - self.issued)
            self.message_at[9] = self.message_at[self.issued + 3]
            self.start[client] = self.issued + 1
            self.issued = self.issued + 2
            self.start[other] = self.start[client] + 5
            self.issued = self.issued + 1

    state = Twice()
    state.fire("twice", client=1, other=2)
    assert (state.issued, state.start[1], state.start[2], state.message_at[9]) == (3, 1, 6, 3)
    transition = Twice.actions["twice"]
    arguments = {"client": z3.IntVal(1), "other": z3.IntVal(2)}
    after = After(Initial(), transition, arguments, Twice.fields)
    assert z3.simplify(after.read(Twice.fields["issued"], ())).as_long() == 3
    assert z3.simplify(after.read(Twice.fields["start"], (z3.IntVal(2),))).as_long() == 6
    assert z3.simplify(after.read(Twice.fields["message_at"], (z3.IntVal(9),))).as_long() == 3


@pytest.mark.parametrize("condition", [False, True])
def test_connectives_compute_on_values(condition: bool) -> None:
    assert choose(condition, 1, 2) == (1 if condition else 2)
    assert implies(condition, False) is not condition
    assert all_of() is True
    assert any_of() is False


def declare(body: Any, **fields: Any) -> None:
    """Define a protocol with one action."""
    annotations = {"issued": Position, "next_seq": Map[Client, Seq], "row": Row}
    space = {"issued": 0, "next_seq": every(0), "row": 0, "act": action(body), "__annotations__": annotations, **fields}
    type("Wrong", (Protocol,), space)


def branches(self: Any, client: Client) -> None:
    if self.next_seq[client] == 1:
        self.issued = 3


def chains(self: Any, client: Client) -> None:
    self.require(0 <= self.next_seq[client] < 3)


def requires_late(self: Any, client: Client) -> None:
    self.next_seq[client] = 1
    self.require(self.issued == 0)


def compares_sorts(self: Any, client: Client) -> None:
    self.require(self.next_seq[client] == self.issued)


def orders_identities(self: Any, client: Client, other: Client) -> None:
    self.require(client < other)


def adds_positions(self: Any) -> None:
    self.issued = self.issued + self.issued


def writes_another_sort(self: Any, client: Client) -> None:
    self.issued = self.next_seq[client]


def indexes_by_another_sort(self: Any, ring: Ring) -> None:
    self.next_seq[ring] = 1


def assigns_unknown(self: Any) -> None:
    self.isued = 1


def requires_a_number(self: Any) -> None:
    self.require(self.issued)


def takes_an_undeclared_sort(self: Any, amount: int) -> None:
    self.issued = amount


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (branches, "Wrong.branches: the truth of `next_seq[client] == 1` is not known"),
        (chains, "Wrong.chains: the truth of `0 <= next_seq[client]` is not known"),
        (requires_late, "Wrong.requires_late requires after it wrote next_seq"),
        (compares_sorts, "`next_seq[client]` is a Seq and `issued` a Position: == takes two values of one sort"),
        (orders_identities, "`client` < `other`: a Client has no order"),
        (adds_positions, "`issued` + `issued`: a Position is moved by a Count, not by a Position"),
        (writes_another_sort, "writes `next_seq[client]`, a Seq, to issued: expected Position"),
        (indexes_by_another_sort, "indexes next_seq by [Ring]: expected [Client]"),
        (assigns_unknown, "assigns to 'isued': expected one of the scalars issued, row"),
        (requires_a_number, "requires `issued`, a Position: expected a condition"),
        (takes_an_undeclared_sort, "is declared as <class 'int'>: expected bool or a sort"),
    ],
)
def test_a_rule_of_the_language_is_kept_when_the_class_is_defined(body: Any, message: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        declare(body)
    assert message in str(caught.value)


def test_a_map_without_a_start_value_is_refused() -> None:
    with pytest.raises(ProtocolError, match=r"Wrong\.next_seq needs a start value"):
        declare(requires_a_number, next_seq=0)
