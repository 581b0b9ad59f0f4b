"""A command of fencepost in a process of its own that has nothing left to load: a fork of this one.

Its streams, folder, signals and exit code are its own; what only a new interpreter shows, such as which modules a
command loads, is shown by tests that start one.
"""

from __future__ import annotations

import faulthandler
import os
import subprocess
import sys
import threading
import time
import warnings
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from tempfile import TemporaryFile
from typing import IO

import fencepost
from fencepost import command_line
from fencepost.__main__ import main

SECONDS_MOST = 300.0


def run(*arguments: str, cwd: Path | None = None, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run `fencepost` with these arguments, in this folder, `given` on its input; return its exit code and output."""
    _load()
    sys.stdout.flush()
    sys.stderr.flush()
    with TemporaryFile("w+") as stdin, TemporaryFile("w+") as stdout, TemporaryFile("w+") as stderr:
        stdin.write(given)
        stdin.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
            process = os.fork()
        if process == 0:
            _be_the_command(arguments, cwd, (stdin, stdout, stderr))
        code = _exit_code(process, arguments)
        for stream in (stdout, stderr):
            stream.seek(0)
        return subprocess.CompletedProcess(arguments, code, stdout.read(), stderr.read())


@cache
def _load() -> None:
    """Load what any command loads, once, in the process that is forked."""
    for name in fencepost.__all__:
        getattr(fencepost, name)
    for each in iter_modules(command_line.__path__):
        import_module(f"{command_line.__name__}.{each.name}")


def _be_the_command(arguments: tuple[str, ...], cwd: Path | None, streams: tuple[IO[str], ...]) -> None:
    code = 70
    try:
        faulthandler.disable()
        warnings.resetwarnings()
        sys.unraisablehook, threading.excepthook = sys.__unraisablehook__, threading.__excepthook__
        for number, stream in enumerate(streams):
            os.dup2(stream.fileno(), number)
        sys.stdin = open(0)  # noqa: SIM115  # as long as the process
        sys.stdout = open(1, "w")  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1)  # noqa: SIM115
        vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)
        sys.argv = ["fencepost", *arguments]
        os.chdir(cwd or os.getcwd())
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _exit_code(process: int, arguments: tuple[str, ...]) -> int:
    """Wait for a process; end it where it takes too long."""
    deadline = time.monotonic() + SECONDS_MOST
    pause_seconds = 0.001
    while (ended := os.waitpid(process, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(process, 9)
            os.waitpid(process, 0)
            raise TimeoutError(f"fencepost {' '.join(arguments)} ran for {SECONDS_MOST} s")
        time.sleep(pause_seconds)
        pause_seconds = min(2 * pause_seconds, 0.05)
    return os.waitstatus_to_exitcode(ended[1])
