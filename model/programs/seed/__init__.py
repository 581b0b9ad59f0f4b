"""The seed programs: the ordering core as it was at 09ae22d, defects included. Nothing here is to be imitated.

What the sound programs (`model/programs/`) do otherwise is what the findings of fencepost are about. Every step follows
the public code of that commit; a comment names the defect where one lies.

layout      where the words lie
broker      connections and delegation
scanners    order 5 and order 4
readers     subscribers, replicas, acknowledgers and clients
"""

from fencepost.model.programs.seed.broker import SeedDelegation, SeedReceiver, SeedReceiver4
from fencepost.model.programs.seed.readers import (
    SeedAcknowledger,
    SeedClient,
    SeedReplica,
    SeedSearchingSubscriber,
    SeedSubscriber,
    replica_broker,
)
from fencepost.model.programs.seed.scanners import SeedGatedScanner4, SeedScanner4, SeedScanner5

__all__ = [
    "SeedAcknowledger", "SeedClient", "SeedDelegation", "SeedGatedScanner4", "SeedReceiver", "SeedReceiver4",
    "SeedReplica", "SeedScanner4", "SeedScanner5", "SeedSearchingSubscriber", "SeedSubscriber", "replica_broker",
]  # fmt: skip
