"""The layout of shared structures: lines, fields, how long counters last, and faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from fencepost.bench.layouts.assertions import static_assertions
from fencepost.bench.layouts.debug_info import compiled_headers, compiled_structures
from fencepost.bench.layouts.description import Description, read_description
from fencepost.bench.layouts.findings import Laid, lay_out
from fencepost.bench.machines.machine import hardware, load
from fencepost.bench.report import BenchReport
from fencepost.bench.sides import Progress
from fencepost.bench.statistics.spread import ITERATIONS_MIN
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.report import Finding
from fencepost.native.measuring import measure_setting


@dataclass(frozen=True, repr=False)
class Layout(BenchReport):
    """All structures of a description. `measured` says where the rate of messages comes from."""

    description: Description
    structures: tuple[Laid, ...]
    messages_per_second: float
    measured: str
    debug_info: str  # where sizes and offsets come from

    def found(self) -> Iterator[Finding]:
        """Yield all that is wrong, structure by structure."""
        for each in (fault for laid in self.structures for fault in laid.faults):
            yield Finding(
                each.structure, each.kind, "native", Verdict.VIOLATED, bound=f"by {self.debug_info}",
                explanation=each.sentence,
            )  # fmt: skip

    def items(self) -> list[dict[str, Any]]:
        """Return an item a structure."""
        return [_laid_json(each) for each in self.structures]

    @property
    def verdict(self) -> Verdict:
        """Violated where something is wrong; else nothing was found."""
        return Verdict.VIOLATED if self.findings else Verdict.NOT_FOUND

    def assertions(self) -> str:
        """Return the layout as static assertions in C++; InputError where no structure has a type in C++."""
        return static_assertions(self.description, self.structures)


def _laid_json(laid: Laid) -> dict[str, Any]:
    return {
        "structure": laid.structure.name,
        "verdict": Verdict.VIOLATED if laid.faults else Verdict.NOT_FOUND,
        "type": laid.structure.type or None,
        "stride_bytes": laid.structure.stride,
        "used_bytes": laid.used_bytes,
        "align_bytes": laid.structure.align,
        "padding_bytes": laid.padding_bytes,
        "fields": [
            {"name": each.field.name, "offset_bytes": each.offset, "size_bytes": each.size, "count": each.field.count}
            for each in laid.fields
        ],
        "lines": [
            {"line": each.number, "fields": each.fields, "writers": each.writers, "readers": each.readers,
             "writing_hosts": each.writing_hosts}
            for each in laid.lines
        ],
        "counters": [
            {"field": each.field, "bits": each.bits, "rate_per_s": each.per_second, "overflow_s": each.seconds}
            for each in laid.horizons
        ],
        "findings": [{"kind": each.kind, "sentence": each.sentence} for each in laid.faults],
    }  # fmt: skip


def layout(
    name: str | Path = "fencepost",
    *,
    elf: Path | None = None,
    messages_per_second: float | None = None,
    quick: bool = False,
    progress: Progress = None,
) -> Layout:
    """Lay out the structures of a description: "fencepost", "09ae22d", or a TOML file.

        >>> sorted({each.property for each in fencepost.bench.layout("09ae22d", messages_per_second=9.6e6).findings})
        ['guard-apart', 'overflow', 'partly-flushed', 'several-writers', 'stated-size']

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
    laid = lay_out(of, compiled, rate)
    return Layout(of, laid, rate, measured, source, hardware=hardware(load_before), quick=quick)


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
