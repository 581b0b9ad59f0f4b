"""A file's rows piece by piece, as columns of a history. No more is held than a piece, and the names of clients."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fencepost.model.errors import FormatError
from fencepost.model.histories.files.columns import Source, Table
from fencepost.model.histories.files.frames import NULLS, has_sound_start, polars_module
from fencepost.model.histories.files.log_reader import COLUMNS
from fencepost.model.histories.files.presets import Preset, columns_there
from fencepost.model.histories.records import NEVER, IntColumn, OrderedBatch

if TYPE_CHECKING:
    import polars


class Piece(NamedTuple):
    """The columns of some rows, of which `first_row` is the first, from 0."""

    columns: dict[str, IntColumn]
    first_row: int

    @property
    def size(self) -> int:
        return len(self.columns["start_position"])


class _Names:
    """Numbers for identities that are words, the same in every piece; none where identities are numbers themselves."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self._are_words: bool | None = None

    def codes(self, piece: Table, name: str) -> IntColumn:
        codes, words = piece.identities(name)
        if self._are_words not in (None, bool(words)):
            raise FormatError(piece.path, "identities are words in one piece and numbers in another")
        self._are_words = bool(words)
        if not words:
            return codes
        numbered = np.array([self.numbers.setdefault(word, len(self.numbers)) for word in words], dtype=np.int64)
        renumbered: IntColumn = numbered[codes]
        return renumbered


class PieceColumns:
    """How the pieces of one file become columns. `empty` has the columns of the file, and no rows."""

    def __init__(self, empty: polars.DataFrame, source: Source, preset: Preset | None) -> None:
        if preset is not None:
            columns = columns_there(preset, empty.columns, source.columns)
            source = Source(source.path, columns, source.time_unit, preset.seq_end)
        self.table, self.source = Table(empty, source, COLUMNS), source
        self._names = {name: _Names() for name in ("client_id", "broker_id")}

    def columns_of(self, frame: polars.DataFrame, names: Iterable[str]) -> dict[str, IntColumn]:
        """Return some columns of a piece, those that it has; InputError where a cell cannot be read."""
        names = tuple(names)
        theirs = {name: self.table.name_of(name) for name in names if name in self.table}
        piece = Table(frame, Source(self.source.path, theirs, self.source.time_unit), COLUMNS)
        return {name: self._column(piece, name) for name in names}

    def _column(self, piece: Table, name: str) -> IntColumn:
        if name == "message_count" and name not in piece:
            return np.ones(len(piece), dtype=np.int64)
        if name in self._names:
            return self._names[name].codes(piece, name)
        if name in ("sent_ns", "acked_ns"):
            return piece.times_ns(name)
        return piece.integers(name, 1 if name == "message_count" else 0)


class FilePieces(PieceColumns):
    """A file that can be read piece by piece, as often as it is asked for."""

    def __init__(self, lazy: polars.LazyFrame, source: Source, preset: Preset | None) -> None:
        super().__init__(lazy.head(0).collect(), source, preset)
        self._lazy = lazy

    @classmethod
    def of(cls, path: Path, source: Source, preset: Preset | None) -> FilePieces | None:
        """Return a file as pieces to come, or None where it cannot be read so."""
        lazy = _scan(path) if preset is None or not preset.is_dump else None
        return None if lazy is None else cls(lazy, source, preset)

    @property
    def client_names(self) -> tuple[str, ...]:
        """The names of clients by their numbers, as far as they were read; none where they are numbers."""
        return tuple(self._names["client_id"].numbers)

    def read(self, names: Iterable[str]) -> Iterator[Piece]:
        """Yield the pieces of the file; raises InputError where a cell cannot be read."""
        names, first_row = tuple(names), 0
        theirs = [self.table.name_of(name) for name in names if name in self.table]
        for frame in self._lazy.select(theirs).collect_batches(maintain_order=True):
            if frame.height:
                yield Piece(self.columns_of(frame, names), first_row)
                first_row += frame.height

    def batches(
        self, rows: Collection[int], of: Collection[tuple[int, int]] = ()
    ) -> tuple[dict[int, OrderedBatch], dict[tuple[int, int], int]]:
        """Return the batches of some rows, and the first row of each of some by (client_id, batch_seq)."""
        names = [name for name in OrderedBatch._fields if name in self.table or name == "message_count"]
        wanted, missing = np.array(sorted(rows), dtype=np.int64), set(of)
        found: dict[int, OrderedBatch] = {}
        firsts: dict[tuple[int, int], int] = {}
        for piece in self.read(names):
            here = wanted[(wanted >= piece.first_row) & (wanted < piece.first_row + piece.size)]
            indexes = set((here - piece.first_row).tolist())
            for client, seq in sorted(missing):
                same = (piece.columns["client_id"] == client) & (piece.columns["batch_seq"] == seq)
                if same.any():
                    firsts[client, seq] = piece.first_row + int(same.argmax())
                    indexes.add(int(same.argmax()))
            missing -= firsts.keys()
            for index in indexes:
                found[piece.first_row + index] = _batch(piece.columns, index, piece.first_row + index)
            if not missing and (not len(wanted) or piece.first_row + piece.size > wanted[-1]):
                break
        return found, firsts


def _batch(columns: Mapping[str, IntColumn], index: int, row: int) -> OrderedBatch:
    absent = {"sent_ns": NEVER, "acked_ns": NEVER, "batch_seq": row}  # without numbers each row is a batch of its own
    values = (int(columns[n][index]) if n in columns else absent.get(n, 0) for n in OrderedBatch._fields)
    return OrderedBatch(*values)


def _scan(path: Path) -> polars.LazyFrame | None:
    """Return a file as rows to come, or None where it cannot be read piece by piece."""
    module = polars_module()
    scans: dict[str, Callable[..., polars.LazyFrame]] = {
        ".csv": partial(module.scan_csv, null_values=NULLS),
        ".tsv": partial(module.scan_csv, null_values=NULLS, separator="\t"),
        ".parquet": module.scan_parquet,
        **dict.fromkeys((".arrow", ".feather", ".ipc"), module.scan_ipc),
    }
    extension = path.suffix.lower()
    if extension not in scans or not has_sound_start(path):
        return None
    return scans[extension](path, glob=False)  # a name may hold the signs of a pattern
