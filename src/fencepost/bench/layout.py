"""The layout of shared structures: lines, fields, how long counters last, and faults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from fencepost.bench.layouts.assertions import static_assertions
from fencepost.bench.layouts.debug_info import compiled_headers, compiled_structures
from fencepost.bench.layouts.description import Description, read_description
from fencepost.bench.layouts.findings import Finding, Laid, lay_out
from fencepost.bench.machine import hardware, load
from fencepost.bench.sides import Progress
from fencepost.bench.spread import ITERATIONS_MIN
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.native.measuring import measure_setting


@dataclass(frozen=True)
class Layout:
    """All structures of a description. `measured` says where the rate of messages comes from."""

    description: Description
    structures: tuple[Laid, ...]
    messages_per_second: float
    measured: str
    debug_info: str  # where sizes and offsets come from
    hardware: dict[str, Any]
    quick: bool

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that is wrong, structure by structure."""
        return tuple(finding for each in self.structures for finding in each.findings)

    @property
    def verdict(self) -> Verdict:
        """Violated where something is wrong; else nothing was found."""
        return Verdict.VIOLATED if self.findings else Verdict.NOT_FOUND

    def assertions(self) -> str:
        """Return the layout as static assertions in C++; InputError where no structure has a type in C++."""
        return static_assertions(self.description, self.structures)


def layout(
    name: str | Path = "fencepost",
    *,
    elf: Path | None = None,
    messages_per_second: float | None = None,
    quick: bool = False,
    progress: Progress = None,
) -> Layout:
    """Lay out the structures of a description: "fencepost", "09ae22d", or a TOML file.

    Sizes and offsets are those of the debug info of `elf`, for fencepost's own of what a compiler makes of its headers,
    else of the description. Without a rate, counters are held against that of the native pipeline on this machine.
    Raises InputError for a description or file that cannot be used, and a rate that is not above 0.
    """
    of, load_before = read_description(name), load()
    if messages_per_second is not None and not 0 < messages_per_second < float("inf"):
        raise InputError(f"messages_per_second is {messages_per_second}: expected more than 0")
    compiled, source = {}, "description"
    if elf is not None:
        compiled, source = compiled_structures(elf), str(elf)
    elif of.headers:
        if progress is not None:
            progress("compiling headers for their debug info")
        compiled, source = compiled_headers(of.headers, of.instances), "fencepost's headers, compiled"
    rate, measured = (messages_per_second, "given") if messages_per_second else _measured_rate(quick, progress)
    return Layout(of, lay_out(of, compiled, rate), rate, measured, source, hardware(load_before), quick)


def _measured_rate(quick: bool, progress: Progress) -> tuple[float, str]:
    """Return the messages a second of the native pipeline, and how often it was measured."""
    if progress is not None:
        progress("pipeline")
    times = measure_setting("pipeline", repetitions=ITERATIONS_MIN, quick=quick)
    if times.unavailable:
        raise InputError(f"the rate of messages cannot be measured here ({times.unavailable}): expected --rate")
    probe = times.probes["pipeline"]
    disturbed = f", {probe.disturbed_count} disturbed" if probe.disturbed_count else ""
    return 1e9 / median(probe.values), f"native pipeline, median of {ITERATIONS_MIN} repetitions{disturbed}"
