"""Proofs: the sound protocols hold for any size, the wrong one is refuted, and nothing holds for want of events."""

from random import Random

import pytest
import z3

from fencepost.model.contract import Verdict
from fencepost.model.instance import Instance
from fencepost.model.language import Map, Protocol, action, every, invariant, promise
from fencepost.model.specs import PROTOCOLS, SOUND, protocol
from fencepost.model.specs.order4_cas_then_reserve import Order4CasThenReserve
from fencepost.model.specs.order4_claim import CLAIMED, Order4Claim
from fencepost.model.specs.vocabulary import Client, Count, Position, Ring, RingIndex
from fencepost.model.trace import Trace, counterexample, replay
from fencepost.proofs import BoundedSearch, induct, prove
from fencepost.proofs.induction import NATURAL, statements


@pytest.mark.parametrize("name", [each.name for each in SOUND])
def test_every_promise_of_a_sound_protocol_is_proved_for_any_size(name: str) -> None:
    proofs = prove(protocol(name))
    assert {proof.verdict for proof in proofs} == {Verdict.PROVED}
    assert [proof.property for proof in proofs] == list(protocol(name).promises)


@pytest.mark.parametrize(("name", "count"), [("order5.fetch_add", 39), ("order4.mutex", 170), ("order4.claim", 143)])
def test_the_number_of_obligations_is_pinned(name: str, count: int) -> None:
    assert induct(protocol(name)).obligation_count == count


def test_cas_then_reserve_is_refuted_in_six_steps_and_the_trace_replays() -> None:
    proofs = {proof.property: proof for proof in prove(Order4CasThenReserve)}
    verdicts = {name: (proof.verdict, proof.bound) for name, proof in proofs.items()}
    assert verdicts == {
        "unique": (Verdict.PROVED, "any size"),
        "dense": (Verdict.PROVED, "any size"),
        "contiguous": (Verdict.PROVED, "any size"),
        "client-order": (Verdict.VIOLATED, "6 steps"),
        "prefix": (Verdict.VIOLATED, "5 steps"),
        "once": (Verdict.PROVED, "any size"),
    }
    trace = proofs["client-order"].trace
    assert trace is not None
    assert replay(trace).violated_at == 6


def test_nothing_is_proved_from_a_statement_that_is_not() -> None:
    class Leaning(Protocol):
        name, level = "test.leaning", 5
        issued: Position = 0
        start: Map[Client, Position] = every(0)

        @action
        def jump(self, client: Client) -> None:
            self.start[client] = self.issued + 1

        @promise("unique")
        def leans_on_a_false_invariant(self, client: Client) -> bool:
            return self.start[client] == 0

        @invariant
        def false_after_one_step(self, client: Client) -> bool:
            return self.start[client] == 0

    assert induct(Leaning).proved == {NATURAL}


def test_a_number_below_zero_is_noticed() -> None:
    class Sinking(Protocol):
        name = "test.sinking"
        count: Count = 0

        @action
        def sink(self) -> None:
            self.count = self.count - 1

    assert induct(Sinking).failed[NATURAL].action == "sink"


class Unguarded(Order4Claim):
    """order4.claim without the test of the busy bit."""

    name = "test.unguarded"

    @action
    def claim(self, ring: Ring, index: RingIndex) -> None:
        client = self.slot_client[ring, index]
        self.require(self.stage[ring] == 0, self.readable(ring, index))
        self.require(self.next_seq[client] == self.slot_seq[ring, index])
        self.busy[client] = True
        self.claimer[client] = ring
        self.in_hand[ring] = index
        self.stage[ring] = CLAIMED
        self.take(ring, index)


def test_without_the_busy_bit_a_duplicate_is_ordered_twice() -> None:
    found = BoundedSearch(Unguarded, Instance(clients=1)).shortest(Unguarded.promises["once"], 6)
    assert found.steps is not None
    trace = Trace(Unguarded, "once", found.steps, Instance(clients=1), "z3")
    assert replay(trace).violated_at == len(found.steps) == 6


@pytest.mark.parametrize("name", [each.name for each in SOUND])
@pytest.mark.parametrize("auxiliary", ["ranges-are-issued-and-not-empty", "what-is-held-is-in-the-history"])
def test_an_auxiliary_invariant_is_needed(name: str, auxiliary: str) -> None:
    assert induct(protocol(name), without=frozenset({auxiliary})).failed


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_action_can_happen(name: str) -> None:
    """A walk of random enabled steps performs every action of the protocol."""
    spec, random, bounds = protocol(name), Random(1), Instance(clients=1, slots=4)
    seen: set[str] = set()
    for _ in range(40):
        state = spec()
        for _ in range(300):
            transition = random.choice(list(spec.actions.values()))
            picks = {each: random.choice(bounds.domain(sort)) for each, sort in transition.parameters}
            if state.try_fire(transition.name, **picks):
                seen.add(transition.name)
    assert seen == set(spec.actions)


WITNESS_STEPS = {
    "a-batch-of-several-messages-is-published": (3, 6, 5),
    "one-client-is-ordered-against-its-numbering": (4,),
    "a-batch-is-parked": (3, 2),
    "a-successor-waits-for-a-claim": (4,),
}


@pytest.mark.parametrize("name", WITNESS_STEPS)
def test_a_sometimes_has_a_shortest_witness(name: str) -> None:
    steps = []
    for spec in SOUND:
        if name in spec.witnesses:
            found = BoundedSearch(spec, Instance()).shortest(spec.witnesses[name], 7, witness=True)
            steps.append(found.depth if found.steps is not None else None)
    assert tuple(steps) == WITNESS_STEPS[name]


def test_a_search_without_result_says_how_deep_it_was() -> None:
    spec = protocol("order4.claim")
    found = BoundedSearch(spec, Instance()).shortest(spec.promises["once"], 3)
    assert (found.steps, found.depth, found.gave_up) == (None, 3, "")


def test_the_same_search_finds_the_same_run() -> None:
    runs = [
        BoundedSearch(Order4CasThenReserve, Instance()).shortest(Order4CasThenReserve.promises["prefix"], 5).steps
        for _ in range(2)
    ]
    assert runs[0] == runs[1]


def test_statements_hold_along_random_runs() -> None:
    """What is proved on symbols is true on values: every statement, after every step, in a small instance."""
    bounds, random = Instance(), Random(5)
    for spec in SOUND:
        state = spec()
        for _ in range(30):
            transition = random.choice(list(spec.actions.values()))
            state.try_fire(
                transition.name, **{each: random.choice(bounds.domain(sort)) for each, sort in transition.parameters}
            )
        for statement in statements(spec).values():
            assert counterexample(state, statement, bounds) is None, (spec.name, statement.name)


def test_induction_does_not_mistake_unknown_for_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(z3.Solver, "check", lambda self, *assumptions: z3.unknown)
    assert induct(Order4Claim).proved == set()
