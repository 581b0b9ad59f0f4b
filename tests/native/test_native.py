"""Native races by real threads, each history against the contract's words; and how they stop."""

import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from fencepost.model.errors import InputError
from fencepost.model.recordings import recorded_workload
from fencepost.native import (
    ISSUED_MAX,
    SEQUENCERS,
    ArrivalOutcome,
    RaceResult,
    race,
    replay,
)

LEVEL_4 = [name for name, level in SEQUENCERS.items() if level == 4]
CLIENT_ID_MAX = 2**63 - 1


@dataclass(frozen=True)
class Arrival:
    client_id: int
    batch_seq: int
    broker_id: int
    message_count: int


@dataclass(frozen=True)
class Ordered:
    """An arrival that was ordered, with what the race says of it."""

    arrival: Arrival
    start: int
    sent_ns: int
    acked_ns: int


def columns(arrivals: list[Arrival]) -> dict[str, Any]:
    return {field.name: [getattr(arrival, field.name) for arrival in arrivals] for field in fields(Arrival)}


def raced(name: str, arrivals: list[Arrival], *, seed: int) -> RaceResult:
    return race(name, **columns(arrivals), seed=seed)


def ordered_rows(arrivals: list[Arrival], result: RaceResult) -> list[Ordered]:
    rows = zip(arrivals, result.outcome, result.start_position, result.sent_ns, result.acked_ns, strict=True)
    return [Ordered(row[0], *map(int, row[2:])) for row in rows if row[1] == ArrivalOutcome.ORDERED]


def generated(seed: int, *, client_count: int, batch_count: int, ring_count: int, gap_share: float) -> list[Arrival]:
    """Batches of several clients striped over rings, out of order by up to 20, one in eight sent twice; each client
    lacks one batch with probability `gap_share`."""
    random = np.random.default_rng(seed)
    brokers = [0, 7, 2**40, CLIENT_ID_MAX][:ring_count]
    drawn: list[tuple[float, Arrival]] = []
    for client in range(client_count):
        lacking = int(random.integers(batch_count)) if random.random() < gap_share else -1
        for seq in range(batch_count):
            for _ in range(0 if seq == lacking else 1 + (random.random() < 0.125)):
                broker = brokers[int(random.integers(ring_count))]
                arrival = Arrival(client * 1024, seq, broker, 1 + (client + seq) % 5)
                drawn.append((seq + 20 * random.random(), arrival))
    return [arrival for _, arrival in sorted(drawn, key=lambda pair: pair[0])]


@st.composite
def small_workloads(draw: st.DrawFn) -> list[Arrival]:
    ring_count = draw(st.integers(1, 4))
    sent = draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, ring_count - 1)), max_size=24))
    return [Arrival(client, seq, 10 * ring, 1 + (client + seq) % 3) for client, seq, ring in sent]


# --- the contract's words, on one race --------------------------------------------------------------


def assert_every_level(arrivals: list[Arrival], result: RaceResult) -> None:
    rows = sorted(ordered_rows(arrivals, result), key=lambda row: row.start)
    next_position = 0
    for row in rows:  # unique, dense, contiguous: the ranges tile 0..issued
        assert row.start == next_position
        next_position += row.arrival.message_count
    assert result.issued == next_position
    latest_sent_ns = 0
    for row in rows:  # real-time: none that is ordered before this one was sent after this one was acked
        assert latest_sent_ns <= row.acked_ns
        assert 0 <= row.sent_ns <= row.acked_ns
        latest_sent_ns = max(latest_sent_ns, row.sent_ns)
    assert (result.sent_ns >= 0).all()
    not_ordered = result.outcome != ArrivalOutcome.ORDERED
    assert (result.start_position[not_ordered] == -1).all()
    assert (result.acked_ns[not_ordered] == -1).all()


