"""A user's file does not end the process that it is run in: what would end it there raises SystemExit.

That is then dealt with like whatever else the file raises; a command that ended with the code of `os._exit(0)`, or of
the program that `os.execv` put in its place, would have passed without a verdict. A process that is forked from this
one ends as it says. What ends a process from outside of Python, as C code by ctypes does, is not seen here.
"""

from __future__ import annotations

import os
import posix
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

ENDING = ("_exit", "abort", "execv", "execve")
"""Functions after which nothing of this process goes on; all others of their kind call these."""

_files: set[str] = set()
_process = 0


def stays_in(file: str) -> None:
    """Let code of a file, and what it calls, not end this process from now on."""
    global _process
    if not _files:
        for name in ENDING:
            made = _staying(name, getattr(posix, name))
            setattr(os, name, made)
            setattr(posix, name, made)
    _files.add(file)
    _process = os.getpid()


def _staying(name: str, ending: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that ends the process, but where code of a user's file is at work raises SystemExit."""

    def ended(*given: Any, **named: Any) -> Any:
        frame: FrameType | None = sys._getframe(1) if _files and os.getpid() == _process else None
        while frame is not None:
            if frame.f_code.co_filename in _files:
                raise SystemExit(f"os.{name}({', '.join(map(repr, given))})")
            frame = frame.f_back
        return ending(*given, **named)

    return ended
