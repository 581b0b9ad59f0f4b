"""What came of a comparison: rows with their verdicts, and counterexamples that can be shown and replayed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fencepost.comparing.search import Drawn
from fencepost.model.contract import Level, Verdict
from fencepost.model.explorer.traces.run_trace import RunTrace
from fencepost.native.schedules.differential import HAPPENINGS

NAMED = "named scenario"
"""What is counted of examples beside what happened in them: that they are of the corpus."""

OF_LEVEL: dict[Level, tuple[str, ...]] = {
    4: (*HAPPENINGS, NAMED),
    5: tuple(each for each in (*HAPPENINGS, NAMED) if each not in ("parked batch", "contended claim")),
}
"""What can happen at a level: at level 5 nothing is parked, and nothing claimed."""

CRASH = "crash"
"""What is reported in the place of a promise when native code ends its process, or a call of a sequencer fails."""


@dataclass(frozen=True)
class Counterexample:
    """The smallest example that was found; `steps` is the one of its schedule after which it fails.

    property     a promise of the contract, or `lockstep` or `spec` for the other two comparisons
    sentence     what is wrong, in words
    also         what other comparisons object to in the same run
    lines        the example in words
    trace        its run as the model makes it, where the example is a run that the model can make
    came_back          the native code did: it neither crashed nor had to be ended
    is_of_the_design   the model breaks the same promise by the same steps: the native code is not to blame
    """

    property: str
    sentence: str
    example: Any
    lines: tuple[str, ...]
    steps: int
    batches: int
    threads: int
    also: tuple[str, ...] = ()
    trace: RunTrace | None = None
    path: Path | None = None
    is_of_the_design: bool = False
    came_back: bool = True


@dataclass(frozen=True)
class Compared:
    """One sequencer under one policy. `seconds` is wall time; everything else follows from the seed.

    `counted` says of which happenings it can be said whether an example held them; `happened` how many did. So many
    examples were asked for, None with a budget; `reason` says why they are fewer where none failed. With
    `examples=enough` instead of a budget, the same seed comes to the same end.
    """

    sequencer: str
    policy: str
    level: Level
    verdict: Verdict
    examples: int
    operations: int
    steps: int
    seconds: float
    counted: tuple[str, ...] = ()
    happened: Counter[str] = field(default_factory=Counter)
    counterexample: Counterexample | None = None
    reason: str = ""
    enough: int = 0
    asked: int | None = None
    drawn: Drawn = Drawn()

    @property
    def never_happened(self) -> tuple[str, ...]:
        """What could have happened in some example and did in none: then the verdict says little."""
        return tuple(each for each in self.counted if not self.happened[each])

    @property
    def bound(self) -> str:
        """How much was tried."""
        of = f" of {self.asked}" if self.asked is not None and self.examples < self.asked else ""
        size = f", {self.drawn}" if self.drawn.clients else ""
        return f"{self.examples}{of} examples, {self.operations} operations{size}"
