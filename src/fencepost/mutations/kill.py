"""What a killer hands back, and where a mutant takes the shipped module's place."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType


@dataclass(frozen=True)
class Kill:
    """What a mutant was caught at. `size` counts the `unit`s of the counterexample, after it was made smaller."""

    killer: str
    size: int
    unit: str
    sentence: str


@dataclass
class Hunt:
    """A killer's share of the time. `runs` counts what it tried."""

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


class StandIn(ModuleType):
    """The shipped compiled module, but for what a mutant has itself."""

    def __init__(self, mutant: ModuleType, shipped: ModuleType) -> None:
        super().__init__(shipped.__name__)
        self._mutant, self._shipped = mutant, shipped

    def __getattr__(self, name: str) -> object:
        return getattr(self._mutant if hasattr(self._mutant, name) else self._shipped, name)


def loaded(path: Path) -> ModuleType:
    """Load a compiled mutant, beside the shipped module."""
    spec = spec_from_file_location("fencepost.native.mutant._core", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stand_in(mutant: ModuleType) -> None:
    """Have a mutant asked wherever `fencepost.native` asks the shipped module: in this process, for good."""
    import fencepost.native.recordings  # noqa: F401  all that asks it is loaded before it is replaced
    from fencepost.native import _core

    standing = StandIn(mutant, _core)
    for name, module in list(sys.modules.items()):
        if name.startswith("fencepost") and getattr(module, "_core", None) is _core:
            module._core = standing  # type: ignore[attr-defined]  # asked of the module when it was found
