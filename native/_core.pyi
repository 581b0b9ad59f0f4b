"""The compiled part of fencepost.native: plain values in and out, every argument required.

Columns are one-dimensional, contiguous int64 arrays, one entry per row. `Refused` says what was wrong with a value.
"""

from collections.abc import Callable
from typing import TypeAlias, TypedDict

import numpy as np
import numpy.typing as npt

SEQUENCERS: dict[str, int]
CLIENT_ID_MAX: int
BROKER_ID_MAX: int
BATCH_SEQ_MAX: int
MESSAGE_COUNT_MAX: int
ISSUED_MAX: int
CLIENT_CAPACITY_MAX: int
RING_COUNT_MAX: int
PARKING_CAPACITY_MAX: int
EPOCH_BATCH_COUNT_MAX: int
SLOT_COUNT_MAX: int
NUMA_NODE_MAX: int
CORE_MAX: int
POLLS: tuple[str, ...]
PUBLICATIONS: tuple[str, ...]
LINE_INSTRUCTIONS: dict[str, bool]
HAND_OVERS: tuple[str, ...]

class Refused(ValueError): ...

class RaceFields(TypedDict):
    outcome: npt.NDArray[np.int8]
    start_position: npt.NDArray[np.int64]
    delivered_position: npt.NDArray[np.int64]
    received_ns: npt.NDArray[np.int64]
    sent_ns: npt.NDArray[np.int64]
    filled_ns: npt.NDArray[np.int64]
    first_attempted_ns: npt.NDArray[np.int64]
    attempted_ns: npt.NDArray[np.int64]
    ordered_ns: npt.NDArray[np.int64]
    published_ns: npt.NDArray[np.int64]
    exported_ns: npt.NDArray[np.int64]
    delivered_ns: npt.NDArray[np.int64]
    acked_ns: npt.NDArray[np.int64]
    issued: int
    released_count: int
    claim_lost_count: int
    duplicate_count: int
    content_fault_count: int
    chain_fault_count: int
    lap_count_max: int
    held_ring_count: int
    placement: tuple[int, int, int, int, int]
    seconds: float

class RaceOptions:
    def __init__(
        self,
        *,
        slot_count: int,
        publication: str,
        line_instruction: str,
        guard_batch_count: int,
        stop_row: int,
        seed: int,
        poll: str,
        prefetches: bool,
        huge_pages: bool,
        numa_node: int,
        cores: list[int],
    ) -> None: ...

class Sequencer:
    def __init__(
        self,
        name: str,
        *,
        client_capacity: int,
        first_position: int,
        parking_capacity: int,
        worker_count: int,
        epoch_batch_count: int,
    ) -> None: ...
    def try_order(self, client_id: int, batch_seq: int, message_count: int) -> tuple[int, int]: ...
    def try_order_all(  # TypeError unless each is a contiguous array of int64
        self, client_id: object, batch_seq: object, message_count: object
    ) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]: ...
    def race(
        self,
        *,
        client_id: npt.NDArray[np.int64],
        batch_seq: npt.NDArray[np.int64],
        broker_id: npt.NDArray[np.int64],
        message_count: npt.NDArray[np.int64],
        options: RaceOptions,
    ) -> RaceFields: ...
    @property
    def issued(self) -> int: ...

def replay(
    sequencer: str,
    *,
    client_id: npt.NDArray[np.int64],
    batch_seq: npt.NDArray[np.int64],
    message_count: npt.NDArray[np.int64],
    first_position: int,
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]: ...

RecordedRows: TypeAlias = list[tuple[int, int, int]]

def record_publication(publication: str, *, message_count: int) -> tuple[RecordedRows, RecordedRows]: ...
def record_hand_over(hand_over: int) -> tuple[RecordedRows, RecordedRows]: ...
def clock_faults() -> list[str]: ...  # of the last race; in builds with FENCEPOST_CLOCKED only

class LitmusProgram:
    def __init__(
        self,
        *,
        threads: list[list[int]],
        instructions: list[list[int]],
        lines: list[list[int]],
        condition: list[list[int]],
        matrix: list[int],
        options: list[int],
        host_count: int,
    ) -> None: ...

class LitmusFields(TypedDict):
    answer: int
    states: int
    seconds: float
    schedule: list[tuple[int, int, int, int]]
    outcomes: list[list[int]]
    reason: str

def explore_litmus(program: LitmusProgram, *, state_budget: int, seconds_budget: float) -> LitmusFields: ...

class Search:
    def __init__(self, *, strategy: int, seed: int, pct_depth: int, seconds: float, depth: int, runs: int) -> None: ...

class ExploredFields(TypedDict):
    complete: int
    blocked: int
    cut: int
    steps: int
    seconds: float
    stop: int
    violated: bool
    schedule: list[tuple[int, int, int]]
    longest: int
    lines: list[tuple[int, int, int]]
    threads: int
    outcomes: list[list[int]]

TellCounts = Callable[[int, int, int, int, float], None]

