"""A failing joint example made smaller by its run, which Hypothesis cannot see: picks do not say who takes which step.

A part of the workload is left out and the run repeated as far as it still goes: where a step of the old run has no like
in the new one, it is skipped. Then single steps are left out in the same way. What is kept fails for the same reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fencepost.comparing.search import Failed
from fencepost.model.errors import InputError
from fencepost.model.programs import Arriving, Scenario, design
from fencepost.model.programs.corpus import runs_on
from fencepost.model.programs.pipeline import threads_of
from fencepost.native.schedules.differential import Hints, JointExample
from fencepost.strategies import has_room

if TYPE_CHECKING:
    from fencepost.comparing.policies.stepped import Stepped

ROUNDS_MOST = 8
Rings = tuple[tuple[Arriving, ...], ...]


class Reduction:
    """One example on its way to a smaller one."""

    def __init__(self, task: Stepped, example: JointExample, failed: Failed) -> None:
        self.task, self.failed = task, failed
        self.best = example
        self._try(replace(example, picks=(), hints=task.joint(example).hints))

    def done(self) -> tuple[JointExample, Failed]:
        """Leave out what can be left out, until nothing more can."""
        for _ in range(ROUNDS_MOST):
            before = self.best
            self._simplify_workload()
            self._leave_out_steps()
            if self.best == before:
                break
        return self.best, self.failed

    def _try(self, example: JointExample) -> bool:
        """Take an example if it fails for the same reason and is no larger; keep only the steps up to the failure."""
        try:
            made = self.task.joint(example)
        except InputError:
            return False
        failure = made.failure
        if failure is None or failure.property != self.failed.property:
            return False
        size = (failure.step, self.task.batch_count(example))
        if sum(size) > sum(self.failed.size):
            return False
        self.best = replace(example, hints=made.hints)
        self.failed = Failed(failure.property, failure.sentence, size)
        return True

    def _simplify_workload(self) -> None:
        again = True
        while again:
            again = False
            for scenario, gone in simpler(self.best.scenario):
                changed = scenario != self.best.scenario  # or it would be tried for ever: a full ring keeps its slots
                sound = design(self.task.sequencer)
                if changed and runs_on(sound, scenario) and has_room(scenario, sound.level):
                    hints = self._hints_for(scenario, gone)
                    if self._try(JointExample(scenario, (), hints)):
                        again = True
                        break

    def _hints_for(self, scenario: Scenario, gone: int | None) -> Hints:
        """Return the steps of the run for the threads of another scenario; ring `gone` is not there any more."""
        before, after = self._names(self.best.scenario), self._names(scenario)
        numbers = {name: number for number, name in enumerate(after)}
        renamed = [_without(name, gone) for name in before]
        return tuple(
            (numbers[renamed[thread]], drains, bits)
            for thread, drains, bits in self.best.hints
            if renamed[thread] in numbers
        )

    def _names(self, scenario: Scenario) -> list[str]:
        return [thread.name for thread in threads_of(design(self.task.sequencer), scenario)]

    def _leave_out_steps(self) -> None:
        """Leave out runs of steps, half of them at first, then ever fewer down to one."""
        size = max(1, len(self.best.hints) // 2)
        while size >= 1:
            at = len(self.best.hints) - size
            while at >= 0:
                hints = self.best.hints
                if self.failed.size[0] == 0 or not self._try_fewer((*hints[:at], *hints[at + size :])):
                    at -= size
                else:
                    at = min(at, len(self.best.hints)) - size
            size //= 2

    def _try_fewer(self, hints: Hints) -> bool:
        before = self.failed.size[0], self.best, self.failed
        if self._try(replace(self.best, hints=hints)) and self.failed.size[0] < before[0]:
            return True
        _, self.best, self.failed = before
        return False


_OF_NO_RING = ("client", "committer", "reader")
"""Roles whose number, if they have one, is not that of a ring."""


def _without(name: str, gone: int | None) -> str:
    """Return what a thread is called once a ring is gone; "" if it is gone too."""
    role, _, number = name.partition(" ")
    ring, *connection = number.split(".")
    if gone is None or role in _OF_NO_RING or int(ring) < gone:
        return name
    return "" if int(ring) == gone else f"{role} {'.'.join((str(int(ring) - 1), *connection))}"


def simpler(scenario: Scenario) -> Iterator[tuple[Scenario, int | None]]:
    """Yield scenarios with something left out, and the ring that is gone, if one is; those with most left out first."""
    for role in ("restarts", "delegated", "acknowledgers", "subscribers", "stops", "timeouts", "late_rings", "readers"):
        there = getattr(scenario, role)
        if there and not (scenario.plans and role == "subscribers"):
            less: dict[str, Any] = {role: type(there)()}
            yield replace(scenario, **less), None
    if scenario.plans:
        yield from _simpler_plans(scenario)
        return
    if scenario.later and not any(scenario.later):
        yield replace(scenario, later=()), None
    if not scenario.written:
        slots = max(2, *map(len, scenario.rings))
        yield replace(scenario, written=True, slots=slots, connections=1), None
    if scenario.connections > 1:
        yield replace(scenario, connections=1), None
    for ring in range(len(scenario.rings)):
        if len(scenario.rings) > 1:
            rings, later = (_left_out(each, ring) for each in (scenario.rings, scenario.later))
            late_rings = scenario.late_rings - (ring in scenario.joining)
            yield replace(scenario, rings=rings, later=later, late_rings=late_rings), ring
    for name in ("later", "rings"):
        of: Rings = getattr(scenario, name)
        for ring, batches in enumerate(of):
            for at in range(len(batches)):
                fewer: dict[str, Any] = {name: _with(of, ring, (*batches[:at], *batches[at + 1 :]))}
                yield replace(scenario, **fewer), None
    yield from _without_first_batches(scenario)
    if any(batch.count > 1 for ring in (*scenario.rings, *scenario.later) for batch in ring):
        rings, later = (
            tuple(tuple(replace(batch, count=1) for batch in ring) for ring in each)
            for each in (scenario.rings, scenario.later)
        )
        yield replace(scenario, rings=rings, later=later), None
    if scenario.slots > 2:
        yield replace(scenario, slots=max(2, *map(len, scenario.rings)) if scenario.written else 2), None


def _without_first_batches(scenario: Scenario) -> Iterator[tuple[Scenario, int | None]]:
    """Yield scenarios in which one client begins with what was its second batch."""
    for client in sorted({batch.client for ring in (*scenario.rings, *scenario.later) for batch in ring}):
        rings, later = (
            tuple(
                tuple(
                    replace(batch, seq=batch.seq - 1) if batch.client == client else batch
                    for batch in ring
                    if (batch.client, batch.seq) != (client, 0)
                )
                for ring in each
            )
            for each in (scenario.rings, scenario.later)
        )
        if any(rings) or any(later):
            yield replace(scenario, rings=rings, later=later), None


def _simpler_plans(scenario: Scenario) -> Iterator[tuple[Scenario, int | None]]:
    """Yield scenarios in which the same batches come to the rings without clients, or clients send fewer."""
    rings: list[list[Arriving]] = [[] for _ in range(scenario.rings_count)]
    for client, plan in enumerate(scenario.plans):
        for each in plan:
            rings[each.ring].append(Arriving(client, each.seq, each.count))
    arriving, slots = tuple(map(tuple, rings)), max(2, scenario.slots, *map(len, rings))
    for written in (True, False):
        yield Scenario(rings=arriving, slots=slots, written=written, subscribers=True, acknowledgers=True), None
    for client, plan in enumerate(scenario.plans):
        fewer = plan[:-1]
        plans = (*scenario.plans[:client], *((fewer,) if fewer else ()), *scenario.plans[client + 1 :])
        if plans:
            yield replace(scenario, plans=plans), None


def _left_out(rings: Rings, ring: int) -> Rings:
    return (*rings[:ring], *rings[ring + 1 :])


def _with(rings: Rings, ring: int, batches: tuple[Arriving, ...]) -> Rings:
    return (*rings[:ring], batches, *rings[ring + 1 :])
