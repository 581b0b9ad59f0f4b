"""The seed programs: the ordering core as it was at 09ae22d, defects included. Nothing here is to be imitated.

What the sound programs (`model/programs/`) do otherwise is what the findings of fencepost are about. Every step follows
the public code of that commit; a comment names the defect where one lies.

Left out is what nobody here reads: the message headers' offsets and back-references, the sizes in a slot, replication,
and several connections of one broker.
"""

from fencepost.model.programs.seed.broker import (
    SeedAcknowledger,
    SeedClient,
    SeedDelegation,
    SeedReceiver,
    SeedSubscriber,
)
from fencepost.model.programs.seed.scanners import SeedScanner4, SeedScanner5

__all__ = [
    "SeedAcknowledger", "SeedClient", "SeedDelegation", "SeedReceiver", "SeedScanner4", "SeedScanner5",
    "SeedSubscriber",
]  # fmt: skip
