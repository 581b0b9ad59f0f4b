"""The protocol language: its rules are kept, and an action means the same on values and on symbols."""

from typing import Annotated, Any

import pytest
import z3

from fencepost.model.errors import InputError, NotAccepted, ProtocolError
from fencepost.model.language import (
    Map,
    Protocol,
    Sort,
    Term,
    action,
    all_of,
    any_of,
    choose,
    every,
    implies,
    invariant,
    not_,
    promise,
    sometimes,
)
from fencepost.model.specs.vocabulary import Client, Count, Position, Ring, Row, Seq
from fencepost.proofs.symbolic import Initial, SuccessorState


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
    after = SuccessorState(Initial(), transition, arguments, Twice.fields)
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


def multiplies(self: Any) -> None:
    self.issued = 2 * self.issued


def takes_a_remainder(self: Any) -> None:
    self.require(self.issued % 2 == 0)


def divides(self: Any) -> None:
    self.issued = self.issued // 2


def joins_by_an_operator(self: Any) -> None:
    self.require((self.issued == 0) & (self.row == 0))


def negates_by_an_operator(self: Any) -> None:
    self.require(~(self.issued == 0))


def counts_to_a_term(self: Any) -> None:
    for _ in range(self.issued):
        self.row = self.row + 1


def compares_whole_maps(self: Any) -> None:
    self.require(self.next_seq == self.next_seq)


def tells_whole_maps_apart(self: Any) -> None:
    self.require(self.next_seq != self.next_seq)


def asks_for_the_truth_of_a_map(self: Any) -> None:
    if self.next_seq:
        self.row = 1


def loops_over_a_map(self: Any) -> None:
    for _ in self.next_seq:
        self.row = 1


def asks_a_map_for_its_items(self: Any) -> None:
    self.next_seq.items()


def copies_a_whole_map(self: Any) -> None:
    self.next_seq = self.next_seq


