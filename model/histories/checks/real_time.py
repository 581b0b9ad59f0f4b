"""Real time: a batch that was acknowledged before another was sent is ordered before it.

An acknowledgement and a send belong to the batch, however many copies of it there are, and ordered
means its first copy: the one at the lowest position. What a copy's row says of its times may be its
own or its batch's; the batch was sent at the earliest of them, and acknowledged at the earliest.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fencepost.model.histories.checks.pieces import Placed, cuts
from fencepost.model.histories.records import HIGHEST, NEVER, History, IntColumn


@dataclass(frozen=True)
class FirstCopies:
    """The batches of a history in position order: of each the row of its first copy, and the batch's times."""

    rows: npt.NDArray[np.intp]
    start: IntColumn
    end: IntColumn
    sent_ns: IntColumn
    acked_ns: IntColumn

    @classmethod
    def of(cls, history: History) -> "FirstCopies":
        end = history.start_position + history.message_count
        by_batch = np.lexsort((end, history.start_position, history.batch_seq, history.client_id))
        client, seq = history.client_id[by_batch], history.batch_seq[by_batch]
        firsts = np.flatnonzero(np.concatenate([[True], (client[1:] != client[:-1]) | (seq[1:] != seq[:-1])]))
        rows = by_batch[firsts]
        sent_ns, acked_ns = (_earliest(each[by_batch], firsts) for each in (history.sent_ns, history.acked_ns))
        # Times break ties of place, so that what is counted does not depend on the order of rows.
        order = np.lexsort((acked_ns, sent_ns, end[rows], history.start_position[rows]))
        rows = rows[order]
        return cls(rows, history.start_position[rows], end[rows], sent_ns[order], acked_ns[order])

    def was_anything_sent_after_an_ack(self) -> bool:
        """Say whether some batch was sent after another was acknowledged: what real time is about."""
        acked_ns = self.acked_ns[self.acked_ns != NEVER]
        return bool(acked_ns.size and (self.sent_ns > acked_ns.min()).any())

    def cuts(self) -> list[tuple[int, int, int]]:
        """Return, for each cut (see `pieces`), the rows of a batch and of one sent so many ns after that was acked."""
        sent_before = np.concatenate([[NEVER], np.maximum.accumulate(self.sent_ns)[:-1]])
        reached = np.concatenate([[0], np.maximum.accumulate(self.end)[:-1]])
        late = (self.acked_ns != NEVER) & (self.acked_ns < sent_before)
        if not (late | (reached > self.start)).any():
            return []
        columns = (column.tolist() for column in (self.start, self.end, self.sent_ns, self.acked_ns))
        found = cuts(map(Placed._make, zip(*columns, strict=True)))
        return [
            (int(self.rows[acked]), int(self.rows[sent]), int(self.sent_ns[sent] - self.acked_ns[acked]))
            for acked, sent in found
        ]


def _earliest(times: IntColumn, firsts: npt.NDArray[np.intp]) -> IntColumn:
    """Return the earliest time of each group that begins at one of `firsts`; NEVER where it has none."""
    earliest = np.minimum.reduceat(np.where(times == NEVER, HIGHEST, times), firsts)
    recorded = np.maximum.reduceat(times, firsts) != NEVER
    found: IntColumn = np.where(recorded, earliest, NEVER)
    return found