def explore_stepped_litmus(
    program: LitmusProgram, search: Search, *, one_host: bool, with_memory: bool, tell: TellCounts
) -> ExploredFields: ...

class PipelineScenario:
    def __init__(
        self,
        *,
        rings: list[list[tuple[int, int, int, int]]],
        slots: int,
        flags: list[bool],
        plans: list[list[tuple[int, int, int]]],
        later: list[list[tuple[int, int, int, int]]],
        connections: int,
        timeouts: int,
        readers: int,
        late_rings: int,
    ) -> None: ...

class PipelineJudge:
    def __init__(
        self,
        *,
        concern: Callable[[int, int, list[int]], tuple[list[tuple[int, int]], list[int], list[int]]],
        after: Callable[[int, int, list[int], list[int]], tuple[int, bool]],
        wrong_at_end: Callable[[int, int], bool],
    ) -> None: ...

class RecordFields(ExploredFields):
    acts: npt.NDArray[np.int64]
    snapshots: list[tuple[int, list[int]]]

class PickedFields(RecordFields):
    ended: bool
    stale_count: int
    watch: int
    issued: int
    waiting: int
    has_two_writers: bool

class Pipeline:
    def __init__(
        self,
        *,
        design: str,
        scenario: PipelineScenario,
        profile: list[int],
        matrix: list[int],
        mutant: int,
        judge: PipelineJudge | None,
    ) -> None: ...
    def explore(
        self, search: Search, *, asks_drained: bool, asks_single_writer: bool, tell: TellCounts
    ) -> ExploredFields: ...
    def draw(self, search: Search, *, run: int, steps: int, interval: int) -> RecordFields: ...
    def follow(self, schedule: list[tuple[int, int, int]], *, interval: int) -> RecordFields: ...
    def pick(
        self, *, hints: list[tuple[int, bool, int]], picks: list[tuple[int, int]], steps_most: int, interval: int
    ) -> PickedFields: ...
    def learn(self, lines: list[tuple[int, int, int]]) -> None: ...
    def lines(self) -> list[tuple[int, int, int, int]]: ...

class Structure:
    def __init__(self, *, name: str, numbers: list[int], profile: list[int], matrix: list[int]) -> None: ...
    def explore(
        self,
        search: Search,
        *,
        asks_single_writer: bool,
        wrong_at_end: Callable[[list[list[int] | None]], bool],
        tell: TellCounts,
    ) -> ExploredFields: ...
    def draw(self, search: Search, *, run: int, steps: int, interval: int) -> RecordFields: ...
    def follow(self, schedule: list[tuple[int, int, int]], *, interval: int) -> RecordFields: ...
    def learn(self, lines: list[tuple[int, int, int]]) -> None: ...
    def lines(self) -> list[list[int]]: ...

class PipelineRunFields(TypedDict):
    delivered: list[tuple[int, int, int, int, int]]
    issued: int
    seconds: float
    is_complete: bool

def run_pipeline(
    design: str, scenario: PipelineScenario, *, expected_count: int, patience_seconds: float, flushes: bool
) -> PipelineRunFields: ...

class Miscounted(RuntimeError): ...

class MachineFields(TypedDict):
    cpu_model: str
    cpus_allowed: list[int]
    clflushopt: bool
    clwb: bool

class MeasuredFields(TypedDict):
    values: list[float]
    operation_count: int
    disturbed_count: int
    cpus: list[int]
    unavailable: str

REPETITION_COUNT_MIN: int
REPETITION_COUNT_MAX: int
FLOOR_METRICS: list[tuple[str, str, int, str]]

def machine() -> MachineFields: ...
def build() -> dict[str, str]: ...
def measure_floor(name: str, *, repetition_count: int, is_quick: bool) -> MeasuredFields: ...

class ProbeFields(TypedDict):
    name: str
    operation_count: int
    values: list[float]
    disturbed_count: int
    extras: dict[str, float]

class SettingFields(TypedDict):
    probes: list[ProbeFields]
    cpus: list[int]
    unavailable: str

BENCH_SETTINGS: list[str]

def measure_setting(name: str, *, repetition_count: int, is_quick: bool) -> SettingFields: ...

class HistoryPass:
    def __init__(
        self, *, ring_order: bool, client_order: bool, numbers: bool, real_time: bool, from_position: int,
        first_seq: int | None, counts_messages: bool, kept_max: int,
    ) -> None: ...  # fmt: skip
    def add(self, columns: list[npt.NDArray[np.int64]]) -> bool: ...  # nine, as history_bindings.cpp says
    def finish(self) -> None: ...
    def found(self) -> dict[str, tuple[int, int, int, list[tuple[int, int, int]]]]: ...
    def copies(self) -> list[tuple[int, int, int]]: ...
    @property
    def state(self) -> int: ...
    @property
    def can_tell_numbers(self) -> bool: ...
    @property
    def latest_sent_ns(self) -> int: ...
    @property
    def earliest_ack_ns(self) -> int: ...
