"""What a killer is given, and what it hands back."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from fencepost.model.processes import noted

TRIAL_SECONDS = 10.0
"""For one trial, which takes milliseconds: what takes longer does not end."""


@dataclass(frozen=True)
class Kill:
    """What a mutant was caught at, after it was made smaller.

    batches   of the workload
    steps     of the schedule, where the example has one: attempts, accesses, steps of threads; None of a race
    threads   that take steps; of a race its scanners, each of which has a receiver and a subscriber beside it
    """

    killer: str
    batches: int
    steps: int | None
    threads: int
    sentence: str

    @property
    def size(self) -> int:
        """Steps where there is a schedule, else batches."""
        return self.batches if self.steps is None else self.steps


@dataclass
class Hunt:
    """What a killer is to kill, and its share of the time. `runs` counts what it tried."""

    native: Any
    killer: str
    seed: int
    began: float
    deadline: float
    runs: int = 0

    def tries(self, size: int) -> None:
        """Note what is tried now, for the process that finds this one crashed."""
        self.runs += 1
        noted((self.killer, size, time.monotonic() - self.began))

    @property
    def goes_on(self) -> bool:
        """Say whether there is time for another run."""
        return time.monotonic() < self.deadline


Killer = Callable[[Hunt], Kill | None]


def loaded(path: Path) -> ModuleType:
    """Load a compiled mutant, beside the shipped module."""
    name = "fencepost.native.mutant._core"
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
