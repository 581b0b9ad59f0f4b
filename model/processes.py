"""Work in processes of their own: forks of this one, that end when it ends, however it ends.

Every verb with `--jobs` shares its work among such processes, and whatever may crash or never return is tried in one.
A fork has all that is loaded here, so that work needs no name by which another process could import it.

    ending     the first worker is preceded by a guard: a process that holds the reading end of a pipe, leads the group
               of all workers, and kills that group when the pipe is closed. Only this process has the writing end, so
               the kernel closes it, also after SIGKILL. Compilers and other programs that workers start are of the
               same group, and a worker that has workers is their coordinator with a guard of its own
    signals    a worker ignores SIGINT, and dies of SIGTERM without unwinding anything of its coordinator
    results    are pickled into an anonymous pipe, and what is tried into anonymous memory, both between a process and
               its own fork; nothing that is read from a file is ever unpickled
    elsewhere  while a cluster is connected (`fencepost.cluster`), works run on its machines instead, each in a fork of
               a worker there, which is to this mechanism one more coordinator
"""

from __future__ import annotations

import mmap
import os
import pickle
import select
import selectors
import signal
import threading
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from struct import Struct
from typing import Any, Generic, Protocol, TypeVar

from fencepost.model.writing import NotWritten

T = TypeVar("T")

WANTED_EVERY_SECONDS = 0.5
"""How often it is asked whether the result of a process is still wanted."""
SECONDS_MOST = 20.0
"""For one trial: it takes milliseconds, so that even on a busy machine what takes longer does not end."""
NOTE_BYTES = 1 << 20
_HEAD = Struct("<QQ")  # how many things were tried, and how many bytes the last of them takes
_ENDING = (signal.SIGINT, signal.SIGTERM)
_OF_FAULTS = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP, signal.SIGSYS}
)
"""Signals that a process brings on itself; any other that ends it was sent from outside."""


@dataclass(frozen=True)
class Ended:
    """How a process ended that did not return, and what it was trying then, if it had noted that.

    is_endless   it was ended because it took too long
    is_killed    it was ended from outside, as by the kernel when memory runs out: that says nothing about its work
    """

    sentence: str
    is_endless: bool
    tried: Any = None
    tried_count: int = 0
    is_killed: bool = False


class WorkFailed(Exception):
    """The traceback of an exception that was raised in another process."""


class Elsewhere(Protocol):
    """Other machines on which works run: a cluster."""

    def as_they_end(
        self, works: Iterable[Callable[[], Any]], seconds_most: float | None
    ) -> Generator[tuple[int, Any], None, None]:
        """Yield the number of each work and what comes of it, or how its process ended, as they end."""
        ...


_elsewhere: Elsewhere | None = None
_forking = threading.Lock()  # a fork of another thread must not hold the pipe of this one's worker open
_note: mmap.mmap | None = None  # of a process that works for another one
_seconds_most: float | None = SECONDS_MOST
_result_end: int | None = None  # where such a process writes its result


def is_worker() -> bool:
    """Say whether this process works for another one, which alone gets the signals of the user."""
    return _note is not None


def trying(what: Any) -> None:
    """Note what is tried now; from here on it has so many seconds. Does nothing in a process that is no worker."""
    if _note is not None:
        noted(what)
        signal.setitimer(signal.ITIMER_REAL, _seconds_most or 0)


def noted(what: Any) -> None:
    """Note what is tried now, which may take all the time that the process has left."""
    if _note is None:
        return
    made = pickle.dumps(what)
    count, _ = _HEAD.unpack_from(_note)
    size = len(made) if _HEAD.size + len(made) <= NOTE_BYTES else 0
    _note[_HEAD.size : _HEAD.size + size] = made[:size]
    _HEAD.pack_into(_note, 0, count + 1, size)


