"""fencepost new: a commented file to begin with."""

from pathlib import Path

import click


@click.command("new")
@click.argument("kind")
@click.argument("name")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="The folder to write to; here."
)
def new_command(kind: str, name: str, out: Path) -> None:
    """Write one commented file of a KIND (protocol, program, sequencer, cpp), called NAME, that runs at once.

    It is right as it is, and names the line to delete to see a counterexample. A sequencer of your own is written in
    Python, or, as cpp, in C++.

    \b
    fencepost new program mailbox
    """
    from fencepost.templates import commands_of, marked_line_number, new

    path = new(kind, name, out)
    click.echo(f"{path} is written; run it:")
    for command in commands_of(path):
        click.echo(f"    {command}")
    click.echo(f"and delete line {marked_line_number(path)} to see a counterexample")
