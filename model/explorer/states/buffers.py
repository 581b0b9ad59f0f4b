"""Questions about a thread's store buffer."""

from __future__ import annotations

from fencepost.model.memory.lazy import Entry
from fencepost.model.memory.lines import Line
from fencepost.model.memory.ordering import Buffered, Matrix
from fencepost.model.programs.operations import Address

FLUSHES = (Buffered.FL, Buffered.FO, Buffered.WB)
STORES = (Buffered.W, Buffered.NT)


def blocked(matrix: Matrix, buffer: tuple[Entry, ...], place: int) -> bool:
    """Say whether an older entry keeps the one at a place in the buffer."""
    return any(blocks(matrix, older, buffer[place]) for older in buffer[:place])


def blocks(matrix: Matrix, older: Entry, younger: Entry) -> bool:
    """Say whether an older entry of a buffer keeps a younger one there."""
    same_line = older.line == younger.line
    return matrix.blocks(
        older.kind, younger.kind, same_line=same_line, same_word=same_line and older.word == younger.word
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
