"""SIGINT and SIGTERM at the front door: said at once, raised where it can be heard, ended at the second.

The first one raises KeyboardInterrupt in the main thread: verbs turn it into `Interrupted`, which holds what they found
until then, and the command prints that. It is raised again every 50 ms until a command has heard of it, as it can be
lost, and is not raised where it would be: Python ignores an exception in a finaliser, and ctypes makes another one of
it while it converts an argument; Z3's objects do much of both. A thread beside it says on stderr that it was received,
also while the main thread is in native code, and ends the process at the second.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
EXIT_BASE = 128  # a process that a signal ended: 130 for SIGINT, 143 for SIGTERM
ONE_SECONDS = 0.2
"""What comes within it of the first is no second one: `timeout` sends each signal twice, to a process and its group."""
AGAIN_SECONDS = 0.05

_LOSING = frozenset({"__del__", "from_param"})
"""Functions that Python calls from C, and whose exceptions do not reach the caller as they are."""

_saying = threading.Lock()
_is_said = False
_received: signal.Signals | None = None
_is_heard = False


@contextmanager
def handled() -> Iterator[None]:
    """Handle SIGINT and SIGTERM meanwhile, and ignore them afterwards, when the command has its exit code.

    For the main thread of a process that is a command.
    """
    global _received, _is_heard, _is_said
    _received, _is_heard, _is_said = None, False, False
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    threading.Thread(target=_watch, args=(reading,), daemon=True).start()
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    hook = sys.unraisablehook
    sys.unraisablehook = lambda lost: hook(lost) if _received is None else None  # what was cut short is half made
    signal.signal(signal.SIGALRM, _raise)
    for number in WORDS:
        signal.signal(number, _receive)
    try:
        yield
    finally:
        hear()
        for number in WORDS:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        os.close(writing)
        sys.unraisablehook = hook


def interrupted(number: signal.Signals | None = None) -> int:
    """Return the exit code of a command that received a signal, having said so, else 0; `number`: taken as received."""
    received = _received or number
    if received is None:
        return 0
    _say(received)
    return EXIT_BASE + received


def hear() -> None:
    """Say that a command has all that will be found: from here on it prints, and nothing is raised any more."""
    global _is_heard
    _is_heard = True
    signal.setitimer(signal.ITIMER_REAL, 0)


def _receive(number: int, frame: Any) -> None:
    global _received
    _received = _received or signal.Signals(number)
    if not _is_heard:
        signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS, AGAIN_SECONDS)
        _raise(number, frame)


def _raise(number: int, frame: Any) -> None:
    """Raise KeyboardInterrupt, unless it would be lost here, or one is being dealt with right now."""
    while frame is not None:
        if frame.f_code.co_name in _LOSING:
            return
        frame = frame.f_back
    raised = sys.exception()
    while raised is not None:
        if isinstance(raised, KeyboardInterrupt):
            return
        raised = raised.__context__
    if not _is_heard:
        raise KeyboardInterrupt


def _watch(reading: int) -> None:
    first = None
    while received := os.read(reading, 64):
        for number in received:
            if number not in WORDS:
                continue
            if first is None:
                first = time.monotonic()
                _say(signal.Signals(number))
            elif time.monotonic() - first > ONE_SECONDS:
                os._exit(EXIT_BASE + number)
    os.close(reading)


def _say(number: signal.Signals) -> None:
    global _is_said
    with _saying:
        if not _is_said:
            _is_said = True
            with suppress(OSError, ValueError, AttributeError):  # stderr may be closed, or none
                sys.stderr.write(f"fencepost: {WORDS[number]}\n")
                sys.stderr.flush()