class _Guard:
    """The process that ends the workers of this one; its number is that of their group."""

    def __init__(self) -> None:
        reading, self.held = os.pipe()
        self.group = _fork()
        if self.group == 0:
            self._wait(reading)
        os.close(reading)
        with suppress(OSError):  # it may have done so itself
            os.setpgid(self.group, self.group)

    def _wait(self, reading: int) -> None:
        """Wait until the coordinator is no more; then end its workers and this process with them."""
        try:
            os.setpgid(0, 0)
            for number in (*_ENDING, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            os.dup2(reading, 0)
            os.dup2(os.open(os.devnull, os.O_RDWR), 1)
            os.dup2(1, 2)
            os.closerange(3, 1 << 16)  # a pipe that is held open here would have no end for its reader
            os.read(0, 1)
            os.killpg(0, signal.SIGKILL)
        finally:
            os._exit(0)


_guard: _Guard | None = None


def _forget_coordinator() -> None:
    """In a new process: close what only the one that it comes from may hold open."""
    global _guard, _note, _result_end, _elsewhere, _forking
    for end in (_guard.held if _guard else None, _result_end):
        if end is not None:
            with suppress(OSError):
                os.close(end)
    _guard = _note = _result_end = _elsewhere = None
    _forking = threading.Lock()


os.register_at_fork(after_in_child=_forget_coordinator)


def _fork() -> int:
    """Fork; no handler of this process ever runs in the new one, however early a signal reaches it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # other threads, if any, are not needed there
            process = os.fork()
        if process == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
        return process
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Worker(Generic[T]):
    """A fork of this process that does some work. `seconds_most` is for each thing that it tries (None: any time)."""

    def __init__(self, work: Callable[[], T], seconds_most: float | None = SECONDS_MOST) -> None:
        global _guard
        self._seconds_most = seconds_most
        self._noted = mmap.mmap(-1, NOTE_BYTES)
        self._said = bytearray()
        with _forking:
            _guard = _guard or _Guard()
            self.reading, writing = os.pipe()
            coordinator, group = os.getpid(), _guard.group
            self._process = _fork()
            if self._process == 0:
                self._do(work, writing, coordinator, group)
            os.close(writing)
        with suppress(OSError):
            os.setpgid(self._process, group)
        self._is_over = False

    def _do(self, work: Callable[[], T], writing: int, coordinator: int, group: int) -> None:
        """Do the work in the fork, write what comes of it, and end; nothing of the coordinator's stack is unwound."""
        global _note, _seconds_most, _result_end
        try:
            os.setpgid(0, group)
            if os.getppid() != coordinator:  # it ended before this process was in the group
                os._exit(1)
            os.close(self.reading)
            _note, _seconds_most, _result_end = self._noted, self._seconds_most, writing
            signal.setitimer(signal.ITIMER_REAL, self._seconds_most or 0)
            with _unwritten() as unwritten:
                try:
                    made = pickle.dumps((work(), None, "", unwritten))
                except BaseException as error:
                    made = _raised(error, unwritten)
            signal.setitimer(signal.ITIMER_REAL, 0)
            while made:
                made = made[os.write(writing, made) :]
            os._exit(0)
        finally:
            os._exit(1)

    def receive(self) -> bool:
        """Read the next part of the result, waiting for it; return whether there may be more."""
        part = os.read(self.reading, 1 << 16)
        self._said += part
        return bool(part)

    def result(self, is_wanted: Callable[[], bool] | None = None) -> T | Ended:
        """Wait for what comes of the work. Raises what that raised, or WorkFailed where that cannot be sent.

        With `is_wanted` the process is ended as soon as that says that nobody waits for its result any more.
        """
        while is_wanted is not None and not select.select([self.reading], [], [], WANTED_EVERY_SECONDS)[0]:
            if not is_wanted():
                self.end()
                return Ended("nobody waits for its result any more", False, is_killed=True)
        while self.receive():
            pass
        _, status = os.waitpid(self._process, 0)
        self._is_over = True
        self.end()
        if os.WIFSIGNALED(status):
            return self._ended_by(os.WTERMSIG(status))
        if not self._said:
            return Ended(f"it ended the process with code {os.WEXITSTATUS(status)}", False, *self._tried())
        answer, error, told, unwritten = pickle.loads(bytes(self._said))  # of this process's own fork
        for message in unwritten:
            warnings.warn(NotWritten(message), stacklevel=2)
        if error is not None:
            raise error from WorkFailed(told)
        if told:
            raise WorkFailed(told)
        made: T = answer
        return made

    def _ended_by(self, number: int) -> Ended:
        if number == signal.SIGALRM:
            return Ended(f"it did not come back within {self._seconds_most:g} s", True, *self._tried())
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        if number in _OF_FAULTS:
            return Ended(f"it crashed ({name})", False, *self._tried())
        why = ", as the kernel does when memory runs out" if number == signal.SIGKILL else ""
        return Ended(f"it was killed from outside ({name}{why})", False, *self._tried(), is_killed=True)

    def _tried(self) -> tuple[Any, int]:
        count, size = _HEAD.unpack_from(self._noted)
        noted = self._noted[_HEAD.size : _HEAD.size + size]
        return (pickle.loads(noted) if size else None), count  # noted by this process's own fork

    def end(self) -> None:
        """End the process, whatever it does."""
        if not self._is_over:
            self._is_over = True
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
        if self.reading >= 0:
            os.close(self.reading)
            self.reading = -1


def _raised(error: BaseException, unwritten: list[str]) -> bytes:
    told = traceback.format_exc()
    try:
        made = pickle.dumps((None, error, told, unwritten))
        pickle.loads(made)
    except Exception:
        return pickle.dumps((None, None, told, unwritten))
    return made


@contextmanager
def _unwritten() -> Iterator[list[str]]:
    """Collect what is warned of files that could not be written: the coordinator warns of it, whose exit code it is."""
    messages: list[str] = []

    def collect(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, NotWritten):
            messages.append(str(message))
        else:
            shown(message, category, *where, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", NotWritten)
        shown, warnings.showwarning = warnings.showwarning, collect
        yield messages


def isolated(
    work: Callable[[], T], seconds_most: float | None = SECONDS_MOST, is_wanted: Callable[[], bool] | None = None
) -> T | Ended:
    """Return what comes of work in a process of its own, or how that ended instead."""
    worker = Worker(work, seconds_most)
    try:
        return worker.result(is_wanted)
    finally:
        worker.end()


@contextmanager
def run_elsewhere(place: Elsewhere | None) -> Iterator[None]:
    """Have the works of `in_order` and `as_they_end` run there, or with None on this machine, for as long as it lasts.

    A work, what it comes to and what it raises must then be picklable. Works of `isolated` stay on this machine.
    """
    global _elsewhere
    before, _elsewhere = _elsewhere, place
    try:
        yield
    finally:
        _elsewhere = before


def is_elsewhere() -> bool:
    """Say whether works run on other machines now."""
    return _elsewhere is not None


def _sorted(ended: Generator[tuple[int, T | Ended], None, None]) -> Generator[T | Ended, None, None]:
    """Yield results in the order of their numbers."""
    kept: dict[int, T | Ended] = {}
    due = 0
    with closing(ended):
        for number, found in ended:
            kept[number] = found
            while due in kept:
                yield kept.pop(due)
                due += 1


def in_order(
    works: Iterable[Callable[[], T]], jobs: int, seconds_most: float | None = None
) -> Generator[T | Ended, None, None]:
    """Yield what comes of each work in a process of its own, in their order; at most `jobs` are begun and not given."""
    if _elsewhere is not None:
        yield from _sorted(_elsewhere.as_they_end(works, seconds_most))
        return
    at_work: deque[Worker[T]] = deque()
    waiting = iter(works)
    try:
        while True:
            while len(at_work) < jobs and (work := next(waiting, None)) is not None:
                at_work.append(Worker(work, seconds_most))
            if not at_work:
                return
            yield at_work[0].result()
            at_work.popleft()
    finally:
        for each in at_work:
            each.end()


def as_they_end(
    works: Iterable[Callable[[], T]], jobs: int, seconds_most: float | None = None
) -> Generator[tuple[int, T | Ended], None, None]:
    """Yield the number of each work and what comes of it in a process of its own, as they end, `jobs` at a time."""
    if _elsewhere is not None:
        yield from _elsewhere.as_they_end(works, seconds_most)
        return
    numbered = enumerate(works)
    at_work: dict[int, tuple[int, Worker[T]]] = {}  # by what is read from
    with selectors.DefaultSelector() as readable:
        try:
            while True:
                while len(at_work) < jobs and (following := next(numbered, None)) is not None:
                    worker = Worker(following[1], seconds_most)
                    at_work[worker.reading] = following[0], worker
                    readable.register(worker.reading, selectors.EVENT_READ)
                if not at_work:
                    return
                for key, _ in readable.select():
                    number, worker = at_work[key.fd]
                    if not worker.receive():
                        readable.unregister(key.fd)
                        del at_work[key.fd]
                        yield number, worker.result()
        finally:
            for _, worker in at_work.values():
                worker.end()
