"""A sequencer of your own, in Python or C++, as `fencepost.compare` takes it: four functions.

In Python a class with the methods of `YourSequencer`; in C++ a class with the same functions, `fencepost/adapter.hpp`
and one line that makes a Python module of it. Between two accesses to what its scanners share it says where another
scanner may go on: in Python by `yield`, in C++ by `turn.pass()`. What it does between two such places nobody can
interrupt; a sequencer that never says so is only seen one whole attempt after the other. A loop that waits for another
scanner has such a place in it: nothing else runs meanwhile.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, TypeAlias

from fencepost.native.sequencers import Attempt, AttemptOutcome

__all__ = ["Answer", "Attempt", "AttemptOutcome", "CompiledSequencer", "YourSequencer", "include_directory"]

Answer: TypeAlias = Attempt | tuple[int, int]
"""What became of an attempt (`AttemptOutcome`), and the first position, -1 unless it was ordered."""


class YourSequencer(Protocol):
    """What a sequencer must be able to do. Each ring has one scanner, which makes one attempt after the other."""

    def begin(self, ring_count: int, client_count: int) -> None:
        """Begin anew: nothing was ordered."""

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Answer | Generator[None, None, Answer]:
        """Try once to order a batch of `count` messages, by the scanner of a ring.

        At level 4: ordered if it is its client's next, later if a predecessor is missing or another scanner is at work
        on the client (it will be tried again), a duplicate if it was ordered before. At level 5: ordered.
        """

    def acknowledged(self, client: int) -> int | None:
        """Return how many of the client's batches, from its first on, it may forget; None if that is not kept.

        Asked at any time, also in the middle of attempts: it does not wait.
        """

    def issued(self) -> int:
        """Return the next position that was never handed out; asked when `acknowledged` is."""


class CompiledSequencer:
    """A sequencer in C++ out of a module made by `FENCEPOST_SEQUENCER`, as `YourSequencer`."""

    def __init__(self, module: ModuleType) -> None:
        self._sequencer: Any = module.Sequencer()

    def begin(self, ring_count: int, client_count: int) -> None:
        self._sequencer.begin(ring_count, client_count)

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Generator[None, None, Answer]:
        answer: Answer | None = self._sequencer.start(ring, client, seq, count)
        while answer is None:
            yield
            answer = self._sequencer.go_on(ring)
        return answer

    def acknowledged(self, client: int) -> int:
        return int(self._sequencer.acknowledged(client))

    def issued(self) -> int:
        return int(self._sequencer.issued())


def include_directory() -> Path:
    """Return the folder to give to a C++ compiler by -I, for `#include "fencepost/adapter.hpp"`."""
    return Path(__file__).resolve().parent / "include"