def reads_unknown(self: Any) -> None:
    self.require(self.isued == 0)


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
        (takes_an_undeclared_sort, "is declared as int: expected bool or a sort"),
        (multiplies, "`issued`: * is not in the language: let a field grow by the amount each time, or write the sum"),
        (takes_a_remainder, "`issued`: % is not in the language: keep the remainder or quotient in a field"),
        (divides, "`issued`: / is not in the language: keep the remainder or quotient in a field"),
        (joins_by_an_operator, "`issued == 0`: & is not in the language: write all_of(a, b), any_of(a, b) or not_(a)"),
        (negates_by_an_operator, "`issued == 0`: ^ or ~ is not in the language: write all_of(a, b)"),
        (
            counts_to_a_term,
            "`issued`: a term as a number is not in the language: a term has no value while an action is read",
        ),
        (compares_whole_maps, "`next_seq`: a comparison of whole maps is not in the language: compare their cells"),
        (tells_whole_maps_apart, "`next_seq`: a comparison of whole maps is not in the language: compare their cells"),
        (asks_for_the_truth_of_a_map, "`next_seq`: the truth of a whole map is not in the language: ask for a cell"),
        (loops_over_a_map, "`next_seq`: a loop over a map is not in the language: it has a cell for every index"),
        (asks_a_map_for_its_items, "`next_seq.items`: a Map has cells to read and write, next_seq[index], and fill"),
        (copies_a_whole_map, "assigns to the whole map next_seq: write one cell, next_seq[index] = value"),
        (reads_unknown, "reads 'isued', which is not declared: did you mean issued?"),
    ],
)
def test_a_rule_of_the_language_is_kept_when_the_class_is_defined(body: Any, message: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        declare(body)
    assert message in str(caught.value)
    assert isinstance(caught.value, InputError)


def test_a_map_without_a_start_value_is_refused() -> None:
    with pytest.raises(ProtocolError, match=r"Wrong\.next_seq needs a start value"):
        declare(requires_a_number, next_seq=0)


OPERATORS = [
    name
    for name in dir(int)
    if name.startswith("__") and callable(getattr(int, name)) and name not in dir(object) and name not in dir(Term)
]


def test_no_operator_of_integers_is_left_without_words() -> None:
    """What a term neither has nor refuses would end in a TypeError of Python, which says nothing of what to write."""
    conversions = {"__bool__", "__ceil__", "__floor__", "__round__", "__trunc__", "__getnewargs__"}
    assert set(OPERATORS) - conversions == set()


@pytest.mark.parametrize(
    ("sort", "start", "message"),
    [
        (Position, -1, r"Wrong\.start starts at -1: expected a whole number from 0, as every Position is"),
        (Position, True, r"Wrong\.start starts at True: expected a whole number from 0"),
        (Position, 0.5, r"Wrong\.start starts at 0\.5: expected a whole number from 0"),
        (bool, 0, r"Wrong\.start starts at 0: expected True or False"),
        (Map[Client, Position], every(-1), r"Wrong\.start starts at -1: expected a whole number from 0"),
        (Map[Client, bool], every(0), r"Wrong\.start starts at 0: expected True or False"),
    ],
)
def test_a_start_value_of_another_sort_is_refused(sort: Any, start: Any, message: str) -> None:
    """A proof takes it for granted that every cell holds a value of its sort: a counter from -1 was proved natural."""
    with pytest.raises(ProtocolError, match=message):
        type("Wrong", (Protocol,), {"start": start, "__annotations__": {"start": sort}})


@pytest.mark.parametrize("numeric", [True, False])
def test_two_sorts_of_one_name_are_refused(numeric: bool) -> None:
    own = Annotated[int, Sort("Client", numeric=numeric)]
    annotations = {"one": Client, "other": own}
    with pytest.raises(ProtocolError, match="Wrong has two sorts called Client: make the sort once"):
        type("Wrong", (Protocol,), {"one": 0, "other": 0, "__annotations__": annotations})


@pytest.mark.parametrize("name", ["truth", "literal"])
def test_a_sort_does_not_take_a_word_of_the_language(name: str) -> None:
    annotations = {"one": Annotated[int, Sort(name)]}
    with pytest.raises(ProtocolError, match=f"Wrong has a sort called {name}: expected another name"):
        type("Wrong", (Protocol,), {"one": 0, "__annotations__": annotations})


@pytest.mark.parametrize("name", ["", "a b", "1st", "a/b"])
def test_a_sort_is_called_by_a_word(name: str) -> None:
    with pytest.raises(ProtocolError, match="expected letters, digits and _, such as Shard"):
        Sort(name)


def holds(self: Any) -> bool:
    return bool(all_of())


@pytest.mark.parametrize("mark", [promise("same"), invariant, sometimes])
def test_two_statements_of_one_name_are_refused(mark: Any) -> None:
    """One would take the place of the other, and be proved in its name."""
    space = {"one": promise("same")(lambda self: all_of()), "same": mark(holds)}
    with pytest.raises(ProtocolError, match=r"states 'same', as one does: expected another name"):
        type("Wrong", (Protocol,), space)


def test_no_statement_takes_the_name_of_what_every_proof_claims() -> None:
    with pytest.raises(ProtocolError, match=r"states 'natural', as the language does: expected another name"):
        type("Wrong", (Protocol,), {"natural": invariant(lambda self: all_of())})


@pytest.mark.parametrize("name", ["", "a b", "a/b", 3])
def test_a_promise_may_have_any_name_that_a_file_may_have(name: Any) -> None:
    class Right(Protocol):
        @promise("no-turn-is-lost")
        def one(self) -> bool:
            return holds(self)

    assert list(Right.promises) == ["no-turn-is-lost"]
    with pytest.raises(ProtocolError, match="expected letters, digits, - and _"):
        promise(name)


def test_a_promise_without_a_name_is_refused() -> None:
    with pytest.raises(ProtocolError, match=r'a promise is called the method itself: .*@promise\("once"\)'):
        promise(holds)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["state", "fire", "promises", "for_all"])
def test_a_field_or_method_does_not_take_a_word_of_the_language(name: str) -> None:
    for space in ({name: 0, "__annotations__": {name: Position}}, {name: invariant(lambda self: all_of())}):
        with pytest.raises(ProtocolError, match=f"Wrong.{name} is a word of the language: expected another name"):
            type("Wrong", (Protocol,), space)


@pytest.mark.parametrize("result", [None, 3, "all"])
def test_a_statement_that_returns_no_condition_is_refused_with_its_name(result: Any) -> None:
    def stated(self: Any) -> Any:
        return result

    space = {"stated": invariant(stated)}
    with pytest.raises(ProtocolError, match=r"Wrong\.stated"):
        type("Wrong", (Protocol,), space)


def test_a_protocol_that_does_not_name_itself_is_called_like_its_class() -> None:
    class Renamed(Counter):
        pass

    assert (Counter.name, Renamed.name) == ("test.counter", "Renamed")
    with pytest.raises(ProtocolError, match="Wrong is called 'a/b': expected letters, digits"):
        type("Wrong", (Protocol,), {"name": "a/b"})
