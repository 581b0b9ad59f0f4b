"""Proofs: the sound protocols hold for any size, and what is proved rests on nothing that is not."""

from pathlib import Path

import pytest
import z3

from fencepost.model.contract import Verdict
from fencepost.model.errors import FencepostError, InputError
from fencepost.model.language import NATURAL, Map, Protocol, action, every, invariant, promise
from fencepost.model.specs import REFUTED, SOUND, protocol
from fencepost.model.specs.order4_claim import Order4Claim
from fencepost.model.specs.vocabulary import Client, Count, Position
from fencepost.model.trace import replay
from fencepost.model.walk import walk
from fencepost.proofs import Solving, Theorem, induct, prove, second_opinion
from fencepost.proofs.induction import Induction, candidates_of, kept_by
from fencepost.proofs.mutants import EQUIVALENT, Mutant, mutants
from fencepost.proofs.solving import Disagreement

NAMES = [each.name for each in SOUND]

# What is claimed for its own sake: no promise needs it to be proved.
CLAIMS = {"no-slot-that-was-passed-is-lost"}


@pytest.mark.parametrize("name", NAMES)
def test_every_promise_of_a_sound_protocol_is_proved_for_any_size(name: str) -> None:
    proofs = prove(protocol(name))
    assert {proof.verdict for proof in proofs} == {Verdict.PROVED}
    assert [proof.property for proof in proofs] == list(protocol(name).promises)


PINNED_COUNTS = {
    "order5.fetch_add": 77,
    "order5.epoch": 170,
    "order4.mutex": 251,
    "order4.sharded_mutex": 251,
    "order4.claim": 241,
    "order4.owner": 251,
    "order4.epoch": 323,
}


class Mistaken(Protocol):
    """One action breaks what it writes; what only the other one writes is kept by it."""

    name, level = "test.mistaken", 5
    low: Position = 0
    high: Position = 0

    @action
    def raise_low(self) -> None:
        self.low = self.low + 1

    @action
    def raise_high(self) -> None:
        self.high = self.high + 1

    @invariant
    def below(self) -> bool:
        return self.low <= self.high

    @invariant
    def counted(self) -> bool:
        return self.high >= 0


@pytest.mark.parametrize("name", NAMES)
def test_the_number_of_obligations_is_pinned(name: str) -> None:
    assert induct(protocol(name)).obligation_count == PINNED_COUNTS[name]


WRONG = [pytest.param(each, marks=pytest.mark.slow) for each in REFUTED]  # half a minute each: unknowns are asked again


@pytest.mark.parametrize("each", [protocol("order5.fetch_add"), protocol("order4.claim"), Mistaken, *WRONG])
def test_what_an_action_does_not_write_is_kept_as_z3_would_say(each: type[Protocol], tmp_path: Path) -> None:
    """Where queries are written to files none is left out; both ways prove and refuse the same."""
    short, whole = induct(each), induct(each, solving=Solving(emit=tmp_path))
    assert short.proved == whole.proved
    assert short.obligation_count == whole.obligation_count
    # How Z3 fails, "sat" or "unknown", may depend on what it was asked before.
    assert {name: (one.action, one.assumed) for name, one in short.failed.items()} == {
        name: (one.action, one.assumed) for name, one in whole.failed.items()
    }


def test_a_theorem_lists_what_it_rests_on_and_only_prove_makes_one() -> None:
    theorem = prove(Order4Claim)[0].theorem
    assert theorem is not None
    assert {"a-busy-client-is-worked-on", NATURAL} < theorem.uses
    with pytest.raises(TypeError, match=r"made by fencepost\.proofs\.prove"):
        Theorem("order4.claim", "unique", frozenset())


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


class Weakened(Order4Claim):
    """order4.claim with one auxiliary invariant that says nothing."""

    name = "test.weakened"

    @invariant
    def a_busy_client_is_worked_on(self, client: Client) -> bool:
        return self.busy[client] == self.busy[client]


def test_a_step_that_induction_cannot_exclude_is_small_and_is_shown() -> None:
    proofs = {proof.property: proof for proof in prove(Weakened, depth=3)}
    proof = proofs["once"]
    assert proof.verdict is Verdict.UNKNOWN
    assert "none in 3 steps" in proof.bound
    assert proof.cti is not None
    assert proof.cti.step.action == "reserve"
    assert len(proof.cti.cells) <= 30  # of some hundred; which ones is Z3's choice
    assert "once is violated for one = row" in str(proof.cti)


def fails_without(spec: type[Protocol], auxiliary: str) -> bool:
    candidates = {name: each for name, each in candidates_of(spec).items() if name != auxiliary}
    once = Induction(Solving(attempts=1))
    return any(kept_by(spec, each, candidates, once, until_first=True) for each in spec.actions.values())


