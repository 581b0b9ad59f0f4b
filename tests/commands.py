"""A command of fencepost in a process of its own that has nothing left to load: a fork of one that has loaded all.

That one, the nursery, is begun by the first command, runs nothing itself and has one thread: a fork of a test's process
would wait for ever for locks that threads of polars or of a cluster held when it was made. A command's streams,
folder, environment, signals and exit code are its own; what only a new interpreter shows, such as which modules a
command loads, is shown by tests that start one.
"""

from __future__ import annotations

import faulthandler
import json
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
from tempfile import TemporaryDirectory

import fencepost
from fencepost import command_line
from fencepost.__main__ import main

SECONDS_MOST = 300.0
STREAMS = ("stdin", "stdout", "stderr")


def run(*arguments: str, cwd: Path | None = None, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run `fencepost` with these arguments, in this folder, `given` on its input; return its exit code and output."""
    nursery = _nursery()
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    with TemporaryDirectory() as folder:
        streams = {name: Path(folder) / name for name in STREAMS}
        for path in streams.values():
            path.touch()
        streams["stdin"].write_text(given)
        asked = {
            "arguments": arguments,
            "cwd": str(cwd or Path.cwd()),
            "folder": folder,
            "environment": dict(os.environ),
        }
        nursery.stdin.write(json.dumps(asked) + "\n")
        nursery.stdin.flush()
        code = int(nursery.stdout.readline())
        if code == TOO_LONG:
            raise TimeoutError(f"fencepost {' '.join(arguments)} ran for {SECONDS_MOST} s")
        return subprocess.CompletedProcess(
            arguments, code, streams["stdout"].read_text(), streams["stderr"].read_text()
        )


TOO_LONG = 1_000  # none of a process: those are below 256, or minus a signal


@cache
def _nursery() -> subprocess.Popen[str]:
    """Begin the process that commands are forks of; it ends when its input does, which is with this process."""
    return subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _serve() -> None:
    for name in fencepost.__all__:
        getattr(fencepost, name)
    for each in iter_modules(command_line.__path__):
        import_module(f"{command_line.__name__}.{each.name}")
    for line in sys.stdin:
        asked = json.loads(line)
        process = os.fork()
        if process == 0:
            _be_the_command(asked)
        print(_exit_code(process), flush=True)


def _be_the_command(asked: dict[str, object]) -> None:
    code = 70
    try:
        os.chdir(str(asked["cwd"]))
        for number, (name, mode) in enumerate(zip(STREAMS, (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)):
            os.dup2(os.open(f"{asked['folder']}/{name}", mode | os.O_APPEND), number)
        sys.stdin = open(0)  # noqa: SIM115  # as long as the process
        sys.stdout = open(1, "w")  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1)  # noqa: SIM115
        vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)
        os.environ.clear()
        os.environ.update(asked["environment"])  # type: ignore[call-overload]  # text to text, as JSON has it
        sys.argv = ["fencepost", *asked["arguments"]]  # type: ignore[misc]  # a list of text
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _exit_code(process: int) -> int:
    """Wait for a process; end it where it takes too long."""
    deadline = time.monotonic() + SECONDS_MOST
    pause_seconds = 0.001
    while (ended := os.waitpid(process, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(process, 9)
            os.waitpid(process, 0)
            return TOO_LONG
        time.sleep(pause_seconds)
        pause_seconds = min(2 * pause_seconds, 0.05)
    return os.waitstatus_to_exitcode(ended[1])


if __name__ == "__main__":
    assert threading.active_count() == 1
    faulthandler.disable()
    warnings.resetwarnings()
    _serve()
