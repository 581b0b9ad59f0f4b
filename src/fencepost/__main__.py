"""The command `fencepost`: exit codes, and what happens to errors."""

import os
import sys

import click

from fencepost.command_line import EXIT_BAD_INPUT, EXIT_BUG, EXIT_INTERRUPTED, cli
from fencepost.model.errors import InputError, LoadError


def main() -> None:
    """Run the command line and exit: 0 holds, 1 violated, 2 bad input, 3 unknown, 70 a bug here, 130 interrupted."""
    try:
        code = cli.main(prog_name="fencepost", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = EXIT_BAD_INPUT
    except InputError as error:
        if isinstance(error, LoadError):
            click.echo(error.traceback, err=True, nl=False)
        click.echo(f"fencepost: {error}", err=True)
        code = EXIT_BAD_INPUT
    except (click.Abort, KeyboardInterrupt):
        click.echo("fencepost: interrupted", err=True)
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read us has left
        code = EXIT_INTERRUPTED
    except Exception as error:
        if os.environ.get("FENCEPOST_TRACEBACK"):
            raise
        if (told := _in_users_code(error)) is not None:
            click.echo(f"{told}fencepost: your file raises while it is used", err=True)
            sys.exit(EXIT_BAD_INPUT)
        click.echo(f"fencepost: a bug in fencepost: {type(error).__name__}: {error}", err=True)
        click.echo("fencepost: set FENCEPOST_TRACEBACK=1 for the traceback and report it with the command", err=True)
        code = EXIT_BUG
    sys.exit(code)


def _in_users_code(error: Exception) -> str | None:
    """Return the traceback of an error that went through a file of the user's, without frames of fencepost."""
    from fencepost.model.own import raised_by_user, users_traceback

    return users_traceback(error) if raised_by_user(error) else None


if __name__ == "__main__":
    main()
