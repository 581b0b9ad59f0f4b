"""Bugs that are planted in how scanners are stopped, how they wait, and when they look at a ring."""

from collections.abc import Collection, Generator, Sequence
from typing import Any

from fencepost.model.programs.operations import Operation, Poll, Watched
from fencepost.model.programs.roles.restarting import Stoppable
from fencepost.model.programs.roles.waiting import CLOCK, Patient
from fencepost.model.programs.sequencers.order5 import Order5FetchAdd


class KeepsTheLast(Stoppable):
    """Of what was set aside the next scanner is told the last slot."""

    def left(self) -> tuple[Sequence[int], int]:
        return sorted(self.set_aside)[-1:], self.following


class BeginsAnew(Stoppable):
    """The next scanner begins with the first slot of the ring."""

    def left(self) -> tuple[Sequence[int], int]:
        return (), 0


class AnswersWithTheTick(Patient):
    """A wait that timed out returns what the clock has, as if the word had that."""

    def timed_out(self, poll: Poll) -> tuple[int, Any] | None:
        return 0, self._tick_count


class FallsAsleep(Patient):
    """After the second time-out only the clock is looked at."""

    def wait(self, poll: Poll) -> Generator[Operation, Any, Any]:
        if self._tick_count < 2:
            answer = yield from super().wait(poll)
            if self._tick_count < 2:
                return answer
        return (yield Poll((Watched((CLOCK, self.scanner.ring, "ticks"), 2),)))


class LooksBeforeItJoined(Order5FetchAdd):
    """Looks at the ring's slots whether its broker has joined or not."""

    def expect(self, late_rings: Collection[int]) -> None:
        pass