def assert_level_5(arrivals: list[Arrival], result: RaceResult) -> None:
    assert_every_level(arrivals, result)
    assert result.ordered_count == len(arrivals)  # drained; nothing is parked or dropped
    by_ring: dict[int, list[int]] = defaultdict(list)
    for arrival, start in zip(arrivals, result.start_position.tolist(), strict=True):
        by_ring[arrival.broker_id].append(start)
    assert all(starts == sorted(starts) for starts in by_ring.values())  # ring-order


def assert_level_4(arrivals: list[Arrival], result: RaceResult) -> None:
    assert_every_level(arrivals, result)
    arrived: dict[int, set[int]] = defaultdict(set)
    for arrival in arrivals:
        arrived[arrival.client_id].add(arrival.batch_seq)
    ordered: dict[int, list[int]] = defaultdict(list)
    for row in sorted(ordered_rows(arrivals, result), key=lambda row: row.start):
        ordered[row.arrival.client_id].append(row.arrival.batch_seq)
    for client, seqs in arrived.items():
        orderable_count = next(seq for seq in range(len(seqs) + 1) if seq not in seqs)
        # once, client-order, prefix and drained in one: exactly 0, 1, 2 ... as far as predecessors arrived
        assert ordered[client] == list(range(orderable_count))
    left_over: dict[tuple[int, int], list[int]] = defaultdict(list)
    for arrival, outcome in zip(arrivals, result.outcome.tolist(), strict=True):
        if arrival.batch_seq < len(ordered[arrival.client_id]):
            assert outcome != ArrivalOutcome.PARKED
        else:
            left_over[arrival.client_id, arrival.batch_seq].append(outcome)
    for outcomes in left_over.values():  # one copy stays parked; others may have been recognised as copies
        assert ArrivalOutcome.PARKED in outcomes
        assert ArrivalOutcome.ORDERED not in outcomes
    assert result.duplicate_count == int(np.count_nonzero(result.outcome == ArrivalOutcome.DUPLICATE))


ASSERT_LEVEL: dict[int, Callable[[list[Arrival], RaceResult], None]] = {4: assert_level_4, 5: assert_level_5}


@pytest.mark.parametrize("name", SEQUENCERS)
@settings(max_examples=sized(150), deadline=None)
@given(arrivals=small_workloads(), seed=st.integers(0, 2**64 - 1))
def test_small_races_keep_the_promises_of_their_level(name: str, arrivals: list[Arrival], seed: int) -> None:
    ASSERT_LEVEL[SEQUENCERS[name]](arrivals, raced(name, arrivals, seed=seed))


@pytest.mark.parametrize("name", SEQUENCERS)
@pytest.mark.parametrize("ring_count", [1, 2, 3, 4])
def test_medium_races_keep_the_promises_of_their_level(name: str, ring_count: int) -> None:
    for seed in range(24):
        arrivals = generated(seed, client_count=5, batch_count=60, ring_count=ring_count, gap_share=0.3)
        ASSERT_LEVEL[SEQUENCERS[name]](arrivals, raced(name, arrivals, seed=seed))


@pytest.mark.parametrize("name", LEVEL_4)
def test_races_see_parking_release_and_duplicates(name: str) -> None:
    released_count = duplicate_count = ordered_at_once_count = 0
    for seed in range(8):
        arrivals = generated(seed, client_count=4, batch_count=100, ring_count=3, gap_share=0)
        result = raced(name, arrivals, seed=seed)
        released_count += result.released_count
        duplicate_count += result.duplicate_count
        ordered_at_once_count += result.ordered_count - result.released_count
    assert min(released_count, duplicate_count, ordered_at_once_count) > 0


def test_a_claim_is_lost_sometimes() -> None:
    # On one free core a claim is lost only where its scanner is interrupted, so there must be many.
    for seed in range(300):
        arrivals = generated(seed, client_count=1, batch_count=3000, ring_count=2, gap_share=0)
        twice = [arrival for each in arrivals for arrival in (each, Arrival(each.client_id, each.batch_seq, 9, 1))]
        if raced("order4.claim", twice, seed=seed).claim_lost_count > 0:
            return
    pytest.fail("no claim was lost in 300 races")


