"""order4.epoch as a program: one worker plans for all rings, reserves once, and leaves nothing of a plan behind."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from fencepost.model.contract import Verdict
from fencepost.model.explorer.monitor.run import REFINEMENT
from fencepost.model.explorer.search.exploration import explore
from fencepost.model.explorer.subjects import arrivals, sequencer
from fencepost.model.programs import DESIGNS, Arriving, Scenario, attempts, threads
from fencepost.model.programs.layout import ISSUED
from fencepost.model.programs.operations import Attempted, Load, Operation, Program, Store, at
from fencepost.model.programs.sequencers.order4_epoch import Order4Epoch
from fencepost.model.programs.sequencers.worker import View
from fencepost.model.programs.threads import machine_of
from fencepost.native.schedules.exploration import explore as explore_native
from fencepost.native.schedules.lockstep import lockstep
from fencepost.native.schedules.pipeline import Mutant

EPOCH = DESIGNS["order4.epoch"]


class WaitsForMore(Order4Epoch):
    """An epoch is not ended before it is full."""

    def at_once(self) -> Generator[Operation, Any, View | None]:
        return (yield from self.readable())


class NeverReleased(Order4Epoch):
    """What was parked stays parked."""

    def release(self, client: int) -> Program:
        yield from ()


class ReservesForOne(Order4Epoch):
    """The epoch's reservation is for its first batch only."""

    def reserve(self, message_count: int) -> Generator[Operation, Any, int]:
        return (yield from super().reserve(1))


class NewestFirst(Order4Epoch):
    """What is planned last has its range first."""

    def place(self) -> Program:
        self._plan.reverse()
        yield from super().place()


class PlansBeyondTheEpoch(Order4Epoch):
    """The successor of a full plan joins the next epoch, which is reserved for before the full one."""

    def order(self, slot: Any) -> Program:
        full, self._plan = self._plan, [] if len(self._plan) == self.EPOCH_BATCH_COUNT else self._plan
        yield from super().order(slot)
        if full is not self._plan:
            yield from self.place()
            self._plan = full


class StoppedBetweenEpochs(Order4Epoch):
    """Each time it finds nothing more, the worker ends its epoch, is stopped, and forgets what is parked."""

    def at_once(self) -> Generator[Operation, Any, View | None]:
        found = yield from super().at_once()
        if found is None:
            yield from self.place()
            for slot in self._parked.values():
                view = self.views[slot.ring]
                view.index = min(view.index, slot.index)
            self._parked.clear()
        return found


def one(client: int, seq: int, count: int = 1) -> Arriving:
    return Arriving(client, seq, count)


def written(*rings: tuple[Arriving, ...]) -> Scenario:
    return Scenario(rings=rings, slots=4, written=True)


@pytest.mark.parametrize(
    ("scanner", "scenario", "broken"),
    [
        (WaitsForMore, written((one(0, 0), one(0, 1), one(0, 2))), ("drained",)),
        (NeverReleased, written((one(0, 1), one(0, 0))), ("drained",)),
        (ReservesForOne, written((one(0, 0, 2),)), ("dense", "unique")),
        (NewestFirst, written((one(0, 0), one(0, 1))), ("client-order", "prefix")),
        (PlansBeyondTheEpoch, written((one(0, 0), one(0, 1), one(0, 2))), ("client-order", "prefix")),
    ],
)
def test_an_epoch_that_is_planned_reserved_or_placed_otherwise_breaks_a_promise(
    scanner: type[Order4Epoch], scenario: Scenario, broken: tuple[str, ...]
) -> None:
    wrong = explore(sequencer(replace(EPOCH, scanner=scanner), scenario, "ncx"))
    assert wrong.violation is not None
    assert wrong.violation.property in broken
    assert explore(sequencer(EPOCH, scenario, "ncx")).verdict is Verdict.EXHAUSTED


def test_a_worker_that_is_stopped_between_two_epochs_loses_nothing() -> None:
    """Where it is stopped with a plan in hand, what it planned is never ordered: `epoch_abandoned` of the museum."""
    scenario = Scenario(rings=((one(0, 0),), (one(0, 1),)), slots=1, subscribers=True)
    stopped = explore(sequencer(replace(EPOCH, scanner=StoppedBetweenEpochs), scenario, "ncx"))
    assert (stopped.verdict, stopped.violation) == (Verdict.EXHAUSTED, None)


@pytest.mark.parametrize("shift", [-1, 1])
def test_a_range_that_is_not_where_the_plan_says_is_refused_by_the_spec(shift: int) -> None:
    class Shifted(Order4Epoch):
        def hand_out(self, slot: Any, start: int) -> Program:
            yield from super().hand_out(slot, start + shift)

    subject = sequencer(replace(EPOCH, scanner=Shifted), written((one(0, 0),)), "sc", asked=frozenset({REFINEMENT}))
    refused = explore(subject)
    assert refused.violation is not None
    assert "the plan's next is index 0 of ring 0 at 0" in refused.violation.sentence


