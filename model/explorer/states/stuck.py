"""A program of a user that yields nothing: no budget of a search ends it, so it is interrupted from beside it."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager

GRACE_SECONDS = 1.0
"""After the time of a search: one that notices its own end has ended by then."""
AGAIN_SECONDS = 0.5  # a program may catch what interrupts it


class Stuck(BaseException):
    """Raised in the thread that runs a program: it yields nothing. No Exception, so that few programs catch it."""


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """Raise `Stuck` in this thread when so many seconds have passed; what ends before is left alone."""
    runs, is_over = threading.get_ident(), threading.Event()

    def watch() -> None:
        wait = min(seconds, threading.TIMEOUT_MAX)
        while not is_over.wait(wait):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(runs), ctypes.py_object(Stuck))
            wait = AGAIN_SECONDS

    beside = threading.Thread(target=watch, daemon=True)
    beside.start()
    try:
        yield
    finally:
        is_over.set()
        beside.join()
