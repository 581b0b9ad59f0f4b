"""A history beside what arrived: what a drained run must have ordered, and what none may.

From the contract's words: whatever arrived and could be ordered; and nothing that did not arrive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fencepost.model.contract import Level
from fencepost.model.histories.records import History, IntColumn, Workload

SHOWN_CLIENTS = 3


@dataclass(frozen=True, eq=False)
class Batches:
    """Batches by client and seq, each once with how often it is there; columns of int64, of equal length."""

    client: IntColumn
    seq: IntColumn
    copies: IntColumn

    @classmethod
    def of(cls, table: Workload | History) -> Batches:
        """Return the batches of a table's rows."""
        return cls.counted(table.client_id, table.batch_seq, np.ones(len(table), dtype=np.int64))

    @classmethod
    def counted(cls, client: IntColumn, seq: IntColumn, copies: IntColumn) -> Batches:
        """Return batches that may be there several times as once each, with their copies added up."""
        order = np.lexsort((seq, client))
        client, seq = client[order], seq[order]
        firsts = np.flatnonzero(_differs(client) | _differs(seq))
        return cls(client[firsts], seq[firsts], np.add.reduceat(copies[order], firsts) if firsts.size else copies)

    def __len__(self) -> int:
        return len(self.client)

    def where(self, mask: np.ndarray) -> Batches:
        """Return those of the batches."""
        return Batches(self.client[mask], self.seq[mask], self.copies[mask])

    def without(self, others: Batches) -> Batches:
        """Return what is left when the copies of others are taken away: of each batch how many, and never none."""
        client, seq = np.concatenate((self.client, others.client)), np.concatenate((self.seq, others.seq))
        left = Batches.counted(client, seq, np.concatenate((self.copies, -others.copies)))
        return left.where(left.copies > 0)

    def once(self) -> Batches:
        """Return the same batches, each there once."""
        return Batches(self.client, self.seq, np.ones(len(self), dtype=np.int64))

    def first(self) -> tuple[int, int] | None:
        """Return client and seq of the first of them; None where there is none."""
        return (int(self.client[0]), int(self.seq[0])) if len(self) else None


def _differs(column: IntColumn) -> np.ndarray:
    """Say of each value whether it differs from the one before; the first does."""
    return np.concatenate([np.ones(min(len(column), 1), dtype=bool), column[1:] != column[:-1]])


def orderable(workload: Workload, level: Level) -> Batches:
    """Return each batch that a drained run orders, and how often.

    Level 5 orders every arrival. Level 4 orders, once each, the batches of a client from 0 up to the
    first that never arrived.
    """
    arrived = Batches.of(workload)
    if level == 5:
        return arrived
    firsts = np.flatnonzero(_differs(arrived.client))
    rank = np.arange(len(arrived)) - np.repeat(firsts, np.diff(np.append(firsts, len(arrived))))
    unbroken = arrived.where(arrived.seq == rank)  # numbers rise, so the first that is missing shifts all behind it
    return unbroken.once()


def never_ordered(workload: Workload, level: Level) -> str:
    """Say which arrived batches can never be ordered, as what they wait for did not arrive; "" where there is none."""
    arrived, ordered = Batches.of(workload), orderable(workload, level)
    never = arrived.once().without(ordered.once())
    if not len(never):
        return ""
    clients = np.unique(never.client)
    # Level 4 orders 0 to the number before the first that is missing.
    ends = [int(np.count_nonzero(ordered.client == client)) for client in clients[:SHOWN_CLIENTS]]
    waits = [f"client {client} waits for batch {end}" for client, end in zip(clients.tolist(), ends, strict=False)]
    shown = f"{', '.join(waits)}, which never arrived"
    more = f", and {len(clients) - SHOWN_CLIENTS} more clients wait" if len(clients) > SHOWN_CLIENTS else ""
    count = f"{len(never)} of {len(arrived)} arrived batches {'was' if len(never) == 1 else 'were'} never ordered"
    return f"{count}: {shown}{more}"


def left_over(workload: Workload, history: History, level: Level) -> str:
    """Say which batch is missing from the history of a drained run, or was ordered without need; "" if none."""
    ordered, expected = Batches.of(history), orderable(workload, level)
    if (missing := expected.without(ordered).first()) is not None:
        return "client {} batch {} arrived, so did all before it, and it was not ordered".format(*missing)
    if (more := ordered.without(expected).first()) is not None:
        what = "though not all before it arrived or more often than it did"
        return "client {} batch {} was ordered, ".format(*more) + what
    return ""


def invented(workload: Workload, history: History) -> str:
    """Say which ordered batch is not the one that arrived in its slot; "" if none.

    In a history that is right, who reads a batch as ordered reads what arrived: this is `visible` of its scanners.
    """
    columns = (workload.broker_id, workload.ring_index, workload.client_id, workload.batch_seq, workload.message_count)
    arrived = {
        (broker, index): batch for broker, index, *batch in zip(*(each.tolist() for each in columns), strict=True)
    }
    for row in history:
        found = [row.client_id, row.batch_seq, row.message_count]
        there = arrived.get((row.broker_id, row.ring_index))
        if found != there:
            said = "nothing" if there is None else "client {} batch {} of {} messages".format(*there)
            return (
                "client {} batch {} of {} messages".format(*found)
                + f" was ordered from index {row.ring_index} of broker {row.broker_id}, where {said} had arrived"
            )
    return ""
