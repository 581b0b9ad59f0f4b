"""The parts of a simulation: lines and locks that queue, hosts that cache, the clock's ties, the watch, the figures."""

from collections.abc import Generator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from fencepost.model.contract import Level
from fencepost.model.memory.ordering import Buffered
from fencepost.model.programs.operations import (
    FetchAdd,
    Flush,
    FullFence,
    Load,
    Lock,
    Poll,
    Sleep,
    Store,
    StoreFence,
    Unlock,
    Watched,
    line_of,
)
from fencepost.model.simulation.clock import Clock, Process, Shuffled, Signal
from fencepost.model.simulation.contention import LineTimes, SharedLine
from fencepost.model.simulation.machine_costs import MachineCosts
from fencepost.model.simulation.measures import Window, _utilisation, mser5, percentile
from fencepost.model.simulation.monitor import Monitor
from fencepost.model.simulation.operations.machine import TimedMachine
from fencepost.model.simulation.operations.memory import TimedMemory
from fencepost.model.simulation.operations.threads import TimedThread
from fencepost.model.simulation.records import Batch, Busy, Slot, Tally

COSTS = MachineCosts()
TRANSFER, ATOMIC, HIT = int(COSTS.line_transfer), int(COSTS.atomic_hit), int(COSTS.load_hit)
EVICTED_AFTER = 10_000  # ns, of every line in these tests


# --- lines and locks ---


@given(st.integers(2, 12))
def test_the_last_of_n_cores_that_add_to_one_word_waits_for_all_the_others(cores: int) -> None:
    waits = Tally()
    line = SharedLine(LineTimes(COSTS), waits)
    line.atomic(0, 0)
    began = line.free_ns
    done = [line.atomic(core, began) for core in range(1, cores)]
    assert [done_ns - began for done_ns in done] == [k * (TRANSFER + ATOMIC) for k in range(1, cores)]
    assert list(waits.values)[1:] == [k * (TRANSFER + ATOMIC) for k in range(cores - 1)]


def test_a_core_that_owns_a_line_waits_for_nobody() -> None:
    line = SharedLine(LineTimes(COSTS), Tally())
    first = line.atomic(3, 0)
    assert line.atomic(3, first) == first + ATOMIC
    assert line.load(3, first + ATOMIC) == first + ATOMIC + HIT


def test_a_copy_to_read_is_kept_until_somebody_writes() -> None:
    line = SharedLine(LineTimes(COSTS))
    at_ns = line.store(0, 0)
    at_ns = line.load(1, at_ns)
    assert line.load(1, at_ns) == at_ns + HIT
    at_ns = line.store(0, at_ns)
    assert line.load(1, at_ns) == at_ns + TRANSFER + HIT


def machine(is_pooled: bool = True) -> tuple[TimedMachine, TimedMemory, Tally]:
    clock, staleness = Clock(), Tally()
    memory = TimedMemory(
        clock,
        COSTS,
        lambda name: lambda: EVICTED_AFTER,
        line_of=line_of,
        is_pooled=lambda line: is_pooled,
        staleness=staleness,
    )
    return TimedMachine(clock, COSTS, memory, observers={}), memory, staleness


def run(of: TimedMachine, until_ns: int = 10**6) -> None:
    for _ in of.clock.run_slices(until_ns):
        pass


Program = Generator[Any, Any, None]


@settings(max_examples=sized(40), deadline=None)
@given(st.integers(1, 6), st.integers(1, 20))
def test_atomic_additions_of_one_host_lose_nothing(threads: int, times: int) -> None:
    of, memory, _ = machine(is_pooled=False)

    def adds() -> Program:
        for _ in range(times):
            yield FetchAdd(("counter", "issued"), 1)

    for number in range(threads):
        TimedThread(of, f"adder {number}", adds(), 0)
    run(of)
    assert memory.load(memory.place(0, ("counter", "issued")), ("counter", "issued")) == threads * times
    assert of.operation_count == threads * times


@settings(max_examples=sized(30), deadline=None)
@given(st.integers(1, 6), st.integers(1, 8))
def test_a_lock_is_held_by_one_and_handed_over_in_the_order_of_the_requests(threads: int, times: int) -> None:
    of, _, _ = machine(is_pooled=False)
    inside: list[int] = []
    order: list[int] = []

    def enters(number: int) -> Program:
        for _ in range(times):
            yield Lock(("lock", "held"))
            assert not inside
            inside.append(number)
            order.append(number)
            yield Sleep(of.clock.now_ns + 500)
            inside.remove(number)
            yield Unlock(("lock", "held"))

    for number in range(threads):
        TimedThread(of, f"thread {number}", enters(number), 0)
    run(of)
    assert order == list(range(threads)) * times
    contended = [waited for waited in of.lock_waits.values if waited]
    assert len(contended) == (0 if threads == 1 else threads * times - 1)


