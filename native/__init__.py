"""The native layer: the sequencers in C++20, raced by threads, replayed under a given schedule, or tried one by one.

    race        receivers, scanners, subscribers and clients as threads, on a workload
    replay      one thread makes the attempts of a schedule, each exactly once
    Sequencer   attempts one by one or in bulk, and races that go on where the last one ended

and the programs of the pipeline, one source for two builds:

    explore       all schedules of the stepped build, or drawn ones; of the shared structures too
    lockstep      the stepped build and the model, side by side, step by step
    run_pipeline  the same programs on real threads

and what a sequencer of your own must be to be compared with the model: `YourSequencer`, `include_directory`.

Workloads are columns: one-dimensional arrays or sequences of integers, one entry per row, all of one length. Every
value is checked here and again in C++; what cannot be used is an InputError with the value and what was expected.
"""

from fencepost.native.adapter import Answer, CompiledSequencer, YourSequencer, include_directory
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
from fencepost.native.running import Delivered, PipelineRun, run_pipeline
from fencepost.native.schedules.exploration import explore
from fencepost.native.schedules.lockstep import Difference, Lockstep, lockstep
from fencepost.native.schedules.pipeline import Mutant
from fencepost.native.sequencers import Attempt, AttemptOutcome, Replay, Sequencer, race, replay

__all__ = [
    "BATCH_SEQ_MAX",
    "ISSUED_MAX",
    "LINE_INSTRUCTIONS",
    "MESSAGE_COUNT_MAX",
    "POLLS",
    "PUBLICATIONS",
    "SEQUENCERS",
    "Answer",
    "ArrivalOutcome",
    "Attempt",
    "AttemptOutcome",
    "CompiledSequencer",
    "Delivered",
    "Difference",
    "Lockstep",
    "Mutant",
    "PipelineRun",
    "PlacementGot",
    "RaceOptions",
    "RaceResult",
    "Replay",
    "Sequencer",
    "YourSequencer",
    "explore",
    "include_directory",
    "lockstep",
    "race",
    "replay",
    "run_pipeline",
]
