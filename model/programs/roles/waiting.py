"""Waits that have an end: a scanner whose polls may time out, and the clock that says when."""

from __future__ import annotations

from typing import Any

from fencepost.model.programs.operations import Poll, Program, Store, Watched
from fencepost.model.programs.roles.scanner import Scanner

CLOCK = "clock"  # the line of the word that a scanner's clock moves


class Patient:
    """A scanner that looks at the clock at each wait. A time-out is no answer: it waits again, for the same words.

    What real code does besides (it gives the core away, counts, looks whether it shall stop) is nothing to memory. The
    clock may move at any moment, so any wait may time out.
    """

    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner
        self._tick_count = 0

    def run(self) -> Program:
        """Run the scanner, each of its polls with an end."""
        yield from self.bounded(self.scanner.run())

    def bounded(self, program: Program) -> Program:
        """Run a program of the scanner's, each of its polls with an end."""
        result: Any = None
        while True:
            try:
                operation = program.send(result)
            except StopIteration:
                return
            result = (yield from self.wait(operation)) if isinstance(operation, Poll) else (yield operation)

    def wait(self, poll: Poll) -> Any:
        """Poll, as often as the clock moves; return what the poll returns."""
        clock = (CLOCK, self.scanner.ring, "ticks")
        while True:
            which, seen = yield Poll((Watched(clock, self._tick_count), *poll.watched), poll.label)
            if which > 0:
                return which - 1, seen
            self._tick_count = seen
            answer = self.timed_out(poll)
            if answer is not None:
                return answer

    def timed_out(self, poll: Poll) -> tuple[int, Any] | None:
        """Return what the scanner makes of a wait that timed out; None: nothing, and it waits again."""
        return None


def ticking(ring: int, tick_count: int) -> Program:
    """Move the clock of a ring's scanner so many times."""
    for number in range(tick_count):
        yield Store((CLOCK, ring, "ticks"), number + 1)
