"""A litmus test: a program, the end that is asked about, the profiles, and what is expected."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from fencepost.model.errors import InputError
from fencepost.model.litmus.condition import Condition
from fencepost.model.memory import Profile, Program

if TYPE_CHECKING:
    from fencepost.model.litmus.herd import HerdTest

ANY_MOMENT, AT_CRASH = "at any moment", "at its CRASH"
"""When hosts crash: wherever a crash profile lets them, or where the file says."""


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
    initialised  the words, by (line, index), whose first value the file says
    herd    of a file in herd's format: its question, as herd asks it
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
    initialised: frozenset[tuple[int, int]] = field(default=frozenset(), compare=False, repr=False)
    herd: HerdTest | None = field(default=None, compare=False, repr=False)

    def crash_questions(self, under: Profile) -> list[tuple[LitmusTest, str]]:
        """Return what is to be asked of this test as to crashes, each question with its name.

        Under a crash profile a crash may come at any moment. A CRASH in the file narrows it: `expect` is about that
        moment, and any other is asked about all the same.
        """
        if not self.program.has_crash:
            return [(self, ANY_MOMENT if under.crashes else "")]
        anywhere = replace(self, program=self.program.without_crash(), expect=None)
        return [*([(anywhere, ANY_MOMENT)] if under.crashes else []), (self, AT_CRASH)]

    def asking(self) -> LitmusTest:
        """Return the test. Raises InputError for one in herd's format that asks nothing: no answer would be a pass."""
        if self.herd is not None and not self.herd.question.asks:
            raise InputError(
                f"{self.path}: asks nothing: expected `exists`, `~exists` or `forall`; --herd lists its final states"
            )
        return self

    def slots(self) -> list[tuple[int, int]]:
        """Return where the optional instructions are, as (thread, index)."""
        return [
            (number, index)
            for number, thread in enumerate(self.program.threads)
            for index, instruction in enumerate(thread.instructions)
            if instruction.optional
        ]
