"""Acknowledgements: `native/include/fencepost/structures/ack_frontier.hpp`, operation by operation."""

from __future__ import annotations

from fencepost.model.programs.operations import Flush, FullFence, Load, Store, StoreFence
from fencepost.model.programs.structures.chain import INDEX_BITS, Chain, chain_ring, record
from fencepost.model.programs.structures.client_table import NO_CLIENT, bucket, first_bucket, table_lines, word_of
from fencepost.model.programs.structures.ring import POLICIES, Reader
from fencepost.model.programs.structures.structure import PAUSE, Returned, Steps, Structure, never_ended, thread

CLIENT = 1
RECORDS_AT_ONCE = 64
CAPACITY = 1


class Frontier:
    """So many of each client's batches, from its first, are acknowledged; or of each ring's."""

    def __init__(self, *, is_per_client: bool) -> None:
        self.is_per_client = is_per_client

    def advance(self, chains: list[Reader]) -> Steps:
        """Take what can be taken from the heads of the chains; return how many records."""
        taken_count = 0
        for chain in chains:
            count = yield from chain.readable_count(RECORDS_AT_ONCE)
            taken = 0
            while taken < count and (yield from self._take((yield from chain.at(taken)))):
                taken += 1
            yield from chain.consume(taken)
            taken_count += taken
        if taken_count > 0:
            yield StoreFence()
        return taken_count

    def _take(self, each: tuple[int, ...]) -> Steps:
        client, seq, origin = each[0], each[1], each[-1]
        line = yield from word_of(client if self.is_per_client else origin >> INDEX_BITS, CAPACITY)
        acked = yield Load((*line, "word"))
        if self.is_per_client and seq != acked:
            return False
        yield Store((*line, "word"), acked + 1)
        yield Flush(line)
        return True

    def acked_count(self, key: int) -> Steps:
        """Return how many batches are acknowledged, as any host sees it; takes no bucket."""
        index = first_bucket(key, CAPACITY)
        for _ in range(CAPACITY):
            yield Flush(bucket(index))
            yield FullFence()
            owner = yield Load((*bucket(index), "client"))
            if owner == NO_CLIENT:
                return 0
            if owner == key:
                return (yield Load((*bucket(index), "word")))
            index = (index + 1) % CAPACITY
        return 0


def ack_frontier(policy: str = "single_fence", *, is_per_client: bool = True) -> Structure:
    """Return who exports a client's batches 1 and 0, each in a chain of its own, who acknowledges, and who asks.

    The batches are exported in that order, so that the acknowledger may meet the later one alone. Whoever asks waits
    until something is acknowledged, then looks which records it can read. The fault: not `is_per_client`, the frontier
    is that of level 5, which counts the records of a ring and does not look whose turn it is.
    """
    rings = [chain_ring(1, 2, chain) for chain in range(2)]

    def export() -> Steps:
        for seq in (1, 0):
            chain = Chain(rings[seq], policy)
            yield from chain.export_blocking(record(CLIENT, seq, seq, 0, seq))
            yield from chain.finish()
        return ()

    def acknowledge() -> Steps:
        frontier = Frontier(is_per_client=is_per_client)
        chains = [Reader(ring, 0) for ring in rings]
        taken = 0
        while taken < len(rings):
            count = yield from frontier.advance(chains)
            taken += count
            if count == 0:
                yield PAUSE
        return ()

    def ask() -> Steps:
        frontier = Frontier(is_per_client=is_per_client)
        while (acked := (yield from frontier.acked_count(CLIENT if is_per_client else 0))) == 0:
            yield PAUSE
        found = []
        for ring in rings:
            found.append((yield from Reader(ring, 1).readable_count(1)))
        return (acked, *found)

    threads = (
        thread("scanners", 0, export),
        thread("acknowledger", 1, acknowledge),
        thread("client", 2, ask),
    )

    def wrong(returned: Returned) -> tuple[str, str] | None:
        asked = returned[-1]
        if asked is not None and not all(asked[1 : 1 + asked[0]]):
            batch = asked[1:].index(0)
            return "ack-safe", f"{asked[0]} batches are acknowledged, and the record of batch {batch} cannot be read"
        return never_ended(threads, returned)

    return Structure(
        "ack_frontier",
        "per_client" if is_per_client else "per_ring",
        (list(POLICIES).index(policy), int(is_per_client)),
        (*rings[0].lines, *rings[1].lines, *table_lines(CAPACITY)),
        threads,
        wrong,
        f"batches 0 and 1 of a client in two chains by {policy}",
        single_writer=True,
    )
