"""The simulation of `check` beside the same run as SimPy's processes on plain tables: same steps, times, histories."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Generator
from dataclasses import replace
from operator import attrgetter
from random import Random
from typing import Any

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_bugs import ReleasesOne
from sizes import sized

from fencepost.model.contract import Level, Verdict
from fencepost.model.errors import NotAccepted
from fencepost.model.histories import History, OrderedBatch, Workload, verify
from fencepost.model.histories.drained import left_over
from fencepost.model.instance import Instance
from fencepost.model.language import Protocol
from fencepost.model.language.columns import Column, flat_state
from fencepost.model.museum.attempts import ParkNeverRechecked
from fencepost.model.programs import DESIGNS, Arriving, Machine, Thread, attempts, design, threads
from fencepost.model.programs.machine import Words, watched, written
from fencepost.model.programs.operations import (
    Address,
    CompareExchange,
    DeviceAdd,
    Exchange,
    FetchAdd,
    Load,
    Lock,
    Operation,
    Poll,
    Sleep,
    Store,
    Unlock,
)
from fencepost.model.programs.pipeline import partition_steps
from fencepost.model.programs.roles.scanner import PASS, Scanner, Slot
from fencepost.model.programs.sequencers.order4 import Order4Claim
from fencepost.model.programs.sequencers.refinement import spec_steps
from fencepost.model.programs.threads import NEVER
from fencepost.model.recordings import recorded_workload
from fencepost.model.simulation import Costs, Run, rings_of, simulate
from fencepost.model.specs import SOUND, protocol
from fencepost.model.trace import Step

SOUND_NAMES = tuple(each.name for each in SOUND)
WRONG_NAMES = ("order4.cas_then_reserve",)


# --- the same run in plain words ---


class PlainMachine(Machine):
    """The memory as one table, and a spec whose maps are tables."""

    def __init__(self, spec: Protocol) -> None:
        super().__init__(spec)
        self.plain: dict[Address, Any] = {}
        self.starts: dict[tuple[int, int], int] = {}
        self.offered: dict[tuple[int, int], int] = {}

    def blocked(self, operation: Operation) -> bool:
        match operation:
            case Lock(address):
                return bool(self.plain.get(address, 0))
            case Poll(looked_at):
                return all(self.plain.get(each.address, 0) == each.seen for each in looked_at)
        return False

    def perform(self, operation: Operation) -> tuple[Any, Step | None]:
        result = self.effect(operation)
        step = operation.label(result) if operation.label is not None else None
        self.fired.clear()
        if step is not None:
            self._note(step)
            for each in spec_steps(self.spec, step):
                self.spec.fire(each.action, **each.arguments)
                self.fired.append(each)
        return result, step

    def effect(self, operation: Operation) -> Any:
        plain = self.plain
        match operation:
            case Load(address):
                return plain.get(address, 0)
            case Store(address, value):
                plain[address] = value
            case FetchAdd(address, amount) | DeviceAdd(address, amount):
                before = plain.get(address, 0)
                plain[address] = before + amount
                return before
            case CompareExchange(address, expected, desired):
                before = plain.get(address, 0)
                plain[address] = desired if before == expected else before
                return before
            case Exchange(address, value):
                before, plain[address] = plain.get(address, 0), value
                return before
            case Lock(address):
                plain[address] = 1
            case Unlock(address):
                plain[address] = 0
            case Poll(looked_at):
                found = ((at, plain.get(each.address, 0)) for at, each in enumerate(looked_at))
                return next((at, value) for at, value in found if value != looked_at[at].seen)
        return 0

    def _note(self, step: Step) -> None:
        place = step.arguments.get("ring", -1), step.arguments.get("index", -1)
        if step.action == "assign":
            self.starts[place] = step.arguments["start"]
        elif step.action == "export" and step.arguments["kind"] != PASS and place in self.starts:
            self.offered[place] = self.starts[place]


class SimpyRun:
    """Each thread a SimPy process; one that waits for words waits for any of the events of their change."""

    def __init__(self, sequencer: str, workload: Workload, seed: int) -> None:
        self.brokers = sorted(set(workload.broker_id.tolist()))
        self.rings: list[list[Arriving]] = [[] for _ in self.brokers]
        for each in workload:
            batch = Arriving(each.client_id, each.batch_seq, each.message_count, each.arrival_ns)
            self.rings[self.brokers.index(each.broker_id)].append(batch)
        self.machine = PlainMachine(protocol(sequencer)())
        chosen = design(sequencer)
        for step in partition_steps(chosen, len(self.rings), {one.client for ring in self.rings for one in ring}):
            self.machine.tell(step)
        self.environment, self.costs, self.random = simpy.Environment(), Costs(), Random(seed)
        self.steps: list[tuple[int, Step]] = []
        self.sent: dict[tuple[int, int], int] = {}
        self.acked: dict[tuple[int, int], int] = {}
        self.exporting: dict[int, int] = {}
        self.waiting: dict[Address, simpy.Event] = {}
        for group in threads(sequencer, self.rings):
            for thread in group:
                self.environment.process(self.process(thread))
        self.environment.run()

    def process(self, thread: Thread) -> Generator[simpy.Event, object, None]:
        environment = self.environment
        while (operation := thread.pending) is not None:
            yield environment.timeout(self.delay(operation))
            while self.machine.blocked(operation):
                changes = [self.waiting.setdefault(each, environment.event()) for each in watched(operation)]
                yield environment.any_of(changes)
                yield environment.timeout(self.costs.wake_ns)
            _, step = thread.step(self.machine)
            if step is not None:
                self.note(step, int(environment.now))
                self.steps.extend((int(environment.now), each) for each in self.machine.fired)
            address = written(operation)
            if address is not None and address in self.waiting:
                self.waiting.pop(address).succeed()

    def delay(self, operation: Operation) -> int:
        if isinstance(operation, Sleep):
            return max(0, operation.until_ns - int(self.environment.now))
        cost = self.costs.of(operation)
        return cost + self.random.randrange(cost + 1)

    def note(self, step: Step, now_ns: int) -> None:
        ring = step.arguments.get("ring", -1)
        if step.action == "arrive":
            self.sent[ring, sum(place[0] == ring for place in self.sent)] = now_ns
        elif step.action == "export":
            self.exporting[ring] = step.arguments["index"]
        elif step.action == "publish":
            self.acked[ring, step.arguments.get("index", self.exporting.get(ring, -1))] = now_ns

    def history(self) -> History:
        rows: list[OrderedBatch] = []
        for (ring, index), start in sorted(self.machine.offered.items()):
            batch, place = self.rings[ring][index], (ring, index)
            times = self.sent.get(place, -1), self.acked.get(place, -1)
            rows.append(OrderedBatch(batch.client, batch.seq, self.brokers[ring], index, batch.count, start, *times))
        return History.from_rows(sorted(rows, key=attrgetter("start_position")))


@st.composite
def workloads(draw: st.DrawFn) -> Workload:
    """Draw arrivals of few clients at up to three brokers: early ones, copies, and many at one nanosecond."""
    row = st.tuples(
        st.sampled_from((0, 1, 5, 2**62)), st.integers(0, 5), st.integers(0, 2), st.integers(1, 3), st.just(64),
        st.integers(0, 900),
    )  # fmt: skip
    rows = draw(st.lists(row, min_size=1, max_size=24))
    times = sorted(draw(st.sampled_from((0, 1))) * each[-1] for each in rows)
    return Workload.from_rows([(*each[:-1], at) for each, at in zip(rows, times, strict=True)])


def judged(history: History, workload: Workload, level: Level) -> dict[str, Verdict | str]:
    found: dict[str, Verdict | str] = {"drained": left_over(workload, history, level)}
    if len(history):
        found |= {each.property: each.verdict for each in verify(history, level).findings}
    return found


def same_run(name: str, workload: Workload, seed: int) -> tuple[Run, SimpyRun]:
    """Make both runs of one workload; assert that all of them is the same."""
    steps: list[tuple[int, Step]] = []
    run = simulate(name, workload, seed=seed, on_step=lambda now_ns, step: steps.append((now_ns, step)))
    plain = SimpyRun(name, workload, seed)
    assert steps == plain.steps
    assert run.history == plain.history()
    assert run.step_count == len(plain.steps)
    level = protocol(name).level
    assert judged(run.history, workload, level) == judged(plain.history(), workload, level)
    return run, plain


@pytest.mark.parametrize("name", [*SOUND_NAMES, *WRONG_NAMES])
@settings(max_examples=sized(40), deadline=None)
@given(workload=workloads(), seed=st.integers(0, 1000))
def test_a_simulated_run_is_that_of_simpy_step_by_step(name: str, workload: Workload, seed: int) -> None:
    same_run(name, workload, seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", SOUND_NAMES)
def test_the_recorded_workload_runs_as_under_simpy(name: str) -> None:
    same_run(name, recorded_workload(protocol(name).level), seed=1)


# --- wrong programs are found by both ---


class SkipsOne(Order4Claim):
    """Says of a client that the batch after the next is due."""

    def released(self, slot: Slot) -> int:
        return 2 * (slot.seq + 2)


def ran(run: Callable[[], History]) -> History | str:
    """Return the history of a run, or the words of the refusal that ended it."""
    try:
        return run()
    except NotAccepted as refusal:
        return str(refusal)


BEHIND = Workload.from_rows([(7, 2, 0, 1, 64, 0), (7, 1, 1, 1, 64, 0), (7, 2, 1, 1, 64, 5), (7, 0, 0, 2, 64, 9)])


@pytest.mark.parametrize("scanner", [SkipsOne, ReleasesOne, ParkNeverRechecked])
def test_what_a_wrong_scanner_does_is_found_by_both(scanner: type[Scanner], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DESIGNS, "order4.claim", replace(DESIGNS["order4.claim"], scanner=scanner))
    one = ran(lambda: simulate("order4.claim", BEHIND).history)
    assert one == ran(lambda: SimpyRun("order4.claim", BEHIND, 0).history())
    found = one if isinstance(one, str) else left_over(BEHIND, one, 4)
    assert found.startswith("order4.claim does not accept" if scanner is SkipsOne else "client 7 batch ")


# --- what a long run needs ---


def long_workload(batch_count: int) -> Workload:
    """Return batches of eight clients at four brokers, every third of which comes before the one before it."""
    rows = []
    for number in range(batch_count):
        client, seq = number % 8, number // 8
        seq += {0: 1, 1: -1}.get(seq % 3, 0)
        rows.append((client, seq, (seq + client) % 4, 2, 64, number * 200))
    return Workload.from_rows(rows)


@pytest.mark.parametrize("name", SOUND_NAMES)
def test_a_run_keeps_less_than_a_kilobyte_of_an_arrival(name: str) -> None:
    peaks = []
    for batch_count in (240, 1_200):
        workload = long_workload(batch_count)
        tracemalloc.start()
        simulate(name, workload)
        attempts(name, rings_of(workload)[1], 0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (peaks[1] - peaks[0]) / (1_200 - 240) < 800


def test_the_first_of_what_is_parked_is_found_without_a_look_at_all() -> None:
    """All but one batch wait for it, and then for one another: work for each must not grow with how many wait."""
    seconds = []
    for batch_count in (1_000, 8_000):
        batches = [Arriving(1, seq, 1) for seq in [*range(1, batch_count), 0]]
        began = time.process_time()
        attempts("order4.claim", [batches], 0)
        seconds.append(time.process_time() - began)
    assert seconds[1] < 16 * seconds[0]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from((*range(6), 70, 2**62)), st.integers(-(2**64), 2**64)), max_size=30))
def test_a_column_holds_what_a_table_does(writes: list[tuple[int, int]]) -> None:
    column, table = Column(7), dict[int, int]()
    for index, value in writes:
        column[index] = table[index] = value
        assert all(column[each] == table.get(each, 7) for each in (*range(80), 2**62))


VALUES = st.one_of(st.integers(-2, 2**64), st.tuples(st.integers(0, 9), st.integers(0, 2**64)), st.tuples(), st.none())


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), VALUES), max_size=30))
def test_words_hold_what_a_table_does(writes: list[tuple[int, Any]]) -> None:
    words, table = Words(), dict[Address, Any]()
    for slot, value in writes:
        address = ("header", 0, slot, "batch")
        words[address] = table[address] = value
        for each in range(5):
            address = ("header", 0, each, "batch")
            assert words.get(address, None) == table.get(address)


@pytest.mark.parametrize("name", [*SOUND_NAMES, "order4.cas_then_reserve", "order5.split_counter"])
@settings(max_examples=sized(30), deadline=None)
@given(data=st.data())
def test_a_flat_state_accepts_what_any_state_accepts(name: str, data: st.DataObject) -> None:
    spec, bounds = protocol(name), Instance()
    flat, plain = flat_state(spec, NEVER), spec()
    for _ in range(25):
        action = data.draw(st.sampled_from([each for each in spec.actions if each not in NEVER]))
        parameters = spec.actions[action].parameters
        given_ = {each: data.draw(st.sampled_from(bounds.domain(sort))) for each, sort in parameters}
        assert flat.try_fire(action, **given_) == plain.try_fire(action, **given_)


def test_a_flat_state_says_so_where_what_it_does_not_keep_is_asked_for() -> None:
    flat = flat_state(protocol("order4.claim"), NEVER)
    with pytest.raises(AssertionError, match="commit happens in a run that is said to have none of it"):
        flat.fire("commit", row=0)
    with pytest.raises(TypeError):
        flat.row_at[0]  # type: ignore[attr-defined]  # noqa: B018  # no action of such a run reads that map
