"""What a drained run must have ordered, from the contract's words: whatever arrived and could be ordered."""

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
