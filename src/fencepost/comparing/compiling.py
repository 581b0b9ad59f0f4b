"""C++ compiled at the front door: the compiler, the headers of Python and pybind11, the user's cache of modules."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fencepost.model.errors import InputError

SECONDS_MOST = 600
LINK_FLAGS = ("-shared", "-undefined", "dynamic_lookup") if sys.platform == "darwin" else ("-shared",)
SUFFIX: str = sysconfig.get_config_var("EXT_SUFFIX")


def compiler_path(purpose: str) -> str:
    """Return the C++ compiler that CXX names, or is on the path; InputError, with the purpose, for none."""
    asked = os.environ.get("CXX")
    compiler = next(filter(None, map(shutil.which, [asked] if asked else ["c++", "g++", "clang++"])), None)
    if compiler is None:
        what = f"CXX is {asked!r}, which is no program" if asked else "no c++, g++ or clang++ on the path"
        raise InputError(f"{what}: {purpose}, expected a C++20 compiler; install one or set CXX")
    return compiler


def version_of(compiler: str) -> str:
    """Return what a compiler says that it is, in one line."""
    return subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


def python_folders(what: str) -> tuple[Path, Path]:
    """Return the folders of Python's headers and of pybind11's; InputError with what to install for none.

    `what` says what is compiled with them.
    """
    python = Path(sysconfig.get_paths()["include"])
    if not (python / "Python.h").is_file():
        raise InputError(
            f"no Python.h in {python}: expected the interpreter's headers; install its development package"
        )
    try:
        import pybind11
    except ModuleNotFoundError:
        raise InputError(
            f"{what} compiled with pybind11, which is not installed: pip install 'fencepost[mutants]'"
        ) from None
    return python, Path(pybind11.get_include())


def cache_folder(kind: str) -> Path:
    """Return the user's cache directory for compiled modules of a kind; XDG_CACHE_HOME is honoured."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "fencepost" / kind


@contextmanager
def alone(module: Path) -> Iterator[None]:
    """Wait until no other process makes this module; it may then, however this one ends.

    Raises InputError where the folder cannot be written.
    """
    try:
        module.parent.mkdir(parents=True, exist_ok=True)
        lock = module.parent.with_name("building") / module.name
        lock.parent.mkdir(exist_ok=True)
        with lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise InputError(f"{module.parent} cannot be written: {error.strerror}; set XDG_CACHE_HOME") from None


def sources_in(rule: str) -> list[Path]:
    """Return the files that a rule of make, as compilers write it for `-MM`, depends on."""
    return [Path(each) for each in rule.replace("\\\n", " ").split(":", 1)[1].split()]
