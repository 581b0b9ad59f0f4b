"""order4.owner as a program: clients are divided over workers that read every ring; each part of that is needed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fencepost.model.contract import Verdict
from fencepost.model.explorer.search.exploration import explore
from fencepost.model.explorer.subjects import sequencer
from fencepost.model.programs import DESIGNS, Arriving, Scenario, attempts
from fencepost.model.programs.operations import Program
from fencepost.model.programs.roles.scanner import Slot
from fencepost.model.programs.roles.subscriber import SubscriberOfWorkers
from fencepost.model.programs.sequencers.order4_owner import Order4Owner
from fencepost.model.programs.sequencers.partition import owner_of
from fencepost.native.schedules.exploration import explore as explore_native

OWNER = DESIGNS["order4.owner"]
ONE_BATCH = Scenario(rings=((Arriving(0, 0, 2),), ()), slots=1, written=True)


class Everybodys(Order4Owner):
    """Each worker takes every client for its own."""

    def owns(self, client: int) -> bool:
        return True


class Released(Order4Owner):
    """What was parked is released without regard to what is next."""

    def release(self, client: int) -> Program:
        for slot in [each for (of, _), each in self._parked.items() if of == client]:
            del self._parked[client, slot.seq]
            yield from self.order(slot)


class NeverReleased(Order4Owner):
    """What was parked stays parked."""

    def release(self, client: int) -> Program:
        yield from ()


class Silent(Order4Owner):
    """A worker says nothing of the slots of others."""

    def take(self, view: "View") -> Program:  # type: ignore[name-defined]  # noqa: F821
        slot: Slot = yield from view.read(view.index)
        if self.owns(slot.client):
            yield from super().take(view)
        else:
            view.index += 1


@pytest.mark.parametrize(
    ("scanner", "scenario", "broken"),
    [
        (Everybodys, ONE_BATCH, ("once", "refinement")),
        (
            Released,
            Scenario(rings=((Arriving(0, 2, 1), Arriving(0, 0, 1)), ()), slots=2, written=True),
            ("client-order", "prefix"),
        ),
        (
            NeverReleased,
            Scenario(rings=((Arriving(0, 1, 1), Arriving(0, 0, 1)), ()), slots=2, written=True),
            ("drained",),
        ),
        (
            Silent,
            Scenario(rings=((Arriving(0, 0, 1), Arriving(0, 1, 1)), ()), slots=1, subscribers=True),
            ("drained",),
        ),
    ],
)
def test_a_worker_that_leaves_out_one_thing_breaks_a_promise(
    scanner: type[Order4Owner], scenario: Scenario, broken: tuple[str, ...]
) -> None:
    wrong = explore(sequencer(replace(OWNER, scanner=scanner), scenario, "ncx"))
    assert wrong.violation is not None
    assert wrong.violation.property in broken
    assert explore(sequencer(OWNER, scenario, "ncx")).verdict is Verdict.EXHAUSTED


def test_a_slot_that_not_all_workers_have_passed_is_not_free() -> None:
    class Hasty(SubscriberOfWorkers):
        def take(self, which: int) -> Program:
            self._passed = dict.fromkeys(range(9), len(self._chains) - 1)
            yield from super().take(which)

    class Design(type(OWNER)):  # type: ignore[misc]
        def subscriber_of(self, ring: int, rings: int, slots: int) -> SubscriberOfWorkers:
            return Hasty(ring, slots, rings)

    scenario = Scenario(rings=((Arriving(0, 0, 1), Arriving(0, 1, 1)), ()), slots=1, subscribers=True)
    fields = {name: getattr(OWNER, name) for name in OWNER.__dataclass_fields__}
    wrong = explore(sequencer(Design(**fields), scenario, "ncx"))
    assert wrong.violation is not None
    assert explore(sequencer(OWNER, scenario, "ncx")).verdict is Verdict.EXHAUSTED


def test_every_run_of_three_received_batches_holds_in_the_native_build() -> None:
    batches = ((Arriving(0, 0, 1), Arriving(3, 0, 2)), (Arriving(0, 1, 1),))
    explored = explore_native(sequencer(OWNER, Scenario(rings=batches, slots=1, subscribers=True), "ncx"))
    assert (explored.verdict, explored.violation) == (Verdict.EXHAUSTED, None)
    assert explored.counts.complete > 1000


def test_a_copy_of_a_parked_batch_is_dropped_and_the_batch_is_not() -> None:
    rings = [[Arriving(0, 1, 1), Arriving(0, 1, 1), Arriving(0, 0, 1)]]
    machine, made = attempts("order4.owner", rings, seed=0)
    assert list(machine.ordered(3, 0)) == [(0, 1), (2, 0)]
    assert [each.outcome for each in made] == ["later", "later", "ordered", "ordered"]


@given(st.integers(0, 2**63 - 1), st.integers(1, 64))
def test_every_client_has_one_owner(client: int, worker_count: int) -> None:
    assert 0 <= owner_of(client, worker_count) < worker_count


@pytest.mark.parametrize("readers", [{"acknowledgers": True}, {"subscribers": True}])
def test_a_single_worker_may_have_the_next_batch_in_hand_before_the_last_one_can_be_read(
    readers: dict[str, bool],
) -> None:
    scenario = Scenario(rings=((Arriving(0, 1, 1), Arriving(0, 0, 1)),), slots=2, written=True, **readers)  # type: ignore[arg-type]
    explored = explore(sequencer(OWNER, scenario, "ncx"))
    assert (explored.verdict, explored.violation) == (Verdict.EXHAUSTED, None)
