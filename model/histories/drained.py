"""A history beside what arrived: what a drained run must have ordered, and what none may.

From the contract's words: whatever arrived and could be ordered; and nothing that did not arrive.
"""

from collections import Counter, defaultdict

from fencepost.model.contract import Level
from fencepost.model.histories.records import History, Workload

Batch = tuple[int, int]  # client_id, batch_seq
SHOWN_CLIENTS = 3


def orderable(workload: Workload, level: Level) -> Counter[Batch]:
    """Return each batch that a drained run orders, and how often.

    Level 5 orders every arrival. Level 4 orders, once each, the batches of a client from 0 up to the
    first that never arrived.
    """
    arrived = zip(workload.client_id.tolist(), workload.batch_seq.tolist(), strict=True)
    if level == 5:
        return Counter(arrived)
    seqs: dict[int, set[int]] = defaultdict(set)
    for client, seq in arrived:
        seqs[client].add(seq)
    return Counter((client, seq) for client, known in seqs.items() for seq in _unbroken(known))


def _unbroken(seqs: set[int]) -> range:
    end = 0
    while end in seqs:
        end += 1
    return range(end)


def never_ordered(workload: Workload, level: Level) -> str:
    """Say which arrived batches can never be ordered, as what they wait for did not arrive; "" where there is none."""
    arrived = set(zip(workload.client_id.tolist(), workload.batch_seq.tolist(), strict=True))
    ordered = orderable(workload, level).keys()
    if not (never := arrived - ordered):
        return ""
    ends = Counter(client for client, _ in ordered)  # level 4 orders 0 to the number before the first that is missing
    waits = [f"client {client} waits for batch {ends[client]}" for client in sorted({client for client, _ in never})]
    shown = f"{', '.join(waits[:SHOWN_CLIENTS])}, which never arrived"
    more = f", and {len(waits) - SHOWN_CLIENTS} more clients wait" if len(waits) > SHOWN_CLIENTS else ""
    count = f"{len(never)} of {len(arrived)} arrived batches {'was' if len(never) == 1 else 'were'} never ordered"
    return f"{count}: {shown}{more}"


def left_over(workload: Workload, history: History, level: Level) -> str:
    """Say which batch is missing from the history of a drained run, or was ordered without need; "" if none."""
    ordered = Counter(zip(history.client_id.tolist(), history.batch_seq.tolist(), strict=True))
    expected = orderable(workload, level)
    for client, seq in sorted(expected - ordered):
        return f"client {client} batch {seq} arrived, so did all before it, and it was not ordered"
    for client, seq in sorted(ordered - expected):
        return f"client {client} batch {seq} was ordered, though not all before it arrived or more often than it did"
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
