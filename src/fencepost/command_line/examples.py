"""fencepost examples: copies of what ships."""

from pathlib import Path

import click


@click.command("examples")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def examples_command(folder: Path) -> None:
    """Copy the examples into DIR: scripts in reading order, each with the output that it prints.

    DIR/own has designs to learn from, DIR/scenarios what `fencepost simulate` takes, DIR/data recorded histories and
    traces. A file that is there already is not replaced.

    \b
    fencepost examples fencepost-examples
    python fencepost-examples/01_check_a_recording.py
    """
    from fencepost.shipped import copy_examples

    copied = copy_examples(folder)
    click.echo(f"{len(copied)} files are in {folder}; begin with:")
    click.echo(f"    python {next(path for path in copied if path.suffix == '.py')}")
