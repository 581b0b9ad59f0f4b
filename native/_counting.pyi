"""The compiled part of fencepost.native.counting: sequencers whose shared accesses and allocations are counted."""

from typing import TypedDict

class Refused(ValueError): ...
class Miscounted(RuntimeError): ...

class ScanFields(TypedDict):
    batch_count: int
    steps: int
    steps_least: int
    steps_most: int
    allocations: int
    locks: int
    locks_contended: int
    exchanges: int
    exchanges_failed: int
    claims_lost: int
    line_transfers: int
    seconds: float

def count_scan(
    sequencer: str,
    *,
    ring_count: int,
    batch_count: int,
    delay_max: int,
    client_count: int,
    skew: float,
    follows_lines: bool,
) -> list[ScanFields]: ...
def allocated_by_structures(
    *, slot_count: int, client_capacity: int, parking_capacity: int, epoch_batch_count: int
) -> list[tuple[str, int, int]]: ...
def allocations_seen() -> int: ...
