"""Protocols of one's own, by the file that defines them: `tickets.py`, or one of them as `tickets.py:Tickets`."""

from __future__ import annotations

import sys
import traceback
from contextlib import redirect_stdout
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.language import Protocol


def is_file_of_protocols(name: str) -> bool:
    """Say whether a name stands for protocols in a file of Python."""
    return name.partition(":")[0].endswith(".py")


def protocols_in(name: str) -> list[type[Protocol]]:
    """Return the protocols that `FILE.py` defines and names, in their order, or the one that `FILE.py:CLASS` says.

    Runs the file. InputError: it is not there, it raises, or it has no such protocol.
    """
    file, _, wanted = name.partition(":")
    module = _load(Path(file))
    classes = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, Protocol)]
    there = {each.__name__: each for each in classes if each.__module__ == module.__name__ and each.name}
    if not there:
        raise InputError(f'{file} defines no protocol with a name: expected a class of Protocol with name = "..."')
    if wanted and wanted not in there:
        raise unknown_choice(f"protocol of {file}", wanted, there)
    return [there[wanted]] if wanted else list(there.values())


def _load(path: Path) -> ModuleType:
    name = f"fencepost_own_{path.stem}_{sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise InputError(f"{path}: no such file, expected Python that defines a protocol")
    module = module_from_spec(spec)
    sys.modules[name] = module  # where type hints of its classes are looked up
    try:
        with redirect_stdout(sys.stderr):  # what the file prints is no result of the command
            spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise InputError(f"{path}{_line_in(path, error)}: {type(error).__name__}: {error}") from error
    return module


def _line_in(path: Path, error: Exception) -> str:
    """Return where in the file an error was raised, as in ", line 7"; "" where it was not inside."""
    if isinstance(error, SyntaxError):
        return ""  # its message says the line
    lines = [each.lineno for each in traceback.extract_tb(error.__traceback__) if each.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""
