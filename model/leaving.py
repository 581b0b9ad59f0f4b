"""A user's file does not end the process that it is run in: `os._exit` in it raises SystemExit.

That is then dealt with like whatever else the file raises; a command that ended with the code of `os._exit(0)` would
have passed without a verdict. A process that is forked from this one ends as it says.
"""

from __future__ import annotations

import os
import sys
from types import FrameType
from typing import NoReturn

_exit = os._exit
_files: set[str] = set()
_process = 0


def stays_in(file: str) -> None:
    """Let code of a file, and what it calls, not end this process from now on."""
    global _process
    _files.add(file)
    _process = os.getpid()
    os._exit = _ended


def _ended(status: int) -> NoReturn:
    """End the process, unless code of a user's file is at work in the one that runs it. Then raise SystemExit."""
    frame: FrameType | None = sys._getframe(1) if os.getpid() == _process else None
    while frame is not None:
        if frame.f_code.co_filename in _files:
            raise SystemExit(f"os._exit({status})")
        frame = frame.f_back
    _exit(status)
