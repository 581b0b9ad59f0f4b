"""How a race is run, and what it says when it is over."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fencepost.model.errors import InputError, unknown_choice
from fencepost.native import _core
from fencepost.native.arguments import check_number

PUBLICATIONS: tuple[str, ...] = _core.PUBLICATIONS
"""How an export becomes readable on other hosts; all are sound but `seed`, the program of 09ae22d."""

POLLS: tuple[str, ...] = _core.POLLS

LINE_INSTRUCTIONS: dict[str, bool] = dict(_core.LINE_INSTRUCTIONS)
"""Name of every cache-line instruction -> whether this machine has it."""


@dataclass(frozen=True, kw_only=True)
class RaceOptions:
    """How a race is run.

    slot_count         slots of each ring and of each export chain
    publication        one of PUBLICATIONS; `none` needs no cache-line instruction, for threads of one host
    line_instruction   what writes a line back; chosen by what the machine has if None
    guard_batch_count  publication `epoch`: so many guards are raised behind one fence
    poll               one of POLLS: what scanners and workers do between two looks at an empty ring; `pause` is for
                       threads that have a core each
    prefetches         scanners and workers fetch the slot behind those that they take
    huge_pages         slots of rings and chains on huge pages, if the system gives any
    numa_node          and on this node; None: wherever
    cores              thread i on core cores[i modulo their count]; empty: anywhere
    stop_row           when this row is about to be sent, everything stops in the middle; None: run to the end
    """

    slot_count: int = 512
    publication: str = "none"
    line_instruction: str | None = None
    guard_batch_count: int = 16
    poll: str = "spin_then_yield"
    prefetches: bool = False
    huge_pages: bool = False
    numa_node: int | None = None
    cores: tuple[int, ...] = ()
    stop_row: int | None = None

    def checked(self, seed: int, native: Any = _core) -> _core.RaceOptions:
        """Return the options as a compiled module has them; InputError for a bad one."""
        if self.publication not in PUBLICATIONS:
            raise unknown_choice("publication", self.publication, PUBLICATIONS)
        if self.poll not in POLLS:
            raise unknown_choice("poll", self.poll, POLLS)
        if self.line_instruction is not None and self.line_instruction not in LINE_INSTRUCTIONS:
            raise unknown_choice("line_instruction", self.line_instruction, LINE_INSTRUCTIONS)
        for name, value in (("prefetches", self.prefetches), ("huge_pages", self.huge_pages)):
            if not isinstance(value, bool):
                raise InputError(f"{name} is {value!r}: expected True or False")
        try:
            made: _core.RaceOptions = native.RaceOptions(
                slot_count=check_number("slot_count", self.slot_count),
                publication=self.publication,
                line_instruction=self.line_instruction or self._fitting_instruction(),
                guard_batch_count=check_number("guard_batch_count", self.guard_batch_count),
                stop_row=-1 if self.stop_row is None else check_number("stop_row", self.stop_row),
                seed=check_number("seed", seed),
                poll=self.poll,
                prefetches=self.prefetches,
                huge_pages=self.huge_pages,
                numa_node=-1 if self.numa_node is None else check_number("numa_node", self.numa_node),
                cores=[check_number("cores", core, index=index) for index, core in enumerate(self.cores)],
            )
        except native.Refused as error:
            raise InputError(str(error)) from None
        return made

    def _fitting_instruction(self) -> str:
        """Return the writer's best instruction; the refusal of one that is missing is left to the compiled part."""
        if self.publication == "none":
            return "none"
        return "clwb" if LINE_INSTRUCTIONS["clwb"] else "clflushopt"


class PlacementGot(NamedTuple):
    """What came of `huge_pages`, `numa_node` and `cores`, as the operating system says when the threads have run.

    What was not asked for is 0. Sizes are of the slots of all rings and chains.
    """

    memory_bytes: int
    huge_page_bytes: int
    on_node_bytes: int
    thread_count: int
    bound_thread_count: int


