"""The whole way of a batch in a race: rings that wrap, bounded parking, export, acknowledgement, stop and restart.

What is held against the contract is what subscribers and clients saw, not what scanners say they did.
"""

import os
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from fencepost.model.contract import Level, Verdict
from fencepost.model.histories import History, Workload, verify
from fencepost.model.histories.drained import left_over
from fencepost.model.recordings import recorded_workload
from fencepost.native import (
    LINE_INSTRUCTIONS,
    PUBLICATIONS,
    SEQUENCERS,
    ArrivalOutcome,
    RaceOptions,
    RaceResult,
    Sequencer,
    race,
)

LEVEL_4 = [name for name, level in SEQUENCERS.items() if level == 4]
COLUMNS = ("client_id", "batch_seq", "broker_id", "message_count")


def generated(seed: int, *, client_count: int = 5, batch_count: int = 80, ring_count: int = 3) -> Workload:
    """Clients stripe over rings, out of order by up to 20; one batch in eight is sent twice, a few are never sent."""
    random = np.random.default_rng(seed)
    sent = []
    for client in range(client_count):
        lacking = int(random.integers(batch_count)) if random.random() < 0.3 else -1
        for seq in range(batch_count):
            for _ in range(0 if seq == lacking else 1 + (random.random() < 0.125)):
                sent.append((seq + 20 * random.random(), client * 1024, seq, int(random.integers(ring_count))))
    rows = [(client, seq, ring, 1 + (client + seq) % 5, 0, 0) for _, client, seq, ring in sorted(sent)]
    return Workload.from_rows(rows)


def columns(workload: Workload, rows: npt.NDArray[Any] | slice = slice(None)) -> dict[str, Any]:
    return {name: getattr(workload, name)[rows] for name in COLUMNS}


def delivered(workload: Workload, result: RaceResult) -> History:
    rows = np.flatnonzero(result.delivered_position >= 0)
    given = {name: getattr(workload, name)[rows] for name in (*COLUMNS, "ring_index")}
    times = {"sent_ns": result.sent_ns[rows], "acked_ns": result.acked_ns[rows]}
    return History.from_columns({**given, "start_position": result.delivered_position[rows], **times})


def assert_what_was_seen_agrees(result: RaceResult) -> None:
    """Subscriber and client against scanner: nothing is made up, lost on the way, or acknowledged too early."""
    assert (result.delivered_position == result.start_position).all()
    assert result.content_fault_count == 0
    assert result.chain_fault_count == 0
    is_ordered = result.outcome == ArrivalOutcome.ORDERED
    assert (result.acked_ns[is_ordered] >= result.ordered_ns[is_ordered]).all()  # ack-safe: exported after ordered_ns
    assert (result.acked_ns[~is_ordered] == -1).all()


def assert_contract(name: str, workload: Workload, result: RaceResult) -> None:
    assert_what_was_seen_agrees(result)
    history = delivered(workload, result)
    level: Level = 4 if SEQUENCERS[name] == 4 else 5
    assert verify(history, level).verdict is Verdict.NOT_FOUND
    assert left_over(workload, history, level) == ""


