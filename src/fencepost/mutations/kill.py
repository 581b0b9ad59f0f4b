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


@dataclass(frozen=True)
class Kill:
    """What a mutant was caught at. `size` counts the `unit`s of the counterexample, after it was made smaller."""

    killer: str
    size: int
    unit: str
    sentence: str


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
        """Say what is tried now, for whoever finds the process crashed."""
        self.runs += 1
        print(
            f"trying {self.killer}, size {size}, after {time.monotonic() - self.began:.3f} s",
            file=sys.stderr,
            flush=True,
        )

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
