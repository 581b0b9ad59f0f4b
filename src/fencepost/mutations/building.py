"""Compile a mutant: the shipped headers and bindings with one line changed, as a module beside the shipped one.

A module is kept in the user's cache directory under a name made of all that it depends on: every source, the flags,
the compiler, the interpreter. So a build is made once, and anything that changes makes another.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import fencepost
from fencepost.comparing.compiling import (
    LINK_FLAGS,
    SECONDS_MOST,
    SUFFIX,
    alone,
    cache_folder,
    compiler_path,
    python_folders,
    sources_in,
    version_of,
)
from fencepost.model.errors import InputError
from fencepost.mutations.lines.mutation import Build

FLAGS = ("-std=c++20", "-O0", "-g0", "-fPIC", "-fvisibility=hidden", "-pthread")
SOURCES: dict[Build, tuple[str, ...]] = {
    "shared": ("bindings/bindings.cpp",),
    "workers": ("bindings/bindings.cpp",),
    "stepped": ("bindings/stepped_bindings.cpp", "bindings/stepped_module.cpp"),
}
DEFINED: dict[Build, tuple[str, ...]] = {
    "shared": ("-DFENCEPOST_CLOCKED=1",),
    "workers": ("-DFENCEPOST_CLOCKED=2",),
    "stepped": (),
}


@dataclass(frozen=True)
class Built:
    """A compiled mutant; `seconds` is what this call spent compiling, 0 where the module was there."""

    module: Path
    seconds: float


@dataclass(frozen=True)
class Toolchain:
    """What compiles: the compiler, what it says it is, and the folders of headers."""

    compiler: str
    version: str
    native: Path
    includes: tuple[Path, ...]

    @property
    def headers(self) -> Path:
        """The folder of the headers that are mutated."""
        return self.native / "include" / "fencepost"


@cache
def toolchain() -> Toolchain:
    """Find a C++ compiler and the headers; InputError with what to install where something is missing."""
    compiler = compiler_path("native mutants are compiled")
    native = Path(fencepost.__file__).parent / "native"
    for source in (
        "include/fencepost/memory/mutant.hpp",
        "bindings/bindings.hpp",
        *(name for names in SOURCES.values() for name in names),
    ):
        if not (native / source).is_file():
            raise InputError(f"{native / source} is missing: expected the C++ sources beside the package; reinstall it")
    includes = (native / "bindings", native / "include", *python_folders("native mutants are"))
    return Toolchain(compiler, version_of(compiler), native, includes)


def build(number: int, kind: Build) -> Built:
    """Compile the mutant of that number, 0 for none, unless its module is in the cache.

    Raises InputError where there is no compiler or a header is missing, and with the compiler's first error where it
    refuses the sources.
    """
    tools = toolchain()
    module = cache_folder("mutants") / f"{kind}-{number}-{_key(kind)}{SUFFIX}"
    if module.is_file():
        return Built(module, 0.0)
    began = time.perf_counter()
    with alone(module):
        if not module.is_file():  # nor has another process built it meanwhile
            _build(tools, number, kind, module)
    return Built(module, time.perf_counter() - began)


def _build(tools: Toolchain, number: int, kind: Build, module: Path) -> None:
    with tempfile.TemporaryDirectory(dir=module.parent) as folder:
        linked = Path(folder) / module.name
        objects = [_compiled(tools, name, number, kind, Path(folder)) for name in SOURCES[kind]]
        _run([tools.compiler, *LINK_FLAGS, "-pthread", *map(str, objects), "-o", str(linked)])
        linked.replace(module)  # whole or not at all


def _compiled(tools: Toolchain, name: str, number: int, kind: Build, folder: Path) -> Path:
    target = folder / f"{Path(name).stem}.o"
    defined = [*DEFINED[kind], f"-DFENCEPOST_MUTANT={number}"]
    _run([tools.compiler, *FLAGS, *defined, *_folders(tools), "-c", str(tools.native / name), "-o", str(target)])
    return target


def _run(command: list[str]) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MOST, check=False)
    if ended.returncode:
        errors = [line for line in ended.stderr.splitlines() if "error" in line] or ended.stderr.splitlines()[-1:]
        raise InputError(f"{command[0]} refused the sources: {errors[0] if errors else 'no reason given'}")
    return ended.stdout


@cache
def _key(kind: Build) -> str:
    tools = toolchain()
    digest = sha256()
    for part in (tools.compiler, tools.version, sys.version, *FLAGS, *DEFINED[kind], *map(str, tools.includes)):
        digest.update(part.encode() + b"\0")
    for source in sorted({each for name in SOURCES[kind] for each in _sources_of(tools, name, kind)}):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _sources_of(tools: Toolchain, name: str, kind: Build) -> list[Path]:
    """Return a source and every file that it includes, but for those of the system."""
    target = tools.native / name
    said = _run([tools.compiler, *FLAGS, *DEFINED[kind], "-DFENCEPOST_MUTANT=0", *_folders(tools), "-MM", str(target)])
    return sources_in(said)


def _folders(tools: Toolchain) -> list[str]:
    return [f"-I{each}" for each in tools.includes]
