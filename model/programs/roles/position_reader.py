"""A reader by position: takes message after message of the log, as far as the frontier says."""

from typing import Any

from fencepost.model.programs.layout import COMMITTED, entry_of_log
from fencepost.model.programs.operations import Flush, FullFence, Label, Load, Poll, Program, Watched, line_of
from fencepost.model.trace import Step


class PositionReader:
    """Reads the log behind the committed word, from a host of its own. It knows neither rings nor chains."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._position = 0  # of the next message

    def run(self) -> Program:
        """Wait until the frontier has moved, and read up to it."""
        committed = 0
        while True:
            _, committed = yield Poll((Watched(COMMITTED, committed, invalidate=True),))
            while self._position < committed:
                yield from self.read(self._position)
                self._position += 1

    def read(self, position: int) -> Program:
        """Read the message at a position; a copy of the line may have come to this host before it was written."""
        yield from self.invalidate(position)
        yield Load(entry_of_log(position), read(self.number, position))

    def invalidate(self, position: int) -> Program:
        """Drop this host's copy of a line of the log."""
        yield Flush(line_of(entry_of_log(position)))
        yield FullFence()


def read(reader: int, position: int) -> Label:
    """Return the label of the load that finds a message: whose it is, and which of its batch."""

    def step(found: Any) -> Step:
        client, seq, message = found or (-1, -1, -1)
        given = {"reader": reader, "position": position, "client": client, "seq": seq, "message": message}
        return Step("read", given)

    return step
