"""Positions in a litmus file: words with their columns, and the error that names file, line and column."""

from __future__ import annotations

import re
from typing import NamedTuple

from fencepost.model.errors import InputError

_WORD = re.compile(r"\S+")
INTEGER = re.compile(r"-?[0-9]+")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LARGEST = 2**31  # of a constant; the parser refuses programs that could add up to 64 bits, so no engine has to wrap
LONGEST = 400  # characters of an error; what is longer is cut in its middle


class Text(NamedTuple):
    """A piece of one line of a file; `row` and `column` count from 1."""

    text: str
    path: str
    row: int
    column: int

    def error(self, problem: str) -> InputError:
        """Return the error for what stands here."""
        if len(problem) > LONGEST:
            problem = f"{problem[: LONGEST // 2]} ... {problem[-LONGEST // 2 :]}"
        return InputError(f"{self.path}:{self.row}:{self.column}: {problem}")

    def part(self, start: int, end: int | None = None) -> Text:
        """Return the characters from `start` to `end`, blanks at both sides left out."""
        piece = self.text[start:end]
        blank = len(piece) - len(piece.lstrip())
        return Text(piece.strip(), self.path, self.row, self.column + start + blank)

    def words(self) -> list[Text]:
        """Return what blanks separate."""
        return [self.part(found.start(), found.end()) for found in _WORD.finditer(self.text)]

    def split(self, separator: str) -> list[Text]:
        """Return what a separator separates, empty pieces included."""
        pieces, start = [], 0
        for piece in self.text.split(separator):
            pieces.append(self.part(start, start + len(piece)))
            start += len(piece) + len(separator)
        return pieces

    def integer(self) -> int:
        """Return the integer that stands here."""
        if not INTEGER.fullmatch(self.text):
            raise self.error(f"{self.text!r} is no integer")
        value = int(self.text) if len(self.text) < 20 else LARGEST
        if abs(value) >= LARGEST:
            raise self.error(f"{self.text} is out of range: expected less than 2^31 in magnitude")
        return value

    def name(self, kind: str) -> str:
        """Return the identifier that stands here."""
        if not NAME.fullmatch(self.text):
            raise self.error(f"{self.text!r} is no name for a {kind}: expected a letter, then letters, digits or _")
        return self.text
