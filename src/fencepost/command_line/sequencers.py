"""fencepost sequencers: their names, with a sentence each."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import click

from fencepost.command_line import options
from fencepost.model.contract import LEVELS, Level

WIDTH = 80


@click.command("sequencers")
@options.one_level_option
@click.pass_context
def sequencers_command(context: click.Context, level: Level | None) -> None:
    """List the sequencers with a sentence each: the sound ones, then those that are kept to be refuted.

    \b
    fencepost sequencers --level 4
    """
    for line in listed(level):
        click.echo(line)


def _list(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        for line in listed(None):
            click.echo(line)
        context.exit()


list_option = click.option(
    "--list", is_flag=True, expose_value=False, is_eager=True, callback=_list, help="List the sequencers, and stop."
)
"""--list, which prints what `fencepost sequencers` prints."""


def listed(level: Level | None) -> Iterator[str]:
    """Yield the names with their sentences, at most 80 columns wide."""
    from fencepost.model.specs import REFUTED, sentence_of, sequencers

    levels = LEVELS if level is None else (level,)
    for number, each in enumerate(levels):
        yield from [""] if number else []
        yield f"level {each}"
        yield from _rows(sequencers(each))
        refuted = {one.name: f"breaks {', '.join(broken)}: {sentence_of(one)}" for one, broken in REFUTED.items()
                   if one.level == each}  # fmt: skip
        yield f"level {each}, kept to be refuted"
        yield from _rows(refuted)


def _rows(sentences: dict[str, str]) -> Iterator[str]:
    width = max(map(len, sentences)) + 2
    for name, sentence in sentences.items():
        first, *rest = textwrap.wrap(sentence, WIDTH - width - 2) or [""]
        yield f"  {name:<{width}}{first}"
        yield from (f"  {'':<{width}}{line}" for line in rest)
