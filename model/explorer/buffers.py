"""Questions about a thread's store buffer."""

from __future__ import annotations

from fencepost.model.memory.late import Entry
from fencepost.model.memory.lines import Line
from fencepost.model.memory.ordering import Buffered, Matrix
from fencepost.model.programs.operations import Address

FLUSHES = (Buffered.FL, Buffered.FO, Buffered.WB)
STORES = (Buffered.W, Buffered.NT)


def blocked(matrix: Matrix, buffer: tuple[Entry, ...], place: int) -> bool:
    """Say whether an older entry keeps the one at a place in the buffer."""
    younger = buffer[place]
    return any(
        matrix.blocks(older.kind, younger.kind, same_line=older.line == younger.line) for older in buffer[:place]
    )


def pending_store(buffer: tuple[Entry, ...], address: Address) -> Entry | None:
    """Return the youngest store to a word in a thread's own buffer."""
    for place in range(len(buffer) - 1, -1, -1):
        entry = buffer[place]
        if entry.word == address[-1] and entry.line == address[:-1] and entry.kind in STORES:
            return entry
    return None


def flushes_now(
    matrix: Matrix, buffer: tuple[Entry, ...], line: Line, thread: int, stored: tuple[int, int] | None
) -> bool:
    """Say whether a thread's flush of the line can leave its buffer now, with nothing between it and the last store.

    `stored` is the thread and the moment of the last store to the line on this host.
    """
    return any(
        entry.line == line
        and entry.kind in FLUSHES
        and stored == (thread, entry.moment)
        and not blocked(matrix, buffer, place)
        for place, entry in enumerate(buffer)
    )
