"""Counting kernels under valgrind, and holding the counts against a stored baseline."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fencepost
from fencepost.bench.machines.machine import hardware, load
from fencepost.bench.report import BenchReport
from fencepost.bench.sides import Progress
from fencepost.comparing.compiling import compiler_path
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError, Miscounted, unknown_choice
from fencepost.model.report import Finding

KERNELS = ("ring", "order5.fetch_add", "order4.mutex", "order4.sharded_mutex", "order4.claim", "parking", "export")
EVENTS = ("instructions", "data_misses", "mispredictions")
FLAGS = ("-std=c++20", "-O2", "-g0", "-pthread")
SIZES = (20_000, 60_000)
TOLERANCE = 0.01
SECONDS_MOST = 300
_OPTIONS = ("--tool=callgrind", "--cache-sim=yes", "--branch-sim=yes", "--callgrind-out-file=/dev/null")


@dataclass(frozen=True)
class Kernel:
    """What one kernel takes for a batch. `was` is the instructions of the baseline; None where there is none."""

    name: str
    instructions: float
    data_misses: float  # of the first-level cache
    mispredictions: float
    was: float | None = None

    @property
    def change(self) -> float | None:
        """How much the instructions differ from the baseline, as a share."""
        return None if self.was is None else self.instructions / self.was - 1


@dataclass(frozen=True, repr=False)
class Kernels(BenchReport):
    """All kernels, by one compiler. `ungated` says why they are held against nothing; empty where they are."""

    rows: tuple[Kernel, ...]
    compiler: str
    ungated: str
    unavailable: str = ""

    @property
    def verdict(self) -> Verdict:
        """Violated where a kernel differs by more than 1 %, unknown where nothing was counted or compared."""
        if not self.rows or self.ungated:
            return Verdict.UNKNOWN
        changes = [each.change for each in self.rows]
        if any(each is not None and abs(each) > TOLERANCE for each in changes):
            return Verdict.VIOLATED
        return Verdict.UNKNOWN if None in changes else Verdict.NOT_FOUND

    def found(self) -> Iterator[Finding]:
        """Yield the kernels that are held against a baseline."""
        for each in self.rows:
            if each.change is None or self.ungated:
                continue
            verdict = Verdict.VIOLATED if abs(each.change) > TOLERANCE else Verdict.NOT_FOUND
            bound = f"{each.instructions:.2f} instructions a batch, {each.change:+.2%}"
            yield Finding(each.name, f"within {TOLERANCE:.0%} of the baseline", "native", verdict, bound=bound)

    def items(self) -> list[dict[str, Any]]:
        """Return the one item of all kernels."""
        rows = [
            {
                "name": each.name, "instructions": each.instructions, "data_misses": each.data_misses,
                "mispredictions": each.mispredictions, "baseline_instructions": each.was, "change": each.change,
            }
            for each in self.rows
        ]  # fmt: skip
        return [
            {
                "metric": "kernels", "source": "simulated by valgrind", "compiler": self.compiler,
                "unavailable": self.unavailable or None, "ungated": self.ungated or None, "kernels": rows,
            }
        ]  # fmt: skip

    def document(self) -> dict[str, Any]:
        """Return what a baseline file holds."""
        counts = {each.name: round(each.instructions, 3) for each in self.rows}
        return {"compiler": self.compiler, "flags": list(FLAGS), "instructions_a_batch": counts}


def baseline_file() -> Path:
    """Return the file of the baseline that comes with fencepost."""
    return Path(__file__).parent / "baseline.json"


def kernels(
    names: Sequence[str] = (), *, against: Path | None = None, headers: Path | None = None, progress: Progress = None
) -> Kernels:
    """Compile and count kernels, by default all, beside a baseline, by default the one that comes with fencepost.

        >>> found = fencepost.bench.kernels(["ring"])
        >>> bool(found.unavailable) or round(found.rows[0].instructions) > 0
        True

    `headers` is another folder of headers to compile. Counts of another compiler are held against nothing. Where there
    is no valgrind there are no rows, and the result says so. Raises InputError for an unknown kernel, no compiler,
    headers that do not compile, and a file that is no baseline.
    """
    for name in names:
        if name not in KERNELS:
            raise unknown_choice("kernel", name, KERNELS)
    asked, stored, load_before = names or KERNELS, _stored(against or baseline_file()), load()
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        why = "no valgrind on the path: instructions are counted by it; install it"
        return Kernels((), "", why, why, hardware=hardware(load_before))
    compiler = compiler_path("kernels are compiled to be counted")
    said = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    ungated = "" if stored["compiler"] == said else f"the baseline is of {stored['compiler']}, this is {said}"
    before = {} if ungated else stored["instructions_a_batch"]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        program = _compiled(compiler, headers or Path(fencepost.__file__).parent / "native" / "include", Path(folder))
        for name in asked:
            if progress is not None:
                progress(f"counting {name}")
            rows.append(_counted(valgrind, program, name, before.get(name)))
    return Kernels(tuple(rows), said, ungated, hardware=hardware(load_before))


def _compiled(compiler: str, headers: Path, folder: Path) -> Path:
    program = folder / "kernels"
    source = Path(__file__).parent / "kernels.cpp"
    command = [compiler, *FLAGS, f"-I{headers}", str(source), "-o", str(program)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        first = next((line for line in ran.stderr.splitlines() if "error" in line), "no message")
        raise InputError(f"{compiler}: {first}: expected the kernels to compile with these headers")
    return program


def _counted(valgrind: str, program: Path, name: str, was: float | None) -> Kernel:
    few, many = (_events(valgrind, program, name, size) for size in SIZES)
    batches = SIZES[1] - SIZES[0]
    each = {event: (many[event] - few[event]) / batches for event in many}
    misses, wrong = each["D1mr"] + each["D1mw"], each["Bcm"] + each["Bim"]
    return Kernel(name, each["Ir"], misses, wrong, was)


def _events(valgrind: str, program: Path, name: str, size: int) -> dict[str, int]:
    """Return the events of one run; Miscounted where it failed or valgrind did not say them."""
    command = [valgrind, *_OPTIONS, str(program), name, str(size)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS_MOST)
    events = re.search(r"Events\s*:\s*(.+)", ran.stderr)
    counts = re.search(r"Collected\s*:\s*(.+)", ran.stderr)
    if ran.returncode or events is None or counts is None:
        raise Miscounted(f"kernel {name} under valgrind: exit {ran.returncode}: {ran.stderr.strip()[-200:]}")
    return dict(zip(events[1].split(), map(int, counts[1].split()), strict=True))


def _stored(file: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(file.read_text())
        document["compiler"], dict(document["instructions_a_batch"])
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}): expected a baseline of kernels") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{file}: no baseline of kernels ({error}): expected what `bench kernels --out` writes"
        ) from None
    return document
