"""The programs: they refine their spec in every run, order what can be ordered, and follow a given trace."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError, NotAccepted
from fencepost.model.histories import Workload, verify
from fencepost.model.histories.drained import Batches, left_over, orderable
from fencepost.model.programs import DESIGNS, Arriving, Machine, attempts, follow, threads
from fencepost.model.programs.operations import CompareExchange, FetchAdd, Load, Store
from fencepost.model.recordings import recorded_workload
from fencepost.model.simulation import history_of, simulate
from fencepost.model.specs import SOUND, protocol
from fencepost.model.specs.order4_claim import Order4Claim
from fencepost.model.trace import Step
from fencepost.proofs import prove

SOUND_NAMES = [each.name for each in SOUND if each.name in DESIGNS]


@st.composite
def workloads(draw: st.DrawFn) -> Workload:
    """Arrivals of a few clients on a few rings: out of order, with gaps and duplicates."""
    row = st.tuples(
        st.integers(0, 2),  # client
        st.integers(0, 4),  # seq
        st.integers(0, 2),  # broker
        st.integers(1, 3),  # messages
    )
    rows = draw(st.lists(row, min_size=1, max_size=14))
    times = sorted(draw(st.lists(st.integers(0, 2000), min_size=len(rows), max_size=len(rows))))
    columns = zip(*rows, strict=True)
    names = ("client_id", "batch_seq", "broker_id", "message_count")
    return Workload.from_columns(
        {**dict(zip(names, columns, strict=True)), "payload_bytes": [64] * len(rows), "arrival_ns": times}
    )


@pytest.mark.parametrize("name", SOUND_NAMES)
@settings(max_examples=sized(60), deadline=None)
@given(workload=workloads(), seed=st.integers(0, 1000))
def test_any_simulated_run_refines_its_spec_and_keeps_the_contract(name: str, workload: Workload, seed: int) -> None:
    run = simulate(name, workload, seed=seed)
    level = protocol(name).level
    assert left_over(workload, run.history, level) == ""
    if len(run.history):
        assert verify(run.history, level).verdict is Verdict.NOT_FOUND


@pytest.mark.parametrize("name", SOUND_NAMES)
def test_the_recorded_workload_is_ordered_whole(name: str) -> None:
    level = protocol(name).level
    run = simulate(name, recorded_workload(level))
    assert len(run.history) == 4200
    assert run.counts["arrive"] - len(run.history) == (89 if level == 4 else 0)
    if name in ("order4.owner", "order4.epoch"):  # a copy of what is parked is dropped at once, and the spec keeps it
        assert 0 < run.counts["drop"] <= 89
    else:
        assert run.counts.get("drop", 0) == (89 if level == 4 else 0)
        assert (run.counts.get("park", 0) > 100) == (level == 4)


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    workload = recorded_workload(4)
    runs: list[list[Any]] = [[], [], []]
    for steps, seed in zip(runs, (1, 1, 2), strict=True):
        simulate("order4.claim", workload, seed=seed, on_step=lambda *step, to=steps: to.append(step))
    assert runs[0] == runs[1] != runs[2]


def test_the_wrong_variant_follows_its_counterexample_into_a_bad_history() -> None:
    proofs = {proof.property: proof for proof in prove(protocol("order4.cas_then_reserve"))}
    trace = proofs["client-order"].trace
    assert trace is not None
    machine, rings = follow("order4.cas_then_reserve", trace.steps)
    finding = verify(history_of(machine, [0, 1], rings), 4)["client-order"]
    assert (finding.verdict, finding.count) == (Verdict.VIOLATED, 1)


def test_the_right_variant_cannot_follow_it() -> None:
    steps = [
        Step("arrive", {"ring": 0, "client": 0, "seq": 0, "count": 1}),
        Step("arrive", {"ring": 1, "client": 0, "seq": 1, "count": 1}),
        Step("claim", {"ring": 0, "index": 0}),
        Step("claim", {"ring": 1, "index": 0}),
    ]
    with pytest.raises(NotAccepted, match=r"step 4: scanner 1 performs park\(ring=1\): expected claim"):
        follow("order4.claim", steps)


def test_a_program_that_leaves_its_spec_is_refused_with_the_step() -> None:
    machine = Machine(Order4Claim())
    machine.perform(Store(("arrived", 0), 1, lambda _: Step("arrive", {"ring": 0, "client": 0, "seq": 0, "count": 1})))
    with pytest.raises(NotAccepted, match=r"order4\.claim does not accept reserve\(ring=0\): it requires `stage"):
        machine.perform(FetchAdd(("issued",), 1, lambda _: Step("reserve", {"ring": 0})))


def test_a_compare_exchange_that_fails_changes_nothing() -> None:
    machine = Machine(Order4Claim())
    machine.perform(Store(("word",), 5))
    assert machine.perform(CompareExchange(("word",), 4, 9)) == (5, None)
    assert machine.perform(Load(("word",))) == (5, None)
    assert machine.perform(CompareExchange(("word",), 5, 9)) == (5, None)
    assert machine.perform(Load(("word",))) == (9, None)


@pytest.mark.parametrize("name", [name for name in SOUND_NAMES if protocol(name).level == 4])
def test_a_batch_whose_predecessor_never_arrives_stays_parked(name: str) -> None:
    machine, made = attempts(name, [[Arriving(3, 1, 1), Arriving(3, 0, 2)], [Arriving(3, 3, 1)]], seed=4)
    assert list(machine.ordered(2, 0)) == [(0, 2), (1, 0)]
    assert list(machine.ordered(1, 1)) == []
    assert Counter(each.outcome for each in made)["ordered"] == 2


def test_two_parked_copies_of_one_batch_are_ordered_once() -> None:
    rings = [[Arriving(0, 1, 1), Arriving(0, 1, 1), Arriving(0, 0, 1)]]
    machine, made = attempts("order4.claim", rings, seed=0)
    assert list(machine.ordered(3, 0)) == [(0, 1), (2, 0)]
    assert [each.outcome for each in made].count("duplicate") == 1


def test_an_unknown_sequencer_lists_the_choices() -> None:
    with pytest.raises(InputError, match=r"unknown sequencer 'order6': expected one of order5\.fetch_add, "):
        threads("order6", [])


def test_the_sequencers_of_the_main_job_have_programs() -> None:
    assert {each.name for each in SOUND} == set(SOUND_NAMES)


def counted(batches: Batches) -> Counter[tuple[int, int]]:
    named = zip(batches.client.tolist(), batches.seq.tolist(), batches.copies.tolist(), strict=True)
    return Counter({(client, seq): copies for client, seq, copies in named})


def test_level_four_orders_up_to_the_first_gap_and_level_five_everything() -> None:
    rows = {"client_id": [1, 1, 1, 1], "batch_seq": [0, 2, 1, 1], "broker_id": [0, 0, 0, 1]}
    rows |= {"message_count": [1] * 4, "payload_bytes": [1] * 4, "arrival_ns": [0] * 4}
    assert counted(orderable(Workload.from_columns(rows), 4)) == Counter([(1, 0), (1, 1), (1, 2)])
    assert counted(orderable(Workload.from_columns(rows), 5)) == Counter([(1, 0), (1, 2), (1, 1), (1, 1)])
    rows["batch_seq"] = [0, 3, 1, 1]
    assert counted(orderable(Workload.from_columns(rows), 4)) == Counter([(1, 0), (1, 1)])