@pytest.mark.parametrize("name", LEVEL_4)
def test_successors_of_a_batch_that_never_arrives_stay_parked(name: str) -> None:
    lacking_3 = [Arrival(1, seq, seq % 4, 2) for seq in range(40) if seq != 3]
    others = [Arrival(2, seq, (seq + 1) % 4, 1) for seq in range(40)]
    result = raced(name, lacking_3 + others, seed=1)
    assert_level_4(lacking_3 + others, result)
    assert (result.ordered_count, result.parked_count, result.issued) == (43, 36, 46)


@pytest.mark.parametrize("name", SEQUENCERS)
def test_an_empty_workload_is_raced_and_replayed(name: str) -> None:
    result = raced(name, [], seed=0)
    assert (result.outcome.size, result.issued, result.seconds) == (0, 0, 0.0)
    assert replay(name, client_id=[], batch_seq=[], message_count=[]).outcome.size == 0


@pytest.mark.parametrize("name", SEQUENCERS)
def test_the_recorded_workloads_are_ordered_whole(name: str) -> None:
    workload = recorded_workload(4 if SEQUENCERS[name] == 4 else 5)
    given: dict[str, Any] = {field.name: getattr(workload, field.name) for field in fields(Arrival)}
    result = race(name, **given, seed=4)
    duplicate_count = {4: 89, 5: 0}[SEQUENCERS[name]]
    assert (result.ordered_count, result.duplicate_count, result.parked_count) == (4200, duplicate_count, 0)


def native_thread_count() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
@pytest.mark.parametrize("name", SEQUENCERS)
def test_a_race_into_the_limit_is_refused_with_all_threads_joined(name: str) -> None:
    arrivals = [Arrival(client, seq, client, 1) for seq in range(50) for client in range(4)]
    thread_count = native_thread_count()
    for seed in range(8):
        with pytest.raises(InputError, match="no range of [0-9]+ positions is left"):
            race(name, **columns(arrivals), first_position=ISSUED_MAX - 150, seed=seed)
    assert race(name, **columns(arrivals), first_position=ISSUED_MAX - 200).issued == ISSUED_MAX
    patience_until = time.monotonic() + 1.0  # a joined thread may stay in /proc for a moment
    while native_thread_count() > thread_count and time.monotonic() < patience_until:
        time.sleep(0.001)
    assert native_thread_count() <= thread_count


# --- a guest in the interpreter ---------------------------------------------------------------------

LONG_RACE = """
    import sys, time
    from fencepost.native import race
    import numpy
    rows = numpy.arange(1_000_000)        # a client of four, backwards, without its batch 0: all of it is parked
    print("racing", flush=True)
    try:
        seqs, ones = len(rows) - rows, numpy.ones_like(rows)
        race(sys.argv[1], client_id=rows % 4, batch_seq=seqs, broker_id=rows % 2, message_count=ones)
    except KeyboardInterrupt:
        print(time.monotonic())
"""


@pytest.mark.parametrize("name", LEVEL_4)
def test_ctrl_c_stops_a_long_race(name: str) -> None:
    command = [sys.executable, "-c", textwrap.dedent(LONG_RACE), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "racing\n"
        time.sleep(0.5)
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        stopped = child.stdout.read().strip()
    assert stopped, "the race was over before it could be interrupted"
    assert (
        float(stopped) - sent < 5.0
    )  # 0.25 s where a core is free; other work on the machine may take many such turns


def test_other_threads_run_during_a_native_loop() -> None:
    row_count, tick_count, done = 3_000_000, 0, threading.Event()

    def tick() -> None:
        nonlocal tick_count
        while not done.wait(0.001):
            tick_count += 1

    zeros = np.zeros(row_count, dtype=np.int64)
    ticker = threading.Thread(target=tick)
    ticker.start()
    before = tick_count
    replay("order5.fetch_add", client_id=zeros, batch_seq=zeros, message_count=zeros + 1)
    ticks_during = tick_count - before
    done.set()
    ticker.join()
    assert ticks_during >= 3