@pytest.mark.parametrize("name", SEQUENCERS)
@settings(max_examples=10, deadline=None)
@given(slot_count=st.integers(1, 8), seed=st.integers(0, 2**32))
def test_small_rings_wrap_many_times_and_lose_nothing(name: str, slot_count: int, seed: int) -> None:
    races_through_small_rings(name, slot_count, seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", SEQUENCERS)
@settings(max_examples=sized(100), deadline=None)
@given(slot_count=st.integers(1, 8), seed=st.integers(0, 2**32))
def test_small_rings_wrap_many_times_in_many_races(name: str, slot_count: int, seed: int) -> None:
    races_through_small_rings(name, slot_count, seed)


def races_through_small_rings(name: str, slot_count: int, seed: int) -> None:
    workload = generated(seed, ring_count=1 + seed % 4)
    result = race(name, **columns(workload), seed=seed, options=RaceOptions(slot_count=slot_count))
    assert_contract(name, workload, result)
    assert result.lap_count_max > 3


@pytest.mark.parametrize("name", SEQUENCERS)
@pytest.mark.parametrize("publication", PUBLICATIONS)
@pytest.mark.parametrize("instruction", ["clflushopt", "clwb"])
def test_every_publication_delivers_everything(name: str, publication: str, instruction: str) -> None:
    if not LINE_INSTRUCTIONS[instruction]:
        pytest.skip(f"this machine has no {instruction}")
    line_instruction = "none" if publication == "none" else instruction
    options = RaceOptions(slot_count=7, publication=publication, line_instruction=line_instruction, guard_batch_count=5)
    workload = generated(3)
    assert_contract(name, workload, race(name, **columns(workload), seed=3, options=options))


@pytest.mark.parametrize("name", SEQUENCERS)
def test_scanners_that_never_yield_order_the_same(name: str) -> None:
    workload = generated(5, client_count=2, ring_count=1)
    result = race(name, **columns(workload), seed=5, options=RaceOptions(poll="pause"))
    assert_contract(name, workload, result)


@pytest.mark.parametrize("name", SEQUENCERS)
def test_the_recorded_workloads_pass_through_rings_of_eight(name: str) -> None:
    workload = recorded_workload(4 if SEQUENCERS[name] == 4 else 5)
    result = race(name, **columns(workload), seed=5, options=RaceOptions(slot_count=8))
    assert_contract(name, workload, result)
    assert (result.ordered_count, result.lap_count_max > 100) == (4200, True)


@pytest.mark.parametrize("name", SEQUENCERS)
@pytest.mark.parametrize("boundary", [2**31, 2**32, 2**63 - 1])
def test_races_pass_the_boundaries_of_narrower_words(name: str, boundary: int) -> None:
    workload = generated(4)
    plain = race(name, **columns(workload), seed=4)
    first_position = boundary - (plain.issued if boundary == 2**63 - 1 else plain.issued // 2)
    result = race(name, **columns(workload), seed=4, first_position=first_position)
    assert result.issued == first_position + plain.issued
    assert_what_was_seen_agrees(result)
    rows = np.flatnonzero(result.delivered_position >= 0)
    result.delivered_position[rows] -= first_position
    assert verify(delivered(workload, result), 4 if SEQUENCERS[name] == 4 else 5).verdict is Verdict.NOT_FOUND


# --- bounded parking --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LEVEL_4)
@pytest.mark.parametrize("ring_count", [1, 2, 3])
def test_room_for_what_clients_send_unacknowledged_is_room_enough(name: str, ring_count: int) -> None:
    """All clients together are at most 20 * 5 batches ahead (and as many copies), so 200 parked ones always fit."""
    for seed in range(6):
        workload = generated(seed, ring_count=ring_count)
        keep = complete(workload)
        result = race(name, **columns(workload, keep), seed=seed, parking_capacity=200)
        assert (result.held_ring_count, result.parked_count) == (0, 0)
        assert_what_was_seen_agrees(result)


def complete(workload: Workload) -> npt.NDArray[np.bool_]:
    """The rows of clients that lack no batch."""
    clients = workload.client_id.tolist()
    seqs = {client: set(workload.batch_seq[workload.client_id == client].tolist()) for client in clients}
    whole = [client for client, sent in seqs.items() if sent == set(range(max(sent) + 1))]
    return np.isin(workload.client_id, whole)


@pytest.mark.parametrize("name", LEVEL_4)
def test_too_little_room_holds_a_ring_and_loses_nothing_that_was_read(name: str) -> None:
    # Four batches wait for batch 0, which stands behind them: two find room, the third holds the ring.
    given: dict[str, Any] = {"client_id": [7] * 5, "batch_seq": [1, 2, 3, 4, 0], "broker_id": [0] * 5}
    for seed in range(8):
        held = race(name, **given, message_count=[1] * 5, parking_capacity=2, seed=seed)
        assert held.outcome.tolist() == [ArrivalOutcome.PARKED] * 2 + [ArrivalOutcome.WAITING] * 3
        assert (held.held_ring_count, held.issued) == (1, 0)
        enough = race(name, **given, message_count=[1] * 5, parking_capacity=4, seed=seed)
        assert enough.outcome.tolist() == [ArrivalOutcome.ORDERED] * 5


@pytest.mark.parametrize("name", LEVEL_4)
def test_rings_that_hold_each_other_end_the_race(name: str) -> None:
    # Ring 0 is held by client 1, whose batch 0 stands in ring 1 behind a batch of client 2, whose batch 0 is in ring 0.
    given: dict[str, Any] = {
        "client_id": [1, 1, 2, 2, 2, 1],
        "batch_seq": [1, 2, 1, 2, 0, 0],
        "broker_id": [0, 0, 1, 1, 0, 1],
        "message_count": [1] * 6,
    }
    for slot_count in (1, 2, 512):
        for seed in range(8):
            result = race(name, **given, parking_capacity=1, seed=seed, options=RaceOptions(slot_count=slot_count))
            assert_what_was_seen_agrees(result)
            assert result.ordered_count in (0, 3, 6)  # a worker that owns one of them only may get through
            if result.ordered_count == 0:
                assert result.held_ring_count == 2


@pytest.mark.parametrize("name", LEVEL_4)
@settings(max_examples=sized(60), deadline=None)
@given(
    sent=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 2)), max_size=30),
    slot_count=st.integers(1, 4),
    parking_capacity=st.integers(0, 4),
    seed=st.integers(0, 2**32),
)
def test_with_any_room_a_race_ends_and_orders_a_prefix_of_each_client(
    name: str, sent: list[tuple[int, int, int]], slot_count: int, parking_capacity: int, seed: int
) -> None:
    workload = Workload.from_rows([(client, seq, ring, 1 + seq % 2, 0, 0) for client, seq, ring in sent])
    options = RaceOptions(slot_count=slot_count)
    result = race(name, **columns(workload), parking_capacity=parking_capacity, seed=seed, options=options)
    assert_what_was_seen_agrees(result)
    if result.ordered_count:
        assert verify(delivered(workload, result), 4).verdict is Verdict.NOT_FOUND
    if result.held_ring_count == 0:
        assert not (result.outcome == ArrivalOutcome.WAITING).any()


