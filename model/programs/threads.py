"""The threads of one run: a receiver and a scanner for each ring, and the schedules that drive them."""

from collections.abc import Iterable

from fencepost.model.errors import NotAccepted
from fencepost.model.language.columns import flat_state
from fencepost.model.programs.designs import design
from fencepost.model.programs.machine import WAITING, Machine
from fencepost.model.programs.operations import Operation, Program
from fencepost.model.programs.pipeline import Rings, partition_steps
from fencepost.model.programs.roles.receiver import Arriving
from fencepost.model.specs import protocol
from fencepost.model.trace import Step


class Thread:
    """A program at its next operation; `pending` is None once it has ended."""

    def __init__(self, name: str, program: Program) -> None:
        self.name = name
        self._program = program
        self.pending: Operation | None = next(program, None)

    def step(self, machine: Machine) -> tuple[Operation, Step | None]:
        """Perform the pending operation; return it and the step of the spec that it was."""
        assert self.pending is not None
        operation = self.pending
        result, step = machine.perform(operation)
        try:
            self.pending = self._program.send(result)
        except StopIteration:
            self.pending = None
        return operation, step

    def ready(self, machine: Machine) -> bool:
        """Say whether the thread can perform its pending operation now: it has one, and that is not blocked."""
        pending = self.pending
        return pending is not None and not (type(pending) in WAITING and machine.blocked(pending))


def threads(sequencer: str, rings: Rings) -> tuple[list[Thread], list[Thread]]:
    """Return the receivers of a sequencer, one for each ring, and its scanners; no ring is passed twice."""
    chosen = design(sequencer)
    slots = max([1, *map(len, rings)])
    receivers = [
        Thread(f"receiver {ring}", chosen.receiver(ring, slots, batches).run()) for ring, batches in enumerate(rings)
    ]
    scanners = [
        Thread(f"scanner {ring}", chosen.scanner_of(ring, len(rings), slots).run())
        for ring in range(chosen.scanner_count(len(rings)))
    ]
    return receivers, scanners


NEVER = ("commit", "read")
"""Actions that need threads which these runs have none of: readers by position, and what commits for them."""


def machine_of(sequencer: str, rings: Rings) -> Machine:
    """Return a memory and a spec, both kept flat, on which a sequencer's receivers and scanners may begin."""
    machine, chosen = Machine(flat_state(protocol(sequencer), NEVER)), design(sequencer)
    clients = {batch.client for ring in rings for batch in ring} if chosen.reads_every_ring else set()
    for step in partition_steps(chosen, len(rings), clients):
        machine.tell(step)
    return machine


def follow(sequencer: str, steps: Iterable[Step]) -> tuple[Machine, Rings]:
    """Drive the programs so that they perform exactly these steps of the spec, then let them drain.

    Raises NotAccepted where a program, at its turn, does something else.
    """
    steps = list(steps)
    rings = _arrivals(steps)
    machine = Machine(protocol(sequencer)())
    receivers, scanners = threads(sequencer, rings)
    for number, step in enumerate(steps, start=1):
        group, ring = receivers if step.action == "arrive" else scanners, step.arguments.get("ring", -1)
        if not 0 <= ring < len(group):
            raise NotAccepted(f"step {number}: no thread performs {step}")
        _advance(group[ring], machine, step, number)
    _drain([*receivers, *scanners], machine)
    return machine, rings


def _arrivals(steps: list[Step]) -> Rings:
    highest = max((step.arguments.get("ring", 0) for step in steps), default=-1)
    rings: list[list[Arriving]] = [[] for _ in range(highest + 1)]
    for step in steps:
        if step.action == "arrive":
            given = step.arguments
            rings[given["ring"]].append(Arriving(given["client"], given["seq"], given["count"]))
    return rings


def _advance(thread: Thread, machine: Machine, wanted: Step, number: int) -> None:
    """Run a thread up to and including its next labelled operation, which must be the wanted step."""
    while thread.ready(machine):
        _, step = thread.step(machine)
        if step == wanted:
            return
        if step is not None and step.action in machine.spec.actions:
            raise NotAccepted(f"step {number}: {thread.name} performs {step}: expected {wanted}")
    raise NotAccepted(f"step {number}: {thread.name} waits: expected it to perform {wanted}")


def _drain(every: list[Thread], machine: Machine) -> None:
    """Run the threads in turn until all of them have ended or wait."""
    while runnable := [each for each in every if each.ready(machine)]:
        for thread in runnable:
            if thread.ready(machine):
                thread.step(machine)
