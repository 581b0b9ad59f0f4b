"""Compiled modules by name and file, so that another process can load the same one."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

from fencepost.model.errors import InputError
from fencepost.native import _core

STEPPED = ("Pipeline", "PipelineScenario", "PipelineJudge", "Refused")
RACED = ("Sequencer", "RaceOptions", "Refused")
"""What a module must have for the two kinds of comparison; `native/_core.pyi` says what each is."""


@dataclass(frozen=True)
class Native:
    """A compiled module with the interface of `_core`, or a part of it. Compared and sent to processes by its file."""

    name: str
    path: str

    @classmethod
    def of(cls, module: ModuleType | None) -> Native:
        """Return what stands for a loaded module, by default the one that ships."""
        found = cls.named(_core if module is None else module)
        name = found.name
        if not found.is_stepped and not found.is_raced:
            raise InputError(
                f"the module {name} has neither {', '.join(STEPPED)} nor {', '.join(RACED)}: expected a module compiled"
                " from the bindings of fencepost"
            )
        return found

    @classmethod
    def named(cls, module: ModuleType) -> Native:
        """Return what stands for a module, whatever it has."""
        name, path = getattr(module, "__name__", None), getattr(module, "__file__", None)
        if not isinstance(name, str) or not isinstance(path, str):
            raise InputError(f"{module!r} is no module that was loaded from a file: expected a compiled one")
        return cls(name, path)

    def load(self) -> ModuleType:
        """Return the module; loads it in a process that does not have it yet."""
        there = sys.modules.get(self.name)
        if there is not None and getattr(there, "__file__", None) == self.path:
            return there
        spec = spec_from_file_location(self.name, self.path, loader=ExtensionFileLoader(self.name, self.path))
        if spec is None or spec.loader is None:
            raise InputError(f"{self.path} cannot be loaded as {self.name}: expected a compiled module")
        try:
            module = module_from_spec(spec)
            sys.modules[self.name] = module
            spec.loader.exec_module(module)
        except ImportError as error:
            sys.modules.pop(self.name, None)
            raise InputError(
                f"{self.path} cannot be loaded: {error}: expected a module that needs nothing else"
            ) from None
        return module

    def _has(self, names: tuple[str, ...]) -> bool:
        return all(hasattr(self.load(), name) for name in names)

    @property
    def is_stepped(self) -> bool:
        """Whether it has the pipeline under a given schedule."""
        return self._has(STEPPED)

    @property
    def is_raced(self) -> bool:
        """Whether it has the sequencers as threads race them."""
        return self._has(RACED)