def test_a_reservation_after_the_ranges_is_refused_by_the_spec() -> None:
    class Late(Order4Epoch):
        def reserve(self, message_count: int) -> Generator[Operation, Any, int]:
            start = yield Load(ISSUED)
            yield Store(ISSUED, start + message_count, at("reserve"))  # which happens when it leaves the store buffer
            return int(start)

    subject = sequencer(replace(EPOCH, scanner=Late), written((one(0, 0),)), "ncx", asked=frozenset({REFINEMENT}))
    assert explore(subject).verdict is Verdict.VIOLATED


# --- what an epoch holds ---


def operations(*rings: tuple[Arriving, ...]) -> list[Operation]:
    """Return what the worker does when all batches are there at the start."""
    machine = machine_of("order4.epoch", rings)
    receivers, (worker,) = threads("order4.epoch", rings)
    for receiver in receivers:
        while receiver.pending is not None:
            receiver.step(machine)
    done = []
    while worker.ready(machine):
        done.append(worker.step(machine)[0])
    return done


def test_an_epoch_takes_what_is_there_and_no_more_than_fits() -> None:
    done = operations((one(0, 1), one(0, 0, 2), one(1, 0)), (one(0, 2), one(1, 1)))
    reserved = [each.value for each in done if isinstance(each, Store) and each.address == ISSUED]
    assert reserved == [3, 5, 6]  # two of two batches, and one for what was left
    ordered = [each.start for each in done if isinstance(each, Attempted) and each.outcome == "ordered"]
    assert ordered == [0, 2, 3, 4, 5]


def test_a_copy_of_what_is_planned_or_parked_is_dropped_and_its_batch_is_not() -> None:
    rings = [[one(0, 1), one(0, 1), one(0, 0), one(0, 0)]]
    machine, made = attempts("order4.epoch", rings, seed=0)
    assert list(machine.ordered(4, 0)) == [(0, 1), (2, 0)]
    assert [each.outcome for each in made] == ["later", "later", "ordered", "duplicate", "ordered"]


def test_what_waits_for_a_gap_has_no_range_and_leaves_no_hole() -> None:
    machine, _ = attempts("order4.epoch", [[one(0, 0, 2), one(0, 2)], [one(1, 0)]], seed=0)
    assert machine.words.get(ISSUED) == 3
    assert list(machine.ordered(2, 0)) == [(0, 0)]


# --- beside the native build ---


@pytest.mark.parametrize("under", ["sc", "tso", "ncx"])
def test_two_received_batches_hold_in_every_run_of_either_build(under: str) -> None:
    scenario = Scenario(rings=arrivals(2, 2, 2), slots=1, subscribers=True, acknowledgers=True)
    mine, theirs = (each(sequencer(EPOCH, scenario, under)) for each in (explore_native, explore))
    assert (mine.verdict, mine.bound) == (theirs.verdict, theirs.bound)
    assert mine.counts == theirs.counts
    assert mine.verdict is Verdict.EXHAUSTED


def test_every_run_of_four_received_batches_holds_in_the_native_build() -> None:
    batches = ((one(0, 1), one(0, 2)), (one(0, 0, 2), one(0, 0, 2)))
    explored = explore_native(sequencer(EPOCH, Scenario(rings=batches, slots=2, subscribers=True), "ncx"))
    assert (explored.verdict, explored.violation) == (Verdict.EXHAUSTED, None)
    assert explored.counts.complete > 1000


@settings(max_examples=sized(40), deadline=None)
@given(
    rings=st.lists(
        st.lists(st.builds(Arriving, st.integers(0, 1), st.integers(0, 3), st.integers(1, 3)), max_size=4).map(tuple),
        min_size=1,
        max_size=3,
    ).map(tuple),
    under=st.sampled_from(["sc", "tso", "ncx"]),
    strategy=st.sampled_from(["random", "pct"]),
    seed=st.integers(0, 2**32),
)
def test_model_and_native_plan_reserve_and_place_alike(
    rings: tuple[tuple[Arriving, ...], ...], under: str, strategy: str, seed: int
) -> None:
    scenario = Scenario(rings=rings, slots=4, subscribers=True, acknowledgers=True)
    found = lockstep(EPOCH, scenario, under, strategy=strategy, seed=seed, runs=2, steps_most=400)
    assert found.same, str(found.difference)


def test_a_fault_that_is_built_into_the_native_worker_is_named_at_its_first_step() -> None:
    scenario = Scenario(rings=((one(0, 0),), (one(0, 1),)), slots=1, subscribers=True)
    found = lockstep(EPOCH, scenario, mutant=Mutant.GUARD_BEFORE_ENTRY)
    assert found.difference is not None
    assert found.difference.thread == "scanner 0"
    assert found.difference.model.startswith("does store chain 0 0 . entry")
    assert found.difference.native.startswith("does store chain 0 0 . guard")
    assert lockstep(EPOCH, scenario).same
