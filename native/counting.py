"""Shared accesses and allocations of the production scanners, counted in a build of their own.

The sequencers, rings and loops are the same templates as in the module that is measured; the memory policy counts, and
so does operator new.
"""

from __future__ import annotations

from dataclasses import dataclass

from fencepost.model.errors import InputError, Miscounted
from fencepost.native import _counting
from fencepost.native.arguments import SEQUENCERS

__all__ = ["COUNTED", "Allocated", "ScanCounts", "allocated_by_structures", "count_scan", "counts_allocations"]

COUNTED = (*SEQUENCERS, "order5.compare_exchange")
"""What can be counted; the last one is no sequencer of fencepost, it is kept to be refuted: it is not wait-free."""


@dataclass(frozen=True)
class ScanCounts:
    """What one scanner did over a full ring. Steps are accesses to shared memory, locks and unlocks; not pauses."""

    batch_count: int
    steps: int
    steps_least: int
    """The fewest between one batch's ordering and the next one's."""
    steps_most: int
    allocations: int
    locks: int
    locks_contended: int
    """Locks that another thread held at the first try."""
    exchanges: int
    exchanges_failed: int
    """Compare-exchanges, and those of them that lost."""
    claims_lost: int
    """Attempts that met another scanner's claim of their client."""
    line_transfers: int
    """Accesses for which a line came from another scanner's cache; 0 unless lines were followed."""
    seconds: float
    """Of all scanners together, in this build that counts."""


@dataclass(frozen=True)
class Allocated:
    """What a structure allocates when it is made, and what it says it does at most."""

    structure: str
    stated_bytes: int
    allocated_bytes: int


def count_scan(
    sequencer: str,
    *,
    ring_count: int = 1,
    batch_count: int = 1 << 14,
    delay_max: int = 0,
    client_count: int = 64,
    skew: float = 0.0,
    follows_lines: bool = False,
) -> tuple[ScanCounts, ...]:
    """Let one scanner, or two with a ring each, order rings that are full from the start; count what each does.

    Batches are of `client_count` clients, in order, or each delayed by up to `delay_max` places; two rings share every
    client. With a `skew`, client n sends in proportion to 1 / (n + 1)^skew. `follows_lines` counts line transfers, by a
    note of which scanner touched each line last (native/include/fencepost/counting/line_holders.hpp): that takes time,
    so that contention is counted without it.

    Raises InputError for an unknown sequencer or a value out of range, Miscounted if a batch was not ordered.
    """
    try:
        scanners = _counting.count_scan(
            sequencer,
            ring_count=ring_count,
            batch_count=batch_count,
            delay_max=delay_max,
            client_count=client_count,
            skew=skew,
            follows_lines=follows_lines,
        )
    except _counting.Refused as error:
        raise InputError(str(error)) from None
    except _counting.Miscounted as error:
        raise Miscounted(str(error)) from None
    return tuple(ScanCounts(**each) for each in scanners if each["batch_count"] > 0)


def allocated_by_structures(
    *, slot_count: int = 512, client_capacity: int = 1024, parking_capacity: int = 8192, epoch_batch_count: int = 64
) -> dict[str, Allocated]:
    """Make each structure and say what it allocated. Raises InputError for a value out of range."""
    try:
        rows = _counting.allocated_by_structures(
            slot_count=slot_count,
            client_capacity=client_capacity,
            parking_capacity=parking_capacity,
            epoch_batch_count=epoch_batch_count,
        )
    except _counting.Refused as error:
        raise InputError(str(error)) from None
    return {row[0]: Allocated(*row) for row in rows}


def counts_allocations() -> bool:
    """Return whether operator new is counted; it is not where another library puts its own in front of it."""
    return _counting.allocations_seen() > 0
