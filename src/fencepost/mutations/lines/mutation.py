"""One line of the native headers, changed on purpose, as a patch of text."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Literal

Build = Literal["shared", "workers", "stepped"]
"""What has to be compiled to see it: the sequencers that scanners share, with their races; those made of workers; or
the stepped pipeline."""

KillerName = Literal["attempts", "memory", "race", "compare"]
"""Killers, in the order in which they try: attempts in one thread, publications on non-coherent memory, races on
clocked memory; `fencepost compare` for the stepped pipeline."""


class StaleMutation(LookupError):
    """A header has changed so that a row of the table no longer names one place in it: the row is to follow."""


@dataclass(frozen=True)
class Mutation:
    """A change of one place of a header; the headers themselves know nothing of it.

    file     the header, below `native/include/fencepost`
    kind     what sort of mistake it is
    breaks   the promise of the contract that it breaks
    change   what the code does then
    origin   why somebody would write it so, or where it was met
    killer   which killer is the first to kill it
    before   the text as it ships; it occurs exactly once in the header
    after    the text that stands there instead; none: the lines are left out
    """

    name: str
    file: str
    kind: str
    breaks: str
    change: str
    origin: str
    build: Build = "shared"
    _: KW_ONLY
    killer: KillerName
    before: str
    after: str

    def patched(self, text: str) -> str:
        """Return the header's text with the change; StaleMutation where `before` does not occur exactly once."""
        start = self._start(text)
        end = start + len(self.before)
        if not self.after:  # nothing is left of these lines, their indentation and their end neither
            start, end = text.rindex("\n", 0, start) + 1, text.index("\n", end) + 1
        return text[:start] + self.after + text[end:]

    def diff(self, headers: Path) -> str:
        """Return the change as a unified diff of the header, paths below `headers`."""
        text = (headers / self.file).read_text()
        lines = unified_diff(
            text.splitlines(keepends=True),
            self.patched(text).splitlines(keepends=True),
            f"a/{self.file}",
            f"b/{self.file}",
        )
        return "".join(lines)

    def site(self, headers: Path) -> str:
        """Return the first line of the header that the change touches, as `file:line`."""
        text = (headers / self.file).read_text()
        pairs = zip(text.splitlines(), self.patched(text).splitlines(), strict=False)
        return f"{self.file}:{next(number for number, (was, now) in enumerate(pairs, start=1) if was != now)}"

    def _start(self, text: str) -> int:
        count = text.count(self.before)
        if count != 1:
            raise StaleMutation(
                f"{self.name}: its `before` occurs {count} times in {self.file}, expected exactly once; make the row"
                f" in fencepost/mutations/lines follow the header: {self.before!r}"
            )
        return text.index(self.before)


@dataclass(frozen=True)
class Equivalent:
    """A change that nothing can tell from the line that stands there, and the argument for that."""

    file: str
    change: str
    argument: str