class ArrivalOutcome(IntEnum):
    """What became of an arrival when a race is over."""

    ORDERED = 0
    PARKED = 1  # its predecessor never arrived, or is parked itself
    DUPLICATE = 2  # its batch was ordered before, or a copy of it is parked
    WAITING = 3  # nobody read it: the run was stopped, or its ring was held


@dataclass(frozen=True)
class RaceResult:
    """What happened in a race. Arrays have one entry per arrival, in the order of the input rows.

    Times are nanoseconds since the start of the run on a steady clock.
    """

    outcome: npt.NDArray[np.int8]
    """ArrivalOutcome codes, as the scanner saw it."""
    start_position: npt.NDArray[np.int64]
    """First position of the batch, as the scanner assigned it; -1 unless ordered."""
    delivered_position: npt.NDArray[np.int64]
    """The same as a subscriber read it, beside the batch's own content; -1 unless delivered."""
    received_ns: npt.NDArray[np.int64]
    """When its receiver took it up, before it waited for room in the ring; -1 if never."""
    sent_ns: npt.NDArray[np.int64]
    """Just before the slot was published to the scanner; -1 if never."""
    filled_ns: npt.NDArray[np.int64]
    """Just after that, by its receiver's clock: a scanner may have read it by then; -1 if never."""
    first_attempted_ns: npt.NDArray[np.int64]
    """Just before the attempt that parked it; of a batch that was not parked, as `attempted_ns`."""
    attempted_ns: npt.NDArray[np.int64]
    """Just before the attempt that ordered it, or after what its scanner had in hand with it; -1 unless ordered."""
    ordered_ns: npt.NDArray[np.int64]
    """Just after the batch's order was final and before it was exported; -1 unless ordered."""
    published_ns: npt.NDArray[np.int64]
    """Just after its guard in the export chain was stored, by its scanner's clock: a subscriber of the same host may
    have read it by then; -1 unless ordered."""
    exported_ns: npt.NDArray[np.int64]
    """Just after that guard was written back as the publication policy does, by the same clock; -1 unless ordered."""
    delivered_ns: npt.NDArray[np.int64]
    """Just after a subscriber read it; -1 unless delivered."""
    acked_ns: npt.NDArray[np.int64]
    """Just after the batch's client saw it acknowledged; -1 unless ordered and acknowledged."""
    issued: int
    """The next position never handed out, after the run."""
    released_count: int
    """Arrivals that were parked first and ordered later."""
    claim_lost_count: int
    """Attempts that met a busy bit or lost the compare-exchange (order4.claim; else 0)."""
    duplicate_count: int
    """Arrivals dropped because their batch had been ordered before, or was parked already."""
    content_fault_count: int
    """Exported records whose identity led to another batch: `visible` is broken if there is one."""
    chain_fault_count: int
    """Exported records with a lower position than the one before them in their chain."""
    lap_count_max: int
    """How often the most used ring was passed, rounded up."""
    held_ring_count: int
    """Rings that were not read to the end, as their next batch found no room to park."""
    placement: PlacementGot
    """Where slots and threads were put, beside what was asked."""
    seconds: float
    """From the first thread through the starting gate to the last one done."""

    @classmethod
    def of(cls, fields: "_core.RaceFields") -> "RaceResult":
        """Return the result with these fields of the compiled part."""
        named: dict[str, Any] = {**fields, "placement": PlacementGot(*fields["placement"])}
        return cls(**named)

    @property
    def ordered_count(self) -> int:
        """Arrivals that were ordered."""
        return int(np.count_nonzero(self.outcome == ArrivalOutcome.ORDERED))

    @property
    def parked_count(self) -> int:
        """Arrivals still parked at the end: nothing that arrived can release them."""
        return int(np.count_nonzero(self.outcome == ArrivalOutcome.PARKED))