def test_handing_a_lock_over_costs_more_the_more_cores_spin_on_it() -> None:
    took = {}
    for threads in (2, 4, 8):
        of, _, _ = machine(is_pooled=False)

        def enters() -> Program:
            for _ in range(20):
                yield Lock(("lock", "held"))
                yield Unlock(("lock", "held"))  # noqa: B023  (each machine runs its own)

        for number in range(threads):
            TimedThread(of, f"thread {number}", enters(), 0)
        run(of)
        took[threads] = (of.lock_held.at_ns[-1] - of.lock_held.at_ns[0]) / (20 * threads)
    assert took[2] < took[4] < took[8]


# --- hosts that are not coherent ---


def publication(flushes: bool) -> tuple[list[tuple[int, Any]], Tally, int]:
    """Publish from host 0; return when host 1 saw which payload, the staleness, and when the guard was stored."""
    of, _, staleness = machine()
    seen: list[tuple[int, Any]] = []
    stored: list[int] = []

    def writes() -> Program:
        yield Store(("data", "word"), 7)
        if flushes:
            yield Flush(("data",))
            yield StoreFence()
        yield Store(("guard", "word"), 1)
        stored.append(of.clock.now_ns)
        if flushes:
            yield Flush(("guard",))
            yield StoreFence()

    def reads() -> Program:
        yield Poll((Watched(("guard", "word"), 0, invalidate=True),))
        yield Flush(("data",))
        yield FullFence()
        value = yield Load(("data", "word"))
        seen.append((of.clock.now_ns, value))

    TimedThread(of, "writer", writes(), 0)
    TimedThread(of, "reader", reads(), 1)
    run(of)
    return seen, staleness, stored[0]


def test_a_flushed_publication_shows_after_its_write_back() -> None:
    [(seen_ns, value)], staleness, stored_ns = publication(flushes=True)
    assert value == 7
    assert seen_ns - stored_ns < 2000
    assert list(staleness.values) == [COSTS.flush + COSTS.cxl_write_back] * 2


def test_a_publication_that_nobody_flushes_shows_when_it_is_evicted() -> None:
    [(seen_ns, _)], staleness, stored_ns = publication(flushes=False)
    assert seen_ns - stored_ns >= EVICTED_AFTER
    assert list(staleness.values) == [EVICTED_AFTER] * 2


def test_a_reader_that_does_not_invalidate_keeps_its_old_copy() -> None:
    of, _, _ = machine()
    found = []

    def writes() -> Program:
        yield Sleep(1000)
        yield Store(("guard", "word"), 1)
        yield Flush(("guard",))
        yield StoreFence()

    def reads() -> Program:
        for at_ns in (0, 5000):
            yield Sleep(at_ns)
            found.append((yield Load(("guard", "word"))))
        yield Flush(("guard",))
        yield FullFence()
        found.append((yield Load(("guard", "word"))))

    TimedThread(of, "writer", writes(), 0)
    TimedThread(of, "reader", reads(), 1)
    run(of)
    assert found == [0, 0, 1]


def test_a_clwb_keeps_the_line_and_a_clflushopt_does_not() -> None:
    for kind, is_cached in ((Buffered.WB, True), (Buffered.FO, False)):
        of, memory, _ = machine()

        def writes(kind: Buffered = kind) -> Program:
            yield Store(("line", "word"), 1)
            yield Flush(("line",), kind)
            yield StoreFence()

        TimedThread(of, "writer", writes(), 0)
        run(of)
        assert (memory.line(0, ("line",)).words is not None) == is_cached


def test_two_hosts_that_add_to_one_word_take_the_same_number() -> None:
    of, _, _ = machine()
    taken: list[int] = []

    def adds() -> Program:
        taken.append((yield FetchAdd(("counter", "issued"), 1)))

    TimedThread(of, "one", adds(), 0)
    TimedThread(of, "other", adds(), 1)
    run(of)
    assert taken == [0, 0]


# --- the clock ---


def order_of_ties(clock: Clock) -> list[int]:
    seen: list[int] = []

    def waits(number: int) -> Process:
        yield clock.timeout(100)
        seen.append(number)

    for number in range(8):
        clock.process(waits(number))
    for _ in clock.run_slices(1000):
        pass
    return seen


def test_ties_are_broken_by_who_was_scheduled_first_or_in_a_drawn_order() -> None:
    assert order_of_ties(Clock()) == list(range(8))
    drawn = order_of_ties(Shuffled(Random(1)))
    assert drawn != list(range(8))
    assert sorted(drawn) == list(range(8))
    assert order_of_ties(Shuffled(Random(1))) == drawn


def test_a_signal_that_was_given_while_nobody_waited_is_not_lost() -> None:
    clock = Clock()
    signal, woken = Signal(clock), []

    def waits() -> Process:
        yield clock.timeout(10)
        yield signal.wait()
        woken.append(clock.now_ns)

    clock.process(waits())
    clock.call_at(5, signal.give)
    clock.call_at(7, signal.give)
    for _ in clock.run_slices(100):
        pass
    assert woken == [10]


