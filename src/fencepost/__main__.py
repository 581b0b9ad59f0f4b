"""The command `fencepost`: exit codes, and what happens to errors, signals and readers that have left."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
import warnings
from typing import Any

from fencepost import signals

EXIT_NOT_WRITTEN = 2
COLLECTED_EACH = 50_000  # containers made since: looking for cycles every 700 took a fifth of what reads many files


def main() -> None:
    """Run the command line and exit: 0 holds, 1 violated, 2 bad input, 3 unknown, 70 a bug here, 130 interrupted."""
    gc.set_threshold(COLLECTED_EACH)
    with signals.handled():  # before anything that takes time to load
        sys.stdout, sys.stderr = _lasting(sys.stdout, sys.__stdout__), _lasting(sys.stderr, sys.__stderr__)
        try:
            code = _run()
            signals.hear()
        except KeyboardInterrupt:
            signals.hear()
            code = signals.interrupted(signal.SIGINT)
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        if received := signals.interrupted():
            os._exit(received)  # where an interrupt met code that C had called, Python would end itself by SIGINT
    sys.exit(code)


def _run() -> int:
    """Run the command; where a result could not be written, its code is none that passes."""
    import click

    from fencepost.model.writing import NotWritten

    missing: list[str] = []

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, NotWritten):
            missing.append(str(message))
            click.echo(f"fencepost: not written: {message}", err=True)
        else:
            shown(message, category, *where, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", NotWritten)
        shown, warnings.showwarning = warnings.showwarning, show
        code = _run_command()
    return EXIT_NOT_WRITTEN if missing and code == 0 else code


def _run_command() -> int:
    import click

    from fencepost.command_line import EXIT_BAD_INPUT, EXIT_BUG, EXIT_INTERRUPTED, cli
    from fencepost.model.errors import InputError, LoadError, shortened

    try:
        code = cli.main(prog_name="fencepost", standalone_mode=False)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        click.echo(shortened(shown.getvalue()), err=True, nl=False)
        code = EXIT_BAD_INPUT
    except InputError as error:
        if isinstance(error, LoadError):
            click.echo(error.traceback, err=True, nl=False)
        click.echo(f"fencepost: {shortened(str(error))}", err=True)
        code = EXIT_BAD_INPUT
    except click.Abort:
        code = EXIT_INTERRUPTED
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: only a user's code raises it, and its code is no verdict
        if os.environ.get("FENCEPOST_TRACEBACK"):
            raise
        if (told := _in_users_code(error)) is not None:
            click.echo(f"{told}fencepost: your file raises while it is used", err=True)
            return EXIT_BAD_INPUT
        click.echo(f"fencepost: a bug in fencepost: {type(error).__name__}: {error}", err=True)
        click.echo("fencepost: set FENCEPOST_TRACEBACK=1 for the traceback and report it with the command", err=True)
        code = EXIT_BUG
    return int(code or 0)


class _Lasting(io.FileIO):
    """A stream that goes on when its reader has left, into nothing: the exit code stays that of the verdict."""

    def write(self, data: object, /) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]  # any buffer, as FileIO has it
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            return super().write(data)  # type: ignore[arg-type]  # the same


def _lasting(stream: Any, own: Any) -> Any:
    """Return a stream of the process as one that lasts; as it is, where it is closed or not the process's own."""
    if stream is None or stream is not own:
        return stream
    made = io.BufferedWriter(_Lasting(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(made, stream.encoding, stream.errors, line_buffering=stream.line_buffering)


def _in_users_code(error: BaseException) -> str | None:
    """Return the traceback of an error that went through a file of the user's, without frames of fencepost."""
    from fencepost.model.own import raised_by_user, users_traceback

    return users_traceback(error) if raised_by_user(error) else None


if __name__ == "__main__":
    main()
