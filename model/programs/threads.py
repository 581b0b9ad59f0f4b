"""The threads of one run: a receiver and a scanner for each ring, and the schedules that drive them."""

from collections.abc import Iterable
from random import Random

from fencepost.model.errors import NotAccepted
from fencepost.model.programs.designs import design
from fencepost.model.programs.machine import Machine
from fencepost.model.programs.operations import DUPLICATE, ORDERED, Attempted, Operation, Program
from fencepost.model.programs.pipeline import Rings, partition_steps
from fencepost.model.programs.receiver import Arriving
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
        return self.pending is not None and not machine.blocked(self.pending)


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


def machine_of(sequencer: str, rings: Rings) -> Machine:
    """Return a memory and a spec on which a sequencer's threads may begin."""
    machine = Machine(protocol(sequencer)())
    for step in partition_steps(design(sequencer), len(rings), {batch.client for ring in rings for batch in ring}):
        machine.tell(step)
    return machine


def attempts(sequencer: str, rings: Rings, seed: int) -> tuple[Machine, list[Attempted]]:
    """Run one attempt at a time, its scanner drawn by `seed`; return the memory and the attempts in order.

    All batches have arrived at the start. An attempt is not interrupted, so that this order can be
    given to any other implementation. Where an epoch reserves for several batches at once it is that
    of the ranges; at level 4 a copy that was dropped meanwhile comes behind its batch.
    """
    machine = machine_of(sequencer, rings)
    receivers, scanners = threads(sequencer, rings)
    for thread in receivers:
        while thread.pending is not None:
            thread.step(machine)
    random, done = Random(seed), []
    while runnable := [each for each in scanners if each.ready(machine)]:
        thread = random.choice(runnable)
        while thread.ready(machine):
            operation, _ = thread.step(machine)
            if isinstance(operation, Attempted):
                done.append(operation)
                break
    if design(sequencer).level == 5:
        done.sort(key=lambda attempted: attempted.start)
        return machine, done
    return machine, _copies_behind(rings, done)


def _copies_behind(rings: Rings, done: list[Attempted]) -> list[Attempted]:
    """Return the attempts with each duplicate behind the one that ordered its batch; the others stay as they are."""

    def identity(each: Attempted) -> tuple[int, int]:
        return rings[each.ring][each.index].client, rings[each.ring][each.index].seq

    ordered = {identity(each): place for place, each in enumerate(done) if each.outcome == ORDERED}

    def place_of(place: int) -> tuple[int, bool]:
        is_copy = done[place].outcome == DUPLICATE
        return max(place, ordered[identity(done[place])] if is_copy else 0), is_copy

    return [done[place] for place in sorted(range(len(done)), key=place_of)]


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