# --- the contract inside ---


def slot(client: int, seq: int, start: int, *, count: int = 1, ring: int = 0, floor: int = 0, index: int = 0) -> Slot:
    made = Slot(Batch(client, seq, count, 64, 0), ring, 0, floor)
    made.index = index
    made.start = start
    made.batch.first = made
    return made


def watched(level: Level, *slots: Slot) -> dict[str, int]:
    watch = Monitor(level)
    for each in sorted(slots, key=lambda each: each.start):
        watch.reserved(each.start, each.batch.count, 0)
    for each in slots:
        watch.assigned(each, 0)
    return watch.times


def test_a_run_in_order_breaks_nothing() -> None:
    assert watched(4, slot(0, 0, 0, count=3), slot(1, 0, 3), slot(0, 1, 4)) == {}
    assert watched(5, slot(0, 1, 0), slot(0, 0, 1, index=1)) == {}


@pytest.mark.parametrize(
    ("level", "slots", "broken"),
    [
        (4, [slot(0, 1, 0)], {"prefix"}),
        (4, [slot(0, 0, 1), slot(0, 1, 0)], {"client-order"}),
        (4, [slot(0, 1, 0), slot(0, 0, 1)], {"prefix", "client-order"}),
        (4, [slot(0, 0, 0), slot(0, 0, 1)], {"once"}),
        (4, [slot(0, 0, 0), slot(1, 0, 2)], {"dense"}),
        (4, [slot(0, 0, 0, count=2), slot(1, 0, 1)], {"unique"}),
        (4, [slot(0, 0, 0, floor=5)], {"real-time"}),
        (5, [slot(0, 0, 1), slot(1, 0, 0, index=1)], {"ring-order"}),
        (5, [slot(0, 0, 0, index=1), slot(1, 0, 1)], {"ring-order"}),
        (5, [slot(0, 0, 1), slot(1, 0, 0, ring=1)], set()),
    ],
)
def test_what_breaks_the_contract_is_named(level: Level, slots: list[Slot], broken: set[str]) -> None:
    assert set(watched(level, *slots)) == broken


def test_an_ack_before_the_position_is_readable_is_not_safe() -> None:
    watch, early = Monitor(4), slot(0, 0, 0)
    early.offered_ns = 20
    watch.acked(early, 10)
    assert set(watch.broken) == {"ack-safe"}
    assert Monitor(4).broken == {}


def test_a_place_that_is_still_needed_must_not_be_used_again() -> None:
    watch, before, after = Monitor(5), slot(0, 0, 0), slot(0, 1, 1)
    before.consumed = True
    watch.filled(after, before, 5)
    assert not watch.broken
    before.consumed = False
    watch.filled(after, before, 5)
    assert watch.broken["no-overwrite"].said() == "at 5 ns: client 0 batch 1 overwrites client 0 batch 0"


# --- the figures ---


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=300), st.sampled_from([500, 900, 990, 999]))
def test_a_percentile_has_that_share_of_the_values_at_or_below_it(values: list[int], per_mille: int) -> None:
    ordered = sorted(values)
    found = percentile(ordered, per_mille)
    assert found in ordered
    assert sum(value <= found for value in ordered) * 1000 >= per_mille * len(ordered)
    assert sum(value < found for value in ordered) * 1000 < per_mille * len(ordered)


@given(st.integers(20, 60), st.integers(500, 900))
def test_mser5_leaves_out_a_transient_and_little_else(transient: int, length: int) -> None:
    random = Random(transient * 1000 + length)
    series = [5000 - 50 * k for k in range(transient)] + [random.randrange(900, 1100) for _ in range(length)]
    left_out = mser5(series)
    assert transient - 10 <= left_out <= transient + length // 3


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 50)), max_size=30), st.integers(0, 400))
def test_the_busy_share_of_a_window_counts_what_lies_in_it(gaps: list[tuple[int, int]], begin: int) -> None:
    moments: set[int] = set()
    busy, now = Busy(), 0
    for gap, length in gaps:
        now += gap
        busy.note(now, length)
        moments.update(range(now, now + length))
        now += length
    end = begin + 300
    assert busy.share(begin, end) == sum(begin <= moment < end for moment in moments) / 300


def test_ten_workers_that_are_each_busy_a_tenth_of_the_time_are_busy_a_tenth_on_the_mean() -> None:
    """Up to Python 3.11 `sum` rounds after each addition, which gives 0.09999999999999999; from 3.12 on 0.1."""
    workers = [Busy() for _ in range(10)]
    for busy in workers:
        busy.note(0, 1)
    assert _utilisation("scanner", workers, Window(0, 10))["utilisation_scanner_mean_share"] == 0.1
