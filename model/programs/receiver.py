"""The receiver: puts arriving batches into its broker's ring, one slot after the other."""

from collections.abc import Iterable
from dataclasses import dataclass

from fencepost.model.programs.operations import Program, Sleep, Store, at


@dataclass(frozen=True)
class Arriving:
    """One batch on its way to a ring."""

    client: int
    seq: int
    count: int
    arrival_ns: int = 0


def receiver(ring: int, arriving: Iterable[Arriving]) -> Program:
    """Write each batch's header words, then the ring's `arrived` word, which is what a scanner polls."""
    for index, batch in enumerate(arriving):
        yield Sleep(batch.arrival_ns)
        yield Store(("slot_client", ring, index), batch.client)
        yield Store(("slot_seq", ring, index), batch.seq)
        yield Store(("slot_count", ring, index), batch.count)
        arrive = at("arrive", ring=ring, client=batch.client, seq=batch.seq, count=batch.count)
        yield Store(("arrived", ring), index + 1, arrive)
