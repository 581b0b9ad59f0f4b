"""The wrong protocols: each breaks its promise in a shortest run, which replays on values."""

from pathlib import Path

import pytest

import fencepost
from fencepost.model.instance import Instance
from fencepost.model.itf import read_trace, write_trace
from fencepost.model.language import action
from fencepost.model.programs import DESIGNS
from fencepost.model.specs import REFUTED, SOUND, protocol
from fencepost.model.specs.order4 import IDLE, TAKEN
from fencepost.model.specs.order4_claim import Order4Claim
from fencepost.model.specs.vocabulary import Ring, RingIndex
from fencepost.model.trace import Trace, counterexample, replay
from fencepost.model.walk import walk
from fencepost.proofs import shortest
from fencepost.proofs.induction import statements

SHORTEST = {
    ("order4.cas_then_reserve", "client-order"): 6,
    ("order4.cas_then_reserve", "prefix"): 5,
    ("order4.reserve_then_cas", "dense"): 6,
    ("order4.reserve_then_cas_unchecked", "once"): 6,
    ("order4.modulo_table", "prefix"): 4,
    ("order4.first_expectation_zero", "once"): 4,
    ("order4.reserve_for_parked", "dense"): 2,
    ("order4.reserve_for_parked", "client-order"): 6,
    ("order4.seed_from_first_seen", "prefix"): 2,
    ("order5.split_counter", "unique"): 4,
    ("order5.split_counter", "contiguous"): 4,
    ("order5.highest_published", "frontier"): 6,
    ("order5.any_slot", "ring-order"): 5,
    ("order5.newest_record", "agreement"): 6,
}


def test_every_broken_promise_is_pinned() -> None:
    assert set(SHORTEST) == {(each.name, name) for each, names in REFUTED.items() for name in names}


@pytest.mark.parametrize(("name", "broken"), SHORTEST)
def test_the_shortest_counterexample_is_found_written_and_replayed(name: str, broken: str, tmp_path: Path) -> None:
    spec = protocol(name)
    found = shortest(spec, spec.promises[broken], depth=6, bounds=Instance())
    assert found.steps is not None
    assert len(found.steps) == SHORTEST[name, broken]
    trace = Trace(spec, broken, found.steps, Instance(), "z3")
    assert replay(trace).violated_at == len(found.steps)
    write_trace(tmp_path / "trace.itf.json", trace)
    assert read_trace(tmp_path / "trace.itf.json") == trace


def test_a_counterexample_says_in_words_what_is_wrong() -> None:
    said = {}
    for name, broken in (("order4.reserve_for_parked", "dense"), ("order5.highest_published", "frontier")):
        spec = protocol(name)
        steps = shortest(spec, spec.promises[broken], depth=6, bounds=Instance()).steps
        said[broken] = replay(Trace(spec, broken, steps or (), Instance(), "z3")).explanation
    assert said == {
        "dense": "dense is violated for position = 0, of no batch",
        "frontier": "frontier is violated for position = 0, of row 0: client 0 batch 0 of ring 0 at 0, not published",
    }


def test_every_promise_that_specs_make_has_a_broken_twin() -> None:
    made = {name for each in SOUND for name in each.promises}
    broken = {name for names in REFUTED.values() for name in names}
    assert made - broken == set()


def test_the_same_search_finds_the_same_run() -> None:
    spec = protocol("order4.cas_then_reserve")
    runs = [shortest(spec, spec.promises["prefix"], depth=5, bounds=Instance()).steps for _ in range(2)]
    assert runs[0] == runs[1]


def test_a_search_without_result_says_how_deep_it_was() -> None:
    spec = protocol("order4.claim")
    found = shortest(spec, spec.promises["once"], depth=3, bounds=Instance())
    assert (found.steps, found.depth, found.gave_up) == (None, 3, "")


class Unguarded(Order4Claim):
    """order4.claim without the test of the busy bit."""

    name = "test.unguarded"

    @action
    def claim(self, ring: Ring, index: RingIndex) -> None:
        client = self.slot_client[ring, index]
        self.require(self.stage[ring] == IDLE, self.readable(ring, index))
        self.require(self.next_seq[client] == self.slot_seq[ring, index])
        self.busy[client] = True
        self.claimer[client] = ring
        self.in_hand[ring] = index
        self.stage[ring] = TAKEN
        self.take(ring, index)


def test_without_the_busy_bit_a_duplicate_is_ordered_twice() -> None:
    bounds = Instance(clients=1)
    found = shortest(Unguarded, Unguarded.promises["once"], depth=6, bounds=bounds)
    assert found.steps is not None
    assert replay(Trace(Unguarded, "once", found.steps, bounds, "z3")).violated_at == len(found.steps) == 6


WITNESS_STEPS = {
    "a-batch-of-several-messages-is-published": (3, 5, 6, 6, 5, 6, 6),
    "one-client-is-ordered-against-its-numbering": (4, None),
    "a-batch-is-parked": (3, 3, 2, 3, 2),
    "a-successor-waits-for-a-claim": (4,),
}


@pytest.mark.parametrize("name", WITNESS_STEPS)
def test_a_sometimes_has_a_shortest_witness(name: str) -> None:
    steps = []
    for spec in SOUND:
        if name in spec.witnesses:
            found = shortest(spec, spec.witnesses[name], depth=6, bounds=Instance(), witness=True)
            steps.append(found.depth if found.steps is not None else None)
    assert tuple(steps) == WITNESS_STEPS[name]


@pytest.mark.parametrize("name", [each.name for each in SOUND])
def test_what_is_proved_on_symbols_is_true_on_values_along_walked_runs(name: str) -> None:
    spec, bounds = protocol(name), Instance(slots=2, seqs=2)
    run = max(walk(spec).witnesses.values(), key=len)
    state = spec()
    for step in run:
        state.fire(step.action, **step.arguments)
        for statement in statements(spec).values():
            assert counterexample(state, statement, bounds) is None, (step, statement.name)


@pytest.mark.parametrize("name", sorted({each.name for each in REFUTED} & set(DESIGNS)))
def test_a_check_that_does_not_ask_z3_says_so_and_what_is_known(name: str) -> None:
    report = fencepost.check(name, engine="simulation")
    text = " ".join(str(report).split())
    assert "Not asked: z3, explorer, native." in text
    assert f"{name} is kept to be refuted: z3 shows that it breaks" in text
    assert "It keeps" not in text
    document = report.to_dict()
    assert document["engines"] == ["simulation"]
    assert document["known_to_break"] == {name: list(REFUTED[protocol(name)])}


def test_a_check_of_a_sound_design_names_the_engines_that_were_not_asked() -> None:
    text = " ".join(str(fencepost.check("order5.fetch_add", engine=("z3", "simulation"))).split())
    assert "Not asked: explorer, native. It keeps every promise that was asked" in text
    assert "refuted" not in text
