"""Where an interrupted search stands, in a file: which search it is of, and how far that has come at each place.

The file holds no program's state: where the search stands is found again by running the programs. What it holds is
checked: its digest, that it is of this code and these programs, and that the search can have come to its places.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fencepost.model.errors import InputError
from fencepost.model.explorer.monitor.run_state import decoded, encoded
from fencepost.model.explorer.search.identity import digest_of, source_digest
from fencepost.model.explorer.search.reduction import Counts, Request, Standing
from fencepost.model.explorer.search.schedule import Schedule
from fencepost.model.memory.lines import Line, Lines
from fencepost.model.writing import store

if TYPE_CHECKING:
    from fencepost.model.explorer.search.exploration import Subject
    from fencepost.model.explorer.search.position import Piece, Position

SCHEMA = "fencepost/explore-checkpoint/2"
Steps = list[tuple[int, int, Any]] | None
"""A schedule: thread, buffer entry and choice of each step."""


class KeptLine(msgspec.Struct, frozen=True, array_like=True):
    """Who has to do with a line."""

    line: tuple[str | int, ...]
    threads: list[int]
    hosts: list[int]
    writers: list[int]


class KeptPiece(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A piece that was searched ahead: after which step of which place."""

    place: int
    number: int
    rest: list[Standing]
    counts: Counts
    found: Steps
    requests: list[Request]


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of a checkpoint file."""

    schema: str
    subject: str
    profile: str
    depth: int
    source: str  # digest of this package
    programs: str  # digest of what is explored and asked
    lines: list[KeptLine]
    standings: list[Standing]
    counts: Counts
    found: Steps
    ahead: list[KeptPiece]
    digest: str = ""  # of all the others


class Checkpoint:
    """The checkpoint file of one search."""

    def __init__(self, path: Path, subject: Subject, depth: int) -> None:
        self.path, self._subject, self._depth = path, subject, depth
        self._source = source_digest()  # now: a file may be changed while the search goes on
        self._programs = ""

    def load(self) -> Position | None:
        """Return the position that the file holds, None where there is no file.

        Raises InputError, with the reason, for a file that is not of this search.
        """
        from fencepost.model.explorer.search.position import Piece, Position

        if not self.path.exists():
            return None
        try:
            kept = msgspec.json.decode(self.path.read_bytes(), type=Kept)
        except (msgspec.DecodeError, OSError) as error:
            raise InputError(f"{self.path} is no checkpoint of fencepost explore: {error}") from None
        self._check(kept)
        try:
            pieces = {
                (each.place, each.number): Piece(
                    tuple(each.rest), each.counts, _schedule(each.found), tuple(each.requests)
                )
                for each in kept.ahead
            }
            position = Position(tuple(kept.standings), kept.counts, _schedule(kept.found), pieces, _lines(kept.lines))
        except ValueError as error:
            raise self.unusable(str(error)) from None
        return position

    def _check(self, kept: Kept) -> None:
        mine = self._subject
        if kept.schema != SCHEMA:
            raise self.unusable(f"its schema is {kept.schema}: expected {SCHEMA}")
        if kept.digest != _digest(kept):
            raise self.unusable("it was changed since it was written: its contents do not have its digest")
        if (kept.subject, kept.profile) != (mine.name, mine.profile):
            raise self.unusable(
                f"it is of another search ({kept.subject} under {kept.profile}): expected {mine.name} under"
                f" {mine.profile}"
            )
        if kept.source != self._source:
            raise self.unusable("it is of another search: the sources of fencepost.model are others now")
        if kept.programs != self._identity():
            raise self.unusable(
                "it is of another search: the programs, what they run on or what is asked of them is different now"
            )
        if kept.depth != self._depth:
            raise self.unusable(f"it is of another search, of runs up to {kept.depth} steps: expected {self._depth}")
        if not kept.standings:
            raise self.unusable("it stands nowhere: expected at least one place")

    def unusable(self, reason: str) -> InputError:
        """Return the error that says why the file cannot be used."""
        return InputError(f"{self.path} cannot be used: {reason}; leave --resume out to begin anew")

    def save(self, position: Position) -> None:
        """Write the file, whole or not at all. Raises InputError for programs that cannot be told from others."""
        lines = position.lines
        kept = Kept(
            SCHEMA,
            self._subject.name,
            self._subject.profile,
            self._depth,
            self._source,
            self._identity(),
            [
                KeptLine(line, *(sorted(each.get(line, ())) for each in (lines.users, lines.hosts, lines.writers)))
                for line in lines.users
            ],
            list(position.standings),
            position.counts,
            _steps(position.found),
            [_kept_piece(*key, piece) for key, piece in sorted(position.ahead.items())],
        )
        store(self.path, msgspec.json.encode(msgspec.structs.replace(kept, digest=_digest(kept))))

    def remove(self) -> None:
        """Remove the file: there is nothing left to do."""
        self.path.unlink(missing_ok=True)

    def _identity(self) -> str:
        mine = self._subject
        self._programs = self._programs or digest_of(mine.name, mine.profile, mine.make, mine.judge, mine.goes_on)
        return self._programs


def _digest(kept: Kept) -> str:
    return sha256(msgspec.json.encode(msgspec.structs.replace(kept, digest=""))).hexdigest()


def _kept_piece(place: int, number: int, piece: Piece) -> KeptPiece:
    return KeptPiece(place, number, list(piece.rest), piece.counts, _steps(piece.found), list(piece.requests))


def _steps(schedule: Schedule | None) -> Steps:
    return None if schedule is None else [(thread, number, encoded(choice)) for (thread, number), choice in schedule]


def _schedule(steps: Steps) -> Schedule | None:
    if steps is None:
        return None
    return tuple(((thread, number), decoded(choice)) for thread, number, choice in steps)


def _lines(kept: Iterable[KeptLine]) -> Lines:
    found = Lines(one_host=False)
    for each in kept:
        line: Line = each.line
        found.users[line], found.hosts[line], found.writers[line] = (
            set(each.threads),
            set(each.hosts),
            set(each.writers),
        )
    return found
