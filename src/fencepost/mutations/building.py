"""Compile a mutant: the shipped headers and bindings with one place changed, as a module beside the shipped one.

The header that is changed is written into a folder that the compiler searches first; the shipped ones stay as they are.
A module is kept in the user's cache directory under a name made of all that it depends on: the text of every source
as it is compiled, the flags, the compiler, the interpreter. So a build is made once, anything that changes makes
another, and a mutant that another one's header has nothing to do with is not built again.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
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
from fencepost.mutations.lines.mutation import Build, Mutation, StaleMutation

FLAGS = ("-std=c++20", "-O0", "-g0", "-fPIC", "-fvisibility=hidden", "-pthread")
SOURCES: dict[Build, tuple[str, ...]] = {
    "shared": ("bindings/bindings.cpp",),
    "workers": ("bindings/bindings.cpp",),
    "stepped": ("bindings/stepped_bindings.cpp", "bindings/stepped_module.cpp"),
}
DEFINED: dict[Build, tuple[str, ...]] = {
    "shared": ("-DFENCEPOST_CLOCKED=1",),
    "workers": ("-DFENCEPOST_CLOCKED=2",),
    "stepped": ("-DFENCEPOST_SOUND_PROGRAMS",),
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


def headers_folder() -> Path:
    """Return the folder of the installed headers; InputError where they are missing."""
    folder = Path(fencepost.__file__).parent / "native" / "include" / "fencepost"
    if not (folder / "sequencers.hpp").is_file():
        raise InputError(
            f"{folder / 'sequencers.hpp'} is missing: expected the C++ headers beside the package; reinstall it"
        )
    return folder


@cache
def toolchain() -> Toolchain:
    """Find a C++ compiler and the headers; InputError with what to install where something is missing."""
    compiler = compiler_path("native mutants are compiled")
    native = headers_folder().parents[1]
    for source in (
        "bindings/bindings.hpp",
        *(name for names in SOURCES.values() for name in names),
    ):
        if not (native / source).is_file():
            raise InputError(f"{native / source} is missing: expected the C++ sources beside the package; reinstall it")
    includes = (native / "bindings", native / "include", *python_folders("native mutants are"))
    return Toolchain(compiler, version_of(compiler), native, includes)


def build(mutation: Mutation | None, kind: Build) -> Built:
    """Compile a mutant, None for the code without a change, unless its module is in the cache.

    Raises InputError where there is no compiler or a header is missing, and with the compiler's first error where it
    refuses the sources; StaleMutation where the header no longer has the text that the mutation changes.
    """
    tools = toolchain()
    name = mutation.name if mutation else "none"
    module = cache_folder("mutants") / f"{kind}-{name}-{_key(mutation, kind)}{SUFFIX}"
    if module.is_file():
        return Built(module, 0.0)
    began = time.perf_counter()
    with alone(module):
        if not module.is_file():  # nor has another process built it meanwhile
            _build(tools, mutation, kind, module)
    return Built(module, time.perf_counter() - began)


def _build(tools: Toolchain, mutation: Mutation | None, kind: Build, module: Path) -> None:
    with tempfile.TemporaryDirectory(dir=module.parent) as name:
        folder = Path(name)
        first = [folder / "include", *tools.includes] if mutation else tools.includes
        if mutation:
            header = folder / "include" / "fencepost" / mutation.file
            header.parent.mkdir(parents=True)
            header.write_text(mutation.patched((tools.headers / mutation.file).read_text()))
        linked = folder / module.name
        objects = [_compiled(tools, source, kind, first, folder) for source in SOURCES[kind]]
        _run([tools.compiler, *LINK_FLAGS, "-pthread", *map(str, objects), "-o", str(linked)])
        linked.replace(module)  # whole or not at all


def _compiled(tools: Toolchain, source: str, kind: Build, folders: Iterable[Path], into: Path) -> Path:
    target = into / f"{Path(source).stem}.o"
    searched = [f"-I{each}" for each in folders]
    _run([tools.compiler, *FLAGS, *DEFINED[kind], *searched, "-c", str(tools.native / source), "-o", str(target)])
    return target


def _run(command: list[str]) -> str:
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MOST, check=False)
    except subprocess.TimeoutExpired:
        raise InputError(
            f"{command[0]} took more than {SECONDS_MOST} s for {command[-3]}: expected half a minute; this machine is"
            " busy: ask for fewer --jobs, or later"
        ) from None
    if ended.returncode:
        errors = [line for line in ended.stderr.splitlines() if "error" in line] or ended.stderr.splitlines()[-1:]
        raise InputError(f"{command[0]} refused the sources: {errors[0] if errors else 'no reason given'}")
    return ended.stdout


def _key(mutation: Mutation | None, kind: Build) -> str:
    tools = toolchain()
    digest = sha256()
    for part in (tools.compiler, tools.version, sys.version, *FLAGS, *DEFINED[kind], *map(str, tools.includes)):
        digest.update(part.encode() + b"\0")
    texts = {source: source.read_text() for source in _sources(kind)}
    if mutation is not None:
        header = tools.headers / mutation.file
        if header not in texts:
            raise StaleMutation(f"{mutation.name}: {mutation.file} is not compiled into the {kind} build")
        texts[header] = mutation.patched(texts[header])
    for text in texts.values():
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()[:16]


@cache
def _sources(kind: Build) -> tuple[Path, ...]:
    """Return every file that a build is compiled from, but for those of the system."""
    tools = toolchain()
    searched = [f"-I{each}" for each in tools.includes]
    rules = (
        _run([tools.compiler, *FLAGS, *DEFINED[kind], *searched, "-MM", str(tools.native / source)])
        for source in SOURCES[kind]
    )
    return tuple(sorted({each for rule in rules for each in sources_in(rule)}))
