"""A trial within its limits: whatever it does, an outcome comes of it, and only of it.

    in a child   a fork that may take so many seconds and so much memory; a crash, a hang or a kill ends the child alone
    in place     in a worker process that has nothing else to do: the same limits, without a fork of 10 ms. Only for
                 trials in pure Python, which raise rather than crash; should one end its worker all the same, the
                 backend tries it again in a child

Timed trials hold the lock of the machine meanwhile: of all runs on it, one such trial runs at a time.
"""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from fencepost.experiments.engines import Outcome, run_trial
from fencepost.experiments.trials import Trial
from fencepost.model.errors import FencepostError
from fencepost.model.processes import Ended, WorkFailed, isolated

Body = Callable[[Trial, str | None], Outcome]
MIB = 1 << 20
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
IN_PLACE = ("simulation",)
"""Engines of pure Python."""


class _TimeIsUp(BaseException):
    """Raised by the alarm of a trial in place; no `except Exception` on its way swallows it."""


def contained(
    trial: Trial,
    folder: str | None = None,
    *,
    body: Body = run_trial,
    in_place: bool = False,
    is_wanted: Callable[[], bool] | None = None,
) -> Outcome:
    """Run a trial within its limits and return its outcome; only an interrupt of this process is raised.

    `in_place` allows to run it in this process, whose main thread must do nothing else; in a child, `is_wanted` is
    asked meanwhile whether anybody still waits for the outcome.
    """
    began = time.perf_counter()
    within = partial(_within_memory, trial, folder, body)
    with machine_lock() if trial.is_timed else nullcontext():
        if in_place and trial.engine in IN_PLACE and threading.current_thread() is threading.main_thread():
            outcome = _in_place(trial, within)
        else:
            outcome = _in_child(trial, within, is_wanted)
    if outcome.status == "done":
        return outcome
    return Outcome(outcome.status, explanation=outcome.explanation, seconds=time.perf_counter() - began)


def _in_child(trial: Trial, work: Callable[[], Outcome], is_wanted: Callable[[], bool] | None) -> Outcome:
    """Run a trial in a fork of this process."""
    try:
        found = isolated(work, trial.timeout_s, is_wanted)
    except WorkFailed as failed:
        return Outcome("error", explanation=_last_line(str(failed)))
    except Exception as error:  # of fencepost or of the engine: it says what it is
        return _failed(error)
    if not isinstance(found, Ended):
        return found
    if found.is_endless:
        return Outcome("timeout", explanation=f"it took longer than {trial.timeout_s:g} s")
    is_signal = "SIG" in found.sentence or "signal" in found.sentence
    return Outcome("signal" if is_signal else "error", explanation=found.sentence)


def _in_place(trial: Trial, work: Callable[[], Outcome]) -> Outcome:
    """Run a trial in this process, its time limited by an alarm."""

    def ring(number: int, frame: Any) -> None:
        raise _TimeIsUp

    before = signal.signal(signal.SIGALRM, ring)
    limit = resource.getrlimit(resource.RLIMIT_AS)
    signal.setitimer(signal.ITIMER_REAL, trial.timeout_s)
    try:
        return work()
    except _TimeIsUp:
        return Outcome("timeout", explanation=f"it took longer than {trial.timeout_s:g} s")
    except Exception as error:
        return _failed(error)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, limit)
        signal.signal(signal.SIGALRM, before)


def _within_memory(trial: Trial, folder: str | None, body: Body) -> Outcome:
    """Run a trial's body with so much memory beside what this process has; what is refused more raises MemoryError."""
    has = int(Path("/proc/self/statm").read_text().split()[0]) * PAGE_BYTES
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (has + trial.memory_mib * MIB, hard))
    try:
        return body(trial, folder)
    except MemoryError:
        return Outcome("oom", explanation=f"it took more than {trial.memory_mib} MiB of memory")


def _failed(error: Exception) -> Outcome:
    said = str(error) if isinstance(error, FencepostError) else f"{type(error).__name__}: {error}"
    return Outcome("error", explanation=_last_line(said))


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.strip().splitlines()) if line.strip()), "it ended without a word")


@contextmanager
def machine_lock() -> Iterator[None]:
    """Hold the lock of this machine's timed trials; it is let go when this process ends, however it ends."""
    path = Path(tempfile.gettempdir()) / f"fencepost-timing-{os.getuid()}.lock"
    held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)