# Implied by the others, as Z3 finds now and then; with it, it finds the proof every time.
AIDS = {("order5.epoch", "the-frontier-waits-for-what-rests")}
AUXILIARY = [
    (each.name, name)
    for each in SOUND
    for name in each.invariants
    if name not in CLAIMS and (each.name, name) not in AIDS
]


@pytest.mark.parametrize(("name", "auxiliary"), AUXILIARY)
def test_without_any_one_auxiliary_invariant_some_obligation_fails(name: str, auxiliary: str) -> None:
    assert fails_without(protocol(name), auxiliary)


@pytest.mark.parametrize("name", NAMES)
def test_every_action_happens_and_every_sometimes_is_reached(name: str) -> None:
    spec = protocol(name)
    coverage = walk(spec)
    assert set(coverage.actions) == set(spec.actions)
    assert set(coverage.witnesses) == set(spec.witnesses)


def test_a_walked_run_can_be_run_again() -> None:
    run = walk(Order4Claim).witnesses["a-successor-waits-for-a-claim"]
    state = Order4Claim()
    for step in run:
        state.fire(step.action, **step.arguments)


WEAKENED = {
    "order5.fetch_add": 8,
    "order5.epoch": 14,
    "order4.mutex": 18,
    "order4.sharded_mutex": 18,
    "order4.claim": 19,
    "order4.owner": 21,
    "order4.epoch": 20,
}
QUICKLY_KILLED = ("order4.claim",)


KILLED = [pytest.param(name, marks=() if name in QUICKLY_KILLED else pytest.mark.slow) for name in NAMES]


@pytest.fixture(scope="module", params=KILLED)
def killed(request: pytest.FixtureRequest) -> list[Mutant]:
    return list(mutants((protocol(request.param),)))


def test_leaving_out_any_requirement_is_noticed_or_explained(killed: list[Mutant]) -> None:
    assert [mutant.name for mutant in killed if mutant.killed_by is None and mutant.equivalent is None] == []


def test_the_kill_table_is_pinned(killed: list[Mutant]) -> None:
    missed = {(each.protocol, each.action, each.requirement) for each in killed if each.killed_by is None}
    assert len(killed) == WEAKENED[killed[0].protocol]
    assert missed == {each for each in EQUIVALENT if each[0] == killed[0].protocol}


def test_every_requirement_of_a_sound_protocol_is_in_the_table() -> None:
    assert {each.name: sum(len(action.guards) for action in each.actions.values()) for each in SOUND} == WEAKENED
    assert sum(WEAKENED.values()) == 118
    assert {name for name, *_ in EQUIVALENT} <= WEAKENED.keys()


def test_what_is_caught_is_confirmed_by_a_step_that_breaks_a_claim(killed: list[Mutant]) -> None:
    """Z3 mostly gives up on what fails; a state of a small instance, and one step from it, is beyond doubt."""
    assert [each.name for each in killed if each.killed_by is not None and each.cti is None] == []
    assert {each.outcome for each in killed} == {"caught", "equivalent"}


def test_unknown_is_never_taken_for_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(z3.Solver, "check", lambda self, *assumptions: z3.unknown)
    assert induct(Order4Claim).proved == set()


def test_too_little_work_gives_unknown() -> None:
    proofs = prove(protocol("order5.fetch_add"), depth=1, solving=Solving(resource_limit=100))
    assert Verdict.UNKNOWN in {proof.verdict for proof in proofs}


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=() if each == "order5.fetch_add" else pytest.mark.slow) for each in NAMES]
)
def test_cvc5_decides_every_obligation_the_same(name: str) -> None:
    assert induct(protocol(name), solving=Solving(choice="both")).failed == {}


def test_a_disagreement_is_an_error_that_names_the_query(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_opinion, "decide", lambda query: "sat")
    with pytest.raises(Disagreement, match=r"order5\.fetch_add\.start\.unique: Z3 says unsat and cvc5 sat"):
        induct(protocol("order5.fetch_add"), solving=Solving(choice="both"))
    assert issubclass(Disagreement, FencepostError)


def test_a_solver_that_is_not_installed_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cvc5", None)
    with pytest.raises(InputError, match=r"pip install 'fencepost\[crosscheck\]'"):
        Solving(choice="cvc5")


def test_a_promise_is_proved_or_has_a_counterexample_to_replay() -> None:
    for proof in prove(protocol("order5.highest_published")):
        assert proof.theorem is None or proof.trace is None
        if proof.trace is not None:
            assert replay(proof.trace).violated_at == len(proof.trace.steps)