# --- stop and restart -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SEQUENCERS)
def test_a_stopped_run_goes_on_where_it_was_and_the_whole_keeps_the_contract(name: str) -> None:
    level: Level = 4 if SEQUENCERS[name] == 4 else 5
    stopped_in_the_middle_count = sent_again_count = 0
    for seed in range(8):
        workload = generated(seed, ring_count=3)
        sequencer = Sequencer(name, 16, worker_count=3)
        histories: list[History] = []
        again = np.arange(len(workload))
        for stop_row in (100, 250, None):
            options = RaceOptions(slot_count=4, stop_row=stop_row)
            part = sequencer.race(**columns(workload, again), seed=seed, options=options)
            assert_what_was_seen_agrees(part)
            sent = Workload.from_rows([workload[int(row)] for row in again])
            histories.append(shifted(delivered(sent, part), len(histories)))
            stopped_in_the_middle_count += bool((part.outcome == ArrivalOutcome.WAITING).any())
            unacknowledged = part.acked_ns == -1
            if level == 4:  # a few that were acknowledged are sent again, as if their acknowledgements were lost
                unacknowledged |= np.random.default_rng(seed).random(len(again)) < 0.05
                sent_again_count += int((unacknowledged & (part.acked_ns >= 0)).sum())
            again = again[unacknowledged]
        whole = History.from_rows([row for history in histories for row in history])
        assert verify(whole, level).verdict is Verdict.NOT_FOUND
        if level == 4:
            assert left_over(workload, whole, level) == ""
        else:
            assert len(whole) == len(workload)
    assert stopped_in_the_middle_count > 8
    assert sent_again_count > 0 or level == 5


def shifted(history: History, run: int) -> History:
    """The history of the n-th run on one clock for all of them; ring indexes go on behind those of the run before."""
    hour_ns = 3_600 * 10**9
    given = {name: getattr(history, name) for name in History.COLUMNS}
    given["ring_index"] = given["ring_index"] + run * 10**6
    for name in ("sent_ns", "acked_ns"):
        given[name] = np.where(given[name] < 0, -1, given[name] + run * hour_ns)
    return History.from_columns(given)


def test_attempts_and_races_on_one_sequencer_go_on_from_each_other() -> None:
    for name in LEVEL_4:
        sequencer = Sequencer(name, 4)
        assert sequencer.try_order(1, 0, 2).start_position == 0
        result = sequencer.race(client_id=[1, 1], batch_seq=[2, 1], broker_id=[0, 0], message_count=[2, 2])
        assert result.start_position.tolist() == [4, 2]
        assert (result.acked_ns >= 0).all()
        assert sequencer.try_order(1, 3, 2).start_position == 6


# --- placement --------------------------------------------------------------------------------------


def test_placement_says_what_was_got_and_what_was_not_asked_for_is_nothing() -> None:
    workload = generated(1)
    plain = race("order4.claim", **columns(workload)).placement
    assert plain.memory_bytes >= 3 * 2 * 512 * 64  # three rings and three chains
    assert (plain.huge_page_bytes, plain.on_node_bytes, plain.bound_thread_count) == (0, 0, 0)
    assert plain.thread_count == 3 + 3 + 3 + 2


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="cores are bound on Linux only")
def test_threads_are_bound_to_cores_that_exist_and_to_no_others() -> None:
    workload = generated(1)
    allowed = sorted(os.sched_getaffinity(0))
    for cores, share in ((tuple(allowed), 1.0), ((1023,), 0.0), ((allowed[0], 1023), 0.5)):
        result = race("order5.epoch", **columns(workload), options=RaceOptions(cores=cores))
        got = result.placement
        assert got.bound_thread_count == pytest.approx(share * got.thread_count, abs=1)
        assert_contract("order5.epoch", workload, result)


@pytest.mark.parametrize("name", SEQUENCERS)
def test_placed_and_prefetched_races_keep_the_contract(name: str) -> None:
    workload = generated(2)
    options = RaceOptions(huge_pages=True, numa_node=0, prefetches=True, slot_count=6)
    result = race(name, **columns(workload), seed=2, options=options)
    assert_contract(name, workload, result)
    got = result.placement
    assert got.huge_page_bytes <= got.memory_bytes
    assert got.on_node_bytes <= got.memory_bytes
