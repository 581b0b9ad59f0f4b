"""A sequencer that is stopped and begins again: its scanners lose what is private and read their rings anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import ClassVar, TypeAlias

from fencepost.model.programs.layout import header
from fencepost.model.programs.operations import (
    LATER,
    Attempted,
    Flush,
    FullFence,
    Load,
    Operation,
    Poll,
    Program,
    Receive,
    Send,
    Store,
    Watched,
    Witness,
)
from fencepost.model.programs.roles.publication import Epoch
from fencepost.model.programs.roles.scanner import Reading, Scanner

Left: TypeAlias = Callable[[], tuple[Sequence[int], int]]
STOP = "stop"  # the line of the word by which a ring's scanner is told to stop


class Restarted(Scanner):
    """Reads the slots that were left unsettled, then goes on where the ring goes on."""

    unsettled: ClassVar[Sequence[int]] = ()
    following: ClassVar[int] = 0

    def index(self, number: int) -> int:
        """Return the index of the slot that is read as the `number`-th."""
        left = len(self.unsettled)
        return self.unsettled[number] if number < left else self.following + number - left

    def gate(self, index: int) -> Watched | None:
        return super().gate(self.index(index))

    def passes(self, index: int, seen: int) -> bool:
        return super().passes(self.index(index), seen)

    def read(self, index: int) -> Reading:
        return (yield from super().read(self.index(index)))


class Stoppable:
    """A scanner that stops between two batches when its word says so, and another that goes on in its place.

    It publishes what it holds back, and loses what it set aside. How many entries it released, and how many batches of
    whom it ordered, stands in its chain and its acknowledgements. An ordered batch that is not yet acknowledged is in
    hand: no stop is heard while the scanner waits with it.
    """

    def __init__(self, scanner: Scanner, left: Left | None = None, *, stops_most: float = inf) -> None:
        """`left` returns the slots that are not settled, and the index of the one behind those that were looked at.

        Without it both are taken from what the scanner does. So many stops are heard, and no more.
        """
        self.scanner, self.stops_left = scanner, stops_most
        self.set_aside: set[int] = set()  # indexes of slots that were read, and are not settled
        self.following = 0  # index of the slot behind those that were attempted
        self.is_in_hand = False
        self._kind, self._left = type(scanner), left or self.left

    def left(self) -> tuple[Sequence[int], int]:
        """Return what the next scanner has to look at: slots that are not settled, and from where on all."""
        return sorted(self.set_aside), self.following

    def hears(self) -> bool:
        """Say whether a stop is heard where the scanner waits."""
        return not self.is_in_hand

    def note(self, operation: Operation) -> None:
        """Take note of what the scanner does: a batch is in hand from its range to the end of its attempt."""
        match operation:
            case Witness(step) if step.action == "assign":
                self.is_in_hand = True
            case Attempted(index=index, outcome=outcome):
                self.is_in_hand = False
                self.following = max(self.following, index + 1)
                (self.set_aside.add if outcome == LATER else self.set_aside.discard)(index)

    def run(self) -> Program:
        """Run one scanner after the other; each next one when it is sent for."""
        stop = Watched((STOP, self.scanner.ring, "word"), 0)
        program, result = self.scanner.run(), None
        while True:
            operation = program.send(result)
            self.note(operation)
            if not isinstance(operation, Poll) or not self.stops_left or not self.hears():
                result = yield operation
                continue
            which, seen = yield Poll((stop, *operation.watched))
            result = which - 1, seen
            if which > 0:
                continue
            program.close()
            self.stops_left -= 1
            yield from self.succeed()
            program, result = self.scanner.run(), None

    def succeed(self) -> Program:
        """End one scanner, and let another look at what is left once it is sent for."""
        scanner = self.scanner
        if isinstance(scanner, Epoch):
            yield from scanner.finish()
        yield Receive((STOP, scanner.ring))
        unsettled, following = self._left()
        for index in range(min(unsettled, default=following), following):
            line = header(scanner.ring, index % scanner.slots)
            yield Flush(line)
            yield FullFence()
            yield Load((*line, "guard"))
        kind = self._kind
        again = type(f"Restarted{kind.__name__}", (Restarted, kind), {"unsettled": unsettled, "following": following})
        self.scanner = scanner.handed_over(again)
        self.set_aside, self.is_in_hand = set(unsettled), False


def supervised(ring: int) -> Program:
    """Tell a ring's scanner to stop, at whatever moment this comes to pass; then send for the next one."""
    yield Store((STOP, ring, "word"), 1)
    yield FullFence()
    yield Send((STOP, ring), 0)
