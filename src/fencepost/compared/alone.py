"""Work in a process of its own: native code with a mistake in it may crash, or never come back.

The process is a fork, so whatever is loaded here is there, and needs no name by which it could be found again. What it
is trying it says before it does so (`trying`), and the kernel ends it if it does not come back.
"""

from __future__ import annotations

import mmap
import os
import pickle
import signal
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Any, Generic, TypeVar

T = TypeVar("T")

SECONDS_MOST = 20.0
"""For one example: it takes milliseconds, so that even on a busy machine what takes longer does not end."""
NOTE_BYTES = 1 << 20
_HEAD = Struct("<QQ")  # how many things were tried, and how many bytes the last of them takes


@dataclass(frozen=True)
class Ended:
    """How a process ended that did not come back, and what it was trying then, if it said so."""

    sentence: str
    is_endless: bool
    tried: Any = None
    tried_count: int = 0


class WorkFailed(Exception):
    """The traceback of an exception that was raised in another process."""


_note: mmap.mmap | None = None  # of a process that works for another one
_seconds_most = SECONDS_MOST


def trying(what: Any) -> None:
    """Say what is tried now; from here on it has so many seconds. Does nothing where nobody watches."""
    if _note is None:
        return
    made = pickle.dumps(what)
    count, _ = _HEAD.unpack_from(_note)
    size = len(made) if _HEAD.size + len(made) <= NOTE_BYTES else 0
    _note[_HEAD.size : _HEAD.size + size] = made[:size]
    _HEAD.pack_into(_note, 0, count + 1, size)
    signal.setitimer(signal.ITIMER_REAL, _seconds_most)


class Alone(Generic[T]):
    """A fork of this process that does some work. `seconds_most` is for what it tries, thing by thing."""

    def __init__(self, work: Callable[[], T], seconds_most: float = SECONDS_MOST) -> None:
        self._seconds_most = seconds_most
        self._noted = mmap.mmap(-1, NOTE_BYTES)
        self._reading, writing = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # other threads, if any, are not needed there
            self._process = os.fork()
        if self._process == 0:
            os.close(self._reading)
            self._do(work, writing)
        os.close(writing)
        self._is_over = False

    def _do(self, work: Callable[[], T], writing: int) -> None:
        """Do the work in the fork, write what comes of it, and end."""
        global _note, _seconds_most
        _note, _seconds_most = self._noted, self._seconds_most
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever is interrupted ends this process
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, self._seconds_most)
        try:
            made = pickle.dumps((work(), None, ""))
        except BaseException as error:
            made = _raised(error)
        signal.setitimer(signal.ITIMER_REAL, 0)
        while made:
            made = made[os.write(writing, made) :]
        os._exit(0)

    def result(self) -> T | Ended:
        """Wait for what comes of it. Raises what the work raised, or WorkFailed where that cannot be sent."""
        said = bytearray()
        while part := os.read(self._reading, 1 << 16):
            said += part
        _, status = os.waitpid(self._process, 0)
        self._is_over = True
        self.end()
        if os.WIFSIGNALED(status):
            number = signal.Signals(os.WTERMSIG(status))
            if number == signal.SIGALRM:
                return Ended(f"it did not come back within {self._seconds_most:g} s", True, *self._tried())
            return Ended(f"it crashed ({number.name})", False, *self._tried())
        if not said:
            return Ended(f"it ended the process with code {os.WEXITSTATUS(status)}", False, *self._tried())
        answer, error, told = pickle.loads(bytes(said))
        if error is not None:
            raise error from WorkFailed(told)
        if told:
            raise WorkFailed(told)
        made: T = answer
        return made

    def _tried(self) -> tuple[Any, int]:
        count, size = _HEAD.unpack_from(self._noted)
        return (pickle.loads(self._noted[_HEAD.size : _HEAD.size + size]) if size else None), count

    def end(self) -> None:
        """End the process, whatever it does."""
        if not self._is_over:
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
            self._is_over = True
        if self._reading >= 0:
            os.close(self._reading)
            self._reading = -1


def _raised(error: BaseException) -> bytes:
    told = traceback.format_exc()
    try:
        made = pickle.dumps((None, error, told))
        pickle.loads(made)
    except Exception:
        return pickle.dumps((None, None, told))
    return made


def alone(work: Callable[[], T], seconds_most: float = SECONDS_MOST) -> T | Ended:
    """Return what comes of work in a process of its own, or how that ended instead."""
    process = Alone(work, seconds_most)
    try:
        return process.result()
    finally:
        process.end()
