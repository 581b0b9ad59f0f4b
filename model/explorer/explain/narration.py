"""What of a run is told, step by step: who did what in words, and what that changed.

By default the lines that the steps are about; of what happens at once on other lines only the number is said, and
nothing of what comes after the violation in the same step. `full` tells everything, and all that buffers, caches and
memory hold after each step.
"""

from __future__ import annotations

from fencepost.model.explorer.explain.changes import Changes, changes, contents, lines_in_play
from fencepost.model.explorer.states.formatting import act_words, line_words, ordered_words
from fencepost.model.explorer.states.state import Act
from fencepost.model.explorer.traces.run_trace import Run
from fencepost.model.memory.lazy import Entry
from fencepost.model.memory.lines import Line
from fencepost.model.programs.operations import (
    Attempted,
    Flush,
    FullFence,
    LoadFence,
    Sleep,
    Store,
    StoreFence,
    Witness,
    line_of,
)


class Narration:
    """What is told of a run; `threads` are those that are told of."""

    def __init__(self, made: Run, *, full: bool = False) -> None:
        self.made, self.full = made, full
        self._lines = lines_in_play(made)
        acting = {event.actor[0] for event in made.events[1:]}
        self._of_contract = any(act.step is not None for act in made.events[0].acts)
        if not made.last:  # all of it happened at once: what the contract knows of is told, where it knows of any
            acting = {act.thread for act in made.events[0].acts if act.step is not None or not self._of_contract}
        self.threads = list(range(len(made.system.threads))) if full else sorted(acting)

    def steps(self) -> list[int]:
        """Return the steps that are told: what happens at once before the first one only where it shows."""
        return [step for step in range(len(self.made.events)) if step or self.done(0)]

    def done(self, step: int) -> list[tuple[int, str]]:
        """Return (thread, what it did) for each thread that did something in a step."""
        acts: dict[int, list[Act]] = {}
        for act in self.made.events[step].acts:
            acts.setdefault(act.thread, []).append(act)
        ends = step == self.made.last and self.made.violation is not None and not self.full
        found = ((thread, self._said(acts.get(thread, []), ends)) for thread in self.threads)
        return [(thread, "; ".join(said)) for thread, said in found if said]

    def changed(self, step: int) -> Changes:
        """Return what a step changed, or, if all is told, what there is after it."""
        if self.full:
            return contents(self.made, self.made.states[step])
        return changes(self.made, step, lambda line: line in self._lines)

    def _said(self, acts: list[Act], ends: bool) -> list[str]:
        """Return the words of acts; those on lines that no step is about are counted, unless the run ends there."""
        said: list[str] = []
        left_out, last_shown, last_line = 0, False, None
        for place, act in enumerate(acts):
            shown = self.full or (last_shown if _is_fence(act.what) else self._is_told(act, place))
            if shown:
                said.append(self._words(act, last_line))
                last_line = _line(act)
            else:
                left_out += not _is_fence(act.what) and not isinstance(act.what, Attempted | Sleep | Witness)
            last_shown = shown and not isinstance(act.what, Entry)
        return [*said, f"and {left_out} more"] if left_out and not ends else said

    def _is_told(self, act: Act, place: int) -> bool:
        if not self.made.last:
            return act.step is not None if self._of_contract else not isinstance(act.what, Entry)
        if isinstance(act.what, Witness):
            return act.what.step.action == "assign"
        line = _line(act)
        if line is None:
            return not isinstance(act.what, Attempted | Sleep)
        return line in self._lines and (place == 0 or not isinstance(act.what, Entry))

    def _words(self, act: Act, last_line: Line | None) -> str:
        """Return the words of an act; a line that was just named is not named again."""
        if isinstance(act.what, Witness) and act.what.step.action == "assign" and not self.full:
            return f"orders {ordered_words(act.what.step)}"
        words, line = act_words(act), _line(act)
        if line is not None and line == last_line and isinstance(act.what, Store | Flush):
            return words.replace(f" {line_words(line)}", "", 1)
        return words


def _line(act: Act) -> Line | None:
    """Return the line that an act is about."""
    what = act.what
    if isinstance(what, Entry | Flush):
        return what.line or None
    if (watched := getattr(what, "watched", None)) is not None:
        return line_of(watched[act.result[0]].address)
    address = getattr(what, "address", None)
    return None if address is None else line_of(address)


def _is_fence(what: object) -> bool:
    return isinstance(what, StoreFence | FullFence | LoadFence) or (isinstance(what, Entry) and not what.line)
