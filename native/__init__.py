"""The native layer: the sequencers in C++20, raced by threads, replayed under a given schedule, or tried one by one.

    race        receivers, scanners, subscribers and clients as threads, on a workload
    replay      one thread makes the attempts of a schedule, each exactly once
    Sequencer   attempts one by one or in bulk, and races that go on where the last one ended

Workloads are columns: one-dimensional arrays or sequences of integers, one entry per row, all of one length. Every
value is checked here and again in C++; what cannot be used is an InputError with the value and what was expected.
"""

from fencepost.native.arguments import BATCH_SEQ_MAX, ISSUED_MAX, MESSAGE_COUNT_MAX, SEQUENCERS
from fencepost.native.racing import (
    LINE_INSTRUCTIONS,
    POLLS,
    PUBLICATIONS,
    ArrivalOutcome,
    PlacementGot,
    RaceOptions,
    RaceResult,
)
from fencepost.native.sequencers import Attempt, AttemptOutcome, Replay, Sequencer, race, replay

__all__ = [
    "BATCH_SEQ_MAX",
    "ISSUED_MAX",
    "LINE_INSTRUCTIONS",
    "MESSAGE_COUNT_MAX",
    "POLLS",
    "PUBLICATIONS",
    "SEQUENCERS",
    "ArrivalOutcome",
    "Attempt",
    "AttemptOutcome",
    "PlacementGot",
    "RaceOptions",
    "RaceResult",
    "Replay",
    "Sequencer",
    "race",
    "replay",
]
