"""A litmus test: a program, the end that is asked about, the profiles, and what is expected."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from fencepost.model.litmus.condition import Condition
from fencepost.model.memory import Program


class Answer(StrEnum):
    """What an engine says of a test."""

    ALLOWED = "allowed"  # some run ends so
    FORBIDDEN = "forbidden"  # no run ends so
    UNKNOWN = "unknown"  # a budget was spent; never a pass
    UNSUPPORTED = "unsupported"  # the engine cannot express the program, and does not guess


@dataclass(frozen=True)
class LitmusTest:
    """What one file says. `stale` and `why` are additions of fencepost to the format.

    stale   a second condition: the end that breaks freshness, where `bad` is the end that breaks safety
    why     one sentence that argues for the expectation
    text    what the file says, so that a trace can carry it; two tests are the same whatever their layout
    """

    name: str
    path: str
    profiles: tuple[str, ...]
    program: Program
    bad: Condition
    expect: Answer | None = None
    stale: Condition | None = None
    why: str = ""
    text: str = field(default="", compare=False, repr=False)

    def slots(self) -> list[tuple[int, int]]:
        """Return where the optional instructions are, as (thread, index)."""
        return [
            (number, index)
            for number, thread in enumerate(self.program.threads)
            for index, instruction in enumerate(thread.instructions)
            if instruction.optional
        ]
