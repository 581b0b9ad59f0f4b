"""A sequencer of one's own in C++: FILE.cpp, compiled with the shipped headers into the user's cache.

A module is kept under a name made of all that it depends on: the file, the headers that it includes, the flags, the
compiler, the interpreter. It is loaded in processes of their own alone, so that what crashes or hangs takes nothing
else down.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

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
from fencepost.comparing.modules import Native
from fencepost.model.errors import InputError, LoadError
from fencepost.model.report import Progress
from fencepost.native import include_directory

FLAGS = ("-std=c++20", "-O1", "-fPIC", "-fvisibility=hidden", "-pthread")
SHOWN_LINES = 40
"""Of what a compiler says; templates make it say thousands."""
_NAMED = re.compile(r"^\s*FENCEPOST_SEQUENCER\s*\(\s*(\w+)\s*,", re.MULTILINE)


def compiled(path: Path, on_progress: Progress | None = None) -> Native:
    """Return the module of a file with a line FENCEPOST_SEQUENCER(name, Class), compiled where it is not in the cache.

    Raises InputError where it cannot be read, has no such line or several, or nothing here compiles; LoadError, with
    what the compiler says of the user's lines, where it refuses the file.
    """
    name, compiler = _name_in(path), compiler_path(f"{path} is compiled")
    flags = [*FLAGS, *(f"-I{each}" for each in (include_directory(), *python_folders(f"{path} is")))]
    said = _run(path, [compiler, *flags, "-MM", str(path)])
    digest = sha256("\0".join([compiler, version_of(compiler), sys.version, *flags]).encode())
    for source in sources_in(said):
        digest.update(source.read_bytes())
    module = cache_folder("own") / f"{name}-{digest.hexdigest()[:16]}{SUFFIX}"
    if not module.is_file():
        if on_progress is not None:
            on_progress(f"compiling {path}")
        with alone(module), tempfile.TemporaryDirectory(dir=module.parent) as folder:
            linked = Path(folder) / module.name
            _run(path, [compiler, *flags, *LINK_FLAGS, str(path), "-o", str(linked)])
            linked.replace(module)  # whole or not at all
    return Native(f"fencepost_own.{name}", str(module))


def _name_in(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: expected a sequencer of your own, FILE.cpp or FILE.py") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}): expected a file of C++") from None
    names = _NAMED.findall(text)
    if len(names) != 1:
        what = "no sequencer" if not names else f"{len(names)} sequencers, {' and '.join(names)}"
        raise InputError(f"{path} defines {what}: expected one line FENCEPOST_SEQUENCER(name, Class)")
    return str(names[0])


def _run(path: Path, command: list[str]) -> str:
    """Return what the compiler prints. Raises LoadError with what it says of the user's lines where it refuses."""
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MOST, check=False)
    except subprocess.TimeoutExpired:
        raise InputError(f"{path} was not compiled within {SECONDS_MOST} s: expected a smaller file") from None
    if ended.returncode == 0:
        return ended.stdout
    lines = ended.stderr.splitlines()
    errors = [line for line in lines if "error:" in line]
    of_user = [line for line in lines if line.startswith(f"{path}:")]
    first = next(iter([line for line in of_user if line in errors] or errors or lines[-1:]), "no reason given")
    if of_user and first not in of_user:  # a template or a macro of a header, met on a line of the user's
        first = f"{of_user[0].split(' ', 1)[0]} {first.partition(' ')[2]}"
    more = [f"... and {len(lines) - SHOWN_LINES} lines more"] if len(lines) > SHOWN_LINES else []
    problem = f"does not compile: {first.removeprefix(f'{path}:')}"
    raise LoadError(path, problem, "\n".join([*lines[:SHOWN_LINES], *more]) + "\n")
