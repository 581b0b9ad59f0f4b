"""Numbers of batches as Kafka's producers give them: none at all, or of 31 bits that begin again behind the last.

A producer that is not idempotent gives no number: such a batch has a place in the log, and nothing says which of its
client's batches it is. So it is a client's only batch here, and where no batch has a number, no property of numbers
can be shown.
"""

import numpy as np

from fencepost.model.histories.records import IntColumn


def number_on(
    columns: dict[str, IntColumn], names: tuple[str, ...], log_id: IntColumn | None, epoch: IntColumn | None, end: int
) -> tuple[tuple[str, ...], IntColumn | None]:
    """Change `client_id` and `batch_seq` of `columns` to clients that number on; return their names, and the epochs.

    -1 is a batch without a number, or an epoch of none; `end` is the number that never comes, as 0 comes in its place.
    """
    bare = np.flatnonzero(columns["batch_seq"] < 0)
    if bare.size:
        known, codes = np.unique(columns["client_id"], return_inverse=True)
        said = [names[code] if names else str(code) for code in known.tolist()]
        clients, numbers = codes.reshape(-1).astype(np.int64), columns["batch_seq"].copy()
        clients[bare], numbers[bare] = len(known) + np.arange(len(bare)), 0
        columns |= {"client_id": clients, "batch_seq": numbers}
        names = (*said, *(f"without a number (batch {index + 1})" for index in bare.tolist()))
    epoch = None if epoch is None else np.maximum(epoch, 0)
    groups = [columns["client_id"], *(column for column in (log_id, epoch) if column is not None)]
    columns["batch_seq"] = counted_on(columns["batch_seq"], columns["start_position"], groups, end)
    return names, epoch


def counted_on(number: IntColumn, start: IntColumn, groups: list[IntColumn], end: int) -> IntColumn:
    """Return numbers that begin again at `end` as numbers that go on, in the order of positions inside each group.

    One that falls by over half of `end` has begun again; one that rises by as much is of the round before.
    """
    order = np.lexsort((start, *groups))
    inside = np.concatenate([[False], np.logical_and.reduce([g[order][1:] == g[order][:-1] for g in groups])])
    steps = np.concatenate([[0], np.diff(number[order])])
    turns = np.where(inside & (steps < -(end // 2)), 1, 0) - np.where(inside & (steps > end // 2), 1, 0)
    rounds = np.cumsum(turns)
    firsts = np.flatnonzero(~inside)
    sizes = np.diff(np.append(firsts, len(order)))
    rounds -= np.repeat(np.minimum.reduceat(rounds, firsts), sizes)
    gone_on = np.empty_like(number)
    gone_on[order] = number[order] + rounds * end
    return gone_on
