"""A sequencer that is stopped and begins again: its scanners lose what is private and read their rings anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from fencepost.model.programs.layout import header
from fencepost.model.programs.operations import Flush, FullFence, Load, Poll, Program, Receive, Watched
from fencepost.model.programs.publication import Epoch
from fencepost.model.programs.scanner import Reading, Scanner

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


def stoppable(scanner: Scanner, left: Callable[[], tuple[Sequence[int], int]]) -> Program:
    """Run a scanner that stops between two batches when its word says so, and begins again when it is sent for.

    It publishes what it holds back, and loses what it set aside. How many entries it released, and how many batches of
    whom it ordered, stands in its chain and its acknowledgements. `left` returns the slots that are not settled, and
    the index of the next that will be filled.
    """
    kind, stop = type(scanner), Watched((STOP, scanner.ring, "word"), 0)
    program, result = scanner.run(), None
    while True:
        operation = program.send(result)
        if not isinstance(operation, Poll):
            result = yield operation
            continue
        which, seen = yield Poll((stop, *operation.watched))
        result = which - 1, seen
        if which > 0:
            continue
        program.close()
        if isinstance(scanner, Epoch):
            yield from scanner.finish()
        yield Receive((STOP, scanner.ring))
        unsettled, following = left()
        for index in range(min(unsettled, default=following), following):
            line = header(scanner.ring, index % scanner.slots)
            yield Flush(line)
            yield FullFence()
            yield Load((*line, "guard"))
        again = type(f"Restarted{kind.__name__}", (Restarted, kind), {"unsettled": unsettled, "following": following})
        scanner = scanner.handed_over(again)
        program, result = scanner.run(), None
