"""order5.epoch as a program: one reservation for what was read, and nothing waits for more to be read."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest

from fencepost.model.contract import Verdict
from fencepost.model.explorer.search.exploration import explore
from fencepost.model.explorer.subjects import sequencer
from fencepost.model.programs import DESIGNS, Arriving, Scenario, attempts
from fencepost.model.programs.layout import ISSUED
from fencepost.model.programs.operations import FetchAdd, Operation, Program, at
from fencepost.model.programs.roles.scanner import Slot
from fencepost.model.programs.sequencers.order5 import Order5Epoch

EPOCH = DESIGNS["order5.epoch"]


class WaitsForMore(Order5Epoch):
    """An epoch is not ended before it is full."""

    def is_readable(self, index: int) -> Generator[Operation, Any, bool]:
        yield from self.wait(index)
        return True


class ReservesForOne(Order5Epoch):
    """The epoch's reservation is for its first batch only."""

    def place(self, plan: list[Slot]) -> Program:
        if plan:
            start = yield FetchAdd(ISSUED, plan[0].count, at("reserve", ring=self.ring, batches=len(plan)))
            for slot in plan:
                yield from self.hand_out(slot, start)
                start += slot.count
        plan.clear()


@pytest.mark.parametrize(("scanner", "batches", "broken"), [(WaitsForMore, 3, "drained"), (ReservesForOne, 2, "dense")])
def test_an_epoch_that_is_ended_or_reserved_for_otherwise_breaks_a_promise(
    scanner: type[Order5Epoch], batches: int, broken: str
) -> None:
    scenario = Scenario(rings=(tuple(Arriving(0, seq, 2) for seq in range(batches)),), slots=4, written=True)
    wrong = explore(sequencer(replace(EPOCH, scanner=scanner), scenario, "ncx"))
    assert wrong.violation is not None
    assert wrong.violation.property == broken
    assert explore(sequencer(EPOCH, scenario, "ncx")).verdict is Verdict.EXHAUSTED


def test_an_epoch_takes_what_is_there_and_no_more_than_fits() -> None:
    rings = [[Arriving(0, seq, 1) for seq in range(5)]]
    machine, made = attempts("order5.epoch", rings, seed=0)
    assert list(machine.ordered(5, 0)) == [(index, index) for index in range(5)]
    assert [each.index for each in made] == list(range(5))
