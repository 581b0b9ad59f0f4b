"""Compile a mutant: the shipped headers and bindings with one line changed, as a module beside the shipped one.

A module is kept in the user's cache directory under a name made of all that it depends on: every source, the flags,
the compiler, the interpreter. So a build is made once, and anything that changes makes another.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import fencepost
from fencepost.model.errors import InputError
from fencepost.mutations.mutation import Build

FLAGS = ("-std=c++20", "-O0", "-g0", "-fPIC", "-fvisibility=hidden", "-pthread")
SOURCES: dict[Build, tuple[str, ...]] = {
    "shared": ("bindings.cpp",),
    "workers": ("bindings.cpp",),
    "stepped": ("stepped_bindings.cpp", "stepped_module.cpp"),
}
DEFINED: dict[Build, tuple[str, ...]] = {
    "shared": ("-DFENCEPOST_CLOCKED=1",),
    "workers": ("-DFENCEPOST_CLOCKED=2",),
    "stepped": (),
}
SECONDS_MOST = 600


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


def compiler_path(purpose: str) -> str:
    """Return the C++ compiler that CXX names, or is on the path; InputError, with the purpose, for none."""
    asked = os.environ.get("CXX")
    compiler = next(filter(None, map(shutil.which, [asked] if asked else ["c++", "g++", "clang++"])), None)
    if compiler is None:
        what = f"CXX is {asked!r}, which is no program" if asked else "no c++, g++ or clang++ on the path"
        raise InputError(f"{what}: {purpose}, expected a C++20 compiler; install one or set CXX")
    return compiler


@cache
def toolchain() -> Toolchain:
    """Find a C++ compiler and the headers; InputError with what to install where something is missing."""
    compiler = compiler_path("native mutants are compiled")
    native = Path(fencepost.__file__).parent / "native"
    for source in (
        "include/fencepost/mutant.hpp",
        "bindings.hpp",
        *(name for names in SOURCES.values() for name in names),
    ):
        if not (native / source).is_file():
            raise InputError(f"{native / source} is missing: expected the C++ sources beside the package; reinstall it")
    python = Path(sysconfig.get_paths()["include"])
    if not (python / "Python.h").is_file():
        raise InputError(
            f"no Python.h in {python}: expected the interpreter's headers; install its development package"
        )
    pybind11 = _pybind11()
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    return Toolchain(compiler, version, native, (native, native / "include", python, pybind11))


def _pybind11() -> Path:
    try:
        import pybind11
    except ModuleNotFoundError:
        raise InputError(
            "native mutants are compiled with pybind11, which is not installed: pip install 'fencepost[mutants]'"
        ) from None
    return Path(pybind11.get_include())


def cache_folder() -> Path:
    """Return the user's cache directory for mutants; XDG_CACHE_HOME is honoured."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "fencepost" / "mutants"


def build(number: int, kind: Build) -> Built:
    """Compile the mutant of that number, 0 for none, unless its module is in the cache.

    Raises InputError where there is no compiler or a header is missing, and with the compiler's first error where it
    refuses the sources.
    """
    tools = toolchain()
    module = cache_folder() / f"{kind}-{number}-{_key(kind)}{sysconfig.get_config_var('EXT_SUFFIX')}"
    if module.is_file():
        return Built(module, 0.0)
    began = time.perf_counter()
    try:
        module.parent.mkdir(parents=True, exist_ok=True)
        with _alone(module.parent.with_name("building") / module.name):
            if not module.is_file():  # nor has another process built it meanwhile
                _build(tools, number, kind, module)
    except OSError as error:
        raise InputError(f"{module.parent} cannot be written: {error.strerror}; set XDG_CACHE_HOME") from None
    return Built(module, time.perf_counter() - began)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process has this lock; it is given back however this one ends."""
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _build(tools: Toolchain, number: int, kind: Build, module: Path) -> None:
    with tempfile.TemporaryDirectory(dir=module.parent) as folder:
        linked = Path(folder) / module.name
        objects = [_compiled(tools, name, number, kind, Path(folder)) for name in SOURCES[kind]]
        shared = ["-shared", "-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-shared"]
        _run([tools.compiler, *shared, "-pthread", *map(str, objects), "-o", str(linked)])
        linked.replace(module)  # whole or not at all


def _compiled(tools: Toolchain, name: str, number: int, kind: Build, folder: Path) -> Path:
    target = folder / f"{name}.o"
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
    return [Path(each) for each in said.replace("\\\n", " ").split(":", 1)[1].split()]


def _folders(tools: Toolchain) -> list[str]:
    return [f"-I{each}" for each in tools.includes]
